"""What lights and buzzers show of a connector: status -> pattern -> colours at an instant. Pure.

Patterns differ in rhythm as well as in colour, so that nobody has to tell colours apart; nothing blinks faster than
2.5 Hz. Source: hmi.md section 7. Lights that can only show one colour (a controller's own, lamps on outputs) follow the
same table as plain colour, blinking at `PLAIN_STEP_S` at the fastest.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

import msgspec

from chargepoint.vocabulary import ConnectorStatus
from drivers.interfaces import Rgb

CARD_SHOWN_S = 8.0
"""A card that is being checked shows at most so long."""
REFUSED_SHOWN_S = 4.0
FREE_IDLE_S = 300.0
"""A vehicle that has been charged for longer than this is reminded by a slow pulse, where no price says otherwise."""
PLAIN_STEP_S = 0.5
"""A light of a controller changes at most so often, for it shares a wire with polls."""

GREEN, BLUE, WHITE, RED = (0, 255, 0), (0, 60, 255), (255, 255, 255), (255, 0, 0)
VIOLET, YELLOW, DIM_WHITE, DARK = (150, 0, 255), (255, 170, 0), (70, 70, 80), (0, 0, 0)


class Night(msgspec.Struct, frozen=True):
    """Local hours of the night (from the first to before the second), and how bright it is then, % of that by day."""

    from_h: int = 22
    to_h: int = 6
    pct: float = 40.0

    def holds(self, hour: int) -> bool:
        """Whether it is night in this hour; never where both are the same."""
        if self.from_h <= self.to_h:
            return self.from_h <= hour < self.to_h
        return hour >= self.from_h or hour < self.to_h


class Rhythm(enum.Enum):
    """How a segment moves; `period_s` of the pattern is one round."""

    STEADY = enum.auto()
    HALF = enum.auto()  # every second light
    RUNNING = enum.auto()  # a tail that runs along
    BREATHING = enum.auto()
    LEVEL = enum.auto()  # a bar as long as the battery is full, a dot moves in it
    BLINKS = enum.auto()  # `blinks` flashes, then a pause
    TWO_DOTS = enum.auto()
    ONE_DOT = enum.auto()
    ENDS = enum.auto()  # the first and the last light only
    SWEEP = enum.auto()  # one light to and fro


MOVING = frozenset({Rhythm.RUNNING, Rhythm.BREATHING, Rhythm.LEVEL, Rhythm.BLINKS, Rhythm.SWEEP})


class Pattern(enum.Enum):
    """Everything that can be shown: colour, rhythm, period in s, flashes in a period."""

    AVAILABLE = (GREEN, Rhythm.STEADY, 0.0, 0)
    WAITING_FOR_EV = (GREEN, Rhythm.RUNNING, 1.5, 0)
    READY = (GREEN, Rhythm.BREATHING, 3.0, 0)
    CHARGING = (BLUE, Rhythm.BREATHING, 4.0, 0)
    CHARGING_LEVEL = (BLUE, Rhythm.LEVEL, 2.0, 0)
    CHARGED = (WHITE, Rhythm.STEADY, 0.0, 0)
    CHARGED_LONG = (WHITE, Rhythm.BREATHING, 2.0, 0)
    CARD_CHECKED = (WHITE, Rhythm.RUNNING, 1.0, 0)
    CARD_REFUSED = (RED, Rhythm.BLINKS, 2.0, 3)
    CHOOSE = (GREEN, Rhythm.BLINKS, 1.0, 1)  # a card waits: plug in, or plug in again, the one that is meant
    RESERVED = (VIOLET, Rhythm.HALF, 0.0, 0)
    NO_POWER = (DIM_WHITE, Rhythm.TWO_DOTS, 0.0, 0)
    ERROR = (RED, Rhythm.BLINKS, 2.0, 2)
    METER_ERROR = (RED, Rhythm.BLINKS, 2.4, 3)
    EMERGENCY = (RED, Rhythm.STEADY, 0.0, 0)
    UNAVAILABLE = (DIM_WHITE, Rhythm.ONE_DOT, 0.0, 0)
    UPDATING = (YELLOW, Rhythm.RUNNING, 2.0, 0)
    OUT_OF_SERVICE = (RED, Rhythm.ENDS, 0.0, 0)
    STARTING = (WHITE, Rhythm.SWEEP, 2.0, 0)
    TEST_RED = (RED, Rhythm.STEADY, 1.0, 0)  # a technician looks whether all colours are there
    TEST_GREEN = (GREEN, Rhythm.STEADY, 1.0, 0)
    TEST_BLUE = (BLUE, Rhythm.STEADY, 1.0, 0)
    TEST_WHITE = (WHITE, Rhythm.STEADY, 1.0, 0)
    TEST_YELLOW = (YELLOW, Rhythm.STEADY, 1.0, 0)

    @property
    def colour(self) -> Rgb:
        return self.value[0]

    @property
    def rhythm(self) -> Rhythm:
        return self.value[1]

    @property
    def period_s(self) -> float:
        return self.value[2]

    @property
    def blinks(self) -> int:
        return self.value[3]

    @property
    def moves(self) -> bool:
        return self.rhythm in MOVING


TEST_PATTERNS = (
    Pattern.TEST_RED, Pattern.TEST_GREEN, Pattern.TEST_BLUE, Pattern.TEST_WHITE, Pattern.TEST_YELLOW,
)  # fmt: skip

PATTERNS: dict[ConnectorStatus, Pattern] = {
    ConnectorStatus.AVAILABLE: Pattern.AVAILABLE,
    ConnectorStatus.WAITING_FOR_EV: Pattern.WAITING_FOR_EV,
    ConnectorStatus.READY: Pattern.READY,
    ConnectorStatus.CHARGING: Pattern.CHARGING,
    ConnectorStatus.CHARGED: Pattern.CHARGED,
    ConnectorStatus.EMERGENCY_OFF: Pattern.EMERGENCY,
    ConnectorStatus.DISABLED: Pattern.OUT_OF_SERVICE,
    ConnectorStatus.ERROR: Pattern.ERROR,
    ConnectorStatus.UNAVAILABLE: Pattern.UNAVAILABLE,
    ConnectorStatus.NO_POWER: Pattern.NO_POWER,
    ConnectorStatus.METER_ERROR: Pattern.METER_ERROR,
    ConnectorStatus.UPDATING: Pattern.UPDATING,
}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how a connector is shown. `card` is `checked`, `refused` or empty; `charged_s` since its end,
    `free_idle_s` how long that may be. `is_choice`: a card waits for somebody to choose among this and others."""

    status: ConnectorStatus
    is_reserved: bool = False
    is_out_of_service: bool = False
    is_starting: bool = False
    soc_pct: float | None = None
    charged_s: float = 0.0
    free_idle_s: float = FREE_IDLE_S
    card: str = ""
    is_choice: bool = False


