"""What is forced for a technician while he looks: colours of lights, the lock to and fro. Each ends when he leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, ExerciseConnector, ShowTestColours
from chargepoint.preconditions import SAFE_V
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.light_patterns import TEST_PATTERNS
from chargepoint.station.cabinet.lights import Shows
from chargepoint.station.connector import Phase
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.station.staff.controllers import unknown
from chargepoint.station.staff.presence import Presence
from chargepoint.vocabulary import ControllerStatus, EventType, HardwareFlag, PowerType
from drivers.errors import DeviceError, Refused

log = logging.getLogger(__name__)

COLOUR_S = 2.0
TRIES = 3
MOVES_WITHIN_S = 5.0
LOOK_S = 0.1
NOBODY = ActionResult(ok=False, code="no_technician", text="Log in first: this ends when nobody is logged in.")


class ForcedOutputs:
    """Serves ShowTestColours and ExerciseConnector."""

    def __init__(
        self, site: Site, outlets: Mapping[int, Outlet], presence: Presence, shows: Shows, has_light: Callable[[], bool]
    ) -> None:
        self._site = site
        self._outlets = outlets
        self._presence = presence
        self._shows = shows
        self._has_light = has_light

    def serve(self, bus: Bus) -> None:
        bus.serve(ShowTestColours, self.show_colours)
        bus.serve(ExerciseConnector, self.exercise)

    # --------------------------------------------------------------------------------------------------- lights

    async def show_colours(self, request: ShowTestColours, sender: str) -> ActionResult:
        if request.connector and request.connector not in self._outlets:
            return unknown(request.connector)
        owner = self._presence.owner(sender, request.by)
        if owner is None:
            return NOBODY
        if not self._has_light():
            return ActionResult(ok=False, code="no_light", text="This station has no lights.")
        numbers = (request.connector,) if request.connector else tuple(self._outlets)
        self._note(request.connector, "test lights", request.by)
        return await self._presence.force(f"lights {request.connector}", owner, self._colours(numbers))

    async def _colours(self, numbers: tuple[int, ...]) -> ActionResult:
        shown = []
        try:
            for pattern in TEST_PATTERNS:
                self._shows.tested |= dict.fromkeys(numbers, pattern)
                shown.append(pattern.name.removeprefix("TEST_").lower())
                await asyncio.sleep(COLOUR_S)
        finally:
            for number in numbers:
                self._shows.tested.pop(number, None)
        return ActionResult(ok=True, code="ok", values={"colours": ", ".join(shown)}, text="Were all colours seen?")

    # ----------------------------------------------------------------------------------------------------- lock

    async def exercise(self, request: ExerciseConnector, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        owner = self._presence.owner(sender, request.by)
        if owner is None:
            return NOBODY
        if against := _against(outlet):
            return against
        self._note(outlet.number, "exercise", request.by)
        return await self._presence.force(f"exercise {outlet.number}", owner, self._exercised(outlet))

    async def _exercised(self, outlet: Outlet) -> ActionResult:
        """Three times shut and open, with what its flag said; open at the end, whatever happens."""
        rows, wrong = [("what", "try", "ms", "ok")], []
        try:
            for number in range(1, TRIES + 1):
                for what, order, is_shut in (
                    ("lock", outlet.controller.lock, True),
                    ("unlock", outlet.controller.unlock, False),
                ):
                    if against := _against(outlet):
                        return against
                    begun_s = self._site.clock.mono()
                    await asked(order(), f"connector {outlet.number}")
                    has_moved = await self._moved(outlet, is_shut)
                    took_ms = 1000 * (self._site.clock.mono() - begun_s)
                    rows.append((what, str(number), f"{took_ms:.0f}", "ok" if has_moved else "wrong"))
                    if not has_moved:
                        wrong.append(f"{what} {number}")
        except Refused as error:
            code = "not_supported" if len(rows) == 1 else "failed"
            return ActionResult(ok=False, code=code, text=str(error), table=tuple(rows))
        except DeviceError as error:
            return ActionResult(ok=False, code="failed", text=str(error), table=tuple(rows))
        finally:
            with suppress(DeviceError):
                await asked(outlet.controller.unlock(), f"connector {outlet.number}")
        contactor = "Its contactor closes for a charge only (a test session of mode dry tests it)."
        if wrong:
            text = f"The lock's feedback did not follow within {MOVES_WITHIN_S:.0f} s: {', '.join(wrong)}. {contactor}"
            return ActionResult(ok=False, code="failed", text=text, table=tuple(rows))
        return ActionResult(ok=True, code="ok", text=f"The lock moved {TRIES} times. {contactor}", table=tuple(rows))

    async def _moved(self, outlet: Outlet, is_shut: bool) -> bool:
        until_s = self._site.clock.mono() + MOVES_WITHIN_S
        while self._site.clock.mono() < until_s:
            await asyncio.sleep(LOOK_S)
            reading = outlet.reading
            if reading is not None and outlet.is_heard and (HardwareFlag.CONNECTOR_LOCKED in reading.flags) is is_shut:
                return True
        return False

    def _note(self, connector: int, deed: str, by: str) -> None:
        self._site.books.note(EventType.TECHNICIAN_ACTION, deed, by, connector=connector or None)


def _against(outlet: Outlet) -> ActionResult | None:
    """Nothing is forced where a vehicle is, or voltage (S19); looked at again before each move."""
    reading = outlet.reading
    if reading is None or not outlet.is_heard:
        return ActionResult(ok=False, code="failed", text="The connector's controller does not answer.")
    if outlet.phase is not Phase.EMPTY or reading.status is not ControllerStatus.A_NOT_CONNECTED:
        return ActionResult(ok=False, code="busy", text=f"Connector {outlet.number} is not free.")
    is_dc = outlet.settings.type.power_type is PowerType.DC
    voltage_v = abs(reading.voltage_v) if is_dc and reading.is_metered else 0.0
    if HardwareFlag.OUTPUT_RELAY in reading.flags or not voltage_v < SAFE_V:
        return ActionResult(ok=False, code="voltage", text=f"Connector {outlet.number} is not without voltage.")
    return None
