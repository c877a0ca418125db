"""A CAN bus inside one process: simulated nodes, the station's ports, and everything that goes wrong on a bus.

Frames take the time that their bits need, one after the other. Virtual time is fine. Unit tests use it as a line:

    line = CanLine(125_000)
    line.attach(device)
    async with line.port("modules") as port: ...
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.codecs.can import CanFrame, bits_on_wire
from drivers.ports.can import CanPort
from drivers.ports.can_wire import CanTrouble, CanWire
from drivers.simulated.devices import CanDevice

TICK_S = 0.05
"""Nodes are told the time so often; the quickest of them speaks each 0.1 s."""
_MOST_QUEUED = 16  # frames a controller keeps until the bus is free
_KEPT = 20_000

Heard = Callable[[CanFrame], None]


class Station:
    """A controller on the bus that is not a simulated node: a port's, or an adapter's. `heard` gets what others send;
    `troubled` its own troubles."""

    def __init__(self, line: CanLine, heard: Heard, troubled: Callable[[CanTrouble], None]) -> None:
        self.heard, self.troubled = heard, troubled
        self.is_off = False
        self.queued: deque[CanFrame] = deque()
        self._line = line

    def send(self, frame: CanFrame) -> None:
        """Raises BlockingIOError when its queue is full, or it is off the bus."""
        if self.is_off or len(self.queued) >= _MOST_QUEUED:
            raise BlockingIOError(105, "its queue is full")
        self.queued.append(frame)
        self._line.transmit(self)

    def restart(self) -> None:
        """Begin anew after a bus-off, with an empty queue."""
        self.is_off = False
        self.queued.clear()

    def leave(self) -> None:
        self._line.leave(self)


class CanFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a CAN bus. `bus_off`: the station's controller goes off the bus once; `shorted`: again and again.

    `babble_share` of the bus is filled by the frame `babble_id`; `drop` is the share of frames that get lost.
    """

    bus_off: bool = False
    shorted: bool = False
    babble_id: Annotated[int, Meta(ge=0, le=0x1FFF_FFFF)] = 0
    babble_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    babble_is_extended: bool = True
    drop: Annotated[float, Meta(ge=0, le=1)] = 0.0


