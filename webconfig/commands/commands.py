"""All commands of this station's web: orders them, follows each to its end, and keeps the last 200."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from msgspec.structs import replace

from chargepoint.action_kinds import Asker
from chargepoint.action_table import ACTIONS
from chargepoint.actions import carry_out, may
from chargepoint.bus import Bus, StateView
from chargepoint.guards import Guard, confirmed
from chargepoint.messages import ActionResult, LoginsState, ServiceState
from chargepoint.rights import lesser
from chargepoint.vocabulary import Role
from webconfig.commands.record import LIFE_S, Command, Status
from webconfig.commands.store import MOST, Store

log = logging.getLogger(__name__)

MOST_AT_ONCE = 32
"""So many may be under way; more are refused."""
RECEIVED_AFTER_S = 0.25
"""A call that was not refused by then has reached its service."""
LOOK_S = 1.0
AGAIN_S, EMERGENCY_AGAIN_S = 10.0, 1.0
"""After a service that is not there was asked; each time is noted in the operation log."""
WRITE_WITHIN_S = 2.0
AT_WORK = frozenset({"running", "resting", "hung"})
"""States of a service in which it takes calls."""
ENDS_US = frozenset({"restart_application", "reboot", "reload_configuration", "apply_configuration"})
"""Deeds whose end is that the software starts anew: they are done when it is there again."""


class Busy(Exception):
    """Too many commands are under way."""


class Commands:
    """`order` writes a command down and begins it; `changed` is called with each of its states."""

    def __init__(self, bus: Bus, states: StateView, store: Store) -> None:
        self._bus = bus
        self._states = states
        self._store = store
        self._known: dict[int, Command] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()
        self._is_loaded = asyncio.Event()
        self.changed: Callable[[Command], None] = lambda command: None

    async def load(self) -> None:
        """What was there before. What was under way is not known to be done, and is never repeated."""
        found = await asyncio.to_thread(self._store.load)
        self._known = {**found, **self._known}
        self._is_loaded.set()
        for command in [each for each in found.values() if not each.status.is_over]:
            await self._keep(_after_restart(command))

    async def run(self) -> None:
        """Until cancelled: then what is under way is left, as at a crash."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for task in list(self._running.values()):
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def get(self, number: int) -> Command | None:
        return self._known.get(number)

    def newest(self, most: int = MOST, connector: int | None = None) -> list[Command]:
        """The last ones, newest first."""
        found = [self._known[number] for number in sorted(self._known, reverse=True)]
        return [one for one in found if connector is None or one.connector == connector][:most]

    def of_key(self, by: str, key: str) -> Command | None:
        """The command somebody ordered with this key."""
        return next((one for one in self.newest() if key and one.key == key and one.by == by), None)

    async def order(
        self, deed: str, arguments: Mapping[str, str], asker: Asker, *, guard: Guard, origin: str = "", key: str = ""
    ) -> Command:
        """Begin a deed whose guard was passed at `guard`. It is written down before it is sent, except an emergency
        stop, which waits for nothing. Raises Busy."""
        is_emergency = deed == "emergency_stop"
        if not is_emergency:
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITE_WITHIN_S):
                    await self._is_loaded.wait()
            if len(self._running) >= MOST_AT_ONCE:
                raise Busy(f"{MOST_AT_ONCE} commands are under way already.")
        number = max(self._known, default=0) + 1
        command = Command(
            id=number, deed=deed, arguments=dict(arguments), by=asker.login, role=asker.role.value, origin=origin,
            key=key, planned_at=_now(),
        )  # fmt: skip
        self._know(command)
        if is_emergency:
            self._follow(command, asker, guard)
            await self._keep(self._known[number])
        else:
            await self._keep(command)
            self._follow(command, asker, guard)
        log.info("command %d: %s %s by %s", number, deed, dict(arguments), asker.login)
        return self._known[number]

    async def ended(self, number: int, within_s: float) -> Command | None:
        """The command when it is over, or as it is after so long."""
        task = self._running.get(number)
        if task is not None:
            await asyncio.wait((task,), timeout=within_s)
        return self._known.get(number)

    # ------------------------------------------------------------------------------------------------ following one

    def _follow(self, command: Command, asker: Asker, guard: Guard) -> None:
        task = asyncio.create_task(self._to_its_end(command, asker, guard), name=f"command {command.id}")
        self._running[command.id] = task
        task.add_done_callback(lambda _: self._running.pop(command.id, None))

    async def _to_its_end(self, command: Command, asker: Asker, guard: Guard) -> None:
        try:
            await self._carried_out(command, asker, guard)
        except Exception as error:
            log.exception("command %d (%s) failed", command.id, command.deed)
            await self._keep(_over(self._known[command.id], Status.UNKNOWN, "failed", str(error)))

    async def _carried_out(self, command: Command, asker: Asker, guard: Guard) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + LIFE_S
        action = ACTIONS[command.deed]
        while True:
            if not self._is_there(action.service):
                if loop.time() >= end_s:
                    break
                await asyncio.sleep(LOOK_S)
                continue
            asker = asker if command.deed == "emergency_stop" else self._still(asker)
            if not may(action, asker):
                text = f"{asker.login} may not do this any more; nothing was done."
                await self._keep(_over(self._known[command.id], Status.FAILED, "no_right", text))
                return
            passed = confirmed(command.deed, command.arguments, guard)
            call = asyncio.ensure_future(carry_out(self._bus, command.deed, command.arguments, asker, passed=passed))
            try:
                done, _ = await asyncio.wait((call,), timeout=RECEIVED_AFTER_S)
                if not done:
                    await self._keep(replace(self._known[command.id], status=Status.RECEIVED, received_at=_now()))
                result = await call
            finally:
                call.cancel()
            if result.code == "unavailable" and "maybe_done" not in result.values and loop.time() < end_s:
                await self._keep(replace(self._known[command.id], status=Status.PLANNED, received_at=None))
                await asyncio.sleep(EMERGENCY_AGAIN_S if command.deed == "emergency_stop" else AGAIN_S)
                continue
            if result.code == "unavailable" and "maybe_done" not in result.values:
                break
            await self._finish(command.id, result)
            return
        text = f"{action.service} did not take it within {LIFE_S:.0f} s; nothing was done."
        await self._keep(_over(self._known[command.id], Status.EXPIRED, "expired", text))

    async def _finish(self, number: int, result: ActionResult) -> None:
        command = self._known[number]
        if result.ok and command.deed in ENDS_US:  # it is done when all is there again
            await self._keep(_with(replace(command, status=Status.RECEIVED), result))
            await asyncio.sleep(LIFE_S)
            text = "It was taken, but the software was not started anew."
            await self._keep(_over(self._known[number], Status.FAILED, "failed", text))
            return
        is_unknown = result.code == "no_answer" or "maybe_done" in result.values
        status = Status.UNKNOWN if is_unknown else Status.SUCCESS if result.ok else Status.FAILED
        await self._keep(_with(replace(command, status=status, ended_at=_now()), result))

    def _still(self, asker: Asker) -> Asker:
        """Who asked, with the role he has now: a command may have waited for its service. While nobody tells who may be
        logged in (the hub is away) as he was."""
        state = self._states.get("access/logins")
        if not isinstance(state, LoginsState):
            return asker
        now = next((each for each in state.users if each.login.casefold() == asker.login.casefold()), None)
        role = Role.CUSTOMER if now is None else lesser(asker.role, now.role)
        return replace(asker, role=role)

    def _is_there(self, service: str) -> bool:
        """Whether its service takes calls, as far as the hub says; a service nobody speaks of is asked at once."""
        state = self._states.get(f"service/{service}")
        return not isinstance(state, ServiceState) or state.status in AT_WORK

    # ------------------------------------------------------------------------------------------------ keeping

    def _know(self, command: Command) -> None:
        self._known[command.id] = command
        while len(self._known) > MOST:
            over = [number for number in sorted(self._known) if self._known[number].status.is_over]
            if not over:
                break
            del self._known[over[0]]
        self.changed(command)

    async def _keep(self, command: Command) -> None:
        """Known at once; durable unless the disk takes it not, which costs the record and nothing else."""
        if self._known.get(command.id) != command:
            self._know(command)
        try:
            async with asyncio.timeout(WRITE_WITHIN_S), self._writing:
                await asyncio.to_thread(self._store.add, command, dict(self._known))
        except (OSError, TimeoutError) as error:
            log.error("command %d is not written down: %s", command.id, error or "the disk is too slow")


def _with(command: Command, result: ActionResult) -> Command:
    received_at = command.received_at or command.planned_at
    return replace(
        command, received_at=received_at, duration_ms=result.duration_ms, code=result.code, text=result.text[:2000],
        text_key=result.text_key, values=result.values, table=result.table[:200],
    )  # fmt: skip


def _over(command: Command, status: Status, code: str, text: str) -> Command:
    return replace(command, status=status, ended_at=_now(), code=code, text=text[:2000])


def _after_restart(command: Command) -> Command:
    """What is known of a command that was under way when this service ended."""
    is_restart = command.deed in ENDS_US and command.code != ""  # it was taken
    is_ours = command.deed == "restart" and command.arguments.get("service") == "webconfig"
    if is_restart or (is_ours and command.status is Status.RECEIVED):
        return _over(command, Status.SUCCESS, "ok", "The software was started anew.")
    if command.status is Status.PLANNED and command.code == "":
        return _over(command, Status.UNKNOWN, "restarted", "The web service ended before it heard what came of it.")
    return _over(command, Status.UNKNOWN, "restarted", "The web service ended while this was under way.")


def role_of(command: Command) -> Role:
    return Role(command.role)


def _now() -> datetime:
    return datetime.now(UTC)
