"""What stands at the far end of a wire, by the kind of wire; and how simulated devices are found.

For a driver `drivers/KIND/NAME.py` its other side is `drivers/simulated/KIND/NAME.py` with one function
`face(model, part) -> Device`: `model` is what happens in truth (a `Controller`, `Meter`, `ModuleBank`, ...), `part` the
device's section of station.toml; the face says it in the maker's protocol, with its quirks. One model may have many
faces, so that plugging, faults, energy and the contactor's log are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from drivers.codecs.can import CanFrame
from drivers.codecs.modbus_server import RegisterDevice


class DevicePart(msgspec.Struct, frozen=True, kw_only=True):
    """A device's section of station.toml, whatever its kind; `options` are its driver's own."""

    kind: str
    name: str
    driver: str
    port: str = ""
    address: int = 1
    addresses: tuple[int, ...] = ()
    options: dict[str, Any] = {}


class Late(msgspec.Struct, frozen=True):
    """Bytes to put on the wire `delay_s` after the request."""

    data: bytes
    delay_s: float = 0.0


class ModbusDevice(Protocol):
    """Registers (and bits) at one address of a serial line or a TCP port."""

    @property
    def registers(self) -> RegisterDevice: ...
    @property
    def answers(self) -> bool: ...
    @property
    def delay_s(self) -> float: ...


class ByteDevice(Protocol):
    """A device of any other serial protocol. It sees every byte on its line, other devices' requests included.

    `send` is set by the port: for lines it says unasked.
    """

    send: Callable[[bytes], None]

    def received(self, data: bytes, now_s: float) -> Iterable[Late]: ...


class CanDevice(Protocol):
    """A node on a CAN bus. It sees every frame of the others; `send` is set by the bus, for what it says unasked.

    `advance` is called with the bus's time at least every 20 ms; cyclic frames leave from there.
    """

    send: Callable[[CanFrame], None]

    def received(self, frame: CanFrame, now_s: float) -> None: ...
    def advance(self, now_s: float) -> None: ...


class HttpDevice(Protocol):
    """A device with a web interface."""

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and JSON body of the answer."""
        ...


Device = ModbusDevice | ByteDevice | CanDevice | HttpDevice