def pattern_of(look: Look) -> Pattern:
    """The pattern of a connector: danger first, then the card somebody holds, then its status."""
    if look.status is ConnectorStatus.EMERGENCY_OFF:
        return Pattern.EMERGENCY
    if look.card:
        return Pattern.CARD_REFUSED if look.card == "refused" else Pattern.CARD_CHECKED
    if look.is_choice:
        return Pattern.CHOOSE
    if look.is_starting:
        return Pattern.STARTING
    if look.status is ConnectorStatus.AVAILABLE and look.is_out_of_service:
        return Pattern.OUT_OF_SERVICE
    if look.status is ConnectorStatus.AVAILABLE and look.is_reserved:
        return Pattern.RESERVED
    if look.status is ConnectorStatus.CHARGING and look.soc_pct is not None:
        return Pattern.CHARGING_LEVEL
    if look.status is ConnectorStatus.CHARGED and look.charged_s > look.free_idle_s:
        return Pattern.CHARGED_LONG
    return PATTERNS[look.status]


UNDIMMED = frozenset(
    {
        Pattern.EMERGENCY,
        Pattern.ERROR,
        Pattern.METER_ERROR,
        Pattern.CARD_CHECKED,
        Pattern.CARD_REFUSED,
        Pattern.CHOOSE,
    }
)
"""What warns, or answers somebody who stands there, is as bright at night."""


BY_DEFAULT = Night()


def brightness(pattern: Pattern, day_pct: float, local_hour: int | None, night: Night = BY_DEFAULT) -> float:
    """0..1; at night a part of it. An hour that is not known is day: rather too bright than unseen."""
    is_night = local_hour is not None and night.holds(local_hour) and pattern not in UNDIMMED
    return min(100.0, max(0.0, day_pct)) / 100.0 * (night.pct / 100.0 if is_night else 1.0)


def render(pattern: Pattern, pixels: int, at_s: float, bright: float, soc_pct: float | None = None) -> list[Rgb]:
    """The colours of a segment of `pixels` lights at `at_s` (any steady seconds)."""
    shares = _shares(pattern, pixels, at_s, soc_pct)
    return [_scaled(pattern.colour, share * bright) for share in shares]


