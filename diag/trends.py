"""What wears and what is lost, day by day (days of UTC), for at most 400 days; little is written.

`trends-today.json` is written each hour and at the end, a few kilobytes; when a day is over, its line goes to
`trends.jsonl`, which is cut once it has a month too much. A line that a power cut tore is left out.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.bus import StateView
from chargepoint.context import Context
from chargepoint.messages import (
    LinkStatistics,
    ModulesState,
    OutputState,
    PortState,
    ReaderState,
    ReadTrends,
    State,
    Trend,
    TrendsPage,
)
from chargepoint.vocabulary import OutputFunction
from diag.checks.machine import blocks, life_pct

log = logging.getLogger(__name__)

LOOK_S, SAVE_S = 10.0, 3600.0
DAYS, SPARE_DAYS = 400, 31
MOST_TRENDS = 60
TODAY, PAST = "trends-today.json", "trends.jsonl"
SECTOR_BYTES, MIB = 512, 1 << 20

UNITS = {
    "contactor_operations": "", "module_temperature": "°C", "lost_polls": "", "bytes_written": "MiB",
    "flash_wear": "%", "link_outages": "", "link_outage_time": "min",
}  # fmt: skip
"""The measures, in the order in which people see them."""

Key = tuple[str, str]
"""Name and subject."""


class Day(msgspec.Struct, frozen=True):
    """`values` and `counters` by `NAME SUBJECT`; a counter is what was heard last of something that only grows."""

    day: str
    values: dict[str, float] = {}
    counters: dict[str, float] = {}


class Seen(msgspec.Struct, frozen=True):
    """What is measured now: `counters` grow (the day has their growth), of `peaks` the largest counts, of `levels` the
    last."""

    counters: dict[Key, float]
    peaks: dict[Key, float]
    levels: dict[Key, float]


def seen(states: Mapping[str, State], day: str, sys: Path) -> Seen:
    """The measures in the states and in the kernel's files."""
    counters: dict[Key, float] = {}
    peaks: dict[Key, float] = {}
    levels: dict[Key, float] = {}
    for topic, state in sorted(states.items()):
        if isinstance(state, OutputState) and state.function is OutputFunction.CONTACTOR:
            counters["contactor_operations", topic] = state.operations
        elif isinstance(state, PortState):
            counters["lost_polls", topic] = state.no_answer + state.bad_frame
        elif isinstance(state, ReaderState):
            counters["lost_polls", topic] = state.errors
        elif isinstance(state, ModulesState):
            heats = [each.temperature_c for each in state.modules if each.is_online and each.temperature_c is not None]
            plausible = [each for each in heats if -100 <= each <= 200]
            if plausible:
                peaks["module_temperature", topic] = max(plausible)
        elif isinstance(state, LinkStatistics):
            for each in state.days:
                if each.day == day:
                    levels["link_outages", "link"] = each.outages
                    levels["link_outage_time", "link"] = round(each.outage_s / 60, 1)
    for block in blocks(sys):
        sectors = _sectors_written(block)
        if sectors is not None:
            counters["bytes_written", f"disk/{block.name}"] = sectors * SECTOR_BYTES / MIB
        life = life_pct(block)
        if life is not None:
            levels["flash_wear", f"disk/{block.name}"] = life
    return Seen(counters, peaks, levels)


def _sectors_written(block: Path) -> int | None:
    """Since the boot (Documentation/block/stat.rst of the kernel: the seventh number)."""
    try:
        return int((block / "stat").read_text(encoding="ascii").split()[6])
    except (OSError, ValueError, IndexError):
        return None


def grown(today: Day, now: Seen) -> Day:
    """The day with what is measured now. A counter that is less than before has begun anew."""
    values, counters = dict(today.values), dict(today.counters)
    for key, value in now.counters.items():
        name = " ".join(key)
        before = counters.get(name, value)
        values[name] = values.get(name, 0.0) + (value - before if value >= before else value)
        counters[name] = value
    for key, value in now.peaks.items():
        name = " ".join(key)
        values[name] = max(values.get(name, value), value)
    for key, value in now.levels.items():
        values[" ".join(key)] = value
    return Day(today.day, values, counters)


