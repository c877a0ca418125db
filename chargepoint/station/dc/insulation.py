"""The insulation of a DC output against earth, by a monitor of the station.

It warns below one resistance per volt and ends a charge below another (IEC 61851-23: 100 ohm per volt, at least as
strict as that). The monitor's own thresholds are set for the highest voltage of the output, and its own alarm ends a
charge as well: whichever says no first. A monitor that has had no good value for `LOST_AFTER_S` in a charge ends it
too: nobody knows the insulation then. What ended a charge keeps the connector from the next one until the insulation
is known to be good and the vehicle has left.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from chargepoint.clock import Clock
from chargepoint.config import InsulationSettings
from chargepoint.messages import InsulationState
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.safety import Hold, Holds
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause, ControllerStatus, StopSource
from drivers.errors import DeviceError, NoAnswer, Refused
from drivers.interfaces import InsulationMonitor, InsulationReading

log = logging.getLogger(__name__)

POLL_S = 1.0
FAST_POLL_S = 0.4
"""While a charge begins or runs."""
SILENT_POLL_S = 3.0
LOST_AFTER_S = 5.0
"""A monitor tests itself and is asked again over noise: so long a charge goes on without a value."""
HIGHEST_V = 1000.0
"""For the monitor's own thresholds."""
ALIVE_V = 60.0
"""Below this there is no voltage that insulation would matter for."""
REFRESH_S = 2.0
SELF_TEST_S = 40.0
"""The longest that a monitor may test itself."""

Note = Callable[[str, str, str], None]
"""Action, message, error: for the operation log."""


def is_low(reading: InsulationReading, ohm_per_v: float, voltage_v: float) -> bool:
    """The resistance is below `ohm_per_v` at `voltage_v`; one that is only known to be at least that much is not."""
    if reading.is_at_least:
        return False
    return not reading.resistance_ohm >= ohm_per_v * voltage_v


