"""The line "why this speed" (hmi.md 4): the first rule that holds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.messages import ClimateState, ConnectorState, PowerState
from chargepoint.power_picture import GroupPicture, ModuleColour, ModulePicture
from chargepoint.records import Limit
from chargepoint.vocabulary import ConnectorType, ControllerStatus, HardwareFlag
from hmi.view import Moments
from hmi.why import why_key
from tests.hmi.flow import scenes


def dc(
    source: str = "vehicle", *, offered_a: float = 200.0, cap_w: float = 100_000.0, **reading: object
) -> ConnectorState:
    """A DC car in energy: `source` holds its grant; `reading` changes what it says."""
    state = scenes.charging(1)
    assert state.reading is not None
    values: dict[str, object] = {"requested_current_a": 200.0, "soc_pct": 60.0, **reading}
    return replace(
        state,
        reading=replace(state.reading, **values),
        grant=Limit(offered_a, offered_a * 400, source),
        limit=Limit(250.0, cap_w, "configured"),
    )


ONE_PHASE = replace(
    dc(requested_current_a=None, soc_pct=None, current_a=(16.0, 0.0, 0.0)), type=ConnectorType.TYPE2,
    grant=Limit(32.0, 22_000.0, "vehicle"),
)  # fmt: skip


@pytest.mark.parametrize(
    "state, key",
    [
        (dc("hardware"), "why.max"),
        (dc(flags=HardwareFlag.CABLE_OVERHEAT), "why.hot"),
        (dc("cable_temperature"), "why.hot"),
        (dc("climate"), "why.hot"),
        (dc("grid", offered_a=100.0), "why.shared"),
        (dc("modules", offered_a=100.0), "why.shared"),
        (dc("grid", cap_w=80_000.0), "why.max"),
        (dc("user"), "why.limited"),
        (dc("schedule"), "why.limited"),
        (dc("power_reduction", offered_a=100.0), "why.limited"),
        (dc(soc_pct=85.0, requested_current_a=60.0), "why.battery_full"),
        (dc(soc_pct=85.0), "why.max"),
        (dc(battery_temperature_c=4.0, requested_current_a=60.0), "why.battery_cold"),
        (dc(soc_pct=20.0, requested_current_a=70.0), "why.battery_cold"),
        (dc(battery_temperature_c=25.0, soc_pct=20.0, requested_current_a=70.0), "why.ev_asks_less"),
        (dc(requested_current_a=150.0), "why.ev_asks_less"),
        (ONE_PHASE, "why.phases"),
    ],
)
def test_the_first_rule_that_holds_is_the_line(state: ConnectorState, key: str) -> None:
    assert why_key(scenes.seen(state, scenes.charging(2)), 1) == key


def test_nothing_is_shared_with_nobody() -> None:
    assert why_key(scenes.seen(dc("grid", offered_a=100.0)), 1) == "why.station"
    assert why_key(scenes.seen(dc("grid", cap_w=80_000.0)), 1) == "why.max"


def test_a_hot_cabinet_comes_first() -> None:
    seen = scenes.seen(dc("user"), climate=ClimateState(power_pct=70.0))
    assert why_key(seen, 1) == "why.hot"


@pytest.mark.parametrize(("celsius", "key"), [(60.0, "why.shared"), (None, "why.shared"), (82.0, "why.hot")])
def test_hot_power_modules_of_its_own_are_told_apart_from_shared_ones(celsius: float | None, key: str) -> None:
    groups = [
        GroupPicture(
            name=name, bank="1", connector=connector,
            modules=(ModulePicture(number=1, colour=ModuleColour.CHARGING, temperature_c=hot),),
        )
        for name, connector, hot in (("a", 1, celsius), ("b", 2, 88.0))
    ]  # fmt: skip
    seen = scenes.seen(dc("modules", offered_a=100.0), scenes.charging(2), power=PowerState(groups=tuple(groups)))
    assert why_key(seen, 1) == key


def test_a_limit_that_does_not_bind_is_no_reason() -> None:
    """An owner's cap, or a hot cabinet, above what the car takes anyway."""
    slow = dc("vehicle", requested_current_a=100.0)
    capped = replace(slow, limit=Limit(200.0, 80_000.0, "user"))
    assert why_key(scenes.seen(capped), 1) == "why.ev_asks_less"
    assert why_key(scenes.seen(slow, climate=ClimateState(power_pct=70.0)), 1) == "why.ev_asks_less"


def test_an_ac_car_that_begins_asks_for_nothing_less_yet() -> None:
    slow = replace(ONE_PHASE, grant=Limit(32.0, 22_000.0, "vehicle"))
    assert slow.reading is not None and slow.session is not None
    slow = replace(slow, reading=replace(slow.reading, current_a=(0.0, 0.0, 0.0)))
    assert why_key(scenes.seen(slow), 1) == "why.ev_asks_less"
    assert slow.session is not None
    begins = replace(slow, session=replace(slow.session, elapsed_s=3))
    assert why_key(scenes.seen(begins), 1) == "why.max"


def test_a_falling_curve_of_a_nearly_full_battery_tells() -> None:
    chart = Moments(11, (100_000.0, 90_000.0, 60_000.0), (79.0, 80.0, 82.0))
    assert why_key(scenes.seen(dc(soc_pct=82.0), charts={1: chart}), 1) == "why.battery_full"


def test_without_energy_there_is_no_line() -> None:
    assert why_key(scenes.seen(), 1) == ""
    assert why_key(scenes.seen(dc(status=ControllerStatus.C2_INSULATION_TEST)), 1) == ""
    assert why_key(scenes.seen(), 7) == ""
