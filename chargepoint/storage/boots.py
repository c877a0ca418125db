"""Wall time for what was recorded before the station knew it (R22).

A boot whose time became known has one offset for good. A boot that ended before is placed, as late as possible, right
before the one that followed it: how long the power was off is not known, its own duration is. Nothing is placed before
what was recorded earlier, nor before the floor, so the order is never inverted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chargepoint.clock import Clock, at_of, unix_of
from chargepoint.records import Moment
from chargepoint.storage.database import Database, Statement

SAVE = (
    "INSERT INTO boots (number, boot_id, first_seq, first_mono_s, offset_s, low_s, high_s) "
    "VALUES ((SELECT number FROM boots WHERE boot_id = ?1), ?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (number) "
    "DO UPDATE SET offset_s = excluded.offset_s, low_s = excluded.low_s, high_s = excluded.high_s"
)

WRONG_CLOCK_S = 3600.0
"""Earlier entries this far ahead of a boot whose time is known were stamped by a wrong clock and bind nobody."""


class Boot(msgspec.Struct, frozen=True):
    """A boot in the journal: `first_seq` its first entry. Seconds: `..._mono_s` of this boot, others Unix time."""

    boot_id: str
    first_seq: int
    first_mono_s: float
    offset_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None

    def unix_s(self, mono_s: float) -> float | None:
        """When `mono_s` of this boot was; None while nobody knows."""
        if self.offset_s is None:
            return None
        unix_s = mono_s + self.offset_s
        if self.high_s is not None:
            unix_s = min(unix_s, self.high_s)
        return unix_s if self.low_s is None else max(unix_s, self.low_s)

    def resolve(self, moment: Moment) -> Moment:
        """`moment` with its wall time, if it has none and it can be known."""
        unix_s = self.unix_s(moment.mono_s) if moment.at is None else None
        return moment if unix_s is None else Moment(moment.boot_id, moment.mono_s, at_of(unix_s))


def placed(
    boots: Sequence[Boot], last_mono_s: Sequence[float], offset_s: float, before_s: float | None, floor_s: float
) -> list[Boot]:
    """Boots whose time is unknown, oldest first, now that the last of them has `offset_s`.

    `last_mono_s`: when each of them was last heard of. `before_s`: the last known time before the first of them.
    """
    newest = boots[-1]
    starts_s = newest.first_mono_s + offset_s
    low_s = floor_s
    if before_s is not None and before_s <= starts_s + WRONG_CLOCK_S:
        low_s = max(floor_s, before_s)
    found = [msgspec.structs.replace(newest, offset_s=offset_s, low_s=low_s)]
    high_s = max(starts_s, low_s)
    for boot, last_s in zip(reversed(boots[:-1]), reversed(last_mono_s[:-1]), strict=True):
        found.append(msgspec.structs.replace(boot, offset_s=high_s - last_s, low_s=low_s, high_s=high_s))
        high_s = max(low_s, high_s - last_s + boot.first_mono_s)
    return found[::-1]


def boot_statements(boots: Sequence[Boot]) -> list[Statement]:
    """What writes these boots down."""
    return [(SAVE, msgspec.structs.astuple(boot)) for boot in boots]


async def boots_changed(
    database: Database, clock: Clock, known: Mapping[str, Boot], first_seq: int, mono_s: float
) -> list[Boot]:
    """Boots to be written now: this one, if it is new, and all whose time is known since the clock is set.

    `known`: the boots on record, oldest first. `first_seq`, `mono_s`: where this boot begins, if it is new.
    """
    boots = list(known.values())
    is_new = clock.boot_id not in known
    if is_new:
        boots.append(Boot(clock.boot_id, first_seq, mono_s))
    if boots[-1].offset_s is not None or boots[-1].boot_id != clock.boot_id or not clock.is_set:
        return boots[-1:] if is_new else []
    begin = len(boots)
    while begin > 0 and boots[begin - 1].offset_s is None:
        begin -= 1
    unknown = boots[begin:]
    last_mono_s = []
    for boot, end in zip(unknown, [*(boot.first_seq for boot in unknown[1:]), first_seq], strict=True):
        sql = "SELECT coalesce(max(mono_s), ?) FROM events WHERE seq >= ? AND seq < ?"
        last_mono_s.append((await database.read(sql, (boot.first_mono_s, boot.first_seq, end)))[0][0])
    sql = "SELECT boot_id, mono_s, at FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1"
    before_s: float | None = None
    for boot_id, before_mono_s, at in await database.read(sql, (unknown[0].first_seq,)):
        before_s = at if at is not None or boot_id not in known else known[boot_id].unix_s(before_mono_s)
    return placed(unknown, last_mono_s, clock.offset_s, before_s, unix_of(clock.floor))
