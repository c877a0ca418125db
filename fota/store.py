"""Packages as people see them: read, uploaded in pieces, removed. Serves ReadPackages, OfferPackage, RemovePackage."""

from __future__ import annotations

import asyncio
import logging

from chargepoint.context import Context
from chargepoint.controller_images import BadFile, listed
from chargepoint.messages import (
    ActionResult,
    ControllerImage,
    OfferAnswer,
    OfferPackage,
    PackagesPage,
    ReadPackages,
    RemovePackage,
)
from fota.packages import FETCHED, MOST_PACKAGES, NAME, Packages, on_stick
from fota.questions import UNSIGNED, Family
from fota.update import SETTLED
from fota.updating import Updating

log = logging.getLogger(__name__)


class Store:
    def __init__(self, context: Context, packages: Packages, family: Family, updating: Updating) -> None:
        self._context = context
        self._packages = packages
        self._family = family
        self._updating = updating
        self._one_at_a_time = asyncio.Lock()
        context.bus.serve(ReadPackages, self._read)
        context.bus.serve(OfferPackage, self._offer)
        context.bus.serve(RemovePackage, self._remove)

    async def _read(self, request: ReadPackages, _sender: str) -> PackagesPage:
        async with self._one_at_a_time:
            now = self._context.clock.now() if self._context.clock.is_set else None
            for name in self._packages.unknown():
                self._packages.learn(name, await self._family.head_of(self._packages.path(name), now))
            rows, problem = list(self._packages.rows()), ""
            if request.is_with_usb:
                found = await self._updating.read_usb()
                problem = found.text
                for name in filter(None, found.values.get("names", "").split("\n")) if found.ok else ():
                    file = self._packages.usb / name
                    if NAME.fullmatch(name) and file.is_file():
                        verdict = await self._family.head_of(file, now)
                        rows.append(on_stick(name, verdict, file.stat().st_size))
        return PackagesPage(packages=tuple(rows), problem=problem, images=await asyncio.to_thread(self._images))

    def _images(self) -> tuple[ControllerImage, ...]:
        """Firmware of controllers that packages brought; none when their list cannot be read, which is logged."""
        try:
            return tuple(each.told for each in listed(self._context.layout.slots))
        except BadFile as error:
            log.warning("%s", error)
            return ()

    async def _remove(self, request: RemovePackage, _sender: str) -> ActionResult:
        kept = self._updating.kept
        if kept.at_stage not in SETTLED and request.name in (kept.order.name, FETCHED):
            return ActionResult(ok=False, code="busy", text=f"{request.name} is being installed; cancel that first.")
        if not NAME.fullmatch(request.name) or not self._packages.remove(request.name):
            return ActionResult(ok=False, code="unknown", text=f"There is no package {request.name}.")
        log.info("package %s removed by %s", request.name, request.by)
        return ActionResult(ok=True, code="ok")

    async def _offer(self, request: OfferPackage, _sender: str) -> OfferAnswer:
        async with self._one_at_a_time:
            try:
                return await self._offered(request)
            except OSError as error:
                text = f"{request.name} cannot be written: {error.strerror or error}"
                return OfferAnswer(ok=False, code="no_room", text=text)

    async def _offered(self, request: OfferPackage) -> OfferAnswer:
        name, size, packages, settings = request.name, request.size_bytes, self._packages, self._context.settings.update
        kept = self._updating.kept
        if not NAME.fullmatch(name) or name == FETCHED:
            return OfferAnswer(ok=False, code="refused", text="The name of a package ends in .cpk.")
        if kept.at_stage not in SETTLED and name == kept.order.name:
            return OfferAnswer(ok=False, code="busy", text=f"{name} is being installed.")
        if size > settings.largest_mib << 20:
            text = f"It has {size} bytes; at most {settings.largest_mib} MiB are taken."
            return OfferAnswer(ok=False, code="too_large", text=text)
        there = packages.upload_at(name, size)
        if there is None:
            if request.offset or request.data:
                return OfferAnswer(ok=False, code="offset", offset=0)
            if len(packages.names()) >= MOST_PACKAGES:
                text = f"{MOST_PACKAGES} packages are here; remove one first."
                return OfferAnswer(ok=False, code="no_room", text=text)
            if packages.free_bytes(settings.disk_floor_pct) < size:
                text = f"{settings.disk_floor_pct} % of the disk have to stay free; remove packages or logs first."
                return OfferAnswer(ok=False, code="no_room", text=text)
            packages.begin_upload(name, size)
            return OfferAnswer(ok=True, code="ok", offset=0)
        if not request.data or request.offset != there:
            return OfferAnswer(ok=not request.data, code="offset" if request.data else "ok", offset=there)
        if packages.free_bytes(settings.disk_floor_pct) < len(request.data):
            text = f"{settings.disk_floor_pct} % of the disk have to stay free; remove packages or logs first."
            return OfferAnswer(ok=False, code="no_room", offset=there, text=text)
        if there + len(request.data) > size:
            packages.drop_upload(name, size)
            return OfferAnswer(ok=False, code="refused", text="More came than was said.")
        there = await asyncio.to_thread(packages.add, name, size, request.data)
        if there < size:
            return OfferAnswer(ok=True, code="ok", offset=there)
        packages.end_upload(name, size)
        now = self._context.clock.now() if self._context.clock.is_set else None
        verdict = await self._family.head_of(packages.path(name), now)
        packages.learn(name, verdict)
        if verdict.header is None:  # nothing of it can be believed
            packages.remove(name)
            if verdict.code in UNSIGNED:
                self._updating.note_unsigned(request.by, verdict.text)
            return OfferAnswer(ok=False, code="refused", offset=0, text=verdict.text)
        log.info("package %s came whole, by %s", name, request.by)
        return OfferAnswer(ok=True, code="done", offset=there, text="" if verdict.ok else verdict.text)
