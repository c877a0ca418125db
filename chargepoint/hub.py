"""The hub: carries the bus, keeps settings and users, owns wall time, watches over services, stops them in order."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.door import Door
from chargepoint.exchange import Exchange, Pace, connect
from chargepoint.factory_reset import RESET
from chargepoint.household import Household
from chargepoint.last_run import LastRun, start_cause
from chargepoint.messages import (
    ActionResult,
    EndStation,
    Noted,
    PrepareToStop,
    RestartService,
    SecurityNoted,
    SupervisorState,
    TimeLearned,
)
from chargepoint.reconfiguration import Reconfiguration
from chargepoint.services import World
from chargepoint.storage.database import CannotRecord, Damaged, InUse, NewerVersion
from chargepoint.storage.settings import SettingsStore
from chargepoint.supervision import Processes, Supervision
from chargepoint.timekeeping import LATEST, floor_to_keep
from chargepoint.version import VERSION
from chargepoint.vocabulary import EventType, StartCause, StopSource
from chargepoint.wall_time import WallTime, system_offset_s

log = logging.getLogger(__name__)

EXIT_CODES: dict[int, str] = {
    0: "stop",
    10: "install the application",
    11: "install controller firmware",
    12: "install the web configurator",
    20: "reboot",
    21: "power off",
    30: "restart (soft reset)",
}
"""What the launcher's exit code asks of whoever started it."""

EXIT_CODES_OF = {"ocpp": (20, 30), "station": (21,), "fota": (10, 11, 12, 30), "diag": (30,)}
"""A central system may ask for a reset, hard or soft, and for no other end; the station itself for being switched off
when its battery runs out, updates for being installed, the daily restart for itself (S24)."""

STORE_ERRORS = (CannotRecord, Damaged, InUse, NewerVersion, OSError, sqlite3.Error)

STOP_BUDGET_S = 3.0
"""For the whole orderly stop when a signal asks for it; what is not done then the lease does."""
CALM_STOP_BUDGET_S = 10.0
"""The same when somebody asked over the bus (a reset, an update): charges may ramp down in peace."""
DOORS_SHARE, STATION_SHARE = 0.1, 0.75
"""Parts of the budget by which the doors and then the station are to have ended; the rest is for `ocpp` to tell."""
LAST_SHARE = 0.9
RECORD_SHARE = 0.2
"""Part of the station's time that is left for its records, after the time in which charges may end."""
CLOCK_LOOK_S = 1.0
FLOOR_EVERY_S = 3600.0


