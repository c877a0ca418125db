"""What lights show: every status, every rhythm, at most 2.5 Hz, dimmed at night."""

from __future__ import annotations

import asyncio
from itertools import pairwise, product

import pytest

from chargepoint.clock import Clock
from chargepoint.station.cabinet.light_patterns import (
    CARD_SHOWN_S,
    FREE_IDLE_S,
    MOVING,
    PATTERNS,
    PLAIN_ROUNDS,
    PLAIN_STEP_S,
    Look,
    Night,
    Pattern,
    Rhythm,
    brightness,
    pattern_of,
    plain,
    render,
)
from chargepoint.station.cabinet.lights import WORST_FIRST, OwnLight
from chargepoint.vocabulary import ConnectorStatus
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Rgb

AVAILABLE, CHARGING, CHARGED = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.CHARGED
FRAMES_PER_S = 50


def flashes(levels: list[float]) -> int:
    """How often a light goes from dark to bright."""
    return sum(1 for before, now in pairwise(levels) if before < 0.5 <= now)


def test_every_status_has_a_pattern_of_its_own() -> None:
    assert set(PATTERNS) == set(ConnectorStatus)
    assert len({(p.colour, p.rhythm, p.period_s, p.blinks) for p in PATTERNS.values()}) == len(PATTERNS)
    assert set(WORST_FIRST) == set(Pattern)


@pytest.mark.parametrize(
    ("look", "shown"),
    [
        (Look(status=AVAILABLE), Pattern.AVAILABLE),
        (Look(status=AVAILABLE, is_reserved=True), Pattern.RESERVED),
        (Look(status=AVAILABLE, is_out_of_service=True, is_reserved=True), Pattern.OUT_OF_SERVICE),
        (Look(status=AVAILABLE, card="checked"), Pattern.CARD_CHECKED),
        (Look(status=CHARGING, card="refused"), Pattern.CARD_REFUSED),
        (Look(status=CHARGING), Pattern.CHARGING),
        (Look(status=CHARGING, soc_pct=0.0), Pattern.CHARGING_LEVEL),
        (Look(status=CHARGED, charged_s=10.0), Pattern.CHARGED),
        (Look(status=CHARGED, charged_s=FREE_IDLE_S + 1), Pattern.CHARGED_LONG),
        (Look(status=ConnectorStatus.UNAVAILABLE, is_starting=True), Pattern.STARTING),
        (Look(status=ConnectorStatus.UNAVAILABLE), Pattern.UNAVAILABLE),
        (Look(status=ConnectorStatus.EMERGENCY_OFF, card="refused", is_starting=True), Pattern.EMERGENCY),
        (Look(status=ConnectorStatus.ERROR, is_out_of_service=True), Pattern.ERROR),
    ],
)
def test_what_is_shown(look: Look, shown: Pattern) -> None:
    assert pattern_of(look) is shown


@pytest.mark.parametrize(("pattern", "pixels"), list(product(Pattern, [0, 1, 2, 7, 60])))
def test_every_pattern_fits_every_strip(pattern: Pattern, pixels: int) -> None:
    lit = False
    for step in range(200):
        frame = render(pattern, pixels, 1000.0 + step / FRAMES_PER_S, 1.0, soc_pct=37.0)
        assert len(frame) == pixels
        assert all(0 <= part <= full for colour in frame for part, full in zip(colour, pattern.colour, strict=True))
        lit = lit or any(any(colour) for colour in frame)
    assert lit or pixels == 0


@pytest.mark.parametrize("pattern", Pattern)
def test_it_moves_exactly_when_it_says_so_and_never_faster_than_eyes_may_bear(pattern: Pattern) -> None:
    seconds = 12
    frames = [render(pattern, 10, at / FRAMES_PER_S, 1.0, soc_pct=60.0) for at in range(seconds * FRAMES_PER_S)]
    assert (len({tuple(frame) for frame in frames}) > 1) is pattern.moves
    assert pattern.moves is (pattern.rhythm in MOVING)
    for place in range(10):
        levels = [max(frame[place]) / max(pattern.colour) for frame in frames]
        assert flashes(levels) <= 2.5 * seconds


@pytest.mark.parametrize(
    ("pattern", "count"), [(Pattern.ERROR, 2), (Pattern.METER_ERROR, 3), (Pattern.CARD_REFUSED, 3)]
)
def test_blinks_are_counted_by_people(pattern: Pattern, count: int) -> None:
    steps = 1000
    levels = [float(any(render(pattern, 1, pattern.period_s * at / steps, 1.0)[0])) for at in range(-1, steps)]
    assert flashes(levels) == count


@pytest.mark.parametrize(("soc_pct", "lit"), [(None, 1), (0.0, 1), (50.0, 5), (100.0, 10), (130.0, 10), (-5.0, 1)])
def test_the_bar_is_as_long_as_the_battery_is_full(soc_pct: float | None, lit: int) -> None:
    for at in range(50):
        frame = render(Pattern.CHARGING_LEVEL, 10, at / 10, 1.0, soc_pct)
        assert [any(colour) for colour in frame] == [True] * lit + [False] * (10 - lit)