class InsulationWatch:
    """The monitor `settings.name`, for `outlet` (None: it is only shown). `run` must be running."""

    def __init__(
        self,
        settings: InsulationSettings,
        monitor: InsulationMonitor,
        outlet: Outlet | None,
        holds: Holds,
        clock: Clock,
        publish: Callable[[str, InsulationState], None] = lambda topic, state: None,
        note: Note = lambda action, message, error: None,
    ) -> None:
        self.name = settings.name
        self.reading: InsulationReading | None = None
        self.mono_s = -math.inf
        self._settings = settings
        self._monitor = monitor
        self._outlet = outlet
        self._holds = holds
        self._clock = clock
        self._publish = publish
        self._note = note
        self.is_testing = False
        self._tested_s = -math.inf
        """When it last ended a test of itself."""
        self._begun_s = clock.mono()
        self._faulty: InsulationReading | None = None
        """What it says now while it has a fault of its own: shown, and good for nothing else."""
        self._is_prepared = False
        self._error = ""
        self._is_warned = False
        self._is_bad = False
        """It has ended a charge, and its vehicle is still there (or it is still bad)."""
        self._shown: tuple[object, ...] | None = None
        self._shown_s = -math.inf

    @property
    def is_answering(self) -> bool:
        """There was a good value a short while ago."""
        return self.reading is not None and self._clock.mono() - self.mono_s <= LOST_AFTER_S

    @property
    def good_reading(self) -> InsulationReading | None:
        """The last good reading, None once it is too old to count."""
        return self.reading if self.is_answering else None

    @property
    def resistance_ohm(self) -> float | None:
        """What a controller is told; None while it is not known."""
        reading = self.good_reading
        return None if reading is None else reading.resistance_ohm

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            charges = self._outlet is not None and self._outlet.in_transaction
            is_lost = not self._is_prepared and bool(self._error)
            await asyncio.sleep(FAST_POLL_S if charges else SILENT_POLL_S if is_lost else POLL_S)

    async def look(self) -> None:
        """Ask once, judge, tell. While it tests itself it is not asked."""
        if self.is_testing:
            self._judge()
            self._show()
            return
        try:
            if not self._is_prepared:
                await self._prepare()
            self._faulty = None
            reading = await asked(self._monitor.read(), self._who)
            if reading.fault:
                self._faulty = reading
                raise Refused(f"insulation monitor '{self.name}' has a fault: {reading.fault}")
        except DeviceError as error:
            self._on_error(error)
        else:
            self._on_reading(reading)
        self._judge()
        self._show()

    async def _prepare(self) -> None:
        settings = self._settings
        warning_ohm, alarm_ohm = settings.warning_ohm_per_v * HIGHEST_V, settings.alarm_ohm_per_v * HIGHEST_V
        try:
            await asked(self._monitor.prepare(warning_ohm, alarm_ohm), self._who)
        except Refused as error:
            log.warning("insulation monitor '%s' keeps its own thresholds: %s", self.name, error)
        self._is_prepared = True

    @property
    def outlet(self) -> Outlet | None:
        return self._outlet

    async def test_itself(self, connectors: frozenset[int] = frozenset()) -> str:
        """Let the monitor test itself; the fault found, or empty. Whoever calls has seen that nobody is there; until
        it has a value again nobody may start. `connectors`: nobody may there either, to the end of the test. Raises
        DeviceError."""
        key = f"insulation_test/{self.name}"
        if connectors:
            self._hold_for_test(key, connectors)
        self.is_testing = True
        self._judge()
        log.info("insulation monitor '%s' tests itself", self.name)
        try:
            async with asyncio.timeout(SELF_TEST_S):
                return await asked(self._monitor.self_test(), self._who)
        except TimeoutError:
            return f"the self test did not end within {SELF_TEST_S:.0f} s"
        finally:
            self._holds.set(key, None)
            self.is_testing = False
            self._tested_s = self._clock.mono()

    @property
    def _who(self) -> str:
        return f"insulation monitor '{self.name}'"

    def _on_error(self, error: DeviceError) -> None:
        text = str(error)
        if self._error != text:
            log.log(logging.DEBUG if self._error else logging.WARNING, "insulation monitor '%s': %s", self.name, text)
        self._error = text
        if isinstance(error, NoAnswer) and not self.is_answering:
            self._is_prepared = False  # it may have been away and forgotten

    def _on_reading(self, reading: InsulationReading) -> None:
        if self._error:
            log.info("insulation monitor '%s' has values again", self.name)
        self._error = ""
        self.reading, self.mono_s = reading, self._clock.mono()

    # --------------------------------------------------------------------------------------------------------- meaning

    @property
    def voltage_v(self) -> float:
        """The highest that is measured at the output."""
        reading = self.good_reading
        found = [reading.voltage_v or 0.0] if reading is not None else []
        if self._outlet is not None and self._outlet.reading is not None and self._outlet.is_heard:
            found.append(self._outlet.reading.voltage_v)
        return max((value for value in found if math.isfinite(value)), default=0.0)

    @property
    def has_alarm(self) -> bool:
        """Below the threshold that ends a charge, or the monitor's own alarm."""
        reading = self.good_reading
        return reading is not None and (
            reading.alarm or is_low(reading, self._settings.alarm_ohm_per_v, self.voltage_v)
        )

    @property
    def has_warning(self) -> bool:
        """Below the threshold that warns, or the monitor's own warning."""
        reading = self.good_reading
        return reading is not None and (
            reading.warning or reading.alarm or is_low(reading, self._settings.warning_ohm_per_v, self.voltage_v)
        )

    def _judge(self) -> None:
        """What the last reading, or its age, means for the connector."""
        self._warn()
        outlet = self._outlet
        if outlet is None:
            return
        now = self._clock.mono()
        is_beginning = self.reading is None and now - self._begun_s <= LOST_AFTER_S
        is_after_test = not self.is_answering and now - self._tested_s <= LOST_AFTER_S
        is_tested = (self.is_testing or is_after_test) and not outlet.in_transaction
        is_lost = not (self.is_answering or is_beginning or is_tested)
        if outlet.in_transaction:
            self._is_bad = self._is_bad or self.has_alarm
        elif self._is_bad and _is_empty(outlet) and self.is_answering and not self.has_alarm:
            self._is_bad = False
        if is_tested and not (self._is_bad or self.has_alarm):
            self._hold_for_test(f"insulation/{self.name}", frozenset({outlet.number}))
        else:
            self._hold(outlet, is_lost)

    def _hold_for_test(self, key: str, connectors: frozenset[int]) -> None:
        """Nobody may start; nothing is ended, for nothing runs."""
        text = "The insulation monitor of this connector tests itself; it takes a minute at most."
        self._holds.set(
            key,
            Hold(
                key=key, source=StopSource.OTHER, cause="insulation_test", text=text, code="busy", stops=False,
                connectors=connectors, is_seen=False,
            ),
        )  # fmt: skip

    def _hold(self, outlet: Outlet, is_lost: bool) -> None:
        key = f"insulation/{self.name}"
        if not (self._is_bad or self.has_alarm or is_lost):
            self._holds.set(key, None)
            return
        text = "The insulation of this connector is too low." if not is_lost else (
            "The insulation of this connector is not known: its monitor gives no value."
        )  # fmt: skip
        self._holds.set(
            key,
            Hold(
                key=key,
                source=StopSource.CONNECTOR_ERROR,
                cause=Cause.INSULATION_FAILED.value,
                text=text,
                connectors=frozenset({outlet.number}),
                at_once=True,
                is_seen=not is_lost,
            ),
        )

    def _warn(self) -> None:
        if self.has_warning == self._is_warned:
            return
        self._is_warned = self.has_warning
        reading = self.reading
        value = "" if reading is None else f"{reading.resistance_ohm / 1000:.0f} kohm at {self.voltage_v:.0f} V"
        text = f"insulation '{self.name}': {value}"
        if self._is_warned:
            log.warning("%s is low", text)
            self._note("Insulation", "", f"{text} is low")
        else:
            log.info("%s is well again", text)
            self._note("Insulation", f"{text} is well again", "")

    def _show(self) -> None:
        now = self._clock.mono()
        fault = self._faulty.fault if self._faulty is not None else ""
        key = (self.is_answering, self._is_warned, self.has_alarm, fault)
        if key == self._shown and now - self._shown_s < REFRESH_S:
            return
        self._shown, self._shown_s = key, now
        self._publish(
            f"insulation/{self.name}",
            InsulationState(
                name=self.name,
                connector=self._outlet.number if self._outlet is not None else 0,
                is_answering=self.is_answering,
                reading=self._faulty or self.reading,
                mono_s=now if self._faulty is not None else self.mono_s if self.reading is not None else 0.0,
            ),
        )


def _is_empty(outlet: Outlet) -> bool:
    return outlet.reading is not None and outlet.reading.status is ControllerStatus.A_NOT_CONNECTED
