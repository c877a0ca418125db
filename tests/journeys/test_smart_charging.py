"""Smart charging with the whole station (OCPP 1.6, 3.13): profiles bound what truly flows, in time and for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.messages import ClearLimitSchedules, SetLimitSchedule
from chargepoint.records import Happened, LimitSchedule, SchedulePeriod
from chargepoint.schedules import MAX_SCHEDULES
from chargepoint.station.schedules import FACT
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose
from ocpp_client.schemas import format_time
from tests.journeys.rig import Rig, demo_text
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
)

STATION = "one"
V = 230.0
Periods = Sequence[tuple[int, float]]


def profile(
    periods: Periods,
    *,
    number: int = 1,
    purpose: str = "TxDefaultProfile",
    kind: str = "Absolute",
    level: int = 0,
    unit: str = "A",
    start: datetime | None = None,
    duration: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": at_s, "limit": limit} for at_s, limit in periods],
    }
    if start is not None:
        schedule["startSchedule"] = format_time(start)
    if duration is not None:
        schedule["duration"] = duration
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
        **more,
    }


async def set_profile(rig: Rig, connector: int, payload: dict[str, Any]) -> str:
    answer = await rig.system.call(
        STATION, "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": payload}
    )
    return str(answer["status"])


async def clear(rig: Rig, **filters: Any) -> str:
    return str((await rig.system.call(STATION, "ClearChargingProfile", filters))["status"])


async def composite(rig: Rig, connector: int, duration: int, unit: str = "") -> dict[str, Any]:
    payload: dict[str, Any] = {"connectorId": connector, "duration": duration}
    answer: dict[str, Any] = await rig.system.call(
        STATION, "GetCompositeSchedule", payload | ({"chargingRateUnit": unit} if unit else {})
    )
    return answer


def current_a(rig: Rig, connector: int = 1) -> float:
    """What truly flows on each phase."""
    rig.simulated.advance()
    return rig.simulated.state().connector(connector).power_w / (3 * V)


def limit_a(rig: Rig, connector: int = 1) -> float:
    """What the controller has been told it may give."""
    return rig.simulated.state().connector(connector).limit_current_a


async def flows(rig: Rig, amperes: float, connector: int = 1, within_s: float = 10) -> None:
    await rig.until(lambda: abs(current_a(rig, connector) - amperes) < 0.5, within_s)


async def told(rig: Rig, status: str, within_s: float) -> None:
    """The central system knows this status of connector 1."""
    await rig.until(lambda: rig.system.statuses.get((STATION, 1), {}).get("status") == status, within_s)


async def transaction_id(rig: Rig) -> int:
    await rig.until(lambda: rig.system.ledger.transactions)
    return int(rig.system.ledger.transactions[-1].ids[-1])


@pytest.mark.ocpp(
    "5.16-accepted",
    "5.5-by-id",
    "5.5-effect",
    "5.5-unknown",
    "SetChargingProfile",
    "ClearChargingProfile",
)
async def test_a_profile_lowers_a_running_charge_and_clearing_raises_it_again(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await flows(rig, 32)
        number = await transaction_id(rig)
        tx = profile([(0, 10.0)], purpose="TxProfile", transactionId=number)
        assert await set_profile(rig, 1, tx) == "Accepted"
        await rig.advance(0.5)
        assert limit_a(rig) == 10.0
        await flows(rig, 10)
        state = rig.state()
        assert state is not None and state.grant is not None
        assert state.grant.source == "schedule"
        assert "schedule" in state.why
        assert await clear(rig, id=1) == "Accepted"
        await flows(rig, 32)
        assert await clear(rig, id=1) == "Unknown"
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.16-relative", "4.9-suspended-evse")
async def test_steps_count_from_the_start_of_the_transaction_and_come_in_time(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        steps = [(0, 16.0), (60, 8.0), (120, 0.0), (180, 20.0)]
        assert await set_profile(rig, 0, profile(steps, kind="Relative")) == "Accepted"
        await charge(rig)
        begun = (await rig.last_session()).started
        assert begun is not None and begun.at is not None
        await flows(rig, 16)
        for at_s, limit in steps[1:]:
            until = begun.at + timedelta(seconds=at_s)
            await rig.advance((until - rig.now()).total_seconds() - 0.1)
            assert limit_a(rig) != limit
            await rig.advance(0.6)
            assert limit_a(rig) == limit
            await flows(rig, limit)
            if limit == 0:
                await told(rig, "SuspendedEVSE", 10)
        await told(rig, "Charging", 10)
        await leave(rig)
        await settle(rig)
        assert len(rig.system.ledger.transactions) == 1


@pytest.mark.ocpp("3.13.1-max", "3.13.3-lowest", "5.16-max-not-zero")
async def test_two_cars_share_the_maximum_of_the_station(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await charge(rig, 1)
        await charge(rig, 2, OTHER_CARD)
        await flows(rig, 32, 1)
        await flows(rig, 32, 2)
        most = profile([(0, 24.0)], purpose="ChargePointMaxProfile")
        assert await set_profile(rig, 1, most) == "Rejected"
        assert await set_profile(rig, 0, most) == "Accepted"
        await flows(rig, 12, 1)
        await flows(rig, 12, 2)
        await leave(rig, 1)
        await flows(rig, 24, 2)
        assert await set_profile(rig, 0, profile([(0, 0.0)], purpose="ChargePointMaxProfile")) == "Accepted"
        await flows(rig, 0, 2)
        assert await clear(rig, chargingProfilePurpose="ChargePointMaxProfile") == "Accepted"
        await flows(rig, 32, 2, within_s=60)
        await leave(rig, 2)
        await settle(rig)


@pytest.mark.ocpp("5.16-durable", "3.13.1-tx-ends", "3.13.1-tx-over-default")
async def test_profiles_hold_over_a_power_cut_in_the_middle(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        number = await transaction_id(rig)
        tx = profile([(0, 10.0)], purpose="TxProfile", transactionId=number, level=3)
        assert await set_profile(rig, 1, tx) == "Accepted"
        assert await set_profile(rig, 0, profile([(0, 14.0)], number=2)) == "Accepted"
        await flows(rig, 10)
        await rig.crash()  # the software alone: the charge goes on
        await rig.advance(1)
        await rig.boot_up()
        await rig.advance(10)
        assert limit_a(rig) == 10.0
        await rig.cut_power()
        await rig.advance(30)
        await rig.restore_power()
        await rig.until(lambda: rig.status() in ("CHARGED", "READY"), 60)  # the cut ended the transaction
        await rig.until(lambda: rig.link is not None and rig.link.registration == "Accepted", 60)
        assert await clear(rig, id=1) == "Unknown"  # it went with its transaction
        await leave(rig)
        await charge(rig)
        await flows(rig, 14)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("3.13.6-offline", "3.13.1-tx-default")
async def test_the_central_system_need_not_be_there(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        start = rig.now()
        default = profile([(0, 20.0), (60, 9.0)], start=start)
        assert await set_profile(rig, 1, default) == "Accepted"
        await charge(rig)
        await flows(rig, 20)
        await rig.system.go_away()
        await rig.advance((start + timedelta(seconds=59) - rig.now()).total_seconds())
        assert limit_a(rig) == 20.0
        await rig.advance(1.5)
        assert limit_a(rig) == 9.0
        await leave(rig)
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"  # known from before: from the cache
        await until_energy_flows(rig)
        await flows(rig, 9)
        await rig.system.come_back()
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.11-profile", "5.11-profile-transaction", "5.11-profile-other")
async def test_a_remote_start_brings_its_own_profile(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await set_profile(rig, 0, profile([(0, 20.0)], number=5)) == "Accepted"
        await plug(rig)

        async def start(**fields: Any) -> str:
            given = profile([(0, 7.0)], **{"purpose": "TxProfile", "kind": "Relative", **fields})
            payload = {"connectorId": 1, "idTag": CARD, "chargingProfile": given}
            return str((await rig.system.call(STATION, "RemoteStartTransaction", payload))["status"])

        assert await start(purpose="TxDefaultProfile") == "Rejected"
        assert await start(transactionId=1) == "Rejected"
        assert await start(level=1000) == "Rejected"
        assert await start() == "Accepted"
        most = 0.0
        for _ in range(100):
            await rig.advance(0.1)
            most = max(most, limit_a(rig), current_a(rig))
        assert most <= 7.1
        await flows(rig, 7)
        assert await clear(rig, connectorId=1, chargingProfilePurpose="TxProfile") == "Accepted"
        await flows(rig, 20)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.7-composite", "5.7-unknown", "3.13.3-lowest", "GetCompositeSchedule")
async def test_the_composite_schedule_is_what_flows(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        start = rig.now().replace(microsecond=0)
        assert await set_profile(rig, 0, profile([(0, 12.0), (100, 25.0)], start=start, duration=200)) == "Accepted"
        most = profile([(0, 11_040.0)], number=2, purpose="ChargePointMaxProfile", unit="W")
        assert await set_profile(rig, 0, most) == "Accepted"
        await charge(rig)
        answer = await composite(rig, 1, 400, "A")
        assert answer["status"] == "Accepted"
        schedule = answer["chargingSchedule"]
        begin = datetime.fromisoformat(answer["scheduleStart"])
        assert abs((begin - rig.now()).total_seconds()) <= 1.1
        first = int(100 - (begin - start).total_seconds())
        assert schedule["chargingRateUnit"] == "A"
        assert schedule["duration"] == 400
        assert schedule["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 12.0},
            {"startPeriod": first, "limit": 16.0},
        ]
        await flows(rig, 12)
        await rig.advance(first)
        await flows(rig, 16)
        assert (await composite(rig, 7, 10))["status"] == "Rejected"
        await leave(rig)
        await settle(rig)


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.ocpp("5.16-no-tx", "5.16-wrong-tx", "5.16-tx-zero", "5.16-max-not-zero")
async def test_what_cannot_be_kept_is_rejected(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        tx = profile([(0, 10.0)], purpose="TxProfile")
        assert await set_profile(rig, 1, tx) == "Rejected"
        assert await set_profile(rig, 3, profile([(0, 10.0)])) == "Rejected"
        assert await set_profile(rig, -1, profile([(0, 10.0)])) == "Rejected"
        await charge(rig, 1)
        number = await transaction_id(rig)
        assert await set_profile(rig, 1, tx | {"transactionId": number + 1}) == "Rejected"
        assert await set_profile(rig, 2, tx | {"transactionId": number}) == "Rejected"
        assert await set_profile(rig, 0, tx | {"transactionId": number}) == "Rejected"
        over = profile([(0, 10.0)], validTo=format_time(rig.now()))
        assert await set_profile(rig, 1, over) == "Rejected"
        assert limit_a(rig) > 31
        assert await set_profile(rig, 1, tx | {"transactionId": number}) == "Accepted"
        await flows(rig, 10)
        assert await set_profile(rig, 1, tx) == "Accepted"
        await leave(rig, 1)
        await settle(rig)


@pytest.mark.ocpp("5.16-installed-max", "5.5-by-filter", "5.5-all", "5.5-unknown")
async def test_no_more_profiles_than_there_is_room_and_filters_clear_them(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        for number in range(MAX_SCHEDULES):
            one = profile([(0, 10.0)], number=number, level=number % 50)
            assert await set_profile(rig, 1 + number // 50, one) == "Accepted"
        another = profile([(0, 10.0)], number=1000)
        assert await set_profile(rig, 0, another) == "Rejected"
        assert await set_profile(rig, 1, another) == "Accepted"  # in the place of number 0
        assert await clear(rig, id=0) == "Unknown"
        assert await clear(rig, connectorId=2, stackLevel=7) == "Accepted"
        assert await clear(rig, connectorId=2, stackLevel=7) == "Unknown"
        assert await clear(rig, connectorId=0) == "Unknown"
        assert await clear(rig, chargingProfilePurpose="TxProfile") == "Unknown"
        assert await clear(rig, id=1000, stackLevel=1) == "Unknown"
        assert await clear(rig, connectorId=1) == "Accepted"
        assert await clear(rig, id=60) == "Accepted"
        assert await clear(rig) == "Accepted"
        assert await clear(rig) == "Unknown"
        past = rig.now() - timedelta(hours=1)
        for number in range(MAX_SCHEDULES):
            one = profile([(0, 10.0)], number=number, level=number % 50, start=past, duration=60)
            assert await set_profile(rig, 1 + number // 50, one) == "Accepted"
        assert await set_profile(rig, 0, another) == "Accepted"  # what is over makes room
        assert await clear(rig, id=60) == "Unknown"


# ------------------------------------------------------------------------------------------------- how a limit is felt


async def test_a_charge_may_begin_without_power_and_goes_on_when_there_is_some(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        start = rig.now()
        assert await set_profile(rig, 0, profile([(0, 0.0), (120, 16.0)], start=start)) == "Accepted"
        assert rig.status() == "AVAILABLE"
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await told(rig, "SuspendedEVSE", 30)
        assert current_a(rig) == 0
        await rig.advance((start + timedelta(seconds=120) - rig.now()).total_seconds() + 0.5)
        assert limit_a(rig) == 16.0
        await flows(rig, 16)
        await told(rig, "Charging", 10)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.16-min-rate")
async def test_below_its_least_rate_the_charge_pauses(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        slow = profile([(0, 9.0)], start=rig.now())
        slow["chargingSchedule"]["minChargingRate"] = 10.0
        assert await set_profile(rig, 1, slow) == "Accepted"
        await flows(rig, 0)
        slow["chargingSchedule"]["minChargingRate"] = 8.0
        assert await set_profile(rig, 1, slow) == "Accepted"
        await flows(rig, 9)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.16-phases")
async def test_w_and_phases_are_converted_for_the_car_that_is_there(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig, phases=1)
        assert await set_profile(rig, 1, profile([(0, 4600.0)], unit="W")) == "Accepted"
        await rig.until(lambda: abs(current_a(rig) * 3 - 20) < 0.5)  # all of it on its one phase
        await leave(rig)
        await charge(rig)
        await rig.until(lambda: abs(current_a(rig) - 6.67) < 0.2)
        one_phase = profile([(0, 24.0)])
        one_phase["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = 1
        assert await set_profile(rig, 1, one_phase) == "Accepted"
        await flows(rig, 8)  # as much as 24 A on one phase
        await leave(rig)
        await settle(rig)


async def test_direct_current_is_limited_by_the_voltage_of_the_car(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await rig.online()
        await charge(rig, 1, capacity_wh=200_000)
        name = rig.settings.ocpp.identity or rig.settings.station.name

        async def limit(value: float, unit: str) -> str:
            payload = {"connectorId": 1, "csChargingProfiles": profile([(0, value)], unit=unit)}
            return str((await rig.system.call(name, "SetChargingProfile", payload))["status"])

        def power_w() -> float:
            rig.simulated.advance()
            return rig.simulated.state().connector(1).power_w

        assert await limit(20_000, "W") == "Accepted"
        await rig.until(lambda: abs(power_w() - 20_000) < 500)
        assert await limit(25, "A") == "Accepted"
        await rig.until(lambda: 8_000 < power_w() < 11_000)
        answer = await rig.system.call(
            name, "GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "W"}
        )
        assert abs(answer["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] - power_w()) < 200
        assert await limit(0, "W") == "Accepted"
        await rig.until(lambda: power_w() < 100)
        await rig.until(lambda: rig.system.statuses.get((name, 1), {}).get("status") == "SuspendedEVSE", 10)
        await rig.advance(60)
        assert await limit(30_000, "W") == "Accepted"
        await rig.until(lambda: abs(power_w() - 30_000) < 500)
        await leave(rig, 1)
        await settle(rig)


# ----------------------------------------------------------------------------------------------- when things go wrong


@pytest.mark.ocpp("3.13.6-offline")
async def test_limits_hold_while_the_ocpp_service_is_dead(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        start = rig.now()
        assert await set_profile(rig, 1, profile([(0, 20.0), (30, 10.0), (31, 9.0)], start=start)) == "Accepted"
        await charge(rig)
        await rig.advance((start + timedelta(seconds=29) - rig.now()).total_seconds())
        assert rig.house is not None
        rig.house.kill("ocpp")
        await rig.advance(1.4)
        assert limit_a(rig) == 10.0
        await rig.advance(1)
        assert limit_a(rig) == 9.0
        await rig.online()
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("5.16-durable")
async def test_what_is_accepted_is_kept_whatever_happens_next(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        tx = profile([(0, 8.0)], purpose="TxProfile", kind="Relative", number=3)
        start = {"connectorId": 1, "idTag": CARD, "chargingProfile": tx}
        assert (await rig.system.call(STATION, "RemoteStartTransaction", start))["status"] == "Accepted"
        assert await set_profile(rig, 1, profile([(0, 12.0)])) == "Accepted"
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await flows(rig, 8, within_s=60)
        assert rig.house is not None
        rig.house.kill("station")
        await rig.advance(5)
        await flows(rig, 8, within_s=60)
        await rig.online()
        assert await clear(rig, id=3) == "Accepted"
        rig.house.kill("station")
        await rig.advance(5)
        await flows(rig, 12, within_s=60)
        await leave(rig)
        await settle(rig)


async def test_while_the_time_is_unknown_the_lowest_limit_holds(tmp_path: Path) -> None:
    anybody = {"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True}}}
    async with Rig(tmp_path, change=anybody) as rig:
        await rig.online()
        start = rig.now()
        assert await set_profile(rig, 1, profile([(0, 20.0), (7200, 9.0)], start=start)) == "Accepted"
        await rig.drained()
        await rig.system.go_away()
        await rig.cut_power()
        await rig.advance(60)
        rig.is_clock_set = False
        await rig.restore_power()
        await rig.until_status("AVAILABLE")
        await charge(rig)
        await flows(rig, 9)
        await rig.system.come_back()  # which tells the time
        await flows(rig, 20, within_s=60)
        await leave(rig)
        await settle(rig)


async def test_a_kept_schedule_that_cannot_be_read_holds_charges_at_their_least(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert await set_profile(rig, 1, profile([(0, 20.0)], number=7)) == "Accepted"
        await rig.stop()
        journal = await Journal.open(tmp_path / "station", rig.make_clock(), rig.settings.storage)
        async with journal.transaction() as tx:
            tx.set_fact(f"{FACT}7", b"?")
        await journal.close()
        await rig.boot_up()
        await rig.online()
        await charge(rig)
        await flows(rig, 6)
        assert await clear(rig, id=7) == "Accepted"
        await flows(rig, 32)
        await leave(rig)
        await settle(rig)


def _bound_by(rig: Rig) -> str:
    """What holds the charge of connector 1 down, as it is shown."""
    state = rig.state()
    return state.grant.source if state is not None and state.grant is not None else ""


async def test_other_services_may_bound_the_station_too(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        limit = LimitSchedule(
            schedule_id=9,
            connector=0,
            purpose=SchedulePurpose.STATION_MAX,
            stack_level=0,
            kind=ScheduleKind.ABSOLUTE,
            unit="W",
            periods=(SchedulePeriod(0, 6900.0),),
        )
        result = await rig.bus.call("station", SetLimitSchedule(schedule=limit, by="installer"))
        assert result.ok
        await flows(rig, 10)
        await rig.until(lambda: _bound_by(rig) == "schedule", 0.5)
        bad = msgspec.structs.replace(limit, unit="kW")
        result = await rig.bus.call("station", SetLimitSchedule(schedule=bad, by="installer"))
        assert (result.code, result.text) == ("invalid_schedule", "Limit schedule 9: the unit must be A or W.")
        assert (await rig.bus.call("station", ClearLimitSchedules(schedule_id=9, by="installer"))).ok
        await flows(rig, 32, within_s=60)
        await rig.advance(5)  # lines of the log wait a little for company
        notes = [row.entry for row in await rig.journal("Happened")]
        texts = [note.message for note in notes if isinstance(note, Happened) and note.action == "limit schedule"]
        assert texts == ["9 (station_max), installer", "9 cleared, installer"]
        await leave(rig)
        await settle(rig)
