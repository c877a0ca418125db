"""Firmware of controllers: the images that staging put on the machine, written one controller after the other.

Which controller gets which image says the signed package (docs/updates.md). Only an idle one is asked for; a busy one
waits its turn while the others go on. What was done is on record, so that after a cut only the rest is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from chargepoint import controller_images
from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.controller_images import Listed
from chargepoint.messages import (
    ActionResult,
    ControllerProgress,
    DeviceState,
    FirmwareState,
    State,
    StationState,
    UpdateController,
)
from drivers.interfaces import Identity
from fota.kept import Kept

log = logging.getLogger(__name__)

LOOK_S = 1.0
ASK_AGAIN_S = 10.0
BEGIN_WITHIN_S = 15.0
WRITE_WITHIN_S = 3600.0
"""The longest that one controller may take."""
ANSWER_WITHIN_S = 120.0
"""A controller that is not seen for so long gets nothing."""
ENDED = frozenset({"done", "failed", "skipped"})
LATER = frozenset({"busy", "not_idle", "low_power"})


class Desk(Protocol):
    @property
    def kept(self) -> Kept: ...

    def note(self, **changes: Any) -> None: ...


def image_for(images: Iterable[Listed], connector: int, kind: str, identity: Identity) -> Listed | None:
    """The first image of that kind which is meant for such a controller."""
    return next((each for each in images if each.type == kind and each.is_for(connector, identity)), None)


class Controllers:
    """`run` writes what a package brought; `connectors` limits it."""

    def __init__(self, context: Context, view: StateView) -> None:
        self._context = context
        self._view = view

    async def run(self, desk: Desk) -> str:
        """All that are meant, each once; why it failed, empty when none did."""
        try:
            images = controller_images.listed(self._context.layout.slots)
        except controller_images.BadFile as error:
            return str(error)
        await self._station()
        rows = list(desk.kept.controllers) or self._plan(images)
        desk.note(controllers=tuple(rows))
        waits = {index: 0.0 for index, row in enumerate(rows) if row.status not in ENDED}
        loop = asyncio.get_running_loop()
        while waits:
            index = min(waits, key=lambda each: (waits[each], each))
            await asyncio.sleep(max(0.0, waits[index] - loop.time()))
            done = await self._one(images, rows[index])
            rows[index] = done
            if done.status in ENDED:
                del waits[index]
                log.info("connector %d, %s %s: %s %s", done.connector, done.image, done.version, done.status, done.text)
            else:
                waits[index] = loop.time() + ASK_AGAIN_S
            desk.note(controllers=tuple(rows), text=done.text)
        failed = [row for row in rows if row.status == "failed"]
        if not rows:
            return "No controller of this station is meant by the package."
        return "; ".join(f"connector {row.connector}, {row.image}: {row.text}" for row in failed)[:400]

    def _plan(self, images: Iterable[Listed]) -> list[ControllerProgress]:
        rows = []
        for number in self._numbers():
            for kind in ("MAIN", "MODULES"):
                image = image_for(images, number, kind, self._identity(number))
                if image is not None:
                    rows.append(
                        ControllerProgress(connector=number, image=kind, version=image.version, status="waiting")
                    )
        return rows

    async def _one(self, images: Iterable[Listed], row: ControllerProgress) -> ControllerProgress:
        """Ask for one, and wait until it is written; a busy one stays `waiting`."""
        identity = self._identity(row.connector)
        image = image_for(images, row.connector, row.image, identity)
        if image is None:
            return _with(row, "skipped", "it is not meant for this controller")
        if image.runs_on(identity):
            return _with(row, "done", "it has this version already")
        wish = UpdateController(
            connector=row.connector,
            image=row.image,
            file=image.file,
            sha256=image.sha256,
            version=image.version[:16],
            by="fota",
        )
        told_before = self._view.get(f"firmware/{row.connector}")
        try:
            answer = await self._context.bus.call("station", wish, BEGIN_WITHIN_S)
        except (Unavailable, TimeoutError) as error:
            return _with(row, "waiting", str(error)[:200])
        except CallFailed as error:
            answer = ActionResult(ok=False, code="failed", text=str(error)[:200])
        if not answer.ok:
            return _with(row, "waiting" if answer.code in LATER else "failed", answer.text or answer.code)
        return await self._written(row, told_before)

    async def _written(self, row: ControllerProgress, told_before: State | None) -> ControllerProgress:
        """How it ends, as topic `firmware/N` tells after `told_before`, which is of an earlier time."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + WRITE_WITHIN_S
        await asyncio.sleep(LOOK_S)
        while loop.time() < ends_s:
            state = self._view.get(f"firmware/{row.connector}")
            is_new = state is not told_before
            if is_new and isinstance(state, FirmwareState) and state.image == row.image and state.stage in ENDED:
                is_good = state.stage == "done"
                return _with(row, state.stage, state.text if not is_good else f"{state.duration_s:.0f} s")
            await asyncio.sleep(LOOK_S)
        return _with(row, "failed", "it did not end in time")

    async def _station(self) -> None:
        """Until the station is there and its controllers have said who they are, within reason."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + ANSWER_WITHIN_S
        while loop.time() < ends_s:
            numbers = self._numbers()
            if numbers and all(self._identity(number).firmware_version for number in numbers):
                return
            await asyncio.sleep(LOOK_S)

    def _numbers(self) -> tuple[int, ...]:
        station = self._view.get("station")
        return tuple(sorted(station.connectors)) if isinstance(station, StationState) else ()

    def _identity(self, number: int) -> Identity:
        """Who the controller of a connector says it is."""
        device = self._view.get(f"device/connector/{number}")
        return device.identity if isinstance(device, DeviceState) else Identity()


def _with(row: ControllerProgress, status: str, text: str) -> ControllerProgress:
    return msgspec.structs.replace(row, status=status, text=text[:200])
