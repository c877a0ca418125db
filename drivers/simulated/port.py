"""One simulated port: a far end, and behind it what hangs on such a wire: a line of devices, a card reader, a CAN bus,
a web interface."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import Server
from drivers.simulated.bus import Bus
from drivers.simulated.can_line import CanLine
from drivers.simulated.ends import End, Peer
from drivers.simulated.http_end import HttpHandler
from drivers.simulated.reader import SimulatedReader

log = logging.getLogger(__name__)


class BusHandler:
    """Serves the devices of a bus to whoever is at the near end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._servers: dict[Peer, Server] = {}
        for device in bus.byte_devices:
            device.send = self._say

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

    def _say(self, data: bytes) -> None:
        """What a device says unasked."""
        if not self._bus.is_cut and self._bus.is_powered:
            for peer in list(self._servers):
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
    """A port with its far end (None until one is made) and what is behind it: always a bus (perhaps of nothing), and a
    reader, a CAN bus or a web interface where it is such a port."""

    def __init__(
        self,
        name: str,
        handler: CountingHandler,
        bus: Bus,
        *,
        reader: SimulatedReader | None = None,
        can: CanLine | None = None,
        web: HttpHandler | None = None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.bus = bus
        self.reader = reader
        self.can = can
        self.web = web
        self.end: End | None = None
        self.is_unplugged = False

    def cut(self, *, unplug: bool) -> None:
        """Silence on the wire; with `unplug` the adapter itself is gone."""
        self.bus.is_cut = True
        if self.reader is not None:
            self.reader.is_powered = False
        if self.can is not None:
            self.can.is_silent = True
        if self.web is not None:
            self.web.is_silent = True
        if unplug:
            self.is_unplugged = True
            if self.can is not None:
                self.can.cut()
            if self.end is not None:
                self.end.unplug()

    def restore(self) -> None:
        """The wire is whole again. Raises OSError when a far end cannot be made anew."""
        self.bus.is_cut = False
        if self.can is not None:
            self.can.restore()
        if self.web is not None:
            self.web.is_silent, self.web.delay_s = not self.bus.is_powered, 0.0
        if self.is_unplugged and self.end is not None:
            self.end.start()
        self.is_unplugged = False
        if self.reader is not None:
            self.reader.is_powered = True
            self.reader.received(b"")

    def power(self, on: bool) -> None:
        """The supply of what hangs on it."""
        self.bus.is_powered = on
        if self.can is not None:
            self.can.is_powered = on
        if self.web is not None:
            self.web.is_silent = not on or self.bus.is_cut
        if self.reader is not None and not self.bus.is_cut:
            self.reader.is_powered = on
            if on:
                self.reader.received(b"")

    def close(self) -> None:
        if self.can is not None:
            self.can.close()
        if self.end is not None:
            self.end.close()
            self.end = None
