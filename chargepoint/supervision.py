"""Who lives, who hangs, who is started again: the hub's watch over the services (R15, R16, architecture.md 3).

How a service is started and killed is the business of `Processes` (the launcher, or tasks of one process); what is
decided here is when. The rule of restarts is in `restarts.py`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from chargepoint.bus import Bus
from chargepoint.exchange import Exchange
from chargepoint.messages import ActionResult, Noted, SecurityNoted, ServiceState, SupervisorState
from chargepoint.restarts import OUT_OF_MEMORY, after_death
from chargepoint.services import Service
from chargepoint.vocabulary import EventType, StartCause

log = logging.getLogger(__name__)

TICK_S = 0.5
STALL_S = 2.0
"""When the hub itself was held up for longer, nobody else is blamed for having been silent meanwhile."""
GONE_GRACE_S = 1.0
"""A service that closed its bus may take this long to end."""
STOP_GRACE_S = 2.0
"""A service that was asked to stop for a restart may take this long."""
MANY_DEATHS = 8
"""Early deaths in a row that make the station degraded, also when the service is too important to be parked."""
RESTS = "nobody called it"
"""Why a service was ended that is only started when it is called."""
MEMORY_EVERY_S = 30.0
MEMORY_CHANGE_BYTES = 1 << 20


class Processes(Protocol):
    """What can be done to services from outside. What came of it arrives at `Supervision.started` and `ended`."""

    def start(self, name: str) -> None: ...

    def kill(self, name: str) -> None: ...

    def beat(self) -> None:
        """The hub's own work goes on."""


