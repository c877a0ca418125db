"""A chart in one sentence for each line, for who cannot see it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from webconfig.words import Words

Points = Sequence[tuple[float, float]]
"""When and how much; without the points between extremes, which say nothing more."""


def sentence(unit: str, lines: Iterable[tuple[str, Points]], words: Words, digits: int = 1) -> str:
    """ "Measured: 64 kW at 12:00, highest 70 kW at 12:10, 20 kW at 12:40." for each (name, points)."""
    return " ".join(_of_line(name, points, unit, words, digits) for name, points in lines) or words("charts.nothing")


def _of_line(name: str, points: Points, unit: str, words: Words, digits: int) -> str:
    if not points:
        return words("charts.line_nothing", name=name)

    def of(point: tuple[float, float]) -> dict[str, str]:
        at = datetime.fromtimestamp(point[0], UTC).astimezone()
        return {"value": f"{words.number(point[1], digits)} {unit}".strip(), "at": f"{at:%H:%M}"}

    first, last = points[0], points[-1]
    values = [value for _, value in points]
    high, low = points[values.index(max(values))], points[values.index(min(values))]
    if high[1] == low[1]:
        return words("charts.line_level", name=name, **of(first))
    parts = [words("charts.line_first", name=name, **of(first))]
    if high[1] > max(first[1], last[1]):
        parts.append(words("charts.line_high", **of(high)))
    if low[1] < min(first[1], last[1]):
        parts.append(words("charts.line_low", **of(low)))
    parts.append(words("charts.line_last", **of(last)))
    return ", ".join(parts) + "."
