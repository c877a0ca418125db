"""Modules of digital inputs and outputs at work: one loop each, inputs settled, outputs kept as they are meant to be.

The loop is also what keeps a module's own watchdog content: when it dies, the module switches its outputs off (R2).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence

from chargepoint.clock import Clock
from chargepoint.config import InputSettings, IoSettings, OutputSettings
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.inputs import LOST_AFTER_S, InputTrack
from chargepoint.vocabulary import OutputFunction
from drivers.errors import DeviceError, NoAnswer
from drivers.interfaces import DigitalIO, FailSafe, IoReading

log = logging.getLogger(__name__)

POLL_S = 0.1
SILENT_POLL_S = 1.0
SILENT_AFTER = 3
"""So many polls without an answer: the module is silent. Once that counts (`LOST_AFTER_S`) it is asked less often, so
that its neighbours have the wire."""
FIRST_WITHIN_S = 0.5
"""At the start a module is waited for so long, before connectors decide what becomes of charges that still run."""
FIRST_TRIES = 2
REWRITE_S = 1.0
"""An output whose state its module cannot tell is written again so often."""

WITH_FEEDBACK = frozenset({OutputFunction.CONTACTOR, OutputFunction.SOCKET})
"""Outputs that carry a vehicle's current."""

OFF_AT_THE_END = frozenset({OutputFunction.HEATER, OutputFunction.FAN, OutputFunction.BUZZER})