class Hub:
    """One run of the house. `make_processes(hub)` gives what starts and kills services."""

    def __init__(
        self,
        world: World,
        make_processes: Callable[[Hub], Processes],
        system_offset: Callable[[], float] | None = system_offset_s,
        pace: Pace | None = None,
    ) -> None:
        self.world = world
        self.clock: Clock = world.make_clock()
        self.exchange = Exchange(pace=pace)
        self.bus: Bus = connect(self.exchange, "hub")
        self.exit_code = 1
        self.on_leaving: Callable[[int, float], None] = lambda exit_code, budget_s: None
        self._processes = make_processes(self)
        self._system_offset = system_offset
        self._wish: asyncio.Future[tuple[int, StopSource, float]] = asyncio.get_running_loop().create_future()
        self._born = SupervisorState(
            start_cause=StartCause.POWER_ON,
            boots=0,
            crashes=0,
            is_degraded=False,
            version=world.settings.station.firmware_version or VERSION,
        )
        self.supervision = Supervision(
            world.needed(), self.exchange, self.bus, self._processes, on_death=self._count_death
        )
        self.exchange.on_refusal = self._note_refusal
        self._deaths: dict[str, int] = {}
        self._version_before: str | None = None
        self.is_over = False
        self._background: set[asyncio.Task[None]] = set()

    def leave(self, exit_code: int, stop_source: StopSource, budget_s: float = STOP_BUDGET_S) -> None:
        """Begin the orderly stop; a second wish changes nothing."""
        if not self._wish.done():
            self._wish.set_result((exit_code, stop_source, budget_s))

    async def run(self) -> int:
        """Until somebody wishes to leave; then stop everything in order. Returns the exit code."""
        store = await self._open_store()
        self.wall_time = WallTime(self.clock, self.bus, self._system_offset)
        tasks = [asyncio.create_task(self.bus.run(), name="bus of hub")]
        try:
            if store is not None:
                await self._remember_birth(store)
                changing = Reconfiguration(
                    self.world.config, self.world.folder("hub"), store, self.bus, self.clock, self._leave_soon
                )
                await self._reset_if_armed(changing)
                Household(store, self.bus, card_alone=self.world.settings.screen.card_alone).tell()
                self._also(tasks, changing.watch(), "trial of a station file")
            self.bus.serve(RestartService, self._restart_service)
            self.bus.serve(EndStation, self._end_station)
            self.wall_time.tell()
            self._note_damage()
            self._note_birth()
            self.supervision.begin(self._born)
            async with Door(self.exchange, self.world.folder("hub")):
                self._also(tasks, self.supervision.watch(), "watch over services")
                self._also(tasks, self._hear_time(), "sources of time")
                self._also(tasks, self._look_at_clock(store), "the system's clock")
                waited: set[asyncio.Future[Any]] = {self._wish, *tasks}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()  # none of them ends by itself: what went wrong ends the hub, all start anew
                        raise RuntimeError(f"{task.get_name()} ended by itself")
                exit_code, stop_source, budget_s = self._wish.result()
                await self._stop(exit_code, stop_source, budget_s)
            if store is not None:
                await self._remember_end(store, exit_code)
            self.exit_code = exit_code
            return exit_code
        finally:
            self.is_over = True
            self.exchange.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._background, return_exceptions=True)
            if store is not None:
                await store.close()

    def _also(self, tasks: list[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str) -> None:
        tasks.append(asyncio.create_task(work, name=name))

    def _leave_soon(self, exit_code: int) -> None:
        """As `leave`, once the answer to who asked for it is on its way."""
        asyncio.get_running_loop().call_soon(self.leave, exit_code, StopSource.APP_RESTART, CALM_STOP_BUDGET_S)

    async def _reset_if_armed(self, changing: Reconfiguration) -> None:
        try:
            await changing.begin()
        except STORE_ERRORS as error:
            log.error("settings.db: a factory reset cannot be carried out: %s", error)

    # ------------------------------------------------------------------------------------------- memory

    async def _open_store(self) -> SettingsStore | None:
        """The settings; None (and the station works without) when even that file cannot be opened or made."""
        try:
            store = await SettingsStore.open(self.world.folder("hub"), self.clock)
        except STORE_ERRORS as error:
            log.critical("settings.db cannot be opened (%s): no setting and no user can be read or saved", error)
            return None
        if store.damage:
            log.error("settings.db: %s", store.damage)
            self.bus.publish(
                Noted(event_type=EventType.STORAGE, action="Error", message=store.damage, error="settings.db damaged")
            )
        return store

    def _note_damage(self) -> None:
        if self.world.config_damage:
            error = " ".join(self.world.config_damage)[:2000]
            message = "station.toml cannot be used; the last good one serves"
            self.bus.publish(
                Noted(event_type=EventType.STATION_CONFIGURED, action="Error", message=message, error=error)
            )

    def _note_birth(self) -> None:
        """What the central system must hear of a start."""
        cause, version, before = self._born.start_cause, self._born.version, self._version_before
        self._note_security("StartupOfTheDevice", cause.value, f"version {version}")
        if cause is not StartCause.POWER_ON:
            self._note_security("ResetOrReboot", cause.value)
        if before is not None and before != version:
            self._note_security("FirmwareUpdated", "started", f"{before} -> {version}")

    def _note_security(self, kind: str, operation: str, extra: str = "") -> None:
        self.bus.publish(
            SecurityNoted(type=kind, source_type="service", source="hub", operation=operation, extra=extra)
        )

    async def _remember_birth(self, store: SettingsStore) -> None:
        self._raise_floor(store.fact("last_known_time"))
        boot_id = store.fact("boot_id")
        version, self._version_before = self._born.version, store.fact("version")
        exit_code = store.fact("exit_code")
        last = LastRun(boot_id, _count(exit_code) if exit_code else None) if boot_id else None
        cause = start_cause(last, self.clock.boot_id)
        boots = _count(store.fact("boots")) + 1
        crashes = _count(store.fact("crashes")) + (cause is StartCause.CRASH)
        facts = {
            "boots": str(boots),
            "crashes": str(crashes),
            "boot_id": self.clock.boot_id,
            "exit_code": None,
            "version": version,
        }
        try:
            await store.set_facts(facts)
        except STORE_ERRORS as error:
            log.error("settings.db: the start cannot be remembered: %s", error)
        log.info("start %d, cause %s, %d crashes so far", boots, cause, crashes)
        self._born = msgspec.structs.replace(self._born, start_cause=cause, boots=boots, crashes=crashes)

    async def _remember_end(self, store: SettingsStore, exit_code: int) -> None:
        try:
            await store.set_facts(
                {"exit_code": str(exit_code), RESET: None, **self._time_fact(), **self._death_facts(store)}
            )
        except STORE_ERRORS as error:
            log.error("settings.db: the end cannot be remembered: %s", error)

    def _raise_floor(self, last_known: str | None) -> None:
        if last_known is None:
            return
        try:
            at = datetime.fromisoformat(last_known).astimezone(UTC)
        except (ValueError, OverflowError):
            at = None
        if at is None or at > LATEST:
            log.error("settings.db: the last known time %r is none; it is passed over", last_known[:40])
            return
        self.clock.floor = max(self.clock.floor, at)
        if self.clock.source == "system" and self.clock.offset_s + self.clock.mono() < at.timestamp():
            log.warning("the system's clock is before the last known time %s: the time is not known", last_known)
            self.clock.offset_s, self.clock.source = 0.0, "unset"

    def _time_fact(self) -> dict[str, str | None]:
        """The time to remember as the earliest that can be true from now on: only if told by somebody we trust."""
        if self.clock.source not in ("server", "person"):
            return {}
        kept = floor_to_keep(self.clock.now(), self.clock.floor, self.clock.mono())
        return {"last_known_time": kept.isoformat()}

    def _count_death(self, name: str) -> None:
        self._deaths[name] = self._deaths.get(name, 0) + 1

    def _death_facts(self, store: SettingsStore) -> dict[str, str | None]:
        """Unwished ends of each service, over all runs."""
        deaths, self._deaths = self._deaths, {}
        return {f"deaths.{name}": str(_count(store.fact(f"deaths.{name}")) + n) for name, n in deaths.items()}

    # ---------------------------------------------------------------------------------------------- time

    async def _hear_time(self) -> None:
        async for told in self.bus.subscribe(TimeLearned):
            self.wall_time.learn(told)

    async def _look_at_clock(self, store: SettingsStore | None) -> None:
        remember_s = self.clock.mono() + FLOOR_EVERY_S
        while True:
            await asyncio.sleep(CLOCK_LOOK_S)
            self.wall_time.look_at_system()
            if store is not None and self.clock.mono() >= remember_s:
                remember_s = self.clock.mono() + FLOOR_EVERY_S
                facts = {**self._time_fact(), **self._death_facts(store)}
                try:
                    if facts:
                        await store.set_facts(facts)
                except STORE_ERRORS as error:
                    log.error("settings.db: the time cannot be remembered: %s", error)

    # --------------------------------------------------------------------------------------------- calls

    async def _restart_service(self, request: RestartService, sender: str) -> ActionResult:
        result = self.supervision.restart(request.name, f"{request.by or sender} ({sender})")
        self._note_command(f"restart of {request.name[:40]}", request.by, sender, result)
        return result

    async def _end_station(self, request: EndStation, sender: str) -> ActionResult:
        if request.exit_code not in EXIT_CODES:
            known = ", ".join(f"{code} {what}" for code, what in EXIT_CODES.items())
            result = ActionResult(ok=False, code="unknown_exit_code", text=f"{request.exit_code} is none of: {known}.")
        elif request.exit_code not in EXIT_CODES_OF.get(sender, EXIT_CODES):
            result = ActionResult(ok=False, code="forbidden", text=f"{sender} may not ask for this end.")
        elif self._wish.done():
            result = ActionResult(ok=False, code="busy", text="The station is stopping already.")
        else:
            result = ActionResult(ok=True, code="ok", text=f"The station ends: {EXIT_CODES[request.exit_code]}.")
            asyncio.get_running_loop().call_soon(self.leave, request.exit_code, request.stop_source, CALM_STOP_BUDGET_S)
        self._note_command(EXIT_CODES.get(request.exit_code, "end"), request.by, sender, result)
        return result

    def _note_command(self, what: str, by: str, sender: str, result: ActionResult) -> None:
        self.bus.publish(
            Noted(
                event_type=EventType.REMOTE_COMMAND,
                action="Success" if result.ok else "Failed",
                message=f"{what}, asked by {by[:100] or sender} ({sender})",
                error="" if result.ok else result.text,
            )
        )

    def _note_refusal(self, name: str, kind: str, text: str) -> None:
        self.bus.publish(
            SecurityNoted(
                type="InvalidMessages", source_type="service", source=name, operation=f"bus: {kind}", extra=text
            )
        )

    # ---------------------------------------------------------------------------------------------- stop

    async def _stop(self, exit_code: int, stop_source: StopSource, budget_s: float) -> None:
        """Doors, then station (0 A, stop, journal), then ocpp (tells what came of it), then the rest."""
        begun_s = asyncio.get_running_loop().time()
        log.info("stopping: %s (exit code %d), within %g s", EXIT_CODES[exit_code], exit_code, budget_s)
        self.on_leaving(exit_code, budget_s)
        watch = self.supervision
        watch.stop_restarting()
        doors = [service.name for service in self.world.needed() if service.is_door]
        rest = [name for name in watch.lives if name not in (*doors, "station", "ocpp")]
        await self._end(doors, begun_s + DOORS_SHARE * budget_s)
        if "station" in watch.lives and watch.lives["station"].is_alive:
            until_s = begun_s + STATION_SHARE * budget_s
            await self._prepare_station(exit_code, stop_source, until_s - asyncio.get_running_loop().time())
            await self._end(["station"], until_s)
        if "ocpp" in watch.lives:
            await self._end(["ocpp"], begun_s + LAST_SHARE * budget_s)
        await self._end(rest, begun_s + LAST_SHARE * budget_s)

    async def _prepare_station(self, exit_code: int, stop_source: StopSource, timeout_s: float) -> None:
        timeout_s = max(0.1, timeout_s)
        try:
            within_s = timeout_s * (1 - RECORD_SHARE)
            request = PrepareToStop(stop_source=stop_source, exit_code=exit_code, within_s=within_s)
            await self.bus.call("station", request, timeout_s=timeout_s)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.error("station is not prepared to stop: %s", error)

    async def _end(self, names: list[str], until_s: float) -> None:
        """Ask these to stop, wait, kill those that did not."""
        alive = [name for name in names if self.supervision.lives[name].is_alive]
        for name in alive:
            self.supervision.ask_to_stop(name)
        for name in alive:
            if not await self.supervision.wait_ended(name, until_s):
                log.warning("%s did not stop in time; it is killed", name)
                self.supervision.kill(name, "did not stop in time")
        for name in alive:
            await self.supervision.wait_ended(name, until_s + 0.1)


def _count(fact: str | None) -> int:
    """A number kept in settings.db; 0 when there is none, or what stands there is none."""
    return int(fact) if fact and fact.isascii() and fact.isdigit() and len(fact) < 16 else 0
