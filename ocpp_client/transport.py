"""The WebSocket to the central system: one attempt at a time, dead links found, nothing followed elsewhere.

Source: OCPP-J 1.6, sections 3 and 5; RFC 6455. The address is the configured URL and our identity behind it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

log = logging.getLogger(__name__)

SUBPROTOCOL = "ocpp1.6"
MAX_FRAME_BYTES = 256 * 1024
OPEN_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 1.0
PONG_TIMEOUT_S = 20.0
MAX_PING_INTERVAL_S = 35.0
"""Pings come at least this often (unless switched off), so that a dead link is found within 60 s (R28)."""

LOOK_S = 5.0
"""So often a changed ping interval is looked for."""

_KEEPALIVE = (
    ("TCP_KEEPIDLE", 20),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 45_000),
)


class CannotConnect(Exception):
    """The attempt failed; the text says why, for people. `status` is that of HTTP, 0 when it did not come so far."""

    def __init__(self, text: str, status: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after_s = retry_after_s


class _Connect(connect):
    """As the library's, but a redirect is a refusal: our credentials go to the configured origin only (S5)."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def address(url: str, identity: str) -> str:
    """The station's own address at the central system."""
    return f"{url.rstrip('/')}/{quote(identity, safe='')}"


def authorization(user: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication, none without a password."""
    if not password:
        return {}
    token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {token}"}


async def open_link(url: str, headers: dict[str, str], open_timeout_s: float = OPEN_TIMEOUT_S) -> ClientConnection:
    """A fresh connection that speaks `ocpp1.6`. Raises CannotConnect."""
    try:
        connection = await _Connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers=headers,
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=open_timeout_s,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,
            max_size=MAX_FRAME_BYTES,
            max_queue=64,
        )
    except InvalidStatus as error:
        raise _refused(error) from None
    except (InvalidHandshake, WebSocketException) as error:
        raise CannotConnect(f"{url} is no OCPP server: {error}") from None
    except (OSError, TimeoutError, EOFError, ValueError) as error:
        raise CannotConnect(f"{url} cannot be reached: {str(error) or type(error).__name__}") from None
    if connection.subprotocol != SUBPROTOCOL:
        await close_link(connection, "no common subprotocol")
        raise CannotConnect(
            f"{url} does not speak {SUBPROTOCOL} (it chose {connection.subprotocol!r}). Check the address"
        )
    _tune(connection)
    return connection


def _refused(error: InvalidStatus) -> CannotConnect:
    status, headers = error.response.status_code, error.response.headers
    if 300 <= status < 400:
        text = f"redirected to {headers.get('Location', '?')[:100]!r}; redirects are not followed"
    elif status in (200, 511):
        text = f"HTTP {status}: this looks like a log-in page of the network (portal), not like a central system"
    elif status in (401, 403):
        text = f"HTTP {status}: the central system does not accept this identity or password"
    else:
        text = f"HTTP {status}: the central system refused the connection"
    return CannotConnect(text, status, retry_after_s(headers.get("Retry-After"), datetime.now(UTC)))


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
        try:
            async with asyncio.timeout(PONG_TIMEOUT_S):
                await (await connection.ping())
        except TimeoutError:
            connection.transport.abort()
            return f"the central system has not answered a ping for {PONG_TIMEOUT_S:.0f} s"
        except (WebSocketException, OSError):
            return "the link is closed"


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
