"""Charging profiles as the server sends them: what the station is asked, and what is answered (OCPP 1.6, 5.5-5.16)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.bus import Bus, CallFailed
from chargepoint.messages import (
    ActionResult,
    ClearLimitSchedules,
    CompositeSchedule,
    ReadCompositeSchedule,
    SetLimitSchedule,
)
from chargepoint.one_process import in_process_bus
from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.schedules import MAX_PERIODS, MAX_SCHEDULES, MAX_STACK_LEVEL
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose
from ocpp_client.rpc import CallFault
from ocpp_client.schemas import check_answer
from ocpp_client.v16.charging_profiles import NotAProfile, schedule_of, schedule_of_start
from ocpp_client.v16.keys import BY_NAME
from ocpp_client.v16.smart_charging import SmartCharging

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OK = ActionResult(ok=True, code="ok")
SESSIONS = {4711: 7}


def profile(**changes: Any) -> dict[str, Any]:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
    schedule |= changes.pop("schedule", {})
    return {
        "chargingProfileId": 1,
        "stackLevel": 2,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    } | changes


class Station:
    """Remembers what it was asked and answers what it was told to."""

    def __init__(self, bus: Bus) -> None:
        self.asked: list[Any] = []
        self.result = OK
        self.composite = CompositeSchedule(ok=False)
        self.is_broken = False
        bus.serve(SetLimitSchedule, self._answer)
        bus.serve(ClearLimitSchedules, self._answer)
        bus.serve(ReadCompositeSchedule, self._read)

    async def _answer(self, request: Any, _sender: str) -> ActionResult:
        if self.is_broken:
            raise CallFailed("the disk is full")
        self.asked.append(request)
        return self.result

    async def _read(self, request: ReadCompositeSchedule, _sender: str) -> CompositeSchedule:
        self.asked.append(request)
        return self.composite


class Rig:
    def __init__(self, buses: dict[str, Bus]) -> None:
        self.station = Station(buses["station"])
        self.notes: list[tuple[str, int | None, str]] = []
        self.actions = SmartCharging(buses["ocpp"], SESSIONS.get, lambda *note: self.notes.append(note))

    async def set(self, connector: int = 1, **changes: Any) -> str:
        payload = {"connectorId": connector, "csChargingProfiles": profile(**changes)}
        return str(check_answer("SetChargingProfile", (await self.actions.set(payload)).payload)["status"])

    async def clear(self, **payload: Any) -> str:
        return str(check_answer("ClearChargingProfile", (await self.actions.clear(payload)).payload)["status"])

    @property
    def schedule(self) -> LimitSchedule:
        """The newest schedule that the station was asked to keep."""
        found: LimitSchedule = self.station.asked[-1].schedule
        return found


@asynccontextmanager
async def bench() -> AsyncIterator[Rig]:
    async with in_process_bus("station", "ocpp") as buses:
        yield Rig(buses)


def test_a_whole_profile_is_translated() -> None:
    given = profile(
        chargingProfileKind="Recurring",
        recurrencyKind="Weekly",
        validFrom="2026-03-01T13:00:00+01:00",
        validTo="2026-03-02T12:00:00Z",
        schedule={
            "chargingRateUnit": "W",
            "duration": 3600,
            "startSchedule": "2026-03-01T12:00:00.000Z",
            "minChargingRate": 1500,
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 11000.5, "numberPhases": 3},
                {"startPeriod": 60, "limit": 0},
            ],
        },
    )
    assert schedule_of(2, given) == LimitSchedule(
        schedule_id=1,
        connector=2,
        purpose=SchedulePurpose.TX_DEFAULT,
        stack_level=2,
        kind=ScheduleKind.WEEKLY,
        unit="W",
        periods=(SchedulePeriod(0, 11000.5, 3), SchedulePeriod(60, 0.0)),
        start_at=AT,
        duration_s=3600,
        valid_from=AT,
        valid_to=datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
        min_rate=1500.0,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"chargingProfileKind": "Recurring"},
        {"chargingProfileKind": "Absolute", "recurrencyKind": "Daily"},
        {"chargingProfileKind": "Relative", "recurrencyKind": "Daily"},
        {"chargingProfileKind": "Relative", "schedule": {"startSchedule": "2026-03-01T12:00:00Z"}},
    ],
)
def test_kinds_that_contradict_themselves_are_no_profile(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAProfile):
        schedule_of(1, profile(**changes))


@pytest.mark.ocpp("5.11-profile-transaction", "5.11-profile-other")
def test_a_start_brings_only_a_profile_of_its_own() -> None:
    assert schedule_of_start(None) is None
    own = profile(chargingProfilePurpose="TxProfile")
    schedule = schedule_of_start(own)
    assert schedule is not None and (schedule.purpose, schedule.session_id) == (SchedulePurpose.TX, None)
    for bad in (profile(), profile(chargingProfilePurpose="ChargePointMaxProfile"), own | {"transactionId": 4711}):
        with pytest.raises(NotAProfile):
            schedule_of_start(bad)


@pytest.mark.ocpp("SetChargingProfile")
async def test_what_the_station_says_is_what_the_server_hears() -> None:
    async with bench() as rig:
        assert await rig.set() == "Accepted"
        assert rig.schedule.connector == 1
        rig.station.result = ActionResult(ok=False, code="too_many_schedules", text="Full.")
        assert await rig.set() == "Rejected"
        assert rig.notes[-1] == ("SetChargingProfile", 1, "1, TxDefaultProfile: too_many_schedules (Full.)")
        rig.station.is_broken = True
        assert await rig.set() == "Rejected"
        assert await rig.set(schedule={"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10**400}]}) == "Rejected"


@pytest.mark.ocpp("5.16-wrong-tx")
async def test_a_transaction_is_named_by_the_servers_number() -> None:
    async with bench() as rig:
        assert await rig.set(chargingProfilePurpose="TxProfile", transactionId=4711) == "Accepted"
        assert await rig.set(chargingProfilePurpose="TxProfile") == "Accepted"
        assert [each.schedule.session_id for each in rig.station.asked] == [7, None]  # None: the one that runs there
        asked = len(rig.station.asked)
        assert await rig.set(chargingProfilePurpose="TxProfile", transactionId=4712) == "Rejected"
        assert len(rig.station.asked) == asked
        assert await rig.set(transactionId=4712) == "Accepted"  # it says nothing with other purposes
        assert rig.schedule.session_id is None


@pytest.mark.ocpp("ClearChargingProfile", "5.5-all")
async def test_clearing_asks_for_what_was_named() -> None:
    async with bench() as rig:
        assert await rig.clear() == "Accepted"
        assert rig.station.asked[-1] == ClearLimitSchedules(by="ocpp")
        assert await rig.clear(id=0, connectorId=0, stackLevel=0, chargingProfilePurpose="TxProfile") == "Accepted"
        assert rig.station.asked[-1] == ClearLimitSchedules(
            schedule_id=0, connector=0, purpose=SchedulePurpose.TX, stack_level=0, by="ocpp"
        )
        rig.station.result = ActionResult(ok=False, code="none")
        assert await rig.clear() == "Unknown"
        rig.station.is_broken = True
        with pytest.raises(CallFault):
            await rig.clear()
        rig.station.is_broken = False
        with pytest.raises(CallFault):
            await rig.clear(id=10**400)
        assert await rig.set(schedule={"duration": 10**400}) == "Rejected"


@pytest.mark.ocpp("GetCompositeSchedule")
async def test_a_composite_schedule_is_told() -> None:
    async with bench() as rig:
        rig.station.composite = CompositeSchedule(
            ok=True,
            connector=1,
            unit="A",
            start_at=AT,
            duration_s=600,
            periods=(SchedulePeriod(0, 10.3, 1), SchedulePeriod(60, 16.0)),
        )
        reply = await rig.actions.composite({"connectorId": 1, "duration": 600, "chargingRateUnit": "A"})
        assert rig.station.asked[-1] == ReadCompositeSchedule(connector=1, duration_s=600, unit="A")
        assert check_answer("GetCompositeSchedule", reply.payload) == {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": "2026-03-01T12:00:00.000Z",
            "chargingSchedule": {
                "duration": 600,
                "startSchedule": "2026-03-01T12:00:00.000Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 10.3, "numberPhases": 1},
                    {"startPeriod": 60, "limit": 16.0},
                ],
            },
        }
        rig.station.composite = CompositeSchedule(ok=False, text="There is no connector 9.")
        reply = await rig.actions.composite({"connectorId": 9, "duration": 600})
        assert reply.payload == {"status": "Rejected"}


@pytest.mark.ocpp(
    "3.13.5-discovery", "9.4-ChargeProfileMaxStackLevel", "9.4-ChargingScheduleMaxPeriods",
    "9.4-ChargingScheduleAllowedChargingRateUnit", "9.4-MaxChargingProfilesInstalled",
    "9.4-ConnectorSwitch3to1PhaseSupported",
)  # fmt: skip
def test_the_keys_tell_what_the_station_can() -> None:
    told = {name: BY_NAME[name.lower()].default for name in (
        "ChargeProfileMaxStackLevel", "ChargingScheduleMaxPeriods", "MaxChargingProfilesInstalled",
        "ChargingScheduleAllowedChargingRateUnit", "ConnectorSwitch3to1PhaseSupported",
    )}  # fmt: skip
    assert list(told.values()) == [
        str(MAX_STACK_LEVEL), str(MAX_PERIODS), str(MAX_SCHEDULES), "Current,Power", "false",
    ]  # fmt: skip
    assert "SmartCharging" in BY_NAME["supportedfeatureprofiles"].default
