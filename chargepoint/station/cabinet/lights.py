"""Lights at work: strips with a segment per connector, lights of controllers, lamps and buzzers on outputs.

A strip is redrawn at most 15 times a second, and only while something on it moves; a controller's own light changes at
most twice a second, only where there is something new to show, so that polls keep their wire.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from chargepoint.clock import Clock
from chargepoint.config import LightSettings
from chargepoint.messages import CardOutcome, LightState, PresentCard
from chargepoint.station.asking import asked
from chargepoint.station.cabinet import light_patterns as patterns
from chargepoint.station.cabinet.light_patterns import Look, Night, Pattern, Sound
from chargepoint.station.cabinet.signals import Load
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, LogicalStatus, OutputFunction
from drivers.errors import DeviceError, Refused
from drivers.interfaces import HasLight, LightStrip, Rgb

log = logging.getLogger(__name__)

FRAME_S = 1 / 15
LOOK_S = 0.2
REPEAT_S = 2.0
"""A strip that shows the same is told again so often: some forget, some were switched on late."""
REPEAT_LIGHT_S = 30.0
RETRY_S = 5.0
STARTING_S = 60.0
LAMP_FOR_S = 5.0
SAME_SOUND_S = 2.0
"""A sound that is asked for again within this time is still the same."""

Wheel = tuple[OutputFunction, ...]
LAMPS: Wheel = (OutputFunction.LIGHT_RED, OutputFunction.LIGHT_GREEN, OutputFunction.LIGHT_BLUE)
LIT_ABOVE = 100
"""A lamp of a colour is lit when the colour has more than this of 255; dimming is not for relays."""

WORST_FIRST = (
    Pattern.EMERGENCY, Pattern.CARD_REFUSED, Pattern.CARD_CHECKED, Pattern.CHOOSE, Pattern.ERROR, Pattern.METER_ERROR,
    Pattern.WAITING_FOR_EV, Pattern.CHARGING_LEVEL, Pattern.CHARGING, Pattern.CHARGED_LONG, Pattern.CHARGED,
    Pattern.READY, Pattern.AVAILABLE, Pattern.RESERVED, Pattern.NO_POWER, Pattern.UPDATING, Pattern.STARTING,
    Pattern.UNAVAILABLE, Pattern.OUT_OF_SERVICE, *patterns.TEST_PATTERNS,
)  # fmt: skip
"""Lamps of the whole station show the first of these that any connector shows."""


class Shows:
    """What each connector is to show now: the one place where lights look."""

    def __init__(self, site: Site, outlets: Sequence[Outlet]) -> None:
        self._site = site
        self._outlets = {outlet.number: outlet for outlet in outlets}
        self._begun_s = site.clock.mono()
        self._charged_since: dict[int, float] = {}
        self._cards: dict[int, tuple[str, float]] = {}
        self.tested: dict[int, Pattern] = {}
        """What a technician wants to see for a moment, by connector; an emergency shows all the same."""
        self.cues: dict[int, tuple[Sound, float]] = {}
        """The last sound that a card made, and when, by connector; 0: anywhere."""
        self.choices: Callable[[], tuple[int, ...]] = tuple
        """Connectors of which a card waits for one to be chosen."""

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self._outlets)

    def card_seen(self, request: PresentCard) -> None:
        """A card is held to a reader and being checked."""
        for number in request.connectors or self.numbers:
            self._cards[number] = ("checked", self._site.clock.mono() + patterns.CARD_SHOWN_S)

    def card_handled(self, request: PresentCard, outcome: CardOutcome) -> None:
        """What came of it: a refusal shows for a while, everything else shows in the connector's own status."""
        now = self._site.clock.mono()
        for number in request.connectors or self.numbers:
            self._cards.pop(number, None)
        meant = (outcome.connector,) if outcome.connector is not None else request.connectors or self.numbers
        sound = patterns.SOUND_OF_CARD.get(outcome.outcome)
        if sound is not None:
            self.cues |= dict.fromkeys((0, *meant), (sound, now))
        if sound is Sound.REFUSED:
            for number in meant:
                self._cards[number] = ("refused", now + patterns.REFUSED_SHOWN_S)

    def pattern(self, number: int) -> Pattern:
        """What connector `number` shows; a number that is none is dark as one without link."""
        outlet = self._outlets.get(number)
        found = Pattern.UNAVAILABLE if outlet is None else patterns.pattern_of(self._look(outlet))
        return found if found is Pattern.EMERGENCY else self.tested.get(number, found)

    def soc_pct(self, number: int) -> float | None:
        outlet = self._outlets.get(number)
        return None if outlet is None or outlet.reading is None else outlet.reading.soc_pct

    def of_station(self) -> Pattern:
        """What lamps of the whole station show."""
        shown = {self.pattern(number) for number in self._outlets}
        return next(pattern for pattern in (*WORST_FIRST, Pattern.UNAVAILABLE) if pattern in shown or not shown)

    def _look(self, outlet: Outlet) -> Look:
        now, status, site = self._site.clock.mono(), outlet.status, self._site
        if status is ConnectorStatus.CHARGED:
            since_s = self._charged_since.setdefault(outlet.number, now)
        else:
            since_s = now
            self._charged_since.pop(outlet.number, None)
        is_new = ConnectorFlag.INITIALIZING in outlet.flags and now - self._begun_s < STARTING_S
        is_out = site.logical is LogicalStatus.OUT_OF_SERVICE or not site.books.journal.can_record or site.is_stopping
        return Look(
            status=status,
            is_reserved=site.reservations.of(outlet.number) is not None,
            is_out_of_service=is_out,
            is_starting=is_new or ConnectorFlag.REBOOTING in outlet.flags,
            soc_pct=self.soc_pct(outlet.number),
            charged_s=now - since_s,
            free_idle_s=_free_idle_s(outlet),
            card=self._card(outlet.number, now),
            is_choice=outlet.number in self.choices(),
        )

    def _card(self, number: int, now: float) -> str:
        kind, until_s = self._cards.get(number, ("", 0.0))
        if kind and now >= until_s:
            del self._cards[number]
            return ""
        return kind

    def brightness(self, pattern: Pattern, day_pct: float, night: Night = patterns.BY_DEFAULT) -> float:
        """By the hour where the station stands; by day while the time is not known."""
        clock = self._site.clock
        return patterns.brightness(pattern, day_pct, clock.now().astimezone().hour if clock.is_set else None, night)


