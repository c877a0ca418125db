"""The simulated central system's side of one connection: a TCP that breaks where it is told to, and open calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from ocpp_client.simulated_ledger import Payload


class Connection(ServerConnection):
    """A WebSocket whose TCP underneath can be made deaf, or end in the middle of a frame."""

    cut_at: Callable[[str, str], int | None] | None = None
    """Given station and action of an incoming call: after how many bytes of it the wire breaks, None not at all."""
    is_deaf: bool = False
    station: str = ""

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        at = None if self.cut_at is None else self.cut_at(self.station, peek_action(data))
        super().data_received(data if at is None else data[:at])
        if at is not None:
            self.transport.abort()


class CallRefused(Exception):
    """The station answered a call with CALLERROR; `code` is its errorCode."""

    def __init__(self, action: str, code: str, description: str) -> None:
        super().__init__(f"{action}: {code} {description}".rstrip())
        self.code = code


class NotConnected(Exception):
    """No station of that name is connected, or it went away before it answered."""


class Connect(msgspec.Struct):
    """One attempt to connect. `status` is the HTTP status answered: 101 when it became a WebSocket.

    `tls` and `suite` are what was agreed upon ("" without TLS), `certificate` the subject of the station's certificate.
    """

    at: datetime
    station: str
    authorization: str
    status: int
    ended: datetime | None = None
    tls: str = ""
    suite: str = ""
    certificate: dict[str, str] = {}


def tls_of(connection: ServerConnection) -> dict[str, Any]:
    """TLS version, cipher suite and subject of the client's certificate, as `Connect` has them; {} without TLS."""
    tls = connection.transport.get_extra_info("ssl_object")
    if tls is None:
        return {}
    subject = (tls.getpeercert() or {}).get("subject", ())
    certificate = {name: value for part in subject for name, value in part}
    return {"tls": tls.version(), "suite": tls.cipher()[0], "certificate": certificate}


class Link:
    """One connected station: its WebSocket, and our calls that it has not answered yet."""

    def __init__(self, station: str, connection: Connection) -> None:
        self.station = station
        self.connection = connection
        self.waiting: dict[str, tuple[str, asyncio.Future[Payload]]] = {}
        self.sending = asyncio.Lock()

    async def send_slowly(self, data: bytes, gap_s: float) -> None:
        """Byte by byte, as far as the connection lasts."""
        for position in range(len(data)):
            if self.connection.transport.is_closing():
                return
            self.connection.transport.write(data[position : position + 1])
            await asyncio.sleep(gap_s)

    def end(self) -> None:
        for action, answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(NotConnected(f"{self.station} went away before it answered {action}"))
        self.waiting.clear()


def frame_bytes(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def peek_action(data: bytes) -> str:
    """The action of an OCPP call whose masked WebSocket frame begins this chunk; "" when it is something else."""
    if len(data) < 6 or data[0] != 0x81 or not data[1] & 0x80:
        return ""
    begin = {126: 4, 127: 10}.get(data[1] & 0x7F, 2)
    mask, body = data[begin : begin + 4], data[begin + 4 :]
    text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body[:200])).decode(errors="replace")
    parts = text.split('"')
    return parts[3] if text.lstrip().startswith("[2") and len(parts) > 3 else ""
