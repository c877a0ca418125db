"""A connector is kept for somebody: by number, or any one of the station (OCPP 1.6, 5.2 and 5.13)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.station.bookkeeping import Books
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import ConnectorFlag
from ocpp_client.schemas import format_time
from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, OTHER_CARD, TWO_AC, leave, plug, settle, show_card, until_energy_flows

STATION = "one"
STRANGER = "04FEEDBEEF"


async def reserve(
    rig: Rig, connector: int = 1, number: int = 7, card: str = CARD, lasts_s: float = 600, **more: Any
) -> str:
    payload = {
        "connectorId": connector,
        "expiryDate": format_time(rig.now() + timedelta(seconds=lasts_s)),
        "idTag": card,
        "reservationId": number,
        **more,
    }
    return str((await rig.system.call(STATION, "ReserveNow", payload))["status"])


async def cancel(rig: Rig, number: int = 7) -> str:
    return str((await rig.system.call(STATION, "CancelReservation", {"reservationId": number}))["status"])


async def told(rig: Rig, status: str, connector: int = 1, within_s: float = 60) -> None:
    """The central system knows this status of the connector."""
    await rig.until(lambda: rig.system.statuses.get((STATION, connector), {}).get("status") == status, within_s)


@pytest.mark.ocpp(
    "5.13-accepted",
    "4.9-reserved",
    "4.9-reserved-use",
    "3.11-reserved-other",
    "3.11-reserved-consumed",
    "4.8-reservation",
    "5.11-reserved",
    "ReserveNow",
)
async def test_a_reserved_connector_is_for_its_holder_alone(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await told(rig, "Available")
        assert await reserve(rig) == "Accepted"
        await told(rig, "Reserved")
        refused = await show_card(rig, OTHER_CARD)
        assert (refused.outcome, refused.text) == ("refused", "This connector is reserved for somebody else.")
        answer = await rig.system.call(STATION, "RemoteStartTransaction", {"connectorId": 1, "idTag": OTHER_CARD})
        assert answer == {"status": "Rejected"}
        assert (await show_card(rig)).outcome == "waiting_for_ev"
        await told(rig, "Preparing")
        rig.plug()
        await until_energy_flows(rig)
        await rig.until(lambda: rig.system.ledger.transactions)
        assert rig.system.ledger.calls("StartTransaction")[-1].payload["reservationId"] == 7
        assert await cancel(rig) == "Rejected"  # it is used up
        await leave(rig)
        await told(rig, "Available")
        await settle(rig)


@pytest.mark.ocpp("5.1-cancel", "5.1-unknown", "3.11-expiry", "CancelReservation")
async def test_a_cancelled_or_expired_reservation_frees_the_connector(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await reserve(rig) == "Accepted"
        await told(rig, "Reserved")
        assert await cancel(rig) == "Accepted"
        await told(rig, "Available")
        assert await cancel(rig) == "Rejected"
        assert await reserve(rig, lasts_s=30) == "Accepted"
        await told(rig, "Reserved")
        await rig.advance(20)
        await told(rig, "Reserved")
        await told(rig, "Available", within_s=15)
        assert (await show_card(rig, OTHER_CARD)).outcome == "waiting_for_ev"


@pytest.mark.ocpp("5.13-durable")
async def test_a_reservation_holds_over_a_restart_and_ends_in_time(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await reserve(rig, lasts_s=120) == "Accepted"
        await rig.crash()
        await rig.advance(5)
        await rig.boot_up()
        await rig.online()
        await told(rig, "Reserved")
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        await told(rig, "Available", within_s=130)


async def test_remote_start_uses_the_reservation(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert await reserve(rig, connector=2) == "Accepted"
        answer = await rig.system.call(STATION, "RemoteStartTransaction", {"idTag": CARD})
        assert answer == {"status": "Accepted"}  # two are free: the reserved one is meant
        await rig.until_status("WAITING_FOR_EV", 2)
        rig.plug(2)
        await until_energy_flows(rig, 2)
        await rig.drained()
        assert rig.system.ledger.calls("StartTransaction")[-1].payload["reservationId"] == 7
        await leave(rig, 2)
        await settle(rig)


@pytest.mark.parametrize("connector", [1, 0])
@pytest.mark.ocpp("3.11-reserved-parent", "5.13-parent-asks")
async def test_somebody_of_the_group_may_use_it(tmp_path: Path, connector: int) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.id_tags = {OTHER_CARD: {"status": "Accepted", "parentIdTag": "FLEET"}}
        assert await reserve(rig, connector, parentIdTag="FLEET") == "Accepted"
        await told(rig, "Reserved")
        await plug(rig)
        assert (await show_card(rig, STRANGER)).outcome == "refused"
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await until_energy_flows(rig)
        await rig.drained()
        assert rig.system.ledger.calls("StartTransaction")[-1].payload["reservationId"] == 7
        await leave(rig)
        await settle(rig)


async def test_the_group_of_a_remote_start_is_asked_for(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.id_tags = {OTHER_CARD: {"status": "Accepted", "parentIdTag": "FLEET"}}
        assert await reserve(rig, parentIdTag="FLEET") == "Accepted"
        for tag, status in ((STRANGER, "Rejected"), (OTHER_CARD, "Accepted")):
            answer = await rig.system.call(STATION, "RemoteStartTransaction", {"connectorId": 1, "idTag": tag})
            assert answer == {"status": status}
        await rig.until_status("WAITING_FOR_EV")


@pytest.mark.ocpp("5.13-occupied", "5.13-unavailable", "5.13-rejected", "5.13-faulted", "ReserveNow")
async def test_what_cannot_be_reserved(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert await reserve(rig, connector=3) == "Rejected"
        assert await reserve(rig, lasts_s=-1) == "Rejected"
        rig.plug(1)
        await rig.until_status("READY", 1)
        assert await reserve(rig, connector=1) == "Occupied"
        await rig.system.call(STATION, "ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
        await rig.until_status("DISABLED", 2)
        assert await reserve(rig, connector=2) == "Unavailable"
        assert await reserve(rig, connector=0) == "Occupied"
        rig.simulated.emergency(True)
        await rig.until_status("EMERGENCY_OFF", 1)
        assert await reserve(rig, connector=1) == "Faulted"
        assert await reserve(rig, connector=0) == "Faulted"


@pytest.mark.ocpp("5.13-replace")
async def test_the_same_id_moves_the_reservation(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert await reserve(rig, connector=1) == "Accepted"
        assert await reserve(rig, connector=1, number=8, card=OTHER_CARD) == "Occupied"
        assert await reserve(rig, connector=2, card=OTHER_CARD) == "Accepted"
        await told(rig, "Available", 1)
        await told(rig, "Reserved", 2)
        assert await reserve(rig, connector=2) == "Accepted"  # for somebody else now
        assert (await show_card(rig, OTHER_CARD)).connector == 1


@pytest.mark.ocpp("5.13-zero", "3.11-zero", "9.3-ReserveConnectorZeroSupported")
async def test_of_a_station_reserved_at_large_the_last_free_connector_is_kept(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert await reserve(rig, connector=0) == "Accepted"
        await rig.advance(5)
        await told(rig, "Available", 1)  # one of two: anybody may have the other
        await plug(rig, 1)
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await until_energy_flows(rig, 1)
        await told(rig, "Reserved", 2)
        assert await reserve(rig, connector=0, number=8) == "Occupied"
        assert (await show_card(rig, STRANGER)).outcome == "refused"
        await plug(rig, 2)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig, 2)
        await rig.drained()
        start = rig.system.ledger.calls("StartTransaction")[-1].payload
        assert (start["connectorId"], start["reservationId"]) == (2, 7)
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


async def test_nobody_charges_unasked_where_somebody_is_awaited(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"plug_and_charge": True}}) as rig:
        await rig.online()
        assert await reserve(rig, lasts_s=60) == "Accepted"
        rig.plug()
        await rig.until_status("READY")
        await told(rig, "Preparing")
        await rig.advance(30)
        assert rig.status() == "READY"
        await until_energy_flows(rig, within_s=60)  # it is over: plugging in is enough again
        await leave(rig)
        await settle(rig)


async def test_in_free_mode_the_card_of_the_holder_uses_it(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"free_mode": True, "free_mode_id_tag": "NOBODY"}}) as rig:
        await rig.online()
        assert await reserve(rig) == "Accepted"
        rig.plug()
        await rig.until_status("READY")
        await rig.advance(5)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        assert (await show_card(rig)).outcome == "stopped"  # who began it may end it
        await rig.until_status("CHARGED")
        await rig.drained()
        assert rig.system.ledger.calls("StartTransaction")[-1].payload["reservationId"] == 7
        assert rig.system.ledger.transactions[-1].id_tag == "NOBODY"
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.13-out-of-order")
@pytest.mark.parametrize("connector", [1, 0])
async def test_a_closure_or_a_fault_ends_a_reservation(tmp_path: Path, connector: int) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await reserve(rig, connector) == "Accepted"
        await told(rig, "Reserved")
        for type_, status in (("Inoperative", "Unavailable"), ("Operative", "Available")):
            await rig.system.call(STATION, "ChangeAvailability", {"connectorId": 1, "type": type_})
            await told(rig, status)
            await rig.advance(2)
        assert await cancel(rig) == "Rejected"
        assert await reserve(rig, connector) == "Accepted"
        rig.simulated.emergency(True)
        await told(rig, "Faulted")
        await rig.advance(2)
        rig.simulated.emergency(False)
        await told(rig, "Available")


async def test_a_booking_that_times_out_leaves_the_reservation(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 30}}}) as rig:
        await rig.online()
        assert await reserve(rig) == "Accepted"
        assert (await show_card(rig)).outcome == "waiting_for_ev"
        await told(rig, "Preparing")
        assert await reserve(rig, number=8, card=OTHER_CARD) == "Occupied"
        await told(rig, "Reserved", within_s=60)


async def test_a_reservation_is_not_over_before_the_time_is_known(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await reserve(rig, lasts_s=3600) == "Accepted"
        await rig.system.go_away()
        await rig.cut_power()
        await rig.advance(7200)
        rig.is_clock_set = False
        await rig.restore_power()
        await rig.until_status("AVAILABLE")
        await rig.advance(60)
        state = rig.state()
        assert state is not None and ConnectorFlag.RESERVED in state.flags
        await rig.system.come_back()  # which tells the time
        await rig.online()
        await told(rig, "Available")


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_reservation_that_ends_while_its_holder_is_awaited_is_not_named(
    tmp_path: Path, is_cancelled: bool
) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await reserve(rig, lasts_s=20) == "Accepted"
        assert (await show_card(rig)).outcome == "waiting_for_ev"
        if is_cancelled:
            assert await cancel(rig) == "Accepted"
        await rig.advance(25)
        assert rig.status() == "WAITING_FOR_EV"  # who is authorised stays so
        rig.plug()
        await until_energy_flows(rig)
        await rig.drained()
        assert "reservationId" not in rig.system.ledger.calls("StartTransaction")[-1].payload
        await leave(rig)
        await settle(rig)


async def test_a_reservation_that_cannot_be_written_down_is_rejected(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await told(rig, "Available")
        journal = Books.write

        async def full(*_: Any, **__: Any) -> None:
            raise CannotRecord("no room")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Books, "write", full)
            assert await reserve(rig) == "Rejected"
        assert Books.write is journal
        await rig.advance(3)
        assert (await show_card(rig, OTHER_CARD)).outcome == "waiting_for_ev"
