"""Sections of station.toml and simulation.toml, as far as a simulation needs them. The full check of a station file is
the station's own; simulation.toml is read strictly."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from drivers import loading
from drivers.interfaces import ConnectorType
from drivers.simulated.devices import DevicePart

Address = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class StationPart(msgspec.Struct, frozen=True):
    """[station] of station.toml, as far as it matters here."""

    name: str = "station"
    meter: str = ""
    phase_voltage_v: Positive = 230.0


class PortPart(msgspec.Struct, frozen=True):
    """[[port]] of station.toml."""

    name: str
    kind: str = "serial"
    device: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 502
    interface: str = "socketcan"
    bit_rate: Annotated[int, Meta(ge=10_000, le=1_000_000)] = 125_000


class Part(msgspec.Struct, frozen=True):
    """What the sections of devices have in common."""

    name: str
    driver: str
    port: str = ""
    options: dict[str, Any] = {}

    def device(self, kind: str) -> DevicePart:
        """As its face is told of it."""
        return DevicePart(
            kind=kind,
            name=self.name,
            driver=self.driver,
            port=self.port,
            address=loading.address_of(kind, getattr(self, "address", None), self.driver),
            addresses=getattr(self, "addresses", ()),
            options=self.options,
        )


class ConnectorPart(msgspec.Struct, frozen=True):
    """[[connector]] of station.toml."""

    number: int
    type: ConnectorType
    meter: str
    max_current_a: Positive
    max_power_w: Positive
    port: str = ""
    driver: str = "native"
    address: Address | None = None
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    min_current_a: NotNegative = 6.0
    contactor: str = ""
    modules: str = ""
    bus: str = ""
    first_phase: Annotated[int, Meta(ge=1, le=3)] = 1
    insulation: str = ""
    options: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return str(self.number)

    def device(self, kind: str = "connector") -> DevicePart:
        """As its face is told of it."""
        return DevicePart(
            kind=kind,
            name=self.name,
            driver=self.driver,
            port=self.port,
            address=loading.address_of(kind, self.address, self.driver),
            options=self.options,
        )


class MeterPart(Part, frozen=True):
    """[[meter]] of station.toml."""

    driver: str = "eastron"
    address: Address | None = None


class ReaderPart(Part, frozen=True):
    """[[reader]] of station.toml."""

    driver: str = "simulated"
    connectors: tuple[int, ...] = ()


class ModulesPart(Part, frozen=True):
    """[[modules]] of station.toml."""

    addresses: tuple[Address, ...] = ()
    min_voltage_v: NotNegative | None = None
    max_voltage_v: Positive | None = None
    max_current_a: Positive | None = None
    max_power_w: Positive | None = None


class GroupPart(msgspec.Struct, frozen=True):
    """[[group]] of station.toml: modules of a bank (all of them when none is named) at one bus."""

    name: str
    modules: str
    addresses: tuple[Address, ...] = ()
    bus: str = ""


class SwitchPart(msgspec.Struct, frozen=True):
    """[[switch]] of station.toml: the contactor that an [[output]] drives, between two buses."""

    name: str
    between: tuple[str, str]
    output: str


class InsulationPart(Part, frozen=True):
    """[[insulation]] of station.toml."""

    address: Address | None = None


class IoPart(Part, frozen=True):
    """[[io]] of station.toml."""

    address: Address | None = None


class InputPart(msgspec.Struct, frozen=True):
    """[[input]] of station.toml."""

    name: str
    function: str
    io: str
    channel: Annotated[int, Meta(ge=0, le=255)]
    normally_closed: bool | None = None
    connectors: tuple[int, ...] = ()


class OutputPart(msgspec.Struct, frozen=True):
    """[[output]] of station.toml."""

    name: str
    function: str
    io: str
    channel: Annotated[int, Meta(ge=0, le=255)]
    inverted: bool = False
    feedback: str = ""
    zone: str | None = None
    connector: int = 0


class SensorPart(Part, frozen=True):
    """[[sensor]] of station.toml."""

    zone: str = "inner"
    address: Address | None = None


class LightPart(Part, frozen=True):
    """[[light]] of station.toml."""

    pixels: Annotated[int, Meta(ge=1, le=2000)] = 60


class UpsPart(Part, frozen=True):
    """[[ups]] of station.toml."""

    driver: str = "nut"


class StationFile(msgspec.Struct, frozen=True):
    """The parts of a station.toml that name devices."""

    station: StationPart
    port: tuple[PortPart, ...] = ()
    connector: tuple[ConnectorPart, ...] = ()
    meter: tuple[MeterPart, ...] = ()
    reader: tuple[ReaderPart, ...] = ()
    modules: tuple[ModulesPart, ...] = ()
    group: tuple[GroupPart, ...] = ()
    switch: tuple[SwitchPart, ...] = ()
    insulation: tuple[InsulationPart, ...] = ()
    io: tuple[IoPart, ...] = ()
    input: tuple[InputPart, ...] = ()
    output: tuple[OutputPart, ...] = ()
    sensor: tuple[SensorPart, ...] = ()
    light: tuple[LightPart, ...] = ()
    ups: tuple[UpsPart, ...] = ()

    def parts(self, kind: str) -> tuple[Part | ConnectorPart, ...]:
        """All sections of a kind (a key of KIND_OF_SECTION)."""
        found: tuple[Part | ConnectorPart, ...] = getattr(self, kind)
        return found


class SimulationPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[simulation]: what holds for all devices.

    `building_load_w` flows through the station's meter beside the connectors; `seed` makes noise repeatable.
    """

    building_load_w: NotNegative = 0.0
    cars_vanish_on_power_cut: bool = False
    seed: int = 1


class ConnectorExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[connector]] of simulation.toml: what its controller is beyond the station's file. `lock`: it has one;
    `two_banks`: its old firmware stays until a new one was started."""

    number: int
    lock: bool | None = None
    closings_per_minute: Annotated[int, Meta(ge=1, le=600)] = 3
    boot_count: Annotated[int, Meta(ge=0, le=0xFFFF)] = 1
    vendor: Annotated[str, Meta(max_length=20)] = "Chargepoint"
    model: Annotated[str, Meta(max_length=20)] = "Simulated"
    serial: Annotated[str, Meta(max_length=24)] = ""
    firmware_version: Annotated[str, Meta(max_length=16)] = "1.0.0"
    hardware_version: Annotated[str, Meta(max_length=8)] = "1.0"
    two_banks: bool = False


class MeterExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[meter]] of simulation.toml: what it has counted before."""

    name: str
    start_wh: NotNegative = 0.0
    serial: Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)] = 0


class SensorExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[sensor]] of simulation.toml: what it measures at the beginning. With `outside_c` it follows the air of its zone
    (cabinet.py) from then on."""

    name: str
    temperature_c: Annotated[float, Meta(ge=-100, le=200)] = 22.0
    outside_c: Annotated[float, Meta(ge=-60, le=60)] | None = None
    humidity_pct: Annotated[float, Meta(ge=0, le=100)] = 45.0


class ModulesExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[modules]] of simulation.toml: what each of them can; not set: as the maker's."""

    name: str
    max_voltage_v: Positive | None = None
    min_voltage_v: NotNegative | None = None
    max_current_a: Positive | None = None
    max_power_w: Positive | None = None
    silent_off_s: Positive | None = None


class SimulationFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole simulation.toml; every part may be left out."""

    simulation: SimulationPart = SimulationPart()
    connector: tuple[ConnectorExtra, ...] = ()
    meter: tuple[MeterExtra, ...] = ()
    sensor: tuple[SensorExtra, ...] = ()
    modules: tuple[ModulesExtra, ...] = ()
