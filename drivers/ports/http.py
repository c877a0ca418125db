"""Devices with a web interface: one request at a time, bounded answers, no redirects.

aiohttp is loaded only when such a port is opened.
"""

from __future__ import annotations

import asyncio
import json as json_codec
import logging
from collections.abc import Hashable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from drivers.errors import BadFrame, NoAnswer
from drivers.ports.priority import Priority
from drivers.ports.statistics import Devices, Frames, Statistics, Tally
from drivers.ports.turns import Full, Turns

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

MOST_BODY = 1_000_000
"""Bytes of an answer; more is refused."""
_CHUNK = 65_536


class HttpAnswer(msgspec.Struct, frozen=True):
    """What came back, whatever its `status` (redirects are not followed)."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises BadFrame."""
        try:
            return json_codec.loads(self.body)
        except ValueError as error:
            raise BadFrame(f"the answer (status {self.status}) is not JSON: {error}") from None


class HttpPort:
    """The web interface at `host`:`port`. `timeout_s` holds for a whole request."""

    kind = "http"

    def __init__(self, name: str, host: str, port: int, timeout_s: float = 0.2) -> None:
        self.name = name
        self.where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.timeout_s = timeout_s
        self.statistics = Statistics()
        self.devices = Devices()
        self.frames = Frames()
        self.error = "not opened yet"
        self._turns = Turns()
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last request reached something; true before the first."""
        return self._session is not None and not self.error

    async def open(self) -> None:
        """Be ready to ask. Nothing is connected yet."""
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=15.0)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False)
            self.error = ""

    async def close(self) -> None:
        """End the connection; a request under way fails."""
        session, self._session = self._session, None
        self.error = "closed"
        if session is not None:
            await session.close()

    async def __aenter__(self) -> HttpPort:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        device: Hashable = None,
        priority: Priority = Priority.POLL,
        is_private: bool = False,
    ) -> HttpAnswer:
        """Ask once; the answer with any status. `json`: the request's body. `device` is for the statistics.

        `is_private`: the answer may name a person, and is shown to nobody.

        Raises NoAnswer, BadFrame for what is not HTTP or longer than a megabyte.
        """
        what = f"{method} {path}"
        try:
            async with self._turns.take(priority):
                return await self._request(what, method, path, params, json, headers, timeout_s, device, is_private)
        except Full as full:
            raise NoAnswer(self._text(what, str(full))) from None

    async def _request(
        self,
        what: str,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: object,
        headers: Mapping[str, str] | None,
        timeout_s: float | None,
        device: Hashable,
        is_private: bool,
    ) -> HttpAnswer:
        session = self._session
        if session is None:
            raise NoAnswer(self._text(what, f"the port is not open: {self.error}"))
        import aiohttp

        loop = asyncio.get_running_loop()
        tally = Tally(self.statistics, self.devices.of(self.where if device is None else device))
        asked_s = loop.time()
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        self.frames.sent(asked_s, what)
        try:
            async with asyncio.timeout(timeout_s):
                async with session.request(
                    method,
                    f"http://{self.where}{path}",
                    params=params,
                    json=json,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response:
                    body = await _bounded(response)
                    answer = HttpAnswer(response.status, body)
        except asyncio.CancelledError:
            tally.left()
            raise
        except TimeoutError:
            raise self._failed(tally, NoAnswer(self._text(what, f"no answer within {timeout_s:g} s"))) from None
        except _TooLong as error:
            raise self._failed(tally, BadFrame(self._text(what, str(error)))) from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            raise self._failed(tally, BadFrame(self._text(what, f"is no HTTP: {_first_line(error)}"))) from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            self._unreachable(_first_line(error))
            raise self._failed(tally, NoAnswer(self._text(what, _first_line(error)))) from None
        shown = f"({len(body)} bytes, not shown)" if is_private else body[:64].decode("utf-8", "replace")
        self.frames.received(loop.time(), f"{answer.status} {shown}")
        if self.error:
            log.info("port '%s' (%s): answers again", self.name, self.where)
            self.error = ""
        tally.answered(asked_s, loop.time())
        return answer

    def _unreachable(self, why: str) -> None:
        if self._session is not None and self.error != why:
            if not self.error:
                self.statistics.lost += 1
                log.warning("port '%s' (%s): cannot be reached: %s", self.name, self.where, why)
            self.error = why

    @staticmethod
    def _failed(tally: Tally, error: NoAnswer | BadFrame) -> NoAnswer | BadFrame:
        if isinstance(error, BadFrame):
            tally.count("garbage")
        tally.failed(error)
        return error

    def _text(self, what: str, why: str) -> str:
        return f"port '{self.name}' ({self.where}), {what}: {why}"


class _TooLong(Exception):
    pass


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while chunk := await response.content.read(_CHUNK):
        body += chunk
        if len(body) > MOST_BODY:
            response.close()
            raise _TooLong(f"the answer is longer than {MOST_BODY} bytes")
    return bytes(body)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
