"""What is to be simulated: the devices that a station.toml names, and a simulation.toml that says more about them.

Only the keys needed here are read from station.toml (its full check is the station's own); simulation.toml is read
strictly. Faults are collected and said all at once.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from drivers.interfaces import ConnectorType
from drivers.loading import KIND_OF_SECTION
from drivers.simulated import faces
from drivers.simulated.controller_state import Hardware
from drivers.simulated.devices import DevicePart
from drivers.simulated.parts import (
    ConnectorExtra,
    ConnectorPart,
    MeterExtra,
    ModulesExtra,
    Part,
    PortPart,
    SensorExtra,
    SimulationFile,
    SimulationPart,
    StationFile,
)

__all__ = ["Plan", "PlanError", "PortPart", "SimulationFile", "SimulationPart", "checked", "of_settings", "read"]

LOCKED_TYPES = frozenset({ConnectorType.CHADEMO, ConnectorType.GBT, ConnectorType.TYPE2})
"""Types whose plug is locked unless simulation.toml says otherwise; CCS2 and tethered AC have no lock."""
REAL_PLACES = (("dev",), ("sys",), ("proc",))
MEMORY = Path("/dev/shm")  # noqa: S108 where it is, not what is made there
"""Files in memory, no devices."""
READER_DRIVER = "simulated"
SHARED_KINDS = frozenset({"serial", "tcp", "can"})
"""Kinds of port on which several devices hang, each at an address of its own."""


class PlanError(Exception):
    """The files cannot be simulated; `faults` names each reason for people."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


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
            module_controller_version="1.0.0" if part.type.power_type.value == "DC" else "",
            has_two_banks=extra.two_banks,
        )

    def connector_extra(self, number: int) -> ConnectorExtra:
        """What simulation.toml says of a connector, or what holds without."""
        found = [extra for extra in self.simulation.connector if extra.number == number]
        return found[0] if found else ConnectorExtra(number=number)

    def meter_extra(self, name: str) -> MeterExtra:
        """What simulation.toml says of a meter, or what holds without."""
        found = [extra for extra in self.simulation.meter if extra.name == name]
        return found[0] if found else MeterExtra(name=name)

    def sensor_extra(self, name: str) -> SensorExtra:
        """What simulation.toml says of a sensor, or what holds without."""
        found = [extra for extra in self.simulation.sensor if extra.name == name]
        return found[0] if found else SensorExtra(name=name)

    def modules_extra(self, name: str) -> ModulesExtra:
        """What simulation.toml says of power modules, or what holds without."""
        found = [extra for extra in self.simulation.modules if extra.name == name]
        return found[0] if found else ModulesExtra(name=name)

    def is_within_a_box(self, meter: DevicePart) -> bool:
        """Whether a meter is the one within a connector's controller, which answers for it."""
        place = meter.driver, meter.port, meter.address
        boxes = (each.device() for each in self.file.connector)
        return any((each.driver, each.port, each.address) == place for each in boxes)

    def is_simulated(self, kind: str, part: Part | ConnectorPart) -> bool:
        """Whether there is a model for a device."""
        return not (kind == "reader" and not part.port) and faces.is_known(kind, part.driver)

    def simulated(self, kind: str) -> Iterator[Part | ConnectorPart]:
        """The devices of a kind for which there is a model."""
        return (part for part in self.file.parts(kind) if self.is_simulated(kind, part))

    def device_path(self, part: PortPart) -> Path | None:
        """Where the pseudo-terminal of a serial port is to be found; names are looked up beside the file.

        None: under its own name only. Places of real devices are never touched.
        """
        path = self.folder / part.device
        is_real = path.parts[1:2] in REAL_PLACES and not path.is_relative_to(MEMORY)
        return None if not part.device or is_real else path


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
    plan = Plan(file, simulation, folder)
    faults = [*_places(plan), *_links(plan), *_extras(plan)]
    if faults:
        raise PlanError(list(dict.fromkeys(faults)))
    left_out = [
        f"{_what(kind, part)}: no model of driver '{part.driver}' here; nothing answers in its place"
        for kind in KIND_OF_SECTION
        for part in file.parts(kind)
        if not plan.is_simulated(kind, part)
    ]
    return msgspec.structs.replace(plan, left_out=tuple(left_out))


