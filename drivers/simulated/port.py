"""One simulated port: a far end, and behind it either a bus of Modbus devices or one card reader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import RegisterDevice, Server
from drivers.simulated.bus import Bus
from drivers.simulated.controller import Controller
from drivers.simulated.ends import End, Peer
from drivers.simulated.meter import Meter
from drivers.simulated.reader import SimulatedReader
from drivers.simulated.registers import ControllerRegisters, Sdm630Registers

log = logging.getLogger(__name__)


class ControllerDevice:
    """A controller on a bus."""

    delay_s = 0.0

    def __init__(self, controller: Controller) -> None:
        self.registers: RegisterDevice = ControllerRegisters(controller)
        self._controller = controller

    @property
    def answers(self) -> bool:
        return self._controller.answers


class MeterDevice:
    """A meter on a bus; without the station's supply it does not answer, but forgets nothing."""

    def __init__(self, meter: Meter, is_powered: Callable[[], bool]) -> None:
        self.registers: RegisterDevice = Sdm630Registers(meter)
        self._meter = meter
        self._is_powered = is_powered

    @property
    def answers(self) -> bool:
        return self._is_powered() and not self._meter.silent

    @property
    def delay_s(self) -> float:
        return self._meter.delay_s


class BusHandler:
    """Serves the devices of a bus to whoever is at the near end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._servers: dict[Peer, Server] = {}

    @property
    def peers(self) -> int:
        return len(self._servers)

    def opened(self, peer: Peer, carrier: Carrier) -> None:
        self._servers[peer] = self._bus.server(carrier)

    def received(self, peer: Peer, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            replies = list(self._bus.received(self._servers[peer], data, loop.time()))
        except ConnectionError as error:
            log.info("port '%s': %s; connection closed", self._bus.name, error)
            self._servers[peer].reset()
            peer.hang_up()
            return
        for reply in replies:
            if reply.delay_s:
                loop.call_later(reply.delay_s, self._send_late, peer, reply.data)
            else:
                peer.send(reply.data)

    def closed(self, peer: Peer) -> None:
        self._servers.pop(peer, None)

    def _send_late(self, peer: Peer, data: bytes) -> None:
        if peer in self._servers and not self._bus.is_cut:
            peer.send(data)


class ReaderHandler:
    """Lets a reader talk to one listener at a time; the newest one has it."""

    def __init__(self, reader: SimulatedReader) -> None:
        self._reader = reader
        self._peer: Peer | None = None

    @property
    def peers(self) -> int:
        return int(self._peer is not None)

    def opened(self, peer: Peer, carrier: Carrier) -> None:
        self._peer = peer
        self._reader.opened(peer.send)

    def received(self, peer: Peer, data: bytes) -> None:
        if peer is self._peer:
            self._reader.received(data)

    def closed(self, peer: Peer) -> None:
        if peer is self._peer:
            self._peer = None
            self._reader.closed_off()


class CountingHandler(Protocol):
    """What serves a far end."""

    @property
    def peers(self) -> int: ...

    def opened(self, peer: Peer, carrier: Carrier) -> None: ...

    def received(self, peer: Peer, data: bytes) -> None: ...

    def closed(self, peer: Peer) -> None: ...


class SimulatedPort:
    """A port with its far end (None until one is made) and what is behind it."""

    def __init__(self, name: str, handler: CountingHandler, bus: Bus, reader: SimulatedReader | None) -> None:
        self.name = name
        self.handler = handler
        self.bus = bus
        self.reader = reader
        self.end: End | None = None
        self.is_unplugged = False

    def cut(self, *, unplug: bool) -> None:
        """Silence on the wire; with `unplug` the adapter itself is gone."""
        self.bus.is_cut = True
        if self.reader is not None:
            self.reader.is_powered = False
        if unplug and self.end is not None:
            self.is_unplugged = True
            self.end.unplug()

    def restore(self) -> None:
        """The wire is whole again. Raises OSError when a far end cannot be made anew."""
        self.bus.is_cut = False
        if self.is_unplugged and self.end is not None:
            self.end.start()
        self.is_unplugged = False
        if self.reader is not None:
            self.reader.is_powered = True
            self.reader.received(b"")

    def close(self) -> None:
        if self.end is not None:
            self.end.close()
            self.end = None