def _free_idle_s(outlet: Outlet) -> float:
    """How long its vehicle may stay after the charge: as long as that costs nothing."""
    price = None if outlet.session is None else outlet.session.price
    return price.idle_free_min * 60.0 if price is not None and price.idle_per_minute else patterns.FREE_IDLE_S


class StripPoint:
    """One strip and its segments."""

    def __init__(self, settings: LightSettings, strip: LightStrip, shows: Shows, clock: Clock) -> None:
        self.settings = settings
        self.name = settings.name
        self.is_answering = False
        self.told: Callable[[str, str], None] = lambda action, text: None
        self._strip = strip
        self._shows = shows
        self._clock = clock
        self._segments = settings.segments or shows.numbers
        self._night = Night(settings.night_from_h, settings.night_to_h, settings.night_pct)
        self._patterns: dict[int, Pattern] = {}
        self._has_failed = False

    async def run(self) -> None:
        """Draw until cancelled."""
        shown: list[Rgb] = []
        shown_s = 0.0
        while True:
            begun_s = self._clock.mono()
            frame, moves = self.frame(begun_s)
            wait_s = FRAME_S if moves else LOOK_S
            if frame != shown or begun_s - shown_s >= REPEAT_S:
                if await self._send(frame):
                    shown, shown_s = frame, begun_s
                else:
                    shown, wait_s = [], RETRY_S
            await asyncio.sleep(max(0.01, wait_s - (self._clock.mono() - begun_s)))

    def frame(self, at_s: float) -> tuple[list[Rgb], bool]:
        """The whole strip at `at_s`, and whether anything on it moves."""
        numbers, pixels = self._segments, min(self._strip.pixels, self.settings.pixels)
        if not numbers:
            return [patterns.DARK] * pixels, False
        self._patterns = {number: self._shows.pattern(number) for number in numbers}
        found: list[Rgb] = []
        for place, number in enumerate(numbers):
            first, last = pixels * place // len(numbers), pixels * (place + 1) // len(numbers)
            pattern = self._patterns[number]
            bright = self._shows.brightness(pattern, self.settings.brightness_pct, self._night)
            found += patterns.render(pattern, last - first, at_s, bright, self._shows.soc_pct(number))
        return found, any(pattern.moves for pattern in self._patterns.values())

    async def _send(self, frame: list[Rgb]) -> bool:
        try:
            await asked(self._strip.show(frame), f"light '{self.name}'")
        except DeviceError as error:
            if not self._has_failed:
                log.warning("light '%s': %s", self.name, error)
                self.told("Error", f"light '{self.name}': {error}")
            self.is_answering, self._has_failed = False, True
            return False
        if self._has_failed:
            self.told("Success", f"light '{self.name}' takes colours again")
        self.is_answering, self._has_failed = True, False
        return True

    def state(self) -> LightState:
        shown = {number: pattern.name.lower() for number, pattern in self._patterns.items()}
        return LightState(name=self.name, is_answering=self.is_answering, patterns=shown)


