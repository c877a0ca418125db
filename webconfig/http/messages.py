"""Requests and answers, as handlers see them. What a name means is as in RFC 9110; header names in any case."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from webconfig.http.paths import decoded

if TYPE_CHECKING:
    import asyncio

    from webconfig.http.speaker import Speaker

MOST_QUERY_FIELDS = 200
COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
COMPRESSION = 6


class BadRequest(Exception):
    """It is no request that can be answered; the text says why."""


class Headers(Mapping[str, str]):
    """Header fields by name in any case; several of one name are joined by commas (RFC 9110, 5.3), cookies by
    semicolons."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str] = {}
        for raw_name, raw_value in fields:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            if name in self._values:
                value = f"{self._values[name]}{'; ' if name == 'cookie' else ', '}{value}"
            self._values[name] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Request:
    """One request. `path` is decoded, `raw_path` as it came, with its query; `remote` is the address it comes from.

    Raises BadRequest for a target that is no path of this station, or a query that cannot be read.
    """

    def __init__(self, speaker: Speaker, method: bytes, target: bytes, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self.speaker = speaker
        self.method = method.decode("ascii")
        self.raw_path = target.decode("latin-1")
        if not self.raw_path.startswith("/") or not self.raw_path.isascii():
            raise BadRequest("the target is no path")
        raw_path, _, self.query_string = self.raw_path.partition("?")
        self.path = decoded(raw_path)
        self.headers = Headers(fields)
        self.match_info: dict[str, str] = {}
        self.cookies = _cookies(self.headers.get("Cookie", ""))
        try:
            pairs = parse_qsl(
                self.query_string, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS, errors="strict"
            )
        except ValueError as error:
            raise BadRequest(f"the query cannot be read: {error}") from None
        self.query: dict[str, str] = {}
        for name, value in pairs:
            self.query.setdefault(name, value)

    @property
    def secure(self) -> bool:
        return self.speaker.is_secure

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def host(self) -> str:
        """The Host header."""
        return self.headers.get("Host", "")

    @property
    def path_qs(self) -> str:
        return self.raw_path

    @property
    def remote(self) -> str:
        return self.speaker.address

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.speaker.transport

    @property
    def content_type(self) -> str:
        """Without its parameters; as RFC 9110, 8.3 says, where there is none."""
        return self.headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdecimal() else None

    def body(self) -> AsyncIterator[bytes]:
        """Its body, in pieces as they come. Raises ConnectionError when the other end goes away."""
        return self.speaker.body()


class StreamResponse:
    """An answer that is written while it is made: `prepare`, then `write` as often as wished, then `write_eof`."""

    def __init__(self, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.cookies: list[str] = []
        self.is_ended = False
        self._speaker: Speaker | None = None

    @property
    def prepared(self) -> bool:
        """Its head was sent."""
        return self._speaker is not None

    async def prepare(self, request: Request) -> None:
        self._speaker = request.speaker
        await self._speaker.send_head(self.status, self.fields())

    async def write(self, content: bytes) -> None:
        """Waits until the other end takes it. Raises ConnectionError when it is gone."""
        assert self._speaker is not None
        if content:
            await self._speaker.send_body(content)

    async def write_eof(self) -> None:
        assert self._speaker is not None
        if not self.is_ended:
            self.is_ended = True
            await self._speaker.send_end()

    def fields(self) -> list[tuple[str, str]]:
        """All header fields."""
        return [*self.headers.items(), *(("Set-Cookie", cookie) for cookie in self.cookies)]

    def set_cookie(self, name: str, value: str, *, secure: bool, max_age: int | None = None) -> None:
        """A cookie of this host, unseen by scripts, sent to this site only. Raises ValueError for what is no value."""
        if not COOKIE_VALUE.fullmatch(value):
            raise ValueError(f"cookie {name}: its value has characters that none may have")
        age = f"; Max-Age={max_age}" if max_age is not None else ""
        self.cookies.append(f"{name}={value}{age}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}")

    def del_cookie(self, name: str, *, secure: bool) -> None:
        self.set_cookie(name, "", secure=secure, max_age=0)


class Response(StreamResponse):
    """An answer that is whole."""

    def __init__(
        self,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        text: str | None = None,
        content_type: str = "",
    ) -> None:
        super().__init__(status=status, headers=headers)
        self.body = body if text is None else text.encode()
        if content_type:
            is_text = content_type.startswith("text/")
            self.headers["Content-Type"] = f"{content_type}; charset=utf-8" if is_text else content_type
        self._compresses = False

    def enable_compression(self) -> None:
        """gzip, for who takes it."""
        self._compresses = True

    async def send(self, request: Request) -> None:
        """All of it."""
        body = self.body
        if self._compresses and "gzip" in request.headers.get("Accept-Encoding", "").lower():
            packer = zlib.compressobj(COMPRESSION, zlib.DEFLATED, zlib.MAX_WBITS | 16)
            body = packer.compress(body) + packer.flush()
            self.headers["Content-Encoding"] = "gzip"
        if self._compresses:
            self.headers["Vary"] = "Accept-Encoding"
        has_body = self.status >= 200 and self.status not in (204, 304)
        if has_body:
            self.headers["Content-Length"] = str(len(body))
        self._speaker, self.is_ended = request.speaker, True
        is_sent = has_body and request.method != "HEAD"
        await request.speaker.send_whole(self.status, self.fields(), body if is_sent else b"")


def _cookies(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in header.split(";")[:100]:
        name, separator, value = part.strip().partition("=")
        if separator:
            found.setdefault(name, value.strip('"'))
    return found