class Load:
    """An output that carries no vehicle's current: heater, fan, lamp, buzzer, main relay. On while it is renewed."""

    def __init__(self, settings: OutputSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self.said: bool | None = None
        """What the module says, in the sense of the consumer."""
        self.wake: Callable[[], None] = lambda: None
        self._wanted: bool | None = None
        self._until_s = math.inf
        self._written_s = -math.inf

    @property
    def is_on(self) -> bool | None:
        return self.said

    def switch(self, on: bool, valid_for_s: float, now: float) -> None:
        """On (or off) from now on; on for `valid_for_s` unless it is asked again."""
        is_news = on != self._wanted
        self._wanted, self._until_s = on, now + valid_for_s
        if is_news:
            self.wake()

    def tick(self, said: bool | None, now: float) -> bool | None:
        """After a poll of its module; what to write now, or None. What nobody has asked for stays as it is."""
        self.said = said
        if self._wanted and now > self._until_s:
            log.warning("output '%s': nobody asks for it any more, it goes off", self.name)
            self._wanted = False
        if self._wanted is None or said is self._wanted:
            return None
        if said is None and now - self._written_s < REWRITE_S:
            return None
        self._written_s = now
        return self._wanted


Output = Load | Contactor


class IoPoint:
    """One module with what is wired to it. `changed` gets each input whose settled meaning changed."""

    def __init__(
        self,
        settings: IoSettings,
        io: DigitalIO,
        inputs: Sequence[InputSettings],
        outputs: Sequence[OutputSettings],
        clock: Clock,
    ) -> None:
        now = clock.mono()
        self.name = settings.name
        self._who = f"I/O module '{settings.name}'"
        self.inputs = [InputTrack(each, now) for each in inputs if each.io == settings.name]
        self.outputs: list[Output] = [
            Contactor(each, now) if each.function in WITH_FEEDBACK else Load(each)
            for each in outputs
            if each.io == settings.name
        ]
        self.changed: Callable[[InputTrack], None] = lambda track: None
        self.told: Callable[[str, str], None] = lambda action, text: None
        """A line for the operation log: `Success` or `Error`, and the text."""
        self.feedback_of: Callable[[str], bool | None] = lambda name: None
        """The auxiliary contact of that name as it was read last, wherever it is wired."""
        self.reading: IoReading | None = None
        self._settings = settings
        self._io = io
        self._clock = clock
        self._wake = asyncio.Event()
        self._is_prepared = False
        self._lost = 0
        self._refused: set[str] = set()
        """Outputs whose orders the module refuses."""
        self._silent_since = 0.0
        for output in self.outputs:
            output.wake = self._wake.set

    @property
    def is_answering(self) -> bool:
        return self.reading is not None and self._lost < SILENT_AFTER

    @property
    def is_silent(self) -> bool:
        """Not heard for long enough to say so."""
        return self._lost >= SILENT_AFTER

    async def begin(self) -> None:
        """The first poll, or a few when it does not answer at once; to be called before `run`."""
        until_s = self._clock.mono() + FIRST_WITHIN_S
        for _ in range(FIRST_TRIES):
            if await self.poll() or self._clock.mono() >= until_s:
                return
            await asyncio.sleep(POLL_S / 2)

    async def run(self) -> None:
        """Poll until cancelled; an order is carried out at once."""
        while True:
            is_lost = self._lost >= SILENT_AFTER and self._clock.mono() - self._silent_since > LOST_AFTER_S
            wait_s = SILENT_POLL_S if is_lost else POLL_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self.poll()

    async def poll(self) -> bool:
        """Ask the module, settle its inputs, put its outputs right; whether it answered."""
        try:
            if not self._is_prepared:
                await asked(self._io.prepare(self._settings.watchdog_s), self._who)
                self._is_prepared = True
            reading = await asked(self._io.read(), self._who)
        except DeviceError as error:
            self._note_silence(error)
            return False
        if self._lost >= SILENT_AFTER:
            text = f"I/O module '{self.name}' answers again after {self._clock.mono() - self._silent_since:.0f} s"
            log.info(text)
            self.told("Success", text)
        self._lost = 0
        self.reading = reading
        now = self._clock.mono()
        for track in self.inputs:
            channel = track.settings.channel
            counter = reading.counters[channel] if channel < len(reading.counters) else None
            if track.note(_at(reading.inputs, channel), now, counter):
                self.changed(track)
        for output in self.outputs:
            await self._put_right(output, reading, now)
        return True

    async def leave(self) -> None:
        """At an orderly end: a module that would keep them on gets heaters, fans and buzzers switched off. Contactors
        are left to the watchdog that they have to have: a restart takes their charges over."""
        if self._io.fail_safe is FailSafe.OPENS or self.is_silent:
            return
        for output in self.outputs:
            if output.settings.function in OFF_AT_THE_END and output.said is not False:
                try:
                    await asked(self._io.write(output.settings.channel, output.settings.inverted), self._who)
                except DeviceError as error:
                    log.warning("output '%s' is not switched off: %s", output.name, error)

    def _note_silence(self, error: DeviceError) -> None:
        now = self._clock.mono()
        if self._lost == 0:
            self._silent_since = now
        self._lost += 1
        self._is_prepared = False  # it may have started anew meanwhile
        if self._lost == SILENT_AFTER:
            log.warning("I/O module '%s': %s", self.name, error)
            self.told("Error", f"I/O module '{self.name}': {error}")
        for output in self.outputs:
            if isinstance(output, Contactor):
                if self._lost >= SILENT_AFTER:
                    output.silent()
            else:
                output.said = None
        for track in self.inputs:
            if track.note(None, now):
                self.changed(track)

    async def _put_right(self, output: Output, reading: IoReading, now: float) -> None:
        settings = output.settings
        bit = _at(reading.outputs, settings.channel)
        said = None if bit is None else bit != settings.inverted
        if isinstance(output, Contactor):
            order = output.tick(said, self.feedback_of(settings.feedback) if settings.feedback else None, now)
        else:
            order = output.tick(said, now)
        if order is None:
            return
        try:
            await asked(self._io.write(settings.channel, order != settings.inverted), self._who)
        except NoAnswer as error:
            log.debug("output '%s': %s", output.name, error)
        except DeviceError as error:
            if output.name not in self._refused:
                self._refused.add(output.name)
                log.error("output '%s' is not switched: %s", output.name, error)
                self.told("Error", f"output '{output.name}' is not switched: {error}")
        else:
            self._refused.discard(output.name)
            if isinstance(output, Contactor):
                output.taken()


def _at(states: Sequence[bool | None], channel: int) -> bool | None:
    return states[channel] if channel < len(states) else None
