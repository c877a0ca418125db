"""CAN adapters that speak slcan (drivers/codecs/slcan.py) on a serial port or a TCP connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from drivers.codecs import slcan
from drivers.codecs.can import CanFrame
from drivers.ports.can_wire import CanTrouble, CanWire
from drivers.ports.places import check_slcan, socket_place
from drivers.ports.wire import Wire

_STATES = {
    slcan.State.BUS_OFF: CanTrouble.BUS_OFF,
    slcan.State.PASSIVE: CanTrouble.PASSIVE,
    slcan.State.WARNING: CanTrouble.WARNING,
}
_STATUS_EVERY_S = 1.0
_STATUS_TRIES = 3
_DEAF = 3
"""So many questions for its status in a row that an adapter which knows them left unanswered: it was without power."""
_REFUSES_S = 2.0
_REFUSES_TIMES = 5
"""An adapter that says no to everything for so long, while nothing comes in, closed its bus by itself."""


class SlcanWire(CanWire):
    """An slcan adapter behind `wire` (a serial port or a TCP connection)."""

    def __init__(self, wire: Wire, bit_rate: int, *, sleep_after_open: float = 0.1, ask_status: bool = True) -> None:
        super().__init__(wire.where, bit_rate)
        self._wire = wire
        self._sleep_s = sleep_after_open
        self._ask_status = ask_status
        self._parser = slcan.Parser()
        self._state = slcan.State.ACTIVE
        self._status_timer: asyncio.TimerHandle | None = None
        self._is_status_due = False
        self._knows_status = False
        self._unanswered = 0
        self._refused = 0
        self._refused_since_s = 0.0

    async def _connect(self) -> None:
        rate = slcan.BIT_RATES.get(self.bit_rate)
        if rate is None:
            known = ", ".join(map(str, slcan.BIT_RATES))
            raise OSError(f"bit_rate {self.bit_rate} is none that slcan knows; known are {known}")
        self._parser.reset()
        self._state = slcan.State.ACTIVE
        await self._wire.open(self._take_in, self._wire_lost)
        await asyncio.sleep(self._sleep_s)  # adapters that restart when they are opened
        self._wire.write(b"\r" + slcan.CLOSE)
        await asyncio.sleep(self._sleep_s / 2)
        self._wire.write(rate + b"\r" + slcan.OPEN)
        self._is_status_due, self._unanswered, self._refused = False, 0, 0
        if self._ask_status:
            self._status_timer = asyncio.get_running_loop().call_later(_STATUS_EVERY_S, self._status)

    def _disconnect(self) -> None:
        if self._status_timer is not None:
            self._status_timer.cancel()
            self._status_timer = None
        if self._wire.is_open:
            with contextlib.suppress(OSError):
                self._wire.write(slcan.CLOSE)
        self._wire.close()

    def _send(self, frame: CanFrame) -> None:
        self._wire.write(slcan.encode(frame))

    def _status(self) -> None:
        """Each second, until it is sure that the adapter does not know the question."""
        self._unanswered += self._is_status_due
        if self._knows_status and self._unanswered >= _DEAF:
            self._is_deaf()
            return
        if not self._knows_status and self._unanswered >= _STATUS_TRIES:
            self._is_status_due = False
            return  # it does not know the question
        self._is_status_due = True
        with contextlib.suppress(OSError):
            self._wire.write(slcan.ASK_STATUS)
        if self._wire.is_open:
            self._status_timer = asyncio.get_running_loop().call_later(_STATUS_EVERY_S, self._status)

    def _take_in(self, data: bytes) -> None:
        for found in self._parser.feed(data):
            listener = self._listener
            if listener is None:
                continue  # still opening, or lost meanwhile
            if isinstance(found, tuple):
                self._refused = 0
                listener.frame(*found)
                continue
            if found.state is not None:
                self._knows_status = self._knows_status or self._is_status_due
                self._is_status_due, self._unanswered = False, 0
            if found.state is not None and found.state is not self._state:
                self._state = found.state
                if found.state in _STATES:
                    self._told(_STATES[found.state])
            for error in found.errors:
                self._told(CanTrouble(error.value))
            if found.is_no:
                self._refuses()
            if found.is_garbage:
                self._told(CanTrouble.GARBAGE)

    def _refuses(self) -> None:
        """It said no: to the question for its status, or to a frame."""
        if self._is_status_due:
            self._is_status_due = False
            self._unanswered += 1
            return
        now_s = asyncio.get_running_loop().time()
        self._told(CanTrouble.REFUSED)
        self._refused_since_s = self._refused_since_s if self._refused else now_s
        self._refused += 1
        if self._refused >= _REFUSES_TIMES and now_s - self._refused_since_s >= _REFUSES_S:
            self._is_deaf()

    def _is_deaf(self) -> None:
        """Whoever owns this opens it anew."""
        self._refused = 0
        if self._status_timer is not None:
            self._status_timer.cancel()
            self._status_timer = None
        self._told(CanTrouble.DEAF)

    def _wire_lost(self) -> None:
        self.lose(self._wire.error)


def open_slcan_wire(channel: str, bit_rate: int, options: Mapping[str, Any]) -> SlcanWire:
    """See `open_can_wire`. Raises ValueError."""
    check_slcan(channel, options)
    known = {key: value for key, value in options.items() if key != "tty_baudrate"}
    return SlcanWire(_byte_wire(channel, int(options.get("tty_baudrate", 115_200))), bit_rate, **known)


def _byte_wire(channel: str, baud_rate: int) -> Wire:
    if channel.startswith("socket://"):
        from drivers.ports.tcp import TcpWire

        return TcpWire(*socket_place(channel))
    from drivers.ports.serial import SerialWire

    device, _, written = channel.partition("@")
    return SerialWire(device, baud_rate=int(written or baud_rate))
