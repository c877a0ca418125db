"""Cabinet inputs end charges, refuse starts, are told to the central system, and end as their rules say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.records import SecurityEvent
from chargepoint.station.cabinet.safety import RULES
from chargepoint.vocabulary import InputFunction, StopSource
from tests.journeys.cabinets import (
    FUNCTIONS,
    MODULE,
    charging,
    clear_input,
    input_state,
    inputs,
    module_fails,
    opened_at,
    touch,
)
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import OTHER_CARD, TWO_AC, show_card

CABINET = ONE_AC + MODULE + inputs(*FUNCTIONS)

CASES = {
    # input: stop source, reason, errorCode, info, latches, contactor open within s of the input
    "emergency_stop": (StopSource.EMERGENCY_STOP, "EmergencyStop", "OtherError", "EmergencyStop", False, 0.5),
    "door": (StopSource.DOOR_OPEN, "EmergencyStop", "OtherError", "DoorOpen", False, 2.5),
    "smoke": (StopSource.SMOKE, "EmergencyStop", "OtherError", "Smoke", True, 4.0),
    "flood": (StopSource.FLOOD, "EmergencyStop", "OtherError", "WaterIngress", True, 7.0),
    "surge": (StopSource.SURGE, "EmergencyStop", "OtherError", "SurgeArrester", False, 3.5),
    "remote_cutoff": (StopSource.REMOTE_CUTOFF, "EmergencyStop", "OtherError", "RemoteCutoff", False, 3.0),
}


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("name", CASES)
async def test_an_input_ends_the_charge_and_no_other_begins_while_it_lasts(tmp_path: Path, name: str) -> None:
    source, reason, error_code, info, latches, within_s = CASES[name]
    async with Rig(tmp_path, CABINET) as rig:
        await rig.online()
        await charging(rig)
        begun = now()
        touch(rig, name, True)
        fault = "EMERGENCY_OFF" if name == "emergency_stop" else "ERROR"
        await rig.until_status(fault)
        await rig.until(lambda: not rig.simulated.state().connector(1).contactor_closed)
        assert opened_at(rig) - begun <= within_s
        await rig.advance(5)
        session = await rig.last_session()
        assert session.stop_source is source
        refused = await show_card(rig)
        assert refused.outcome == "unavailable"
        assert refused.text == RULES[InputFunction(name)].text
        touch(rig, name, False)
        if latches:
            await rig.advance(15)
            assert rig.status() == fault
            assert input_state(rig, name).is_latched
            assert (await clear_input(rig, name)).ok
        await rig.until(lambda: rig.status() != fault, 30)
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGING")
        await rig.advance(20)
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.drained()
        first = rig.system.ledger.transactions[0]
        assert first.reason == reason
        faults = [
            (call.payload["errorCode"], call.payload.get("info"))
            for call in rig.system.ledger.calls("StatusNotification")
            if call.payload["status"] == "Faulted"
        ]
        assert (error_code, info) in faults
        await rig.check()


async def test_three_shakes_are_a_tilted_station_and_two_are_not(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await charging(rig)
        for count in (2, 3):
            for _ in range(count):
                touch(rig, "vibration", True)
                await rig.advance(0.5)
                touch(rig, "vibration", False)
                await rig.advance(0.5)
            if count == 2:
                await rig.advance(15)
                assert rig.status() == "CHARGING"
        await rig.until_status("ERROR")
        assert (await rig.last_session()).stop_source is StopSource.VIBRATION
        await rig.advance(15)
        assert rig.status() == "ERROR", "latched"
        await rig.check()


async def test_a_latch_survives_restarts_and_only_a_technician_ends_it(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        touch(rig, "smoke", True)
        await rig.until_status("ERROR")
        touch(rig, "smoke", False)
        await rig.stop()
        await rig.boot_up()
        await rig.until_status("ERROR")
        await rig.advance(5)
        await rig.cut_power()
        await rig.restore_power()
        await rig.until_status("ERROR")
        touch(rig, "smoke", True)
        await rig.advance(5)
        assert (await clear_input(rig, "smoke")).code == "still_active"
        assert (await clear_input(rig, "door")).code == "not_latched"
        assert (await clear_input(rig, "window")).code == "no_input"
        touch(rig, "smoke", False)
        await rig.advance(5)
        assert (await clear_input(rig, "smoke")).ok
        await rig.until_status("AVAILABLE")
        await rig.crash()
        await rig.boot_up()
        await rig.advance(5)
        assert rig.status() == "AVAILABLE"


async def test_a_charge_does_not_survive_a_restart_behind_an_open_door(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await charging(rig)
        await rig.crash()
        touch(rig, "door", True)
        await rig.boot_up()
        await rig.until_status("ERROR")
        await rig.advance(5)
        session = await rig.last_session()
        assert session.stop_source is StopSource.DOOR_OPEN
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.check()


async def test_a_silent_module_counts_as_alarm_and_heals_by_itself(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await charging(rig)
        begun = now()
        module_fails(rig, silent=True)
        await rig.until(lambda: not rig.simulated.state().connector(1).contactor_closed)
        assert opened_at(rig) - begun <= 5.0
        await rig.advance(3)
        assert input_state(rig, "smoke").is_active is None
        assert (await show_card(rig)).outcome == "unavailable"
        module_fails(rig, silent=False)
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        assert not input_state(rig, "smoke").is_latched
        assert rig.simulated.state().connector(1).status != "E9", "nobody pressed the button"
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGING")
        await rig.advance(10)
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGED")
        await rig.check()


async def test_a_short_silence_of_the_module_costs_no_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await charging(rig)
        for _ in range(3):
            module_fails(rig, silent=True)
            await rig.advance(1.0)
            module_fails(rig, silent=False)
            await rig.advance(3.0)
        assert rig.status() == "CHARGING"


async def test_nothing_begins_before_the_inputs_were_read(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await rig.stop()
        module_fails(rig, silent=True)
        await rig.boot_up()
        rig.plug()
        await rig.advance(1)
        assert (await show_card(rig)).outcome == "unavailable"
        module_fails(rig, silent=False)
        await rig.until(lambda: input_state(rig, "door").is_active is False)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")


async def test_the_button_sends_controllers_to_e9_and_releasing_it_brings_them_back(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        touch(rig, "emergency_stop", True)
        await rig.until(lambda: rig.simulated.state().connector(1).status == "E9")
        await rig.until_status("EMERGENCY_OFF")
        boots = rig.simulated.state().connector(1).boot_count
        await rig.advance(1)
        await rig.crash()  # the service forgets, the record does not
        touch(rig, "emergency_stop", False)
        await rig.boot_up()
        await rig.until_status("AVAILABLE")
        assert rig.simulated.state().connector(1).boot_count == boots + 1


async def test_an_input_of_one_connector_leaves_the_other_alone(tmp_path: Path) -> None:
    text = TWO_AC + MODULE + inputs("residual_current", connectors="[2]")
    async with Rig(tmp_path, text, is_linked=False) as rig:
        await charging(rig, 1)
        rig.plug(2)
        await rig.until_status("READY", 2)
        touch(rig, "residual_current", True)
        await rig.until_status("ERROR", 2)
        await rig.advance(5)
        assert rig.status(1) == "CHARGING"
        state = rig.state(2)
        assert state is not None
        assert state.cause == "residual_current"
        assert state.why


@pytest.mark.ocpp("A04-TamperDetectionActivated")
async def test_a_cover_that_is_opened_is_a_security_event_and_stops_nobody(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET) as rig:
        await rig.online()
        await charging(rig)
        touch(rig, "tamper", True)
        await rig.advance(10)
        assert rig.status() == "CHARGING"
        events = [row.entry for row in await rig.journal("SecurityEvent")]
        assert [e.type for e in events if isinstance(e, SecurityEvent)].count("TamperDetectionActivated") == 1
        told = [call.payload["type"] for call in rig.system.ledger.calls("SecurityEventNotification")]
        assert told.count("TamperDetectionActivated") == 1
