"""Charging profiles of OCPP 1.6 in the words of the house, and composite schedules in those of OCPP. Pure.

Source: OCPP 1.6, 7.8 (ChargingProfile) to 7.14 (ChargingSchedulePeriod), 5.7 (GetCompositeSchedule).
"""

from __future__ import annotations

import math

from chargepoint.messages import CompositeSchedule
from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose
from ocpp_client.frames import Payload
from ocpp_client.schemas import format_time, parse_time

PURPOSES = {
    "ChargePointMaxProfile": SchedulePurpose.STATION_MAX,
    "TxDefaultProfile": SchedulePurpose.TX_DEFAULT,
    "TxProfile": SchedulePurpose.TX,
}
KINDS = {
    ("Absolute", None): ScheduleKind.ABSOLUTE,
    ("Relative", None): ScheduleKind.RELATIVE,
    ("Recurring", "Daily"): ScheduleKind.DAILY,
    ("Recurring", "Weekly"): ScheduleKind.WEEKLY,
}
"""By chargingProfileKind and recurrencyKind; other pairs are no profile."""


ANY = 0
"""The connector of a start is not known yet; the station fills it in."""


class NotAProfile(ValueError):
    """A charging profile contradicts itself; the text says where."""


def schedule_of(connector: int, profile: Payload, session_id: int | None = None) -> LimitSchedule:
    """The limit schedule a charging profile means, checked by its schema before. Raises NotAProfile.

    What the station checks itself (order of periods, bounds of numbers, connectors) is not checked here.
    """
    named = profile["chargingProfileKind"], profile.get("recurrencyKind")
    kind = KINDS.get(named)
    if kind is None:
        raise NotAProfile(f"chargingProfileKind {named[0]} with recurrencyKind {named[1] or '(none)'}")
    schedule = profile["chargingSchedule"]
    if kind is ScheduleKind.RELATIVE and "startSchedule" in schedule:
        raise NotAProfile("chargingProfileKind Relative with a startSchedule")
    start, valid_from, valid_to = (
        None if text is None else parse_time(text)
        for text in (schedule.get("startSchedule"), profile.get("validFrom"), profile.get("validTo"))
    )
    return LimitSchedule(
        schedule_id=profile["chargingProfileId"],
        connector=connector,
        purpose=PURPOSES[profile["chargingProfilePurpose"]],
        stack_level=profile["stackLevel"],
        kind=kind,
        unit=schedule["chargingRateUnit"],
        periods=tuple(
            SchedulePeriod(period["startPeriod"], _number(period["limit"]), period.get("numberPhases"))
            for period in schedule["chargingSchedulePeriod"]
        ),
        start_at=start,
        duration_s=schedule.get("duration"),
        valid_from=valid_from,
        valid_to=valid_to,
        min_rate=_number(schedule["minChargingRate"]) if "minChargingRate" in schedule else None,
        session_id=session_id,
    )


def schedule_of_start(profile: Payload | None) -> LimitSchedule | None:
    """What the chargingProfile of a RemoteStartTransaction means: it must be for that one. Raises NotAProfile."""
    if profile is None:
        return None
    if profile["chargingProfilePurpose"] != "TxProfile":
        raise NotAProfile(f"chargingProfilePurpose {profile['chargingProfilePurpose']} where TxProfile is needed")
    if "transactionId" in profile:
        raise NotAProfile("a transactionId, although there is no transaction yet")
    return schedule_of(ANY, profile)


def _number(value: float) -> float:
    """As a float; a whole number beyond its range counts as no number, which the station refuses."""
    try:
        return float(value)
    except OverflowError:
        return math.nan


def composite_payload(composite: CompositeSchedule) -> Payload:
    """The answer to GetCompositeSchedule."""
    if not composite.ok or composite.start_at is None:
        return {"status": "Rejected"}
    start = format_time(composite.start_at)
    return {
        "status": "Accepted",
        "connectorId": composite.connector,
        "scheduleStart": start,
        "chargingSchedule": {
            "duration": composite.duration_s,
            "startSchedule": start,
            "chargingRateUnit": composite.unit,
            "chargingSchedulePeriod": [_period(period) for period in composite.periods],
        },
    }


def _period(period: SchedulePeriod) -> Payload:
    row: Payload = {"startPeriod": period.start_s, "limit": period.limit}
    return row if period.phases is None else row | {"numberPhases": period.phases}
