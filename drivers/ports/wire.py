"""A wire: a stream of bytes that can be opened, lost and opened again. Nothing here knows what the bytes mean."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

from drivers.codecs.modbus import Carrier
from drivers.ports.places import socket_place

log = logging.getLogger(__name__)

_CHUNK = 4096


class Wire(ABC):
    """One end of a wire over a file descriptor that does not block, read by the running event loop.

    `where` names it for people; `character_s` is the time one byte takes on it (0 where that is nothing to speak of).
    `is_open` and `error` tell its state; `error` is the last reason why it is not open, empty while it is.
    """

    kind = "serial"
    carrier = Carrier.RTU
    character_s = 0.0
    can_go_deaf = False
    """It may look open although nothing arrives any more: then a new connection helps."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.is_open = False
        self.error = "not opened yet"
        self._descriptor = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_data: Callable[[bytes], None] = _ignore
        self._on_lost: Callable[[], None] = _nothing

    @abstractmethod
    async def _connect(self) -> int:
        """Open what is below and return its file descriptor. Raises OSError, text for people."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close what is below; may be called more than once. Raises nothing."""

    @abstractmethod
    def _read(self, most: int) -> bytes:
        """What has come in; empty at the end of the stream. Raises OSError."""

    @abstractmethod
    def _send(self, data: bytes) -> int:
        """How much of `data` was taken. Raises OSError."""

    async def open(self, on_data: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        """Open it and hand what comes in to `on_data`; `on_lost` is called once when it breaks, not after `close`.

        Raises OSError when it cannot be opened; `error` then says why.
        """
        self.close()
        try:
            self._descriptor = await self._connect()
        except OSError as error:
            self._disconnect()
            self.error = _text(error)
            raise
        except BaseException:
            self._disconnect()
            raise
        self._on_data, self._on_lost = on_data, on_lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._readable)
        self.is_open, self.error = True, ""

    def write(self, data: bytes) -> None:
        """Send `data` at once. Raises OSError when the wire is not open or will not take it; it is lost then."""
        if not self.is_open:
            raise OSError(self.error)
        try:
            if self._send(data) != len(data):
                raise OSError("takes no more bytes")
        except OSError as error:
            self.lose(_text(error))
            raise

    def lose(self, reason: str) -> None:
        """Give the wire up as broken: closed, with `reason` as its `error`, and `on_lost` told."""
        if not self.is_open:
            return
        on_lost = self._on_lost
        self.close()
        self.error = reason
        on_lost()

    def close(self) -> None:
        """Close it; nothing is called afterwards. May be called at any time."""
        if self._loop is not None and self._descriptor >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._loop, self._descriptor = None, -1
        self._on_data, self._on_lost = _ignore, _nothing
        self.is_open, self.error = False, "closed"
        self._disconnect()

    def _readable(self) -> None:
        try:
            data = self._read(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.lose(_text(error))
            return
        if data:
            self._on_data(data)
        else:
            self.lose("the other end is gone")


def open_wire(
    kind: str = "serial",
    *,
    device: str = "",
    baud_rate: int = 9600,
    parity: str = "N",
    stop_bits: int = 1,
    data_bits: int = 8,
    host: str = "",
    port: int = 502,
) -> Wire:
    """The wire of a [[port]] section, not opened yet: `kind` serial (with `device`) or tcp (with `host`, `port`).

    A serial line behind a converter that hands its bytes on as they are has the device socket://HOST:PORT. Raises
    ValueError for another kind, or another form of that.
    """
    if kind == "serial" and device.startswith("socket://"):
        from drivers.ports.tcp import ConvertedWire

        return ConvertedWire(*socket_place(device), (1 + data_bits + (parity != "N") + stop_bits) / baud_rate)
    if kind == "serial":
        from drivers.ports.serial import SerialWire

        return SerialWire(device, baud_rate=baud_rate, parity=parity, stop_bits=stop_bits, data_bits=data_bits)
    if kind == "tcp":
        from drivers.ports.tcp import TcpWire

        return TcpWire(host, port)
    raise ValueError(f"kind of port {kind!r}: must be serial or tcp")


def _text(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"the name cannot be looked up ({error.strerror})"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__


def _ignore(data: bytes) -> None: ...


def _nothing() -> None: ...
