"""The WebSocket to the central system: one attempt at a time, dead links found, nothing followed elsewhere.

Source: OCPP-J 1.6, sections 3 and 5; RFC 6455. The address is the configured URL and our identity behind it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import enum
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxyStatus, InvalidStatus, ProxyError, WebSocketException
from websockets.typing import Subprotocol

from ocpp_client.resolving import CannotResolve, Resolver
from ocpp_client.tls import REFUSED, UntrustedPeer, event_of

log = logging.getLogger(__name__)
wire_log = logging.getLogger("ocpp_client.websocket")
wire_log.setLevel(logging.INFO)  # at debug the library tells all headers, the password included

SUBPROTOCOL = "ocpp1.6"
MAX_FRAME_BYTES = 256 * 1024
OPEN_TIMEOUT_S = 20.0
MIN_EACH_S = 5.0
"""At least so long for each address of a name that has several, within OPEN_TIMEOUT_S for all."""
CLOSE_TIMEOUT_S = 1.0
PONG_TIMEOUT_S = 20.0
MAX_PING_INTERVAL_S = 35.0
"""Pings come at least this often (unless switched off), so that a dead link is found within 60 s (R28)."""

LOOK_S = 5.0
"""So often a changed ping interval is looked for."""

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})

_KEEPALIVE = (
    ("TCP_KEEPIDLE", 20),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 45_000),
)


class Stage(enum.Enum):
    """How far an attempt came."""

    OWN = "own"
    """Not even begun: something of ours cannot be read."""
    NETWORK = "network"
    """No name, no route, or the proxy refused: says nothing about the central system."""
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"


class CannotConnect(Exception):
    """The attempt failed; the text says why, for people.

    `status` is that of HTTP, 0 when it did not come so far; `event` the security event that this is, if it is one.
    """

    def __init__(
        self,
        text: str,
        status: int = 0,
        retry_after_s: float | None = None,
        *,
        stage: Stage = Stage.TCP,
        event: str = "",
    ) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after_s = retry_after_s
        self.stage = stage
        self.event = event

    @property
    def is_of_certificates(self) -> bool:
        """Whether other certificates might have worked."""
        return self.stage in (Stage.TLS, Stage.OWN)


@dataclass(frozen=True)
class Way:
    """How one attempt is made. Its text never shows the headers: a password is in them."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str = field(default="", repr=False)
    profile: int = 0
    needs_subprotocol: bool = True


Trusted = Callable[[ssl.SSLObject], str]
"""Given the TLS of an open connection: why its certificates do not hold now, "" when they do."""


class _Connection(ClientConnection):
    lost_by: Exception | None = None
    """What the layers below said when they ended it: TLS 1.3 tells of a refused certificate only here."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_by = exc
        if hasattr(self, "recv_messages"):  # behind a proxy a failed TLS handshake ends it before it was made
            super().connection_lost(exc)


class _Connect(connect):
    """As the library's, but a redirect is a refusal, and nothing is said before the peer is believed (S5)."""

    trusted: Trusted | None = None
    opened: ClientConnection | None = None

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

    async def open_tcp_connection(self) -> ClientConnection:
        connection = self.opened = await super().open_tcp_connection()
        tls = connection.transport.get_extra_info("ssl_object")
        if tls is not None and self.trusted is not None:
            fault = self.trusted(tls)
            if fault:
                connection.transport.abort()
                raise UntrustedPeer(fault)
        return connection


def address(url: str, identity: str) -> str:
    """The station's own address at the central system."""
    return f"{url.rstrip('/')}/{quote(identity, safe='')}"


def authorization(user: str, password: str | bytes) -> dict[str, str]:
    """The header of HTTP basic authentication, none without a password."""
    if not password:
        return {}
    secret = password.encode() if isinstance(password, str) else password
    token = base64.b64encode(user.encode() + b":" + secret).decode("ascii")
    return {"Authorization": f"Basic {token}"}


async def open_link(
    way: Way,
    trusted: Trusted | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    resolver: Resolver | None = None,
) -> ClientConnection:
    """A fresh connection that speaks `ocpp1.6`. Raises CannotConnect."""
    url = way.url
    try:
        async with asyncio.timeout(open_timeout_s):
            connection = await dial(way, trusted, open_timeout_s, resolver or Resolver())
    except InvalidStatus as error:
        raise _refused(error) from None
    except CannotResolve as error:
        raise CannotConnect(f"{url} cannot be reached: {error}", stage=Stage.NETWORK) from None
    except ProxyError as error:
        raise CannotConnect(f"the proxy does not lead to {url}: {_of_proxy(error)}", stage=Stage.NETWORK) from None
    except (ssl.SSLError, UntrustedPeer, InvalidHandshake, WebSocketException, OSError, EOFError, ValueError) as error:
        raise _failed(way, error) from None
    if connection.subprotocol != SUBPROTOCOL and (way.needs_subprotocol or connection.subprotocol is not None):
        await close_link(connection, "no common subprotocol")
        raise CannotConnect(
            f"{url} does not speak {SUBPROTOCOL} (it chose {connection.subprotocol!r}). Check the address",
            stage=Stage.HTTP,
        )
    _tune(connection)
    return connection


