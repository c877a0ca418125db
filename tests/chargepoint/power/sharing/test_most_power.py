"""The most W within a few bounds, against scipy where it is there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.power.sharing.most_power import most_w

SIZES = st.sampled_from([0.0, 1.0, 2.0, 3.0])


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 4))
def test_nothing_else_gives_more(data: st.DataObject, count: int, rows: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    costs = [[data.draw(SIZES) for _ in range(count)] for _ in range(rows)]
    lows = [data.draw(st.sampled_from([0.0, 1.0])) for _ in range(count)]
    tops = [low + data.draw(st.sampled_from([0.0, 2.0, 5.0, 20.0])) for low in lows]
    room = [
        sum(cost * low for cost, low in zip(row, lows, strict=True)) + data.draw(st.sampled_from([0.0, 1.0, 7.0, 30.0]))
        for row in costs
    ]
    found = most_w(costs, room, lows, tops)
    best = optimize.linprog([-1.0] * count, costs, room, bounds=list(zip(lows, tops, strict=True)))
    assert sum(found) == pytest.approx(-best.fun, abs=1e-6)
    for value, low, top in zip(found, lows, tops, strict=True):
        assert low - 1e-9 <= value <= top + 1e-9
    for row, have in zip(costs, room, strict=True):
        assert sum(cost * value for cost, value in zip(row, found, strict=True)) <= have + 1e-6
