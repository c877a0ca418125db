"""Smart charging with the whole station (OCPP 1.6, 3.13): profiles bound what truly flows, in time and for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ocpp_client.schemas import format_time
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


async def transaction_id(rig: Rig) -> int:
    await rig.until(lambda: rig.system.ledger.transactions)
    return int(rig.system.ledger.transactions[-1].ids[-1])


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
                await rig.until(lambda: rig.system.statuses[STATION, 1]["status"] == "SuspendedEVSE", 10)
        await rig.until(lambda: rig.system.statuses[STATION, 1]["status"] == "Charging", 10)
        await leave(rig)
        await settle(rig)
        assert len(rig.system.ledger.transactions) == 1


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


async def test_the_central_system_need_not_be_there(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        start = rig.now()
        default = profile([(0, 20.0), (300, 9.0)], start=start)
        assert await set_profile(rig, 1, default) == "Accepted"
        await charge(rig)
        await flows(rig, 20)
        await rig.system.go_away()
        await rig.advance((start + timedelta(seconds=299) - rig.now()).total_seconds())
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
