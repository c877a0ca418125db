"""Which incidents are open, out of what is wrong from moment to moment (pure; times are monotonic seconds).

Each incident is opened once and closed once. What began and ended is told by the caller to the disk and the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from chargepoint.messages import Incident
from diag.incident_kinds import KINDS, WARN, Kind
from diag.incident_rules import Trouble

Key = tuple[str, str, str]
UNKNOWN = Kind(WARN)
AFTER_START_S = 180.0
"""Incidents of an earlier run stay open for so long until what they are about has been heard."""


class Watched(msgspec.Struct):
    """A trouble that is seen, or was until `gone_s`. `number` 0: no incident yet."""

    since_s: float
    gone_s: float | None = None
    number: int = 0
    calm_s: float = 0.0
    is_counted: bool = True


class Changes(msgspec.Struct, frozen=True):
    """Incidents that one look opened, closed, or changed otherwise (came again, learned their time)."""

    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()
    other: tuple[Incident, ...] = ()

    @property
    def all(self) -> list[Incident]:
        return [*self.opened, *self.closed, *self.other]


class Book:
    """`kept` are those of earlier runs, by number. `station`: variables of the terminal."""

    def __init__(self, kept: Mapping[int, Incident], station: Mapping[str, str], now_s: float) -> None:
        self.open: dict[int, Incident] = {number: each for number, each in kept.items() if each.is_open}
        self._station = dict(station)
        self._next = max(kept, default=0) + 1
        self._watched: dict[Key, Watched] = {}
        for number, each in self.open.items():
            calm_s = max(AFTER_START_S, _kind(each.type).calm_s)
            watched = Watched(now_s, now_s, number, calm_s, is_counted=False)
            self._watched[each.type, each.device_type, each.device] = watched

    def step(
        self, found: Mapping[Key, Trouble], now_s: float, at: datetime | None, *, may_close: bool = True
    ) -> Changes:
        """One look. `at` None: the time is not known. `may_close` False: who would tell is away."""
        opened, closed, other = [], [], []
        for key, trouble in found.items():
            watched = self._watched.setdefault(key, Watched(now_s))
            if watched.gone_s is not None:
                watched.gone_s = None
                if watched.number == 0:
                    watched.since_s = now_s
                elif watched.is_counted:
                    other.append(self._again(watched.number, trouble))
                watched.is_counted, watched.calm_s = True, 0.0
            if watched.number == 0 and now_s - watched.since_s >= _kind(trouble.type).hold_s:
                opened.append(self._opened(watched, trouble, now_s, at))
        for key in [key for key in self._watched if key not in found]:
            watched = self._watched[key]
            if watched.number == 0:
                del self._watched[key]
                continue
            if watched.gone_s is None or not may_close:
                watched.gone_s = now_s
            if may_close and now_s - watched.gone_s >= max(watched.calm_s, _kind(key[0]).calm_s):
                closed.append(self._closed(watched.number, at and at - timedelta(seconds=now_s - watched.gone_s)))
                del self._watched[key]
        touched = {each.id for each in (*opened, *other)}
        other += self._with_times(touched, now_s, at)
        return Changes(tuple(opened), tuple(closed), tuple(other))

    def newest(self, most: int = 100) -> tuple[Incident, ...]:
        """Those that are open, newest first."""
        return tuple(self.open[number] for number in sorted(self.open, reverse=True)[:most])

    def _opened(self, watched: Watched, trouble: Trouble, now_s: float, at: datetime | None) -> Incident:
        watched.number, self._next = self._next, self._next + 1
        opened_at = at and at - timedelta(seconds=now_s - watched.since_s)
        incident = Incident(
            id=watched.number,
            type=trouble.type,
            level=_kind(trouble.type).level,
            device_type=trouble.device_type,
            device=trouble.device,
            opened_at=opened_at,
            info=trouble.info[:300],
            variables={
                **self._station,
                **{name: value[:300] for name, value in trouble.variables.items() if value},
                "Trouble_Type": trouble.type,
                "Trouble_Device_Type": trouble.device_type,
                "Trouble_Info": trouble.info[:300],
                "Trouble_Date_Occured": _told(opened_at),
                "TroubleData_DeviceName": trouble.device,
            },
        )
        self.open[incident.id] = incident
        return incident

    def _again(self, number: int, trouble: Trouble) -> Incident:
        before = self.open[number]
        self.open[number] = msgspec.structs.replace(before, count=before.count + 1, info=trouble.info[:300])
        return self.open[number]

    def _closed(self, number: int, at: datetime | None) -> Incident:
        return msgspec.structs.replace(self.open.pop(number), closed_at=at, is_open=False)

    def _with_times(self, touched: Iterable[int], now_s: float, at: datetime | None) -> list[Incident]:
        """Those of this run that opened before the time was known learn when that was."""
        found = []
        for watched in self._watched.values() if at is not None else ():
            incident = self.open.get(watched.number)
            if (
                incident is None
                or incident.opened_at is not None
                or watched.number in touched
                or not watched.is_counted
            ):
                continue
            opened_at = at - timedelta(seconds=now_s - watched.since_s) if at is not None else None
            variables = {**incident.variables, "Trouble_Date_Occured": _told(opened_at)}
            incident = msgspec.structs.replace(incident, opened_at=opened_at, variables=variables)
            self.open[watched.number] = incident
            found.append(incident)
        return found


def _kind(name: str) -> Kind:
    return KINDS.get(name, UNKNOWN)


def _told(at: datetime | None) -> str:
    return "" if at is None else at.astimezone().isoformat(sep=" ", timespec="seconds")
