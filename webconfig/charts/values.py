"""What a chart is made of, and how many points become few without losing a peak. Pure; times are unix seconds."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import sub

import msgspec

STYLES = 8
"""Looks of lines and bars (`.c0` ... `.c7` of charts.css): each has a colour and a dash or hatch of its own."""


class Span(msgspec.Struct, frozen=True):
    """From when to when a chart goes; all charts of one page share it."""

    from_s: float
    to_s: float

    @property
    def width_s(self) -> float:
        return max(self.to_s - self.from_s, 1.0)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Values over time, oldest first; None (or NaN) where there is none: the line is broken there.

    `short` (at most 6 characters) stands at the end of the line, `name` in the legend. `gap_s`: longer without a value
    breaks it, too (0: four times the usual distance). `is_step`: a value holds until the next one. `style` 0 to 7.
    """

    name: str
    at_s: Sequence[float]
    values: Sequence[float | None]
    short: str = ""
    style: int = 0
    is_step: bool = False
    gap_s: float = 0.0


class Area(Line, frozen=True, kw_only=True):
    """A line with what is below it hatched: a limit in force."""


class Level(msgspec.Struct, frozen=True):
    """A bound that does not change: a dashed line across the chart."""

    name: str
    value: float


class Mark(msgspec.Struct, frozen=True):
    """Something that happened. `kind`: `start`, `stop`, `limit`, `error`, `note`; each has a sign of its own."""

    at_s: float
    text: str
    kind: str = "note"


class Band(msgspec.Struct, frozen=True):
    """A stretch of the strip above a chart (the status of a controller); `style` 0 to 7."""

    from_s: float
    to_s: float
    name: str
    style: int = 0


class Row(msgspec.Struct, frozen=True):
    """One kind of bars: a value for each label of the chart."""

    name: str
    values: Sequence[float | None]
    style: int = 0


def steps(changes: Iterable[tuple[float, float | None]], until_s: float) -> tuple[list[float], list[float | None]]:
    """`at_s` and `values` of a step line from changes (when, to what), holding its last value until `until_s`.

    Changes that change nothing are left out.
    """
    at: list[float] = []
    values: list[float | None] = []
    for when, value in sorted(changes, key=lambda change: change[0]):
        if values and values[-1] == value:
            continue
        at.append(when)
        values.append(value)
    if at and at[-1] < until_s:
        at.append(until_s)
        values.append(values[-1])
    return at, values


def is_value(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def usual_gap_s(at_s: Sequence[float]) -> float:
    """Four times the usual distance of two values: longer is a gap."""
    if len(at_s) < 3:
        return math.inf
    few = at_s[:: max(1, len(at_s) // 50)] if len(at_s) < 100 else at_s[:101]
    apart = sorted(after - before for before, after in itertools.pairwise(few))
    return 4.0 * max(apart[len(apart) // 2], 1.0)


def columns(line: Line, span: Span, count: int) -> Iterator[list[tuple[float, float]]]:
    """The unbroken stretches of a line within the span, of each of `count` columns only its least and greatest value.

    The first and the last value of a stretch stay as they are.
    """
    gap_s = line.gap_s or (math.inf if line.is_step else usual_gap_s(line.at_s))
    whole = None if line.is_step else _unbroken(line, span, gap_s)
    if whole is not None:
        if whole[0]:
            yield _columns_of_whole(*whole, span, count)
        return
    per_s = count / span.width_s
    from_s, to_s = span.from_s, span.to_s
    stretch: list[tuple[float, float]] = []
    column, low, high, last, before_s = -1, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), -math.inf
    for at, value in held(line, span) if line.is_step else zip(line.at_s, line.values, strict=True):
        if at < from_s or at > to_s:
            continue
        is_break = value is None or not -math.inf < value < math.inf
        if is_break or at - before_s > gap_s:
            if column >= 0:
                _put(stretch, low, high, last)
                yield stretch
                stretch, column = [], -1
            if is_break:
                before_s = at
                continue
        assert value is not None
        here = int((at - from_s) * per_s)
        point = (at, value)
        if column < 0:
            stretch = [point]
            column, low, high = here, point, point
        elif here != column:
            _put(stretch, low, high, None)
            column, low, high = here, point, point
        elif value < low[1]:
            low = point
        elif value > high[1]:
            high = point
        last, before_s = point, at
    if column >= 0:
        _put(stretch, low, high, last)
        yield stretch


def _unbroken(line: Line, span: Span, gap_s: float) -> tuple[Sequence[float], Sequence[float]] | None:
    """Moments and values within the span, when nothing is missing between them; else None."""
    first, last = bisect_left(line.at_s, span.from_s), bisect_right(line.at_s, span.to_s)
    at, values = line.at_s[first:last], line.values[first:last]
    begin = next((n for n, value in enumerate(values) if value is not None), len(values))
    end = next((n for n in range(len(values), 0, -1) if values[n - 1] is not None), 0)
    at, values = at[begin:end], values[begin:end]
    if not values:
        return (), ()
    if None in values or not math.isfinite(sum(values)):  # type: ignore[arg-type]
        return None
    if len(at) > 1 and max(map(sub, at[1:], at)) > gap_s:
        return None
    return at, values  # type: ignore[return-value]


def _columns_of_whole(
    at: Sequence[float], values: Sequence[float], span: Span, count: int
) -> list[tuple[float, float]]:
    """The same as point by point, a column at a time."""
    found = [(at[0], values[0])]
    per_s = count / span.width_s
    begin, many = 0, len(at)
    while begin < many:
        column = int((at[begin] - span.from_s) * per_s)
        end = bisect_left(at, span.from_s + (column + 1) / per_s, begin + 1)
        part = values[begin:end]
        low, high = min(part), max(part)
        first = part.index(low)
        found.append((at[begin + first], low))
        if high != low:
            second = part.index(high)
            found.insert(len(found) - (second < first), (at[begin + second], high))
        begin = end
    found.append((at[-1], values[-1]))
    return found


def held(line: Line, span: Span) -> Iterator[tuple[float, float | None]]:
    """The values of a step line with what held when the span began, and what holds when it ends."""
    before: float | None = None
    has_begun = False
    at = -math.inf
    for at, value in zip(line.at_s, line.values, strict=True):
        if at > span.from_s and not has_begun:
            has_begun = True
            if before is not None:
                yield span.from_s, before
        if at > span.to_s:
            yield span.to_s, before
            return
        if at >= span.from_s:
            yield at, value
        before = value


def _put(
    stretch: list[tuple[float, float]],
    low: tuple[float, float],
    high: tuple[float, float],
    last: tuple[float, float] | None,
) -> None:
    first, second = (low, high) if low[0] <= high[0] else (high, low)
    stretch.append(first)
    if second is not first:
        stretch.append(second)
    if last is not None and last is not second:
        stretch.append(last)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round values that cover low to high in about `count` steps of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low, low + 1.0]
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


TIME_STEPS_S = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000)


def time_ticks(span: Span, count: int, offset_s: float) -> tuple[list[float], float]:
    """Round moments within the span and their distance; `offset_s` is local time minus UTC."""
    step = next((step for step in TIME_STEPS_S if step >= span.width_s / count), TIME_STEPS_S[-1])
    first = math.ceil((span.from_s + offset_s) / step) * step - offset_s
    return [first + number * step for number in range(int((span.to_s - first) // step) + 1)], float(step)
