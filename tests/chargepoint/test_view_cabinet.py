"""Lines about the cabinet: only what matters, named so that somebody can go there."""

from __future__ import annotations

import pytest

from chargepoint.commands import view_cabinet
from chargepoint.messages import (
    ClimateSensorState,
    ClimateState,
    DeviceState,
    InputState,
    InstalledState,
    InsulationState,
    ModulesState,
    OutputState,
    PowerState,
    State,
    UpsState,
)
from chargepoint.power_picture import ContactorPicture, GroupPicture, LimitPicture, MovePicture
from chargepoint.vocabulary import Cause, ClimateZone, InputFunction, OutputFunction
from drivers.interfaces import InsulationReading, ModuleReading, SupplyReading

NOW_S = 1000.0


def lines(*states: State) -> list[str]:
    topics = {f"{number:03}": state for number, state in enumerate(states)}
    return [line.plain for line in view_cabinet.lines(topics, NOW_S)]


def contact(name: str, function: InputFunction, is_active: bool | None, **changes: object) -> InputState:
    return InputState(name=name, function=function, is_active=is_active, **changes)  # type: ignore[arg-type]


def device(name: str, kind: str = "io", **changes: object) -> DeviceState:
    usual: dict[str, object] = {"driver": "d", "port": "p", "address": 1, "is_answering": True}
    return DeviceState(kind=kind, name=name, **(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (contact("door", InputFunction.DOOR, False), None),
        (contact("door", InputFunction.DOOR, True), "inputs     door active"),
        (contact("door", InputFunction.DOOR, None), "inputs     door cannot be read"),
        (contact("S3", InputFunction.SMOKE, False, is_latched=True), "inputs     S3 (smoke) is over, to be cleared"),
        (
            contact("rcd-1", InputFunction.RESIDUAL_CURRENT, True, connectors=(1, 2)),
            "inputs     rcd-1 (residual_current) active, connector 1, 2",
        ),
        (contact("lid-1", InputFunction.LID, True), None),
        (contact("K1-feedback", InputFunction.CONTACTOR_FEEDBACK, True), None),
        (OutputState(name="K1", function=OutputFunction.CONTACTOR, is_on=True), None),
        (
            OutputState(name="K1", function=OutputFunction.CONTACTOR, is_on=False, cause=Cause.CONTACTOR_WELDED),
            "outputs    K1 contactor_welded",
        ),
        (
            OutputState(
                name="K1", function=OutputFunction.CONTACTOR, is_on=False, operations=9, operations_per_life=9
            ),
            "outputs    K1 worn, 9 closings",
        ),
        (UpsState(name="ups", is_answering=True, reading=SupplyReading(on_battery=False, is_low=False)), None),
        (UpsState(name="ups", is_answering=False), "supply     ups silent"),
        (
            UpsState(
                name="ups",
                is_answering=True,
                reading=SupplyReading(on_battery=True, is_low=False, charge_pct=81.4, runtime_s=1230),
                on_battery_since_mono_s=NOW_S - 34,
            ),
            "supply     ups on battery for 34 s, 81 %, 20 min left",
        ),
        (
            InsulationState(
                name="left", connector=1, is_answering=True, reading=InsulationReading(90_000.0, alarm=True)
            ),
            "insulation connector 1 too low, 90 kohm",
        ),
        (
            InsulationState(name="left", connector=1, is_answering=True, reading=InsulationReading(5e6)),
            None,
        ),
        (InsulationState(name="left", connector=1, is_answering=False), "insulation connector 1 no value"),
        (device("left"), None),
        (
            device("left", is_answering=False, last_error="no answer"),
            "devices    io left no answer · see chargepoint status --devices",
        ),
        (device("dc-1", "meter", is_answering=False), None),
        (
            device("dc-1", "meter", note="another one"),
            "devices    meter dc-1 another one · see chargepoint status --devices",
        ),
        (
            InstalledState(is_complete=True, differences=("meter/dc-1: was 1, is 2",)),
            "devices    1 is not as installed · see chargepoint status --devices",
        ),
    ],
)  # fmt: skip
def test_a_line_says_what_is_wrong_and_nothing_of_what_is_well(state: State, expected: str | None) -> None:
    assert lines(state) == ([] if expected is None else [expected])


def test_the_climate_is_always_told_and_says_why_it_takes_power() -> None:
    sensors = (
        ClimateSensorState("front", ClimateZone.FRONT, True, 24.46, 40.2),
        ClimateSensorState("rear", ClimateZone.REAR, False),
    )
    state = ClimateState(sensors=sensors, fans=(ClimateZone.FRONT,), power_pct=60.0, why="rear is hot")
    assert lines(state) == [
        "climate    front 24.5 °C 40 % · rear silent · fans front · 60 % of power: rear is hot",
    ]


def bank(name: str, *modules: ModuleReading) -> ModulesState:
    return ModulesState(name=name, modules=modules, connector=1)


def test_modules_are_counted_and_those_with_a_fault_named() -> None:
    good = ModuleReading(number=0, is_online=True, is_on=True, temperature_c=41.2)
    hot = ModuleReading(number=1, is_online=True, temperature_c=80.0, alarms=("over temperature",), has_fault=True)
    gone = ModuleReading(number=2, is_online=False)
    assert lines(bank("bank-1", good, hot), bank("bank-2", gone)) == [
        "modules    2 of 3 answer, 1 on · up to 80 °C · bank-1/1 over temperature · bank-2/2 silent"
    ]


def test_the_power_line_says_who_has_which_groups_what_moves_and_what_limits_the_station() -> None:
    state = PowerState(
        groups=(
            GroupPicture(name="G1", bank="bank", connector=1),
            GroupPicture(name="G2", bank="bank", connector=1),
            GroupPicture(name="G3", bank="bank"),
        ),
        contactors=(
            ContactorPicture(name="K11", between=("G1", "Q1"), output="K11", is_closed=True),
            ContactorPicture(
                name="K32", between=("G3", "Q2"), output="K32", is_closed=True, cause=Cause.CONTACTOR_WELDED
            ),
        ),
        moves=(MovePicture(number=4, group="G3", to_connector=2, step=5, why="its voltage falls"),),
        limit=LimitPicture(name="schedule", power_w=40_000.0),
    )
    assert lines(state) == [
        "power      limit schedule 40 kW · C1: G1, G2 · free: 1 of 3 groups · G3 free → C2, its voltage falls · "
        "K32 contactor_welded"
    ]


def test_without_contactors_the_power_line_tells_limits_only() -> None:
    group = GroupPicture(name="bank", bank="bank", connector=1)
    assert lines(PowerState(groups=(group,), limit=LimitPicture(name="grid", power_w=100_000.0))) == []


def test_of_many_the_first_are_named_and_the_rest_counted() -> None:
    modules = [ModuleReading(number=number, is_online=False) for number in range(24)]
    (line,) = lines(bank("bank", *modules))
    assert line.endswith("bank/3 silent · 20 more")
