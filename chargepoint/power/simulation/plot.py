"""The picture of a day as SVG: power of each connector, stacked, under what the grid leaves; who was there; what moved.

Text for text: no drawing library. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from chargepoint.power.simulation.day import Day, Sample, Visit
from chargepoint.power.simulation.scenario import seconds, time_of_day

WIDTH = 1200
LEFT, RIGHT, TOP = 74, 24, 84
PANEL = 380
GAP = 46
ROW = 24
BELOW = 92
COLUMNS = WIDTH - LEFT - RIGHT
"""One pixel each."""

COLOURS = (
    "#3b78b5", "#e08a2e", "#4c9f60", "#b5557f", "#7f6bb8", "#3aa6a6", "#a3803d", "#d0604f", "#6d93d1", "#8fae3f",
    "#9a5b9c", "#5f7f86",
)  # fmt: skip
"""Of connectors, in their order; they come again after the twelfth."""
INK, PALE, LIMIT, WAIT = "#2b2f36", "#dfe3e8", "#b3261e", "#d64545"


def svg(day: Day) -> str:
    """The whole picture."""
    connectors = sorted(day.scenario.sockets)
    height = TOP + PANEL + GAP + ROW * len(connectors) + BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" font-size="13">',
        f'<defs><pattern id="wait" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="6" height="6" fill="#fff"/><rect width="3" height="6" fill="{WAIT}"/></pattern></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 30, day.scenario.name or "A day of a charging station", size=19, weight="bold"),
        _text(LEFT, 51, _summary(day), colour="#5a626d"),
        *_Picture(day, connectors).parts(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Picture:
    def __init__(self, day: Day, connectors: Sequence[int]) -> None:
        self.day = day
        self.connectors = connectors
        self.begins_s, self.ends_s = day.scenario.begins_s, day.scenario.ends_s
        self.per_column_s = (self.ends_s - self.begins_s) / COLUMNS
        self.colour = {number: COLOURS[place % len(COLOURS)] for place, number in enumerate(connectors)}
        self.means = _means(day.samples, connectors, self.begins_s, self.per_column_s)
        sums_w = [sum(column) for column in zip(*self.means, strict=True)]
        rooms_w = [each.room_w for each in day.samples if math.isfinite(each.room_w)]
        most_w = max(sums_w, default=0.0)
        shown_kw = max(most_w, min(max(rooms_w, default=0.0), most_w * 1.6), 1000.0) * 1.02 / 1000
        self.step_kw = _nice(shown_kw / 6)
        self.top_kw = self.step_kw * math.ceil(shown_kw / self.step_kw)

    def parts(self) -> Iterator[str]:
        yield from self._axes()
        yield from self._areas()
        yield from self._room()
        yield from self._notes()
        yield from self._rows()
        yield from self._legend()

    def x(self, at_s: float) -> float:
        return LEFT + (min(max(at_s, self.begins_s), self.ends_s) - self.begins_s) / self.per_column_s

    def y(self, power_w: float) -> float:
        return TOP + PANEL * (1 - min(power_w / 1000 / self.top_kw, 1.0))

    def _axes(self) -> Iterator[str]:
        bottom = TOP + PANEL + GAP + ROW * len(self.connectors)
        for count in range(round(self.top_kw / self.step_kw) + 1):
            kw = count * self.step_kw
            y = self.y(kw * 1000)
            yield _line(LEFT, y, LEFT + COLUMNS, y, PALE)
            yield _text(LEFT - 8, y + 4, f"{kw:g}", anchor="end")
        yield (
            f'<text transform="translate(22 {TOP + PANEL / 2:.0f}) rotate(-90)" text-anchor="middle" fill="{INK}">'
            "power into vehicles, kW</text>"
        )
        step_s = next(
            (each for each in (300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
             if (self.ends_s - self.begins_s) / each <= 13), 86400.0 * 7,
        )  # fmt: skip
        at_s = math.ceil(self.begins_s / step_s) * step_s
        while at_s <= self.ends_s:
            x = self.x(at_s)
            yield _line(x, TOP, x, bottom, PALE)
            yield _text(x, TOP + PANEL + 19, time_of_day(at_s), anchor="middle")
            at_s += step_s
        yield _line(LEFT, TOP + PANEL, LEFT + COLUMNS, TOP + PANEL, INK)
        yield _text(LEFT + COLUMNS, TOP + PANEL + 36, "time of day", anchor="end", colour="#5a626d", size=12)

    def _areas(self) -> Iterator[str]:
        below = [0.0] * COLUMNS
        for number, means in zip(self.connectors, self.means, strict=True):
            above = [low + more for low, more in zip(below, means, strict=True)]
            if any(means):
                yield (
                    f'<path d="{self._outline(above, below)}" fill="{self.colour[number]}" fill-opacity="0.88" '
                    f'stroke="#fff" stroke-width="0.4"><title>connector {number}</title></path>'
                )
            below = above

    def _outline(self, above: Sequence[float], below: Sequence[float]) -> str:
        """Along the upper edge to the right, along the lower one back; steps to half a pixel."""
        upper = [f"{round(2 * self.y(each)) / 2:g}" for each in above]
        lower = [f"{round(2 * self.y(each)) / 2:g}" for each in below]
        parts = [f"M{LEFT} {upper[0]}"]
        for column in range(1, COLUMNS):
            if upper[column] != upper[column - 1]:
                parts.append(f"H{LEFT + column}V{upper[column]}")
        parts.append(f"H{LEFT + COLUMNS}V{lower[-1]}")
        for column in range(COLUMNS - 1, 0, -1):
            if lower[column] != lower[column - 1]:
                parts.append(f"H{LEFT + column}V{lower[column - 1]}")
        return "".join(parts) + f"H{LEFT}Z"

    def _room(self) -> Iterator[str]:
        points, last_y = [], None
        for sample in self.day.samples:
            y = self.y(sample.room_w) if math.isfinite(sample.room_w) else TOP
            if y == last_y:
                continue
            x = self.x(sample.at_s)
            points.append(f"M{x:.1f} {y:.1f}" if last_y is None else f"H{x:.1f}V{y:.1f}")
            last_y = y
        if points and any(math.isfinite(each.room_w) for each in self.day.samples):
            yield (
                f'<path d="{"".join(points)}H{LEFT + COLUMNS}" fill="none" stroke="{LIMIT}" stroke-width="1.8" '
                'stroke-dasharray="7 4"/>'
            )

    def _notes(self) -> Iterator[str]:
        ends = [-math.inf, -math.inf, -math.inf]
        for event in self.day.scenario.events:
            at_s = seconds(event.at)
            if not event.note or not self.begins_s <= at_s < self.ends_s:
                continue
            x, wide = self.x(at_s), 6.3 * len(event.note) + 14
            is_left = x + wide > LEFT + COLUMNS
            begin = x - wide if is_left else x
            level = next((place for place, end in enumerate(ends) if end <= begin), 0)
            ends[level] = begin + wide
            y = TOP - 8 + 16 * level
            yield f'<path d="M{x:.1f} {y - 9}V{TOP + PANEL}" stroke="{INK}" stroke-dasharray="2 3" fill="none"/>'
            edge = x - 4 if is_left else x + 4
            yield (
                f'<text x="{edge:.1f}" y="{y}" font-size="12" fill="{INK}" stroke="#fff" stroke-width="3" '
                f'paint-order="stroke" text-anchor="{"end" if is_left else "start"}">{escape(event.note)}</text>'
            )

    def _rows(self) -> Iterator[str]:
        top = TOP + PANEL + GAP
        place = {number: top + ROW * count for count, number in enumerate(self.connectors)}
        for number, y in place.items():
            yield _text(LEFT - 8, y + 16, f"{number}", anchor="end")
            yield _line(LEFT, y + ROW, LEFT + COLUMNS, y + ROW, PALE)
        middle = top + ROW * len(self.connectors) / 2
        yield (
            f'<text transform="translate(22 {middle:.0f}) rotate(-90)" text-anchor="middle" fill="{INK}">'
            f"{'connector' if len(self.connectors) > 2 else ''}</text>"
        )
        for visit in self.day.visits:
            yield from self._visit(visit, place[visit.connector])
        for x, width, number in _stretches(self.day.samples, self.x, self.ends_s):
            yield f'<rect x="{x:.1f}" y="{place[number] + 5}" width="{width:.1f}" height="14" fill="url(#wait)"/>'
        for switch in self.day.switches:
            x = self.x(switch.at_s)
            if switch.after is not None:
                y = place[switch.after] + 9
                yield f'<path d="M{x:.1f} {y - 6}l4 7h-8z" fill="{INK}"/>'
            if switch.before is not None and switch.after is not None:
                y = place[switch.before] + 15
                yield f'<path d="M{x:.1f} {y + 6}l4 -7h-8z" fill="#fff" stroke="{INK}" stroke-width="1"/>'

    def _visit(self, visit: Visit, y: float) -> Iterator[str]:
        colour = self.colour[visit.connector]
        left_s = self.ends_s if visit.left_s is None else visit.left_s
        plugged_s = left_s if visit.plugged_s is None else visit.plugged_s
        if plugged_s > visit.arrived_s:
            yield _line(self.x(visit.arrived_s), y + 2.5, self.x(plugged_s), y + 2.5, INK, 'stroke-dasharray="2 2"')
        if left_s > plugged_s:
            x, width = self.x(plugged_s), max(self.x(left_s) - self.x(plugged_s), 1.0)
            words = f"{visit.vehicle.name or 'vehicle'}: {visit.energy_wh / 1000:.1f} kWh"
            yield (
                f'<rect x="{x:.1f}" y="{y + 5}" width="{width:.1f}" height="14" fill="{colour}" fill-opacity="0.35">'
                f"<title>{escape(words)}</title></rect>"
            )
            ends_s = left_s if visit.finished_s is None else visit.finished_s
            began_s = min(visit.asks_since_s(), ends_s)
            x, width = self.x(began_s), self.x(ends_s) - self.x(began_s)
            yield f'<rect x="{x:.1f}" y="{y + 5}" width="{max(width, 0):.1f}" height="14" fill="{colour}"/>'

    def _legend(self) -> Iterator[str]:
        y = TOP + PANEL + GAP + ROW * len(self.connectors) + 30
        x = float(LEFT)
        for number in self.connectors:
            yield f'<rect x="{x:.0f}" y="{y - 11}" width="13" height="13" fill="{self.colour[number]}"/>'
            words = f"connector {number}" if len(self.connectors) <= 6 else f"{number}"
            yield _text(x + 18, y, words)
            x += 34 + 7.4 * len(words)
        if len(self.connectors) > 6:
            yield _text(x, y, "connectors")
        y += 28
        visits, samples, switches = self.day.visits, self.day.samples, self.day.switches
        arrow = f'<path d="M14 {{}}" fill="{{}}" stroke="{INK}"/>'
        kinds = (
            (
                any(math.isfinite(each.room_w) for each in samples),
                f'<path d="M0 -4h26" stroke="{LIMIT}" stroke-width="1.8" stroke-dasharray="7 4"/>',
                "what the grid leaves",
            ),
            (
                any(each.waiting for each in samples),
                '<rect x="4" y="-11" width="20" height="13" fill="url(#wait)"/>',
                "waits for power",
            ),
            (
                any(each.plugged_s is None or each.plugged_s > each.arrived_s for each in visits),
                f'<path d="M0 -4h26" stroke="{INK}" stroke-dasharray="2 2"/>',
                "waits for its connector",
            ),
            (
                any(each.after is not None for each in switches),
                arrow.format("-10l4 7h-8z", INK),
                "a group of modules comes",
            ),
            (
                any(each.before is not None and each.after is not None for each in switches),
                arrow.format("-3l4 -7h-8z", "#fff"),
                "leaves for another",
            ),
        )
        items = [(mark, words) for is_there, mark, words in kinds if is_there]
        x = float(LEFT)
        for mark, words in items:
            yield f'<g transform="translate({x:.0f} {y})">{mark}</g>'
            yield _text(x + 34, y, words)
            x += 62 + 6.9 * len(words)


def _summary(day: Day) -> str:
    served = [visit for visit in day.visits if visit.plugged_s is not None]
    words = [f"{day.energy_wh / 1000:.0f} kWh into {len(served)} vehicles"]
    if day.switches:
        words.append(f"{day.contactor_changes} contactor operations")
    waited_s = math.fsum(visit.waited_s for visit in served)
    if waited_s:
        words.append(f"{waited_s / 60:.0f} min waited for power")
    return ", ".join(words)


def _means(samples: Sequence[Sample], connectors: Sequence[int], begins_s: float, column_s: float) -> list[list[float]]:
    """Mean W of each connector in each column."""
    means = [[0.0] * COLUMNS for _ in connectors]
    place = {number: count for count, number in enumerate(connectors)}
    ends = [*(each.at_s for each in samples[1:]), begins_s + column_s * COLUMNS]
    for sample, end_s in zip(samples, ends, strict=False):
        first, last = (sample.at_s - begins_s) / column_s, (end_s - begins_s) / column_s
        for column in range(int(first), min(math.ceil(last), COLUMNS)):
            share = min(last, column + 1) - max(first, column)
            for number, power_w in sample.power_w.items():
                means[place[number]][column] += power_w * share
    return [[round(value, 1) for value in line] for line in means]


def _stretches(
    samples: Sequence[Sample], x: Callable[[float], float], ends_s: float
) -> Iterator[tuple[float, float, int]]:
    """x, width and connector of each time in which a vehicle waited for power."""
    since: dict[int, float] = {}
    for at_s, waiting in [*((each.at_s, each.waiting) for each in samples), (ends_s, frozenset())]:
        for number in sorted(set(since) - set(waiting)):
            begun_s = since.pop(number)
            yield x(begun_s), max(x(at_s) - x(begun_s), 1.0), number
        for number in waiting:
            since.setdefault(number, at_s)


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... at or above a step."""
    power = 10.0 ** math.floor(math.log10(max(step, 1e-3)))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= step * 0.999)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" fill="none" {more}/>'


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, weight: str = "normal", colour: str = INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(words)}</text>'
    )
