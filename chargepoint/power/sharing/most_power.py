"""The most W that fit in the room: a small linear program by the simplex method with bounds. Pure, deterministic.

Maximise the sum of x, rows of costs times x within the room, each x between its low and its top.
"""

from __future__ import annotations

from collections.abc import Sequence

TINY = 1e-9
MOST_PIVOTS = 200


def most_w(
    costs: Sequence[Sequence[float]], room: Sequence[float], lows: Sequence[float], tops: Sequence[float]
) -> list[float]:
    """x by variable. `costs[row][variable]` and `room[row]` are at least 0; lows that do not fit are given all the
    same."""
    count, rows = len(lows), len(room)
    spans = [max(0.0, top - low) for low, top in zip(lows, tops, strict=True)]
    right = [
        max(0.0, have - sum(cost * low for cost, low in zip(row, lows, strict=True)))
        for row, have in zip(costs, room, strict=True)
    ]
    table = [[*row, *(1.0 if place == own else 0.0 for place in range(rows))] for own, row in enumerate(costs)]
    gain = [1.0] * count + [0.0] * rows
    basis = [count + row for row in range(rows)]
    is_high = [False] * (count + rows)
    limits = [*spans, *[float("inf")] * rows]
    for _ in range(MOST_PIVOTS):
        entering = _entering(gain, basis, is_high, limits)
        if entering is None:
            break
        sign = -1.0 if is_high[entering] else 1.0
        step, leaving, to_high = limits[entering], None, False
        for row in range(rows):
            change = sign * table[row][entering]
            if change > TINY:
                reach, high = right[row] / change, False
            elif change < -TINY and limits[basis[row]] < float("inf"):
                reach, high = (limits[basis[row]] - right[row]) / -change, True
            else:
                continue
            if reach < step - TINY or (leaving is not None and reach <= step and basis[row] < basis[leaving]):
                step, leaving, to_high = max(0.0, reach), row, high
        for row in range(rows):
            right[row] -= sign * step * table[row][entering]
        if leaving is None:
            is_high[entering] = not is_high[entering]
            continue
        value = (limits[entering] if is_high[entering] else 0.0) + sign * step
        is_high[basis[leaving]], is_high[entering] = to_high, False
        basis[leaving], right[leaving] = entering, value
        _pivot(table, gain, leaving, entering)
    found = [low + (span if high else 0.0) for low, span, high in zip(lows, spans, is_high, strict=False)]
    for row, variable in enumerate(basis):
        if variable < count:
            found[variable] = lows[variable] + min(max(right[row], 0.0), spans[variable])
    return found


def _entering(
    gain: Sequence[float], basis: Sequence[int], is_high: Sequence[bool], limits: Sequence[float]
) -> int | None:
    """The first variable whose change raises the sum (no circles)."""
    inside = set(basis)
    for variable, value in enumerate(gain):
        if (
            variable not in inside
            and limits[variable] > TINY
            and (value < -TINY if is_high[variable] else value > TINY)
        ):
            return variable
    return None


def _pivot(table: list[list[float]], gain: list[float], row: int, column: int) -> None:
    own = table[row]
    factor = own[column]
    own[:] = [value / factor for value in own]
    for other, line in enumerate(table):
        if other != row and line[column]:
            share = line[column]
            line[:] = [value - share * mine for value, mine in zip(line, own, strict=True)]
    share = gain[column]
    gain[:] = [value - share * mine for value, mine in zip(gain, own, strict=True)]
