"""What is asked of connector controllers by people: reboot, clocks, parameters, a test of all they can be asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    CheckController,
    RebootController,
    SyncControllerClock,
    WriteParameter,
)
from chargepoint.station.asking import asked
from chargepoint.station.connector import Phase, StopAsked
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.vocabulary import ControllerStatus, EventType
from drivers.errors import DeviceError, Refused
from drivers.interfaces import Parameter

log = logging.getLogger(__name__)

ENDS_WITHIN_S = 15.0
BACK_WITHIN_S = 15.0
"""After a reboot order a controller is waited for so long."""
LOOK_S = 0.2
OK = ActionResult(ok=True, code="ok")
NOT_FREE = ActionResult(
    ok=False, code="busy", text="Parameters are written only while the connector is free and its controller answers."
)


class ControllerDeeds:
    """Serves RebootController, SyncControllerClock, WriteParameter, CheckController."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet]) -> None:
        self._site = site
        self._outlets = outlets

    def serve(self, bus: Bus) -> None:
        bus.serve(RebootController, self.reboot)
        bus.serve(SyncControllerClock, self.sync_clock)
        bus.serve(WriteParameter, self.write_parameter)
        bus.serve(CheckController, self.check)

    # --------------------------------------------------------------------------------------------------- reboot

    async def reboot(self, request: RebootController, sender: str) -> ActionResult:
        meant = [o for o in self._outlets.values() if request.connector in (0, o.number)]
        if not meant:
            return unknown(request.connector)
        rows, fault = [("connector", "back after s", "firmware")], ""
        for outlet in meant:
            text, took_s = await self._reboot(outlet, request)
            fault = fault or text
            firmware = outlet.identity.firmware_version if outlet.identity is not None else ""
            rows.append((str(outlet.number), text or f"{took_s:.1f}", firmware))
        if fault:
            return ActionResult(ok=False, code="failed", text=fault, table=tuple(rows))
        return ActionResult(ok=True, code="ok", table=tuple(rows))

    async def _reboot(self, outlet: Outlet, request: RebootController) -> tuple[str, float]:
        """Why it did not come back, or empty; and after how many seconds it did."""
        await outlet.ask(StopAsked(source=request.source))
        if not await outlet.out_of_transaction(ENDS_WITHIN_S):
            return "The charge did not end in time.", 0.0
        begun_s, before = self._site.clock.mono(), outlet.reading
        outlet.is_rebooting = True
        try:
            await asked(outlet.controller.reboot(), f"connector {outlet.number}")
        except DeviceError as error:
            outlet.is_rebooting = False
            return str(error), 0.0
        self._note(outlet.number, "reboot controller", request.by)
        await asyncio.sleep(LOOK_S)
        while self._site.clock.mono() - begun_s < BACK_WITHIN_S:
            now = outlet.reading
            is_new = now is not None and (before is None or now.boot_count != before.boot_count)
            if is_new and outlet.is_heard and now is not None and now.status is not ControllerStatus.F_UNKNOWN:
                return "", self._site.clock.mono() - begun_s
            await asyncio.sleep(LOOK_S)
        if outlet.is_heard:
            return "", self._site.clock.mono() - begun_s  # it does not count its restarts
        return f"The controller of connector {outlet.number} is not back after {BACK_WITHIN_S:.0f} s.", 0.0

    # --------------------------------------------------------------------------------------------------- clocks

    async def sync_clock(self, request: SyncControllerClock, sender: str) -> ActionResult:
        meant = [o for o in self._outlets.values() if request.connector in (0, o.number)]
        if not meant:
            return unknown(request.connector)
        if not self._site.clock.is_set:
            return ActionResult(ok=False, code="no_time", text="The station itself does not know the time yet.")
        rows, fault = [("connector", "off before s", "off after s")], ""
        for outlet in meant:
            before_s = await self._off_s(outlet)
            try:
                await asked(outlet.controller.set_clock(self._site.clock.now()), f"connector {outlet.number}")
            except DeviceError as error:
                fault = fault or str(error)
                rows.append((str(outlet.number), _seconds(before_s), str(error)))
                continue
            rows.append((str(outlet.number), _seconds(before_s), _seconds(await self._off_s(outlet))))
            self._note(outlet.number, "sync clock", request.by)
        return ActionResult(ok=not fault, code="failed" if fault else "ok", text=fault, table=tuple(rows))

    async def _off_s(self, outlet: Outlet) -> float | None:
        """How far its clock is ahead of ours; None: it does not tell."""
        try:
            clock: datetime | None = (await asked(outlet.controller.read_diagnosis(), "clock")).clock
        except DeviceError:
            return None
        if clock is None:
            return None
        aware = clock if clock.tzinfo is not None else clock.replace(tzinfo=UTC)
        return (aware - self._site.clock.now()).total_seconds()

    # ----------------------------------------------------------------------------------------------- parameters

    async def write_parameter(self, request: WriteParameter, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        if not _is_free(outlet):
            return NOT_FREE
        try:
            known = {each.name: each for each in await asked(outlet.controller.parameters(), "parameters")}
        except DeviceError as error:
            return ActionResult(ok=False, code="failed", text=str(error))
        old = known.get(request.name)
        if old is None:
            names = ", ".join(known) or "none"
            text = f"There is no parameter {request.name[:40]!r}; its controller has {names}."
            return ActionResult(ok=False, code="no_parameter", text=text[:500])
        if not old.minimum <= request.value <= old.maximum:
            text = f"{old.name} = {request.value} is not within {old.minimum} to {old.maximum}."
            return ActionResult(ok=False, code="out_of_range", text=text)
        if not _is_free(outlet):  # a car came while its controller was asked
            return NOT_FREE
        return await self._write(outlet, request, old)

    async def _write(self, outlet: Outlet, request: WriteParameter, old: Parameter) -> ActionResult:
        values = {"old": str(old.value), "new": str(request.value)}
        try:
            held = await asked(outlet.controller.write_parameter(request.name, request.value), "parameter")
            is_equal, said = held.value == request.value, f"it holds {held.value}"
        except Refused as error:
            is_equal, said = False, str(error)
        except DeviceError as error:
            self._note(outlet.number, f"parameter {request.name}: {error}", request.by)
            return ActionResult(ok=False, code="failed", text=str(error), values=values)
        if is_equal:
            self._note(outlet.number, f"parameter {request.name}: {old.value} -> {request.value}", request.by)
            return ActionResult(ok=True, code="ok", values=values, text=f"{old.value} -> {request.value}")
        restored = await self._restored(outlet, old)
        self._note(outlet.number, f"parameter {request.name}: not taken ({said}), {restored}", request.by)
        text = f"{request.name} did not take {request.value} ({said}); {restored}."
        return ActionResult(ok=False, code="restored", text=text, values=values)

    async def _restored(self, outlet: Outlet, old: Parameter) -> str:
        try:
            held = await asked(outlet.controller.write_parameter(old.name, old.value), "parameter")
        except DeviceError as error:
            return f"and {old.value} could not be put back ({error})"
        return f"it holds {held.value} again" if held.value == old.value else f"it holds {held.value} now"

    # ----------------------------------------------------------------------------------------------------- test

    async def check(self, request: CheckController, sender: str) -> ActionResult:
        """Everything it can be asked, one after another; what it refuses it does not have."""
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        controller = outlet.controller
        questions: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
            ("who are you", controller.identify),
            ("status", controller.read),
            ("vehicle", controller.read_vehicle),
            ("diagnosis", controller.read_diagnosis),
            ("parameters", controller.parameters),
        )
        rows, silent = [("asked", "answered", "ms", "said")], []
        for name, question in questions:
            begun_s = self._site.clock.mono()
            try:
                answer = await asked(question(), f"connector {outlet.number}")
                is_there, said = "yes", _outline(answer)
            except Refused as error:
                is_there, said = "refused", str(error)
            except DeviceError as error:
                is_there, said = "no", str(error)
                silent.append(name)
            rows.append((name, is_there, f"{1000 * (self._site.clock.mono() - begun_s):.0f}", said[:120]))
        polls = list(outlet.polls)
        failed = polls.count(False)
        values = {"polls": str(len(polls)), "failed": str(failed)}
        rows.append(("last polls", f"{len(polls) - failed} of {len(polls)}", "", ""))
        text = f"No answer to: {', '.join(silent)}." if silent else f"{failed} of the last {len(polls)} polls failed."
        return ActionResult(
            ok=not silent, code="failed" if silent else "ok", text=text, values=values, table=tuple(rows)
        )

    def _note(self, connector: int, deed: str, by: str) -> None:
        self._site.books.note(EventType.REMOTE_COMMAND, deed, by, connector=connector or None)


def _is_free(outlet: Outlet) -> bool:
    """No vehicle, and nobody awaited: by what its controller says now."""
    reading = outlet.reading
    return (
        outlet.phase is Phase.EMPTY
        and outlet.is_heard
        and reading is not None
        and reading.status is ControllerStatus.A_NOT_CONNECTED
    )


def _outline(answer: Any) -> str:
    """An answer in a line: what it says, without what it does not."""
    if isinstance(answer, tuple):
        return f"{len(answer)} in all"
    fields = getattr(answer, "__struct_fields__", ())
    told = {name: getattr(answer, name) for name in fields if name != "uid"}  # whose vehicle it is stays unsaid
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in (None, "", (), 0))


def _seconds(seconds: float | None) -> str:
    return "not told" if seconds is None else f"{seconds:+.1f}"


def unknown(number: int) -> ActionResult:
    """There is no such connector."""
    return ActionResult(ok=False, code="unknown_connector", text=f"There is no connector {number}.")
