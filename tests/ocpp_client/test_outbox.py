"""Transactions and samples on their way to the server: order, repetition, being off line, refusals, crashes."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import Cursor, LinkStatus, NameTransaction, Noted, ResendParked, SetEnergyLimit, StopCharging
from chargepoint.records import Moment
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import ConnectorStatus, SessionFlag, StopSource
from tests.listening import heard
from tests.ocpp_client.rig import ENERGY, NAME, Rig, bench
from tests.variants import rest_long


def story(rig: Rig) -> list[str]:
    """Transaction messages in the order the server got them, as `action meter` or `action value`."""
    short = {"StartTransaction": "start", "MeterValues": "value", "StopTransaction": "stop"}
    return [short[call.action] for call in rig.ledger.calls() if call.action in short]


def values(rig: Rig) -> list[str]:
    return [told["meterValue"][0]["sampledValue"][0]["value"] for told in rig.payloads("MeterValues")]


async def told_all(rig: Rig, starts: int, stops: int, timeout_s: float = 600) -> None:
    await rig.system.until_received("StartTransaction", starts, timeout_s)
    await rig.system.until_received("StopTransaction", stops, timeout_s)
    await asyncio.sleep(1)


# ---------------------------------------------------------------------------------------------------- the usual way


@pytest.mark.ocpp("3.7-order")
async def test_a_transaction_is_told_in_order(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1, tag="CARD1", reservation_id=5)
        rig.station.sample(1, wh=1500)
        rig.station.stop(1, stop_source=StopSource.OCPP_REMOTE, stopper=None)
        await told_all(rig, 1, 1)
        start, stop = rig.payloads("StartTransaction")[0], rig.payloads("StopTransaction")[0]
        assert story(rig) == ["start", "value", "stop"]
        assert start == {
            "connectorId": 1,
            "idTag": "CARD1",
            "meterStart": 1000,
            "reservationId": 5,
            "timestamp": start["timestamp"],
        }
        assert (stop["meterStop"], stop["reason"], "idTag" in stop) == (2000, "Remote", False)
        assert rig.payloads("MeterValues")[0]["transactionId"] == stop["transactionId"]
        assert rig.station.told(NameTransaction)[0].transaction_id == stop["transactionId"]
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("4.7-transaction")
async def test_samples_are_told_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.durable_samples, rig.station.sample_step = 0, 3
        rig.station.start(1)
        for wh in range(5):
            rig.station.sample(1, wh=wh)
            await rig.system.until_received("MeterValues", wh + 1, timeout_s=1)
        assert values(rig) == ["0", "1", "2", "3", "4"]


async def test_a_value_of_a_charge_that_ends_soon_after_a_restart_is_told_before_its_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        rig.station.sample(1, wh=1100)
        await rig.system.until_received("MeterValues")
        await asyncio.sleep(5)
        await rig.stop()
        await rig.boot()
        await rig.system.until_received("BootNotification", 2)
        await asyncio.sleep(1)
        rig.station.durable_samples = 1
        rig.station.sample(1, wh=1500)
        await asyncio.sleep(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert (story(rig), values(rig)) == (["start", "value", "value", "stop"], ["1100", "1500"])


async def test_what_concerns_no_server_is_not_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1, is_reported=False)
        rig.station.sample(1)
        rig.station.stop(1, is_reported=False)
        rig.station.sample(0, connector=0, context="Sample.Clock")
        await asyncio.sleep(5)
        assert story(rig) == ["value"]
        assert "transactionId" not in rig.payloads("MeterValues")[0]


@pytest.mark.ocpp("3.16.1-stop-data", "4.10-data", "9.1-StopTxnSampledData")
async def test_begin_and_end_values_are_for_transaction_data(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"StopTxnSampledData": ENERGY}) as rig:
        await rig.registered()
        rig.station.durable_samples = 1
        rig.station.start(1)
        rig.station.sample(1, wh=1000, context="Transaction.Begin")
        rig.station.sample(1, wh=1500)
        rig.station.sample(1, wh=2000, context="Transaction.End")
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        data = rig.payloads("StopTransaction")[0]["transactionData"]
        assert [(value["sampledValue"][0]["context"], value["sampledValue"][0]["value"]) for value in data] == [
            ("Transaction.Begin", "1000"),
            ("Sample.Periodic", "1500"),
            ("Transaction.End", "2000"),
        ]
        assert values(rig) == ["1500"]


@pytest.mark.ocpp("4.10-reason-ev")
async def test_a_vehicle_that_left_is_the_reason(tmp_path: Path) -> None:
    from tests.ocpp_client.test_words import reading

    async with bench(tmp_path) as rig:
        from chargepoint.vocabulary import ControllerStatus

        await rig.registered()
        rig.station.start(1)
        rig.station.connector(1, ConnectorStatus.AVAILABLE, reading=reading(ControllerStatus.A_NOT_CONNECTED))
        rig.station.stop(1, stop_source=StopSource.STATUS_CHANGE, stopper=None)
        await told_all(rig, 1, 1)
        assert rig.payloads("StopTransaction")[0]["reason"] == "EVDisconnected"


# ------------------------------------------------------------------------------------------------------- off line


@pytest.mark.ocpp("3.7-no-live-gap", "3.7-order", "3.7-offline-timestamps", "3.7-stop-waits-id")
async def test_what_happened_without_link_is_told_on_return_in_order_and_once(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        await rig.boot()
        for number in range(10):
            session = 10 * number + 1
            rig.station.start(session, connector=1 + number % 2)
            for wh in range(6):
                rig.station.sample(session, connector=1 + number % 2, wh=1000 + 100 * number + wh)
            await asyncio.sleep(30)
            rig.station.stop(session, connector=1 + number % 2)
        await rig.system.come_back()
        await told_all(rig, 10, 10)
        assert story(rig) == ["start", *["value"] * 6, "stop"] * 10
        assert values(rig) == [str(1000 + 100 * number + wh) for number in range(10) for wh in range(6)]
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("3.7.1-offline-no-tries")
async def test_being_off_line_uses_up_no_attempts(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"TransactionMessageAttempts": 2}) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=6, close_before=True)
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert rig.client is not None and rig.client._lanes.parked == 0
        assert rig.ledger.faults() == []


@pytest.mark.parametrize("offset", [0, 1, 2, 7, 20])
@pytest.mark.ocpp("3.7.1-same", "4.8-retry")
async def test_a_cut_in_the_answer_brings_an_identical_repeat(tmp_path: Path, offset: int) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, cut_answer_at=offset)
        rig.system.on("StopTransaction", times=1, cut_answer_at=offset)
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 2, 2)
        for action in ("StartTransaction", "StopTransaction"):
            first, second = rig.payloads(action)
            assert first == second
        assert rig.ledger.faults() == []


@pytest.mark.parametrize("offset", [0, 1, 6, 20, 100])
async def test_a_cut_in_the_request_brings_it_again(tmp_path: Path, offset: int) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, cut_request_at=offset)
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert story(rig) == ["start", "stop"] and rig.ledger.faults() == []


async def test_a_transaction_id_that_changed_on_the_repeat_is_the_one_that_counts(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.ledger.repeats_get_a_new_id = True
        rig.system.on("StartTransaction", times=1, cut_answer_at=3)
        rig.station.start(1)
        await rig.system.until_received("StartTransaction", 2)
        rig.station.stop(1)
        await told_all(rig, 2, 1)
        named = rig.station.told(NameTransaction)[-1].transaction_id
        assert rig.payloads("StopTransaction")[0]["transactionId"] == named


async def test_the_time_is_waited_for_and_then_told_right(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        offset_s, rig.clock.offset_s, rig.clock.source = rig.clock.offset_s, 0.0, "unset"
        await asyncio.sleep(50)
        rig.station.start(1, connector=1)
        begun_s = rig.clock.mono()
        await asyncio.sleep(50)
        rig.station.stop(1)
        await rig.registered()
        await asyncio.sleep(30)
        assert story(rig) == []
        assert all("timestamp" not in told for told in rig.payloads("StatusNotification"))
        rig.clock.set_offset(offset_s, "server")
        await told_all(rig, 1, 1)
        from datetime import timedelta

        from ocpp_client.schemas import parse_time
        from tests.ocpp_client.rig import NOW

        start, stop = rig.payloads("StartTransaction")[0], rig.payloads("StopTransaction")[0]
        started, stopped = parse_time(start["timestamp"]), parse_time(stop["timestamp"])
        assert started is not None and stopped is not None
        assert abs(started - (NOW + timedelta(seconds=begun_s))) < timedelta(seconds=1)
        assert stopped - started == timedelta(seconds=50)


async def test_a_boot_that_never_knew_the_time_keeps_its_order_and_durations(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        from chargepoint.records import TransactionStopped

        rig.station.start(1)
        rig.station.rows[0] = type(rig.station.rows[0])(1, Moment("boot-0", 100.0), rig.station.rows[0].entry)
        stop = TransactionStopped(
            session_id=1,
            connector=1,
            stop_source=StopSource.POWER_LOSS,
            stopper=None,
            is_reported=True,
            meter_stop_wh=1200,
        )
        rig.station.append(stop, Moment("boot-0", 160.0))
        await rig.boot()
        await told_all(rig, 1, 1)
        from ocpp_client.schemas import parse_time

        times = [parse_time(rig.payloads(action)[0]["timestamp"]) for action in ("StartTransaction", "StopTransaction")]
        assert times[0] is not None and times[1] is not None
        assert (times[1] - times[0]).total_seconds() == 60
        assert rig.clock.floor <= times[0] <= rig.clock.now()


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.ocpp(
    "3.7.1-interval",
    "3.7.1-attempts",
    "9.1-TransactionMessageAttempts",
    "9.1-TransactionMessageRetryInterval",
)
async def test_tries_grow_by_the_interval_and_hold_back_nobody_else(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 4, "TransactionMessageRetryInterval": 60}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=3, error="InternalError")
        rig.station.start(1, connector=1, tag="FIRST")
        await asyncio.sleep(1)
        rig.station.sample(1, wh=1100)
        await asyncio.sleep(1)
        rig.system.rules[0].times = 0
        rig.station.start(4, connector=2, tag="SECOND")
        rig.station.stop(4, connector=2)
        await asyncio.sleep(1)
        rig.system.rules[0].times = 2
        assert [told["idTag"] for told in rig.payloads("StartTransaction")] == ["FIRST", "SECOND"]
        assert len(rig.payloads("StopTransaction")) == 1
        rig.station.stop(1)
        await told_all(rig, 5, 2)
        at = [call.at.timestamp() for call in rig.ledger.calls("StartTransaction") if call.payload["idTag"] == "FIRST"]
        gaps = [round(after - before) for before, after in itertools.pairwise(at)]
        assert gaps == [60, 120, 180]
        assert story(rig)[-3:] == ["start", "value", "stop"]
        assert len({str(told) for told in rig.payloads("StartTransaction") if told["idTag"] == "FIRST"}) == 1


@pytest.mark.ocpp("3.7.1-next")
async def test_what_is_refused_for_good_is_parked_whole_and_can_be_sent_again(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 2, "TransactionMessageRetryInterval": 10}
    async with bench(tmp_path, configuration=presets) as rig:
        notes = rig.buses["admin"].subscribe(Noted)
        view = rig.buses["admin"].watch("link")
        await rig.registered()
        rig.system.on("StartTransaction", times=2, error="InternalError")
        rig.station.start(1)
        rig.station.sample(1, wh=1100)
        rig.station.stop(1)
        await asyncio.sleep(60)
        rig.station.start(4, connector=2)
        rig.station.stop(4, connector=2)
        await told_all(rig, 3, 1)
        link = view.get("link")
        assert isinstance(link, LinkStatus) and (link.parked, link.queued) == (2, 0)
        await rig.stop()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        assert rig.client is not None
        assert (await rig.buses["admin"].call("ocpp", ResendParked(session_id=9))).code == "nothing_parked"
        assert (await rig.buses["admin"].call("ocpp", ResendParked())).ok
        await told_all(rig, 4, 2)
        assert story(rig)[-3:] == ["start", "value", "stop"] and rig.client._lanes.parked == 0
        assert any("session 1" in note.error for note in await heard(notes))


@pytest.mark.ocpp("3.9-idtag-length")
async def test_an_id_tag_that_cannot_be_sent_is_parked_and_shown(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1, tag="x" * 21)
        rig.station.stop(1)
        rig.station.start(3)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(1)
        assert rig.client is not None and rig.client._lanes.parked == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"idTagInfo": {"status": "Accepted"}},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": "7"},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": 2**63},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": 1.5},
        {"idTagInfo": {"status": "Whatever"}, "transactionId": 7},
        {"transactionId": 7},
        {},
    ],
)
async def test_an_answer_of_wrong_shape_counts_as_not_processed(tmp_path: Path, answer: dict[str, Any]) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, answer=answer)
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 2, 1)
        assert rig.payloads("StartTransaction")[0] == rig.payloads("StartTransaction")[1]


async def test_an_answer_with_fields_more_than_the_schema_knows_is_taken(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on(
            "StartTransaction",
            times=1,
            answer={"idTagInfo": {"status": "Accepted", "x": 1}, "transactionId": 77, "y": 2},
        )
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert rig.payloads("StopTransaction")[0]["transactionId"] == 77


async def test_an_answer_after_the_time_out_is_not_mistaken_for_the_next_one(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"TransactionMessageRetryInterval": 1}) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, delay_s=35.0)
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 2, 1)
        await asyncio.sleep(10)
        assert rig.client is not None and rig.client._rpc.strays == 1
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("3.7.1-next")
async def test_a_server_that_refuses_all_meter_values_still_gets_the_stop(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("MeterValues", error="NotSupported")
        rig.station.start(1)
        for _ in range(50):
            rig.station.sample(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert len(rig.payloads("MeterValues")) < 10
        await asyncio.sleep(5)
        assert rig.client is not None and not rig.client._store.lanes


# ---------------------------------------------------------------------------------------------------- invalid ids


@pytest.mark.parametrize("number", [0, -1])
async def test_a_refused_start_may_have_any_number(tmp_path: Path, number: int) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        refusal = {"idTagInfo": {"status": "Invalid"}, "transactionId": number}
        rig.system.on("StartTransaction", answer=refusal, times=1)
        rig.station.start(1)
        await asyncio.sleep(2)
        assert rig.station.told(StopCharging)
        rig.station.stop(1, stop_source=StopSource.OCPP_AUTH_ERROR, stopper=None)
        await rig.system.until_received("StopTransaction")
        stop = rig.payloads("StopTransaction")[0]
        assert (stop["transactionId"], stop["reason"]) == (number, "DeAuthorized")


@pytest.mark.parametrize(
    ("presets", "flags", "asked"),
    [
        ({}, SessionFlag(0), StopCharging(session_id=1, source=StopSource.OCPP_AUTH_ERROR, by="ocpp")),
        ({}, SessionFlag.StartOffline, StopCharging(session_id=1, source=StopSource.OFFLINE_AUTH_ERROR, by="ocpp")),
        (
            {"StopTransactionOnInvalidId": False, "MaxEnergyOnInvalidId": 500},
            SessionFlag(0),
            SetEnergyLimit(session_id=1, energy_limit_wh=500),
        ),
        ({"StopTransactionOnInvalidId": False}, SessionFlag(0), SetEnergyLimit(session_id=1, energy_limit_wh=0)),
    ],
)
@pytest.mark.ocpp("3.5.4-deauthorize", "4.8-invalid-stop", "9.1-StopTransactionOnInvalidId")
async def test_an_id_tag_that_proves_invalid(
    tmp_path: Path, presets: dict[str, Any], flags: SessionFlag, asked: object
) -> None:
    async with bench(tmp_path, configuration=presets) as rig:
        rig.system.other_cards = "Invalid"
        await rig.registered()
        rig.station.start(1, flags=flags)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(2)
        orders = [order for order in rig.station.asked if isinstance(order, StopCharging | SetEnergyLimit)]
        assert orders == ([] if asked is None else [asked])
        assert rig.client is not None and rig.client._store.cache["card1"].status == "Invalid"


@pytest.mark.ocpp("4.8-invalid-stop")
async def test_a_refused_id_tag_is_acted_upon_also_after_a_crash(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.other_cards = "Invalid"
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(2)
        await rig.kill()
        rig.station.asked.clear()  # as if the crash had come before the wish to stop had left
        await rig.boot()
        await asyncio.sleep(5)
        assert [order for order in rig.station.asked if isinstance(order, StopCharging)] == [
            StopCharging(session_id=1, source=StopSource.OCPP_AUTH_ERROR, by="ocpp")
        ]


# --------------------------------------------------------------------------------------------------------- crashes


async def test_after_a_crash_money_is_told_once_and_samples_at_most_twenty_seconds_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        for wh in range(100):
            rig.station.sample(1, wh=wh)
            await asyncio.sleep(1)
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        told = values(rig)
        assert set(told) == {str(wh) for wh in range(100)} and len(told) <= 122
        assert story(rig).count("start") == story(rig).count("stop") == 1


@pytest.mark.ocpp("3.7-durable")
@pytest.mark.parametrize("first", rest_long([1, 2]))
async def test_a_crash_at_any_step_leaves_a_whole_story(tmp_path: Path, first: int) -> None:
    for step in range(first, 40, 2):
        folder = tmp_path / str(step)
        folder.mkdir()
        async with bench(folder) as rig:
            await rig.registered()
            rig.station.start(1)
            rig.station.sample(1)
            rig.station.stop(1)
            for _ in range(step * 3):
                await asyncio.sleep(0)
            await rig.kill()
            await rig.boot()
            await told_all(rig, 1, 1)
            assert rig.ledger.faults() == [], step


async def test_a_held_back_session_survives_a_restart(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 5, "TransactionMessageRetryInterval": 30}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, error="InternalError")
        rig.station.start(1)
        rig.station.sample(1, wh=1100)
        rig.station.stop(1)
        await asyncio.sleep(2)
        await rig.kill()
        await rig.boot()
        await told_all(rig, 2, 1)
        assert story(rig) == ["start", "start", "value", "stop"] and rig.ledger.faults() == []


async def test_a_crash_in_a_drain_leaves_whole_stories(tmp_path: Path) -> None:
    for step in range(1, 9):
        folder = tmp_path / str(step)
        folder.mkdir()
        async with bench(folder, is_there=False) as rig:
            for number in range(6):
                await asyncio.sleep(1)
                rig.station.start(2 * number + 1, connector=1 + number % 2, meter_start_wh=1000 + number)
                rig.station.stop(2 * number + 1, connector=1 + number % 2)
            await rig.system.come_back()
            await rig.boot()
            await rig.system.until_received("StopTransaction", 1 + step // 2)
            for _ in range(step * 5):
                await asyncio.sleep(0)
            await rig.kill()
            await rig.boot()
            await told_all(rig, 6, 6)
            await asyncio.sleep(5)
            assert rig.ledger.faults() == [], step


async def test_a_disk_that_takes_nothing_repeats_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert rig.client is not None
        database = rig.client._store.database
        usual = database.write

        async def full(_statements: object) -> None:
            raise CannotRecord("the disk is full")

        monkeypatch.setattr(database, "write", full)
        rig.station.start(1)
        rig.station.stop(1)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(300)
        assert story(rig) == ["start"]
        monkeypatch.setattr(database, "write", usual)
        await told_all(rig, 1, 1)
        assert story(rig) == ["start", "stop"]


async def test_a_server_that_hangs_does_not_stop_the_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as rig:
        beats: list[float] = []
        monkeypatch.setattr(rig.buses["ocpp"], "beat", lambda **_more: beats.append(asyncio.get_running_loop().time()))
        await rig.registered()
        rig.system.on("*", drop=True)
        rig.station.start(1)
        rig.station.sample(1)
        await asyncio.sleep(200)
        assert max(after - before for before, after in itertools.pairwise(beats)) <= 5.0
        assert beats[-1] > asyncio.get_running_loop().time() - 5.0


async def test_the_station_may_be_away_for_a_while(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        from chargepoint.bus import Unavailable
        from chargepoint.messages import ReadJournal

        usual = rig.station._read_journal

        async def away(_request: ReadJournal, _sender: str) -> Any:
            raise Unavailable("restarting")

        rig.station.bus.serve(ReadJournal, away)
        rig.station.start(1)
        rig.station.stop(1)
        await asyncio.sleep(20)
        rig.station.bus.serve(ReadJournal, usual)
        await told_all(rig, 1, 1)


async def test_a_shorter_journal_does_not_stop_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for number in range(5):
            rig.station.start(1 + 2 * number)
            rig.station.stop(1 + 2 * number)
        await told_all(rig, 5, 5)
        await rig.stop()
        del rig.station.rows[2:]
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        rig.station.start(3, tag="NEW")
        await told_all(rig, 6, 5)
        assert rig.payloads("StartTransaction")[-1]["idTag"] == "NEW"


async def test_stopping_tells_the_last_stop_and_closes_in_order(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        rig.station.stop(1, stop_source=StopSource.OCPP_SOFT_RESET)
        await asyncio.sleep(0.01)
        begun_s = asyncio.get_running_loop().time()
        await rig.stop()
        assert asyncio.get_running_loop().time() - begun_s < 2.0
        assert rig.payloads("StopTransaction")[0]["reason"] == "SoftReset"
        assert not rig.system.links


async def test_the_station_hears_what_it_may_forget(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        rig.station.sample(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        await asyncio.sleep(90)
        cursor = rig.station.told(Cursor)[-1]
        assert (cursor.seq, cursor.sample) == (2, 1)


@pytest.mark.ocpp("3.7-other-at-once")
async def test_a_live_request_is_answered_quickly_during_a_drain(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        await rig.boot()
        for number in range(300):
            rig.station.start(2 * number + 1)
            rig.station.stop(2 * number + 1)
        rig.system.on("StartTransaction", delay_s=0.1)
        rig.system.on("StopTransaction", delay_s=0.1)
        await rig.system.come_back()
        await rig.system.until_received("StartTransaction", 5)
        begun_s = asyncio.get_running_loop().time()
        await rig.system.call(NAME, "GetConfiguration", {})
        await rig.system.call(NAME, "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.system.until_received("Heartbeat")
        assert asyncio.get_running_loop().time() - begun_s < 2.0
        assert len(rig.payloads("StopTransaction")) < 300
        assert len(rig.payloads("StatusNotification")) == 3


@pytest.mark.realtime
async def test_a_thousand_queued_messages_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await drain(tmp_path, 25, capsys)


@pytest.mark.long
@pytest.mark.realtime
async def test_ten_thousand_queued_messages_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await drain(tmp_path, 250, capsys)


async def drain(folder: Path, sessions: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Queue 40 messages for each session, then let them go; prints how fast that was."""
    async with bench(folder, is_there=False) as rig:
        for number in range(sessions):
            rig.clock.offset_s += 1
            rig.station.start(2 * number + 1, meter_start_wh=1000 + 100 * number)
            for wh in range(38):
                rig.station.sample(2 * number + 1, wh=1000 + 100 * number + wh)
            rig.station.stop(2 * number + 1, meter_stop_wh=1100 + 100 * number)
        await asyncio.sleep(0.1)
        await rig.system.come_back()
        await rig.boot()
        await rig.system.until_received("StartTransaction", 1)
        begun_s = time.perf_counter()
        await rig.system.until_received("StopTransaction", sessions)
        rate = 40 * sessions / (time.perf_counter() - begun_s)
        with capsys.disabled():
            print(f" drain: {rate:.0f} messages/s", end=" ")
        assert len(rig.payloads("MeterValues")) == 38 * sessions
        assert rig.ledger.faults() == []
