"""Firmware of connector controllers: written to one idle controller after another (UpdateController).

While it is written nobody polls that controller, its connector is UPDATING, and nobody may start there; for MODULES
that holds for all DC connectors. A controller found in its boot loader, whatever left it there, is told as such until
it has firmware again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from chargepoint import controller_images
from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, FirmwareState, UpdateController
from chargepoint.station.asking import asked
from chargepoint.station.cabinet.guarded import GuardedController
from chargepoint.station.connector import Phase
from chargepoint.station.outlet import Outlet
from chargepoint.station.outlet_state import STILL_TEXT
from chargepoint.station.site import Site
from chargepoint.station.staff.controllers import unknown
from chargepoint.vocabulary import ControllerStatus, EventType, HardwareFlag, PowerType
from drivers.errors import DeviceError, NotWritten, Refused
from drivers.interfaces import FirmwareImage, FirmwareProgress, Identity, UpdatesFirmware

log = logging.getLogger(__name__)

TELL_EACH_S = 0.5
LOOK_EACH_S = 5.0
"""So often a silent or unknowing controller is asked whether it is in its boot loader."""
SAFE_V = 60.0
ALLOWED_S, SLOWEST_BYTES_PER_S = 600.0, 200.0
"""An update may take so long, and besides what its bytes take on a slow line, for each attempt."""
STILL = "still_in_boot_loader"


class _Deed(msgspec.Struct, frozen=True):
    """What is being written where."""

    request: UpdateController
    outlet: Outlet
    writer: UpdatesFirmware
    image: FirmwareImage
    kept_back: tuple[Outlet, ...]
    """Connectors that nobody may use meanwhile."""
    version_before: str
    begun_s: float


class Firmware:
    """Serves UpdateController. `run` must be running."""

    def __init__(
        self,
        site: Site,
        outlets: Mapping[int, Outlet],
        slots: Path,
        tell: Callable[[FirmwareState], None],
        why_low: Callable[[], Awaitable[str]],
    ) -> None:
        """`why_low`: what speaks against the station's own supply, empty: nothing."""
        self._site = site
        self._why_low = why_low
        self._outlets = outlets
        self._slots = slots
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._is_taken = False
        self._told_s = 0.0
        self._states: dict[int, FirmwareState] = {}

    def serve(self, bus: Bus) -> None:
        bus.serve(UpdateController, self.update)

    # --------------------------------------------------------------------------------------------------------- asked

    async def update(self, request: UpdateController, sender: str) -> ActionResult:
        """Look at everything, then begin; how it goes is told by topic."""
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        writer = _writer_of(outlet)
        if writer is None:
            return _no("not_supported", "This kind of controller gets no firmware from the station.")
        if self._is_taken:
            return _no("busy", "Firmware is being written to a controller already; wait until it is done.")
        self._is_taken = True  # from here on nobody else, whatever is waited for
        try:
            return await self._begin(request, outlet, writer)
        finally:
            self._is_taken = self._task is not None

    async def _begin(self, request: UpdateController, outlet: Outlet, writer: UpdatesFirmware) -> ActionResult:
        kept_back = self._meant(request, outlet)
        reason = self._why_not(outlet, kept_back)
        if reason:
            return _no("not_idle", reason)
        try:
            outlet.is_in_boot_loader = await asked(writer.is_in_boot_loader(), f"connector {outlet.number}")
        except Refused as error:
            return _no("not_supported", f"The controller of connector {outlet.number} has no boot loader ({error}).")
        except DeviceError as error:
            return _no("not_idle", f"The controller of connector {outlet.number} does not answer: {error}.")
        if _is_lost(outlet) and not outlet.is_in_boot_loader:
            return _no("not_idle", f"The controller of connector {outlet.number} does not know its own status (F).")
        try:
            data = await asyncio.to_thread(controller_images.read, self._slots, request.file, request.sha256)
            image = writer.look_at_image(request.image, data)
        except controller_images.BadFile as error:
            return _no("bad_file", str(error))
        except ValueError as error:
            return _no("bad_file", f"The image {request.file} cannot be used: {error}.")
        if request.version and request.version != image.version:
            text = f"The image {request.file} is version {image.version}, not {request.version}."
            return _no("bad_file", text)
        low = await self._why_low()
        if low:
            return _no("low_power", low)
        reason = self._why_not(outlet, kept_back)  # a car may have come meanwhile
        if reason:
            return _no("not_idle", reason)
        deed = _Deed(
            request=request, outlet=outlet, writer=writer, image=image, kept_back=kept_back,
            version_before=_version(outlet.identity, request.image), begun_s=self._site.clock.mono(),
        )  # fmt: skip
        for each in kept_back:
            each.is_updating = True
        outlet.is_written = True
        self._site.changed()
        self._publish(deed, stage="entering", attempts=request.attempts)
        self._note(deed, f"{request.image} {deed.version_before or '?'} -> {image.version}: begins")
        self._task = asyncio.create_task(self._write(deed), name=f"firmware of connector {outlet.number}")
        text = f"Firmware {image.version} is being written to the controller of connector {outlet.number}."
        return ActionResult(ok=True, code="ok", text=text)

    def _meant(self, request: UpdateController, outlet: Outlet) -> tuple[Outlet, ...]:
        """The connectors that have to be idle: behind a module controller may be any DC connector."""
        if request.image == "MAIN":
            return (outlet,)
        others = [o for o in self._outlets.values() if o.settings.type.power_type is PowerType.DC and o is not outlet]
        return (outlet, *others)

    def _why_not(self, outlet: Outlet, meant: tuple[Outlet, ...]) -> str:
        """Why nothing may be written now, empty when it may."""
        if self._site.is_stopping:
            return "The station is restarting."
        return next((text for each in meant if (text := why_not_idle(each, is_own=each is outlet))), "")

    # -------------------------------------------------------------------------------------------------------- written

    async def _write(self, deed: _Deed) -> None:
        outlet = deed.outlet
        code, text, after = "ended", "It was broken off: the station ended.", ""
        limit_s = deed.request.attempts * (ALLOWED_S + len(deed.image.data) / SLOWEST_BYTES_PER_S)
        try:
            async with asyncio.timeout(limit_s):
                identity = await asked(
                    deed.writer.write_firmware(
                        deed.image, deed.request.attempts, lambda progress: self._progress(deed, progress)
                    ),
                    f"connector {outlet.number}",
                )
            after = _version(identity, deed.request.image)
            code, text = self._verdict(deed, after)
            outlet.identity = identity
            outlet.is_rebooting = True
        except NotWritten as error:
            code, text = error.code, str(error)
        except TimeoutError:
            text = f"It was broken off after {limit_s / 60:.0f} minutes."
        except DeviceError as error:
            code, text = "refused", str(error)
        finally:
            outlet.is_written = False
            outlet.is_in_boot_loader = False  # the next look says
            self._ended(deed, code, text, after)
            for each in deed.kept_back:
                each.is_updating = False
            self._task, self._is_taken = None, False
            self._site.changed()

    def _verdict(self, deed: _Deed, after: str) -> tuple[str, str]:
        if after == deed.image.version:
            return "ok", f"It runs version {after}."
        return "wrong_version", f"Version {deed.image.version} was written, but it says that it runs {after or 'none'}."

    def _progress(self, deed: _Deed, progress: FirmwareProgress) -> None:
        number, last = deed.outlet.number, self._states[deed.outlet.number]
        is_due = self._site.clock.mono() - self._told_s >= TELL_EACH_S
        if is_due or (last.stage, last.attempt) != (progress.stage.value, progress.attempt):
            self._publish(
                deed, stage=progress.stage.value, block=progress.block, blocks=progress.blocks,
                attempt=progress.attempt, attempts=progress.attempts, repeats=progress.repeats,
            )  # fmt: skip
        else:  # told with the next, or in the end
            self._states[number] = msgspec.structs.replace(last, block=progress.block, repeats=progress.repeats)

    def _ended(self, deed: _Deed, code: str, text: str, after: str) -> None:
        last, is_good = self._states[deed.outlet.number], code == "ok"
        self._publish(
            deed, stage="done" if is_good else "failed", code=code, text=text, version_after=after,
            block=last.block, blocks=last.blocks, attempt=last.attempt, attempts=last.attempts, repeats=last.repeats,
        )  # fmt: skip
        lasted_s = self._site.clock.mono() - deed.begun_s
        said = f"{deed.request.image} {deed.version_before or '?'} -> {deed.image.version}: {code}, {lasted_s:.0f} s"
        log.log(logging.INFO if is_good else logging.WARNING, "connector %d: firmware %s. %s",
                deed.outlet.number, said, text)  # fmt: skip
        self._note(deed, said, "" if is_good else text)

    def _publish(self, deed: _Deed, *, stage: str, attempts: int, **more: int | str) -> None:
        self._told_s = self._site.clock.mono()
        fields: dict[str, object] = {
            "connector": deed.outlet.number, "image": deed.request.image, "stage": stage, "attempts": attempts,
            "version_before": deed.version_before, "version": deed.image.version, "by": deed.request.by,
            "duration_s": round(self._told_s - deed.begun_s, 1), **more,
        }  # fmt: skip
        self._tell_state(msgspec.convert(fields, FirmwareState))

    def _tell_state(self, state: FirmwareState) -> None:
        self._states[state.connector] = state
        self._tell(state)

    def _note(self, deed: _Deed, action: str, error: str = "") -> None:
        self._site.books.note(EventType.FIRMWARE, action, deed.request.by, error=error, connector=deed.outlet.number)

    # ------------------------------------------------------------------------------------------------- in boot loader

    async def run(self) -> None:
        """Find controllers that are in their boot loader although nothing is written; ends what is written with it."""
        try:
            while True:
                for outlet in self._outlets.values():
                    await self._look(outlet)
                await asyncio.sleep(LOOK_EACH_S)
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def _look(self, outlet: Outlet) -> None:
        writer = _writer_of(outlet)
        if writer is None or outlet.is_written:
            return
        reading = outlet.reading
        is_able = outlet.is_heard and reading is not None and reading.status is not ControllerStatus.F_UNKNOWN
        if is_able:
            if outlet.is_in_boot_loader:
                self._found(outlet, is_there=False)
            return
        try:
            is_there = await asked(writer.is_in_boot_loader(), f"connector {outlet.number}")
        except DeviceError:
            return  # it is silent, or has none: told by who polls it
        if is_there is not outlet.is_in_boot_loader or (is_there and not self._was_told(outlet)):
            self._found(outlet, is_there=is_there)

    def _was_told(self, outlet: Outlet) -> bool:
        state = self._states.get(outlet.number)
        return state is not None and state.stage == "failed"

    def _found(self, outlet: Outlet, *, is_there: bool) -> None:
        """It is in its boot loader, or has left it."""
        outlet.is_in_boot_loader = is_there
        self._site.changed()
        if is_there and self._was_told(outlet):
            return  # why is told already
        log.log(
            logging.WARNING if is_there else logging.INFO, "connector %d: %s", outlet.number,
            STILL_TEXT if is_there else "its controller has firmware again",
        )  # fmt: skip
        if is_there:
            self._site.books.note(EventType.FIRMWARE, STILL, error=STILL_TEXT, connector=outlet.number)
        self._tell_state(
            FirmwareState(
                connector=outlet.number, image="MAIN", stage="failed" if is_there else "done",
                code=STILL if is_there else "ok", text=STILL_TEXT if is_there else "Its controller runs its firmware.",
                version_after=_version(outlet.identity, "MAIN"),
            )
        )  # fmt: skip


