"""The service menu's back end on whole stations: test sessions, forced outputs, what ends them, deeds, leftovers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargepoint.actions import ACTIONS, Asker, carry_out, states_now, why_not
from chargepoint.bus import Bus
from chargepoint.guards import confirmed
from chargepoint.messages import (
    ActionResult,
    CardHandled,
    LightState,
    ModulesState,
    ReadController,
    ReadTestReports,
    RemoveUser,
    SaveUser,
    StationState,
    TechnicianAtWork,
    TechnicianState,
    TestReport,
    TestState,
    User,
)
from chargepoint.preconditions import leftovers
from chargepoint.presence import at_work
from chargepoint.vocabulary import Role, StartSource, StopSource
from tests.journeys.rig import EXAMPLES, Rig, demo_text
from tests.journeys.screens import ScreenRig
from tests.journeys.steps import CARD, settle

BORIS = Asker("boris", Role.TECHNIK, is_local=True)


@asynccontextmanager
async def technician(rig: Rig) -> AsyncIterator[Bus]:
    """The end of the bus of the screen's service, as which a technician asks."""
    assert rig.house is not None
    bus = rig.house.connect("hmi")
    running = asyncio.create_task(bus.run(), name="hmi")
    try:
        yield bus
    finally:
        bus.close()
        await running


async def do(bus: Bus, name: str, asker: Asker = BORIS, /, **arguments: Any) -> ActionResult:
    """As somebody who has passed the guard."""
    return await carry_out(bus, name, arguments, asker, passed=confirmed(name, arguments, ACTIONS[name].guard))


async def reports(rig: Rig) -> tuple[TestReport, ...]:
    return (await rig.bus.call("station", ReadTestReports())).reports


async def report_of(rig: Rig, number: int = 1) -> TestReport:
    async def written() -> bool:
        return any(report.number == number for report in await reports(rig))

    for _ in range(200):
        if await written():
            break
        await rig.advance(0.5)
    return next(report for report in await reports(rig) if report.number == number)


def outcomes(report: TestReport) -> dict[str, str]:
    return {criterion.key: criterion.outcome for criterion in report.criteria}


