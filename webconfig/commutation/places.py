"""Where everything of a commutation scheme stands, px. Pure.

A bus is a straight line: level ones (rows) begin at a group, upright ones (columns) lead to an output. A contactor sits
where its row crosses its column; one between two rows is upright in a lane of its own beside the groups, one between
two columns is level in a lane below them. A crossing without a switch or a dot joins nothing.

Wide: outputs to the right. Tall (phones): outputs below the groups, columns lead down to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from webconfig.commutation.scheme import Contactor, Scheme

TILE_W, TILE_H, GAP, PAD, HEAD = 124, 46, 8, 6, 18
PITCH = 46
OUTPUT_W, OUTPUT_H = 148, 60
EDGE = 10
STUB = 14


class Box(msgspec.Struct, frozen=True):
    x: int
    y: int
    w: int
    h: int

    @property
    def middle_y(self) -> int:
        return self.y + self.h // 2


class Spot(msgspec.Struct, frozen=True):
    """A contactor: the middle of its switch, and the two ends of its own line where it has one."""

    contactor: Contactor
    x: int
    y: int
    ends: tuple[tuple[int, int], tuple[int, int]] | None = None


class Wire(msgspec.Struct, frozen=True):
    """A bus: its strokes (each a row of points) and its joints."""

    bus: str
    strokes: tuple[tuple[tuple[int, int], ...], ...]
    dots: tuple[tuple[int, int], ...] = ()


class Places(msgspec.Struct, frozen=True):
    """The whole picture; boxes by place in the scheme."""

    width: int
    height: int
    groups: tuple[Box, ...]
    tiles: tuple[tuple[Box, ...], ...]
    outputs: tuple[Box, ...]
    spots: tuple[Spot, ...]
    wires: tuple[Wire, ...]


def placed(scheme: Scheme, *, is_tall: bool = False) -> Places:
    """Any number of groups, contactors and outputs."""
    return _Placing(scheme, is_tall).places()


class _Placing:
    def __init__(self, scheme: Scheme, is_tall: bool) -> None:
        self.scheme = scheme
        self.is_tall = is_tall
        self.rows: dict[str, int] = {}
        self.columns: dict[str, int] = {}
        self.strokes: dict[str, list[tuple[tuple[int, int], ...]]] = {}
        self.reach: dict[str, list[int]] = {}
        self.dots: dict[str, set[tuple[int, int]]] = {}
        self.spots: list[Spot] = []

    def places(self) -> Places:
        groups, tiles, bottom = self._groups()
        left = max((box.x + box.w for box in groups), default=EDGE + TILE_W)
        upright = self._turned()
        own = [bus for bus in upright if bus not in {each.bus for each in self.scheme.outputs}]
        columns = [*own, *dict.fromkeys(each.bus for each in self.scheme.outputs if each.bus in upright)]
        crossings, beside, below = self._sorted(set(columns))
        lanes = _lanes([_span(each, self.rows) for each in beside])
        x = left + STUB + (PITCH // 2 if lanes else 0)
        for contactor, lane in zip(beside, lanes, strict=True):
            self._beside(contactor, x + lane * PITCH)
        x += (max(lanes, default=-1) + 1) * PITCH
        for bus in columns:
            x += PITCH if bus != columns[0] else PITCH // 2
            self.columns[bus] = x
        for contactor in crossings:
            self._crossing(contactor)
        bottom = self._below(below, bottom)
        outputs, right, bottom = self._outputs(left, x + PITCH // 2, bottom)
        self._rows(groups)
        for bus, ys in ((bus, self.reach.get(bus, [])) for bus in self.columns):
            if ys:
                self._stroke(bus, (self.columns[bus], min(ys)), (self.columns[bus], max(ys)))
        wires = tuple(
            Wire(bus, tuple(strokes), tuple(sorted(self.dots.get(bus, ())))) for bus, strokes in self.strokes.items()
        )
        return Places(
            right + EDGE, bottom + EDGE, tuple(groups), tuple(tiles), tuple(outputs), tuple(self.spots), wires
        )

    # ------------------------------------------------------------------------------------------------ groups

    def _groups(self) -> tuple[list[Box], list[tuple[Box, ...]], int]:
        most = max((len(group.modules) for group in self.scheme.groups), default=1)
        across = 1 if most <= 6 else 2 if most <= 16 or self.is_tall else 3
        boxes, tiles, y = [], [], EDGE
        for group in self.scheme.groups:
            head = 0 if len(group.modules) == 1 else HEAD
            inner, down = [], -(-len(group.modules) // across)
            for n in range(len(group.modules)):
                row, column = divmod(n, across)
                tx, ty = EDGE + PAD + column * (TILE_W + 4), y + PAD + head + row * (TILE_H + 4)
                inner.append(Box(tx, ty, TILE_W, TILE_H))
            width = across * (TILE_W + 4) - 4 + 2 * PAD
            box = Box(EDGE, y, width, head + max(down * (TILE_H + 4) - 4, 10) + 2 * PAD)
            boxes.append(box)
            tiles.append(tuple(inner))
            self.rows.setdefault(group.bus, box.middle_y)
            y += box.h + GAP
        return boxes, tiles, y

    def _turned(self) -> list[str]:
        """Buses that are not those of groups: each upright beside a level one and the other way round."""
        level, upright, edge = set(self.rows), [], list(self.rows)
        near: dict[str, list[str]] = {}
        for each in self.scheme.contactors:
            near.setdefault(each.one, []).append(each.other)
            near.setdefault(each.other, []).append(each.one)
        for output in self.scheme.outputs:
            near.setdefault(output.bus, [])
        seen = set(level)
        turn = True
        while edge:
            fresh = sorted({other for bus in edge for other in near.get(bus, ()) if other not in seen})
            seen.update(fresh)
            upright += fresh if turn else []
            if not turn:
                self._later_rows(fresh)
            edge, turn = fresh, not turn
        upright += sorted(set(near) - seen)
        return upright

    def _later_rows(self, buses: Sequence[str]) -> None:
        """Level buses without a group: below those with one, in the order of the outputs."""
        y = max(self.rows.values(), default=0) + OUTPUT_H // 2 + GAP
        for bus in buses:
            y += PITCH
            self.rows[bus] = y

    def _rows(self, groups: Sequence[Box]) -> None:
        for group, box in zip(self.scheme.groups, groups, strict=True):
            y, edge = self.rows[group.bus], box.x + box.w
            if box.middle_y != y:
                stub = edge + STUB // 2
                self._stroke(group.bus, (edge, box.middle_y), (stub, box.middle_y), (stub, y))
                self._dot(group.bus, stub, y)
            self.reach.setdefault(group.bus, []).append(edge)
        for bus, y in self.rows.items():
            xs = self.reach.get(bus, [])
            if xs and max(xs) > min(xs):
                self._stroke(bus, (min(xs), y), (max(xs), y))

    # ------------------------------------------------------------------------------------------------ contactors

    def _sorted(self, columns: set[str]) -> tuple[list[Contactor], list[Contactor], list[Contactor]]:
        crossings, beside, below = [], [], []
        taken = set()
        for each in self.scheme.contactors:
            pair = {each.one, each.other}
            upright = pair & columns
            key = frozenset(pair)
            if len(upright) == 2 or (len(upright) == 1 and key in taken):
                below.append(each)
            elif len(upright) == 1:
                taken.add(key)
                crossings.append(each)
            else:
                beside.append(each)
        beside.sort(key=lambda each: (_length(_span(each, self.rows)), _span(each, self.rows), each.name))
        return crossings, beside, below

    def _beside(self, contactor: Contactor, x: int) -> None:
        top, low = _span(contactor, self.rows)
        between = sorted({top, low, *(y for y in self.rows.values() if top < y < low)})
        one, two = max(pairwise(between), key=lambda gap: gap[1] - gap[0], default=(top, low))
        self.spots.append(Spot(contactor, x, (one + two) // 2, ((x, top), (x, low))))
        for bus in (contactor.one, contactor.other):
            self.reach.setdefault(bus, []).append(x)
            self._dot(bus, x, self.rows[bus])

    def _crossing(self, contactor: Contactor) -> None:
        row, column = (
            (contactor.one, contactor.other) if contactor.one in self.rows else (contactor.other, contactor.one)
        )
        x, y = self.columns[column], self.rows[row]
        self.reach.setdefault(row, []).append(x)
        self.reach.setdefault(column, []).append(y)
        self.spots.append(Spot(contactor, x, y))

    def _below(self, contactors: Sequence[Contactor], bottom: int) -> int:
        bottom = max(bottom, *(y + PITCH // 2 for y in self.rows.values())) if self.rows else bottom
        at = self.columns
        spans = [_span(each, {**dict.fromkeys(self.rows, EDGE), **at}) for each in contactors]
        lanes = _lanes(spans)
        for contactor, span, lane in zip(contactors, spans, lanes, strict=True):
            y = bottom + PITCH // 2 + lane * PITCH
            between = sorted({*span, *(x for x in at.values() if span[0] < x < span[1])})
            one, two = max(pairwise(between), key=lambda gap: gap[1] - gap[0], default=span)
            self.spots.append(Spot(contactor, (one + two) // 2, y, ((span[0], y), (span[1], y))))
            for bus in (contactor.one, contactor.other):
                if bus in self.columns:
                    self.reach.setdefault(bus, []).append(y)
                    self._dot(bus, self.columns[bus], y)
        return bottom + (max(lanes, default=-1) + 1) * PITCH

    # ------------------------------------------------------------------------------------------------ outputs

    def _outputs(self, left: int, x: int, bottom: int) -> tuple[list[Box], int, int]:
        return self._below_groups(left, x, bottom) if self.is_tall else self._to_the_right(x, bottom)

    def _to_the_right(self, x: int, bottom: int) -> tuple[list[Box], int, int]:
        outputs = self.scheme.outputs
        step = max(OUTPUT_H + GAP, (bottom - EDGE) // max(1, len(outputs)))
        levels = list(self.rows.values())
        wanted = []
        for n, output in enumerate(outputs):
            y = self.rows.get(output.bus)
            wanted.append((EDGE + n * step + step // 2 if y is None else y, n))
        ys: dict[int, int] = {}
        last = EDGE - OUTPUT_H // 2 - GAP
        for want, n in sorted(wanted):
            y = max(want, last + OUTPUT_H + GAP, EDGE + OUTPUT_H // 2)
            is_level = outputs[n].bus in self.rows
            while not is_level and any(abs(y - level) < 18 for level in levels):
                y += 6
            ys[n] = last = y
        jogs = sum(outputs[n].bus in self.rows and self.rows[outputs[n].bus] != y for n, y in ys.items())
        edge = x + STUB + 6 * jogs
        boxes, jog = [], 0
        for n, output in enumerate(outputs):
            y = ys[n]
            boxes.append(Box(edge, y - OUTPUT_H // 2, OUTPUT_W, OUTPUT_H))
            if output.bus in self.columns:
                self.reach.setdefault(output.bus, []).append(y)
                self._stroke(output.bus, (self.columns[output.bus], y), (edge, y))
                self._dot(output.bus, self.columns[output.bus], y)
                continue
            row = self.rows[output.bus]
            turn = edge if row == y else x + 6 * (jog := jog + 1)
            self.reach.setdefault(output.bus, []).append(turn)
            if turn != edge:
                self._stroke(output.bus, (turn, row), (turn, y), (edge, y))
        return boxes, edge + OUTPUT_W, max(bottom, *(box.y + box.h for box in boxes)) if boxes else bottom

    def _below_groups(self, left: int, x: int, bottom: int) -> tuple[list[Box], int, int]:
        at: list[tuple[int, int]] = []
        for n, output in enumerate(self.scheme.outputs):
            if output.bus in self.columns:
                at.append((self.columns[output.bus], n))
            else:
                x += PITCH // 2
                at.append((x, n))
        boxes: dict[int, Box] = {}
        y = bottom + GAP
        for column, n in sorted(at):
            bus = self.scheme.outputs[n].bus
            boxes[n] = box = Box(EDGE, y, left - EDGE, OUTPUT_H)
            start = self.rows.get(bus, box.middle_y)
            if bus in self.rows:
                self.reach.setdefault(bus, []).append(column)
                self._dot(bus, column, start)
            else:
                self.reach.setdefault(bus, []).append(box.middle_y)
            self._stroke(bus, (column, start), (column, box.middle_y), (left, box.middle_y))
            y += OUTPUT_H + GAP
        return [boxes[n] for n in range(len(boxes))], max(x, left) + EDGE, y

    # ------------------------------------------------------------------------------------------------ lines

    def _stroke(self, bus: str, *points: tuple[int, int]) -> None:
        self.strokes.setdefault(bus, []).append(points)

    def _dot(self, bus: str, x: int, y: int) -> None:
        self.dots.setdefault(bus, set()).add((x, y))


def _span(contactor: Contactor, at: dict[str, int]) -> tuple[int, int]:
    one, other = at[contactor.one], at[contactor.other]
    return min(one, other), max(one, other)


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _lanes(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Each in the first lane in which it finds room beside others; ends may touch."""
    taken: list[list[tuple[int, int]]] = []
    found = []
    for start, end in spans:
        lane = next(
            (
                n
                for n, lane in enumerate(taken)
                if all(end <= a or b <= start for a, b in lane) and (start, end) not in lane
            ),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        found.append(lane)
    return found
