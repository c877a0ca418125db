"""The cabinet: all inputs, outputs, climate, lights and supplies of the station, built and wired to its connectors."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.config import ConnectorSettings, Settings
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ClearInput,
    ClearOutput,
    EndStation,
    InputState,
    OutputState,
    ReadClimate,
    State,
)
from chargepoint.station.cabinet.climate_work import ClimateWork, SensorPoint, climate_history
from chargepoint.station.cabinet.contactors import WORN_AT, Contactor
from chargepoint.station.cabinet.cut_off import CutOff
from chargepoint.station.cabinet.facts import CabinetFacts
from chargepoint.station.cabinet.guarded import GuardedController
from chargepoint.station.cabinet.inputs import InputTrack
from chargepoint.station.cabinet.lights import Lights, Shows
from chargepoint.station.cabinet.mains import Mains, UpsPoint
from chargepoint.station.cabinet.parts import StationParts
from chargepoint.station.cabinet.safety import BY_MAINS, RULES, hold_of_input
from chargepoint.station.cabinet.signals import IoPoint, Load
from chargepoint.station.cards import Desk
from chargepoint.station.devices import open_device
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.power import PowerSharing
from chargepoint.station.site import Site
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import Cause, EventType, InputFunction, StopSource
from drivers.interfaces import ConnectorController

log = logging.getLogger(__name__)

WATCH_S = 0.1
POWER_OFF = 21


class Cabinet:
    """Everything of [[io]], [[input]], [[output]], [[sensor]], [climate], [[light]] and [[ups]].

    Build it before the connectors' controllers (`guarded`, `parts`), `attach` it to them, `begin` before they decide
    what becomes of charges that still run, then `run`.
    """

    def __init__(
        self, context: Context, site: Site, ports: Mapping[str, Any], meters: Mapping[str, MeterPoint]
    ) -> None:
        settings, clock = context.settings, context.clock
        self._settings: Settings = settings
        self._clock: Clock = clock
        self._bus: Bus = context.bus
        self._site = site
        self._meters = meters
        self.points = [
            IoPoint(each, open_device("io", each, ports), settings.input, settings.output, clock)
            for each in settings.io
        ]
        self.inputs = {track.name: track for point in self.points for track in point.inputs}
        outputs = {output.name: output for point in self.points for output in point.outputs}
        self.outputs = {each.name: outputs[each.name] for each in settings.output if each.name in outputs}
        self.contactors = {name: each for name, each in self.outputs.items() if isinstance(each, Contactor)}
        loads = [each for each in self.outputs.values() if isinstance(each, Load)]
        self._loads = loads
        self.parts = StationParts(self.inputs, self.outputs, meters, clock)
        self.guarded: list[GuardedController] = []
        self._history = climate_history(context.data, clock)
        sensors = [SensorPoint(each, open_device("sensor", each, ports), clock) for each in settings.sensor]
        self.climate = ClimateWork(settings.climate, sensors, loads, site.holds, self._history, clock)
        supplies = [UpsPoint(each, open_device("ups", each, ports), clock) for each in settings.ups]
        self.mains = Mains(supplies, self._failing, site.holds, clock, self._shut_down, self._tell)
        self._strips = {each.name: (each, open_device("light", each, ports)) for each in settings.light}
        self._facts = CabinetFacts(site.books, clock)
        self._cut_off: CutOff
        self._lights: Lights
        self.shows: Shows
        self._outlets: Sequence[Outlet] = ()
        self._wire(sensors, supplies)

    def _wire(self, sensors: Sequence[SensorPoint], supplies: Sequence[UpsPoint]) -> None:
        self.climate.told = self._tell
        for sensor in sensors:
            sensor.told = self._tell
        for supply in supplies:
            supply.told = self._tell
        for point in self.points:
            point.told = self._tell
            point.changed = self._input_changed
            point.feedback_of = self._feedback_of
        for contactor in self.contactors.values():
            contactor.on_fault = self._broke_down
            contactor.on_operation = self._operated

    def controller_of(self, settings: ConnectorSettings, inner: ConnectorController) -> ConnectorController:
        """The controller as the connector uses it: behind its contactor where it has one."""
        contactor = self.contactors.get(settings.contactor)
        if contactor is None:
            return inner
        guarded = GuardedController(inner, contactor, self._clock, lambda: self._measured_a(settings.meter))
        self.guarded.append(guarded)
        return guarded

    def attach(self, outlets: Sequence[Outlet], sharing: PowerSharing, desk: Desk) -> None:
        """The connectors are there."""
        self._outlets = outlets
        self._cut_off = CutOff(outlets, self._site, self._facts.keep)
        self._site.holds.changed = self._holds_changed
        sharing.power_share = lambda: self.climate.power_share
        sharing.reductions = self._reductions
        self.climate.changed = self._site.balance
        shows = self.shows = Shows(self._site, outlets)
        desk.card_seen, desk.card_handled = shows.card_seen, shows.card_handled
        shows.choices = lambda: desk.at_screen.choices
        self._lights = Lights(shows, outlets, self._strips, self._loads, self._clock)
        for strip in self._lights.strips:
            strip.told = self._tell

    # -------------------------------------------------------------------------------------------------------- life

    async def begin(self) -> None:
        """Take over what earlier runs kept, and read everything once."""
        facts = await self._site.books.journal.facts()
        self._facts.load(facts, self.inputs, self.contactors.values())
        self._cut_off.restore(facts)
        self._history.load()
        for track in self.inputs.values():
            self._judge(track)
        # a controller made of parts knows nothing before its meter was read
        of_parts = {each.meter for each in self._settings.connector if not each.port}
        firsts = [point.begin() for point in self.points]
        await asyncio.gather(*firsts, *(self._meters[name].read() for name in of_parts))

    async def run(self) -> None:
        """Work until cancelled."""
        self._holds_changed()  # what was found in `begin`
        try:
            await self._run()
        finally:
            self._cut_off.cancel()
            self._facts.cancel()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for point in self.points:
                group.create_task(point.run())
            if self.climate.sensors or self._loads:
                group.create_task(self.climate.run())
            if self.mains.supplies or any(track.function in BY_MAINS for track in self.inputs.values()):
                group.create_task(self.mains.run())
            if self.guarded:
                group.create_task(self._watch_guarded())
            if self.contactors:
                group.create_task(self._facts.run())
            group.create_task(self._lights.run())

    async def _watch_guarded(self) -> None:
        while True:
            for guarded in self.guarded:
                guarded.watch()
            await asyncio.sleep(WATCH_S)

    async def close(self) -> None:
        """At the end of this service."""
        await asyncio.gather(*(point.leave() for point in self.points))
        await self._facts.keep_operations()
        await self.climate.close()

    # ------------------------------------------------------------------------------------------------------ inputs

    def _input_changed(self, track: InputTrack) -> None:
        rule = RULES[track.function]
        if track.is_active and rule.latches:
            self._facts.latch(track.name)
        self._judge(track)  # before anything is written down
        said = "not known" if track.is_active is None else "active" if track.is_active else "at rest"
        log.info("input '%s' (%s): %s", track.name, track.function, said)
        self._site.books.note(EventType.SENSOR_STATE, track.function.value, f"{track.name}: {said}")
        if track.is_active and rule.security_event:
            self._site.books.note_security(rule.security_event, "service", "station", f"input {track.name}", rule.text)
        self._tell_state(f"input/{track.name}", self._input_state(track))
        if track.function is InputFunction.POWER_REDUCTION:
            self._site.balance()

    def _reductions(self) -> list[float | None]:
        """What each input that asks for less power now leaves the station; one that is not known counts as active."""
        return [
            track.settings.limit_w
            for track in self.inputs.values()
            if track.function is InputFunction.POWER_REDUCTION and (track.is_active is not False or track.is_lost)
        ]

    def _judge(self, track: InputTrack) -> None:
        key = f"input/{track.name}"
        self._site.holds.set(key, hold_of_input(track, track.name in self._facts.latched))

    def _holds_changed(self) -> None:
        self._cut_off.react()
        self._site.changed()

    def _feedback_of(self, name: str) -> bool | None:
        track = self.inputs.get(name)
        return None if track is None else track.meant

    def _failing(self) -> tuple[str, float] | None:
        """The power-fail input that is active for longest; its module may be the first without power."""
        found = [(each.active_since_s, name) for name, each in self.inputs.items() if each.function in BY_MAINS]
        active = [(name, since_s) for since_s, name in found if since_s is not None]
        return min(active, key=lambda one: one[1], default=None)

    async def clear_input(self, request: ClearInput, sender: str) -> ActionResult:
        track = self.inputs.get(request.name)
        if track is None:
            return ActionResult(ok=False, code="no_input", text=f"There is no input '{request.name}'.")
        if track.name not in self._facts.latched:
            return ActionResult(ok=False, code="not_latched", text=f"Input '{track.name}' is not latched.")
        if track.is_active is not False:
            return ActionResult(
                ok=False, code="still_active", text=f"Input '{track.name}' is still active, or cannot be read."
            )
        try:
            await self._facts.unlatch(track.name)
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        self._judge(track)
        self._note_deed(f"clear input {track.name}", request.by or sender)
        self._tell_state(f"input/{track.name}", self._input_state(track))
        return ActionResult(ok=True, code="ok")

    # ----------------------------------------------------------------------------------------------------- outputs

    def _broke_down(self, contactor: Contactor) -> None:
        self._site.books.note(EventType.DEVICE_STATE, "Error", error=f"output '{contactor.name}': {contactor.cause}")
        self._facts.broke_down(contactor)
        self._tell_state(f"output/{contactor.name}", self._output_state(contactor))

    def _operated(self, contactor: Contactor) -> None:
        self._facts.operated(contactor)
        life = contactor.settings.operations_per_life
        if contactor.is_worn and contactor.operations == math.ceil(life * WORN_AT):
            said = f"output '{contactor.name}' has closed {contactor.operations} of {life} times"
            self._tell("Error", f"{said}: exchange its contactor")

    async def clear_output(self, request: ClearOutput, sender: str) -> ActionResult:
        contactor = self.contactors.get(request.name)
        if contactor is None:
            return ActionResult(ok=False, code="no_output", text=f"There is no contactor on output '{request.name}'.")
        still_wrong = ActionResult(
            ok=False,
            code="still_wrong",
            text=f"Output '{contactor.name}' is closed, or its feedback does not say that it is open.",
        )
        if not contactor.is_clearable:
            return still_wrong
        try:
            await self._facts.mended(contactor, request.new)
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        if not contactor.clear(self._clock.mono()):  # it has closed meanwhile
            self._facts.broke_down(contactor)
            return still_wrong
        for outlet in self._outlets_of(contactor):
            if outlet.latched in (Cause.CONTACTOR_WELDED, Cause.CONTACTOR_FAILED):
                await outlet.latch(Cause.NONE)
        deed = "exchanged" if request.new else "clear fault"
        self._note_deed(f"output {contactor.name}: {deed}", request.by or sender)
        self._tell_state(f"output/{contactor.name}", self._output_state(contactor))
        return ActionResult(ok=True, code="ok")

    def _outlets_of(self, contactor: Contactor) -> list[Outlet]:
        """The connectors whose current goes through it: their own contactor, or the relay of their socket."""
        return [
            outlet
            for outlet in self._outlets
            if contactor.name in (outlet.settings.contactor, outlet.settings.options.get("relay"))
        ]

    def _measured_a(self, meter: str) -> float | None:
        reading = self.parts.meter(meter)
        if reading is None or reading.current_a is None:
            return None
        return max(abs(current) for current in reading.current_a)

    # ------------------------------------------------------------------------------------------------------- rest

    async def _shut_down(self, why: str) -> bool:
        """Ask for an orderly end and for being switched off; whether that was taken."""
        log.warning("the station is shut down: %s", why)
        self._tell("Error", f"the station is shut down: {why}")
        request = EndStation(exit_code=POWER_OFF, stop_source=StopSource.POWER_LOSS, by=why[:100])
        try:
            result = await self._bus.call("hub", request)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.error("the station cannot be shut down: %s", error)
            return False
        return result.ok or result.code == "busy"

    def serve(self) -> None:
        """Answer from now on."""
        self._bus.serve(ClearInput, self.clear_input)
        self._bus.serve(ClearOutput, self.clear_output)
        self._bus.serve(ReadClimate, self.climate.read_climate)

    @property
    def is_lacking(self) -> bool:
        """Something of the cabinet does not answer, or is worn: the station goes on, a technician is wanted."""
        return (
            any(point.is_silent for point in self.points)
            or self.climate.is_lacking
            or any(supply.is_silent for supply in self.mains.supplies)
            or any(contactor.is_worn or contactor.cause is not Cause.NONE for contactor in self.contactors.values())
        )

    @property
    def has_lights(self) -> bool:
        return self._lights.are_there

    def tell_all(self) -> None:
        """All states, for the refresh."""
        for track in self.inputs.values():
            self._tell_state(f"input/{track.name}", self._input_state(track))
        for output in self.outputs.values():
            self._tell_state(f"output/{output.name}", self._output_state(output))
        if self.climate.sensors or self._settings.sensor:
            self._tell_state("climate", self.climate.state())
        for supply in self.mains.supplies:
            self._tell_state(f"ups/{supply.name}", supply.state())
        for light in self._lights.states():
            self._tell_state(f"light/{light.name}", light)

    def _tell_state(self, topic: str, state: State) -> None:
        self._bus.set_state(topic, state)

    def _input_state(self, track: InputTrack) -> InputState:
        return InputState(
            name=track.name,
            function=track.function,
            is_active=track.is_active,
            is_latched=track.name in self._facts.latched,
            connectors=track.settings.connectors,
            since_mono_s=track.since_s,
        )

    def _output_state(self, output: Load | Contactor) -> OutputState:
        state = OutputState(name=output.name, function=output.settings.function, is_on=output.said)
        if not isinstance(output, Contactor):
            return state
        return msgspec.structs.replace(
            state,
            feedback=output.feedback if output.settings.feedback else None,
            operations=output.operations,
            operations_per_life=output.settings.operations_per_life,
            cause=output.cause,
        )

    def _tell(self, action: str, text: str) -> None:
        is_error = action == "Error"
        self._site.books.note(EventType.DEVICE_STATE, action, "" if is_error else text, error=text if is_error else "")

    def _note_deed(self, deed: str, by: str) -> None:
        self._site.books.note(EventType.REMOTE_COMMAND, deed, by)
