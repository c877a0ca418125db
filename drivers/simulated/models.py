"""Models of all devices of a plan, and how they hang together: one truth for each thing, whoever asks for it.

To add a kind of device: a line in `MAKERS` (how its model is made), in `DEEDS` (what can be done to it by the control
interface) and in view.py (what is shown of it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from drivers.loading import KIND_OF_SECTION
from drivers.simulated import faces
from drivers.simulated.climate_model import ClimateFaults, ClimateModel
from drivers.simulated.controller import Controller
from drivers.simulated.insulation_model import Isolation
from drivers.simulated.io_model import IoFaults, IoModel
from drivers.simulated.meter import Meter, MeterFaults
from drivers.simulated.module_bank import ModuleBank, ModuleFault, Ratings
from drivers.simulated.outlet import Outlet
from drivers.simulated.plan import Plan
from drivers.simulated.reader import SimulatedReader
from drivers.simulated.reader_field import CardField
from drivers.simulated.strip_model import StripModel
from drivers.simulated.ups_model import UpsFaults, UpsModel

Model = Any
"""Whatever a kind's faces speak for."""


class Models:
    """All models of a plan by kind and name. Connectors are outlets: a controller with the people at it."""

    def __init__(self, plan: Plan, now_s: float) -> None:
        self.plan = plan
        self.now_s = now_s
        self.by_kind: dict[str, dict[str, Model]] = {kind: {} for kind in KIND_OF_SECTION}
        for kind, make in MAKERS.items():
            for part in plan.simulated(kind):
                self.by_kind[kind][part.name] = make(self, part)

    def get(self, kind: str, name: str) -> Model | None:
        return self.by_kind.get(kind, {}).get(name)

    @property
    def outlets(self) -> dict[str, Outlet]:
        return self.by_kind["connector"]

    def all(self) -> Iterator[tuple[str, str, Model]]:
        """Kind, name and model of each device."""
        for kind, models in self.by_kind.items():
            for name, model in models.items():
                yield kind, name, model

    def of_face(self, kind: str, name: str) -> Model:
        """What the face of a device is given."""
        model = self.by_kind[kind][name]
        return model.controller if isinstance(model, Outlet) else model


def _connector(models: Models, part: Any) -> Outlet:
    extra = models.plan.connector_extra(part.number)
    return Outlet(Controller(models.plan.hardware(part), now_s=models.now_s, boot_count=extra.boot_count))


def _meter(models: Models, part: Any) -> Meter:
    """It sees what flows at its connector, or at all when it is the station's."""
    plan = models.plan
    is_main = part.name == plan.file.station.meter
    extra = plan.meter_extra(part.name)
    seen = [
        connector
        for connector in plan.file.connector
        if connector.name in models.outlets and (is_main or connector.meter == part.name)
    ]
    return Meter(
        part.name,
        [models.outlets[connector.name].controller.output for connector in seen],
        turns=[connector.first_phase - 1 if is_main else 0 for connector in seen],
        start_wh=extra.start_wh,
        building_load_w=plan.simulation.simulation.building_load_w if is_main else 0.0,
        phase_voltage_v=plan.file.station.phase_voltage_v,
        serial=extra.serial,
        now_s=models.now_s,
    )


def _modules(models: Models, part: Any) -> ModuleBank:
    extra = models.plan.modules_extra(part.name)
    ratings = faces.ratings(part.driver)
    for said in (part, extra):  # simulation.toml knows it better than the station file
        given = {name: getattr(said, name, None) for name in Ratings.__struct_fields__}
        ratings = msgspec.structs.replace(ratings, **{key: value for key, value in given.items() if value is not None})
    return ModuleBank(part.addresses, ratings)


def _insulation(models: Models, part: Any) -> Isolation:
    """It watches the outputs that name it."""
    outputs = [
        models.outlets[connector.name].controller.output
        for connector in models.plan.file.connector
        if connector.insulation == part.name and connector.name in models.outlets
    ]
    return Isolation(lambda: max((output.voltage_v for output in outputs), default=0.0))


def _sensor(models: Models, part: Any) -> ClimateModel:
    extra = models.plan.sensor_extra(part.name)
    return ClimateModel(part.name, temperature_c=extra.temperature_c, humidity_pct=extra.humidity_pct)


def _reader(models: Models, part: Any) -> SimulatedReader | CardField:
    """One that speaks for itself, or a field for a maker's reader."""
    if ("reader", part.driver) in faces.BUILT_IN:
        return SimulatedReader(part.name, part.connectors)
    return CardField(part.name, part.connectors)


MAKERS: dict[str, Callable[[Models, Any], Model]] = {
    "connector": _connector,
    "meter": _meter,
    "reader": _reader,
    "modules": _modules,
    "insulation": _insulation,
    "io": lambda models, part: IoModel(part.name),
    "sensor": _sensor,
    "light": lambda models, part: StripModel(part.name, part.pixels),
    "ups": lambda models, part: UpsModel(part.name),
}
"""Kind of section -> how its model is made, in this order (a meter sees connectors)."""


class _Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BankFaults(_Faults, frozen=True, kw_only=True):
    """What to make of power modules: of `module` (its number) or of all. `fault` puts one on, `clear` takes that away
    (or all of them), `restart` is a dip of its supply, `temperature_c` holds its temperature until `clear`."""

    module: int | None = None
    fault: ModuleFault | None = None
    clear: bool = False
    restart: bool = False
    temperature_c: Annotated[float, Meta(ge=-40, le=150)] | None = None


class IsolationFaults(_Faults, frozen=True, kw_only=True):
    """What to make of an output's insulation and its monitor; None leaves a thing as it is. `fault` is the number of
    a fault of the monitor itself, 0 for none."""

    resistance_ohm: Annotated[float, Meta(ge=0)] | None = None
    silent: bool | None = None
    valid: bool | None = None
    fault: int | None = None
    delay_s: Annotated[float, Meta(ge=0, le=600)] | None = None


def _break_bank(bank: ModuleBank, faults: BankFaults) -> None:
    """Raises KeyError for a module that is not there."""
    for number in bank.modules if faults.module is None else (faults.module,):
        if faults.clear:
            bank.clear(number, faults.fault)
            bank.modules[number].held_c = None
        elif faults.fault is not None:
            bank.break_down(number, faults.fault)
        if faults.temperature_c is not None:
            bank.modules[number].held_c = faults.temperature_c
        if faults.restart:
            bank.modules[number].restart()


def _break_isolation(model: Isolation, faults: IsolationFaults) -> None:
    if faults.silent is not None:
        model.is_answering = not faults.silent
    for name, value in (
        ("resistance_ohm", faults.resistance_ohm),
        ("is_valid", faults.valid),
        ("fault", faults.fault),
        ("delay_s", faults.delay_s),
    ):
        if value is not None:
            setattr(model, name, value)


class Deed(msgspec.Struct, frozen=True):
    """What can be done to a kind of device: `faults` is the struct that says it, `do` does it."""

    faults: type[msgspec.Struct]
    do: Callable[[Any, Any], None]


DEEDS: dict[str, Deed] = {
    "meter": Deed(MeterFaults, Meter.set_faults),
    "modules": Deed(BankFaults, _break_bank),
    "insulation": Deed(IsolationFaults, _break_isolation),
    "io": Deed(IoFaults, IoModel.set_faults),
    "sensor": Deed(ClimateFaults, ClimateModel.set_faults),
    "ups": Deed(UpsFaults, UpsModel.set_faults),
}
"""Kind -> what the control interface can do to its devices; inputs and outputs stand in wiring.py."""