class CanLine:
    """One bus. `drop` is the share of frames that get lost; `seen` are the last frames on it, with their times."""

    def __init__(self, bit_rate: int = 125_000, *, before: Callable[[], None] | None = None, seed: int = 1) -> None:
        self.bit_rate = bit_rate
        self.devices: list[CanDevice] = []
        self.drop = 0.0
        self.is_cut = False
        """The adapter is gone: ports break and cannot be opened."""
        self.is_silent = False
        """The wires are off: nothing passes."""
        self.is_powered = True
        """The nodes have a supply."""
        self.is_shorted = False
        """The wires are shorted: whoever sends goes bus-off."""
        self.seen: deque[tuple[float, CanFrame]] = deque(maxlen=_KEPT)
        self.done: Counter[str] = Counter()
        self._before = before
        self._random = random.Random(seed)
        self._stations: list[Station] = []
        self._wires: list[_LineWire] = []
        self._babble: tuple[CanFrame, float] | None = None
        self._babble_debt = 0.0
        self._free_s = 0.0
        self._ticked_s = 0.0
        self._tick: asyncio.TimerHandle | None = None

    def attach(self, device: CanDevice) -> None:
        """Connect a node."""
        device.send = lambda frame: self._put(frame, device)
        self.devices.append(device)

    def port(self, name: str = "can", timeout_s: float = 0.2) -> CanPort:
        """A port on this bus, not opened yet."""
        return CanPort(name, self.wire(), timeout_s)

    def wire(self) -> CanWire:
        """A wire for a port."""
        return _LineWire(self)

    def join(self, heard: Heard, troubled: Callable[[CanTrouble], None]) -> Station:
        """A controller on this bus; nodes live from now on."""
        station = Station(self, heard, troubled)
        self._stations.append(station)
        if self._tick is None:
            loop = asyncio.get_running_loop()
            self._ticked_s = loop.time()
            self._tick = loop.call_later(TICK_S, self._ticked)
        return station

    def leave(self, station: Station) -> None:
        if station in self._stations:
            self._stations.remove(station)
        if not self._stations and self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def close(self) -> None:
        """End everything."""
        for wire in list(self._wires):
            wire.lose("the bus was closed")
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    # What goes wrong -------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Take the adapter away: ports break, and cannot be opened until `restore`."""
        self.is_cut = True
        for wire in list(self._wires):
            wire.lose("the adapter is gone")

    def restore(self) -> None:
        """All is well again, but for controllers that are off the bus: they begin anew by themselves."""
        self.is_cut = self.is_silent = self.is_shorted = False
        self.drop = 0.0
        self.babble(0, 0.0)

    def bus_off(self, *, shorted: bool = False) -> None:
        """The controllers of all ports go off the bus, once, or (`shorted`) whenever they send, until `restore`."""
        self.is_shorted = shorted
        for station in list(self._stations):
            self._off(station)

    def babble(self, can_id: int, share: float, data: bytes = bytes(8), *, is_extended: bool = True) -> None:
        """A node fills `share` of the bus with one frame, over and over; 0 ends it. At 1 nothing of lower priority
        (a higher identifier) gets through."""
        self._babble = (CanFrame(can_id, data, is_extended), share) if share > 0 else None
        self._babble_debt = 0.0
        if self._babble is None:
            for station in list(self._stations):
                self.transmit(station)

    def disturb(self, faults: CanFaults) -> None:
        """All of these, instead of what was wrong before."""
        self.drop = faults.drop
        self.babble(faults.babble_id, faults.babble_share, is_extended=faults.babble_is_extended)
        self.is_shorted = faults.shorted
        if faults.bus_off or faults.shorted:
            self.bus_off(shorted=faults.shorted)

    def put(self, frame: CanFrame) -> None:
        """A frame from somebody else, to all."""
        self._put(frame, None)

    # How frames pass -------------------------------------------------------------------------------------------------

    def transmit(self, station: Station) -> None:
        """Let the frames in a controller's queue go, as far as the bus lets them."""
        loop = asyncio.get_running_loop()
        while station.queued and not station.is_off:
            if self.is_shorted:
                self._off(station)
                return
            if self._is_starved(station.queued[0]):
                return
            frame = station.queued.popleft()
            self._free_s = max(self._free_s, loop.time()) + bits_on_wire(len(frame.data), frame.is_extended) / (
                self.bit_rate
            )
            loop.call_at(self._free_s, self._deliver, frame, station, None)

    def _put(self, frame: CanFrame, device: CanDevice | None) -> None:
        if not self._stations:
            return  # nobody is there to hear it
        if self._is_starved(frame) or self.is_shorted:
            self.done["starved"] += 1
            return
        loop = asyncio.get_running_loop()
        self._free_s = max(self._free_s, loop.time()) + bits_on_wire(len(frame.data), frame.is_extended) / self.bit_rate
        loop.call_at(self._free_s, self._deliver, frame, None, device)

    def _deliver(self, frame: CanFrame, station: Station | None, device: CanDevice | None) -> None:
        if self.is_silent or self.is_cut:
            return
        if self.drop and self._random.random() < self.drop:
            self.done["dropped"] += 1
            return
        now_s = asyncio.get_running_loop().time()
        self.seen.append((now_s, frame))
        if self._before is not None:
            self._before()
        for each in self.devices if self.is_powered else ():
            if each is not device:
                each.received(frame, now_s)
        for other in list(self._stations):
            if other is not station and not other.is_off:
                other.heard(frame)

    def _is_starved(self, frame: CanFrame) -> bool:
        return self._babble is not None and self._babble[1] >= 1 and _rank(self._babble[0]) < _rank(frame)

    def _off(self, station: Station) -> None:
        station.is_off = True
        station.queued.clear()
        self.done["bus off"] += 1
        station.troubled(CanTrouble.BUS_OFF)

    def _ticked(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick = loop.call_later(TICK_S, self._ticked)
        if self._before is not None:
            self._before()
        for device in self.devices if self.is_powered else ():
            device.advance(loop.time())
        if self._babble is not None and not self.is_silent:
            frame, share = self._babble
            passed_s = min(loop.time() - self._ticked_s, 5 * TICK_S)  # a busy machine ticks late
            self._babble_debt += min(share, 1.0) * passed_s * self.bit_rate
            bits = bits_on_wire(len(frame.data), frame.is_extended)
            while self._babble_debt >= bits:
                self._babble_debt -= bits
                for station in list(self._stations):
                    if not station.is_off:
                        station.heard(frame)
        self._ticked_s = loop.time()


def _rank(frame: CanFrame) -> tuple[int, bool, int]:
    """Whose is lower wins the bus."""
    if frame.is_extended:
        return frame.can_id >> 18, True, frame.can_id & 0x3FFFF
    return frame.can_id, False, 0


class _LineWire(CanWire):
    """The near end: a port's controller on the bus."""

    def __init__(self, line: CanLine) -> None:
        super().__init__("in-process bus", line.bit_rate)
        self._line = line
        self._station: Station | None = None

    async def _connect(self) -> None:
        if self._line.is_cut:
            raise OSError("the adapter is gone")
        self._line._wires.append(self)
        self._station = self._line.join(self._heard, self._told)

    def _disconnect(self) -> None:
        if self in self._line._wires:
            self._line._wires.remove(self)
        if self._station is not None:
            self._station.leave()
            self._station = None

    def _send(self, frame: CanFrame) -> None:
        if self._station is None:
            raise OSError(self.error)
        self._station.send(frame)

    def _heard(self, frame: CanFrame) -> None:
        if self._listener is not None:
            self._listener.frame(frame.can_id, frame.is_extended, frame.data)
