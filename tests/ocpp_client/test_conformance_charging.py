"""A charge as the central system sees it, message by message: the whole station against OCPP 1.6, sections 3 to 5."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.records import Session
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    leave,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
)
from tests.ocpp_client.seen import STATION, begin, car_comes, payloads, ready, stop_by_card, story


async def end(rig: Rig) -> Session:
    session = await leave(rig)
    await settle(rig)
    return session


@pytest.mark.ocpp(
    "4.9-available", "4.9-preparing-plug", "4.9-charging", "4.9-finishing", "4.9-finishing-available",
    "4.9-start-order", "4.9-stop-order", "4.8-start", "4.8-accepted", "4.10-reason-local", "4.1-stop-no-ask",
    "4.10-idtag",
)  # fmt: skip
async def test_plug_first_is_told_in_the_order_of_the_specification(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(60)
        await stop_by_card(rig)
        session = await end(rig)
        assert story(rig) == [
            "Available", "Preparing", "Authorize", "StartTransaction", "Charging", "StopTransaction", "Finishing",
            "Available",
        ]  # fmt: skip
        (start,), (stop,) = payloads(rig, "StartTransaction"), payloads(rig, "StopTransaction")
        assert (start["connectorId"], start["idTag"], start["meterStart"]) == (1, CARD, session.meter_start_wh)
        assert (stop["idTag"], stop["reason"], stop["meterStop"]) == (CARD, "Local", session.meter_stop_wh)
        assert all(isinstance(wh, int) for wh in (start["meterStart"], stop["meterStop"]))
        assert "transactionData" not in stop


@pytest.mark.ocpp("4.9-preparing-card", "4.9-preparing-order", "4.1-before-start", "4.9-charging")
async def test_card_first_is_authorised_before_it_is_preparing(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await rig.tap()
        await rig.until_status("WAITING_FOR_EV")
        await rig.advance(3)
        rig.plug()
        await until_energy_flows(rig)
        await rig.advance(3)
        await stop_by_card(rig)
        await end(rig)
        assert story(rig) == [
            "Available", "Authorize", "Preparing", "StartTransaction", "Charging", "StopTransaction", "Finishing",
            "Available",
        ]  # fmt: skip


@pytest.mark.ocpp("4.9-available-timeout", "9.1-ConnectionTimeOut")
async def test_who_does_not_plug_in_is_forgotten_after_the_connection_time_out(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 30}}}) as rig:
        await ready(rig)
        await rig.tap()
        await rig.until_status("WAITING_FOR_EV")
        await rig.until_status("AVAILABLE", within_s=40)
        await rig.advance(2)
        assert story(rig) == ["Available", "Authorize", "Preparing", "Available"]
        at = [call.at for call in rig.system.ledger.calls("StatusNotification") if call.payload["connectorId"] == 1]
        assert (at[2] - at[1]).total_seconds() == pytest.approx(30, abs=1.5)


@pytest.mark.ocpp("4.9-available-unplug")
async def test_a_car_that_leaves_without_a_charge_leaves_the_connector_available(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await car_comes(rig)
        await rig.advance(2)
        await end(rig)
        assert story(rig) == ["Available", "Preparing", "Available"]


@pytest.mark.ocpp("4.1-invalid", "4.1-expired", "4.1-blocked", "4.1-concurrent", "3.6-energy-inside")
@pytest.mark.parametrize("status", ["Invalid", "Expired", "Blocked", "ConcurrentTx"])
async def test_who_is_not_accepted_starts_nothing(tmp_path: Path, status: str) -> None:
    async with Rig(tmp_path) as rig:
        rig.system.id_tags[CARD] = status
        await ready(rig)
        await car_comes(rig)
        assert (await show_card(rig)).outcome == "refused"
        await rig.advance(30)
        assert rig.simulated.state().connector(1).power_w == 0
        await end(rig)
        assert story(rig) == ["Available", "Preparing", "Authorize", "Available"]


@pytest.mark.ocpp("4.10-reason-ev", "4.10-ev-side", "4.10-no-idtag")
async def test_a_car_unplugged_in_a_charge_ends_it_as_evdisconnected_without_idtag(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(30)
        rig.unplug()
        await until_transaction_ends(rig)
        await rig.until_status("AVAILABLE")
        await settle(rig)
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == "EVDisconnected"
        assert "idTag" not in stop


@pytest.mark.ocpp("3.5-pre-authorize", "9.1-LocalPreAuthorize", "3.5.1-cache-updated")
async def test_with_local_pre_authorize_a_known_card_starts_without_being_asked_for(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"LocalPreAuthorize": True}}}) as rig:
        await ready(rig)
        for _ in range(2):
            await begin(rig)
            await stop_by_card(rig)
            await end(rig)
        assert story(rig).count("Authorize") == 1
        assert story(rig).count("StartTransaction") == 2


@pytest.mark.ocpp("9.1-AuthorizationCacheEnabled", "3.5.1-cache-off")
async def test_without_cache_each_card_is_asked_for_and_clear_cache_is_rejected(tmp_path: Path) -> None:
    keys = {"LocalPreAuthorize": True, "AuthorizationCacheEnabled": False}
    async with Rig(tmp_path, change={"ocpp": {"configuration": keys}}) as rig:
        await ready(rig)
        for _ in range(2):
            await begin(rig)
            await stop_by_card(rig)
            await end(rig)
        assert story(rig).count("Authorize") == 2
        assert await rig.system.call(STATION, "ClearCache") == {"status": "Rejected"}


@pytest.mark.ocpp("3.10-group-stop", "3.10-group-asks", "4.10-idtag", "3.10-other-group")
async def test_a_card_of_the_group_stops_and_is_named_and_one_of_another_group_does_not(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        rig.system.id_tags |= {
            CARD: {"status": "Accepted", "parentIdTag": "FLEET"},
            OTHER_CARD: {"status": "Accepted", "parentIdTag": "fleet"},
            "0DDBA110": {"status": "Accepted", "parentIdTag": "OTHERS"},
        }
        await ready(rig)
        await begin(rig)
        assert (await show_card(rig, "0DDBA110")).outcome != "stopped"
        await rig.advance(5)
        assert rig.status() == "CHARGING"
        await stop_by_card(rig, OTHER_CARD)
        await end(rig)
        (stop,) = payloads(rig, "StopTransaction")
        assert (stop["idTag"], stop["reason"]) == (OTHER_CARD, "Local")
        assert {told["idTag"] for told in payloads(rig, "Authorize")} == {CARD, OTHER_CARD, "0DDBA110"}


@pytest.mark.ocpp("4.9-suspended-ev", "4.9-resume", "3.6-suspended")
async def test_a_pause_by_the_car_is_suspended_ev_and_goes_on_as_charging(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        rig.simulated.pause(1)
        await rig.advance(20)
        rig.simulated.resume(1)
        await rig.advance(20)
        await stop_by_card(rig)
        await end(rig)
        assert story(rig)[3:] == [
            "StartTransaction", "Charging", "SuspendedEV", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip


@pytest.mark.ocpp("4.9-finishing-again")
async def test_a_second_charge_without_unplugging_goes_from_finishing_to_preparing(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await stop_by_card(rig)
        await rig.until_status("CHARGED")
        await rig.advance(3)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await stop_by_card(rig)
        await end(rig)
        told = story(rig)
        first = told.index("Finishing")
        assert "Preparing" in told[first + 1 : told.index("Charging", first)]
        assert told.count("StartTransaction") == told.count("StopTransaction") == 2


@pytest.mark.ocpp("5.11-start", "5.11-no-authorize", "9.1-AuthorizeRemoteTxRequests", "RemoteStartTransaction")
async def test_a_remote_start_waits_for_the_car_and_asks_nobody(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        remote = {"connectorId": 1, "idTag": "APP1"}
        assert await rig.system.call(STATION, "RemoteStartTransaction", remote) == {"status": "Accepted"}
        await rig.until_status("WAITING_FOR_EV")
        await rig.advance(3)
        rig.plug()
        await until_energy_flows(rig)
        await rig.advance(3)
        await rig.advance(2)
        assert story(rig) == ["Available", "Preparing", "StartTransaction", "Charging"]
        assert payloads(rig, "StartTransaction")[0]["idTag"] == "APP1"
        again = await rig.system.call(STATION, "RemoteStartTransaction", remote)
        assert again == {"status": "Rejected"}
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await settle(rig)


@pytest.mark.ocpp("5.11-authorize", "9.1-AuthorizeRemoteTxRequests", "5.11-busy")
@pytest.mark.parametrize("status", ["Accepted", "Invalid"])
async def test_a_remote_start_is_authorised_first_where_that_is_wanted(tmp_path: Path, status: str) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"AuthorizeRemoteTxRequests": True}}}) as rig:
        rig.system.id_tags["APP1"] = status
        await ready(rig)
        await car_comes(rig)
        remote = {"connectorId": 1, "idTag": "APP1"}
        assert await rig.system.call(STATION, "RemoteStartTransaction", remote) == {"status": "Accepted"}
        await rig.advance(20)
        started = ["StartTransaction", "Charging"] if status == "Accepted" else []
        assert story(rig) == ["Available", "Preparing", "Authorize", *started]
        if started:
            other = {"connectorId": 1, "idTag": "APP2"}
            assert await rig.system.call(STATION, "RemoteStartTransaction", other) == {"status": "Rejected"}
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await settle(rig)


@pytest.mark.ocpp("5.11-no-connector")
async def test_without_a_connector_the_station_takes_the_one_with_the_car(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        await car_comes(rig, 2)
        answer = await rig.system.call(STATION, "RemoteStartTransaction", {"idTag": "APP1"})
        assert answer == {"status": "Accepted"}
        await until_energy_flows(rig, 2)
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await settle(rig)
        assert [start["connectorId"] for start in payloads(rig, "StartTransaction")] == [2]


@pytest.mark.ocpp("5.11-unavailable", "5.2-no-start", "5.2-inoperative", "5.2-operative", "4.9-unavailable", "5.2-same")
async def test_an_unavailable_connector_starts_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        off, on = ({"connectorId": 1, "type": word} for word in ("Inoperative", "Operative"))
        for _ in range(2):
            assert await rig.system.call(STATION, "ChangeAvailability", off) == {"status": "Accepted"}
            await rig.advance(2)
        remote = {"connectorId": 1, "idTag": "APP1"}
        assert await rig.system.call(STATION, "RemoteStartTransaction", remote) == {"status": "Rejected"}
        assert (await show_card(rig)).outcome != "started"
        assert await rig.system.call(STATION, "ChangeAvailability", on) == {"status": "Accepted"}
        await rig.advance(2)
        told = [word for word in story(rig) if word != "Authorize"]
        assert told == ["Available", "Unavailable", "Available"]
        await begin(rig)
        await stop_by_card(rig)
        await end(rig)


@pytest.mark.ocpp("5.2-zero", "5.2-unknown", "5.2-scheduled", "5.2-persistent", "4.9-zero")
async def test_connector_zero_changes_the_whole_station_also_over_a_power_cut(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        await begin(rig)
        off, on = ({"connectorId": 0, "type": word} for word in ("Inoperative", "Operative"))
        assert await rig.system.call(STATION, "ChangeAvailability", off) == {"status": "Scheduled"}
        await rig.advance(5)
        assert (story(rig, 2)[-1], rig.status(1)) == ("Unavailable", "CHARGING")
        await stop_by_card(rig)
        rig.unplug(1)
        await rig.until_status("DISABLED", 1)
        await rig.advance(3)
        last = {number: [w for w in story(rig, number) if w.endswith("able")][-1] for number in (1, 2)}
        last[0] = [told for told in payloads(rig, "StatusNotification") if told["connectorId"] == 0][-1]["status"]
        assert last == dict.fromkeys((0, 1, 2), "Unavailable")
        await rig.cut_power()
        await rig.advance(30)
        count = len(rig.system.ledger.calls())
        await rig.restore_power()
        await rig.online()
        await rig.advance(15)
        told = {
            call.payload["connectorId"]: call.payload["status"]
            for call in rig.system.ledger.calls()[count:]
            if call.action == "StatusNotification"
        }
        assert told == dict.fromkeys((0, 1, 2), "Unavailable")
        unknown = {"connectorId": 7, "type": "Operative"}
        assert await rig.system.call(STATION, "ChangeAvailability", unknown) == {"status": "Rejected"}
        assert await rig.system.call(STATION, "ChangeAvailability", on) == {"status": "Accepted"}
        await rig.advance(5)
        assert [story(rig, number)[-1] for number in (0, 1, 2)] == ["Available"] * 3
        await settle(rig)


@pytest.mark.ocpp("5.18-idle", "5.18-unknown", "5.18-ends", "UnlockConnector")
async def test_unlock_without_and_with_a_charge_and_of_an_unknown_connector(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        assert await rig.system.call(STATION, "UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
        assert await rig.system.call(STATION, "UnlockConnector", {"connectorId": 9}) == {"status": "NotSupported"}
        await begin(rig)
        assert await rig.system.call(STATION, "UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
        await rig.advance(3)
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == "UnlockCommand"
        assert story(rig)[-2:] == ["StopTransaction", "Finishing"]
        await end(rig)


@pytest.mark.ocpp("4.9-faulted", "4.9-fault-back", "4.9-vendor-error", "4.10-reason-emergency", "7.6-errorcodes")
async def test_the_emergency_button_is_faulted_with_its_code_and_over_when_released(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        rig.simulated.emergency(True)
        await until_transaction_ends(rig)
        await rig.advance(5)
        faulted = payloads(rig, "StatusNotification")[-1]
        assert faulted["status"] == "Faulted"
        assert faulted["errorCode"] != "NoError"
        assert faulted["vendorErrorCode"]
        assert payloads(rig, "StopTransaction")[0]["reason"] == "EmergencyStop"
        rig.simulated.emergency(False)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await settle(rig)
        last = [told for told in payloads(rig, "StatusNotification") if told["connectorId"] == 1][-1]
        assert (last["status"], last["errorCode"]) == ("Available", "NoError")


@pytest.mark.ocpp("4.10-not-preventable", "4.10-cache", "3.5.1-cache-invalid", "3.5.1-cache-reauth")
async def test_no_answer_to_a_stop_keeps_a_charge_from_ending_and_its_info_is_kept(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        blocked = {"idTagInfo": {"status": "Blocked"}}
        rig.system.on("StopTransaction", answer=blocked, times=1)
        await stop_by_card(rig)
        await end(rig)
        asked = len(payloads(rig, "Authorize"))
        await rig.system.go_away()
        await rig.advance(5)
        await car_comes(rig)
        assert (await show_card(rig)).outcome == "refused"  # the cache knows it is blocked
        await rig.system.come_back()
        await rig.online()
        await rig.advance(30)
        assert (await show_card(rig)).outcome == "started"  # with link it is asked for again
        assert len(payloads(rig, "Authorize")) == asked + 1
        await until_energy_flows(rig)
        await stop_by_card(rig)
        await end(rig)