def _shares(pattern: Pattern, pixels: int, at_s: float, soc_pct: float | None) -> Sequence[float]:
    """How bright each light is, 0..1."""
    if pixels <= 0:
        return ()
    turn = at_s % pattern.period_s / pattern.period_s if pattern.period_s else 0.0
    rhythm = pattern.rhythm
    if rhythm is Rhythm.HALF:
        return [1.0 if place % 2 == 0 else 0.0 for place in range(pixels)]
    if rhythm is Rhythm.RUNNING:
        tail = max(2.0, pixels / 3)
        return [max(0.0, 1.0 - ((turn * pixels - place) % pixels) / tail) for place in range(pixels)]
    if rhythm is Rhythm.BREATHING:
        return [breath(turn)] * pixels
    if rhythm is Rhythm.LEVEL:
        return _level(pixels, turn, 0.0 if soc_pct is None or not math.isfinite(soc_pct) else soc_pct)
    if rhythm is Rhythm.BLINKS:
        return [1.0 if is_flash(pattern, at_s) else 0.0] * pixels
    if rhythm is Rhythm.TWO_DOTS:
        return _dots(pixels, (pixels // 3, pixels - 1 - pixels // 3))
    if rhythm is Rhythm.ONE_DOT:
        return _dots(pixels, (pixels // 2,))
    if rhythm is Rhythm.ENDS:
        return _dots(pixels, (0, pixels - 1))
    if rhythm is Rhythm.SWEEP:
        place_now = (1.0 - abs(2.0 * turn - 1.0)) * (pixels - 1)
        return [max(0.0, 1.0 - abs(place - place_now)) for place in range(pixels)]
    return [1.0] * pixels


def breath(turn: float) -> float:
    """From dim to bright and back in one turn, never dark: dark would be off."""
    return 0.15 + 0.85 * (0.5 - 0.5 * math.cos(2 * math.pi * turn))


def is_flash(pattern: Pattern, at_s: float) -> bool:
    """Whether a blinking pattern is lit now: `blinks` flashes as long as the gaps between them, then a pause of two."""
    parts = 2 * pattern.blinks + 2
    part = int(at_s % pattern.period_s / pattern.period_s * parts)
    return part % 2 == 0 and part < 2 * pattern.blinks


def _level(pixels: int, turn: float, soc_pct: float) -> list[float]:
    lit = max(1, round(min(100.0, max(0.0, soc_pct)) / 100.0 * pixels))
    dot = int(turn * lit)
    return [(1.0 if place == dot else 0.45) if place < lit else 0.0 for place in range(pixels)]


def _dots(pixels: int, places: Sequence[int]) -> list[float]:
    return [1.0 if place in places else 0.0 for place in range(pixels)]


def _scaled(colour: Rgb, share: float) -> Rgb:
    red, green, blue = (round(min(1.0, max(0.0, share)) * part) for part in colour)
    return red, green, blue


def plain(pattern: Pattern, at_s: float, bright: float) -> Rgb:
    """What a single light shows: the colour, dark in the pauses of a rhythm that blinks or runs.

    It changes at most each `PLAIN_STEP_S`: what moves is half the time lit, in a rhythm of its own.
    """
    step = int(at_s / PLAIN_STEP_S)
    rounds = PLAIN_ROUNDS.get(pattern)
    is_lit = rounds is None or rounds[step % len(rounds)] == "1"
    return _scaled(pattern.colour, bright if is_lit else 0.0)


PLAIN_ROUNDS: dict[Pattern, str] = {
    Pattern.WAITING_FOR_EV: "10",
    Pattern.READY: "1110",
    Pattern.CARD_CHECKED: "10",
    Pattern.CARD_REFUSED: "101010",
    Pattern.CHOOSE: "100",
    Pattern.CHARGED_LONG: "1110",
    Pattern.ERROR: "101000",
    Pattern.METER_ERROR: "10101000",
    Pattern.UPDATING: "1100",
    Pattern.STARTING: "1100",
}
"""Half-second steps, 1 is lit. Charging is steady here: the light is blue, and a wire is not for breathing."""


class Sound(enum.Enum):
    """Sounds of a buzzer, which has one tone: lengths in s, sounding and silent in turn. Rising and falling of hmi.md
    become short-long and one long."""

    ACCEPTED = (0.1, 0.1, 0.3)
    REFUSED = (0.8,)
    CHOOSE = (0.2, 0.2, 0.2, 0.2, 0.2)
    ENDED = (0.2, 0.2, 0.2)


SOUND_OF_PATTERN: dict[Pattern, Sound] = {
    Pattern.WAITING_FOR_EV: Sound.ACCEPTED,
    Pattern.CHARGED: Sound.ENDED,
}
"""Sounds when a pattern begins."""
SOUND_OF_CARD: dict[str, Sound] = {
    "started": Sound.ACCEPTED,
    "waiting_for_ev": Sound.ACCEPTED,
    "stopped": Sound.ACCEPTED,
    "own_session": Sound.ACCEPTED,
    "technician": Sound.ACCEPTED,
    "choose": Sound.CHOOSE,
    "refused": Sound.REFUSED,
    "unavailable": Sound.REFUSED,
    "nothing_to_do": Sound.REFUSED,
}
"""Sounds when it is known what comes of a card, by `CardOutcome.outcome`."""
