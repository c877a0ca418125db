"""The one update: orders taken or refused, its stages gone through, each durable, shown, noted and told."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec

from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.locations import hosts_of, masked_location, own_addresses, why_not
from chargepoint.messages import (
    ActionResult,
    BeginUpdate,
    CancelUpdate,
    InstallPackage,
    ReturnSoftware,
    SecurityNoted,
    TechnicianState,
    TellUpdate,
)
from fota import fetching
from fota import kept as kept_file
from fota.kept import MOST_UNTOLD, Kept, Order, Telling, order_of
from fota.packages import FETCHED, Packages
from fota.picture import note_of, state_of
from fota.questions import BAD_CERTIFICATE, UNSIGNED, Family, Signed
from fota.stages import Result, Stages
from fota.standing import is_below
from fota.update import BEFORE_INSTALLING, SETTLED, Next, Outcome, Stage, step
from fota.upload_rules import shown

log = logging.getLogger(__name__)

OCPP = "ocpp"
NOT_SEEN_BY_HUB = frozenset({"web", "controllers", "keys"})
"""Kinds that leave the version of the software as it is: of another one `hub` tells at its first start."""
ALWAYS_TOLD = frozenset({Stage.INSTALLING, Stage.CHECKING, Stage.CONTROLLERS})
"""From here on the central system hears also of an update that others asked for."""
TELL_AGAIN_S, TELL_WITHIN_S, FULL_AGAIN_S = 2.0, 10.0, 30.0
SHOW_EVERY_S = 0.5
USB_WITHIN_S = 300.0


class Updating:
    """See the top of this file. Serves BeginUpdate, InstallPackage, CancelUpdate, ReturnSoftware."""

    def __init__(self, context: Context, view: StateView, packages: Packages, family: Family, stages: Stages) -> None:
        self._context = context
        self._view = view
        self._packages = packages
        self._family = family
        self._stages = stages
        self._kept = kept_file.read(context.data)
        self._wake = asyncio.Event()
        self._cancel = asyncio.Event()
        self._told = asyncio.Event()
        self._untold = asyncio.Event()
        self._shown_s = -SHOW_EVERY_S
        self._deciding = asyncio.Lock()
        bus = context.bus
        bus.serve(BeginUpdate, self._begin)
        bus.serve(InstallPackage, self._install)
        bus.serve(CancelUpdate, self._cancel_update)
        bus.serve(ReturnSoftware, self._return)

    @property
    def kept(self) -> Kept:
        return self._kept

    @property
    def is_busy(self) -> bool:
        """Whether there is something to do, so that the service must not rest."""
        return self._kept.at_stage not in SETTLED or (bool(self._kept.untold) and not self._context.faults)

    # -------------------------------------------------------------------------------------------------------- life

    async def run(self) -> None:
        """Until the task ends: what was begun goes on, then what is ordered."""
        telling = asyncio.create_task(self._tell_all(), name="tell of the update")
        try:
            self._adopt_trial()
            self._show()
            known = self._stages.at_start(self._kept)
            if known is not None:
                self._apply(known)
            elif self._kept.at_stage not in SETTLED:
                log.info("update: goes on at %s", self._kept.stage)
            while True:
                if self._kept.at_stage in SETTLED:
                    await self._wake.wait()
                    self._wake.clear()
                    continue
                self._apply(await self._one_stage())
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    def _adopt_trial(self) -> None:
        """A version on trial is judged also when what was kept of its update is lost, or older than the switch (a full
        disk, a factory reset): else nobody would ever keep it."""
        standing = self._stages.standing()
        if not standing.runs.is_trial or self._kept.at_stage in (Stage.INSTALLING, Stage.CHECKING):
            return
        is_known = self._kept.slot == standing.runs.slot and self._kept.at_stage is Stage.WAITING
        log.warning("update: version %s runs on trial, and its update stands at %s", standing.version, self._kept.stage)
        kept = self._kept if is_known else Kept(order=Order(by="start.sh"), untold=self._kept.untold)
        self._set(
            msgspec.structs.replace(
                kept, stage=Stage.CHECKING.value, slot=standing.runs.slot, version=kept.version or standing.version
            )
        )

    async def _one_stage(self) -> Result:
        """What came of the stage; it is broken off when the update is cancelled."""
        stage = self._kept.at_stage
        if self._kept.is_cancelled and stage in BEFORE_INSTALLING and stage is not Stage.STAGING:
            return await self._cancelled()
        work = asyncio.create_task(self._guarded(stage), name=f"update: {stage}")
        cancelled = asyncio.create_task(self._cancel.wait(), name="cancel of the update")
        try:
            await asyncio.wait({work, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and stage is Stage.STAGING:  # what was begun as root is not broken off
                await asyncio.wait({work})
            if work.done() and not (self._kept.is_cancelled and stage is Stage.WAITING):
                return work.result()
        finally:
            for task in (work, cancelled):
                task.cancel()
            await asyncio.gather(work, cancelled, return_exceptions=True)
        return await self._cancelled()

    async def _cancelled(self) -> Result:
        if self._kept.slot and not self._kept.order.is_returning:
            await self._stages.deed("forget_software")
        return Result.why(Outcome.CANCELLED, "cancelled", self._kept.text or "It was cancelled.")

    async def _guarded(self, stage: Stage) -> Result:
        """A handler that breaks ends the update, and not the service again and again."""
        try:
            return await self._stages.by_stage[stage](self)
        except OSError as error:
            log.error("update: %s: %s", stage, error)
            return Result.why(Outcome.GAVE_UP, "failed", f"{error.filename or ''}: {error.strerror or error}")
        except Exception as error:
            log.exception("update: %s broke", stage)
            return Result.why(Outcome.GAVE_UP, "failed", f"{type(error).__name__}: {error}")

    def _apply(self, result: Result) -> None:
        """Go on to the stage that follows: durable first, then shown, noted, told."""
        before, stage = self._kept, self._kept.at_stage
        follows = step(stage, result.outcome)
        if follows is None:
            log.error("update: %s cannot come of %s", result.outcome, stage)
            follows = Next(Stage.FAILED, ("InstallationFailed",))
        follows_stage, words = follows.stage, follows.tell
        changed = msgspec.structs.replace(before, **{**result.changes, "stage": follows_stage.value})
        self._cancel.clear()
        if follows_stage in SETTLED:
            changed = msgspec.structs.replace(changed, is_cancelled=False)
        is_told = before.order.door == OCPP or stage in ALWAYS_TOLD or follows_stage in ALWAYS_TOLD
        if is_told and not before.order.is_returning:
            more = tuple(Telling(word, before.order.request_id) for word in words)
            changed = msgspec.structs.replace(changed, untold=(*changed.untold, *more)[-MOST_UNTOLD:])
        self._set(changed)
        log.info(
            "update: %s -> %s (%s)%s", stage, follows_stage, result.outcome, f": {changed.text}" * bool(changed.text)
        )
        self._note_stage(changed)
        if "InvalidSignature" in words and not is_told:
            self.note_unsigned(changed.order.by, changed.text)
        if follows_stage is Stage.FAILED and changed.code in BAD_CERTIFICATE:  # good when it was ordered
            self._note_security("InvalidFirmwareSigningCertificate", "refused", changed.text[:300])
        if follows_stage is Stage.DONE and changed.kind in NOT_SEEN_BY_HUB and not changed.order.is_returning:
            self._note_security("FirmwareUpdated", changed.kind, changed.version)
        if follows_stage in SETTLED:
            self._tidy(changed, result.outcome)

    def _tidy(self, kept: Kept, outcome: Outcome) -> None:
        """Of a refused or failed package nothing is left (S30); of good ones the last few."""
        try:
            if kept.at_stage is Stage.DONE and kept.order.name and not kept.order.is_returning:
                self._packages.set_kept(kept.order.name, self._context.settings.update.keep_packages)
            elif kept.order.name and (kept.order.location or outcome in (Outcome.REFUSED, Outcome.UNSIGNED)):
                self._packages.remove(kept.order.name)
            fetched = self._packages.path(FETCHED)
            fetched.unlink(missing_ok=True)
            fetching.forget(fetched)
        except OSError as error:
            log.error("update: what is left of it cannot be removed: %s", error)

    # ------------------------------------------------------------------------------------------ what handlers may do

    def show(self, **changes: Any) -> None:
        self._kept = msgspec.structs.replace(self._kept, **changes)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._shown_s >= SHOW_EVERY_S or not changes.keys() <= {"received_bytes", "size_bytes"}:
            self._shown_s = now_s
            self._show()

    def note(self, **changes: Any) -> None:
        self._set(msgspec.structs.replace(self._kept, **changes))

    def tell(self, status: str) -> None:
        if self._kept.order.door == OCPP:
            more = (*self._kept.untold, Telling(status, self._kept.order.request_id))
            self.note(untold=more[-MOST_UNTOLD:])

    async def all_told(self, within_s: float) -> None:
        """Wait until `ocpp` has taken all there is to tell, for so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._kept.untold:
                    self._told.clear()
                    await self._told.wait()

    def _set(self, kept: Kept) -> None:
        self._kept = kept
        kept_file.keep(self._context.data, kept)
        self._show()
        self._wake.set()
        if kept.untold:
            self._untold.set()

    def _show(self) -> None:
        self._context.bus.set_state("update", state_of(self._kept, self._stages.standing()))

    def _note_stage(self, kept: Kept) -> None:
        self._context.bus.publish(note_of(kept))

    def note_unsigned(self, by: str, text: str) -> None:
        """A package whose maker cannot be trusted, of which the central system hears in no other way."""
        self._note_security("InvalidFirmwareSignature", "refused", f"{masked_location(text)[:300]} (by {by[:100]})")

    def _note_security(self, event: str, operation: str, extra: str) -> None:
        self._context.bus.publish(
            SecurityNoted(type=event, source_type="service", source="fota", operation=operation, extra=extra)
        )

    async def _tell_all(self) -> None:
        """What the central system has to hear, in order, each until `ocpp` has it on record."""
        while True:
            if not self._kept.untold:
                self._told.set()
                self._untold.clear()
                await self._untold.wait()
                continue
            first = self._kept.untold[0]
            try:
                request = TellUpdate(status=first.status, request_id=first.request_id)
                await self._context.bus.call(OCPP, request, TELL_WITHIN_S)
            except (Unavailable, TimeoutError):
                await asyncio.sleep(TELL_AGAIN_S)
                continue
            except CallFailed as error:
                log.warning("update: %s cannot be told: %s", first.status, error)
                await asyncio.sleep(FULL_AGAIN_S)
                continue
            self.note(untold=self._kept.untold[1:])

    # ------------------------------------------------------------------------------------------------------- orders

    async def _begin(self, request: BeginUpdate, sender: str) -> ActionResult:
        ocpp, settings = self._context.settings.ocpp, self._context.settings.update
        allowed = hosts_of(ocpp.url, ocpp.backup_url).union(ocpp.local_file_hosts, settings.allowed_hosts)
        if reason := why_not(request.location, own_addresses(), allowed):
            return ActionResult(ok=False, code="bad_location", text=reason)
        if request.certificate:
            clock = self._context.clock
            asked = Signed(
                certificate=request.certificate, roots=request.roots, now=clock.now() if clock.is_set else None
            )
            found = await self._family.check_signed(asked)
            if not found.ok:
                return ActionResult(ok=False, code=found.code, text=found.text)
        order = order_of(request, sender, settings)
        at, clock = request.retrieve_at, self._context.clock
        is_later = at is not None and not (clock.is_set and clock.now() >= at)
        return await self._take(order, Stage.SCHEDULED, ("DownloadScheduled",) if is_later else ())

    async def _install(self, request: InstallPackage, sender: str) -> ActionResult:
        if self._kept.at_stage not in SETTLED and self._kept.order.door != sender:
            return self._busy()
        if request.name == FETCHED:  # no name of a package: what lies there is of the order that fetches it
            return ActionResult(ok=False, code="unknown", text=f"There is no package {request.name}.")
        if request.is_from_usb:
            fetched = await self._from_usb(request.name)
            if fetched is not None:
                return fetched
        if not self._packages.has(request.name):
            return ActionResult(ok=False, code="unknown", text=f"There is no package {request.name}.")
        clock = self._context.clock
        verdict = await self._family.head_of(self._packages.path(request.name), clock.now() if clock.is_set else None)
        self._packages.learn(request.name, verdict)
        if not verdict.ok:
            if verdict.code in UNSIGNED:
                self.note_unsigned(request.by or sender, verdict.text)
            return ActionResult(ok=False, code="refused", text=verdict.text, values={"reason": verdict.code})
        order = Order(name=request.name, install_at=request.at, by=request.by or sender, door=sender)
        return await self._take(order, Stage.VERIFYING, ())

    async def read_usb(self) -> ActionResult:
        """Copy what is on a stick, if a technician is logged in at the station (S19)."""
        technician = self._view.get("technician")
        if not (isinstance(technician, TechnicianState) and technician.login):
            text = "A stick is read only while a technician is logged in at the station's screen."
            return ActionResult(ok=False, code="unavailable", text=text)
        return await self._stages.deed("read_usb", USB_WITHIN_S)

    async def _from_usb(self, name: str) -> ActionResult | None:
        """None: it is here now."""
        read = await self.read_usb()
        if not read.ok:
            return ActionResult(ok=False, code="unavailable", text=read.text)
        if name not in read.values.get("names", "").split("\n"):
            return ActionResult(ok=False, code="unknown", text=f"There is no {name} on the stick.")
        try:
            (self._packages.usb / name).replace(self._packages.path(name))
        except OSError as error:
            return ActionResult(ok=False, code="unavailable", text=f"{name}: {error.strerror}")
        return None

    async def _take(self, order: Order, stage: Stage, words: tuple[str, ...]) -> ActionResult:
        """Begin it; one of the same door that has installed nothing yet makes room."""
        async with self._deciding:
            code = "ok"
            if self._kept.at_stage not in SETTLED:
                can_replace = self._kept.at_stage in BEFORE_INSTALLING - {Stage.STAGING}
                if not can_replace or self._kept.order.door != order.door:
                    return self._busy()
                code = "replaces"
                await self._give_up(f"Another one took its place, asked for by {order.by}.")
                if self._kept.at_stage not in SETTLED:
                    return self._busy()
            untold = self._kept.untold
            if order.door == OCPP:
                untold = (*untold, *(Telling(word, order.request_id) for word in words))
            fresh = Kept(stage=stage.value, order=order, untold=untold[-MOST_UNTOLD:], slot="")
            if order.location:
                fetched = self._packages.path(FETCHED)
                fetched.unlink(missing_ok=True)
            if not kept_file.keep(self._context.data, fresh):
                return ActionResult(ok=False, code="failed", text="It cannot be written down; make room on the disk.")
            self._set(fresh)
        log.info("update: %s ordered by %s", shown(order.location) or order.name, order.by)
        self._note_stage(fresh)
        return ActionResult(ok=True, code=code)

    async def _give_up(self, text: str) -> None:
        """End what is under way, if that is possible still, and wait until it has."""
        self.note(is_cancelled=True, text=text)
        self._cancel.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                while self._kept.at_stage not in SETTLED:
                    self._wake.clear()
                    await self._wake.wait()
        self._wake.set()

    def _busy(self) -> ActionResult:
        kept = self._kept
        what = kept.version or kept.order.name or shown(kept.order.location)[:100]
        text = f"An update is under way ({kept.stage}, {what}, asked for by {kept.order.by}); cancel it or wait."
        return ActionResult(ok=False, code="busy", text=text, values={"stage": kept.stage, "by": kept.order.by})

    async def _cancel_update(self, request: CancelUpdate, sender: str) -> ActionResult:
        stage = self._kept.at_stage
        if stage in SETTLED:
            return ActionResult(ok=False, code="nothing", text="No update is under way.")
        if stage not in BEFORE_INSTALLING:
            return ActionResult(
                ok=False, code="too_late", text="It is being installed; it cannot be cancelled any more."
            )
        async with self._deciding:
            await self._give_up(f"It was cancelled by {request.by or sender}.")
        if self._kept.at_stage not in SETTLED | BEFORE_INSTALLING:
            return ActionResult(ok=False, code="too_late", text="It began to be installed just then.")
        return ActionResult(ok=True, code="ok")

    async def _return(self, request: ReturnSoftware, sender: str) -> ActionResult:
        if self._kept.at_stage not in SETTLED:
            return self._busy()
        standing = self._stages.standing()
        if standing.obstacle:
            text = f"Nothing can be installed here because {standing.obstacle}."
            return ActionResult(ok=False, code="refused", text=text)
        if not standing.runs.previous or not standing.previous_version:
            return ActionResult(ok=False, code="nothing", text="There is no version before this one.")
        if is_below(standing.previous_version, standing.floor):
            text = f"Version {standing.previous_version} is older than {standing.floor}, the oldest that may run here."
            return ActionResult(ok=False, code="refused", text=text)
        order = Order(name=request.reason, by=request.by or sender, door=sender, is_returning=True)
        async with self._deciding:
            if self._kept.at_stage not in SETTLED:
                return self._busy()
            fresh = Kept(
                stage=Stage.WAITING.value, order=order, untold=self._kept.untold, slot=standing.runs.slot,
                version=standing.previous_version, kind="application",
            )  # fmt: skip
            if not kept_file.keep(self._context.data, fresh):
                return ActionResult(ok=False, code="failed", text="It cannot be written down; make room on the disk.")
            self._set(fresh)
        self._note_stage(fresh)
        return ActionResult(ok=True, code="ok")
