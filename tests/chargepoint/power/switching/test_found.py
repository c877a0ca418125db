"""Scenarios in which a rule was broken once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.chargepoint.power.switching import properties
from tests.chargepoint.power.switching.scenarios import Event, Scenario


def after(topology: str, *events: tuple[float, str, int, int], **more: Any) -> Scenario:
    """Events as (gap s, what, who, how)."""
    return Scenario(topology=topology, events=tuple(Event(*each) for each in events), **more)


FOUND: dict[str, tuple[Callable[[Scenario], list[str]], Scenario]] = {
    "a group does not join a dead output at which another one has just been started": (
        properties.reaches_what_is_wanted,
        after(
            "full 3x4", (0, "start", 4, 4), (0.1, "want", 0, 9), (1.0, "want", 1, 34),
            surroundings=2, contactors=((0, 3), (2, 4)), tick_s=0.2,
        ),
    ),
    "two groups join one that gives all, measured late: no dip": (
        properties.reaches_what_is_wanted,
        after("full 3x4", (0, "start", 0, 0), (0.1, "want", 0, 0), surroundings=2),
    ),
    "load is taken over without a jump after a group has left": (
        properties.reaches_what_is_wanted,
        after("half 4x6", (0, "start", 9, 9), (0.1, "want", 0, 36), (9, "start", 7, 39), surroundings=1),
    ),
    "what reckoning leaves of nothing does not keep a group from leaving": (
        properties.reaches_what_is_wanted,
        after(
            "ring 4", (0, "start", 2, 2), (0, "start", 4, 4), (0, "start", 1, 1), (0.1, "want", 0, 24),
            (1.5, "want", 9, 28), (1.5, "want", 2, 34), (0.7, "request", 3, 32), (4, "stop", 9, 40),
            surroundings=1, contactors=((11, 4), (5, 3)), tick_s=0.05,
        ),
    ),
    "what is taken over is not ordered open under current though another contactor is late": (
        properties.keeps_the_rules,
        after(
            "full 3x4", (0, "start", 1, 1), (0, "start", 3, 3), (0, "start", 2, 2), (0.1, "want", 0, 20),
            (1.5, "want", 9, 37), (0.3, "force", 0, 24), (1.5, "restart", 6, 23), tick_s=0.05,
        ),
    ),
    "what was opening when a new sequencer began is not closed again": (
        properties.survives_restarts,
        after(
            "ring 4", (0, "start", 8, 8), (0.1, "want", 0, 31), (0, "request", 11, 3), (0.3, "want", 10, 5),
            (9, "stop", 6, 35), (0, "stop", 2, 15), (0.1, "want", 7, 27), (9, "start", 11, 22), (0.1, "want", 8, 34),
            surroundings=1, contactors=((4, 3), (2, 4), (3, 2)), tick_s=0.05,
        ),
    ),
    "what goes from battery to battery over a fault is nobody's order": (
        properties.keeps_the_rules,
        after(
            "ring 4", (0, "start", 0, 0), (0, "start", 11, 11), (0.1, "want", 0, 5), (20, "force", 6, 2),
            (4.5, "start", 2, 10), surroundings=2, contactors=((8, 1), (2, 3)), tick_s=0.2,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_does_not_come_back(name: str) -> None:
    holds, scenario = FOUND[name]
    assert holds(scenario) == []
