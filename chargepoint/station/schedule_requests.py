"""What others may ask about limit schedules: set, clear, and what they come to together with the other limits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import at_of
from chargepoint.config import Settings
from chargepoint.messages import (
    ActionResult,
    ClearLimitSchedules,
    CompositeSchedule,
    ReadCompositeSchedule,
    SetLimitSchedule,
)
from chargepoint.records import LimitSchedule, Session
from chargepoint.schedules import MAX_SCHEDULES, UNITS, fault_of, unix_s
from chargepoint.station.composite import ConnectorPart, StationPart, connector_schedule, station_schedule
from chargepoint.station.limits import nominal_voltage_v
from chargepoint.station.outlet import Outlet
from chargepoint.station.schedules import Schedules
from chargepoint.station.status import Refusal
from chargepoint.vocabulary import ControllerStatus, PowerType, SchedulePurpose

MAX_COMPOSITE_S = 7 * 86_400
"""What is asked beyond a week is not told; the answer says how far it reaches."""

MAX_ASKED = 4
"""Composite schedules are made one at a time, beside the charges, and so many may be asked for at once (S8)."""

_OK = ActionResult(ok=True, code="ok")


class ScheduleRequests:
    """Serves SetLimitSchedule, ClearLimitSchedules and ReadCompositeSchedule."""

    def __init__(self, settings: Settings, schedules: Schedules, outlets: Mapping[int, Outlet]) -> None:
        self._settings = settings
        self._schedules = schedules
        self._outlets = outlets
        self._one = asyncio.Lock()
        self._asked = 0

    def serve(self, bus: Bus) -> None:
        bus.serve(SetLimitSchedule, self.set)
        bus.serve(ClearLimitSchedules, self.clear)
        bus.serve(ReadCompositeSchedule, self.composite)

    async def set(self, request: SetLimitSchedule, sender: str) -> ActionResult:
        """Durable before the answer (R24). Raises CannotRecord."""
        schedule = request.schedule
        if schedule.connector and schedule.connector not in self._outlets:
            return _no("unknown_connector", f"There is no connector {schedule.connector}.")
        if schedule.purpose is SchedulePurpose.TX:
            session = self._running(schedule.connector)
            if session is None or schedule.session_id not in (None, session.session_id):
                return _no("no_session", "That transaction does not run there.")
            schedule = msgspec.structs.replace(schedule, session_id=session.session_id)
        schedule = _placed(schedule, self._schedules)
        refusal = _refusal(schedule, self._schedules)
        if refusal is not None:
            return _no(refusal.code, refusal.text)
        gone = self._schedules.over() if _left_over(schedule, self._schedules, set()) < 0 else ()
        await self._schedules.change(new=schedule, gone=gone)
        if schedule.session_id is not None and self._session_at(schedule.connector) != schedule.session_id:
            await self._schedules.change(gone={schedule.schedule_id})  # it ended while this was being kept
            return _no("no_session", "That transaction is over.")
        self._schedules.note(sender, request.by, schedule.connector, f"{schedule.schedule_id} ({schedule.purpose})")
        return _OK

    def _running(self, number: int) -> Session | None:
        outlet = self._outlets.get(number)
        return None if outlet is None or outlet.charge is None else outlet.charge.session

    def _session_at(self, number: int) -> int | None:
        session = self._running(number)
        return None if session is None else session.session_id

    async def clear(self, request: ClearLimitSchedules, sender: str) -> ActionResult:
        """Durable before the answer (R24). Raises CannotRecord."""
        found = {schedule.schedule_id for schedule in self._schedules.all if _is_meant(schedule, request)}
        if (request.connector, request.purpose, request.stack_level) == (None, None, None):
            damaged = self._schedules.damaged.keys()
            found |= damaged if request.schedule_id is None else damaged & {request.schedule_id}
        if not found:
            return _no("none", "No limit schedule matches that.")
        await self._schedules.change(gone=found)
        self._schedules.note(sender, request.by, 0, f"{', '.join(map(str, sorted(found)))} cleared")
        return _OK

    async def composite(self, request: ReadCompositeSchedule, sender: str) -> CompositeSchedule:
        number, duration_s = request.connector, min(request.duration_s, MAX_COMPOSITE_S)
        if number != 0 and number not in self._outlets:
            return CompositeSchedule(ok=False, text=f"There is no connector {number}.")
        if duration_s < 0 or request.unit not in ("", *UNITS):
            return CompositeSchedule(ok=False, text="The duration is negative, or the unit is not known.")
        if not self._schedules.view(None).is_known:
            return CompositeSchedule(ok=False, text="The station does not know the time yet.")
        if self._schedules.damaged:
            return CompositeSchedule(ok=False, text="A kept schedule cannot be read; clear it or set it anew.")
        if self._asked >= MAX_ASKED:
            return CompositeSchedule(ok=False, text="Too many ask for that at once. Try again.")
        self._asked += 1
        try:
            async with self._one:
                return await self._composed(number, duration_s, request.unit)
        finally:
            self._asked -= 1

    async def _composed(self, number: int, duration_s: int, asked_unit: str) -> CompositeSchedule:
        begin_s = float(math.floor(self._schedules.now_s))
        station = StationPart(
            self._settings.station.power_limit_w,
            self._settings.station.phase_voltage_v,
            self._schedules.plans,
            self._schedules.view(None),
        )
        parts = [self._part(outlet, begin_s) for outlet in self._outlets.values() if number in (0, outlet.number)]
        if number:
            unit, periods = await asyncio.to_thread(
                connector_schedule, parts[0], station, begin_s, duration_s, asked_unit
            )
        else:
            unit, periods = await asyncio.to_thread(station_schedule, parts, station, begin_s, duration_s, asked_unit)
        return CompositeSchedule(
            ok=True, connector=number, unit=unit, start_at=at_of(begin_s), duration_s=duration_s, periods=periods
        )

    def _part(self, outlet: Outlet, begin_s: float) -> ConnectorPart:
        """A connector as it is now; where no transaction runs, as if one began."""
        settings, reading, vehicle = outlet.settings, outlet.reading, outlet.vehicle
        is_ac = settings.type.power_type is PowerType.AC
        voltage_v = self._settings.station.phase_voltage_v if is_ac else nominal_voltage_v(settings)
        if reading is not None and reading.status is ControllerStatus.C6_CHARGING and reading.voltage_v > 50.0:
            voltage_v = reading.voltage_v
        phases = vehicle.phases if vehicle is not None and vehicle.phases else settings.phases
        session = self._running(outlet.number)
        view = self._schedules.view(session)
        if session is None:
            view = msgspec.structs.replace(view, began_s=begin_s)
        session_id = None if session is None else session.session_id
        return ConnectorPart(settings, voltage_v, phases, session_id, view)


def refusal_of_start(schedules: Schedules, schedule: LimitSchedule | None, connector: int) -> Refusal | None:
    """Why a transaction cannot begin with this bound at this connector."""
    if schedule is None:
        return None
    if schedule.purpose is not SchedulePurpose.TX:
        return Refusal("invalid_schedule", "A bound that comes with a start must be of that transaction.")
    return _refusal(msgspec.structs.replace(schedule, connector=connector, session_id=None), schedules)


def _refusal(schedule: LimitSchedule, schedules: Schedules) -> Refusal | None:
    fault = fault_of(schedule)
    if not fault and schedule.valid_to is not None and schedules.view(None).is_known:
        fault = "it is not valid any more" if unix_s(schedule.valid_to) <= schedules.now_s else ""
    if fault:
        return Refusal("invalid_schedule", f"Limit schedule {schedule.schedule_id}: {fault}.")
    if _left_over(schedule, schedules, schedules.over()) < 0:
        return Refusal("too_many_schedules", f"At most {MAX_SCHEDULES} limit schedules can be kept.")
    return None


def _left_over(schedule: LimitSchedule, schedules: Schedules, over: set[int]) -> int:
    """How many more could be kept with this one, without those it replaces and those that are `over`."""
    gone = over | schedules.replaced_by(schedule)
    return MAX_SCHEDULES - 1 - sum(each.schedule_id not in gone for each in schedules.all)


def _placed(schedule: LimitSchedule, schedules: Schedules) -> LimitSchedule:
    """With a start of its own where there is no transaction to count from: now, or when it begins to be valid."""
    if schedule.purpose is not SchedulePurpose.STATION_MAX or schedule.start_at is not None:
        return schedule
    if not schedules.view(None).is_known:
        return schedule
    now = at_of(math.floor(schedules.now_s))
    start_at = now if schedule.valid_from is None else max(now, schedule.valid_from)
    return msgspec.structs.replace(schedule, start_at=start_at)


def _is_meant(schedule: LimitSchedule, request: ClearLimitSchedules) -> bool:
    asked = (
        (request.schedule_id, schedule.schedule_id),
        (request.connector, schedule.connector),
        (request.purpose, schedule.purpose),
        (request.stack_level, schedule.stack_level),
    )
    return all(want is None or want == have for want, have in asked)


def _no(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text)
