"""The connection test: the way to the central system step by step, each with its time and what was found.

Address -> DNS -> TCP -> TLS -> WebSocket upgrade -> authorisation -> BootNotification (only when asked for). It uses
connections of its own beside the station's link and ends by itself within LONGEST_S. What fails ends it; what follows
is skipped. Source: webconfig.md 9.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, ProxyError, WebSocketException

from chargepoint.clock import Clock
from chargepoint.messages import LinkTestStep
from ocpp_client.connection_words import (
    FAILED,
    OK,
    SKIPPED,
    WARNING,
    Found,
    look_at_address,
    of_chain,
    of_status,
    of_tcp,
    of_tls,
)
from ocpp_client.frames import Payload
from ocpp_client.late import Late
from ocpp_client.resolving import CannotResolve, Resolver
from ocpp_client.tls import LEVEL, SUITES, UntrustedPeer, chain_of, event_of, lifetime_fault
from ocpp_client.transport import SUBPROTOCOL, Way, close_link, dial

if TYPE_CHECKING:
    from cryptography import x509
else:
    x509 = Late("cryptography.x509")

STEPS = ("address", "dns", "tcp", "tls", "upgrade", "authorisation", "boot")
LIMITS_S = {"address": 1.0, "dns": 10.0, "tcp": 15.0, "tls": 15.0, "upgrade": 20.0, "authorisation": 5.0, "boot": 20.0}
LONGEST_S = sum(LIMITS_S.values())
EACH_ADDRESS_S = 5.0
HOLDS_S = 2.0
"""A central system that does not like this station closes within this."""
MOST_ADDRESSES = 4
MOST_HEAD_BYTES = 8192
NUMBER = "connection-test"

Tell = Callable[[tuple[LinkTestStep, ...]], None]


@dataclass(frozen=True)
class Target:
    """What is tried. `boot`: the BootNotification to send, None: none. `has_link`: the station is linked there now, and
    a second connection would disturb it: the test ends behind TLS."""

    way: Way
    identity: str
    boot: Payload | None = None
    has_link: bool = False


class ConnectionTest:
    """One test. `tell` hears the steps as they change."""

    def __init__(self, target: Target, clock: Clock, tell: Tell, resolver: Resolver | None = None) -> None:
        self._target = target
        self._way = target.way
        self._clock = clock
        self._tell = tell
        self._resolver = resolver or Resolver()
        self.steps = {name: LinkTestStep(name) for name in STEPS}
        self._addresses: list[str] = []
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._connection: ClientConnection | None = None
        self._refused: int = 0
        """The HTTP status that asked for other credentials."""

    @property
    def verdict(self) -> str:
        """The worst of all steps."""
        found = {step.status for step in self.steps.values()}
        return FAILED if FAILED in found else WARNING if WARNING in found else OK

    async def run(self) -> None:
        """All steps. Raises nothing of the network."""
        parts: dict[str, Callable[[], Awaitable[Found]]] = {
            "address": self._address, "dns": self._dns, "tcp": self._tcp, "tls": self._tls,
            "upgrade": self._upgrade, "authorisation": self._authorisation, "boot": self._boot,
        }  # fmt: skip
        try:
            has_failed = False
            for name in STEPS:
                if has_failed:
                    self._set(name, Found(SKIPPED, "after_failure"), None)
                else:
                    has_failed = (await self._one(name, parts[name])).status == FAILED
        finally:
            await self._close()

    async def _one(self, name: str, part: Callable[[], Awaitable[Found]]) -> Found:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        self._set(name, Found("running", ""), None)
        try:
            async with asyncio.timeout(LIMITS_S[name]):
                found = await part()
        except TimeoutError:
            found = Found(FAILED, f"{name}_timeout", {"s": f"{LIMITS_S[name]:.0f}", **self._where()})
        self._set(name, found, loop.time() - begun_s)
        return found

    def _set(self, name: str, found: Found, duration_s: float | None) -> None:
        values = {key: str(value)[:300] for key, value in found.values.items()}
        self.steps[name] = LinkTestStep(name, found.status, found.code, values, found.detail[:300], duration_s)
        self._tell(tuple(self.steps.values()))

    # ------------------------------------------------------------------------------------------------ the steps

    def _where(self) -> dict[str, str]:
        """Host and port that are dialled: the proxy's where there is one."""
        target = urlsplit(self._way.proxy or self._way.url)
        port = target.port or (443 if target.scheme == "wss" else 80)
        return {"host": target.hostname or "", "port": str(port)}

    @property
    def _host(self) -> str:
        return urlsplit(self._way.url).hostname or ""

    async def _address(self) -> Found:
        return look_at_address(self._way.url, self._way.proxy, self._target.identity)

    async def _dns(self) -> Found:
        where = self._where()
        try:
            self._addresses = (await self._resolver.look_up(where["host"], int(where["port"])))[:MOST_ADDRESSES]
        except CannotResolve:
            return Found(FAILED, "dns_failed", where)
        if self._addresses == [where["host"]]:
            return Found(OK, "dns_literal", where)
        return Found(OK, "dns_ok", {**where, "addresses": ", ".join(self._addresses)})

    async def _tcp(self) -> Found:
        where, error = self._where(), None
        for address in self._addresses:
            values = {**where, "address": address}
            try:
                async with asyncio.timeout(EACH_ADDRESS_S):
                    self._stream = await asyncio.open_connection(address, int(where["port"]), limit=MOST_HEAD_BYTES)
            except OSError as failure:  # TimeoutError is one
                error = of_tcp(failure, values)
                continue
            return await self._through_proxy(values) if self._way.proxy else Found(OK, "tcp_ok", values)
        return error or Found(FAILED, "dns_failed", where)

    async def _through_proxy(self, values: dict[str, str]) -> Found:
        assert self._stream is not None
        reader, writer = self._stream
        target = urlsplit(self._way.url)
        port = target.port or (443 if target.scheme == "wss" else 80)
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            return Found(FAILED, "proxy_failed", values, str(error)[:200])
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        status = line.split(" ")[1] if line.count(" ") else ""
        if not status.startswith("2"):
            return Found(FAILED, "proxy_refused", {**values, "status": status[:3]}, line[:100])
        return Found(OK, "tcp_proxy", values)

    async def _tls(self) -> Found:
        if self._way.tls is None:
            await self._close_stream()
            return Found(SKIPPED, "tls_none", self._where())
        assert self._stream is not None
        writer = self._stream[1]
        try:
            await writer.start_tls(self._way.tls, server_hostname=self._host)
        except (ssl.SSLError, OSError, EOFError, ValueError) as error:
            await self._close_stream()
            leaf = await self._shown()
            return of_tls(error, leaf, self._host)
        tls = writer.get_extra_info("ssl_object")
        cipher = (tls.cipher() or ("?",))[0]
        found = of_chain(chain_of(tls), self._clock, {"version": tls.version() or "?", "cipher": cipher})
        await self._close_stream()
        return found

    async def _shown(self) -> x509.Certificate | None:
        """The certificate the other side shows, for people only: nothing is sent on this connection, which is believed
        in nothing. None: it shows none, or there is a proxy."""
        if self._way.proxy:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(":".join(SUITES) + f":@SECLEVEL={LEVEL}")
        for address in self._addresses:
            try:
                async with asyncio.timeout(EACH_ADDRESS_S):
                    _, writer = await asyncio.open_connection(
                        address, int(self._where()["port"]), ssl=context, server_hostname=self._host
                    )
            except (OSError, EOFError, ValueError):
                continue
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.transport.abort()
            with contextlib.suppress(ValueError):
                return x509.load_der_x509_certificate(der) if der else None
        return None

    async def _upgrade(self) -> Found:
        if self._target.has_link:
            return Found(SKIPPED, "has_link")
        values: dict[str, str] = {"offered": SUBPROTOCOL, "url": self._way.url}
        try:
            self._connection = await dial(self._way, self._trusted, LIMITS_S["upgrade"], self._resolver)
        except InvalidStatus as error:
            status, headers = error.response.status_code, error.response.headers
            self._refused = status if status in (401, 403) else 0
            told = {**values, "status": str(status), "to": headers.get("Location", "")[:100]}
            return of_status(status, {**told, "wait": headers.get("Retry-After", "")[:40]})
        except (ssl.SSLError, UntrustedPeer) as error:
            return of_tls(error, None, self._host)
        except ProxyError as error:
            return Found(FAILED, "proxy_failed", values, str(error)[:200])
        except (InvalidHandshake, WebSocketException, OSError, EOFError, ValueError, CannotResolve) as error:
            event, why = event_of(error)
            if event:
                return Found(FAILED, "tls_refused", {"host": self._host}, why)
            return Found(FAILED, "not_websocket", values, str(error)[:200] or type(error).__name__)
        chosen = self._connection.subprotocol
        if chosen == SUBPROTOCOL:
            return Found(OK, "upgrade_ok", {**values, "accepted": chosen})
        if chosen is None and not self._way.needs_subprotocol:
            return Found(WARNING, "upgrade_without", values)
        return Found(FAILED, "subprotocol", {**values, "accepted": chosen or "–"})

    def _trusted(self, tls: ssl.SSLObject) -> str:
        return lifetime_fault(chain_of(tls), self._clock)

    async def _authorisation(self) -> Found:
        if self._target.has_link:
            return Found(SKIPPED, "has_link")
        has_password = bool(self._way.headers)
        if self._refused:
            code = "auth_refused" if has_password else "auth_no_password"
            return Found(FAILED, code, {"status": str(self._refused), "identity": self._target.identity})
        assert self._connection is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HOLDS_S):
                await self._connection.wait_closed()
            close = self._connection.close_code, self._connection.close_reason or ""
            values = {"code": str(close[0] or "–"), "reason": close[1][:100], "identity": self._target.identity}
            return Found(FAILED, "auth_closed", values)
        if has_password:
            return Found(OK, "auth_password", {"identity": self._target.identity})
        if self._way.profile == 3:
            return Found(OK, "auth_certificate", {"identity": self._target.identity})
        return Found(WARNING, "auth_nothing", {"identity": self._target.identity})

    async def _boot(self) -> Found:
        if self._target.has_link:
            return Found(SKIPPED, "has_link")
        if self._target.boot is None:
            return Found(SKIPPED, "boot_not_asked")
        assert self._connection is not None
        call = msgspec.json.encode([2, NUMBER, "BootNotification", self._target.boot]).decode()
        try:
            await self._connection.send(call)
            while True:
                told = answer_of(await self._connection.recv())
                if told is not None:
                    return self._of_boot(*told)
        except ConnectionClosed as error:
            return Found(FAILED, "boot_closed", {}, str(error)[:200])

    def _of_boot(self, is_result: bool, payload: Mapping[str, object]) -> Found:
        if not is_result:
            return Found(FAILED, "boot_error", {}, str(payload.get("error", ""))[:200])
        values = {"interval": str(payload.get("interval", "–"))[:20], "apart": "–"}
        with contextlib.suppress(ValueError):
            at = datetime.fromisoformat(str(payload.get("currentTime", "")).replace("Z", "+00:00"))
            if self._clock.is_set:
                at = at if at.tzinfo else at.replace(tzinfo=UTC)
                values["apart"] = f"{(at - self._clock.now()).total_seconds():+.0f}"
        status = payload.get("status")
        if status == "Accepted":
            return Found(OK, "boot_accepted", values)
        if status == "Pending":
            return Found(WARNING, "boot_pending", values)
        return Found(FAILED, "boot_rejected", {**values, "status": str(status)[:40]})

    # ------------------------------------------------------------------------------------------------- the end

    async def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None
            await asyncio.sleep(0)

    async def _close(self) -> None:
        await self._close_stream()
        if self._connection is not None:
            await close_link(self._connection, "connection test")
            self._connection = None


def answer_of(text: str | bytes) -> tuple[bool, Mapping[str, object]] | None:
    """Whether a frame is the CALLRESULT to our call (True, payload) or its CALLERROR (False, {"error": ..}); None: it
    is something else."""
    try:
        frame = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, list) or len(frame) < 3 or frame[1] != NUMBER:
        return None
    if frame[0] == 3 and isinstance(frame[2], dict):
        return True, frame[2]
    return (False, {"error": " ".join(str(part) for part in frame[2:4])}) if frame[0] == 4 else None
