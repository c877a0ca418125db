"""What is to be simulated: the devices that a station.toml names, and a simulation.toml that says more about them.

Only the keys needed here are read from station.toml (its full check is the station's own); simulation.toml is read
strictly. Faults are collected and said all at once.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from drivers.interfaces import ConnectorType
from drivers.simulated.controller_state import Hardware

Address = Annotated[int, Meta(ge=1, le=247)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]

LOCKED_TYPES = frozenset({ConnectorType.CHADEMO, ConnectorType.GBT, ConnectorType.TYPE2})
"""Types whose plug is locked unless simulation.toml says otherwise; CCS2 and tethered AC have no lock."""
REAL_PLACES = (("dev",), ("sys",), ("proc",))
CONTROLLER_DRIVER, METER_DRIVER, READER_DRIVER = "native", "eastron", "simulated"


class PlanError(Exception):
    """The files cannot be simulated; `faults` names each reason for people."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


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


class ConnectorPart(msgspec.Struct, frozen=True):
    """[[connector]] of station.toml."""

    number: int
    type: ConnectorType
    port: str
    meter: str
    max_current_a: Positive
    max_power_w: Positive
    driver: str = CONTROLLER_DRIVER
    address: Address = 1
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    min_current_a: NotNegative = 6.0


class MeterPart(msgspec.Struct, frozen=True):
    """[[meter]] of station.toml."""

    name: str
    port: str
    driver: str = METER_DRIVER
    address: Address = 1


class ReaderPart(msgspec.Struct, frozen=True):
    """[[reader]] of station.toml."""

    name: str
    driver: str = READER_DRIVER
    port: str = ""
    connectors: tuple[int, ...] = ()


class StationFile(msgspec.Struct, frozen=True):
    """The parts of a station.toml that name devices."""

    station: StationPart
    port: tuple[PortPart, ...] = ()
    connector: tuple[ConnectorPart, ...] = ()
    meter: tuple[MeterPart, ...] = ()
    reader: tuple[ReaderPart, ...] = ()


class SimulationPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[simulation]: what holds for all devices.

    `building_load_w` flows through the station's meter beside the connectors; `seed` makes noise repeatable.
    """

    building_load_w: NotNegative = 0.0
    cars_vanish_on_power_cut: bool = False
    seed: int = 1


class ConnectorExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[connector]] of simulation.toml: what its controller is beyond the station's file. `lock`: it has one."""

    number: int
    lock: bool | None = None
    closings_per_minute: Annotated[int, Meta(ge=1, le=600)] = 3
    boot_count: Annotated[int, Meta(ge=0, le=0xFFFF)] = 1
    vendor: Annotated[str, Meta(max_length=20)] = "Chargepoint"
    model: Annotated[str, Meta(max_length=20)] = "Simulated"
    serial: Annotated[str, Meta(max_length=24)] = ""
    firmware_version: Annotated[str, Meta(max_length=16)] = "1.0.0"
    hardware_version: Annotated[str, Meta(max_length=8)] = "1.0"


class MeterExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[meter]] of simulation.toml: what it has counted before."""

    name: str
    start_wh: NotNegative = 0.0
    serial: Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)] = 0


class SimulationFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole simulation.toml; every part may be left out."""

    simulation: SimulationPart = SimulationPart()
    connector: tuple[ConnectorExtra, ...] = ()
    meter: tuple[MeterExtra, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """Everything a simulated station is made of; `left_out` names devices that have no model here."""

    file: StationFile
    simulation: SimulationFile = SimulationFile()
    folder: Path = Path()
    left_out: tuple[str, ...] = ()

    def hardware(self, part: ConnectorPart) -> Hardware:
        """What the controller of a connector is."""
        extra = self.connector_extra(part.number)
        return Hardware(
            number=part.number,
            type=part.type,
            max_current_a=part.max_current_a,
            max_power_w=part.max_power_w,
            phases=part.phases,
            has_lock=part.type in LOCKED_TYPES if extra.lock is None else extra.lock,
            min_current_a=part.min_current_a,
            phase_voltage_v=self.file.station.phase_voltage_v,
            closings_per_minute=extra.closings_per_minute,
            vendor=extra.vendor,
            model=extra.model,
            serial=extra.serial or f"SIM-{part.number:04}",
            firmware_version=extra.firmware_version,
            hardware_version=extra.hardware_version,
        )

    def connector_extra(self, number: int) -> ConnectorExtra:
        """What simulation.toml says of a connector, or what holds without."""
        found = [extra for extra in self.simulation.connector if extra.number == number]
        return found[0] if found else ConnectorExtra(number=number)

    def meter_extra(self, name: str) -> MeterExtra:
        """What simulation.toml says of a meter, or what holds without."""
        found = [extra for extra in self.simulation.meter if extra.name == name]
        return found[0] if found else MeterExtra(name=name)

    def device_path(self, part: PortPart) -> Path | None:
        """Where the pseudo-terminal of a serial port is to be found; names are looked up beside the file.

        None: under its own name only. Places of real devices are never touched.
        """
        path = self.folder / part.device
        return None if not part.device or path.parts[1:2] in REAL_PLACES else path


def read(station: Path, simulation: Path | None = None) -> Plan:
    """The plan of two files. Raises PlanError."""
    file = _convert(_load(station), StationFile, station.name)
    extra = SimulationFile() if simulation is None else _convert(_load(simulation), SimulationFile, simulation.name)
    return checked(file, extra, station.absolute().parent)


def of_settings(settings: object, simulation: SimulationFile | None = None, folder: Path = Path()) -> Plan:
    """The plan of settings that were read already (a struct or mapping shaped like station.toml). Raises PlanError."""
    built = msgspec.to_builtins(settings)
    return checked(_convert(built, StationFile, "settings"), simulation or SimulationFile(), folder)


def checked(file: StationFile, simulation: SimulationFile, folder: Path) -> Plan:
    """A plan that can be carried out. Raises PlanError with all reasons why not."""
    faults: list[str] = []
    left_out: list[str] = []
    ports = {port.name for port in file.port}
    taken: dict[tuple[str, int], str] = {}
    readers: dict[str, str] = {}

    def place(what: str, port: str, address: int) -> None:
        if port not in ports:
            faults.append(_unknown(f"{what}, port", port, ports, "[[port]]"))
        elif (port, address) in taken:
            other = taken[port, address]
            faults.append(
                f"{what}: address {address} on port '{port}' is that of {other} already. Give it another one."
            )
        taken.setdefault((port, address), what)

    meters = {meter.name for meter in file.meter}
    for connector in file.connector:
        what = f"[[connector]] {connector.number}"
        if connector.driver != CONTROLLER_DRIVER:
            left_out.append(f"{what}: no model of driver '{connector.driver}' here; nothing answers in its place")
            continue
        place(what, connector.port, connector.address)
        if connector.meter not in meters:
            faults.append(_unknown(f"{what}, meter", connector.meter, meters, "[[meter]]"))
    for meter in file.meter:
        if meter.driver != METER_DRIVER:
            left_out.append(f"[[meter]] {meter.name}: no model of driver '{meter.driver}' here; nothing answers for it")
            continue
        place(f"[[meter]] {meter.name}", meter.port, meter.address)
    for reader in file.reader:
        what = f"[[reader]] {reader.name}"
        if reader.driver != READER_DRIVER or not reader.port:
            left_out.append(f"{what}: driver '{reader.driver}', port '{reader.port}': no model here")
        elif reader.port not in ports:
            faults.append(_unknown(f"{what}, port", reader.port, ports, "[[port]]"))
        elif reader.port in readers:
            faults.append(
                f"{what}: port '{reader.port}' has {readers[reader.port]} already. Give it a port of its own."
            )
        readers.setdefault(reader.port, what)
    for port, _ in taken:
        if port in readers:
            faults.append(f"{readers[port]}: port '{port}' carries Modbus devices. Give the reader a port of its own.")
    known = {connector.number for connector in file.connector}
    faults += [
        f"simulation.toml, [[connector]] {extra.number}: station.toml has no such connector. Remove it or add it there."
        for extra in simulation.connector
        if extra.number not in known
    ]
    faults += [
        _unknown("simulation.toml, [[meter]], name", extra.name, meters, "[[meter]]")
        for extra in simulation.meter
        if extra.name not in meters
    ]
    if faults:
        raise PlanError(list(dict.fromkeys(faults)))
    return Plan(file, simulation, folder, tuple(left_out))


def _unknown(where: str, name: str, known: set[str], section: str) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Add a {section} of this name."
    return f"{where} = '{name}': there is no {section} with this name. {hint}"


def _load(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PlanError([f"{path}: cannot be read ({error.strerror}). Name a file that exists."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError([f"{path}: is not TOML ({error}). Correct the line."]) from None


T = TypeVar("T")


def _convert(built: object, kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(built, kind)
    except msgspec.ValidationError as error:
        raise PlanError([f"{name}: {error}. Run 'chargepoint check' on it for all faults and remedies."]) from None
