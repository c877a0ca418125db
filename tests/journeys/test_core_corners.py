"""The Core profile in its corners: what is told in which order, and what the central system's requests come to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import ClearFault, SetFreeMode
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import Cause, StopSource
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    plug,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
)

STATION = "one"
WAITS = {"ocpp": {"configuration": {"StopTransactionOnEVSideDisconnect": False}}}
KEEPS = {"ocpp": {"configuration": {"UnlockConnectorOnEVSideDisconnect": False}}}


def told(rig: Rig, connector: int = 1, since: int = 0) -> list[str]:
    """What was told of this connector, in order: actions, statuses by their word and info. Meter values left out."""
    found = []
    for message in rig.system.ledger.messages:
        if message.to_station or message.kind != "call" or message.number <= since:
            continue
        if message.action == "StatusNotification" and message.payload["connectorId"] == connector:
            info = message.payload.get("info")
            found.append(message.payload["status"] + (f" ({info})" if info else ""))
        elif message.action in ("Authorize", "StartTransaction", "StopTransaction"):
            found.append(message.action)
    return found


def now(rig: Rig) -> int:
    """The number of the last message."""
    return rig.system.ledger.messages[-1].number


async def until_told(rig: Rig, status: str, connector: int = 1, within_s: float = 60) -> None:
    await rig.until(lambda: rig.system.statuses.get((STATION, connector), {}).get("status") == status, within_s)


async def ask(rig: Rig, action: str, **payload: Any) -> str:
    return str((await rig.system.call(STATION, action, payload))["status"])


async def set_key(rig: Rig, key: str, value: str) -> None:
    assert await ask(rig, "ChangeConfiguration", key=key, value=value) == "Accepted"
    await rig.advance(0.5)


def is_locked(rig: Rig, connector: int = 1) -> bool:
    state = rig.state(connector)
    return bool(state and state.reading and "CONNECTOR_LOCKED" in (state.reading.flags.name or ""))


async def online(rig: Rig) -> int:
    await rig.online()
    for number in rig.numbers:
        await until_told(rig, "Available", number)
    return now(rig)


# ------------------------------------------------------------------------------------------------------------- order


@pytest.mark.ocpp("4.9-preparing-order", "4.9-preparing-card", "4.9-stop-order", "4.9-finishing", "4.1-stop-no-ask")
async def test_card_first(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        assert (await show_card(rig)).outcome == "waiting_for_ev"
        await until_told(rig, "Preparing")
        rig.plug()
        await until_energy_flows(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Finishing")
        await leave(rig)
        await until_told(rig, "Available")
        assert told(rig, since=since) == [
            "Authorize", "Preparing", "StartTransaction", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip
        stop = rig.system.ledger.calls("StopTransaction")[-1].payload
        assert (stop["reason"], stop["idTag"]) == ("Local", CARD)
        await settle(rig)


@pytest.mark.ocpp("4.9-preparing-plug", "4.9-charging", "4.9-finishing-available", "4.9-available")
async def test_plug_first(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        rig.plug()
        await until_told(rig, "Preparing")
        assert (await show_card(rig)).outcome == "started"
        await until_told(rig, "Charging")
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Finishing")
        await leave(rig)
        await until_told(rig, "Available")
        assert told(rig, since=since) == [
            "Preparing", "Authorize", "StartTransaction", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip
        await settle(rig)


@pytest.mark.ocpp("4.9-available-unplug")
async def test_a_cable_taken_out_again_without_a_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        rig.plug()
        await until_told(rig, "Preparing")
        rig.unplug()
        await until_told(rig, "Available")
        assert told(rig, since=since) == ["Preparing", "Available"]


@pytest.mark.ocpp("4.9-finishing-again")
async def test_a_second_charge_without_unplugging(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        await charge(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Finishing")
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await until_energy_flows(rig)
        await rig.drained()
        again = told(rig, since=since)[-4:]
        assert (again[0], sorted(again[1:3]), again[3]) == ("Authorize", ["Preparing", "StartTransaction"], "Charging")
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("4.9-ev-side-info", "4.10-ev-side", "4.10-reason-ev", "4.10-no-idtag")
async def test_a_vehicle_unplugged_in_its_charge_ends_it(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "Available")
        assert told(rig, since=since)[3:] == [
            "Charging", "StopTransaction", "Finishing (EV side disconnected)", "Available",
        ]  # fmt: skip
        stop = rig.system.ledger.calls("StopTransaction")[-1].payload
        assert stop["reason"] == "EVDisconnected" and "idTag" not in stop
        await settle(rig)


async def test_another_vehicle_that_comes_at_once_is_another_session(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_transaction_ends(rig)
        rig.plug()
        await until_told(rig, "Preparing")
        await rig.advance(2)
        assert len(await rig.sessions()) == 2
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("4.9-suspended-ev", "4.9-resume", "3.6-suspended")
async def test_a_vehicle_that_pauses_is_suspended_and_goes_on(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        await charge(rig)
        rig.simulated.pause(1)
        await until_told(rig, "SuspendedEV")
        rig.simulated.resume(1)
        await until_told(rig, "Charging")
        assert told(rig, since=since)[-3:] == ["Charging", "SuspendedEV", "Charging"]
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("4.9-min-duration", "9.1-MinimumStatusDuration")
async def test_a_short_status_is_not_told(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        await set_key(rig, "MinimumStatusDuration", "5")
        rig.plug()
        await rig.advance(3)
        rig.unplug()
        await rig.advance(10)
        assert told(rig, since=since) == []
        rig.plug()
        await rig.advance(3)
        assert told(rig, since=since) == []
        await until_told(rig, "Preparing", within_s=4)


# -------------------------------------------------------------------------------------------------- ConnectionTimeOut


@pytest.mark.ocpp("9.1-ConnectionTimeOut", "4.9-available-timeout")
async def test_the_wait_for_the_plug_ends_as_the_key_says_now(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        await show_card(rig)
        await until_told(rig, "Preparing")
        await rig.advance(60)
        await set_key(rig, "ConnectionTimeOut", "90")  # changed in the wait: counts at once, from its beginning
        await rig.advance(25)
        assert rig.status() == "WAITING_FOR_EV"
        await until_told(rig, "Available", within_s=10)
        assert told(rig, since=since) == ["Authorize", "Preparing", "Available"]
        rig.plug()
        await rig.until_status("READY")
        await rig.advance(5)
        assert rig.status() == "READY"  # the authorisation is over


async def test_with_a_timeout_of_zero_the_vehicle_has_to_be_there_first(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        await set_key(rig, "ConnectionTimeOut", "0")
        await show_card(rig)
        await rig.advance(2)
        assert rig.status() == "AVAILABLE"
        await charge(rig)
        await leave(rig)
        await settle(rig)


# ------------------------------------------------------------------------------------ unplugged at the vehicle's side


@pytest.mark.ocpp("4.10-ev-side-off", "9.1-StopTransactionOnEVSideDisconnect")
async def test_a_transaction_waits_for_its_vehicle_and_goes_on(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        since = await online(rig)
        await charge(rig)
        await rig.advance(20)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        assert is_locked(rig)
        await rig.advance(150)
        assert rig.system.ledger.running() and is_locked(rig)
        rig.plug()
        await until_energy_flows(rig)
        await until_told(rig, "Charging")
        await rig.advance(20)
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Finishing")
        await leave(rig)
        await until_told(rig, "Available")
        assert told(rig, since=since)[3:] == [
            "Charging", "SuspendedEV (EV side disconnected)", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip
        assert len(rig.system.ledger.transactions) == 1
        await settle(rig)


@pytest.mark.parametrize("end", ["card", "remote", "unlock"])
async def test_who_ends_a_waiting_transaction_gets_the_cable(tmp_path: Path, end: str) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        await rig.advance(5)
        if end == "card":
            assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
            assert (await show_card(rig)).outcome == "stopped"
        elif end == "remote":
            (running,) = rig.system.ledger.running()
            assert await ask(rig, "RemoteStopTransaction", transactionId=running.ids[-1]) == "Accepted"
        else:
            assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        await until_told(rig, "Available")
        assert not is_locked(rig)
        reason = {"card": "Local", "remote": "Remote", "unlock": "UnlockCommand"}[end]
        assert rig.system.ledger.transactions[-1].reason == reason
        await settle(rig)


async def test_a_waiting_transaction_ends_with_its_longest_duration_and_keeps_the_cable(tmp_path: Path) -> None:
    change = WAITS | {"station": {"max_session_duration_s": 300}}
    async with Rig(tmp_path, change=change) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        await until_told(rig, "Finishing", within_s=320)
        await rig.advance(60)
        assert is_locked(rig)
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag=CARD) == "Rejected"
        assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
        assert (await show_card(rig)).outcome == "stopped"  # the cable is theirs
        await until_told(rig, "Available")
        await settle(rig)


@pytest.mark.parametrize("how", ["crash", "power"])
async def test_a_waiting_transaction_over_a_restart(tmp_path: Path, how: str) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        await rig.drained()
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        if how == "crash":
            await rig.crash()
            await rig.advance(10)
            await rig.boot_up()
            await rig.online()
            await rig.advance(30)
            assert rig.system.ledger.running()
            rig.plug()
            await until_energy_flows(rig)
            await leave_for_good(rig)
        else:
            await rig.cut_power()
            await rig.advance(30)
            await rig.restore_power()
            await rig.online()
            await rig.until(lambda: not rig.system.ledger.running(), 120)
            assert rig.system.ledger.transactions[-1].reason == "PowerLoss"
        await settle(rig)


async def leave_for_good(rig: Rig) -> None:
    """The charge ends by its card, then the vehicle leaves."""
    assert (await show_card(rig)).outcome == "stopped"
    await rig.until_status("CHARGED")
    await leave(rig)


async def test_without_a_lock_a_transaction_waits_all_the_same(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS, simulation={"connector": [{"number": 1, "lock": False}]}) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        assert await ask(rig, "ChangeAvailability", connectorId=1, type="Inoperative") == "Scheduled"
        rig.plug()
        await until_energy_flows(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        await rig.advance(5)
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Unavailable")
        await settle(rig)


async def test_a_reset_ends_a_waiting_transaction_and_the_cable_waits_for_its_card(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        await rig.stop(30, StopSource.OCPP_SOFT_RESET)
        await rig.boot_up()
        await rig.online()
        await rig.drained()
        assert rig.system.ledger.transactions[-1].reason == "SoftReset"
        assert is_locked(rig) and rig.system.statuses[STATION, 1]["status"] == "Finishing"
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Available")
        await settle(rig)


async def test_vehicles_that_come_and_go_too_fast_wait_for_a_minute(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        for _ in range(5):
            rig.unplug()
            await rig.advance(3)
            rig.plug()
            await rig.advance(3)
        assert rig.system.ledger.running()
        await until_energy_flows(rig, within_s=90)
        await rig.advance(10)
        assert (await show_card(rig)).outcome == "stopped"
        await leave(rig)
        await settle(rig)


async def test_a_fault_ends_a_waiting_transaction(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        rig.simulated.emergency(True)
        await rig.until(lambda: not rig.system.ledger.running())
        assert rig.system.ledger.transactions[-1].reason == "EmergencyStop"
        rig.simulated.emergency(False)
        await rig.until_status("AVAILABLE")
        await settle(rig)


@pytest.mark.ocpp("9.1-UnlockConnectorOnEVSideDisconnect", "4.10-unlock")
async def test_a_cable_stays_locked_until_its_card_is_shown(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=KEEPS) as rig:
        since = await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "Finishing")
        await rig.advance(60)
        assert is_locked(rig)
        assert rig.system.ledger.transactions[-1].reason == "EVDisconnected"
        await rig.crash()
        await rig.boot_up()
        await rig.online()
        await rig.advance(10)
        assert is_locked(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Available")
        assert not is_locked(rig)
        assert told(rig, since=since)[3:6] == ["Charging", "StopTransaction", "Finishing (EV side disconnected)"]
        await settle(rig)


async def test_a_locked_cable_is_released_by_the_central_system(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=KEEPS) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "Finishing")
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        await until_told(rig, "Available")
        await settle(rig)


# --------------------------------------------------------------------------------------------------- whose charge is it


@pytest.mark.ocpp("3.10-group-stop", "3.10-group-asks", "4.10-idtag")
async def test_a_card_of_the_group_stops(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        fleet = {"status": "Accepted", "parentIdTag": "FLEET"}
        rig.system.id_tags = {CARD: fleet, OTHER_CARD: fleet, "04FEEDBEEF": {"status": "Accepted"}}
        await charge(rig)
        assert (await show_card(rig, "04FEEDBEEF")).outcome == "unavailable"
        assert (await show_card(rig, OTHER_CARD)).outcome == "stopped"
        await leave(rig)
        await settle(rig)
        stop = rig.system.ledger.calls("StopTransaction")[-1].payload
        assert (stop["reason"], stop["idTag"]) == ("Local", OTHER_CARD)


async def test_one_idtag_at_two_connectors_is_for_the_central_system_to_judge(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await online(rig)
        await charge(rig, 1)
        await plug(rig, 2)
        rig.system.id_tags = {CARD: "ConcurrentTx"}
        assert await ask(rig, "RemoteStartTransaction", connectorId=2, idTag=CARD) == "Accepted"
        await rig.until(lambda: len(rig.system.ledger.transactions) == 2)
        await until_transaction_ends(rig, 2)
        await rig.drained()
        assert rig.system.ledger.transactions[-1].reason == "DeAuthorized"
        assert rig.status(1) == "CHARGING"
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


async def test_a_card_that_charges_elsewhere_is_refused_where_the_central_system_says_so(tmp_path: Path) -> None:
    text = TWO_AC.replace('name = "1"\nport = "reader"', 'name = "1"\nport = "reader"\nconnectors = [2]')
    async with Rig(tmp_path, text) as rig:
        await online(rig)
        await plug(rig, 1)
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag=CARD) == "Accepted"
        await until_energy_flows(rig, 1)
        rig.system.id_tags = {CARD: "ConcurrentTx"}
        await plug(rig, 2)
        refused = await show_card(rig)
        assert (refused.outcome, refused.connector) == ("refused", 2)
        assert "ConcurrentTx" in refused.text
        assert rig.status(1) == "CHARGING"
        await leave(rig, 1)
        await settle(rig)


async def test_who_began_a_free_charge_may_end_it_also_after_a_restart(tmp_path: Path) -> None:
    change: dict[str, dict[str, Any]] = {
        "station": {"free_mode": True, "free_mode_id_tag": "NOBODY"},
        "screen": {"is_fitted": True},
    }
    async with Rig(tmp_path, change=change) as rig:
        await online(rig)
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await rig.crash()
        await rig.boot_up()
        await rig.online()
        assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
        assert (await show_card(rig)).outcome == "stopped"
        await leave(rig)
        await settle(rig)
        stop = rig.system.ledger.calls("StopTransaction")[-1].payload
        assert (stop["reason"], stop["idTag"]) == ("Local", "NOBODY")
        assert (await rig.last_session()).stop_source is StopSource.LOCAL
        await rig.bus.call("station", SetFreeMode(on=False))


# ----------------------------------------------------------------------------------------------------------- requests


@pytest.mark.ocpp("RemoteStartTransaction", "5.11-unavailable")
async def test_remote_start_where_it_cannot_be(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await online(rig)
        assert await ask(rig, "RemoteStartTransaction", connectorId=3, idTag="APP") == "Rejected"
        assert await ask(rig, "RemoteStartTransaction", connectorId=0, idTag="APP") == "Rejected"
        await charge(rig, 1)
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag="APP") == "Rejected"
        assert await ask(rig, "ChangeAvailability", connectorId=2, type="Inoperative") == "Accepted"
        await until_told(rig, "Unavailable", 2)
        assert await ask(rig, "RemoteStartTransaction", connectorId=2, idTag="APP") == "Rejected"
        assert await ask(rig, "RemoteStartTransaction", idTag="APP") == "Rejected"  # nothing is left
        assert await ask(rig, "ChangeAvailability", connectorId=2, type="Operative") == "Accepted"
        await until_told(rig, "Available", 2)
        assert await ask(rig, "RemoteStartTransaction", idTag="APP") == "Accepted"  # just one is left
        await until_told(rig, "Preparing", 2)
        rig.plug(2)
        await until_energy_flows(rig, 2)
        rig.simulated.emergency(True)
        await until_told(rig, "Faulted", 1)
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag="APP") == "Rejected"
        rig.simulated.emergency(False)
        await rig.until_status("CHARGED", 1)
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


@pytest.mark.ocpp("5.11-authorize")
async def test_a_remote_start_is_authorised_first_where_asked_for(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"AuthorizeRemoteTxRequests": True}}}) as rig:
        since = await online(rig)
        rig.system.id_tags = {"BAD": "Invalid"}
        await plug(rig)
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag="BAD") == "Accepted"
        await rig.advance(10)
        assert rig.status() == "READY"
        assert await ask(rig, "RemoteStartTransaction", connectorId=1, idTag="GOOD") == "Accepted"
        await until_energy_flows(rig)
        await until_told(rig, "Charging")
        assert told(rig, since=since) == ["Preparing", "Authorize", "Authorize", "StartTransaction", "Charging"]
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.2-inoperative", "5.2-operative", "5.2-persistent", "5.2-no-start", "4.9-unavailable", "4.9-zero")
@pytest.mark.parametrize("connector", [0, 1])
async def test_out_of_service_while_idle(tmp_path: Path, connector: int) -> None:
    async with Rig(tmp_path) as rig:
        since = await online(rig)
        for _ in range(2):  # also to the state it has already
            assert await ask(rig, "ChangeAvailability", connectorId=connector, type="Inoperative") == "Accepted"
        await until_told(rig, "Unavailable")
        if connector == 0:
            await until_told(rig, "Unavailable", 0)
        rig.plug()
        await rig.advance(3)
        assert (await show_card(rig)).outcome in ("refused", "unavailable")
        await rig.advance(3)
        rig.unplug()
        await rig.advance(3)
        assert rig.system.statuses[STATION, 1]["status"] == "Unavailable"
        assert set(told(rig, since=since)) <= {"Unavailable", "Authorize"}
        await rig.stop()
        await rig.boot_up()
        await rig.online()
        await rig.advance(5)
        assert rig.system.statuses[STATION, 1]["status"] == "Unavailable"
        for _ in range(2):
            assert await ask(rig, "ChangeAvailability", connectorId=connector, type="Operative") == "Accepted"
        await until_told(rig, "Available")
        await until_told(rig, "Available", 0)
        assert await ask(rig, "ChangeAvailability", connectorId=9, type="Operative") == "Rejected"


@pytest.mark.ocpp("5.2-scheduled", "4.9-unavailable-after", "ChangeAvailability")
@pytest.mark.parametrize("connector", [0, 1])
async def test_out_of_service_after_the_charge(tmp_path: Path, connector: int) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        since = await online(rig)
        await charge(rig, 1)
        assert await ask(rig, "ChangeAvailability", connectorId=connector, type="Inoperative") == "Scheduled"
        if connector == 0:
            await until_told(rig, "Unavailable", 2)
        await rig.advance(20)
        assert rig.status(1) == "CHARGING"
        assert (await show_card(rig)).outcome == "stopped"
        await until_told(rig, "Finishing", 1)
        rig.unplug(1)
        await until_told(rig, "Unavailable", 1)
        assert told(rig, 1, since)[-3:] == ["StopTransaction", "Finishing", "Unavailable"]
        assert await ask(rig, "ChangeAvailability", connectorId=connector, type="Operative") == "Accepted"
        await until_told(rig, "Available", 1)
        await settle(rig)


@pytest.mark.ocpp("5.18-idle", "5.18-ends", "UnlockConnector", "4.10-reason-unlock")
async def test_unlock_in_each_phase(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        for unknown in (0, 2):
            assert await ask(rig, "UnlockConnector", connectorId=unknown) == "NotSupported"
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"  # nobody there
        assert (await show_card(rig)).outcome == "waiting_for_ev"
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        await rig.until_status("AVAILABLE")  # who waited does not any more
        await plug(rig)
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        assert rig.status() == "READY"
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        await until_told(rig, "Finishing")
        assert rig.system.ledger.transactions[-1].reason == "UnlockCommand"
        assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.18-failed")
async def test_a_lock_that_does_not_open(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        await plug(rig)
        rig.simulated.fault(1, "lock")
        assert await ask(rig, "UnlockConnector", connectorId=1) == "UnlockFailed"


@pytest.mark.ocpp("4.9-ev-error")
async def test_a_vehicle_that_cannot_be_talked_to_is_a_warning(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        await plug(rig)
        rig.simulated.fault(1, "E1")
        await rig.until_status("ERROR")
        await rig.until(lambda: rig.system.statuses[STATION, 1]["errorCode"] == "EVCommunicationError")
        shown = rig.system.statuses[STATION, 1]
        assert (shown["status"], shown["vendorErrorCode"]) == ("Preparing", "E1")
        rig.unplug()
        rig.simulated.clear(1)
        await until_told(rig, "Available")


async def test_a_connector_without_a_lock_cannot_be_unlocked(tmp_path: Path) -> None:
    async with Rig(tmp_path, simulation={"connector": [{"number": 1, "lock": False}]}) as rig:
        await online(rig)
        assert await ask(rig, "UnlockConnector", connectorId=1) == "NotSupported"
        await charge(rig)
        assert await ask(rig, "UnlockConnector", connectorId=1) == "NotSupported"
        await rig.advance(10)
        assert rig.status() == "CHARGING", "what cannot be unlocked is no reason to end a charge"
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.14-soft-tx", "5.14-hard-tx", "4.10-reason-soft", "4.10-reason-hard")
@pytest.mark.parametrize(("kind", "exit_code"), [("Soft", 30), ("Hard", 20)])
async def test_a_reset_ends_a_charge_with_its_reason(tmp_path: Path, kind: str, exit_code: int) -> None:
    async with Rig(tmp_path) as rig:
        await online(rig)
        await charge(rig)
        await rig.drained()
        boots = rig.system.ledger.received["BootNotification"]
        assert await ask(rig, "Reset", type=kind) == "Accepted"
        assert await rig.ended() == exit_code
        await rig.advance(5)
        since = now(rig)
        await rig.boot_up()
        await rig.online()
        await until_told(rig, "Finishing")
        assert rig.system.ledger.received["BootNotification"] == boots + 1
        assert rig.system.ledger.transactions[-1].reason == f"{kind}Reset"
        assert set(told(rig, since=since)) <= {"StopTransaction", "Finishing"}
        await leave(rig)
        await settle(rig)


# ------------------------------------------------------------------------------------------------- contactor's rest


async def test_the_fourth_charge_within_a_minute_begins_at_once_and_its_energy_when_the_contactor_has_rested(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        for _ in range(3):
            await charge(rig)
            assert (await show_card(rig)).outcome == "stopped"
            await rig.until_status("CHARGED")
            await leave(rig)
        begun_s = asyncio.get_running_loop().time()
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await rig.until(lambda: len(rig.system.ledger.calls("StartTransaction")) == 4, 5)
        await rig.advance(1)
        state = rig.state(1)
        assert state is not None and "contactor rests" in state.why
        assert rig.system.statuses[STATION, 1]["status"] == "Preparing"
        await until_energy_flows(rig)
        assert asyncio.get_running_loop().time() - begun_s > 20
        await leave(rig)
        await settle(rig)


async def test_a_driver_who_does_not_wait_for_the_contactor_leaves_with_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        for _ in range(3):
            await charge(rig)
            await leave(rig)
        await plug(rig)
        await show_card(rig)
        await rig.advance(3)
        session = await leave(rig)
        assert (session.delivered_wh, session.stop_source) == (0, StopSource.STATUS_CHANGE)
        closed = [event for event in rig.simulated.contactor_log(1) if event.closed]
        assert len(closed) == 3
        await settle(rig)


@pytest.mark.parametrize("away_s", [8, 12])
async def test_a_crash_loop_does_not_rattle_the_contactor(tmp_path: Path, away_s: float) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        for _ in range(3):
            await rig.crash()
            await rig.advance(away_s)  # longer than the lease
            await rig.boot_up()
            await rig.advance(3)
        state = rig.state(1)
        assert state is not None and "contactor rests" in state.why  # what was before the crashes counts
        await until_energy_flows(rig, within_s=120)
        closed_s = [event.at_s for event in rig.simulated.contactor_log(1) if event.closed]
        assert all(later - first > 59.0 for first, later in zip(closed_s, closed_s[3:], strict=False)), closed_s
        await leave(rig)
        await settle(rig)


async def test_a_waiting_transaction_does_not_go_on_behind_a_latched_fault(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=WAITS) as rig:
        await online(rig)
        await charge(rig)
        rig.unplug()
        await until_told(rig, "SuspendedEV")
        await rig.drained()
        await rig.crash()
        journal = await Journal.open(tmp_path / "station", rig.make_clock(), rig.settings.storage)
        async with journal.transaction() as tx:
            tx.set_fact("latched/1", Cause.CONTACTOR_WELDED.value.encode())
        await journal.close()
        rig.plug()
        await rig.boot_up()
        await rig.online()
        await rig.until(lambda: not rig.system.ledger.running(), 60)
        assert rig.system.ledger.transactions[-1].reason == "Other"
        assert len([event for event in rig.simulated.contactor_log(1) if event.closed]) == 1
        assert (await rig.bus.call("station", ClearFault(connector=1))).ok
        rig.unplug()
        await rig.advance(2)
        assert (await show_card(rig)).outcome == "stopped"  # the cable is theirs
        await until_told(rig, "Available")
        await settle(rig)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        *((what, {}) for what in ("unlock", "emergency", "soft", "crash", "silent")),
        ("crash", WAITS),
        *(pytest.param(what, {}, marks=pytest.mark.long) for what in ("hard", "reboot")),
        *(
            pytest.param(what, WAITS, marks=pytest.mark.long)
            for what in ("unlock", "emergency", "hard", "soft", "silent", "reboot")
        ),
    ],
)
async def test_whatever_happens_while_the_contactor_rests(tmp_path: Path, what: str, change: dict[str, Any]) -> None:
    async with Rig(tmp_path, change=change) as rig:
        await rig.online()
        await start_until_it_rests(rig, is_awaited=bool(change))
        if what == "unlock":
            assert await ask(rig, "UnlockConnector", connectorId=1) == "Unlocked"
        elif what == "emergency":
            rig.simulated.emergency(True)
            await rig.advance(10)
            rig.simulated.emergency(False)
        elif what in ("hard", "soft"):
            assert await ask(rig, "Reset", type=what.capitalize()) == "Accepted"
            await rig.ended()
            await rig.boot_up()
        elif what == "crash":
            await rig.crash()
            await rig.advance(5)
            await rig.boot_up()
        elif what == "silent":
            rig.simulated.cut("bus")
            await rig.advance(90)
            rig.simulated.restore("bus")
        else:
            rig.simulated.fault(1, "reboot")
        await rig.advance(90)
        closings = len([event for event in rig.simulated.contactor_log(1) if event.closed])
        if rig.status() == "CHARGING":  # a transaction that waits outlives some of it
            assert what == "reboot" or (what, change) == ("crash", WAITS)
            assert closings == 4
            assert (await show_card(rig)).outcome == "stopped"
        else:
            assert closings == 3
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.advance(3)
        if rig.status() == "CHARGED":  # nobody could tell the controller to let the cable go
            assert (what, change) == ("silent", WAITS)
            assert (await show_card(rig)).outcome == "stopped"
        await rig.until_status("AVAILABLE")
        await settle(rig)


async def start_until_it_rests(rig: Rig, is_awaited: bool) -> None:
    """Three closings within a minute, and the wish for a fourth."""
    await charge(rig)
    for number in range(3):
        if is_awaited:
            rig.unplug()
            await rig.advance(3)
            rig.plug()
            await rig.advance(3)
            continue
        assert (await show_card(rig)).outcome == "stopped"
        await rig.until_status("CHARGED")
        await leave(rig)
        if number < 2:
            await charge(rig)
    if not is_awaited:
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await rig.advance(1)
    state = rig.state(1)
    assert state is not None and "contactor rests" in state.why
