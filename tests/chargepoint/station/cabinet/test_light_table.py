"""The table of patterns that stations without a screen show, row by row (hmi.md 7)."""

from __future__ import annotations

import pytest

from chargepoint.station.cabinet.light_patterns import (
    BLUE,
    DIM_WHITE,
    GREEN,
    RED,
    SOUND_OF_CARD,
    SOUND_OF_PATTERN,
    VIOLET,
    WHITE,
    YELLOW,
    Look,
    Pattern,
    Rhythm,
    Sound,
    brightness,
    pattern_of,
    render,
)
from chargepoint.station.cabinet.lights import is_sounding
from chargepoint.vocabulary import ConnectorStatus
from drivers.interfaces import Rgb

S = ConnectorStatus

ROWS: list[tuple[str, Look, Rgb, Rhythm, float, int, Sound | None]] = [
    ("available", Look(status=S.AVAILABLE), GREEN, Rhythm.STEADY, 0.0, 0, None),
    ("waiting for EV", Look(status=S.WAITING_FOR_EV), GREEN, Rhythm.RUNNING, 1.5, 0, Sound.ACCEPTED),
    ("ready", Look(status=S.READY), GREEN, Rhythm.BREATHING, 3.0, 0, None),
    ("charging", Look(status=S.CHARGING, soc_pct=40.0), BLUE, Rhythm.LEVEL, 2.0, 0, None),
    ("charging, unknown charge", Look(status=S.CHARGING), BLUE, Rhythm.BREATHING, 4.0, 0, None),
    ("charged", Look(status=S.CHARGED), WHITE, Rhythm.STEADY, 0.0, 0, Sound.ENDED),
    ("charged for long", Look(status=S.CHARGED, charged_s=61, free_idle_s=60), WHITE, Rhythm.BREATHING, 2.0, 0, None),
    ("card checked", Look(status=S.READY, card="checked"), WHITE, Rhythm.RUNNING, 1.0, 0, None),
    ("card refused", Look(status=S.READY, card="refused"), RED, Rhythm.BLINKS, 2.0, 3, None),
    ("reserved", Look(status=S.AVAILABLE, is_reserved=True), VIOLET, Rhythm.HALF, 0.0, 0, None),
    ("no power", Look(status=S.NO_POWER), DIM_WHITE, Rhythm.TWO_DOTS, 0.0, 0, None),
    ("error", Look(status=S.ERROR), RED, Rhythm.BLINKS, 2.0, 2, None),
    ("meter", Look(status=S.METER_ERROR), RED, Rhythm.BLINKS, 2.4, 3, None),
    ("emergency", Look(status=S.EMERGENCY_OFF), RED, Rhythm.STEADY, 0.0, 0, None),
    ("unavailable", Look(status=S.UNAVAILABLE), DIM_WHITE, Rhythm.ONE_DOT, 0.0, 0, None),
    ("updating", Look(status=S.UPDATING), YELLOW, Rhythm.RUNNING, 2.0, 0, None),
    ("out of service", Look(status=S.DISABLED), RED, Rhythm.ENDS, 0.0, 0, None),
    ("station out of service", Look(status=S.AVAILABLE, is_out_of_service=True), RED, Rhythm.ENDS, 0.0, 0, None),
    ("starting", Look(status=S.UNAVAILABLE, is_starting=True), WHITE, Rhythm.SWEEP, 2.0, 0, None),
    ("choose", Look(status=S.READY, is_choice=True), GREEN, Rhythm.BLINKS, 1.0, 1, None),
]
"""Name, what is to be shown, colour, rhythm, period in s, flashes in it, sound when it begins; the last row is ours."""


@pytest.mark.parametrize(("look", "expected"), [(row[1], row[2:6]) for row in ROWS], ids=[row[0] for row in ROWS])
def test_row(look: Look, expected: tuple[Rgb, Rhythm, float, int]) -> None:
    shown = pattern_of(look)
    assert (shown.colour, shown.rhythm, shown.period_s, shown.blinks) == expected


@pytest.mark.parametrize(("look", "sound"), [(row[1], row[6]) for row in ROWS], ids=[row[0] for row in ROWS])
def test_sound_of_row(look: Look, sound: Sound | None) -> None:
    assert SOUND_OF_PATTERN.get(pattern_of(look)) is sound


def test_every_pattern_stands_in_the_table() -> None:
    """Those that a technician shows as a test apart."""
    assert {pattern_of(row[1]) for row in ROWS} == {each for each in Pattern if not each.name.startswith("TEST_")}


def test_no_two_of_the_same_colour_have_the_same_rhythm() -> None:
    seen = [(p.colour, p.rhythm, p.period_s, p.blinks) for p in Pattern]
    assert len(set(seen)) == len(seen)


def test_available_is_at_40_percent_at_night() -> None:
    assert brightness(Pattern.AVAILABLE, 100.0, 2) == pytest.approx(0.4)


def test_running_goes_towards_the_socket() -> None:
    """The socket is at the end of its segment."""
    brightest = [
        max(range(9), key=lambda place, at=at: render(Pattern.WAITING_FOR_EV, 9, at / 10, 1.0)[place][1])  # type: ignore[misc]
        for at in range(15)
    ]
    assert brightest == sorted(brightest) and brightest[0] < brightest[-1]


@pytest.mark.parametrize(
    ("outcome", "sound"),
    [
        ("started", Sound.ACCEPTED),
        ("waiting_for_ev", Sound.ACCEPTED),
        ("stopped", Sound.ACCEPTED),
        ("choose", Sound.CHOOSE),
        ("refused", Sound.REFUSED),
        ("unavailable", Sound.REFUSED),
    ],
)
def test_sound_of_a_card(outcome: str, sound: Sound) -> None:
    assert SOUND_OF_CARD[outcome] is sound


@pytest.mark.parametrize(
    ("sound", "heard"),
    [(Sound.ACCEPTED, "-.---"), (Sound.REFUSED, "--------"), (Sound.ENDED, "--..--"), (Sound.CHOOSE, "--..--..--")],
)
def test_sounds_differ_in_rhythm(sound: Sound, heard: str) -> None:
    """In tenths of a second."""
    found = "".join("-" if is_sounding(sound, at / 10 + 0.05) else "." for at in range(20))
    assert found.rstrip(".") == heard
