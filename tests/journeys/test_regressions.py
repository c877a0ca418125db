"""Faults that were found once and must not come back."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.config import Settings
from chargepoint.storage.database import Database
from chargepoint.vocabulary import SessionFlag, SessionState, StartErrorFlag, StopSource
from drivers.simulated.meter import MeterFaults
from tests.journeys.rig import Rig, demo_text
from tests.journeys.steps import CARD, OTHER_CARD, TWO_AC, plug, save_user, show_card, until_energy_flows

TWO_WIRES = (
    TWO_AC.replace('number = 2\ntype = "TYPE2"\nport = "bus"', 'number = 2\ntype = "TYPE2"\nport = "bus2"').replace(
        'name = "m2"\nport = "bus"', 'name = "m2"\nport = "bus2"'
    )
    + """
[[port]]
name = "bus2"
device = "bus2"
"""
)
"""Two AC connectors, each with a wire of its own."""


async def charge(rig: Rig, connector: int = 1, card: str = CARD, reader: str = "1", **car: object) -> None:
    await rig.online()
    await plug(rig, connector, **car)
    await show_card(rig, card, reader)
    await until_energy_flows(rig, connector)


async def test_a_controller_that_is_silent_after_a_restart_does_not_hold_up_its_neighbours(tmp_path: Path) -> None:
    """Waiting for it in the start cost the neighbours their leases, and the service its own start limit, for ever."""
    async with Rig(tmp_path, TWO_WIRES) as rig:
        await charge(rig, 1)
        await charge(rig, 2, OTHER_CARD)
        await rig.advance(30)
        await rig.crash()
        rig.simulated.cut("bus2")
        await rig.boot_up()
        await rig.advance(30)
        assert rig.status(1) == "CHARGING"
        assert not [event for event in rig.simulated.contactor_log(1) if not event.closed]
        assert len(await rig.journal("StationStarted")) == 2
        silent = (await rig.sessions())[1]
        assert silent.stopped is not None
        assert silent.stop_source is StopSource.APP_RESTART
        rig.simulated.restore("bus2")
        rig.unplug(1)
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 1)
        await rig.until_status("AVAILABLE", 2)
        await rig.drained()
        assert rig.system.ledger.faults() == []


async def test_a_controller_that_answers_late_after_a_restart_goes_on_with_its_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_WIRES) as rig:
        await charge(rig, 2, OTHER_CARD)
        await rig.crash()
        rig.simulated.cut("bus2")
        await rig.boot_up()
        await rig.advance(2)
        rig.simulated.restore("bus2")
        await until_energy_flows(rig, 2)
        await rig.advance(60)
        assert len(await rig.sessions()) == 1
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.drained()
        await rig.check()


async def test_a_stop_holds_when_the_software_dies_before_power_is_off(tmp_path: Path) -> None:
    """Who ended it, and why, was forgotten; with a stop order that had not arrived the charge even went on."""
    async with Rig(tmp_path) as rig:
        await charge(rig)
        await rig.advance(30)
        rig.simulated.cut("bus")
        assert (await show_card(rig)).outcome == "stopped"
        await rig.crash()
        rig.simulated.restore("bus")
        await rig.boot_up()
        await rig.until_status("CHARGED")
        session = await rig.last_session()
        assert session.stop_source is StopSource.LOCAL
        assert session.stopper is not None
        assert session.stopper.value == CARD
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert rig.system.ledger.transactions[0].reason == "Local"
        await rig.check()


async def test_the_transaction_at_a_welded_contactor_ends_when_nothing_flows_any_more(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await charge(rig)
        await rig.advance(60)
        rig.simulated.fault(1, "weld")
        await show_card(rig)
        await rig.advance(60)
        assert rig.status() == "ERROR"
        rig.unplug()
        await rig.advance(30)
        session = await rig.last_session()
        assert session.stopped is not None
        assert session.stop_source is StopSource.LOCAL
        await rig.drained()
        await rig.check()


async def test_an_orderly_stop_with_dead_controllers_is_on_record_in_time(tmp_path: Path) -> None:
    """Each dead controller was waited for, one after the other, until the hub killed the station."""
    async with Rig(tmp_path, demo_text()) as rig:
        cards = {1: "AAAA0001", 2: "AAAA0002", 3: "AAAA0003", 4: "AAAA0004"}
        for number, card in cards.items():
            await charge(rig, number, card, str(number))
        wires = [port.name for port in rig.settings.port if not port.name.startswith("reader")]
        for name in wires:
            rig.simulated.cut(name)
        await rig.advance(1)
        begun_s = asyncio.get_running_loop().time()
        await rig.stop(30, StopSource.OCPP_SOFT_RESET)
        assert asyncio.get_running_loop().time() - begun_s < 3
        for name in wires:
            rig.simulated.restore(name)
        await rig.boot_up()
        assert len(await rig.journal("StationStopped")) == 1
        await rig.advance(20)
        assert {session.stop_source for session in await rig.sessions()} == {StopSource.OCPP_SOFT_RESET}
        await rig.drained()
        assert {one.reason for one in rig.system.ledger.transactions} == {"SoftReset"}


async def test_a_meter_that_has_not_been_asked_yet_is_no_fault(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        seen: list[str] = []

        async def look() -> None:
            async for _topic, _value in rig.bus.watch("connector/1").changes():
                seen.append(rig.status())

        looking = asyncio.create_task(look())
        assert rig.house is not None
        rig.house.kill("station")
        await rig.advance(10)
        looking.cancel()
        assert "AVAILABLE" in seen
        assert "METER_ERROR" not in seen


@pytest.mark.parametrize("is_power_cut", [pytest.param(False, marks=pytest.mark.long), True])
async def test_energy_before_a_reset_of_the_meter_is_not_lost_by_a_restart(tmp_path: Path, is_power_cut: bool) -> None:
    async with Rig(tmp_path) as rig:
        await charge(rig, current_a=16)
        await rig.advance(300)
        rig.simulated.set_meter("m1", MeterFaults(set_wh=10.0))
        await rig.advance(60)
        before = rig.state()
        assert before is not None
        assert before.session is not None
        assert before.session.energy_wh > 900
        await (rig.cut_power() if is_power_cut else rig.crash())
        await (rig.restore_power() if is_power_cut else rig.boot_up())
        await rig.advance(30)
        session = await rig.last_session()
        after = rig.state()
        assert after is not None
        if is_power_cut:
            assert session.delivered_wh >= before.session.energy_wh - 200  # at most 60 s rest on an estimate
        else:
            assert after.session is not None
            assert after.session.energy_wh >= before.session.energy_wh


async def test_a_transaction_ends_also_when_its_connector_was_taken_out_meanwhile(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_WIRES) as rig:
        await charge(rig, 2, OTHER_CARD)
        await rig.advance(60)
        await rig.drained()
        await rig.cut_power()
        kept = msgspec.to_builtins(rig.settings)
        kept["connector"] = [each for each in kept["connector"] if each["number"] != 2]
        kept["meter"] = [each for each in kept["meter"] if each["name"] != "m2"]
        rig.settings = msgspec.convert(kept, Settings)
        await rig.restore_power()
        await rig.online()
        await rig.drained()
        session = await rig.last_session()
        assert session.stop_source is StopSource.POWER_LOSS
        assert SessionFlag.EnergyEstimated in session.flags
        assert session.delivered_wh > 300
        assert session.finished is not None
        assert [one.reason for one in rig.system.ledger.transactions] == ["PowerLoss"]


async def test_no_card_number_stands_whole_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "chargepoint")
    async with Rig(tmp_path) as rig:
        await charge(rig)
        await show_card(rig)
        await rig.until_status("CHARGED")
    said = [record.getMessage() for record in caplog.records]
    assert [text for text in said if CARD[-4:] in text]
    assert not [text for text in said if CARD in text]


async def test_a_wish_is_heard_while_polls_last_longer_than_their_rhythm(tmp_path: Path) -> None:
    """With several dead controllers on a wire each poll was overdue before it ended, and no wish got a turn."""
    async with Rig(tmp_path, demo_text()) as rig:
        await charge(rig, 1, CARD, "1")
        await charge(rig, 2, OTHER_CARD, "2")
        for port in rig.settings.port:
            if not port.name.startswith("reader"):
                rig.simulated.cut(port.name)
        await rig.advance(1)
        assert (await show_card(rig, CARD, "1", within_s=4)).outcome == "stopped"


async def test_a_slow_disk_at_one_connector_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop that waited for the disk counted as hanging: the whole service was killed, again and again."""
    write = Database.write

    async def slow_write(self: Database, *statements: Any) -> None:
        await asyncio.sleep(6)
        await write(self, *statements)

    async with Rig(tmp_path, TWO_WIRES) as rig:
        await charge(rig, 1)
        await plug(rig, 2)
        await rig.advance(5)
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", slow_write)
            rig.simulated.tap("1", OTHER_CARD)
            await rig.advance(30)
        await until_energy_flows(rig, 2)
        assert not [text for text in caplog.messages if "hangs" in text or "go round" in text]
        assert not [event for event in rig.simulated.contactor_log(1) if not event.closed]
        assert len(await rig.journal("StationStarted")) == 1