async def test_a_test_session_of_a_car_ends_by_its_limit_is_judged_and_never_told_to_the_central_system(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        await rig.online()
        rig.plug(1)
        await rig.until_status("READY")
        async with at_work(hmi, "boris"):
            result = await do(hmi, "start_test", connector=1, power_w=20_000, duration_min=2, energy_wh=500)
            assert result.ok, result
            await rig.until_status("CHARGING")
            await rig.until(lambda: rig.system.statuses["demo-1", 1]["status"] == "Unavailable", 30)
            state = await hmi.watch("test/1").first("test/1")
            assert isinstance(state, TestState)
            assert state.login == "boris"
            report = await report_of(rig)
        assert outcomes(report)["reached"] == "passed"
        assert outcomes(report)["deviation"] == "passed", report.criteria
        assert outcomes(report)["insulation"] in ("passed", "skipped")
        assert report.verdict in ("passed", "warning"), report.criteria
        assert report.stop_source == "ENERGY_LIMIT"
        assert max(point.power_w or 0.0 for point in report.points) <= 20_500
        assert report.delivered_wh == pytest.approx(500, abs=100)
        session = await rig.last_session()
        assert (session.start_source, session.is_reported, session.price) == (StartSource.TECHNICIAN, False, None)
        assert not rig.system.ledger.transactions
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        await settle(rig)


async def test_a_dry_test_goes_to_the_end_of_pre_charge_and_delivers_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        rig.plug(1)
        await rig.until_status("READY")
        async with at_work(hmi, "boris"):
            assert (await do(hmi, "start_test", connector=1, mode="dry")).ok
            report = await report_of(rig)
        assert outcomes(report)["reached"] == "passed", report
        assert report.stop_source == "TECHNICIAN"
        assert report.delivered_wh == 0
        assert (await rig.last_session()).delivered_wh == 0
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        await rig.check()


async def test_a_test_ends_when_the_technician_logs_out(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        rig.plug(1)
        await rig.until_status("READY")
        async with at_work(hmi, "boris"):
            assert (await do(hmi, "start_test", connector=1, energy_wh=50_000)).ok
            await rig.until_status("CHARGING")
        report = await report_of(rig)
        assert (report.verdict, report.stop_source) == ("interrupted", "TECHNICIAN")
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.check()


async def test_a_test_ends_when_nothing_is_heard_of_the_technician_for_15_s(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        rig.plug(1)
        await rig.until_status("READY")
        assert (await do(hmi, "start_test", connector=1)).code == "no_technician"
        await hmi.call("station", TechnicianAtWork(login="boris"))
        assert (await do(hmi, "start_test", Asker("anna", Role.TECHNIK, True), connector=1)).code == "no_technician"
        assert (await do(hmi, "start_test", connector=1, energy_wh=50_000, duration_min=60)).ok
        await rig.until_status("CHARGING")
        await rig.advance(20)
        await rig.until(lambda: not rig.simulated.state().connector(1).contactor_closed, 10)
        assert (await report_of(rig)).verdict == "interrupted"
        await rig.check()


@pytest.mark.parametrize("way", ["crash", "power"])
async def test_a_test_is_not_taken_over_after_a_crash_or_a_power_cut(tmp_path: Path, way: str) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        async with technician(rig) as hmi:
            rig.plug(1)
            await rig.until_status("READY")
            await hmi.call("station", TechnicianAtWork(login="boris"))
            assert (await do(hmi, "start_test", connector=1, energy_wh=50_000, duration_min=60)).ok
            await rig.until_status("CHARGING")
            if way == "power":
                await rig.cut_power()
            else:
                await rig.crash()
        await (rig.restore_power() if way == "power" else rig.boot_up())
        report = await report_of(rig)
        assert report.verdict == "interrupted"
        assert not rig.simulated.state().connector(1).contactor_closed
        session = await rig.last_session()
        assert session.stopped is not None
        assert session.stop_source in (StopSource.TECHNICIAN, StopSource.POWER_LOSS, StopSource.STATUS_CHANGE)
        await rig.advance(30)
        assert rig.status() != "CHARGING"
        await rig.check()


async def test_limits_that_cannot_be_and_connectors_that_charge_are_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1, 2)) as rig, technician(rig) as hmi:
        async with at_work(hmi, "boris"):
            assert (await do(hmi, "start_test", connector=1, power_w=9_000_000)).code == "bad_limit"
            assert (await do(hmi, "start_test", connector=1, current_a=999)).code == "bad_limit"
            assert (await do(hmi, "start_test", connector=1, mode="raw")).code == "bad_request"
            assert (await do(hmi, "stop_test", connector=1)).code == "no_test"
            rig.plug(2)
            await rig.until_status("READY", 2)
            assert (await do(hmi, "start", connector=2)).ok
            await rig.until_status("CHARGING", 2)
            result = await do(hmi, "start_test", connector=2)
            assert (result.code, result.text) == ("not_now", "Connector 2 charges; wait or stop it.")
            assert result.text_key == "unmet.unused.charges"
            for name in ("power_off", "reboot", "reboot_all_controllers"):
                assert (await do(hmi, name)).code == "not_now"
            assert why_not(ACTIONS["reboot"], await states_now(hmi), {"end_sessions": 1}) == ""
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.check()


async def test_a_blocked_connector_is_tested_all_the_same_and_drivers_are_kept_out_while_he_works(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, demo_text(1, 2)) as rig, technician(rig) as hmi:
        await rig.online()
        assert (await do(hmi, "block", connector=1, reason="broken lid")).ok
        rig.plug(1)
        async with at_work(hmi, "boris", closes_station=True):
            await rig.until_status("DISABLED", 2)
            await rig.until(lambda: _logical(rig) == "TECHNICIAN", 5)
            assert (await do(hmi, "start_test", connector=1, energy_wh=100, power_w=20_000)).ok
            report = await report_of(rig)
            assert report.verdict in ("passed", "warning"), report.criteria
            left = leftovers(await states_now(hmi))
            assert [(one.undo, one.arguments) for one in left] == [("unblock", {"connector": "1"})]
        await rig.until_status("AVAILABLE", 2)
        await rig.until(lambda: _logical(rig) == "WORKING", 5)
        rig.unplug(1)
        await rig.until_status("DISABLED", 1)
        assert (await do(hmi, "unblock", connector=1)).ok
        await rig.until_status("AVAILABLE", 1)
        await rig.check()


def _logical(rig: Rig) -> str:
    state = rig._view.get("station")
    return state.logical.value if isinstance(state, StationState) else ""


async def test_lights_show_each_colour_and_then_as_before_and_end_with_the_log_out(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        seen: set[str] = set()

        async def look() -> None:
            while True:
                for topic in rig._view.topics():
                    state = rig._view.get(topic)
                    if isinstance(state, LightState):
                        seen.update(state.patterns.values())
                await asyncio.sleep(0.2)

        looking = asyncio.create_task(look())
        assert (await do(hmi, "test_lights", connector=0)).code == "no_technician"
        async with at_work(hmi, "boris"):
            result = await do(hmi, "test_lights", connector=0)
            assert result.ok, result
            assert result.values["colours"] == "red, green, blue, white, yellow"
            begun = asyncio.create_task(do(hmi, "test_lights", connector=1))
            await rig.advance(3)
            state = await hmi.watch("technician").first("technician")
            assert isinstance(state, TechnicianState)
            assert state.forced == ("lights 1",)
        assert (await begun).code == "ended"
        await rig.advance(5)
        seen_in_all = set(seen)
        seen.clear()
        await rig.advance(3)
        looking.cancel()
        assert {"test_red", "test_white"} <= seen_in_all
        assert not any(pattern.startswith("test_") for pattern in seen)


async def test_controllers_meters_locks_and_clocks_are_tested_and_everything_is_journalled(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1, 4)) as rig, technician(rig) as hmi:
        await rig.advance(60)
        async with at_work(hmi, "boris"):
            result = await do(hmi, "test_controller", connector=1)
            assert result.ok, result
            assert [row[0] for row in result.table[1:4]] == ["who are you", "status", "vehicle"]
            assert result.values == {"polls": "100", "failed": "0"}
            meter = next(each.meter for each in rig.settings.connector if each.number == 4)
            result = await do(hmi, "test_meter", name=meter)
            assert result.ok, result
            result = await do(hmi, "sync_all_clocks")
            assert result.ok, result
            assert len(result.table) == len(rig.numbers) + 1
            result = await do(hmi, "exercise", connector=4)
            assert result.ok or result.code == "not_supported", result
            result = await do(hmi, "reboot_controller", connector=1)
            assert result.ok, result
            result = await do(hmi, "reboot_all_controllers")
            assert result.ok, result
            assert (await do(hmi, "identify_module", name="m", number=1)).code == "not_available"
        rows = await rig.journal("Noted", "Event", "LogLine")
        rows = rows or await rig.journal()
        told = "\n".join(str(row.entry) for row in rows)
        for name in ("test_controller", "test_meter", "sync_all_clocks", "exercise", "reboot_controller"):
            assert f"{name}" in told, name
        assert "TECHNICIAN_ACTION" in told
        assert "by boris" in told


async def test_a_parameter_is_written_read_back_and_out_of_range_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        page = await hmi.call("station", ReadController(connector=1))
        if not page.parameters:
            pytest.skip("the simulated controller has no parameters")
        one = page.parameters[0]
        new = one.minimum if one.value != one.minimum else one.maximum
        result = await do(hmi, "write_parameter", connector=1, name=one.name, value=new)
        assert (result.ok, result.values) == (True, {"old": str(one.value), "new": str(new)})
        result = await do(hmi, "write_parameter", connector=1, name=one.name, value=one.maximum + 1)
        assert result.code in ("out_of_range", "bad_request")
        assert (await do(hmi, "write_parameter", connector=1, name="speed", value=1)).code == "no_parameter"
        rig.plug(1)
        await rig.until_status("READY")
        assert (await do(hmi, "write_parameter", connector=1, name=one.name, value=one.value)).code == "not_now"


async def test_a_technicians_card_asks_for_his_pin_at_a_screen_and_starts_a_charge_without_one(
    tmp_path: Path,
) -> None:
    boris = SaveUser(user=User("boris", Role.TECHNIK, cards=(CARD,)), password="Correct7Horse", by="root")
    async with ScreenRig(tmp_path / "screen") as rig:
        await rig.online()
        await rig.awake()
        assert (await rig.bus.call("hub", boris)).ok
        handled = rig.bus.subscribe(CardHandled)
        rig.plug(1)
        await rig.until_status("READY")
        await rig.tap(CARD)
        assert (await anext(handled)).outcome == "technician"
        await rig.advance(5)
        assert rig.status() == "READY"
        assert not rig.system.ledger.transactions
    async with Rig(tmp_path / "post", demo_text(1)) as rig:
        await rig.online()
        assert (await rig.bus.call("hub", boris)).ok
        rig.plug(1)
        await rig.until_status("READY")
        await rig.tap(CARD)
        await rig.until_status("CHARGING")


async def test_a_module_that_is_left_out_gives_nothing_until_it_is_taken_in_again(tmp_path: Path) -> None:
    text = (EXAMPLES / "dc-120-dual.toml").read_text(encoding="utf-8")
    async with Rig(tmp_path, text, is_linked=False) as rig:
        bank = rig.settings.modules[0].name
        async with technician(rig) as hmi:
            await rig.advance(5)
            view = rig._view.get(f"modules/{bank}")
            assert isinstance(view, ModulesState)
            number = view.modules[0].number
            assert (await do(hmi, "exclude_module", name=bank, number=99)).code == "no_module"
            assert (await do(hmi, "exclude_module", name=bank, number=number)).ok
        await rig.crash()
        await rig.boot_up()
        rig.plug(rig.numbers[0])
        await rig.until_status("READY", rig.numbers[0])
        async with technician(rig) as hmi:
            assert (await do(hmi, "start", connector=rig.numbers[0])).ok
            await rig.until_status("CHARGING", rig.numbers[0])
            await rig.advance(30)
            state = rig._view.get(f"modules/{bank}")
            assert isinstance(state, ModulesState)
            on = {module.number: module.is_on for module in state.modules}
            assert not on[number]
            assert any(on.values())
            assert (await do(hmi, "include_module", name=bank, number=number)).code == "not_now"
            rig.unplug(rig.numbers[0])
            await rig.until_status("AVAILABLE", rig.numbers[0])
            assert (await do(hmi, "include_module", name=bank, number=number)).ok
            await rig.advance(3)
            state = rig._view.get(f"modules/{bank}")
            assert isinstance(state, ModulesState)
            assert not any(module.has_fault for module in state.modules)
        await rig.check(is_reported=False)


async def test_who_is_blocked_or_removed_is_gone_at_once_with_all_that_was_forced_for_him(tmp_path: Path) -> None:
    boris = User("boris", Role.TECHNIK)
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        for how in ("blocked", "customer", "removed"):
            assert (await rig.bus.call("hub", SaveUser(user=boris, password="Correct7Horse", by="root"))).ok
            await settle(rig)
            present = TechnicianAtWork(login="boris")
            assert (await hmi.call("station", present)).ok
            forced = asyncio.create_task(do(hmi, "test_lights", connector=1))
            view = rig.bus.watch("technician")
            await rig.until(lambda v=view: v.get("technician").forced != (), 5)  # type: ignore[misc]
            if how == "removed":
                request: Any = RemoveUser(login="boris", by="root")
            else:
                role = Role.TECHNIK if how == "blocked" else Role.CUSTOMER
                request = SaveUser(user=User("boris", role, is_blocked=how == "blocked"), by="root")
            assert (await rig.bus.call("hub", request)).ok
            result = await forced
            assert not result.ok, how
            state = await rig.bus.watch("technician").first("technician")
            assert isinstance(state, TechnicianState)
            assert (state.login, state.forced) == ("", ())
            if how != "removed":
                assert (await hmi.call("station", present)).code == "no_right"
        await rig.advance(30)  # lines of the log are written together
        lines = [getattr(row.entry, "message", "") for row in await rig.journal()]
        assert sum("may not be logged in any more, ended: " in str(line) for line in lines) == 3
        await rig.check()
