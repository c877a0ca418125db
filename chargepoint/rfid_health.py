"""What is told of a card reader (topic `reader/NAME`): whether it answers, who it is, how often it failed."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import ReaderSettings
from chargepoint.messages import Noted, ReaderState
from chargepoint.records import Moment
from chargepoint.vocabulary import EventType
from drivers.interfaces import CardReader, ReaderHealth, SignalsCards, TellsHealth

log = logging.getLogger(__name__)

SILENT_S = 15.0
"""A reader of which nothing was heard for so long, although it is polled, hangs."""
TOLD_AGAIN_S = 60.0
TESTED_AGAIN_S = 1.0


class Health:
    """Of one reader. `answers` is set while it answers; `error` says why not."""

    def __init__(self, settings: ReaderSettings, device: CardReader, bus: Bus, clock: Clock) -> None:
        self.answers = asyncio.Event()
        self.error = "not opened yet"
        self.cards = 0
        self.held_back = 0
        self._settings = settings
        self._device = device
        self._bus = bus
        self._clock = clock
        self._since_s = 0.0
        self._told: tuple[object, ...] = ()
        self._told_s = float("-inf")

    @property
    def silent_s(self) -> float | None:
        """How long nothing was heard of it; None for a reader that does not know."""
        if not isinstance(self._device, TellsHealth):
            return None
        heard_s = self._device.health().heard_s
        return asyncio.get_running_loop().time() - max(self._since_s, heard_s or 0.0)

    def set(self, error: str) -> None:
        """It answers (empty), or why it does not; told in the log and the journal when that changed."""
        is_answering, was_answering = not error, self.answers.is_set()
        name = self._settings.name
        if is_answering and not was_answering:
            self._since_s = asyncio.get_running_loop().time()
            self.answers.set()
            log.info("reader '%s': answers", name)
        elif not is_answering:
            self.answers.clear()
            if error != self.error:
                log.warning("reader '%s': does not answer: %s", name, error)
        if was_answering != is_answering:
            action = "Success" if is_answering else "Error"
            message = f"reader '{name}' {'answers' if is_answering else 'does not answer'}"
            self._bus.publish(Noted(event_type=EventType.DEVICE_STATE, action=action, message=message, error=error))
        self.error = error

    def tell(self, *, is_tested: bool) -> None:
        """On the bus, when something of interest changed, or it was told long ago."""
        now_s = asyncio.get_running_loop().time()
        health = self._device.health() if isinstance(self._device, TellsHealth) else ReaderHealth()
        worth = (self.error, self.cards, health.identity, health.errors, health.refused, self.held_back > 0, is_tested)
        if worth == self._told and now_s - self._told_s < (TESTED_AGAIN_S if is_tested else TOLD_AGAIN_S) - 0.01:
            return
        self._told, self._told_s = worth, now_s
        self._bus.set_state(
            f"reader/{self._settings.name}",
            ReaderState(
                name=self._settings.name,
                is_answering=self.answers.is_set(),
                cards=self.cards,
                error=self.error,
                driver=self._settings.driver,
                place=health.place or self._settings.port,
                identity=health.identity,
                heard=self._moment(health.heard_s, now_s),
                polls=health.polls,
                errors=health.errors,
                refused=health.refused,
                held_back=self.held_back,
                is_tested=is_tested,
                can_signal=isinstance(self._device, SignalsCards),
            ),
        )

    def _moment(self, heard_s: float | None, now_s: float) -> Moment | None:
        if heard_s is None:
            return None
        now, ago_s = self._clock.moment(), max(0.0, now_s - heard_s)
        at = None if now.at is None else now.at - timedelta(seconds=ago_s)
        return Moment(boot_id=now.boot_id, mono_s=round(now.mono_s - ago_s, 3), at=at)
