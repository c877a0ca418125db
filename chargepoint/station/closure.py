"""Why no charge begins although the connectors are free: the station's own software is being updated (R32).

Two things close it. A version **on trial** may have to be left, and a charge that began meanwhile would end with it: so
none begins until the version is kept. And where `[update] while_charging` is `drain`, an update that waits for nothing
but the end of charges **drains** the station: who charges goes on, nobody begins.

What runs, and who is awaited at a connector, is never touched by it. It closes nothing for ever: a trial is judged by
start.sh's own file and for a bounded time, a drain only while the service `fota` lives and says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chargepoint import software_trial
from chargepoint.bus import Bus, StateView
from chargepoint.clock import Clock
from chargepoint.layout import Layout
from chargepoint.messages import ServiceState, UpdateState
from chargepoint.software_trial import Standing

log = logging.getLogger(__name__)

LOOK_S = 1.0
LONGEST_TRIAL_S = 600.0
"""start.sh gives up what is not kept 540 s after its start; whatever holds that up, charges begin again after this."""
ALLOWS_NEW = "AllowNewSessionsPendingFirmwareUpdate"
"""The OCPP key (a variable of OCPP 2.0.1, 2.11): false drains."""


def drains(while_charging: str, allows_new: str) -> bool:
    """Whether an update that waits for charges keeps new ones from beginning.

    `allows_new` is the OCPP key, empty where nobody has set it: then `[update] while_charging` decides, and `stop` in
    any case, because there nothing waits.
    """
    if while_charging == "stop":
        return False
    word = allows_new.strip().lower()
    return word == "false" if word in ("true", "false") else while_charging == "drain"


class Closure:
    """`is_on_trial` is known when it is made. `policy` says whether an update drains, asked each time."""

    def __init__(self, layout: Layout, clock: Clock, policy: Callable[[], bool]) -> None:
        self._layout = layout
        self._clock = clock
        self._policy = policy
        self._slot = _running_slot(layout)
        self._is_due = False
        self._has_fota = False
        self.changed: Callable[[], None] = lambda: None
        """Charges may begin, or may not any more."""
        self.is_on_trial = bool(self._slot) and self._standing() in ("trial", "given_up")
        self._until_s = clock.mono() + LONGEST_TRIAL_S
        if self.is_on_trial:
            log.info("this version of the software is on trial: no charge begins until it is kept")

    @property
    def is_draining(self) -> bool:
        """An update waits only for charges to end, and new ones are kept from beginning for it."""
        return self._is_due and self._has_fota and self._policy()

    @property
    def is_closed(self) -> bool:
        return self.is_on_trial or self.is_draining

    async def run(self, bus: Bus) -> None:
        """Follow the trial to its end, and what the service `fota` says, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_trial())
            for topic in ("update", "service/fota"):
                group.create_task(self._follow(bus.watch(topic)))

    async def _follow_trial(self) -> None:
        while self.is_on_trial:
            await asyncio.sleep(LOOK_S)
            if await asyncio.to_thread(self._standing) == "kept":
                self._end_trial("it is kept")
            elif self._clock.mono() >= self._until_s:
                self._end_trial(f"{LONGEST_TRIAL_S:.0f} s are over")

    def _standing(self) -> Standing:
        try:
            return software_trial.standing(self._layout, self._slot)
        except (OSError, ValueError) as error:
            log.error("how the version that runs stands cannot be read: %s", error)
            return "left"

    def _end_trial(self, why: str) -> None:
        self.is_on_trial = False
        log.info("the trial of this version no longer keeps charges from beginning: %s", why)
        self.changed()

    async def _follow(self, view: StateView) -> None:
        async for topic, value in view.changes():
            if topic != view.prefix:
                continue
            was = self.is_draining
            if isinstance(value, UpdateState):
                self._is_due = value.is_due
            elif isinstance(value, ServiceState):
                self._has_fota = value.status == "running"
            if self.is_draining != was:
                log.info("an update %s charges from beginning", "no longer keeps" if was else "waits, and keeps")
                self.changed()


def _running_slot(layout: Layout) -> str:
    try:
        return software_trial.running_slot(layout)
    except (OSError, RuntimeError) as error:  # a loop of links
        log.error("which version runs cannot be found out: %s", error)
        return ""