class Life:
    """One service from start to end to start."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.status = "stopped"
        self.pid = 0
        self.restarts = 0
        self.deaths = 0
        self.since_s = 0.0
        self.beat_s = 0.0
        self.last_end = ""
        self.ending = ""  # why it is being ended, when it is
        self.memory_bytes = 0
        self.is_wanted = False  # was called while it was on its way to rest
        self.timer: asyncio.TimerHandle | None = None
        self.has_ended = asyncio.Event()
        self.has_ended.set()

    @property
    def is_alive(self) -> bool:
        return not self.has_ended.is_set()

    def state(self) -> ServiceState:
        return ServiceState(
            name=self.service.name,
            status=self.status,
            pid=self.pid if self.is_alive else 0,
            restarts=self.restarts,
            since_mono_s=self.since_s,
            last_end=self.last_end,
            memory_bytes=self.memory_bytes if self.is_alive else 0,
        )


class Supervision:
    """Watches the services of the table. `on_death(name)` is called at each unwished end."""

    def __init__(
        self,
        services: tuple[Service, ...],
        exchange: Exchange,
        bus: Bus,
        processes: Processes,
        on_death: Callable[[str], None] | None = None,
    ) -> None:
        self.lives = {service.name: Life(service) for service in services}
        self.is_stopping = False
        self._exchange = exchange
        self._bus = bus
        self._processes = processes
        self._on_death = on_death or (lambda name: None)
        self._born = SupervisorState(start_cause=StartCause.POWER_ON, boots=0, crashes=0, is_degraded=False, version="")
        self._memory_due_s = 0.0
        exchange.on_beat = self._beat
        exchange.on_ready = self._ready
        exchange.on_gone = self._gone
        exchange.on_wanted = self._wanted

    # ----------------------------------------------------------------------------------------- what is heard

    def started(self, name: str, pid: int, sock: socket.socket) -> None:
        """A process (or task) of `name` lives; `sock` is our end of its bus."""
        life = self.lives[name]
        now_s = asyncio.get_running_loop().time()
        life.pid, life.since_s, life.beat_s, life.ending, life.memory_bytes = pid, now_s, now_s, "", 0
        life.has_ended.clear()
        self._exchange.attach(name, sock)
        self._tell(life, "starting")
        log.info("%s: starting (pid %d)", name, pid)

    def ended(self, name: str, how: str) -> None:
        """The process of `name` is gone; `how` says it in words (`signal 9`, `exit code 1`)."""
        life = self.lives[name]
        now_s = asyncio.get_running_loop().time()
        lived_s = now_s - life.since_s
        life.last_end = life.ending or how
        life.has_ended.set()
        self._cancel(life)
        self._exchange.detach(name)
        if self.is_stopping:
            self._tell(life, "stopped")
            log.info("%s: ended (%s)", name, how)
            return
        if life.ending == RESTS:
            self._rest(life)
            return
        self._exchange.give_up_calls(name, f"{name} ended before it was ready")
        if life.ending.startswith("restart asked"):
            life.deaths = 0
            log.info("%s: ended (%s), starting again", name, life.ending)
            self._start_after(life, 0.0)
            return
        plan = after_death(life.service.restart, life.deaths, lived_s)
        life.deaths = plan.deaths
        message = f"lived {lived_s:.1f} s, {life.last_end}; again in {plan.delay_s:g} s"
        log.error("%s: %s %s", name, "parked:" if plan.is_parked else "died:", message)
        self._bus.publish(
            Noted(
                event_type=EventType.SERVICE_RESTARTED,
                action="Parked" if plan.is_parked else "Died",
                message=f"{name}: {message}",
                error=life.last_end,
            )
        )
        if life.last_end == OUT_OF_MEMORY:
            self._bus.publish(
                SecurityNoted(
                    type="MemoryExhaustion", source_type="service", source=name, operation="ended",
                    extra=f"{name} wanted more than its {life.service.memory_bytes >> 20} MiB",
                )
            )  # fmt: skip
        self._on_death(name)
        self._start_after(life, plan.delay_s, is_parked=plan.is_parked)

    def could_not_start(self, name: str, why: str) -> None:
        """The process of `name` could not be made: as if it had died at once."""
        life = self.lives[name]
        life.since_s = asyncio.get_running_loop().time()
        life.pid = 0
        self.ended(name, f"could not be started: {why}")

    def _wanted(self, name: str) -> bool:
        """Somebody calls a service that is not there: whether it comes. One that rests is started for it."""
        life = self.lives.get(name)
        if life is None or not life.service.rests_after_s or self.is_stopping or life.status == "parked":
            return False
        if life.status == "resting":
            self._wake(life)
        life.is_wanted = life.ending == RESTS
        return True

    def _wake(self, life: Life) -> None:
        life.deaths, life.is_wanted, life.ending = 0, False, ""
        self._tell(life, "starting")
        self._processes.start(life.service.name)

    def _rest(self, life: Life) -> None:
        """It has ended as it was asked to, for nobody called it; unless somebody has since."""
        is_wanted, life.ending = life.is_wanted, ""
        log.info("%s: rests, %s for %g s", life.service.name, RESTS, life.service.rests_after_s)
        self._tell(life, "resting")
        if is_wanted:
            self._wake(life)

    def _beat(self, name: str) -> None:
        if (life := self.lives.get(name)) is not None:
            life.beat_s = asyncio.get_running_loop().time()

    def _ready(self, name: str) -> None:
        life = self.lives.get(name)
        if life is None or not life.is_alive:
            return
        self._beat(name)
        if life.status == "starting":
            log.info("%s: ready after %.2f s", name, asyncio.get_running_loop().time() - life.since_s)
            self._tell(life, "running")
            self._tell_supervisor()

    def _gone(self, name: str) -> None:
        """The bus of a service ended: its process must end, too."""
        life = self.lives.get(name)
        if life is not None and life.is_alive and life.timer is None:
            life.timer = asyncio.get_running_loop().call_later(GONE_GRACE_S, self._end, life, "left the bus")

    # ------------------------------------------------------------------------------------------ what is done

    def begin(self, born: SupervisorState) -> None:
        """Start everything. `born` is what is told as topic `supervisor`."""
        self._born = born
        self._tell_supervisor()
        for name, life in self.lives.items():
            row = life.service
            if row.rests_after_s:
                self._tell(life, "resting")
            if row.begins_after_s:
                asyncio.get_running_loop().call_later(row.begins_after_s, self._begin_late, life)
            elif not row.rests_after_s:
                self._processes.start(name)

    def _begin_late(self, life: Life) -> None:
        """One that was not urgent; unless it was called meanwhile."""
        if not self.is_stopping and not life.is_alive and life.status in ("stopped", "resting"):
            self._wake(life)

    async def watch(self) -> None:
        """Notice what hangs, until cancelled."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = loop.time()
            self._processes.beat()
            if now_s - last_s > TICK_S + STALL_S:
                log.warning("the hub was held up for %.1f s", now_s - last_s - TICK_S)
                for life in self.lives.values():
                    life.beat_s = now_s
            last_s = now_s
            self._end_what_hangs(now_s)
            self._let_rest()
            if now_s >= self._memory_due_s:
                self._memory_due_s = now_s + MEMORY_EVERY_S
                self._weigh()

    def restart(self, name: str, by: str) -> ActionResult:
        """End one service in order, or kill it when it does not, and start it again at once."""
        life = self.lives.get(name)
        if life is None:
            known = ", ".join(self.lives)
            return ActionResult(ok=False, code="unknown_service", text=f"There is no service {name!r}, only: {known}.")
        if self.is_stopping:
            return ActionResult(ok=False, code="busy", text="The station is stopping.")
        life.deaths = 0
        if not life.is_alive:
            self._start_after(life, 0.0)
        elif not life.ending:
            life.ending = f"restart asked by {by}"
            self._exchange.ask_to_stop(name)
            self._cancel(life)
            life.timer = asyncio.get_running_loop().call_later(STOP_GRACE_S, self._processes.kill, name)
        log.info("%s: restart asked by %s", name, by)
        return ActionResult(ok=True, code="ok", text=f"{name} is being restarted.")

    def ask_to_stop(self, name: str) -> None:
        """Part of the orderly stop: `is_stopping` is set, nothing is started any more."""
        self._cancel(self.lives[name])
        self._exchange.ask_to_stop(name)

    async def wait_ended(self, name: str, until_s: float) -> bool:
        """Wait for the end of a service; False when it still lives at `until_s`."""
        try:
            async with asyncio.timeout_at(until_s):
                await self.lives[name].has_ended.wait()
        except TimeoutError:
            return False
        return True

    def kill(self, name: str, cause: str) -> None:
        self._end(self.lives[name], cause)

    def stop_restarting(self) -> None:
        self.is_stopping = True
        for name, life in self.lives.items():
            self._cancel(life)
            self._exchange.give_up_calls(name, "the station is stopping")

    def _end_what_hangs(self, now_s: float) -> None:
        for life in self.lives.values():
            if not life.is_alive or life.ending:
                continue
            limit_s = life.service.start_limit_s if life.status == "starting" else life.service.beat_limit_s
            silent_s = now_s - life.beat_s
            if silent_s > limit_s:
                self._tell(life, "hung")
                log.error("%s: hangs, no beat for %.1f s; it is ended", life.service.name, silent_s)
                self._end(life, f"watchdog: no beat for {silent_s:.1f} s")

    def _let_rest(self) -> None:
        for name, life in self.lives.items():
            limit_s = life.service.rests_after_s
            if limit_s and life.status == "running" and not life.ending and self._exchange.idle_s(name) >= limit_s:
                life.ending = RESTS
                self._exchange.let_rest(name)
                self._cancel(life)
                life.timer = asyncio.get_running_loop().call_later(STOP_GRACE_S, self._processes.kill, name)

    def _end(self, life: Life, cause: str) -> None:
        if life.is_alive:
            life.ending = life.ending or cause
            self._processes.kill(life.service.name)

    def _start_after(self, life: Life, delay_s: float, is_parked: bool = False) -> None:
        self._cancel(life)
        life.since_s = asyncio.get_running_loop().time()
        self._tell(life, "parked" if is_parked else "restarting")
        self._tell_supervisor()
        life.timer = asyncio.get_running_loop().call_later(delay_s, self._start, life)

    def _start(self, life: Life) -> None:
        life.timer = None
        if not self.is_stopping and not life.is_alive:
            life.restarts += 1
            self._processes.start(life.service.name)

    def _cancel(self, life: Life) -> None:
        if life.timer is not None:
            life.timer.cancel()
            life.timer = None

    def _tell(self, life: Life, status: str) -> None:
        life.status = status
        self._bus.set_state(f"service/{life.service.name}", life.state())

    def _tell_supervisor(self) -> None:
        is_degraded = any(
            life.status == "parked" or (life.status != "running" and life.deaths >= MANY_DEATHS)
            for life in self.lives.values()
        )
        if is_degraded != self._born.is_degraded:
            log.log(
                logging.ERROR if is_degraded else logging.INFO, "degraded: %s", "yes" if is_degraded else "no longer"
            )
        self._born = msgspec.structs.replace(self._born, is_degraded=is_degraded)
        self._bus.set_state("supervisor", self._born)

    def _weigh(self) -> None:
        for life in self.lives.values():
            if life.is_alive and life.pid > 0:
                weight = memory_bytes_of(life.pid)
                if abs(weight - life.memory_bytes) >= MEMORY_CHANGE_BYTES:
                    life.memory_bytes = weight
                    self._bus.set_state(f"service/{life.service.name}", life.state())


def memory_bytes_of(pid: int) -> int:
    """Memory of a process that is its own (resident, not shared with files), in bytes; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        return (int(fields[1]) - int(fields[2])) * 4096
    except (OSError, IndexError, ValueError):
        return 0
