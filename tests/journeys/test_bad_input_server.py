"""A central system that refuses, hangs, cuts, talks nonsense or answers late, around whole charges (N028 to N043)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import ResendParked
from chargepoint.vocabulary import LinkState, StopSource
from ocpp_client.simulated import HttpAnswer
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    charge,
    leave,
    plug,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)

STATION = "one"
OFFLINE_FOR_ALL: dict[str, dict[str, Any]] = {
    "ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True, "MeterValueSampleInterval": 15}}
}
QUICK_TRIES: dict[str, dict[str, Any]] = {
    "ocpp": {"configuration": {"TransactionMessageAttempts": 3, "TransactionMessageRetryInterval": 5}}
}


async def one_charge(rig: Rig, seconds: float = 30) -> None:
    """A whole charge with whatever server there is."""
    await charge(rig)
    await rig.advance(seconds)
    assert (await show_card(rig)).outcome == "stopped"
    await until_transaction_ends(rig)
    await leave(rig)


def has_transaction(rig: Rig) -> bool:
    """As the bus says: what the central system has heard may be ahead of it."""
    state = rig.state(1)
    return state is not None and state.session is not None and state.session.is_transaction


# ------------------------------------------------------------------------------------------------- getting connected


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_a_server_that_refuses_the_link_stops_no_charge(tmp_path: Path, status: int) -> None:
    async with Rig(tmp_path, change=OFFLINE_FOR_ALL) as rig:
        await rig.online()
        rig.system.http_answer = HttpAnswer(status=status)
        rig.system.disconnect(STATION)
        await rig.until(lambda: rig.link and rig.link.state is not LinkState.ONLINE, 10)
        await one_charge(rig)
        rig.system.http_answer = None
        await rig.drained(1800)
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_nothing_of_a_charge_is_told_before_the_station_is_accepted(tmp_path: Path, status: str) -> None:
    async with Rig(tmp_path, change=OFFLINE_FOR_ALL) as rig:
        rig.system.disconnect(STATION)
        await rig.stop()
        rig.system.boot_status, rig.system.heartbeat_interval_s = status, 20
        await rig.boot_up()
        await rig.until(lambda: rig.link and rig.link.registration == status, 60)
        await one_charge(rig)
        assert rig.system.ledger.received["StartTransaction"] == 0
        assert rig.system.ledger.received["Authorize"] == 0
        rig.system.boot_status = "Accepted"
        await settle(rig)
        assert len(rig.system.ledger.transactions) == 1


async def test_a_server_that_hangs_costs_no_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=OFFLINE_FOR_ALL) as rig:
        await rig.online()
        hang = rig.system.on("*", drop=True)
        await plug(rig)
        rig.simulated.tap("1", "04A2B3C4")
        await until_energy_flows(rig, within_s=60)  # the rules without link decide
        await rig.advance(30)
        rig.system.rules.remove(hang)
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await rig.drained(1800)
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


async def test_a_half_open_link_is_found_and_the_charge_goes_on(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        links = len(rig.system.connects)
        rig.system.deafen(STATION)
        await rig.until(lambda: len(rig.system.connects) > links, 75)
        assert rig.status() == "CHARGING"
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)
        assert len(rig.simulated.contactor_log(1)) == 2


async def test_a_link_that_ends_after_every_answer_tells_everything_all_the_same(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=OFFLINE_FOR_ALL) as rig:  # the link may be away when the card is shown
        await rig.online()
        rule = rig.system.on("*", close_after=True, times=20)
        await one_charge(rig)
        rig.system.rules.remove(rule)
        await rig.drained(1800)
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


# ------------------------------------------------------------------------------------------------- cut in mid-frame


def few_and_all(few: list[int], most: int) -> list[Any]:
    """A few offsets always, all others among the long tests."""
    rest = [offset for offset in range(most) if offset not in few]
    return [*few, *(pytest.param(offset, marks=pytest.mark.long) for offset in rest)]


async def cut_while_starting(tmp_path: Path, rule: dict[str, int]) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.on("StartTransaction", times=1, **rule)
        await charge(rig)
        await rig.until(lambda: rig.system.ledger.running() and rig.system.ledger.running()[0].told_id, 30)
        await rig.advance(5)
        if rig.status() == "CHARGING":
            await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        assert rig.system.ledger.transactions[0].needless_repeats == 0
        await rig.check()


@pytest.mark.parametrize("offset", few_and_all([0, 1, 4, 8, 9, 60, 120, 133], 134))
async def test_start_transaction_cut_on_its_way(tmp_path: Path, offset: int) -> None:
    await cut_while_starting(tmp_path, {"cut_request_at": offset})


@pytest.mark.parametrize("offset", few_and_all([0, 1, 2, 3, 20, 50, 80, 82], 83))
async def test_the_answer_to_start_transaction_cut_on_its_way(tmp_path: Path, offset: int) -> None:
    await cut_while_starting(tmp_path, {"cut_answer_at": offset})


async def test_a_server_that_gives_a_repeated_start_a_new_id_gets_the_last_one_back(tmp_path: Path) -> None:
    keys = {"StopTransactionOnInvalidId": False, "MaxEnergyOnInvalidId": 100_000}
    change: dict[str, dict[str, Any]] = {"ocpp": {"configuration": keys}}
    async with Rig(tmp_path, change=change, repeats_get_a_new_id=True) as rig:
        await rig.online()
        rig.system.on("StartTransaction", times=1, cut_answer_at=10)
        await charge(rig)
        await rig.until(lambda: rig.system.ledger.running() and rig.system.ledger.running()[0].told_id, 30)
        await rig.advance(20)
        assert rig.status() == "CHARGING"  # ConcurrentTx, and going on is configured
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)
        (told,) = rig.system.ledger.transactions
        assert len(told.ids) == 2
        assert told.stop is not None
        assert told.stop["transactionId"] == told.ids[-1]


async def test_a_repeated_start_called_concurrent_ends_the_charge_where_that_is_configured(tmp_path: Path) -> None:
    async with Rig(tmp_path, repeats_get_a_new_id=True) as rig:
        await rig.online()
        rig.system.on("StartTransaction", times=1, cut_answer_at=10)
        await plug(rig)
        await show_card(rig)
        await rig.until(lambda: rig.system.ledger.transactions and has_transaction(rig), 10)
        await until_transaction_ends(rig, within_s=20)
        session = await leave(rig)
        assert session.stop_source is StopSource.OCPP_AUTH_ERROR
        await settle(rig)


@pytest.mark.parametrize("offset", [0, 5, 15])
@pytest.mark.parametrize("direction", ["cut_request_at", "cut_answer_at"])
async def test_stop_transaction_cut_on_its_way(tmp_path: Path, direction: str, offset: int) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.on("StopTransaction", times=1, **{direction: offset})
        await one_charge(rig, 5)
        await settle(rig)
        assert len(rig.system.ledger.transactions) == 1


# -------------------------------------------------------------------------------------------------- nonsense and noise

NONSENSE: tuple[str | bytes, ...] = (
    "", "null", "[]", "{}", "[2]", "[2,", "hello", '[2,"1"]', '[2,"1","Reset"]', '[2,"1","Reset",[]]',
    '[2,1,"Reset",{"type":"Hard"}]', '[2,"a","Reset",{"type":"Sideways"}]', '[2,"b","Reset",{"type":1}]',
    '[2,"c","RemoteStopTransaction",{"transactionId":"x"}]', '[2,"d","ChangeAvailability",{"connectorId":-1}]',
    '[2,"e","MakeCoffee",{}]', '[2,"f","GetDiagnostics",{"location":"ftp://x"}]', '[2,"","Reset",{"type":"Warm"}]',
    '[3,"unknown",{}]', '[3,"unknown"]', '[4,"unknown","InternalError","",{}]', '[4]', '[5,"x","y",{}]', '[9,"x"]',
    '[2,"' + "i" * 300 + '","Reset",{"type":"Hard"}]', '[2,"g","RemoteStopTransaction",{"transactionId":1e400}]',
    "[" * 5000, '{"a":' * 2000, '[3,"x",{"status":"\\ud800"}]', b"\xff\xfe\x00", b"\x80binary",
    '[2,"h","UnlockConnector",{"connectorId":99}]', '[2,"i","RemoteStartTransaction",{"idTag":"' + "X" * 40 + '"}]',
    '[2,"j","ChangeConfiguration",{"key":"HeartbeatInterval","value":"never"}]', '[2,"k",null,{}]', "[2,[],{},3]",
)  # fmt: skip


async def test_nonsense_from_the_server_changes_nothing_and_the_next_request_is_answered(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        links = len(rig.system.connects)
        for frame in NONSENSE:
            await rig.system.send_raw(STATION, frame)
        answer = await rig.system.call(STATION, "GetConfiguration", {"key": ["HeartbeatInterval"]}, 5)
        assert answer["configurationKey"][0]["key"] == "HeartbeatInterval"
        await rig.advance(5)
        assert len(rig.system.connects) == links  # the link stayed
        assert rig.status() == "CHARGING"
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)


async def test_ten_megabytes_in_a_frame_cost_the_link_and_no_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        links = len(rig.system.connects)
        await rig.system.send_raw(STATION, '[2,"1","DataTransfer",{"vendorId":"' + "x" * 10_000_000 + '"}]')
        await rig.until(lambda: len(rig.system.connects) > links, 30)
        await rig.online()
        assert rig.status() == "CHARGING"
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("J4.2-duplicate", "J4.2-unknown-result")
async def test_stray_answers_and_doubled_requests_do_nothing_twice(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        for _ in range(200):
            await rig.system.send_raw(STATION, '[3,"stray",{"status":"Accepted"}]')
        request = '[2,"twice","RemoteStartTransaction",{"connectorId":1,"idTag":"APP1"}]'
        await rig.system.send_raw(STATION, request)
        await rig.system.send_raw(STATION, request)
        await until_energy_flows(rig)
        await rig.advance(5)
        await leave(rig)
        assert len(await rig.sessions()) == 1
        await settle(rig)


# ------------------------------------------------------------------------------------------------- the transaction id


@pytest.mark.parametrize("delay_s", [25, 35, 300])
@pytest.mark.ocpp("3.7-stop-waits-id")
async def test_a_transaction_id_that_comes_late_is_right_in_the_end(tmp_path: Path, delay_s: int) -> None:
    async with Rig(tmp_path, change=QUICK_TRIES) as rig:
        await rig.online()
        rig.system.on("StartTransaction", delay_s=delay_s, times=1)
        await one_charge(rig, 60)
        await rig.drained(1800)
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


@pytest.mark.parametrize(
    "answer",
    [
        {"idTagInfo": {"status": "Accepted"}},
        {"transactionId": "seven", "idTagInfo": {"status": "Accepted"}},
        {"transactionId": 2**63, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": 7.5, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": True, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": None, "idTagInfo": None},
        {"transactionId": 5, "idTagInfo": {"status": "Perhaps"}},
        {},
    ],
    ids=["none", "text", "huge", "fraction", "bool", "null", "status", "empty"],
)
async def test_an_answer_of_wrong_shape_counts_as_not_processed(tmp_path: Path, answer: dict[str, object]) -> None:
    async with Rig(tmp_path, change=QUICK_TRIES) as rig:
        await rig.online()
        rig.system.on("StartTransaction", answer=answer, times=1)
        await one_charge(rig, 10)
        await rig.drained(600)
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


async def test_extra_fields_in_an_answer_are_no_fault(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.on("Authorize", answer={"idTagInfo": {"status": "Accepted", "colour": "red"}, "more": [1]}, times=1)
        await one_charge(rig, 10)
        await settle(rig)


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
@pytest.mark.ocpp("3.5.4-deauthorize", "4.8-invalid-stop", "4.10-reason-deauthorized")
async def test_a_card_found_invalid_when_the_transaction_is_told_ends_it(tmp_path: Path, status: str) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        answer = {"transactionId": 700_001, "idTagInfo": {"status": status}}
        rig.system.on("StartTransaction", answer=answer, times=1)
        await plug(rig)
        await show_card(rig)
        await rig.until(lambda: rig.system.ledger.transactions and has_transaction(rig), 10)
        await until_transaction_ends(rig, within_s=20)
        session = await leave(rig)
        assert session.stop_source is StopSource.OCPP_AUTH_ERROR
        await settle(rig)
        assert rig.system.ledger.transactions[0].reason == "DeAuthorized"


@pytest.mark.ocpp("3.5.4-max-energy", "9.1-MaxEnergyOnInvalidId")
@pytest.mark.ocpp("3.5.4-suspend", "3.5.4-max-energy", "9.1-MaxEnergyOnInvalidId", "9.1-StopTransactionOnInvalidId")
@pytest.mark.parametrize("most_wh", [0, 400])
async def test_without_stop_on_invalid_id_only_the_energy_of_a_refused_charge_ends_also_after_a_restart(
    tmp_path: Path, most_wh: int
) -> None:
    change = {"ocpp": {"configuration": {"StopTransactionOnInvalidId": False, "MaxEnergyOnInvalidId": most_wh}}}
    async with Rig(tmp_path, change=change) as rig:
        await rig.online()
        rig.system.on(
            "StartTransaction", answer={"transactionId": 700_001, "idTagInfo": {"status": "Invalid"}}, times=1
        )
        await plug(rig)
        await show_card(rig)
        await rig.until(lambda: rig.system.ledger.transactions, 10)
        await rig.advance(20)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await rig.online()
        await rig.until(lambda: rig.system.statuses[STATION, 1]["status"] == "SuspendedEVSE", 200)
        await rig.advance(60)
        assert rig.status() == "CHARGING"
        assert rig.system.ledger.transactions[0].stop is None
        await show_card(rig)
        session = await leave(rig)
        assert session.stop_source is StopSource.LOCAL
        assert session.delivered_wh == pytest.approx(most_wh, abs=60)
        await settle(rig)


# ----------------------------------------------------------------------------------------------- refused by the server


@pytest.mark.ocpp("3.7.1-next")
async def test_a_start_refused_for_good_is_set_aside_and_told_on_request_while_others_flow(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=QUICK_TRIES) as rig:
        await rig.online()
        rule = rig.system.on("StartTransaction", error="InternalError", times=3)
        await one_charge(rig, 20)
        await rig.until(lambda: rig.link and rig.link.parked > 0, 60)
        assert rule.times == 0
        await usable(rig)  # and is told at once
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        assert rig.link is not None
        assert rig.link.parked == 2  # start and stop
        await rig.stop()
        await rig.boot_up()
        await rig.online()
        await rig.until(lambda: rig.link and rig.link.parked == 2, 10)  # it is kept
        assert (await rig.bus.call("ocpp", ResendParked(by="technician"))).ok
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 2
        await rig.check()


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction", "MeterValues"])
@pytest.mark.ocpp("3.7.1-attempts", "4.8-retry")
async def test_a_message_refused_twice_is_told_at_the_third_try(tmp_path: Path, action: str) -> None:
    async with Rig(tmp_path, change=QUICK_TRIES) as rig:
        await rig.online()
        rig.system.on(action, error="InternalError", times=2)
        await one_charge(rig, 40)
        await settle(rig)
        assert len(rig.system.ledger.transactions) == 1
        assert rig.link is not None
        assert rig.link.parked == 0
