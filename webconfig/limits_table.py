"""The table of power limits: what bounds the station and each connector, and what of it is the lowest. Pure.

Source: webconfig.md 8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.messages import PowerState, UserLimitShown, UserLimitsState
from chargepoint.power_picture import LimitPicture, OutputPicture

THERMAL = ("cable_temperature", "modules", "climate")
COLUMNS = ("hardware", "configured", "user", "schedule", "thermal")


class Bound(msgspec.Struct, frozen=True):
    """A limit: W, A (per phase for AC), or both; None: it is not bounded so. `name` as in power.md 2."""

    name: str
    power_w: float | None = None
    current_a: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: the station (`connector` 0) or a connector. Bounds that are None do not exist now.

    `others` are further bounds in force (vehicle, session, phases). `shared`: what it may take now beside the others;
    None while it wants nothing. `resulting` is what holds now, `winner` the name of what sets it. `user_until`: when
    the owner's limit ends. `most_w`: no owner's limit may be above.
    """

    connector: int
    hardware: Bound | None = None
    configured: Bound | None = None
    user: Bound | None = None
    schedule: Bound | None = None
    thermal: Bound | None = None
    others: tuple[Bound, ...] = ()
    shared: Bound | None = None
    resulting: Bound | None = None
    winner: str = ""
    most_w: float
    user_until: datetime | None = None
    is_changing: bool = False
    later_w: float | None = None
    is_charging: bool = False
    power_w: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """All lines; `version` changes with each change of an owner's limit."""

    version: str
    mode: str
    rows: tuple[Row, ...]


def version_of(state: UserLimitsState | None) -> str:
    """Of the owner's limits as they are kept; for If-Match."""
    return hashlib.sha256(msgspec.json.encode(state.limits if state else ())).hexdigest()[:16]


def limits_of(
    settings: Settings,
    power: PowerState | None,
    kept: UserLimitsState | None,
    charging: Mapping[int, bool],
    power_w: Mapping[int, float],
) -> Limits:
    """The table. Without `power` (the station does not tell) only what the station file says stands there."""
    users = {each.connector: each for each in (kept.limits if kept else ())}
    outputs = {each.connector: each for each in (power.outputs if power else ())}
    rows = [_station(settings, power, users.get(0), any(charging.values()))]
    for connector in settings.connector:
        number = connector.number
        output, user = outputs.get(number), users.get(number)
        rows.append(_connector(connector, output, user, charging.get(number, False), power_w.get(number)))
    return Limits(version_of(kept), settings.power.mode.value, tuple(rows))


def _station(settings: Settings, power: PowerState | None, user: UserLimitShown | None, is_charging: bool) -> Row:
    station = settings.station
    found = {each.name: each for each in (power.limits if power else ())}
    lowest = power.limit if power and power.limit.name else None
    return Row(
        connector=0,
        hardware=Bound("phase", current_a=station.phase_limit_a) if station.phase_limit_a is not None else None,
        configured=Bound("grid", power_w=station.power_limit_w),
        user=_user(user),
        schedule=_bound(found.get("schedule")),
        thermal=_bound(found.get("climate")),
        others=_others(found, ("grid", "user", "schedule", "climate")),
        resulting=_bound(lowest) or Bound("grid", power_w=station.power_limit_w),
        winner=lowest.name if lowest else "grid",
        power_w=power.used_w if power else None,
        most_w=station.power_limit_w,
        is_charging=is_charging,
        user_until=user.until if user else None,
        is_changing=user.is_changing if user else False,
        later_w=user.later_w if user else None,
    )


def _connector(
    settings: ConnectorSettings,
    output: OutputPicture | None,
    user: UserLimitShown | None,
    is_charging: bool,
    power_w: float | None,
) -> Row:
    found = {each.name: each for each in (output.limits if output else ())}
    cap = Bound(output.cap.source, output.cap.power_w, output.cap.current_a) if output else None
    grant = output.grant if output else None
    shared = Bound(grant.source, grant.power_w, grant.current_a) if grant and grant.source and is_charging else None
    holds = min((each for each in (cap, shared) if each), key=lambda each: each.power_w or 0.0, default=None)
    hot = [each for each in map(_bound, (found.get(name) for name in THERMAL)) if each]
    return Row(
        connector=settings.number,
        hardware=Bound("hardware", current_a=min(settings.max_current_a, settings.cable_current_a)),
        configured=Bound("configured", power_w=settings.max_power_w),
        user=_user(user) or _bound(found.get("user")),
        schedule=_bound(found.get("schedule")),
        thermal=min(hot, key=lambda each: _as_w(each, settings), default=None),
        others=_others(found, ("hardware", "configured", "user", "schedule", *THERMAL)),
        shared=shared,
        resulting=holds,
        winner=holds.name if holds else "",
        most_w=user.most_w if user else min(settings.max_power_w, settings.user_limit_w or settings.max_power_w),
        is_charging=is_charging,
        power_w=power_w,
        user_until=user.until if user else None,
        is_changing=user.is_changing if user else False,
        later_w=user.later_w if user else None,
    )


def _as_w(bound: Bound, settings: ConnectorSettings) -> float:
    per_a = settings.max_power_w / settings.max_current_a
    found = [bound.power_w, None if bound.current_a is None else bound.current_a * per_a]
    return min((each for each in found if each is not None), default=0.0)


def _bound(picture: LimitPicture | None) -> Bound | None:
    return None if picture is None else Bound(picture.name, picture.power_w, picture.current_a)


def _user(user: UserLimitShown | None) -> Bound | None:
    return None if user is None or user.limit_w is None else Bound("user", user.limit_w)


def _others(found: Mapping[str, LimitPicture], without: tuple[str, ...]) -> tuple[Bound, ...]:
    return tuple(Bound(each.name, each.power_w, each.current_a) for name, each in found.items() if name not in without)