class OwnLight:
    """The light of a connector's own controller."""

    def __init__(self, outlet: Outlet, light: HasLight, shows: Shows, clock: Clock) -> None:
        self.name = f"connector {outlet.number}"
        self.is_answering = False
        self._outlet = outlet
        self._light = light
        self._shows = shows
        self._clock = clock
        self._pattern = Pattern.UNAVAILABLE

    async def run(self) -> None:
        """Show until cancelled. A controller that does not answer is not asked to light up as well."""
        shown: Rgb | None = None
        shown_s = 0.0
        while True:
            await asyncio.sleep(patterns.PLAIN_STEP_S)
            if not self._outlet.is_heard:
                self.is_answering, shown = False, None
                continue
            now = self._clock.mono()
            self._pattern = self._shows.pattern(self._outlet.number)
            colour = patterns.plain(self._pattern, now, self._shows.brightness(self._pattern, 100.0))
            if colour == shown and now - shown_s < REPEAT_LIGHT_S:
                continue
            try:
                await asked(self._light.show_light(colour), f"light of {self.name}")
            except Refused as error:
                log.info("%s has no light: %s", self.name, error)
                return
            except DeviceError as error:
                log.debug("light of %s: %s", self.name, error)
                self.is_answering, shown = False, None
                await asyncio.sleep(RETRY_S)
            else:
                self.is_answering, shown, shown_s = True, colour, now

    def state(self) -> LightState:
        shown = {self._outlet.number: self._pattern.name.lower()}
        return LightState(name=self.name, is_answering=self.is_answering, patterns=shown)


class Lamps:
    """Lamps and buzzers on outputs, of connectors and (number 0) of the station."""

    def __init__(self, loads: Sequence[Load], shows: Shows, clock: Clock) -> None:
        self._lamps = [load for load in loads if load.settings.function in LAMPS]
        self._buzzers = [load for load in loads if load.settings.function is OutputFunction.BUZZER]
        self._shows = shows
        self._clock = clock
        self._begun_s = clock.mono()
        self._heard: dict[int, Pattern] = {}
        self._cue_heard_s: dict[int, float] = {}
        self._begun: dict[int, tuple[Sound, float]] = {}

    @property
    def are_there(self) -> bool:
        return bool(self._lamps)

    async def run(self) -> None:
        """Switch until cancelled."""
        while self._lamps or self._buzzers:
            self.look()
            await asyncio.sleep(0.1)

    def look(self) -> None:
        """Every lamp and buzzer as it is to be now."""
        now = self._clock.mono()
        for lamp in self._lamps:
            colour = patterns.plain(self._pattern(lamp.settings.connector), now, 1.0)
            lamp.switch(colour[LAMPS.index(lamp.settings.function)] > LIT_ABOVE, LAMP_FOR_S, now)
        for buzzer in self._buzzers:
            buzzer.switch(self._sounds(buzzer.settings.connector, now), LAMP_FOR_S, now)

    def _pattern(self, number: int) -> Pattern:
        return self._shows.of_station() if number == 0 else self._shows.pattern(number)

    def _sounds(self, number: int, now: float) -> bool:
        """Whether it sounds now: with a card, or when a pattern begins that has a sound."""
        pattern, before = self._pattern(number), self._heard.get(number)
        self._heard[number] = pattern
        if before is not None and pattern is not before and pattern in patterns.SOUND_OF_PATTERN:
            self._begin(number, patterns.SOUND_OF_PATTERN[pattern], now)
        sound, at_s = self._shows.cues.get(number, (None, 0.0))
        if sound is not None and at_s > self._cue_heard_s.get(number, self._begun_s):
            self._cue_heard_s[number] = at_s
            self._begin(number, sound, now)
        playing = self._begun.get(number)
        return playing is not None and is_sounding(playing[0], now - playing[1])

    def _begin(self, number: int, sound: Sound, now: float) -> None:
        """From its beginning, unless it has just been heard: a card and the pattern after it say the same."""
        last = self._begun.get(number)
        if last is None or last[0] is not sound or now - last[1] > SAME_SOUND_S:
            self._begun[number] = (sound, now)


def is_sounding(sound: Sound, for_s: float) -> bool:
    """Whether it is heard so long after its beginning."""
    for place, length_s in enumerate(sound.value):
        if for_s < length_s:
            return place % 2 == 0
        for_s -= length_s
    return False


class Lights:
    """All lights of the station."""

    def __init__(
        self,
        shows: Shows,
        outlets: Sequence[Outlet],
        strips: Mapping[str, tuple[LightSettings, LightStrip]],
        loads: Sequence[Load],
        clock: Clock,
    ) -> None:
        self.strips = [StripPoint(settings, strip, shows, clock) for settings, strip in strips.values()]
        self.own = [
            OwnLight(outlet, outlet.controller, shows, clock)
            for outlet in outlets
            if isinstance(outlet.controller, HasLight)
        ]
        self.lamps = Lamps(loads, shows, clock)

    async def run(self) -> None:
        """Show until cancelled."""
        async with asyncio.TaskGroup() as group:
            for strip in self.strips:
                group.create_task(strip.run())
            for light in self.own:
                group.create_task(light.run())
            group.create_task(self.lamps.run())

    @property
    def are_there(self) -> bool:
        """Whether this station has any."""
        return bool(self.strips or self.own or self.lamps.are_there)

    def states(self) -> list[LightState]:
        return [*(strip.state() for strip in self.strips), *(light.state() for light in self.own)]
