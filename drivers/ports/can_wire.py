"""CAN buses as wires: frames in, frames out, and what the bus's electronics say of themselves.

`SlcanWire` (can_slcan.py) speaks to adapters that show a CAN bus as lines of text on a serial port or a TCP
connection, `SocketCanWire` (can_socket.py) to interfaces of Linux, `PythonCanWire` (can_python.py) to everything else
that python-can knows. The first two do not go through python-can because of the load: it takes slcan byte by byte, so
that a full bus of 500 kbit/s fills a processor, and it waits while it opens and sends.
"""

from __future__ import annotations

import enum
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from drivers.codecs.can import CanFrame

MOST_AT_ONCE = 256
"""Frames taken from a bus before other work gets its turn."""


class CanTrouble(enum.StrEnum):
    """What a CAN controller tells of its bus."""

    BUS_OFF = "bus-off"
    STUCK = "queue stuck"
    DEAF = "adapter deaf"
    RESTARTED = "restarted by itself"
    PASSIVE = "error passive"
    WARNING = "error warning"
    ACKNOWLEDGE = "no acknowledgement"
    BIT = "bit"
    CHECK_SUM = "check sum"
    FORM = "form"
    STUFF = "stuff"
    OVERRUN = "overrun"
    QUEUE_FULL = "queue full"
    ARBITRATION = "arbitration lost"
    BUS = "bus error"
    GARBAGE = "garbage"
    REFUSED = "adapter says no"


class CanListener(Protocol):
    """Who owns the wire."""

    def frame(self, can_id: int, is_extended: bool, data: bytes) -> None: ...

    def trouble(self, kind: CanTrouble) -> None: ...

    def lost(self) -> None:
        """The wire broke; its `error` says why."""
        ...


class CanWire(ABC):
    """One CAN bus, opened for this process. `bit_rate` 0: not known.

    `is_open` and `error` tell its state as those of `Wire` do.
    """

    def __init__(self, where: str, bit_rate: int) -> None:
        self.where = where
        self.bit_rate = bit_rate
        self.is_open = False
        self.error = "not opened yet"
        self._listener: CanListener | None = None

    @abstractmethod
    async def _connect(self) -> None:
        """Open what is below. Raises OSError, text for people."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close what is below; may be called more than once. Raises nothing."""

    @abstractmethod
    def _send(self, frame: CanFrame) -> None:
        """Raises BlockingIOError when the queue is full, OSError when the wire is broken."""

    async def open(self, listener: CanListener) -> None:
        """Open it. Raises OSError; `error` then says why."""
        self.close()
        try:
            await self._connect()
        except OSError as error:
            self._disconnect()
            self.error = text_of(error)
            raise
        except BaseException:
            self._disconnect()
            raise
        self._listener = listener
        self.is_open, self.error = True, ""

    def send(self, frame: CanFrame) -> None:
        """Raises BlockingIOError when the queue is full, OSError when the wire is not open or broken."""
        if not self.is_open:
            raise OSError(self.error)
        try:
            self._send(frame)
        except BlockingIOError:
            raise
        except OSError as error:
            self.lose(text_of(error))
            raise

    async def restart(self) -> None:
        """Let the CAN controller begin anew after a bus-off. Raises OSError."""
        listener = self._listener
        if listener is None:
            raise OSError(self.error)
        await self.open(listener)

    def lose(self, reason: str) -> None:
        """Give it up as broken."""
        if not self.is_open:
            return
        listener = self._listener
        self.close()
        self.error = reason
        if listener is not None:
            listener.lost()

    def close(self) -> None:
        """Close it; nothing is called afterwards."""
        self._listener = None
        self.is_open, self.error = False, "closed"
        self._disconnect()

    def _told(self, kind: CanTrouble) -> None:
        if self._listener is not None:
            self._listener.trouble(kind)


def open_can_wire(interface: str, channel: str, bit_rate: int, options: Mapping[str, Any] | None = None) -> CanWire:
    """The wire of a [[port]] of kind can, not opened yet.

    `interface` socketcan (`channel` can0), slcan (`channel` /dev/ttyACM0, with @115200 for another baud rate than that,
    or socket://host:port; options `sleep_after_open` in seconds, `ask_status`), or any other of python-can.
    """
    options = options or {}
    if interface == "socketcan" and not options:
        from drivers.ports.can_socket import SocketCanWire

        return SocketCanWire(channel, bit_rate)
    if interface == "slcan":
        from drivers.ports.can_slcan import open_slcan_wire

        return open_slcan_wire(channel, bit_rate, options)
    from drivers.ports.can_python import PythonCanWire

    return PythonCanWire(interface, channel, bit_rate, options)


def text_of(error: OSError) -> str:
    """An error in words."""
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