def _writer_of(outlet: Outlet) -> UpdatesFirmware | None:
    controller = outlet.controller
    inner = controller.inner if isinstance(controller, GuardedController) else controller
    return inner if isinstance(inner, UpdatesFirmware) else None


def why_not_idle(outlet: Outlet, *, is_own: bool = False) -> str:
    """Why this connector is not idle; empty when it is. One whose controller is in its boot loader is: nobody can
    charge there."""
    number, reading = outlet.number, outlet.reading
    if outlet.phase is not Phase.EMPTY or outlet.is_tested:
        return f"Connector {number} is in use; wait until its vehicle has left."
    if outlet.is_in_boot_loader:
        return ""
    if not outlet.is_heard or reading is None:
        return f"The controller of connector {number} does not answer; see to its link first."
    if _is_lost(outlet) and is_own:
        return ""  # its boot loader, perhaps: it is asked next, and refuses with a vehicle
    if reading.status is not ControllerStatus.A_NOT_CONNECTED:
        return f"Connector {number} is not free (its controller says {reading.status.value})."
    if HardwareFlag.OUTPUT_RELAY in reading.flags:
        return f"The contactor of connector {number} is closed."
    if outlet.settings.type.power_type is PowerType.DC and not abs(reading.voltage_v) < SAFE_V:
        return f"Connector {number} carries {reading.voltage_v:.0f} V; wait until it is below {SAFE_V:.0f} V."
    return ""


def _is_lost(outlet: Outlet) -> bool:
    return outlet.reading is not None and outlet.reading.status is ControllerStatus.F_UNKNOWN


def _version(identity: Identity | None, image: str) -> str:
    if identity is None:
        return ""
    return identity.firmware_version if image == "MAIN" else identity.module_version


def _no(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text[:500])
