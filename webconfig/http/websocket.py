"""A WebSocket (RFC 6455) on a connection: wsproto reads and writes its frames. Loaded when somebody asks for one."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from contextlib import suppress

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from webconfig.http.messages import Request, StreamResponse

KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE_WITHIN_S = 2.0


class NoWebSocket(Exception):
    """The request is no opening handshake."""


class WebSocket(StreamResponse):
    """`prepare` opens it; then `send`, and `until_over`, which answers pings and returns when the other end goes, is
    silent for two heartbeats or says more than `most_bytes` at once."""

    def __init__(self, headers: Mapping[str, str], heartbeat_s: float = 15.0, most_bytes: int = 4096) -> None:
        super().__init__(status=101, headers=headers)
        self._frames = Connection(ConnectionType.SERVER)
        self._heartbeat_s = heartbeat_s
        self._most_bytes = most_bytes
        self._arrived = asyncio.Event()
        self._is_gone = False
        self._heard = True

    async def prepare(self, request: Request) -> None:
        """Raises NoWebSocket, ConnectionError."""
        key = request.headers.get("Sec-WebSocket-Key", "")
        try:
            is_key = len(base64.b64decode(key, validate=True)) == 16
        except (binascii.Error, ValueError):
            is_key = False
        if not is_key or request.headers.get("Sec-WebSocket-Version") != "13" or request.method != "GET":
            raise NoWebSocket
        if "websocket" not in request.headers.get("Upgrade", "").lower():
            raise NoWebSocket
        accept = base64.b64encode(hashlib.sha1(f"{key}{KEY}".encode(), usedforsecurity=False).digest()).decode()
        self._speaker = request.speaker
        self.headers |= {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
        await self._speaker.switch(self.fields(), self._take)

    async def send(self, text: str) -> None:
        """Raises ConnectionError."""
        await self._sent(TextMessage(data=text))

    async def until_over(self) -> None:
        while not self._is_gone:
            self._heard = False
            for event in self._frames.events():
                self._heard = True
                if isinstance(event, Ping):
                    await self._sent(event.response())
                elif isinstance(event, CloseConnection):
                    with suppress(LocalProtocolError):
                        await self._sent(event.response())
                    return
                elif isinstance(event, Message) and len(event.data) > self._most_bytes:
                    return
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    self._arrived.clear()
                    await self._arrived.wait()
            except TimeoutError:
                if not self._heard and self._pinged:
                    return
                self._pinged = True
                await self._sent(Ping())
            else:
                self._pinged = False

    _pinged = False

    async def close(self) -> None:
        """Say good-bye, as far as anybody listens."""
        if not self._is_gone and self._frames.state is ConnectionState.OPEN:
            with suppress(ConnectionError, LocalProtocolError, TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self._sent(CloseConnection(code=1001))
        self.is_ended = True

    def _take(self, content: bytes) -> None:
        if not content:
            self._is_gone = True
        else:
            try:
                self._frames.receive_data(content)
            except RemoteProtocolError:
                self._is_gone = True
        self._arrived.set()

    async def _sent(self, event: Ping | Pong | TextMessage | CloseConnection) -> None:
        assert self._speaker is not None
        await self._speaker.send_raw(self._frames.send(event))
