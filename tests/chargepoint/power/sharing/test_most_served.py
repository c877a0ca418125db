"""Whom the power reaches: against trying every set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.power.sharing.most_served import Load, Room, most_served

LINES = [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)]


def a_load(number: int, size: int, lines: tuple[int, ...]) -> Load:
    """`size` A on each of its lines, at 230 V."""
    return Load(number, (230.0 * size * sum(lines), *(float(size * line) for line in lines)))


def fits(loads: Sequence[Load], room: Room) -> bool:
    return all(math.fsum(load.takes[index] for load in loads) <= have + 1e-9 for index, have in enumerate(room))


def best_by_trying(ranked: Sequence[Load], room: Room) -> set[int]:
    """The largest set that fits; of these the first in the order of ranks."""
    for size in range(len(ranked), 0, -1):
        for loads in itertools.combinations(ranked, size):
            if fits(loads, room):
                return {load.number for load in loads}
    return set()


LOADS = st.lists(st.tuples(st.integers(0, 16), st.sampled_from(LINES)), max_size=8)
A_LINE = st.just(math.inf) | st.integers(0, 60).map(float)
ROOM = st.tuples(st.integers(0, 20_000).map(float), A_LINE, A_LINE, A_LINE)


@settings(max_examples=300)
@given(LOADS, ROOM)
def test_as_many_as_can_be_and_of_these_the_best_ranked(sizes: list[tuple[int, tuple[int, ...]]], room: Room) -> None:
    ranked = [a_load(number, size, lines) for number, (size, lines) in enumerate(sizes, start=1)]
    assert most_served(ranked, room) == best_by_trying(ranked, room)


def test_a_bound_on_one_line_alone_does_not_make_one_and_three_phase_cars_alike() -> None:
    three, one = a_load(1, 2, (1, 1, 1)), a_load(2, 3, (1, 0, 0))
    assert most_served([three, one], (1380.0, 2.0, math.inf, math.inf)) == {1}


def test_dozens_of_connectors_on_mixed_phases_are_settled_within_the_bound() -> None:
    ranked = [a_load(number, 6 + number % 5, LINES[number % 7]) for number in range(64)]
    room = (80_000.0, 110.0, 100.0, 120.0)
    served = most_served(ranked, room)
    assert fits([load for load in ranked if load.number in served], room)
    assert len(served) >= 30
