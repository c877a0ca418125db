"""What is done at each stage of an update. Each handler does one thing and says what came of it (`update.Outcome`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.locations import hosts_of, own_addresses
from chargepoint.messages import ActionResult, ConfigurationState, EndStation, PrivilegedDeed
from chargepoint.preconditions import Look, Need, unmet
from chargepoint.room import room
from chargepoint.vocabulary import StopSource
from fota import fetching, watch
from fota.controllers import Controllers
from fota.download import Download, Fetch
from fota.fetching import Job
from fota.kept import Kept
from fota.packages import FETCHED, Packages, name_of
from fota.questions import UNSIGNED, Family, Signed, Verdict
from fota.standing import Standing
from fota.transfers.job import BAD_LOCATION, BAD_REDIRECT, TOO_LARGE, texts
from fota.update import Outcome, Stage, after_check, after_switch
from fota.upload_rules import shown

log = logging.getLogger(__name__)

OCPP = "ocpp"
"""The door behind which nobody looks: what did not hold is not tried for it again and again."""
LOOK_S = 1.0
IDLE_FOR_S = 3.0
"""So long nobody has to charge before the software is left: a driver who just arrives is not cut off."""
STAGE_WITHIN_S = 1900.0
DEED_WITHIN_S = 30.0
TRIES_OF_DEEDS = 5
LEAVE_WITHIN_S = 60.0
TOLD_WITHIN_S = 5.0
"""So long the central system is given to hear of it before the software is left."""
MOST_SWITCHES = 3
"""So often the software is left for the same package: if nothing is switched then, nobody switches."""
EXIT_CODES = {"application": 10, "web": 12}
RESTART = 30
HOPELESS = frozenset({BAD_LOCATION, BAD_REDIRECT, TOO_LARGE})


class Result(msgspec.Struct, frozen=True):
    """What came of a stage, and what of `Kept` changes with it."""

    outcome: Outcome
    changes: dict[str, Any] = {}

    @classmethod
    def why(cls, outcome: Outcome, code: str, text: str, **changes: Any) -> Result:
        """With a reason, for programs and for people."""
        return cls(outcome, {"code": code, "text": text[:500], **changes})


class Desk(Protocol):
    """What a handler may do to the update beside its end."""

    @property
    def kept(self) -> Kept: ...

    def show(self, **changes: Any) -> None:
        """Change what is known now, and show it; durable with the next stage."""

    def note(self, **changes: Any) -> None:
        """The same, durable."""

    def tell(self, status: str) -> None:
        """The central system has to hear of it. Durable."""

    async def all_told(self, within_s: float) -> None: ...


class Stages:
    """The handlers, by stage. `fetch`, `family` and `standing` are others in tests."""

    def __init__(
        self,
        context: Context,
        view: StateView,
        packages: Packages,
        family: Family,
        standing: Callable[[], Standing],
        fetch: Fetch = fetching.fetch,
    ) -> None:
        self._context = context
        self._view = view
        self._packages = packages
        self._family = family
        self.standing = standing
        self._fetch = fetch
        self.controllers = Controllers(context, view)
        self.by_stage: dict[Stage, Callable[[Desk], Awaitable[Result]]] = {
            Stage.SCHEDULED: self._scheduled,
            Stage.DOWNLOADING: self._downloading,
            Stage.PAUSING: self._pausing,
            Stage.VERIFYING: self._verifying,
            Stage.STAGING: self._staging,
            Stage.WAITING: self._waiting,
            Stage.INSTALLING: self._installing,
            Stage.CHECKING: self._checking,
            Stage.CONTROLLERS: self._controllers,
        }

    # ------------------------------------------------------------------------------------------------------ fetching

    async def _scheduled(self, desk: Desk) -> Result:
        at, clock = desk.kept.order.retrieve_at, self._context.clock
        while at is not None and not (clock.is_set and clock.now() >= at):  # noqa: ASYNC110 (wall time may jump)
            await asyncio.sleep(LOOK_S)
        return Result(Outcome.DUE, {"attempt": 1})

    async def _pausing(self, desk: Desk) -> Result:
        await asyncio.sleep(desk.kept.order.retry_interval_s)
        return Result(Outcome.DUE, {"attempt": desk.kept.attempt + 1, "code": "", "text": ""})

    async def _downloading(self, desk: Desk) -> Result:
        file = self._packages.path(FETCHED)
        if file.is_file():  # it was whole when the power went
            return Result(Outcome.GOOD)
        verdict, outcome = await Download(self._fetch, self.head_of, desk.show, self._job(desk, file)).run()
        if verdict is not None and not verdict.ok:
            return _refused(verdict, Outcome.REFUSED)
        assert outcome is not None
        if outcome.ok:
            return Result(Outcome.GOOD, {"received_bytes": outcome.bytes, "size_bytes": outcome.bytes})
        text = f"{shown(desk.kept.order.location)[:200]}: {outcome.text}"
        is_over = desk.kept.attempt >= desk.kept.order.tries or outcome.code in HOPELESS
        return Result.why(Outcome.GAVE_UP if is_over else Outcome.BROKE, outcome.code or "broken", text)

    def _job(self, desk: Desk, file: Path) -> Job:
        settings, ocpp = self._context.settings.update, self._context.settings.ocpp
        allowed = hosts_of(ocpp.url, ocpp.backup_url).union(ocpp.local_file_hosts, settings.allowed_hosts)
        return Job(
            url=desk.kept.order.location,
            file=str(file),
            largest_bytes=settings.largest_mib << 20,
            floor_bytes=room(file.parent).total_bytes * settings.disk_floor_pct // 100,
            ca_file=settings.ca_file,
            known_hosts=settings.known_hosts,
            kept_hosts=str(self._context.data / "known_hosts"),
            allowed_hosts=tuple(sorted(allowed)),
            own=texts(own_addresses()),
        )

    async def head_of(self, file: Path) -> Verdict:
        return await self._family.head_of(file, self._now())

    def _now(self) -> Any:
        clock = self._context.clock
        return clock.now() if clock.is_set else None

    # ----------------------------------------------------------------------------------------- verifying and staging

    async def _verifying(self, desk: Desk) -> Result:
        order = desk.kept.order
        name = order.name or FETCHED
        file = self._packages.path(name)
        if not file.is_file():
            return Result.why(Outcome.GAVE_UP, "unknown", "The package is not here any more.")
        verdict = await self._family.verify(file, self._now())
        if verdict.code == "failed" and verdict.header is None:
            return Result.why(Outcome.GAVE_UP, "failed", verdict.text)
        if order.name:
            self._packages.learn(name, verdict)
        if not verdict.ok:
            return _refused(verdict, Outcome.REFUSED)
        if order.certificate:
            asked = Signed(
                certificate=order.certificate,
                roots=order.roots,
                signature=order.signature,
                file=str(file),
                now=self._now(),
            )
            signed = await self._family.check_signed(asked)
            if not signed.ok:
                is_ours = signed.code == "failed"
                return Result.why(Outcome.GAVE_UP if is_ours else Outcome.UNSIGNED, signed.code, signed.text)
        assert verdict.header is not None
        if order.door == OCPP and verdict.sha256 in self.standing().runs.refused:
            text = f"Version {verdict.header.version} did not hold here before; a person on site may try it again."
            return Result.why(Outcome.REFUSED, "did_not_hold", text)
        changes = {
            "kind": verdict.header.kind,
            "version": verdict.header.version,
            "sha256": verdict.sha256,
            "size_bytes": verdict.size_bytes,
            "order": msgspec.structs.replace(order, name=order.name or name_of(verdict)),
        }
        return Result(Outcome.GOOD, changes)

    async def _staging(self, desk: Desk) -> Result:
        name = desk.kept.order.name
        fetched, file = self._packages.path(FETCHED), self._packages.path(name)
        if desk.kept.order.location and fetched.is_file():
            fetched.replace(file)
        if obstacle := self.standing().obstacle:
            return Result.why(Outcome.GAVE_UP, "not_possible", f"Nothing can be installed here because {obstacle}.")
        staged = await self.deed("stage_package", STAGE_WITHIN_S, package=name)
        if desk.kept.is_cancelled:
            if staged.ok:
                await self.deed("forget_software")
            return Result.why(Outcome.CANCELLED, "cancelled", "It was cancelled.")
        if not staged.ok:
            if staged.code in UNSIGNED:
                return Result.why(Outcome.UNSIGNED, staged.code, staged.text)
            is_ours = staged.code in ("failed", "unavailable", "busy", "no_room")
            return Result.why(Outcome.GAVE_UP if is_ours else Outcome.REFUSED, staged.code, staged.text)
        kind = staged.values.get("kind") or desk.kept.kind
        changes: dict[str, Any] = {"slot": staged.values.get("slot", ""), "kind": kind, "switches": 0}
        if kind == "controllers":
            return Result(Outcome.CONTROLLERS, {**changes, "controllers": ()})
        return Result(Outcome.FINISHED if kind == "keys" else Outcome.GOOD, changes)

    # ------------------------------------------------------------------------------------------------------ switching

    async def _waiting(self, desk: Desk) -> Result:
        """Until its time has come, nobody charges (or charges are ended for it) and nothing else is on trial."""
        is_told = False
        idle_s = 0.0
        while True:
            kept = desk.kept
            if not kept.order.is_returning and self.standing().runs.ready != kept.slot:
                return Result(Outcome.RESTAGE)
            why, is_due = self._why_not_now(kept)
            if (kept.text, kept.is_due) != (why, is_due):
                desk.show(text=why, is_due=is_due)
            if not why:
                if idle_s >= IDLE_FOR_S:
                    return Result(Outcome.DUE, {"code": "", "text": "", **self._before()})
                idle_s += LOOK_S
            else:
                idle_s = 0.0
                if not is_told and not kept.order.is_returning:
                    desk.tell("InstallScheduled")
                    is_told = True
            await asyncio.sleep(LOOK_S)

    def _why_not_now(self, kept: Kept) -> tuple[str, bool]:
        """Why it cannot be installed just now (empty: it can), and whether only charges are waited for (it is due)."""
        clock, at = self._context.clock, kept.order.install_at
        if at is not None and not clock.is_set:
            return "The clock is not set, and it is to be installed at a time of day.", False
        if at is not None and clock.now() < at:
            return f"It is installed at {at:%Y-%m-%d %H:%M} UTC.", False
        trial = self._view.get("configuration")
        if isinstance(trial, ConfigurationState) and trial.phase in ("watch", "keep"):
            return "A new station file is on trial; that comes first.", False
        if self._context.faults:
            return "", True  # safe mode: there is no station, and nobody charges
        states = {topic: state for topic in self._view.topics() if (state := self._view.get(topic)) is not None}
        needs = [Need.NO_UPDATE]
        if self._context.settings.update.while_charging != "stop":
            needs.append(Need.IDLE)
        against = unmet(needs, Look(states))
        return (against[0].text, against[0].need is Need.IDLE) if against else ("", True)

    async def _installing(self, desk: Desk) -> Result:
        """Leave, so that start.sh switches. That this returns means that it did not happen."""
        kept = desk.kept
        if kept.switches >= MOST_SWITCHES:
            text = (
                f"The software ended {kept.switches} times for it and nothing was switched: start.sh does not run it."
            )
            return Result.why(Outcome.GAVE_UP, "not_switched", text)
        code = RESTART if kept.order.is_returning else EXIT_CODES.get(kept.kind, EXIT_CODES["application"])
        await desk.all_told(TOLD_WITHIN_S)
        why, is_due = self._why_not_now(kept)
        if why:
            return Result(Outcome.BROKE, {"text": why, "is_due": is_due})
        if kept.order.is_returning:
            returned = await self.deed("return_software", reason=_one_line(kept.order.name, kept.order.by))
            if not returned.ok:
                return Result.why(Outcome.GAVE_UP, returned.code, returned.text)
        desk.note(switches=kept.switches + 1)
        left = await self.leave(code, kept.order.by)
        if left.ok:
            await asyncio.sleep(LEAVE_WITHIN_S)
        return Result(Outcome.BROKE, {"text": left.text})

    async def leave(self, exit_code: int, by: str) -> ActionResult:
        """End the software of the station with that exit code."""
        request = EndStation(exit_code=exit_code, stop_source=StopSource.APP_RESTART, by=f"update, {by}"[:100])
        try:
            return await self._context.bus.call("hub", request)
        except (Unavailable, CallFailed, TimeoutError) as error:
            return ActionResult(ok=False, code="unavailable", text=str(error))

    def at_start(self, kept: Kept) -> Result | None:
        """What became of a switch, when the software has started; None: the handler of the stage goes on."""
        runs = self.standing().runs
        stage = kept.at_stage
        if kept.order.is_returning and stage is Stage.INSTALLING:
            if runs.slot and runs.slot != kept.slot:
                return Result(Outcome.GOOD)
            return Result.why(Outcome.GAVE_UP, "not_switched", runs.reason or "The same version runs again.")
        if stage is Stage.INSTALLING:
            outcome = after_switch(runs, kept.slot)
        elif stage is Stage.CHECKING:
            checked = after_check(runs, kept.slot)
            if checked is None:
                return None
            outcome = checked
        else:
            return None
        if outcome is Outcome.GAVE_UP:
            return Result.why(outcome, "did_not_hold", runs.reason or "The version before runs again.")
        return Result(outcome)

    async def _checking(self, desk: Desk) -> Result:
        """Watch the new version: keep it, or give it up and leave."""
        kept, settings = desk.kept, self._context.settings.update
        was = watch.Before(kept.connectors, kept.devices, kept.had_station)
        times = watch.bounded(settings.check_s, settings.give_up_s)
        why = await watch.judge(self._view, was, self._context.clock, *times)
        if not why:
            kept_it = await self.deed("keep_software")
            if kept_it.ok:
                return Result(Outcome.GOOD, {"code": "", "text": ""})
            why = f"it cannot be kept ({kept_it.text})"
        log.error("version %s is given up: %s", kept.version, why)
        text = f"Version {kept.version} did not hold: {why}."
        desk.show(code="did_not_hold", text=text)
        while True:  # start.sh ends what is not kept in time, in any case
            returned = await self.deed("return_software", reason=_one_line(why))
            if returned.ok:  # else the same version would come again
                await self.leave(RESTART, kept.order.by)
            await asyncio.sleep(LEAVE_WITHIN_S)

    async def _controllers(self, desk: Desk) -> Result:
        failed = await self.controllers.run(desk)
        if failed:
            return Result.why(Outcome.GAVE_UP, "controllers", failed)
        return Result(Outcome.GOOD, {"code": "", "text": ""})

    # ----------------------------------------------------------------------------------------------------- privileged

    async def deed(self, name: str, within_s: float = DEED_WITHIN_S, **arguments: str) -> ActionResult:
        """Ask the helper; one that just starts is asked again."""
        request = PrivilegedDeed(name=name, arguments=arguments, by="fota")
        error = ""
        for _try in range(TRIES_OF_DEEDS):
            try:
                return await self._context.bus.call("helper", request, within_s)
            except (Unavailable, TimeoutError) as failure:
                error = str(failure)
                log.warning("%s: %s", name, error)
                await asyncio.sleep(LOOK_S)
            except CallFailed as failure:
                return ActionResult(ok=False, code="failed", text=str(failure))
        return ActionResult(ok=False, code="unavailable", text=error)

    def _before(self) -> dict[str, Any]:
        """What answers now, to be compared with."""
        was = watch.before(self._view, self._context.clock.mono())
        return {"connectors": was.connectors, "devices": was.devices, "had_station": was.had_station}


def _refused(verdict: Verdict, otherwise: Outcome) -> Result:
    return Result.why(Outcome.UNSIGNED if verdict.code in UNSIGNED else otherwise, verdict.code, verdict.text)


def _one_line(*words: str) -> str:
    text = ", ".join(word for word in words if word)
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200] or "asked for"
