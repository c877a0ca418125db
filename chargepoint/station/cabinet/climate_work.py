"""The climate rules at work: sensors asked, heaters, fans, main relay switched, heat told to the sharing of power."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chargepoint.clock import Clock, at_of
from chargepoint.config import ClimateSettings, SensorSettings
from chargepoint.messages import ClimatePage, ClimatePoint, ClimateSensorState, ClimateState, ReadClimate
from chargepoint.sample_history import SampleHistory
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.climate import Climate, Plausible, SensorView, Switch, decide
from chargepoint.station.cabinet.safety import Hold, Holds
from chargepoint.station.cabinet.signals import Load
from chargepoint.vocabulary import ClimateZone, OutputFunction, StopSource
from drivers.errors import DeviceError
from drivers.interfaces import ClimateReading, ClimateSensor

log = logging.getLogger(__name__)

POLL_S = 5.0
ANSWERS_FOR_S = 20.0
"""A sensor that gave nothing good for so long is not answering; it stops deciding after `climate.LOST_AFTER_S`."""
SILENT_AFTER = 4
SWITCHED_FOR_S = 30.0
HEAT, COLD = "climate/heat", "climate/cold"
HISTORY_FILE = "climate.history"
HISTORY_EVERY_S = 3 * 3600.0
"""Half a megabyte a day of a flash memory."""
MOST_SENSORS = 64


def climate_history(folder: Path, clock: Clock) -> SampleHistory:
    """What each sensor measured, °C and %, for the graph of the climate screen."""
    path = folder / HISTORY_FILE
    return SampleHistory(path, clock, "the climate", width=2, most_names=MOST_SENSORS, save_every_s=HISTORY_EVERY_S)


class SensorPoint:
    """One sensor and its last good reading."""

    def __init__(self, settings: SensorSettings, sensor: ClimateSensor, clock: Clock) -> None:
        self.settings = settings
        self.name = settings.name
        self.told: Callable[[str, str], None] = lambda action, text: None
        self._sensor = sensor
        self._clock = clock
        self._plausible = Plausible()
        self._reading: ClimateReading | None = None
        self._heard_s = clock.mono()
        self._lost = 0

    async def read(self) -> ClimateReading | None:
        """Ask it; its reading when that counts."""
        try:
            reading = await asked(self._sensor.read(), f"climate sensor '{self.name}'")
        except DeviceError as error:
            self._fail(str(error))
            return None
        now = self._clock.mono()
        if not self._plausible.takes(reading.temperature_c, reading.humidity_pct, now):
            self._fail(f"{reading.temperature_c} °C, {reading.humidity_pct} % cannot be")
            return None
        if self._lost >= SILENT_AFTER:
            self.told("Success", f"climate sensor '{self.name}' is good again")
        self._lost, self._reading, self._heard_s = 0, reading, now
        return reading

    def _fail(self, text: str) -> None:
        self._lost += 1
        if self._lost == SILENT_AFTER:
            log.warning("climate sensor '%s': %s", self.name, text)
            self.told("Error", f"climate sensor '{self.name}': {text}")

    @property
    def is_answering(self) -> bool:
        return self._reading is not None and self._clock.mono() - self._heard_s < ANSWERS_FOR_S

    def view(self) -> SensorView:
        """As the rules see it: nothing old."""
        reading = self._reading if self.is_answering else None
        return SensorView(
            name=self.name,
            zone=self.settings.zone,
            is_answering=reading is not None,
            temperature_c=None if reading is None else reading.temperature_c,
            humidity_pct=None if reading is None else reading.humidity_pct,
            silent_s=self._clock.mono() - self._heard_s,
        )

    def state(self) -> ClimateSensorState:
        reading = self._reading
        return ClimateSensorState(
            name=self.name,
            zone=self.settings.zone,
            is_answering=self.is_answering,
            temperature_c=None if reading is None else reading.temperature_c,
            humidity_pct=None if reading is None else reading.humidity_pct,
            mono_s=self._heard_s if reading is not None else 0.0,
        )


class ClimateWork:
    """Everything of the cabinet's climate."""

    def __init__(
        self,
        settings: ClimateSettings,
        sensors: Sequence[SensorPoint],
        loads: Sequence[Load],
        holds: Holds,
        history: SampleHistory,
        clock: Clock,
    ) -> None:
        self.sensors = sensors
        self.now = Climate()
        self.changed: Callable[[], None] = lambda: None
        """The power that is left has changed."""
        self.told: Callable[[str, str], None] = lambda action, text: None
        self._settings = settings
        self._loads = {
            function: [load for load in loads if load.settings.function is function]
            for function in (OutputFunction.HEATER, OutputFunction.FAN, OutputFunction.MAIN_RELAY)
        }
        self._holds = holds
        self._history = history
        self._clock = clock
        self._is_first = True
        self._saving: asyncio.Task[None] | None = None

    @property
    def is_lacking(self) -> bool:
        """A sensor does not answer."""
        return any(not sensor.is_answering for sensor in self.sensors)

    @property
    def power_share(self) -> float:
        return self.now.power_pct / 100.0

    async def run(self) -> None:
        """Ask, decide, switch, each few seconds until cancelled."""
        while self.sensors or self._loads[OutputFunction.MAIN_RELAY]:
            begun_s = self._clock.mono()
            for sensor in self.sensors:
                reading = await sensor.read()
                if reading is not None:
                    self._history.add(sensor.name, (reading.temperature_c, reading.humidity_pct))
            self.decide()
            if self._history.is_due and (self._saving is None or self._saving.done()):
                # beside the loop: fans and heaters do not wait for a disk
                self._saving = asyncio.get_running_loop().create_task(self._history.save(), name="climate history")
            await asyncio.sleep(max(0.1, POLL_S - (self._clock.mono() - begun_s)))

    def decide(self) -> None:
        """Decide and switch, now."""
        before = self._adopted() if self._is_first else self.now
        relays = self._loads[OutputFunction.MAIN_RELAY]
        views = [sensor.view() for sensor in self.sensors]
        self.now = found = decide(self._settings, views, before, self._clock.mono(), has_main_relay=bool(relays))
        self._is_first = False
        self._switch(OutputFunction.HEATER, found.heaters)
        self._switch(OutputFunction.FAN, found.fans)
        for relay in relays:
            relay.switch(found.main_relay.is_on, SWITCHED_FOR_S, self._clock.mono())
        heat = Hold(key=HEAT, source=StopSource.OVERHEAT, cause="overheat", text="The station is too hot.")
        cold = Hold(key=COLD, source=StopSource.OTHER, cause="too_cold", text="The station is too cold.")
        self._holds.set(HEAT, heat if found.is_stopped else None)
        self._holds.set(COLD, cold if found.is_too_cold else None)
        if found.why != before.why:
            log.info("climate: %s", found.why or "all power is available again")
            self.told("Error" if found.why else "Success", found.why or "climate: all power is available again")
        if found.power_pct != before.power_pct:
            self.changed()

    def _adopted(self) -> Climate:
        """What an earlier run of this software left switched on, so that a restart moves nothing."""
        relays = self._loads[OutputFunction.MAIN_RELAY]
        return Climate(
            heaters=self._left_on(OutputFunction.HEATER),
            fans=self._left_on(OutputFunction.FAN),
            main_relay=Switch(any(relay.said for relay in relays)),
        )

    def _left_on(self, function: OutputFunction) -> dict[ClimateZone, Switch]:
        zones = {sensor.settings.zone for sensor in self.sensors}
        return {
            zone: Switch(True)
            for load in self._loads[function]
            for zone in zones
            if load.said and load.settings.zone in (None, zone)
        }

    def _switch(self, function: OutputFunction, zones: Mapping[ClimateZone, Switch]) -> None:
        """Outputs of one zone as that zone needs, outputs without a zone as any zone needs."""
        for load in self._loads[function]:
            needed = [switch.is_on for zone, switch in zones.items() if load.settings.zone in (None, zone)]
            load.switch(any(needed), SWITCHED_FOR_S, self._clock.mono())

    def state(self) -> ClimateState:
        """Heaters and fans as they are meant to be, by zone; none where none is wired."""
        found = self.now
        return ClimateState(
            sensors=tuple(sensor.state() for sensor in self.sensors),
            heaters=found.zones(found.heaters) if self._loads[OutputFunction.HEATER] else (),
            fans=found.zones(found.fans) if self._loads[OutputFunction.FAN] else (),
            main_relay=found.main_relay.is_on if self._loads[OutputFunction.MAIN_RELAY] else None,
            power_pct=found.power_pct,
            stops=found.is_stopped,
            why=found.why,
        )

    async def read_climate(self, request: ReadClimate, sender: str) -> ClimatePage:
        """The graph of one sensor; no points for a sensor that is none."""
        points = (ClimatePoint(at_of(point.unix_s), *point.means) for point in self._history.points(request.sensor))
        return ClimatePage(sensor=request.sensor, points=tuple(points))

    async def close(self) -> None:
        """At an orderly end."""
        if self._saving is not None:
            await self._saving
        await self._history.save()
