"""Deeds of technicians that meet something else at a bad moment: a log-out, a colleague, a car, a driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import Bus
from chargepoint.messages import ReadController, StartTest, TechnicianAtWork, WriteParameter
from chargepoint.presence import at_work
from chargepoint.station.staff.bench import Bench
from chargepoint.station.staff.controllers import ControllerDeeds
from tests.journeys.rig import Rig, demo_text
from tests.journeys.test_service_menu import do, report_of, technician


@asynccontextmanager
async def web(rig: Rig) -> AsyncIterator[Bus]:
    assert rig.house is not None
    bus = rig.house.connect("webconfig")
    running = asyncio.create_task(bus.run(), name="webconfig")
    try:
        yield bus
    finally:
        bus.close()
        await running


async def test_who_logs_out_while_his_test_is_being_started_leaves_none_behind(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        rig.plug(1)
        await rig.until_status("READY")
        await hmi.call("station", TechnicianAtWork(login="boris"))
        starting = asyncio.create_task(
            hmi.call("station", StartTest(connector=1, by="boris", energy_wh=50_000, duration_s=3600.0))
        )
        await asyncio.sleep(0)
        left = await hmi.call("station", TechnicianAtWork(login="boris", is_there=False))
        assert left.ok
        assert (await starting).ok  # it had begun: the log-out ends it
        assert (await report_of(rig)).verdict == "interrupted"
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.advance(10)
        assert rig.status() != "CHARGING"
        await rig.check()


async def test_two_technicians_at_the_web_do_not_end_each_others_tests(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, web(rig) as bus:
        rig.plug(1)
        await rig.until_status("READY")
        async with at_work(bus, "boris"):
            request = StartTest(connector=1, by="boris", energy_wh=50_000)
            assert (await bus.call("station", request)).ok
            await rig.until_status("CHARGING")
            async with at_work(bus, "anna"):
                await rig.advance(20)
                assert rig.status() == "CHARGING"
            await rig.advance(10)
            assert rig.status() == "CHARGING"
        assert (await report_of(rig)).verdict == "interrupted"
        await rig.check()


async def test_only_so_many_people_are_at_work(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig, web(rig) as bus:
        for number in range(16):
            assert (await bus.call("station", TechnicianAtWork(login=f"guest{number}"))).ok
        assert (await bus.call("station", TechnicianAtWork(login="one more"))).code == "busy"
        assert (await bus.call("station", TechnicianAtWork(login="guest3"))).ok
        await rig.advance(20)
        assert (await bus.call("station", TechnicianAtWork(login="one more"))).ok


async def test_a_driver_does_not_get_a_blocked_connector_because_a_test_is_being_looked_at(tmp_path: Path) -> None:
    """The block is lifted for the test alone: not before it, nor while its lock opens."""
    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        await rig.online()
        rig.plug(1)
        await rig.until_status("READY")
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        assert (await do(hmi, "block", connector=1, reason="broken lid")).ok
        async with at_work(hmi, "boris"):
            assert (await do(hmi, "start_test", connector=1)).ok
            await rig.until_status("WAITING_FOR_EV")
            assert (await do(hmi, "stop_test", connector=1)).ok
            rig.plug(1)
            await rig.tap()
            await rig.advance(3)
            assert not rig.simulated.state().connector(1).contactor_closed
            assert rig.status() != "CHARGING"
        await rig.check()


async def test_a_parameter_is_not_written_when_a_car_comes_while_its_controller_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []

    async def write(self: ControllerDeeds, *arguments: Any) -> None:
        written.append(arguments)

    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        page = await hmi.call("station", ReadController(connector=1))
        if not page.parameters:
            pytest.skip("the simulated controller has no parameters")
        one = page.parameters[0]
        ask = _slow_parameters(rig, monkeypatch)
        monkeypatch.setattr(ControllerDeeds, "_write", write)
        request = WriteParameter(connector=1, name=one.name, value=one.value, by="boris")
        asked = asyncio.create_task(hmi.call("station", request, timeout_s=20.0))
        await rig.advance(1)
        rig.plug(1)
        await rig.until_status("READY")
        ask.set()
        assert (await asked).code == "busy"
        assert not written


def _slow_parameters(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The controllers' lists of parameters come when the event is set."""
    from chargepoint.station.asking import asked

    may_answer, real = asyncio.Event(), asked

    async def slow(question: Any, name: str, *more: Any) -> Any:
        answer = await real(question, name, *more)
        if name == "parameters":
            await may_answer.wait()
        return answer

    monkeypatch.setattr("chargepoint.station.staff.controllers.asked", slow)
    return may_answer


async def test_a_test_that_cannot_be_followed_keeps_its_bounds_until_its_charge_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("it cannot look")

    async with Rig(tmp_path, demo_text(1)) as rig, technician(rig) as hmi:
        rig.plug(1)
        await rig.until_status("READY")
        async with at_work(hmi, "boris"):
            assert (await do(hmi, "start_test", connector=1, power_w=2_000)).ok
            await rig.until_status("CHARGING")
            await rig.until(lambda: rig.simulated.state().connector(1).contactor_closed, 60)
            state = rig.state(1)
            assert state is not None and state.grant is not None and state.grant.power_w <= 2_000
            monkeypatch.setattr(Bench, "_look", broken)
            await rig.until(lambda: not rig.simulated.state().connector(1).contactor_closed, 10)
            monkeypatch.undo()
            await rig.until_status("CHARGED")
            rig.unplug(1)
            await rig.until_status("AVAILABLE")
            rig.plug(1)
            await rig.until_status("READY")
            assert (await do(hmi, "start_test", connector=1, energy_wh=100, power_w=20_000)).ok  # nothing is stuck
            assert (await report_of(rig)).stop_source == "ENERGY_LIMIT"
        await rig.check()
