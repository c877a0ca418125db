"""TCP connections as wires: Modbus TCP devices and gateways, and serial lines behind converters."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import Any

from drivers.codecs.modbus import Carrier
from drivers.ports.wire import Wire

CONNECT_S = 2.0
DEAD_S = 5.0
"""A connection whose bytes nobody acknowledged for this long is given up."""


class TcpWire(Wire):
    """A connection to `host` (name or address) and `port`, opened by us."""

    kind = "tcp"
    carrier = Carrier.TCP
    can_go_deaf = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port}")
        self._host, self._port = host, port
        self._socket: socket.socket | None = None
        self._lookup: asyncio.Future[list[Any]] | None = None

    async def _connect(self) -> int:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                family, address = await self._address(loop)
                self._socket = socket.socket(family, socket.SOCK_STREAM)
                self._socket.setblocking(False)
                await loop.sock_connect(self._socket, address)
        except TimeoutError:
            raise OSError(f"no connection within {CONNECT_S:g} s") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(DEAD_S * 1000))
        return self._socket.fileno()

    async def _address(self, loop: asyncio.AbstractEventLoop) -> tuple[int, tuple[str, int]]:
        try:
            number = ipaddress.ip_address(self._host)
        except ValueError:
            found = await self._looked_up(loop)
            return found[0][0], (str(found[0][4][0]), self._port)
        return socket.AF_INET if number.version == 4 else socket.AF_INET6, (self._host, self._port)

    async def _looked_up(self, loop: asyncio.AbstractEventLoop) -> list[Any]:
        """What the name stands for. A server of names that does not answer keeps one thread busy, not one for each
        try: they are few, and the station writes to its disk by them."""
        lookup, self._lookup = self._lookup, None
        if lookup is None or (lookup.done() and lookup.exception() is not None):
            lookup = loop.run_in_executor(None, _look_up, self._host, self._port)
        self._lookup = lookup
        found = await asyncio.shield(lookup)
        self._lookup = None
        return found

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _read(self, most: int) -> bytes:
        if self._socket is None:
            raise OSError(self.error)
        return self._socket.recv(most)

    def _send(self, data: bytes) -> int:
        if self._socket is None:
            raise OSError(self.error)
        return self._socket.send(data)


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class ConvertedWire(TcpWire):
    """A serial line behind a converter that hands its bytes on as they are ("transparent"): its rate and parity are set
    in the converter; `character_s` is what a byte takes there."""

    kind = "serial"
    carrier = Carrier.RTU

    def __init__(self, host: str, port: int, character_s: float) -> None:
        super().__init__(host, port)
        self.character_s = character_s
