"""Mains lost: charges end, nothing begins, and when the battery does not last the station is shut down in order.

A UPS that says "on battery" and an input `power_fail` mean the same. Who comes back in time is as if nothing had been.
A UPS that falls silent while on battery is on battery still: `upsd` may be the first to go.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterator

from chargepoint.clock import Clock
from chargepoint.config import UpsSettings
from chargepoint.messages import UpsState
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.safety import Hold, Holds
from chargepoint.vocabulary import StopSource
from drivers.errors import DeviceError
from drivers.interfaces import SupplyReading, UninterruptibleSupply

log = logging.getLogger(__name__)

POLL_S = 1.0
SILENT_POLL_S = 5.0
SILENT_AFTER = 5
KEY = "mains"
INPUT_STOPS_AFTER_S = 2.0
INPUT_OFF_AFTER_S = 60.0
"""The same of a `power_fail` input where no [[ups]] says otherwise."""
RETRY_OFF_S = 10.0
BACK_AFTER_S = 5.0
"""Mains that were lost count as back when they have stayed for so long: a fuse that flickers starts nothing."""


class UpsPoint:
    """One supply as it was last heard."""

    def __init__(self, settings: UpsSettings, ups: UninterruptibleSupply, clock: Clock) -> None:
        self.settings = settings
        self.name = settings.name
        self.reading: SupplyReading | None = None
        self.on_battery_since_s: float | None = None
        self._ups = ups
        self._clock = clock
        self._lost = 0
        self.told: Callable[[str, str], None] = lambda action, text: None

    @property
    def is_answering(self) -> bool:
        return self.reading is not None and self._lost < SILENT_AFTER

    @property
    def is_silent(self) -> bool:
        return self._lost >= SILENT_AFTER

    @property
    def is_low(self) -> bool:
        """It asks for an orderly shutdown, and runs on battery."""
        return self.reading is not None and self.reading.is_low and self.on_battery_since_s is not None

    async def run(self, looked: Callable[[], Awaitable[None]]) -> None:
        """Ask until cancelled; `looked` after each time."""
        while True:
            await self.read()
            await looked()
            await asyncio.sleep(SILENT_POLL_S if self._lost >= SILENT_AFTER else POLL_S)

    async def read(self) -> None:
        try:
            reading = await asked(self._ups.read(), f"UPS '{self.name}'")
        except DeviceError as error:
            self._lost += 1
            if self._lost == SILENT_AFTER:
                log.warning("UPS '%s': %s", self.name, error)
                self.told("Error", f"UPS '{self.name}': {error}")
            return
        if self._lost >= SILENT_AFTER:
            self.told("Success", f"UPS '{self.name}' answers again")
        self._lost = 0
        before, self.reading = self.reading, reading
        if reading.needs_battery and not (before is not None and before.needs_battery):
            self.told("Error", f"UPS '{self.name}': its battery is worn out and has to be exchanged")
        if not reading.on_battery:
            self.on_battery_since_s = None
        elif self.on_battery_since_s is None:
            self.on_battery_since_s = self._clock.mono()

    def state(self) -> UpsState:
        return UpsState(
            name=self.name,
            is_answering=self.is_answering,
            reading=self.reading,
            on_battery_since_mono_s=self.on_battery_since_s,
        )


class Mains:
    """All supplies and the power-fail inputs together. `shut_down` is called once when the battery will not last."""

    def __init__(
        self,
        supplies: list[UpsPoint],
        failing: Callable[[], tuple[str, float] | None],
        holds: Holds,
        clock: Clock,
        shut_down: Callable[[str], Awaitable[bool]],
        told: Callable[[str, str], None],
    ) -> None:
        """`failing`: the power-fail input that is active, and since when. `shut_down` says whether it was taken."""
        self.supplies = supplies
        self._failing = failing
        self._holds = holds
        self._clock = clock
        self._shut_down = shut_down
        self._told = told
        self._was_lost = False
        self._back_since_s: float | None = None
        self._failed_s = -math.inf
        """When mains were not there last, however short that was."""
        self._next_try_s = 0.0
        self._is_going = False

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for supply in self.supplies:
                group.create_task(supply.run(self.look))
            while True:
                await self.look()
                await asyncio.sleep(POLL_S / 2)

    async def look(self) -> None:
        """What the supplies and inputs mean now."""
        now = self._clock.mono()
        losses = list(self._losses(now))
        if losses:
            self._failed_s = now
        due = [why for why, lost_s, stop_after_s, _ in losses if lost_s >= stop_after_s]
        self._back_since_s = None if losses else now if self._back_since_s is None else self._back_since_s
        is_back = self._back_since_s is not None and now - self._back_since_s >= BACK_AFTER_S
        if due and not self._was_lost:
            self._told("Error", f"mains lost: {due[0]}")
        elif self._was_lost and is_back:
            self._told("Success", "mains are back")
        self._was_lost = bool(due) or (self._was_lost and not is_back)
        hold = Hold(
            key=KEY,
            source=StopSource.POWER_LOSS,
            cause="power_loss",
            text="The station has no mains power. Charging is possible again when it is back.",
        )
        self._holds.set(KEY, hold if self._was_lost else None)
        over = [why for why, lost_s, _, off_after_s in losses if lost_s >= off_after_s]
        if over and not self._is_going and now >= self._next_try_s:
            self._next_try_s = now + RETRY_OFF_S
            self._is_going = await self._shut_down(over[0])

    def why_lost(self) -> str:
        """Why there are no mains now, also while nothing has been ended for it yet; empty: none says so."""
        now = self._clock.mono()
        for why, *_ in self._losses(now):
            return why
        is_just_back = self._was_lost or now - self._failed_s < BACK_AFTER_S
        return "mains have only just come back" if is_just_back else ""

    def _losses(self, now: float) -> Iterator[tuple[str, float, float, float]]:
        """Why, for how long, after how long charges end, after how long it is shut down."""
        for supply in self.supplies:
            if supply.on_battery_since_s is None:
                continue
            lost_s, settings = now - supply.on_battery_since_s, supply.settings
            why = f"UPS '{supply.name}' is on battery"
            off_after_s = settings.off_after_s
            if supply.is_low:
                why, off_after_s = f"{why}, which is nearly empty", 0.0
            yield why, lost_s, 0.0 if supply.is_low else settings.stop_after_s, off_after_s
        failing = self._failing()
        if failing is not None:
            name, since_s = failing
            first = self.supplies[0].settings if self.supplies else None
            stop_after_s = INPUT_STOPS_AFTER_S if first is None else first.stop_after_s
            off_after_s = INPUT_OFF_AFTER_S if first is None else first.off_after_s
            yield f"input '{name}' says that mains have failed", now - since_s, stop_after_s, off_after_s
