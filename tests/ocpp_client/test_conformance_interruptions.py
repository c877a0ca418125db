"""Resets, power failures and lost links as the central system sees them: OCPP 1.6, 3.5 to 3.7, 4.2, 4.10, 5.14."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ocpp_client.simulated_ledger import parse_time
from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, TWO_AC, leave, settle, show_card, until_energy_flows
from tests.ocpp_client.seen import (
    STATION,
    begin,
    car_comes,
    payloads,
    ready,
    stop_by_card,
    story,
)


async def reset(rig: Rig, kind: str) -> int:
    """Reset by the central system until the station is accepted again; how many calls came before it went down."""
    assert await rig.system.call(STATION, "Reset", {"type": kind}) == {"status": "Accepted"}
    assert rig.house is not None
    await rig.house.wait()
    before = len(rig.system.ledger.calls())
    await rig.stop()
    await rig.boot_up()
    await rig.online()
    await rig.advance(15)
    return before


def actions(rig: Rig, first: int = 0, last: int | None = None) -> list[str]:
    """Actions of the calls from number `first` on, without the periodic ones."""
    told = [call.action for call in rig.system.ledger.calls()[first:last]]
    return [action for action in told if action not in ("Heartbeat", "MeterValues", "SecurityEventNotification")]


# ------------------------------------------------------------------------------------------------------------- reset


@pytest.mark.ocpp("5.14-soft", "5.14-hard", "5.14-boot", "4.2-first", "Reset")
@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_a_reset_without_charge_is_a_boot_with_all_statuses(tmp_path: Path, kind: str) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        before = await reset(rig, kind)
        assert actions(rig, before) == ["BootNotification", *["StatusNotification"] * 3]
        told = [call.payload for call in rig.system.ledger.calls("StatusNotification")[-3:]]
        assert sorted(status["connectorId"] for status in told) == [0, 1, 2]
        assert {status["status"] for status in told} == {"Available"}


@pytest.mark.ocpp("5.14-soft-tx", "5.14-hard-tx", "4.10-reason-soft", "4.10-reason-hard", "4.10-no-idtag")
@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_a_reset_in_a_charge_tells_its_stop_before_the_station_goes_down(tmp_path: Path, kind: str) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(20)
        before = await reset(rig, kind)
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == f"{kind}Reset"
        assert "idTag" not in stop
        assert "StopTransaction" in actions(rig, 0, before)
        assert actions(rig, before)[0] == "BootNotification"
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.14-soft-tx", "3.7-durable")
async def test_a_stop_that_a_reset_could_not_tell_is_told_after_it(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        rig.system.on("StopTransaction", drop=True, times=1)
        before = await reset(rig, "Soft")
        await rig.advance(60)
        assert actions(rig, before)[0] == "BootNotification"
        assert "StopTransaction" in actions(rig, before)
        assert {stop["reason"] for stop in payloads(rig, "StopTransaction")} == {"SoftReset"}
        await leave(rig)
        await settle(rig)


# -------------------------------------------------------------------------------------------------------- power failure


@pytest.mark.ocpp("4.10-power-loss", "4.10-reason-power", "3.7-durable", "4.2-first")
async def test_a_power_failure_in_a_charge_is_told_after_the_boot_with_the_last_known_meter(tmp_path: Path) -> None:
    keys = {"MeterValueSampleInterval": 10, "StopTxnSampledData": "Energy.Active.Import.Register"}
    async with Rig(tmp_path, change={"ocpp": {"configuration": keys}}) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(75)
        before = len(rig.system.ledger.calls())
        cut_at = rig.system.now()
        await rig.cut_power()
        rig.simulated.unplug(1)
        await rig.advance(600)
        await rig.restore_power()
        await rig.online()
        await rig.advance(30)
        await settle(rig)
        assert actions(rig, before)[0] == "BootNotification"
        (stop,) = payloads(rig, "StopTransaction")
        assert stop["reason"] == "PowerLoss"
        assert "idTag" not in stop
        assert stop["meterStop"] - payloads(rig, "StartTransaction")[0]["meterStart"] > 300
        late_s = (parse_time(stop["timestamp"]) - cut_at).total_seconds()
        assert abs(late_s) < 60, "it ended with the power, not with its return"
        told = [value["timestamp"] for one in payloads(rig, "MeterValues") for value in one["meterValue"]]
        assert all(at <= stop["timestamp"] for at in told if parse_time(at) <= cut_at)
        data = [value["timestamp"] for value in stop["transactionData"]]
        assert data == sorted(data) and all(at <= stop["timestamp"] for at in data)


# ------------------------------------------------------------------------------------------------------------ no link


@pytest.mark.ocpp("3.7-no-live-gap", "4.9-offline-current", "4.2-once", "J5.4-reconnect", "3.16.1-sampled")
async def test_a_link_lost_in_a_charge_loses_no_meter_value_and_repeats_no_boot(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"MeterValueSampleInterval": 10}}}) as rig:
        await ready(rig)
        await begin(rig)
        await rig.system.go_away()
        await rig.advance(120)
        await rig.system.come_back()
        await rig.online()
        await rig.advance(30)
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)
        assert len(payloads(rig, "BootNotification")) == 1
        at = [parse_time(told["meterValue"][0]["timestamp"]) for told in payloads(rig, "MeterValues")]
        gaps = {round((after - before).total_seconds()) for before, after in pairwise(at)}
        assert gaps == {10}
        assert len(at) >= 15
        assert story(rig).count("StartTransaction") == story(rig).count("StopTransaction") == 1


@pytest.mark.ocpp("3.5-offline-stop", "3.7-offline-timestamps", "4.9-offline-current", "3.7-stop-waits-id")
async def test_a_charge_that_ends_without_link_is_told_with_its_own_time(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await rig.system.go_away()
        await rig.advance(30)
        stopped_at = rig.now()
        await stop_by_card(rig)
        await leave(rig)
        await rig.advance(60)
        await rig.system.come_back()
        await settle(rig)
        (stop,) = payloads(rig, "StopTransaction")
        assert (stop["reason"], stop["idTag"]) == ("Local", CARD)
        assert abs((parse_time(stop["timestamp"]) - stopped_at).total_seconds()) < 10
        assert "Finishing" not in story(rig)
        assert story(rig)[-1] == "Available" or story(rig)[-2] == "Available"


@pytest.mark.ocpp("3.5-offline-local", "3.7-order", "3.7-offline-timestamps", "4.8-accepted")
async def test_a_known_card_charges_from_beginning_to_end_without_link(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)
        await begin(rig)
        await stop_by_card(rig)
        await leave(rig)
        await rig.drained()
        before = len(rig.system.ledger.calls())
        await rig.system.go_away()
        await rig.advance(5)
        started_at = rig.now()
        await begin(rig)
        await rig.advance(60)
        await stop_by_card(rig)
        await leave(rig)
        await rig.advance(30)
        await rig.system.come_back()
        await settle(rig)
        told = [action for action in actions(rig, before) if action != "StatusNotification"]
        assert told == ["StartTransaction", "StopTransaction"]
        start, stop = payloads(rig, "StartTransaction")[-1], payloads(rig, "StopTransaction")[-1]
        assert abs((parse_time(start["timestamp"]) - started_at).total_seconds()) < 20
        assert 60 <= (parse_time(stop["timestamp"]) - parse_time(start["timestamp"])).total_seconds() < 90
        assert [stop["transactionId"]] == [rig.system.ledger.transactions[-1].ids[-1]]


@pytest.mark.ocpp("3.5-offline-off", "9.1-LocalAuthorizeOffline")
async def test_without_local_authorisation_a_known_card_does_not_start_without_link(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"LocalAuthorizeOffline": False}}}) as rig:
        await ready(rig)
        await begin(rig)
        await stop_by_card(rig)
        await leave(rig)
        await rig.drained()
        await rig.system.go_away()
        await rig.advance(5)
        await car_comes(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await rig.system.come_back()
        await settle(rig)
        assert story(rig).count("StartTransaction") == 1


@pytest.mark.ocpp("3.5.4-unknown", "3.5.4-deauthorize", "4.8-invalid-stop", "4.10-reason-deauthorized", "4.8-cache")
async def test_an_unknown_card_that_proves_invalid_is_stopped_when_the_link_is_back(tmp_path: Path) -> None:
    keys = {"AllowOfflineTxForUnknownId": True, "StopTransactionOnInvalidId": True}
    async with Rig(tmp_path, change={"ocpp": {"configuration": keys}}) as rig:
        rig.system.id_tags[CARD] = "Invalid"
        await ready(rig)
        await rig.system.go_away()
        await rig.advance(5)
        await begin(rig)
        await rig.advance(60)
        await rig.system.come_back()
        await rig.system.until_received("StopTransaction", timeout_s=120)
        assert payloads(rig, "StopTransaction")[0]["reason"] == "DeAuthorized"
        await rig.advance(5)
        rig.unplug()
        await rig.advance(30)
        await rig.system.go_away()
        await rig.advance(5)
        await car_comes(rig)
        assert (await show_card(rig)).outcome == "refused"  # known to be invalid: not unknown any more
        await leave(rig)
        await rig.system.come_back()
        await settle(rig)


@pytest.mark.ocpp("3.7-new-after-old", "3.7-order")
async def test_new_messages_of_transactions_wait_for_old_ones(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await ready(rig)
        await begin(rig, 1)
        await stop_by_card(rig)
        await leave(rig, 1)
        await rig.drained()
        rig.system.on("StartTransaction", delay_s=20.0, times=1)
        await car_comes(rig, 1)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig, 1)
        before = len(rig.system.ledger.calls())
        await stop_by_card(rig)
        assert "StopTransaction" not in actions(rig, before)
        await rig.advance(40)
        await leave(rig, 1)
        await settle(rig)
        told = [action for action in actions(rig) if action.endswith("Transaction")]
        assert told == ["StartTransaction", "StopTransaction"] * 2