async def test_a_controller_that_does_not_know_its_status_any_more_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await charge(rig)
        await rig.advance(60)
        rig.simulated.fault(1, "F")
        await rig.advance(30)
        session = await rig.last_session()
        assert (session.stop_source, session.state) == (StopSource.UNAVAILABLE, SessionState.ERROR)
        rig.simulated.clear(1)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        await rig.check()


async def test_the_record_says_why_a_charge_could_not_begin(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await rig.online()
        rig.simulated.fault(1, "insulation")
        await plug(rig, 1)
        await show_card(rig)
        await rig.until_status("ERROR", 1)
        await rig.advance(10)
        session = await rig.last_session()
        assert session.start_errors is StartErrorFlag.InsulationFailed
        assert session.stop_source is StopSource.CONNECTOR_ERROR


@pytest.mark.ocpp("7.31-current-dc")
async def test_what_is_told_of_a_dc_outlet_is_measured_at_the_outlet(tmp_path: Path) -> None:
    """Its meter sits in the supply: 230 V and the current of one phase were told as those of the outlet."""
    values = {"MeterValueSampleInterval": 15, "MeterValuesSampledData": "Voltage,Current.Import"}
    async with Rig(tmp_path, demo_text(1), change={"ocpp": {"configuration": values}}) as rig:
        await charge(rig, 1)
        await rig.advance(20)
        await rig.drained()
        of_outlet = [c.payload for c in rig.system.ledger.calls("MeterValues") if c.payload["connectorId"] == 1]
        told = of_outlet[-1]["meterValue"][0]["sampledValue"]
        numbers = {value["measurand"]: float(value["value"]) for value in told}
        assert numbers["Voltage"] > 300
        assert numbers["Current.Import"] > 100


@pytest.mark.ocpp("3.16.4-unsupported", "7.34-phase")
async def test_a_measurand_of_one_phase_is_told_and_one_without_phases_is_refused(tmp_path: Path) -> None:
    values = {"MeterValueSampleInterval": 15, "MeterValuesSampledData": "Voltage.L1"}
    async with Rig(tmp_path, change={"ocpp": {"configuration": values}}) as rig:
        await charge(rig)
        await rig.advance(20)
        await rig.drained()
        told = rig.system.ledger.calls("MeterValues")[-1].payload["meterValue"][0]["sampledValue"]
        assert [(value["measurand"], value["phase"]) for value in told] == [("Voltage", "L1-N")]
        change = {"key": "MeterValuesSampledData", "value": "SoC.L2"}
        assert (await rig.system.call("one", "ChangeConfiguration", change))["status"] == "Rejected"


@pytest.mark.ocpp("5.2-scheduled")
async def test_a_connector_that_goes_out_of_service_later_is_scheduled_to_do_so(tmp_path: Path) -> None:
    """It was told as done, while the car that was plugged in could still be charged."""
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        change = {"connectorId": 0, "type": "Inoperative"}
        assert (await rig.system.call("one", "ChangeAvailability", change))["status"] == "Scheduled"
        rig.unplug()
        await rig.until_status("DISABLED")
        assert (await rig.system.call("one", "ChangeAvailability", change))["status"] == "Accepted"
        change = {"connectorId": 0, "type": "Operative"}
        assert (await rig.system.call("one", "ChangeAvailability", change))["status"] == "Accepted"
        await rig.until_status("AVAILABLE")


async def test_somebody_blocked_while_waiting_for_the_car_does_not_charge(tmp_path: Path) -> None:
    """Only running charges were looked at when users changed: a booking went through when the car came."""
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig)
        await show_card(rig)
        await rig.until_status("WAITING_FOR_EV")
        await save_user(rig, is_blocked=True)
        await rig.until_status("AVAILABLE", within_s=5)
        await plug(rig)
        await rig.advance(10)
        assert rig.status() == "READY"
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.check()


