"""A [[port]] section -> its wire, and the port that owns it. What a kind of port needs is loaded when one is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from drivers.ports.wire import Wire, open_wire

if TYPE_CHECKING:
    from drivers.ports.can import CanPort
    from drivers.ports.can_wire import CanWire
    from drivers.ports.gpio import GpioPort, Requesting
    from drivers.ports.http import HttpPort
    from drivers.ports.port import Port
    from drivers.ports.spi import Opening, SpiPort


class PortPart(Protocol):
    """A [[port]] section."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def baud_rate(self) -> int: ...
    @property
    def parity(self) -> str: ...
    @property
    def stop_bits(self) -> int: ...
    @property
    def data_bits(self) -> int: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def interface(self) -> str: ...
    @property
    def bit_rate(self) -> int: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def timeout_s(self) -> float: ...


class WebPlace(msgspec.Struct, frozen=True):
    """Where the web interface of a device is."""

    host: str
    port: int


class LocalDevice(msgspec.Struct, frozen=True):
    """A device file of this machine: a GPIO chip or an SPI bus. `stand_in` opens something else in its place."""

    path: str
    stand_in: Requesting | Opening | None = None


AnyWire: TypeAlias = "Wire | CanWire | WebPlace | LocalDevice"
AnyPort: TypeAlias = "Port | CanPort | HttpPort | GpioPort | SpiPort"


def wire_of(part: PortPart) -> AnyWire:
    """What a port is made on, not opened yet. Raises ValueError for what no port can be made of."""
    if part.kind in ("serial", "tcp"):
        return open_wire(
            part.kind,
            device=part.device,
            baud_rate=part.baud_rate,
            parity=part.parity,
            stop_bits=part.stop_bits,
            data_bits=part.data_bits,
            host=part.host,
            port=part.port,
        )
    if part.kind == "can":
        from drivers.ports.can_wire import open_can_wire

        return open_can_wire(part.interface, part.device, part.bit_rate, part.options)
    if part.kind == "http":
        return WebPlace(part.host, part.port)
    if part.kind in ("gpio", "spi"):
        return LocalDevice(part.device)
    raise ValueError(f"[[port]] {part.name}: kind {part.kind!r} must be serial, tcp, can, http, gpio or spi")


def port_on(part: PortPart, wire: AnyWire) -> AnyPort:
    """The owner of `wire`, not opened yet."""
    if isinstance(wire, Wire):
        from drivers.ports.port import Port

        return Port(part.name, wire, part.timeout_s)
    if isinstance(wire, WebPlace):
        from drivers.ports.http import HttpPort

        return HttpPort(part.name, wire.host, wire.port, part.timeout_s)
    if isinstance(wire, LocalDevice):
        if part.kind == "gpio":
            from drivers.ports.gpio import GpioPort

            return GpioPort(part.name, wire.path, wire.stand_in)  # type: ignore[arg-type]  # by its kind
        from drivers.ports.spi import SpiPort

        return SpiPort(part.name, wire.path, wire.stand_in)  # type: ignore[arg-type]  # by its kind
    from drivers.ports.can import CanPort

    return CanPort(part.name, wire, part.timeout_s)


def open_port(part: PortPart) -> AnyPort:
    """The port of a section, on its real wire, not opened yet. Raises ValueError."""
    return port_on(part, wire_of(part))
