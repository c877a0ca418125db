"""Meters at work: one poll a second, silence noticed, energy that never falls (R12)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from chargepoint.clock import Clock
from chargepoint.station.asking import asked
from chargepoint.station.bookkeeping import Books
from chargepoint.station.metering import Anomaly, MeterTrack
from chargepoint.station.signing import Signing
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType
from drivers.errors import DeviceError, Refused
from drivers.interfaces import ControllerReading, EnergyMeter, Identity, MeterReading, SignsSessions

log = logging.getLogger(__name__)

POLL_S = 1.0
SILENT_POLL_S = 5.0
FRESH_WITHIN_S = 1.5
FRESH_S = 2.5
"""A reading that is not older still counts as one of now."""
SILENT_AFTER_S = 5.0
"""A meter that has given no good reading for this long counts as not answering."""


class MeterPoint:
    """One meter, its last good reading and its age; `connector` 0 is the whole station's."""

    def __init__(
        self,
        name: str,
        connector: int,
        meter: EnergyMeter,
        max_power_w: float,
        books: Books,
        clock: Clock,
        station: str = "",
    ) -> None:
        self.name = name
        self.connector = connector
        self.reading: MeterReading | None = None
        self.mono_s = clock.mono()
        self._meter = meter
        self._max_power_w = max_power_w
        self._track = MeterTrack(max_power_w)
        self._since_mono_s = clock.mono()
        self._books = books
        self._clock = clock
        self._lost_polls = 0
        self._serial = ""
        self._lock = asyncio.Lock()
        self.signing: Signing | None = None
        """Its signed sessions, for a connector's meter that can sign."""
        if connector and isinstance(meter, SignsSessions):
            self.signing = Signing(name, connector, meter, station, books, clock)

    @property
    def energy_wh(self) -> int | None:
        """The import register as reported: monotone across resets of the meter; None before the first reading."""
        return self._track.energy_wh

    @property
    def end_record(self) -> bytes | None:
        """The signed record of the session that has just ended, as the meter gave it."""
        return None if self.signing is None else self.signing.record

    def silent_for(self) -> float:
        """Seconds since the last good reading (a frozen display is none), or since this software started."""
        now = self._clock.mono()
        return min(self._track.silent_for(now), now - self._since_mono_s)

    @property
    def is_answering(self) -> bool:
        return self.reading is not None and self.silent_for() < SILENT_AFTER_S

    @property
    def fresh(self) -> MeterReading | None:
        """The last good reading, None when it is older than two polls or so."""
        return self.reading if self.silent_for() < FRESH_S else None

    @property
    def is_silent(self) -> bool:
        """Not heard for long enough to say so; a meter that has not been asked yet is not."""
        return self.silent_for() >= SILENT_AFTER_S

    def begin(self) -> int:
        """A transaction begins: its meter start. Raises CannotRecord before the first good reading."""
        if self._track.energy_wh is None:
            raise CannotRecord(f"meter '{self.name}' has not answered yet: there is no register to start from")
        return self._track.energy_wh

    def resume(self, register_wh: int, mono_s: float) -> None:
        """A charge is adopted whose register stood at `register_wh` at monotonic `mono_s`: never report less."""
        self._track = MeterTrack.resumed(self._max_power_w, register_wh, mono_s)

    def note_controller(self, reading: ControllerReading) -> None:
        """What the controller measures meanwhile: to notice a frozen meter, and to bridge a silent one."""
        self._track.note_controller(reading, self._clock.mono())

    def estimate(self, reading: ControllerReading) -> int:
        """The meter is silent: its register by the controller's own count, of at most 60 s (R13)."""
        self._track.estimate_by_controller(reading)
        return self._track.energy_wh or 0

    async def run(self) -> None:
        """Poll until cancelled; a silent meter is asked less often, so that it does not starve its neighbours."""
        while True:
            started = self._clock.mono()
            await self.read()
            wait = POLL_S if self.is_answering or self._lost_polls < 3 else SILENT_POLL_S
            await asyncio.sleep(max(0.0, wait - (self._clock.mono() - started)))

    async def identify(self) -> Identity:
        """Who it is. Another serial number than before: its register begins anew (R12). Raises DeviceError."""
        async with self._lock:
            return await self._identify()

    async def _identify(self) -> Identity:
        identity = await asked(self._meter.identify(), self._who)
        if identity.serial:
            if self._serial and self._serial != identity.serial:
                self._track.exchanged()
            self._serial = identity.serial
        return identity

    async def read(self) -> bool:
        """One poll; whether it gave a good reading. One that comes back from silence says first who it is."""
        async with self._lock:
            try:
                if self._serial and self._lost_polls >= 3:
                    with suppress(Refused):  # another kind of meter may not tell: its register is judged all the same
                        await self._identify()
                reading = await asked(self._meter.read(), self._who)
            except DeviceError as error:
                self._fail(str(error))
                return False
            now = self._clock.mono()
            verdict = self._track.accept(reading, now)
            if isinstance(verdict, Anomaly):
                self._note_anomaly(verdict)
                return False
            if verdict.note:
                log.warning("meter '%s': %s", self.name, verdict.note)
                self._note("Success", f"meter '{self.name}': {verdict.note}")
            if self._lost_polls >= 3:
                text = (
                    f"meter '{self.name}': answers again after {self.silent_for():.0f} s, {self._lost_polls} polls lost"
                )
                log.info(text)
                self._note("Success", text)
            self._lost_polls = 0
            self.reading, self.mono_s = reading, now
        return True

    async def read_fresh(self, tries: int = 3) -> bool:
        """A reading from now on, not one from before; False when the meter does not give one soon enough.

        A connector's loop waits for it: some meters take a second to be known as silent, and it must go round.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FRESH_WITHIN_S):
                for _ in range(tries):
                    if await self.read():
                        return True
        return False

    @property
    def _who(self) -> str:
        return f"meter '{self.name}'"

    def _fail(self, text: str) -> None:
        self._lost_polls += 1
        if self._lost_polls == 3:
            log.warning("meter '%s': %s", self.name, text)
            self._note("Error", error=text)

    def _note_anomaly(self, anomaly: Anomaly) -> None:
        if anomaly.is_new:
            log.warning("meter '%s': %s", self.name, anomaly.text)
            self._note("Anomaly", error=f"meter '{self.name}': {anomaly.text}")

    def _note(self, action: str, message: str = "", error: str = "") -> None:
        self._books.note(EventType.DEVICE_STATE, action, message, error=error, connector=self.connector or None)