async def test_a_flood_of_remote_starts_is_checked_in_bounds(tmp_path: Path) -> None:
    """Each accepted RemoteStartTransaction that had to be authorised left a task behind, without any bound."""
    configuration = {"ocpp": {"configuration": {"AuthorizeRemoteTxRequests": True}}}
    async with Rig(tmp_path, change=configuration) as rig:
        await rig.online()
        rig.system.on("Authorize", times=1000, delay_s=8)
        request = {"connectorId": 1, "idTag": "APP"}
        answers = [await rig.system.call("one", "RemoteStartTransaction", request) for _ in range(40)]
        assert 0 < answers.count({"status": "Accepted"}) <= 16
        assert {"status": "Rejected"} in answers
        await rig.advance(260)
        assert len(await rig.sessions()) <= 3
        await rig.check()


async def test_a_meter_exchanged_while_the_power_was_off_bills_none_of_its_own_past(tmp_path: Path) -> None:
    """The first register after a power cut was taken as it stood: another meter's whole life went on the bill."""
    async with Rig(tmp_path) as rig:
        await charge(rig, current_a=16)
        await rig.advance(120)
        await rig.cut_power()
        rig.simulated.set_meter("m1", MeterFaults(jump_wh=500_000))
        await rig.advance(60)
        await rig.restore_power()
        await rig.online()
        await rig.until(lambda: (state := rig.state()) and not (state.session and state.session.is_transaction), 120)
        session = (await rig.sessions())[0]
        true_wh = rig.simulated.state().connector(1).energy_wh
        assert session.delivered_wh == pytest.approx(true_wh, abs=11_040 / 60)
        if rig.simulated.state().connector(1).vehicle is not None:
            rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        await rig.check(tolerance_wh=11_040 / 60)
