"""Statuses, reasons and unlocking where something is not as it should be: OCPP 1.6, 4.9, 4.10, 5.18, 7.6, 7.7, 7.36."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.rig import Rig
from tests.journeys.steps import TWO_AC, leave, settle, show_card, until_transaction_ends
from tests.journeys.test_limits import WITH_MAIN_METER, set_building_load
from tests.ocpp_client.seen import STATION, begin, car_comes, payloads, ready, stop_by_card, story


def last_status(rig: Rig, connector: int = 1) -> dict[str, Any]:
    return [told for told in payloads(rig, "StatusNotification") if told["connectorId"] == connector][-1]


@pytest.mark.ocpp("4.9-suspended-evse", "4.9-resume", "3.6-suspended", "7.31-offered")
async def test_a_charge_that_gets_nothing_is_suspended_evse_and_goes_on_as_charging(tmp_path: Path) -> None:
    change = {"ocpp": {"configuration": {"MeterValueSampleInterval": 10, "MeterValuesSampledData": "Current.Offered"}}}
    async with Rig(tmp_path, WITH_MAIN_METER, change=change) as rig:
        await ready(rig)
        await begin(rig)
        set_building_load(rig, 21_900)
        await rig.advance(30)
        offered = [
            float(told["meterValue"][0]["sampledValue"][0]["value"])
            for told in payloads(rig, "MeterValues")
            if told["connectorId"] == 1
        ]
        assert offered[-1] == 0.0
        set_building_load(rig, 0)
        await rig.system.until(lambda: last_status(rig)["status"] == "Charging", 60)
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)
        assert story(rig)[3:] == [
            "StartTransaction", "Charging", "SuspendedEVSE", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip


@pytest.mark.ocpp("4.9-suspended-both", "4.9-suspended-ev")
async def test_suspended_by_both_is_suspended_evse(tmp_path: Path) -> None:
    async with Rig(tmp_path, WITH_MAIN_METER) as rig:
        await ready(rig)
        await begin(rig)
        rig.simulated.pause(1)
        await rig.advance(30)
        assert last_status(rig)["status"] == "SuspendedEV"
        set_building_load(rig, 21_900)
        await rig.advance(30)
        assert last_status(rig)["status"] == "SuspendedEVSE"
        set_building_load(rig, 0)
        await rig.system.until(lambda: last_status(rig)["status"] == "SuspendedEV", 200)
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.18-lock-failure", "7.6-errorcodes", "4.9-faulted", "4.9-fault-back")
async def test_a_lock_that_does_not_close_is_a_connector_lock_failure_and_nothing_flows(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await car_comes(rig)
        rig.simulated.fault(1, "lock")
        await show_card(rig)
        await rig.advance(20)
        told = last_status(rig)
        assert (told["status"], told["errorCode"]) == ("Faulted", "ConnectorLockFailure")
        assert rig.simulated.state().connector(1).energy_wh == 0
        rig.simulated.clear(1)
        await leave(rig)
        await settle(rig)
        assert (last_status(rig)["status"], last_status(rig)["errorCode"]) == ("Available", "NoError")


@pytest.mark.ocpp("7.6-errorcodes", "7.7-status", "4.9-faulted", "4.9-vendor-error", "4.9-ev-error")
@pytest.mark.parametrize("code", ["E3", "E4", "E5", "E6", "E7", "E8"])
async def test_each_fault_in_a_charge_ends_it_and_is_told_with_an_error_code(tmp_path: Path, code: str) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        rig.simulated.fault(1, code)
        await until_transaction_ends(rig)
        await rig.advance(5)
        told = last_status(rig)
        if told["errorCode"] == "EVCommunicationError":
            assert told["status"] in ("Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing")
        else:
            assert (told["status"], told["errorCode"] == "NoError") == ("Faulted", False)
        assert told["vendorErrorCode"] == code
        assert payloads(rig, "StopTransaction")[0]["reason"] == "Other"
        rig.simulated.clear(1)
        await leave(rig)
        await settle(rig)
        assert last_status(rig)["status"] == "Available"


@pytest.mark.ocpp("4.10-reason-reboot", "4.10-no-idtag")
async def test_an_orderly_restart_by_the_station_itself_is_a_reboot(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await rig.stop()
        await rig.boot_up()
        await rig.online()
        await leave(rig)
        await settle(rig)
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == "Reboot"
        assert "idTag" not in stop


@pytest.mark.ocpp("4.10-reason-other", "4.10-no-idtag")
async def test_a_car_that_is_full_ends_its_charge_for_another_reason(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        rig.plug(1, stop_after_wh=200)
        await rig.until_status("READY")
        await rig.advance(3)
        assert (await show_card(rig)).outcome == "started"
        await rig.until(lambda: bool(payloads(rig, "StopTransaction")), 600)
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == "Other"
        assert "idTag" not in stop
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.18-fixed")
async def test_a_fixed_cable_cannot_be_unlocked(tmp_path: Path) -> None:
    async with Rig(tmp_path, simulation={"connector": [{"number": 1, "lock": False}]}) as rig:
        await ready(rig)
        answer = await rig.system.call(STATION, "UnlockConnector", {"connectorId": 1})
        assert answer == {"status": "NotSupported"}


@pytest.mark.ocpp("3.8-number-kept", "5.2-unknown", "5.17-rejected", "5.18-unknown")
@pytest.mark.parametrize(
    ("action", "payload", "status"),
    [
        ("ChangeAvailability", {"type": "Inoperative"}, "Rejected"),
        ("RemoteStartTransaction", {"idTag": "APP1"}, "Rejected"),
        ("UnlockConnector", {}, "NotSupported"),
        ("TriggerMessage", {"requestedMessage": "StatusNotification"}, "Rejected"),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}, "Rejected"),
    ],
)
async def test_a_connector_above_the_number_of_connectors_is_refused(
    tmp_path: Path, action: str, payload: dict[str, Any], status: str
) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        assert await rig.system.call(STATION, action, {"connectorId": 3, **payload}) == {"status": status}


@pytest.mark.ocpp("5.17-accepted-first", "5.17-status", "5.17-meter")
async def test_a_trigger_without_connector_means_all_of_them_after_the_answer(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        await rig.advance(5)
        for message, numbers in (("StatusNotification", [0, 1, 2]), ("MeterValues", [1, 2])):
            before = len(payloads(rig, message))
            answer = await rig.system.call(STATION, "TriggerMessage", {"requestedMessage": message})
            assert answer == {"status": "Accepted"}
            await rig.advance(5)
            assert [told["connectorId"] for told in payloads(rig, message)[before:]] == numbers
            answers = [m for m in rig.system.ledger.messages if m.action == "TriggerMessage" and m.kind == "result"]
            first = rig.system.ledger.calls(message)[before]
            assert answers[-1].number < first.number