def test_a_soc_that_is_no_number_is_an_empty_bar() -> None:
    assert sum(any(colour) for colour in render(Pattern.CHARGING_LEVEL, 10, 0.0, 1.0, float("nan"))) == 1


def test_night_is_darker_and_an_unknown_hour_is_day() -> None:
    free = Pattern.AVAILABLE
    assert brightness(free, 100.0, 12) == 1.0
    assert brightness(free, 50.0, 12) == 0.5
    assert brightness(free, 100.0, None) == 1.0
    for hour in range(24):
        assert (brightness(free, 100.0, hour) < 1.0) is (hour >= 22 or hour < 6)
    assert render(free, 1, 0.0, brightness(free, 100.0, 23)) == [(0, 102, 0)]


def test_the_hours_of_the_night_are_the_owners() -> None:
    early = Night(from_h=1, to_h=5, pct=10.0)
    assert [hour for hour in range(24) if brightness(Pattern.READY, 100.0, hour, early) < 1.0] == [1, 2, 3, 4]
    assert brightness(Pattern.READY, 50.0, 2, early) == pytest.approx(0.05)
    assert not any(Night(from_h=6, to_h=6).holds(hour) for hour in range(24))


def test_what_warns_and_what_answers_a_card_is_as_bright_at_night() -> None:
    undimmed = {pattern for pattern in Pattern if brightness(pattern, 100.0, 23) == 1.0}
    cards = {Pattern.CARD_CHECKED, Pattern.CARD_REFUSED}
    assert undimmed == cards | {Pattern.CHOOSE, Pattern.EMERGENCY, Pattern.ERROR, Pattern.METER_ERROR}


@pytest.mark.parametrize("pattern", Pattern)
def test_a_plain_light_changes_at_most_each_half_second(pattern: Pattern) -> None:
    colours = [plain(pattern, at / 100, 1.0) for at in range(2000)]
    changes = [at for at, (before, now) in enumerate(pairwise(colours)) if before != now]
    assert all(b - a >= PLAIN_STEP_S * 100 - 1 for a, b in pairwise(changes))
    assert any(any(colour) for colour in colours)
    assert (len(set(colours)) > 1) is (pattern in PLAIN_ROUNDS)


def test_everything_that_blinks_on_a_strip_blinks_as_a_plain_light() -> None:
    assert {pattern for pattern in Pattern if pattern.rhythm is Rhythm.BLINKS} <= set(PLAIN_ROUNDS)


def test_a_card_is_never_shown_for_longer_than_eight_seconds() -> None:
    assert CARD_SHOWN_S <= 8.0


class Lamp:
    """A controller's own light, and what was shown on it when."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, Rgb]] = []
        self.fails: Exception | None = None
        self.asked = 0

    async def show_light(self, colour: Rgb) -> None:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        self.shown.append((asyncio.get_running_loop().time(), colour))


class OneOutlet:
    """As much of a connector as its light looks at."""

    number = 1
    is_heard = True


class OneShow:
    """A connector that shows one pattern."""

    def __init__(self, pattern: Pattern) -> None:
        self.shown = pattern

    def pattern(self, number: int) -> Pattern:
        return self.shown

    def brightness(self, pattern: Pattern, day_pct: float) -> float:
        return 1.0


def own_light(pattern: Pattern) -> tuple[Lamp, OneOutlet, OneShow, OwnLight]:
    lamp, outlet, show = Lamp(), OneOutlet(), OneShow(pattern)
    return lamp, outlet, show, OwnLight(outlet, lamp, show, Clock("boot"))  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", Pattern)
async def test_a_controllers_light_takes_little_of_its_wire(pattern: Pattern) -> None:
    lamp, _, _, light = own_light(pattern)
    task = asyncio.create_task(light.run())
    await asyncio.sleep(60)
    task.cancel()
    assert lamp.shown
    assert len(lamp.shown) <= (121 if pattern in PLAIN_ROUNDS else 4)
    assert light.state().patterns == {1: pattern.name.lower()}


async def test_a_controller_that_does_not_answer_is_left_alone() -> None:
    lamp, outlet, show, light = own_light(Pattern.AVAILABLE)
    task = asyncio.create_task(light.run())
    await asyncio.sleep(2)
    assert len(lamp.shown) == 1
    outlet.is_heard = False
    show.shown = Pattern.ERROR
    await asyncio.sleep(20)
    assert len(lamp.shown) == 1
    assert not light.is_answering
    outlet.is_heard = True
    show.shown = Pattern.AVAILABLE
    await asyncio.sleep(2)
    assert len(lamp.shown) == 2, "it may have started anew: told again"
    task.cancel()


async def test_a_controller_without_a_light_is_asked_once() -> None:
    lamp, _, _, light = own_light(Pattern.ERROR)
    lamp.fails = Refused("has no light of its own")
    task = asyncio.create_task(light.run())
    await asyncio.sleep(60)
    assert lamp.asked == 1
    assert task.done()


async def test_a_light_that_fails_is_tried_now_and_then() -> None:
    lamp, _, _, light = own_light(Pattern.AVAILABLE)
    lamp.fails = NoAnswer("silent")
    task = asyncio.create_task(light.run())
    await asyncio.sleep(60)
    assert 8 <= lamp.asked <= 13
    task.cancel()
