"""A wire inside one process: a socket pair, for unit tests and journeys on virtual time.

The near end is opened by a port like any other wire; what answers at the far end is a Modbus `Server` and devices of
other protocols, or whatever `on_request` is set to. The line can be cut and comes back, and what passes can be delayed,
damaged or replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable

from drivers.codecs.modbus import Carrier, Request
from drivers.codecs.modbus_server import RegisterDevice, Server
from drivers.ports.port import Port
from drivers.ports.wire import Wire
from drivers.simulated.devices import ByteDevice


class Line:
    """The far end of one in-process wire, and the maker of its near end.

    `delay_s` passes between a request and its reply. `to_device` and `to_station` see all bytes of a direction and give
    what is really handed on, in pieces. `on_request` replaces the server: it gets what came in and calls `send`.
    `on_open` is called at each new connection, for devices that talk unasked.
    """

    def __init__(self, carrier: Carrier = Carrier.RTU, character_s: float = 0.0) -> None:
        self.carrier = carrier
        self.character_s = character_s
        self.devices: dict[int, RegisterDevice] = {}
        self.byte_devices: list[ByteDevice] = []
        self.delay_s = 0.0
        self.requests: list[Request] = []
        self.to_device: Callable[[bytes], Iterable[bytes]] = lambda data: (data,)
        self.to_station: Callable[[bytes], Iterable[bytes]] = lambda data: (data,)
        self.on_request: Callable[[bytes], None] = self._serve
        self.on_open: Callable[[], None] = lambda: None
        self.is_cut = False
        self._server = Server(carrier, self.devices)
        self._far: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, address: int, device: RegisterDevice) -> None:
        """Connect a device; it answers at once."""
        self.devices[address] = device

    def attach_bytes(self, device: ByteDevice) -> None:
        """Connect a device of another protocol; it hears everything on the line."""
        device.send = self.send
        self.byte_devices.append(device)

    def wire(self) -> Wire:
        """A near end, to be opened by a port."""
        return _NearEnd(self)

    def port(self, name: str = "bus", timeout_s: float = 0.2) -> Port:
        """A port on this line, not opened yet."""
        return Port(name, self.wire(), timeout_s)

    def cut(self) -> None:
        """Take the adapter away: the near end breaks, and opening it fails until `restore`."""
        self.is_cut = True
        self._hang_up()

    def restore(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self._hang_up()

    def send(self, data: bytes) -> None:
        """Put bytes onto the wire towards the station, through `to_station`; nothing happens while it is not open."""
        for piece in self.to_station(data):
            self.send_raw(piece)

    def send_raw(self, data: bytes) -> None:
        """As `send`, past `to_station`."""
        if self._far is not None and data:
            with contextlib.suppress(OSError):
                self._far.send(data)

    def connect(self) -> socket.socket:
        """The near end's socket of a new connection. Raises OSError while the line is cut."""
        if self.is_cut:
            raise OSError("the line is cut")
        self._hang_up()
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        self._server.reset()
        self._far, self._loop = far, asyncio.get_running_loop()
        self._loop.add_reader(far.fileno(), self._readable)
        self.on_open()
        return near

    def _readable(self) -> None:
        if self._far is None:
            return
        try:
            data = self._far.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        for piece in self.to_device(data):
            self.on_request(piece)

    def _serve(self, data: bytes) -> None:
        if self._loop is None:
            return
        for served in self._server.feed(data, self._loop.time()) if self.devices else ():
            self.requests.append(served.request)
            self._answer(served.reply, self.delay_s)
        for device in self.byte_devices:
            for late in device.received(data, self._loop.time()):
                self._answer(late.data, self.delay_s + late.delay_s)

    def _answer(self, data: bytes, delay_s: float) -> None:
        if delay_s and self._loop is not None:
            self._loop.call_later(delay_s, self.send, data)
        else:
            self.send(data)

    def _hang_up(self) -> None:
        if self._far is not None and self._loop is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._far.fileno())
            self._far.close()
        self._far = None


class _NearEnd(Wire):
    def __init__(self, line: Line) -> None:
        super().__init__("in-process line")
        self.carrier = line.carrier
        self.kind = "tcp" if line.carrier is Carrier.TCP else "serial"
        self.can_go_deaf = line.carrier is Carrier.TCP
        self.character_s = line.character_s
        self._line = line
        self._socket: socket.socket | None = None

    async def _connect(self) -> int:
        self._socket = self._line.connect()
        return self._socket.fileno()

    def _disconnect(self) -> None:
        if self._socket is not None:
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
