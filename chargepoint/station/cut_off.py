"""What a hold does to connectors: the controller is told at once, in parallel, and the charge ends with its reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence

from chargepoint.station.connector import FaultRaised
from chargepoint.station.outlet import Outlet
from chargepoint.station.safety import Hold
from chargepoint.station.site import Site
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import ControllerStatus, EventType, HardwareFlag
from drivers.errors import DeviceError, Refused

log = logging.getLogger(__name__)

EMERGENCY = "emergency/"
"""Before the number of a connector: a fact, that its controller was sent to E9 by the station's own button."""
TRIES = 3
RETRY_S = 0.3
REBOOT_RETRY_S = 5.0


class CutOff:
    """Carries out holds. One that a connector is under already is not carried out again; a graver one is."""

    def __init__(self, outlets: Sequence[Outlet], site: Site) -> None:
        self._outlets = outlets
        self._site = site
        self._under: dict[int, Hold] = {}
        self._in_e9: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def restore(self, facts: Mapping[str, bytes]) -> None:
        """Take over which controllers were sent to E9 by the button."""
        self._in_e9 = {outlet.number for outlet in self._outlets if f"{EMERGENCY}{outlet.number}" in facts}

    def react(self) -> None:
        """The holds have changed; orders leave before this returns to anybody who waits."""
        for outlet in self._outlets:
            hold = self._site.holds.of(outlet.number)
            before = self._under.get(outlet.number)
            if outlet.number in self._in_e9 and not self._is_pressed(outlet.number):
                self._in_e9.discard(outlet.number)
                self._spawn(self._leave_e9(outlet))
            if hold is None or not hold.stops:
                self._under.pop(outlet.number, None)
                continue
            self._under[outlet.number] = hold
            if before is None or (before.key, before.is_seen, before.source) != (hold.key, hold.is_seen, hold.source):
                self._spawn(self._end(outlet, hold))

    def _is_pressed(self, connector: int) -> bool:
        """Whether a button is pressed, or nobody knows that it is not."""
        return any(hold.is_emergency and hold.concerns(connector) for hold in self._site.holds.all())

    async def close(self) -> None:
        """End what is still being tried."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, outlet: Outlet, hold: Hold) -> None:
        log.warning("connector %d: %s (%s)", outlet.number, hold.text, hold.key)
        if hold.is_emergency:
            self._site.books.note(EventType.EMERGENCY, "button", hold.text, connector=outlet.number)
        ending = asyncio.ensure_future(outlet.ask(FaultRaised(source=hold.source)))
        if hold.is_emergency and hold.is_seen:
            await self._to_e9(outlet)
        elif hold.at_once and (outlet.in_transaction or _is_energised(outlet)):
            await self._stop(outlet)
        await ending

    async def _to_e9(self, outlet: Outlet) -> None:
        self._in_e9.add(outlet.number)
        self._spawn(self._keep(outlet.number, b"1"))
        for _ in range(TRIES):
            try:
                await outlet.controller.emergency_stop()
                break
            except Refused as error:
                log.warning("connector %d: it takes no emergency stop: %s", outlet.number, error)
                self._in_e9.discard(outlet.number)
                await self._stop(outlet)
                return
            except DeviceError as error:
                log.warning("connector %d: emergency stop: %s", outlet.number, error)
                await asyncio.sleep(RETRY_S)

    async def _stop(self, outlet: Outlet) -> None:
        """The connector's own loop orders the stop as well, and insists; this one does not wait for its turn."""
        try:
            await outlet.controller.stop()
        except DeviceError as error:
            log.warning("connector %d: stop order: %s", outlet.number, error)

    async def _leave_e9(self, outlet: Outlet) -> None:
        """The button is released: controllers that it sent to E9 start anew (statuses.md 1: press and release)."""
        while True:
            if self._is_pressed(outlet.number):
                self._in_e9.add(outlet.number)
                return
            reading = outlet.reading
            if outlet.is_heard and reading is not None and reading.status is not ControllerStatus.E9_EMERGENCY_STOP:
                break  # it has its own wire from the button, and knows
            try:
                await outlet.controller.reboot()
                outlet.is_rebooting = True
                break
            except Refused as error:
                log.error("connector %d: it does not leave the emergency stop by itself: %s", outlet.number, error)
                break
            except DeviceError as error:
                log.debug("connector %d: reboot after the emergency stop: %s", outlet.number, error)
                await asyncio.sleep(REBOOT_RETRY_S)
        await self._keep(outlet.number, None)

    async def _keep(self, number: int, value: bytes | None) -> None:
        try:
            await self._site.books.write(facts={f"{EMERGENCY}{number}": value})
        except CannotRecord as error:
            log.debug("connector %d: %s", number, error)


def _is_energised(outlet: Outlet) -> bool:
    reading = outlet.reading
    return reading is not None and (HardwareFlag.OUTPUT_RELAY in reading.flags or reading.status.is_charging)