async def dial(way: Way, trusted: Trusted | None, within_s: float, resolver: Resolver) -> ClientConnection:
    """Try each address that the name has (or the proxy's), until one takes the connection."""
    target = urlsplit(way.proxy or way.url)
    host, port = target.hostname or "", target.port or (443 if target.scheme == "wss" else 80)
    found = await resolver.look_up(host, port)
    each_s = within_s if len(found) == 1 else max(within_s / len(found), MIN_EACH_S)
    for number, where in enumerate(found, start=1):
        attempt = _connect(way, where, port)
        attempt.trusted = trusted
        try:
            async with asyncio.timeout(each_s):
                return await attempt
        except (ssl.SSLError, UntrustedPeer):
            raise
        except InvalidHandshake as error:
            lost_by = getattr(attempt.opened, "lost_by", None)
            if isinstance(lost_by, ssl.SSLError):
                raise error from lost_by
            raise
        except (OSError, TimeoutError):
            if number == len(found):
                raise
    raise CannotResolve(f"{host} has no address")


def _connect(way: Way, where: str, port: int) -> _Connect:
    options: dict[str, Any] = {}
    if way.proxy:
        proxy: str | None = f"http://{f'[{where}]' if ':' in where else where}:{port}"
    else:
        proxy, options = None, {"host": where, "port": port}
    if way.tls is not None:
        options |= {"ssl": way.tls, "ssl_shutdown_timeout": CLOSE_TIMEOUT_S}
    return _Connect(
        way.url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=way.headers,
        create_connection=_Connection,
        logger=wire_log,
        user_agent_header=None,
        compression=None,
        proxy=proxy,
        open_timeout=None,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,
        max_size=MAX_FRAME_BYTES,
        max_queue=64,
        **options,
    )


def _failed(way: Way, error: Exception) -> CannotConnect:
    event, why = event_of(error)
    if why:
        return CannotConnect(f"{way.url}: {why}", stage=Stage.TLS, event=event)
    if way.tls is not None and (
        isinstance(error, ConnectionResetError | ConnectionAbortedError) or isinstance(error.__cause__, EOFError)
    ):
        return CannotConnect(
            f"{way.url}: it ended the connection in the TLS handshake or right after it, without saying why",
            stage=Stage.TLS,
        )
    if isinstance(error, InvalidHandshake | WebSocketException):
        return CannotConnect(f"{way.url} is no OCPP server: {error}", stage=Stage.HTTP)
    stage = Stage.NETWORK if isinstance(error, OSError) and error.errno in _NO_ROUTE else Stage.TCP
    return CannotConnect(f"{way.url} cannot be reached: {str(error) or type(error).__name__}", stage=stage)


def _of_proxy(error: ProxyError) -> str:
    if isinstance(error, InvalidProxyStatus):
        return f"it answers HTTP {error.response.status_code}"
    return str(error)


def _refused(error: InvalidStatus) -> CannotConnect:
    status, headers = error.response.status_code, error.response.headers
    event = ""
    if 300 <= status < 400:
        text = f"redirected to {headers.get('Location', '?')[:100]!r}; redirects are not followed"
    elif status in (200, 511):
        text = f"HTTP {status}: this looks like a log-in page of the network (portal), not like a central system"
    elif status in (401, 403):
        text, event = f"HTTP {status}: the central system does not accept this identity or password", REFUSED
    else:
        text = f"HTTP {status}: the central system refused the connection"
    wait_s = retry_after_s(headers.get("Retry-After"), datetime.now(UTC))
    return CannotConnect(text, status, wait_s, stage=Stage.HTTP, event=event)


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, None when it says nothing readable."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(int(text.strip()[:12])))
    with contextlib.suppress(ValueError, TypeError):
        at = parsedate_to_datetime(text)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
    return None


def _tune(connection: ClientConnection) -> None:
    """Let the kernel find a dead peer, too, also while pings are switched off."""
    sock: Any = connection.transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def close_link(connection: ClientConnection, reason: str = "") -> None:
    """Close in order, within about a second."""
    with contextlib.suppress(OSError, WebSocketException, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S + 0.5):
            await connection.close(1000, reason)
            return
    connection.transport.abort()


async def watch_link(connection: ClientConnection, interval_s: Callable[[], float]) -> str:
    """Ping until the other side is found dead; then the link is cut. Returns why. 0 seconds switch pings off."""
    while True:
        await _until_ping(interval_s)
        if not await is_alive(connection):
            return f"the central system has not answered a ping for {PONG_TIMEOUT_S:.0f} s"


async def is_alive(connection: ClientConnection) -> bool:
    """Whether the other side answers a ping now; a link that is dead is cut at once."""
    try:
        async with asyncio.timeout(PONG_TIMEOUT_S):
            await (await connection.ping())
    except TimeoutError:
        connection.transport.abort()
        return False
    except (WebSocketException, OSError):
        return False
    return True


async def _until_ping(interval_s: Callable[[], float]) -> None:
    """Wait for the next ping's time; the interval may change meanwhile."""
    loop = asyncio.get_running_loop()
    since_s = loop.time()
    while True:
        every_s = interval_s()
        left_s = since_s + min(every_s, MAX_PING_INTERVAL_S) - loop.time() if every_s > 0 else LOOK_S
        if left_s <= 0:
            return
        await asyncio.sleep(min(left_s, LOOK_S))