def as_trends(days: Iterable[Day]) -> tuple[Trend, ...]:
    """Each measure of each thing over the days from its first one on."""
    all_days = sorted({each.day: each for each in days}.values(), key=lambda each: each.day)[-DAYS:]
    keys = sorted(
        {key for each in all_days for key in each.values if key.partition(" ")[0] in UNITS},
        key=lambda key: (list(UNITS).index(key.partition(" ")[0]), key),
    )
    made = []
    for key in keys[:MOST_TRENDS]:
        name, _, subject = key.partition(" ")
        first = next(at for at, each in enumerate(all_days) if key in each.values)
        rows = [(each.day, each.values.get(key)) for each in all_days[first:]]
        shown = tuple(None if value is None else round(value, 1) for _, value in rows)
        made.append(
            Trend(name=name, subject=subject, unit=UNITS[name], days=tuple(day for day, _ in rows), values=shown)
        )
    return tuple(made)


class Trends:
    """Serves `ReadTrends`. `states` are all of the bus."""

    def __init__(self, context: Context, states: StateView, *, sys: Path = Path("/sys")) -> None:
        self._context, self._states, self._sys = context, states, sys
        self._past: list[Day] = read_past(context.data / PAST)
        self._today: Day | None = read_today(context.data / TODAY)
        context.bus.serve(ReadTrends, self._read)

    async def run(self) -> None:
        """Until cancelled. While the time is not known nothing is counted."""
        loop = asyncio.get_running_loop()
        saved_s = loop.time()
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if self._context.clock.is_set:
                    self._look()
                if loop.time() - saved_s >= SAVE_S:
                    saved_s = loop.time()
                    self._save()
        finally:
            self._save()

    def _look(self) -> None:
        day = self._context.clock.now().date().isoformat()
        if self._today is None or self._today.day != day:
            before = self._today
            if before is not None and before.values and before.day < day:
                self._close(before)
            self._today = Day(day, counters=before.counters if before is not None else {})
        found = ((topic, self._states.get(topic)) for topic in self._states.topics())
        known = {topic: state for topic, state in found if state is not None}
        self._today = grown(self._today, seen(known, day, self._sys))

    def _close(self, day: Day) -> None:
        """A day is over: its line is written."""
        over = Day(day.day, day.values)
        self._past = [each for each in self._past if each.day != over.day] + [over]
        path = self._context.data / PAST
        try:
            if len(self._past) > DAYS + SPARE_DAYS:
                self._past = sorted(self._past, key=lambda each: each.day)[-DAYS:]
                whole_file.write(path, b"".join(_line(each) for each in self._past))
                return
            with path.open("ab") as file:
                file.write(b"\n" + _line(over))  # a line that was torn ends here
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.error("%s: the day %s is not kept: %s", path, over.day, error)

    def _save(self) -> None:
        if self._today is None:
            return
        try:
            whole_file.write(self._context.data / TODAY, msgspec.json.encode(self._today))
        except OSError as error:
            log.error("%s: %s", self._context.data / TODAY, error)

    async def _read(self, _request: ReadTrends, _sender: str) -> TrendsPage:
        today = [] if self._today is None else [self._today]
        return TrendsPage(trends=as_trends([*self._past, *today]))


def _line(day: Day) -> bytes:
    return msgspec.json.encode(day) + b"\n"


def read_past(path: Path) -> list[Day]:
    """The days on record, oldest first; of two lines of a day the last counts."""
    found: dict[str, Day] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    for line in lines:
        if line:
            try:
                day = msgspec.json.decode(line, type=Day)
            except msgspec.DecodeError:
                continue
            found[day.day] = day
    return sorted(found.values(), key=lambda each: each.day)[-DAYS:]


def read_today(path: Path) -> Day | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Day)
    except (OSError, msgspec.DecodeError):
        return None
