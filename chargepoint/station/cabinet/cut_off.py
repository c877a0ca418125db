"""What a hold does to connectors: the controller is told at once, in parallel, and the charge ends with its reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence

from chargepoint.station.asking import asked
from chargepoint.station.cabinet.safety import Hold
from chargepoint.station.connector import FaultRaised
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
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

    def __init__(self, outlets: Sequence[Outlet], site: Site, keep: Callable[[str, bytes | None], None]) -> None:
        """`keep` writes a fact as soon as the disk takes it."""
        self._outlets = outlets
        self._site = site
        self._keep = keep
        self._under: dict[int, Hold] = {}
        self._in_e9: set[int] = set()
        self._locks = {outlet.number: asyncio.Lock() for outlet in outlets}
        self._leaving: dict[int, asyncio.Task[None]] = {}
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
                self._leaving[outlet.number] = self._spawn(self._leave_e9(outlet))
            if hold is None or not hold.stops:
                self._under.pop(outlet.number, None)
                continue
            self._under[outlet.number] = hold
            if before is None or (before.key, before.is_seen, before.source) != (hold.key, hold.is_seen, hold.source):
                self._spawn(self._end(outlet, hold))

    def _is_pressed(self, connector: int) -> bool:
        """Whether a button is pressed, or nobody knows that it is not."""
        return any(hold.is_emergency and hold.concerns(connector) for hold in self._site.holds.all())

    def cancel(self) -> None:
        """End what is still being tried."""
        for task in self._tasks:
            task.cancel()

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end(self, outlet: Outlet, hold: Hold) -> None:
        log.warning("connector %d: %s (%s)", outlet.number, hold.text, hold.key)
        if hold.is_emergency and hold.is_seen:
            self._site.books.note(EventType.EMERGENCY, "button", hold.text, connector=outlet.number)
        self._spawn(self._ask(outlet, hold))
        if hold.is_emergency and hold.is_seen:
            await self._to_e9(outlet)
        elif hold.at_once and (outlet.in_transaction or _is_energised(outlet)):
            await self._stop(outlet)

    async def _ask(self, outlet: Outlet, hold: Hold) -> None:
        refusal = await outlet.ask(FaultRaised(source=hold.source))
        if refusal is not None:
            log.error("connector %d: the end of its charge is not on record yet: %s", outlet.number, refusal.text)

    async def _to_e9(self, outlet: Outlet) -> None:
        self._in_e9.add(outlet.number)
        self._keep(f"{EMERGENCY}{outlet.number}", b"1")
        if (leaving := self._leaving.pop(outlet.number, None)) is not None:
            leaving.cancel()  # it may wait for a controller that does not answer
        async with self._locks[outlet.number]:
            await self._order_e9(outlet)

    async def _order_e9(self, outlet: Outlet) -> None:
        for _ in range(TRIES):
            try:
                await asked(outlet.controller.emergency_stop(), f"connector {outlet.number}")
                break
            except Refused as error:
                log.warning("connector %d: it takes no emergency stop: %s", outlet.number, error)
                self._in_e9.discard(outlet.number)
                self._keep(f"{EMERGENCY}{outlet.number}", None)
                await self._stop(outlet)
                return
            except DeviceError as error:
                log.warning("connector %d: emergency stop: %s", outlet.number, error)
                await asyncio.sleep(RETRY_S)

    async def _stop(self, outlet: Outlet) -> None:
        """The connector's own loop orders the stop as well, and insists; this one does not wait for its turn."""
        try:
            await asked(outlet.controller.stop(), f"connector {outlet.number}")
        except DeviceError as error:
            log.warning("connector %d: stop order: %s", outlet.number, error)

    async def _leave_e9(self, outlet: Outlet) -> None:
        """The button is released: controllers that it sent to E9 start anew (statuses.md 1: press and release)."""
        async with self._locks[outlet.number]:
            while True:
                if await self._has_left_e9(outlet):
                    break
                await asyncio.sleep(REBOOT_RETRY_S)
        if self._is_pressed(outlet.number):
            self._in_e9.add(outlet.number)
        else:
            self._keep(f"{EMERGENCY}{outlet.number}", None)

    async def _has_left_e9(self, outlet: Outlet) -> bool:
        """Whether there is nothing more to do: it is out of E9, is told to start anew, or the button is pressed again.

        What it says now counts: its last poll may be of before it was told.
        """
        if self._is_pressed(outlet.number):
            return True
        try:
            reading = await asked(outlet.controller.read(), f"connector {outlet.number}")
            if reading.status is ControllerStatus.E9_EMERGENCY_STOP:
                await asked(outlet.controller.reboot(), f"connector {outlet.number}")
                outlet.is_rebooting = True
        except Refused as error:
            log.error("connector %d: it does not leave the emergency stop by itself: %s", outlet.number, error)
        except DeviceError as error:
            log.debug("connector %d: reboot after the emergency stop: %s", outlet.number, error)
            return False
        return True


def _is_energised(outlet: Outlet) -> bool:
    reading = outlet.reading
    return reading is not None and (HardwareFlag.OUTPUT_RELAY in reading.flags or reading.status.is_charging)
