"""Further limits of the station at work: phases, imbalance, generator operation, the owner's limits (power.md 2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint import actions
from chargepoint.actions import Asker
from chargepoint.guards import confirmed
from chargepoint.messages import ActionResult
from chargepoint.station import power
from chargepoint.vocabulary import Role, StopSource
from drivers.simulated.io_model import IoFaults
from drivers.simulated.meter import MeterFaults
from drivers.simulated.models import BankFaults
from tests.journeys.cabinets import MODULE, touch
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.shared import CAR, groups_of, leave_all, matrix
from tests.journeys.shared import charge as shared_charge
from tests.journeys.steps import OTHER_CARD, TWO_AC, charge, leave, plug, settle, show_card, until_transaction_ends

PHASES = (
    TWO_AC.replace('name = "one"', 'name = "one"\nmeter = "main"\nphase_limit_a = 40', 1).replace(
        'type = "TYPE2"\nport = "bus"\naddress = 2', 'type = "TYPE2"\nport = "bus"\naddress = 2\nfirst_phase = 2'
    )
    + """
[[meter]]
name = "main"
port = "bus"
address = 20
"""
)
GENERATOR = (
    ONE_AC
    + MODULE
    + """
[[input]]
name = "generator"
function = "power_reduction"
io = "io"
channel = 0
limit_w = 6_000
"""
)
TECHNICIAN = Asker("technician", Role.TECHNIK)


def power_w(rig: Rig, connector: int = 1) -> float:
    return rig.simulated.state().connector(connector).power_w


def currents_a(rig: Rig) -> tuple[float, float, float]:
    """On each line of the grid, in truth."""
    rig.simulated.advance()
    return rig.simulated._meters["main"].read().current_a


def building(rig: Rig, load_w: float, *shares: float) -> None:
    rig.simulated.advance()
    meter = rig.simulated._meters["main"]
    meter.building_load_w, meter.building_shares = load_w, (shares[0], shares[1], shares[2])


async def do(rig: Rig, name: str, **arguments: object) -> ActionResult:
    passed = confirmed(name, arguments, actions.ACTIONS[name].guard)
    return await actions.carry_out(rig.bus, name, arguments, TECHNICIAN, passed=passed)


def why(rig: Rig, connector: int = 1) -> str:
    state = rig.state(connector)
    return "" if state is None else state.why


async def test_a_phase_that_others_load_lowers_only_the_car_on_it(tmp_path: Path) -> None:
    async with Rig(tmp_path, PHASES, is_linked=False) as rig:
        await charge(rig, 1, current_a=32, phases=1, capacity_wh=90_000)
        await charge(rig, 2, OTHER_CARD, current_a=32, phases=1, capacity_wh=90_000)
        await rig.advance(20)
        assert power_w(rig, 1) == power_w(rig, 2) == pytest.approx(32 * 230, rel=0.02)
        building(rig, 230.0 * 20, 1.0, 0.0, 0.0)  # a cooker on L1
        await rig.advance(15)
        assert power_w(rig, 1) == pytest.approx(20 * 230, rel=0.05)
        assert power_w(rig, 2) == pytest.approx(32 * 230, rel=0.02), "its phase has room"
        assert "phase" in why(rig, 1)
        assert max(currents_a(rig)) <= 40.5
        rig.simulated.set_meter("main", MeterFaults(silent=True))
        await rig.advance(15)
        assert power_w(rig, 1) <= 20.5 * 230, "a silent meter is no reason to rise"
        for number in (1, 2):
            rig.unplug(number)
            await rig.until_status("AVAILABLE", number)
        await rig.check(is_reported=False)


async def test_while_the_station_meter_is_silent_charges_keep_what_they_had(
    tmp_path: Path,
) -> None:
    text = matrix(2, 1, power_limit_w=50_000).replace('name = "shared"', 'name = "shared"\nmeter = "main"', 1)
    text += '[[meter]]\nname = "main"\nport = "meters"\naddress = 20\n'
    async with Rig(tmp_path, text, is_linked=False) as rig:
        building(rig, 44_000.0, 0.3, 0.3, 0.4)
        await rig.advance(5)
        await shared_charge(rig, 1)
        await rig.advance(15)
        assert power_w(rig, 1) == pytest.approx(6_000, rel=0.02)
        rig.simulated.set_meter("main", MeterFaults(silent=True))
        await rig.advance(5)
        building(rig, 0.0, 0.3, 0.3, 0.4)
        await rig.advance(45)
        assert power_w(rig, 1) == pytest.approx(6_000, rel=0.02)
        await leave_all(rig)
        await rig.check(is_reported=False)


async def test_one_phase_cars_never_lean_on_one_phase_more_than_allowed(tmp_path: Path) -> None:
    text = TWO_AC.replace('name = "one"', 'name = "one"\nmax_imbalance_a = 20', 1)
    async with Rig(tmp_path, text, is_linked=False) as rig:
        await charge(rig, 1, current_a=32, phases=1, capacity_wh=90_000)
        await rig.advance(15)
        assert power_w(rig, 1) == pytest.approx(20 * 230, rel=0.03)
        await charge(rig, 2, OTHER_CARD, current_a=32, phases=1, capacity_wh=90_000)
        await rig.advance(15)
        assert power_w(rig, 1) == pytest.approx(10 * 230, rel=0.03)
        assert power_w(rig, 2) == pytest.approx(10 * 230, rel=0.03)
        assert "phase" in why(rig, 1)
        for number in (1, 2):
            rig.unplug(number)
            await rig.until_status("AVAILABLE", number)
        await rig.check(is_reported=False)


async def test_generator_operation_lowers_the_station_and_a_broken_wire_does_so_too(tmp_path: Path) -> None:
    async with Rig(tmp_path, GENERATOR, is_linked=False) as rig:
        await charge(rig, capacity_wh=90_000)
        await rig.advance(15)
        assert power_w(rig) > 20_000
        touch(rig, "generator", True)
        await rig.advance(3)
        assert power_w(rig) <= 6_050
        assert "power_reduction" in why(rig)
        touch(rig, "generator", False)
        await rig.advance(20)
        assert power_w(rig) > 20_000
        rig.simulated.do("io", "io", IoFaults(silent=True))
        await rig.advance(8)
        assert power_w(rig) <= 6_050, "what cannot be read counts as active"
        rig.simulated.do("io", "io", IoFaults(silent=False))
        await rig.advance(25)
        assert power_w(rig) > 20_000
        await leave(rig)
        await rig.check(is_reported=False)


async def test_the_owner_lowers_the_power_while_nothing_charges_and_that_outlives_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert (await do(rig, "user_limit", connector=1, limit_w=50_000)).code == "above_limit"
        assert (await do(rig, "user_limit", connector=0, limit_w=22_001)).code == "above_limit"
        assert (await do(rig, "user_limit", connector=7, limit_w=1_000)).code == "unknown_connector"
        assert (await do(rig, "user_limit", connector=1, limit_w=11_000)).ok
        await charge(rig, capacity_wh=90_000)
        await rig.advance(15)
        assert power_w(rig) == pytest.approx(11_000, rel=0.02)
        assert "user" in why(rig)
        assert (await do(rig, "user_limit", connector=1)).code == "not_now"
        assert (
            await do(rig, "user_limit", connector=1, limit_w=9_000, until="2020-01-01T06:00Z", running=1)
        ).code == "past"
        assert (await do(rig, "user_limit", connector=1, limit_w=9_000, running=1, spare=1)).code == "later"
        await rig.advance(5)
        assert power_w(rig) == pytest.approx(11_000, rel=0.02)
        assert (await do(rig, "user_limit", connector=1, limit_w=7_000, running=1)).ok
        await rig.advance(15)
        assert power_w(rig) == pytest.approx(7_000, rel=0.03)
        assert (await do(rig, "user_limit", connector=1, limit_w=11_000, running=1)).ok
        await rig.advance(15)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await rig.advance(10)
        assert power_w(rig) == pytest.approx(11_000, rel=0.02)
        rig.unplug()
        await until_transaction_ends(rig)
        await rig.until_status("AVAILABLE")
        assert (await do(rig, "user_limit", connector=0, limit_w=8_000)).ok
        assert (await do(rig, "user_limit", connector=1)).ok
        await charge(rig, capacity_wh=90_000)
        await rig.advance(15)
        assert power_w(rig) == pytest.approx(8_000, rel=0.02)
        await leave(rig)
        await settle(rig)


@pytest.mark.long
async def test_hot_modules_give_less_and_whoever_needs_it_gets_cool_ones(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await shared_charge(rig, 1, current_a=80.0)  # 30 kW: two groups
        await rig.advance(30)
        assert power_w(rig, 1) == pytest.approx(30_000, rel=0.06)
        hot = min(groups_of(rig, 1))
        rig.simulated.do("modules", "bank", BankFaults(module=int(hot[1:]), temperature_c=88.0))
        await rig.advance(45)
        assert power_w(rig, 1) == pytest.approx(30_000, rel=0.06), "another one has taken its place"
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.parametrize("wait_s", [30.0, pytest.param(0.0, marks=pytest.mark.long)])
async def test_a_charge_that_finds_no_power_waits_and_ends_in_order_only_where_that_is_set(
    tmp_path: Path, wait_s: float
) -> None:
    change = {"power": {"end_without_power_s": wait_s}}
    async with Rig(tmp_path, matrix(2, 1), is_linked=False, change=change) as rig:
        await shared_charge(rig, 1)
        await plug(rig, 2, **CAR)
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await rig.advance(25)
        assert rig.status(2) == "CHARGING" and power_w(rig, 2) == 0.0
        assert "modules" in why(rig, 2)
        await rig.advance(35)
        if wait_s:
            assert rig.status(2) == "CHARGED"
            assert (await rig.last_session()).stop_source is StopSource.NO_POWER
        else:
            rig.unplug(1)
            await rig.advance(30)
            assert power_w(rig, 2) > 18_000
        await leave_all(rig)
        await rig.check(is_reported=False)


async def test_when_the_sharing_of_power_fails_its_last_answer_grows_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **more: object) -> None:
        raise ZeroDivisionError("for a test")

    async with Rig(tmp_path, is_linked=False, change={"power": {"guarantee_w": 5_000}}) as rig:
        await charge(rig, capacity_wh=90_000)
        await rig.advance(15)
        before_w = power_w(rig)
        assert before_w > 20_000
        with monkeypatch.context() as broken:
            broken.setattr(power, "allocate", fail)
            await rig.advance(6)
            assert power_w(rig) == pytest.approx(before_w, rel=0.01)
            await rig.advance(10)
            assert power_w(rig) == pytest.approx(5_000, rel=0.02)
            await rig.advance(20)
            assert power_w(rig) == 0.0
        await rig.advance(10)
        assert power_w(rig) == pytest.approx(before_w, rel=0.01)
        assert rig.status() == "CHARGING"
        await leave(rig)
        await rig.check(is_reported=False)
