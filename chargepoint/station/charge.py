"""One running transaction: what readings add to its record, when it has to end, and what it came to."""

from __future__ import annotations

from chargepoint.clock import Clock
from chargepoint.config import StationSettings
from chargepoint.config_power import PowerSettings
from chargepoint.records import Session
from chargepoint.station.connector import Event, FaultRaised, Phase, StopAsked
from chargepoint.station.meters import MeterPoint
from chargepoint.station.session import ChargeRate, note_reading
from chargepoint.vocabulary import StopSource
from drivers.interfaces import ControllerReading

DRAWING_A = 0.5
"""Below this a vehicle draws nothing."""

EnergyLimit = tuple[int, StopSource | None]
"""Energy in Wh at which a transaction ends, and why it ends then; None: it goes on without energy."""


class Charge:
    """The transaction of `session`, from its start (or its adoption) to its end."""

    def __init__(self, session: Session, meter: MeterPoint, clock: Clock, energy_limit: EnergyLimit | None) -> None:
        self.session = session
        self.energy_limit = energy_limit
        self.is_end_sampled = False
        self.idle_since_s: float | None = None
        """Since when (monotonic) the vehicle draws nothing although energy may flow."""
        self.lacking_since_s: float | None = None
        """Since when (monotonic) there is no power for it."""
        self._meter = meter
        self._clock = clock
        self._rate = ChargeRate(session.power_type, session.soc_start_pct)

    @property
    def energy_wh(self) -> int:
        """Energy so far, by the meter."""
        start_wh = self.session.meter_start_wh or 0
        return max(0, (self._meter.energy_wh or start_wh) - start_wh)

    @property
    def idle_s(self) -> float:
        return 0.0 if self.idle_since_s is None else self._clock.mono() - self.idle_since_s

    @property
    def is_used_up(self) -> bool:
        """Whether its energy limit is reached: no more may flow."""
        return self.energy_limit is not None and self.energy_wh >= self.energy_limit[0]

    def lower_energy_limit(self, limit: EnergyLimit) -> EnergyLimit:
        """A further bound; the lowest counts, and is returned."""
        if self.energy_limit is None or limit[0] < self.energy_limit[0]:
            self.energy_limit = limit
        return self.energy_limit

    def note(self, reading: ControllerReading, phase: Phase, is_offered: bool = True) -> None:
        """One poll of the controller. A vehicle draws nothing by its own will only where something `is_offered`."""
        note_reading(self.session, reading)
        self.session.delivered_wh = self.energy_wh
        self._rate.note(reading, self._clock.mono())
        self.session.charge_rate_pct_per_min = self._rate.pct_per_min
        self._meter.note_controller(reading)
        if not is_offered or phase is not Phase.CHARGING or max(abs(value) for value in reading.current_a) > DRAWING_A:
            self.idle_since_s = None
        elif self.idle_since_s is None:
            self.idle_since_s = self._clock.mono()

    def note_lack(self, lacks_power: bool) -> None:
        """What the sharing of power has for it: nothing, or something."""
        if not lacks_power:
            self.lacking_since_s = None
        elif self.lacking_since_s is None:
            self.lacking_since_s = self._clock.mono()

    def _lacks_for(self, seconds: float) -> bool:
        since = self.lacking_since_s
        return seconds > 0 and since is not None and self._clock.mono() - since >= seconds

    def why_end(self, station: StationSettings, power: PowerSettings) -> Event | None:
        """The rule that ends this charge now, if one does."""
        if self._meter.silent_for() > station.meter_lost_delay_s:
            return FaultRaised(source=StopSource.METER_ERROR)
        if self.is_used_up and self.energy_limit is not None and self.energy_limit[1] is not None:
            return StopAsked(source=self.energy_limit[1])
        session = self.session
        elapsed_s = self._clock.mono() - session.started.mono_s if session.started is not None else 0.0
        if session.ordered_duration_s is not None and elapsed_s >= session.ordered_duration_s:
            return StopAsked(source=StopSource.TIME_LIMIT)
        if elapsed_s >= station.max_session_duration_s:
            return StopAsked(source=StopSource.MAX_DURATION)
        if self._lacks_for(power.end_without_power_s):
            return StopAsked(source=StopSource.NO_POWER)
        return None

    async def last_register(self, reading: ControllerReading | None, kept_wh: int) -> tuple[int, bool]:
        """The meter stop, and whether the meter itself said so.

        Without a fresh reading: the last good one and the controller's own count of at most 60 s since; a meter that
        has not answered since a restart, or began anew: the start and `kept_wh`, what the last history row held (R13).
        """
        is_metered = await self._meter.read_fresh()
        if not is_metered and reading is not None:
            self._meter.estimate(reading)
        least_wh = (self.session.meter_start_wh or 0) + kept_wh
        return max(least_wh, self._meter.energy_wh or 0), is_metered
