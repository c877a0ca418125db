"""What a driver says of itself: one `ABOUT` in each driver module.

`chargepoint check`, `chargepoint discover` and docs/devices.md read it, so nothing about a device stands in two places.
"""

from __future__ import annotations

import enum

import msgspec

from drivers.interfaces import FailSafe


class Tested(enum.StrEnum):
    """How far a driver has been proven. Nobody had the device itself in hand where it says simulated."""

    DEVICE = "on the device"
    SIMULATED = "against a simulated device on the real wire, and by published byte sequences"


class Modules(enum.Enum):
    """Who commands the power modules behind a DC controller: itself, the station ([[modules]]), or either of them."""

    OWN = "own"
    STATION = "station"
    EITHER = "either"


class Line(msgspec.Struct, frozen=True):
    """A serial line's settings as they leave the factory."""

    baud_rate: int
    parity: str = "N"
    stop_bits: int = 1
    data_bits: int = 8

    def __str__(self) -> str:
        """As in `9600 8N1`."""
        return f"{self.baud_rate} {self.data_bits}{self.parity}{self.stop_bits}"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A driver's own description.

    `ports`: kinds of [[port]] it works on (serial, tcp, can, http, gpio, spi; empty: none). `lines`: factory settings
    of its serial line, the commonest first. `addresses`: where the device is found as delivered, the commonest first.
    `abilities`: short phrases for the table, as "import", "export", "signed records". `confidence`: 2 when two or more
    independent public sources (or the maker's own document) agree on the protocol, 1 for one source, 0 where parts are
    inferred. `fail_safe` is what the device does by itself when this software falls silent. `quirks`: what an installer
    must know. `is_modbus` False: it speaks another protocol on its serial line or TCP port.
    `modules`: who commands the power modules of a DC controller.
    """

    vendor: str
    models: tuple[str, ...]
    ports: tuple[str, ...]
    abilities: tuple[str, ...]
    source: str
    confidence: int
    lines: tuple[Line, ...] = ()
    addresses: tuple[int, ...] = ()
    bit_rates: tuple[int, ...] = ()
    fail_safe: FailSafe = FailSafe.OPENS
    tested: Tested = Tested.SIMULATED
    quirks: tuple[str, ...] = ()
    is_modbus: bool = True
    modules: Modules = Modules.OWN
