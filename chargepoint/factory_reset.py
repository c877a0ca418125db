"""What else changes the whole station: restart of the network, activation, factory reset with its proof of presence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.messages import (
    ADMIN,
    ActionResult,
    FactoryReset,
    PrivilegedDeed,
    RestartNetwork,
    SecurityNoted,
    SetActivation,
)
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import Role

log = logging.getLogger(__name__)

RESET = "factory_reset"
"""The fact of an armed factory reset: the boot in which it was armed.

An end in order takes it back (`hub.py`): a reboot that somebody asks for from afar proves nothing."""
PROOF_S = 60.0
"""Within this the power has to be switched off: it proves that somebody is there."""


class FactoryResets:
    """Serves the three calls. `forget()` drops what is kept beside the settings; `note(what, by, sender)` writes into
    the operation log."""

    def __init__(
        self,
        store: SettingsStore,
        bus: Bus,
        clock: Clock,
        forget: Callable[[], None],
        note: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._forget = forget
        self._note = note
        self._tasks: set[asyncio.Task[None]] = set()
        bus.serve(RestartNetwork, self._restart_network)
        bus.serve(SetActivation, self._set_activation)
        bus.serve(FactoryReset, self._factory_reset)

    async def _restart_network(self, request: RestartNetwork, sender: str) -> ActionResult:
        return await self._helped(PrivilegedDeed(name="restart_network", by=f"{request.by} ({sender})"))

    async def _set_activation(self, request: SetActivation, sender: str) -> ActionResult:
        arguments = {"on": "1" if request.activated else "0"}
        deed = PrivilegedDeed(name="set_activation", arguments=arguments, by=f"{request.by} ({sender})")
        result = await self._helped(deed)
        if result.ok:
            self._note("activated" if request.activated else "deactivated", request.by, sender)
        return result

    async def _helped(self, deed: PrivilegedDeed) -> ActionResult:
        try:
            return await self._bus.call("helper", deed, timeout_s=50.0)
        except (Unavailable, CallFailed, TimeoutError) as error:
            return ActionResult(ok=False, code="failed", text=str(error))

    async def _factory_reset(self, request: FactoryReset, sender: str) -> ActionResult:
        asker = self._store.user(request.by)
        is_administrator = asker is not None and asker.role is Role.ADMINISTRATOR and not asker.is_blocked
        if sender != ADMIN and not is_administrator:
            return ActionResult(ok=False, code="no_right", text="An administrator has to do this.")
        try:
            await self._store.set_facts({RESET: self._clock.boot_id})
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        for older in self._tasks:
            older.cancel()  # the 60 s begin anew
        task = asyncio.create_task(self._disarm(), name="factory reset runs out")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._note("factory reset armed", request.by, sender)
        self._security("FactoryReset", "armed", f"by {request.by} ({sender})")
        text = f"Switch the power off and on within {PROOF_S:.0f} s: then users and settings are forgotten."
        return ActionResult(ok=True, code="armed", text=text, values={"within_s": f"{PROOF_S:.0f}"})

    async def _disarm(self) -> None:
        while True:
            await asyncio.sleep(PROOF_S)
            try:
                await self._store.set_facts({RESET: None})
            except CannotRecord as error:
                log.error("an armed factory reset cannot be taken back yet: %s", error)
                continue
            log.info("factory reset: the power was not switched off in time, nothing is forgotten")
            return

    async def begin(self) -> None:
        """At the start: carry out a factory reset that was armed when the power went. Raises CannotRecord."""
        armed_in = self._store.fact(RESET)
        if armed_in is None:
            return
        if armed_in != self._clock.boot_id:
            await self._store.forget_all("factory reset")
            self._forget()
            self._security("FactoryReset", "done", "users and settings are forgotten")
            self._note("factory reset: users and settings are forgotten", "somebody at the station", "hub")
        await self._store.set_facts({RESET: None})

    def _security(self, kind: str, operation: str, extra: str) -> None:
        self._bus.publish(
            SecurityNoted(type=kind, source_type="service", source="hub", operation=operation, extra=extra[:500])
        )