def _places(plan: Plan) -> Iterator[str]:
    """Each device has a port that is there, and a place on it for itself."""
    ports = {port.name: port.kind for port in plan.file.port}
    taken: dict[tuple[str, int], str] = {}
    alone: dict[str, str] = {}
    for kind in KIND_OF_SECTION:
        for part in plan.simulated(kind):
            what = _what(kind, part)
            if (kind, part.driver) in faces.WITHOUT_WIRE:
                continue
            if part.port not in ports:
                yield _unknown(f"{what}, port", part.port, set(ports), "[[port]]")
                continue
            if kind == "reader" or ports[part.port] not in SHARED_KINDS:
                if part.port in alone:
                    yield f"{what}: port '{part.port}' has {alone[part.port]} already. Give it a port of its own."
                alone.setdefault(part.port, what)
                continue
            device = part.device(kind)
            if kind == "meter" and plan.is_within_a_box(device):
                continue
            for address in device.addresses if kind == "modules" else (device.address,):
                if kind in ("light", "ups"):
                    break
                if (part.port, address) in taken and ports[part.port] != "can":
                    other = taken[part.port, address]
                    yield (
                        f"{what}: address {address} on port '{part.port}' is that of {other} already. "
                        "Give it another one."
                    )
                taken.setdefault((part.port, address), what)
    for port, _ in taken:
        if port in alone:
            yield f"{alone[port]}: port '{port}' carries other devices. Give the reader a port of its own."


def _links(plan: Plan) -> Iterator[str]:
    """What a section names is there."""
    file = plan.file
    meters = {part.name for part in file.meter}
    for connector in plan.file.connector:
        what = f"[[connector]] {connector.number}"
        if plan.is_simulated("connector", connector) and connector.meter not in meters:
            yield _unknown(f"{what}, meter", connector.meter, meters, "[[meter]]")
        for key, section, name in (
            ("contactor", "output", connector.contactor),
            ("modules", "modules", connector.modules),
            ("insulation", "insulation", connector.insulation),
        ):
            known = {each.name for each in getattr(file, section)}
            if name and name not in known:
                yield _unknown(f"{what}, {key}", name, known, f"[[{section}]]")
    for section, key, target in (("group", "modules", "modules"), ("switch", "output", "output")):
        known = {each.name for each in getattr(file, target)}
        for each in getattr(file, section):
            if getattr(each, key) not in known:
                yield _unknown(f"[[{section}]] {each.name}, {key}", getattr(each, key), known, f"[[{target}]]")
    modules = {part.name for part in file.io}
    for section, line in [("input", each) for each in file.input] + [("output", each) for each in file.output]:
        if line.io not in modules:
            yield _unknown(f"[[{section}]] {line.name}, io", line.io, modules, "[[io]]")


def _extras(plan: Plan) -> Iterator[str]:
    """simulation.toml speaks of devices that are there."""
    numbers = {connector.number for connector in plan.file.connector}
    for extra in plan.simulation.connector:
        if extra.number not in numbers:
            yield (
                f"simulation.toml, [[connector]] {extra.number}: station.toml has no such connector. "
                "Remove it or add it there."
            )
    for section in ("meter", "sensor", "modules"):
        known = {part.name for part in plan.file.parts(section)}
        for named in getattr(plan.simulation, section):
            if named.name not in known:
                yield _unknown(f"simulation.toml, [[{section}]], name", named.name, known, f"[[{section}]]")


def _what(kind: str, part: Part | ConnectorPart) -> str:
    return f"[[{kind}]] {part.name}"


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
