"""The hub's calls about the station file: look, draft, apply on trial, versions, reload; and what else changes the
whole station: restart of the network, factory reset. What is kept of it: `config_kept.py`; trial: `trial_watch.py`."""

from __future__ import annotations

import asyncio
import logging
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chargepoint import config_check, config_file, trial
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.config_difference import compare, is_grave, is_network, merge
from chargepoint.config_edit import CannotEdit, added, changed, removed
from chargepoint.config_faults import ConfigError, Fault
from chargepoint.config_kept import Draft, Drafts, Plan, Planned, Versions, digest
from chargepoint.messages import (
    ADMIN,
    ActionResult,
    ApplyDraft,
    CancelPlan,
    CheckDraft,
    ConfigurationFault,
    ConfigurationPage,
    ConfigurationState,
    FactoryReset,
    KeepConfiguration,
    Noted,
    PrivilegedDeed,
    ReadConfiguration,
    ReadVersion,
    ReadVersions,
    RebaseDraft,
    ReloadConfiguration,
    RestartNetwork,
    ReturnConfiguration,
    SecurityNoted,
    VersionsPage,
    VersionText,
    WriteDraft,
)
from chargepoint.preconditions import Look, Need, unmet
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import SettingsStore
from chargepoint.trial_watch import TrialWatch, answering, is_online
from chargepoint.vocabulary import EventType, Role

log = logging.getLogger(__name__)

SOFT_RESTART = 30
LOOK_S = 1.0
LATEST_PLAN = timedelta(days=31)
RESET = "factory_reset"
"""The fact of an armed factory reset: the boot in which it was armed.

An end in order takes it back (`hub.py`): a reboot that somebody asks for from afar proves nothing."""
PROOF_S = 60.0
"""Within this the power has to be switched off: it proves that somebody is there."""
BY_HAND = "somebody at the machine"
NO_FILE = "This station runs without a station file."


class Reconfiguration:
    """Serves the calls on the hub's own bus. `config` None: nobody knows the station file. `leave(exit_code)` ends the
    software in order, to be started again."""

    def __init__(
        self,
        config: Path | None,
        folder: Path,
        store: SettingsStore,
        bus: Bus,
        clock: Clock,
        leave: Callable[[int], None],
    ) -> None:
        self._config = config
        self._folder = folder
        self._store = store
        self._bus = bus
        self._clock = clock
        self._leave = leave
        self._tasks: set[asyncio.Task[None]] = set()
        self._drafts = Drafts(folder / "drafts")
        self._versions = Versions(folder / "versions")
        self._plan = Plan(folder)
        self._trial = TrialWatch(folder, bus, clock, self._settled)
        self._states = bus.watch("")
        self._checked: dict[str, tuple[Fault, ...]] = {}
        bus.serve(ReadConfiguration, self._read)
        bus.serve(WriteDraft, self._write_draft)
        bus.serve(CheckDraft, self._check_draft)
        bus.serve(RebaseDraft, self._rebase)
        bus.serve(ApplyDraft, self._apply)
        bus.serve(CancelPlan, self._cancel_plan)
        bus.serve(KeepConfiguration, self._keep)
        bus.serve(ReturnConfiguration, self._return)
        bus.serve(ReadVersions, self._read_versions)
        bus.serve(ReadVersion, self._read_version)
        bus.serve(ReloadConfiguration, self._reload)
        bus.serve(RestartNetwork, self._restart_network)
        bus.serve(FactoryReset, self._factory_reset)

    # ------------------------------------------------------------------------------------------------------ look

    async def _read(self, request: ReadConfiguration, _sender: str) -> ConfigurationPage:
        import difflib  # only who looks at a draft needs it

        if self._config is None:
            return ConfigurationPage(ok=False, text=NO_FILE)
        now = self._file()
        self._look_at_file(now)
        draft = self._drafts.of(request.by) if request.by else self._drafts.newest()
        text = draft.text if draft is not None else ""
        last = trial.read(self._folder)
        head = self._versions.latest_of(digest(now))
        planned = self._plan.planned
        lines = difflib.unified_diff(now.splitlines(), text.splitlines(), "now", "draft", lineterm="", n=2)
        return ConfigurationPage(
            ok=True,
            path=str(self._config),
            file=now,
            file_faults=tuple(map(_told, self._faults(now))),
            version=digest(now),
            changed_by=head.by if head else "",
            changed_at=head.at if head else "",
            changed_comment=head.comment if head else "",
            draft=text,
            draft_by=draft.by if draft else "",
            draft_base=draft.base if draft else "",
            draft_version=draft.version if draft else "",
            difference=tuple(lines) if text else (),
            faults=tuple(map(_told, self._faults(text))) if text else (),
            is_grave=bool(text) and self._is_grave(now, text),
            others=self._drafts.others(request.by),
            trial=last.status if last is not None else "",
            trial_reason=last.reason if last is not None else "",
            planned_by=planned.by if planned else "",
            planned_at=planned.at if planned else "",
        )

    def _file(self) -> str:
        return "" if self._config is None else _text(self._config)

    def _look_at_file(self, now: str) -> None:
        """A good file that nobody applied is a version, too: somebody changed it by hand."""
        if now and not self._faults(now):
            last = trial.read(self._folder)
            is_back = last is not None and last.status == trial.RETURNED and digest(now) != last.digest[:20]
            known = self._versions.all()
            if is_back and last is not None and known and known[0].version == last.digest[:20]:
                self._versions.add(now, "hub", "returned", last.reason, self._now())
            self._versions.add(now, BY_HAND, "found", "", self._now())

    def _now(self) -> str:
        return "" if self._clock.source == "unset" else self._clock.now().isoformat(timespec="seconds")

    def _faults(self, text: str) -> tuple[Fault, ...]:
        key = digest(text)
        if key not in self._checked:
            while len(self._checked) >= 4:
                self._checked.pop(next(iter(self._checked)))
            self._checked[key] = self._checked_anew(text)
        return self._checked[key]

    def _checked_anew(self, text: str) -> tuple[Fault, ...]:
        name = self._config.name if self._config is not None else "station.toml"
        try:
            document = config_file.parse(text.encode(), name)
        except ConfigError as error:
            return error.faults
        return config_check.check(document, Settings, name)

    def _is_grave(self, now: str, draft: str) -> bool:
        before, after = _parsed(now), _parsed(draft)
        return before is None or after is None or is_grave(compare(before, after))

    async def _read_versions(self, _request: ReadVersions, _sender: str) -> VersionsPage:
        self._look_at_file(self._file())
        return VersionsPage(versions=self._versions.all())

    async def _read_version(self, request: ReadVersion, _sender: str) -> VersionText:
        text = self._versions.text(request.number)
        return VersionText(ok=text is not None, text=text or "")

    # ----------------------------------------------------------------------------------------------------- draft

    async def _write_draft(self, request: WriteDraft, sender: str) -> ActionResult:
        by = request.by or sender
        before, now = self._drafts.of(by), self._file()
        if request.expected and request.expected != (before.version if before else "none"):
            return _no("draft_changed", "The draft was changed meanwhile, in another window.")
        if request.text is None and not request.changes and not request.add and not request.remove:
            (self._folder / trial.DRAFT).unlink(missing_ok=True)
            self._drafts.drop(by)
            return ActionResult(ok=True, code="dropped", text="There is no draft any more.")
        text = request.text if request.text is not None else before.text if before else now
        try:
            text = changed(text, request.changes)
            if request.add:
                text = added(text, request.add, request.values)
            if request.remove:
                section, _, place = request.remove.rpartition(".#")
                text = removed(text, section, int(place) if place.isdecimal() else 0)
        except CannotEdit as error:
            return _no("no_such_key", str(error))
        except tomllib.TOMLDecodeError as error:
            return _no("invalid", str(error))
        if len(text.encode()) > config_file.LARGEST_BYTES // 4:
            return _no("invalid", "This is too long for a station file.")
        faults = self._faults(text)
        if faults and not request.keeps_faults:
            return _invalid(faults)
        base, base_text = self._base(request.base, before, now)
        try:
            draft = self._drafts.keep(Draft(_line(by), text, base, base_text))
        except OSError as error:
            return _no("cannot_write", f"The draft cannot be kept: {error.strerror}.")
        values = {"version": draft.version}
        if faults:
            told = _invalid(faults)
            return ActionResult(ok=True, code="faulty", text=told.text, table=told.table, values=values)
        return ActionResult(ok=True, code="ok", text="The draft is good, and kept.", values=values)

    def _base(self, wanted: str, before: Draft | None, now: str) -> tuple[str, str]:
        """What a draft is made from: the version that is named, else that of the draft there is, else the file."""
        if wanted and wanted != digest(now):
            return wanted, self._versions.text_of(wanted) or ""
        if not wanted and before is not None:
            return before.base, before.base_text
        return digest(now), now

    async def _check_draft(self, request: CheckDraft, _sender: str) -> ActionResult:
        faults = self._faults(request.text)
        return _invalid(faults) if faults else ActionResult(ok=True, code="ok", text="It has no fault.")

    async def _rebase(self, request: RebaseDraft, _sender: str) -> ActionResult:
        draft, now = self._drafts.of(request.by), self._file()
        if draft is None:
            return _no("no_draft", "There is no draft.")
        if draft.base == digest(now):
            return _no("not_needed", "The draft was begun from the file as it is now.")
        base, mine, theirs = _parsed(draft.base_text), _parsed(draft.text), _parsed(now)
        if base is None or mine is None or theirs is None:
            return _no("cannot_merge", "One of the three texts cannot be read; compare them by hand.")
        try:
            merged = merge(base, mine, now, theirs)
            kept = self._drafts.keep(Draft(draft.by, merged.text, digest(now), now))
        except (CannotEdit, tomllib.TOMLDecodeError) as error:
            return _no("cannot_merge", f"The two cannot be joined by themselves ({error}); compare them by hand.")
        except OSError as error:
            return _no("cannot_write", f"The draft cannot be kept: {error.strerror}.")
        rows = tuple((place,) for place in merged.conflicts)
        text = f"Both changed {len(rows)} values; yours stand in the draft." if rows else "Joined without conflict."
        table = (("place",), *rows) if rows else ()
        return ActionResult(ok=True, code="ok", text=text, table=table, values={"version": kept.version})

    # ----------------------------------------------------------------------------------------------------- apply

    async def _apply(self, request: ApplyDraft, sender: str) -> ActionResult:
        if self._config is None:
            return _no("not_possible", NO_FILE)
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL:  # it would take the place of the way back
            return _no("busy", "A new station file is on trial; wait until it is kept.")
        draft = self._drafts.of(request.by)
        if draft is None and sender == ADMIN:
            draft = self._drafts.newest()
        if draft is None:
            return _no("no_draft", "There is no draft to apply.")
        now = self._file()
        self._look_at_file(now)
        planned = Planned(
            request.by or sender, draft.text, request.base or draft.base, request.comment, "", request.must_keep
        )
        refusal = self._against(planned, now)
        if refusal is None and draft.base != digest(now):
            refusal = self._against(Planned(planned.by, planned.text, draft.base), now)
        if refusal is not None:
            return refusal
        if request.is_light and self._is_grave(now, draft.text):
            return _no("grave", "Identity or topology differ: this takes your password, too.")
        if not request.when_idle and not request.at:
            return self._put(planned, draft.by, sender)
        at = self._due(request.at) if request.at else ""
        if at is None:
            return _no("bad_time", "This is no moment of the next month with its zone, or the time is not known here.")
        planned = Planned(planned.by, planned.text, planned.base, planned.comment, at, planned.must_keep)
        if not at and not self._who_charges():
            return self._put(planned, draft.by, sender)
        try:
            self._plan.put(planned)
        except OSError as error:
            return _no("cannot_write", f"The plan cannot be kept: {error.strerror}.")
        self._note(f"new station file planned for {at or 'when nobody charges'}", planned.by, sender)
        self._tell_plan()
        return ActionResult(ok=True, code="planned", text=f"It is applied {at or ''} when nobody charges.")

    def _against(self, planned: Planned, now: str) -> ActionResult | None:
        """Why this text cannot take the file's place; None: it can."""
        faults = self._faults(planned.text)
        if faults:
            return _invalid(faults)
        if planned.base == digest(now):
            return None
        head = self._versions.latest_of(digest(now))
        who, when = (head.by, head.at) if head is not None else (BY_HAND, "")
        text = f"The station file was changed meanwhile by {who}{f' at {when}' if when else ''}: compare, then join."
        return ActionResult(ok=False, code="changed_meanwhile", text=text, values={"by": who, "at": when})

    def _due(self, at: str) -> str | None:
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            return None
        now = self._clock.now()
        if moment.tzinfo is None or self._clock.source == "unset" or not now <= moment <= now + LATEST_PLAN:
            return None
        return moment.isoformat(timespec="seconds")

    def _put(self, planned: Planned, owner: str, sender: str) -> ActionResult:
        """The text in the place of the file, on trial; the software restarts."""
        config = self._config
        assert config is not None
        before, after = _parsed(self._file()), _parsed(planned.text)
        how = trial.Trial(
            trial.ON_TRIAL,
            str(config),
            planned.by,
            must_keep=planned.must_keep,
            is_network=before is not None and after is not None and is_network(compare(before, after)),
            was_online=is_online(self._states),
            connectors=answering(self._states, self._clock.mono()),
        )
        try:
            trial.begin(self._folder, config, planned.text.encode(), planned.by, how)
        except OSError as error:
            text = f"{config} cannot be written ({error.strerror}): its folder has to belong to the station's account."
            return _no("cannot_write", text)
        self._versions.add(planned.text, planned.by, "applied", planned.comment, self._now())
        (self._folder / trial.DRAFT).unlink(missing_ok=True)
        draft = self._drafts.of(owner)
        if draft is not None and draft.text == planned.text:
            self._drafts.drop(owner)
        self._plan.drop()
        self._note("new station file on trial", planned.by, sender)
        self._leave(SOFT_RESTART)
        return ActionResult(ok=True, code="ok", text="The station restarts with the new file; it is on trial.")

    async def _reload(self, request: ReloadConfiguration, sender: str) -> ActionResult:
        if self._config is None:
            return _no("not_possible", NO_FILE)
        try:
            content = config_file.read(self._config).decode()
        except (ConfigError, UnicodeDecodeError) as error:
            return _no("invalid", str(error))
        faults = self._faults(content)
        if faults:
            return _invalid(faults)
        self._note("station file loaded anew", request.by, sender)
        self._leave(SOFT_RESTART)
        return ActionResult(ok=True, code="ok", text="The file is good; the station restarts with it.")

    # ------------------------------------------------------------------------------------------ plan and trial

    async def _cancel_plan(self, request: CancelPlan, sender: str) -> ActionResult:
        if self._plan.planned is None:
            return _no("nothing_planned", "Nothing is planned.")
        self._plan.drop()
        self._tell_plan()
        self._note("planned station file cancelled", request.by, sender)
        return ActionResult(ok=True, code="ok", text="It is not applied; the draft stays.")

    async def _keep(self, request: KeepConfiguration, sender: str) -> ActionResult:
        code = self._trial.keep(request.by or sender)
        if not code:
            return _no("nothing_on_trial", "No station file is on trial.")
        self._note("new station file is to be kept", request.by, sender)
        text = "It stays." if code == "kept" else "It stays as soon as the station has been well for long enough."
        return ActionResult(ok=True, code="ok" if code == "kept" else "noted", text=text)

    async def _return(self, request: ReturnConfiguration, sender: str) -> ActionResult:
        if not self._trial.back(request.by or sender):
            return _no("nothing_on_trial", "No station file is on trial.")
        return ActionResult(ok=True, code="ok", text="The file before comes back; the station restarts.")

    async def watch(self) -> None:
        """See whether the station comes up with a file on trial; then apply what is planned, until cancelled."""
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL and self._config is not None:
            await self._trial.judge(last)
        elif last is not None and last.status == trial.RETURNED:
            self._bus.set_state("configuration", ConfigurationState(phase="returned", by=last.by, reason=last.reason))
        if self._plan.planned is not None:
            self._tell_plan()
        while True:
            await asyncio.sleep(LOOK_S)
            if self._plan.planned is not None:
                self._look_at_plan(self._plan.planned)

    def _look_at_plan(self, planned: Planned) -> None:
        if planned.at and (
            self._clock.source == "unset" or self._clock.now() < datetime.fromisoformat(planned.at).astimezone()
        ):
            return
        last = trial.read(self._folder)
        if self._who_charges() or (last is not None and last.status == trial.ON_TRIAL):
            return
        now = self._file()
        self._look_at_file(now)
        result = self._against(planned, now) or self._put(planned, planned.by, "planned")
        if not result.ok:
            self._plan.drop()
            self._note(f"planned station file is not applied: {result.text[:300]}", planned.by, "hub", "Failed")
            state = ConfigurationState(phase="returned", by=planned.by, reason=result.text[:500])
            self._bus.set_state("configuration", state)

    def _who_charges(self) -> str:
        """Why the station cannot restart now; empty: nobody charges, or there is no station at all (safe mode)."""
        if "service/station" not in self._states.topics() and "station" not in self._states.topics():
            return ""
        states = {topic: state for topic in self._states.topics() if (state := self._states.get(topic)) is not None}
        found = unmet((Need.IDLE, Need.NO_UPDATE), Look(states, 0, self._clock.mono()))
        return found[0].text if found else ""

    def _tell_plan(self) -> None:
        planned = self._plan.planned
        state = ConfigurationState(phase="planned", by=planned.by) if planned is not None else ConfigurationState()
        self._bus.set_state("configuration", state)

    def _settled(self, last: trial.Trial, is_kept: bool, reason: str, by: str) -> None:
        """The trial is over."""
        state = ConfigurationState(phase="kept" if is_kept else "returned", by=by or last.by, reason=reason)
        if is_kept:
            trial.keep(self._folder, last)
            self._note("new station file kept", by or last.by, "hub")
        else:
            trial.give_back(self._folder, last, reason)
            self._look_at_file(self._file())
            who = by or last.by
            self._note(f"the station file before is back: {reason}", who, "hub", "Failed")
        self._bus.set_state("configuration", state)
        if not is_kept:
            self._leave(SOFT_RESTART)

    # ------------------------------------------------------------------------------------------------- and the rest

    async def _restart_network(self, request: RestartNetwork, sender: str) -> ActionResult:
        deed = PrivilegedDeed(name="restart_network", by=f"{request.by} ({sender})")
        try:
            return await self._bus.call("helper", deed, timeout_s=50.0)
        except (Unavailable, CallFailed, TimeoutError) as error:
            return ActionResult(ok=False, code="failed", text=str(error))

    async def _factory_reset(self, request: FactoryReset, sender: str) -> ActionResult:
        asker = self._store.user(request.by)
        is_administrator = asker is not None and asker.role is Role.ADMINISTRATOR and not asker.is_blocked
        if sender != ADMIN and not is_administrator:
            return ActionResult(ok=False, code="no_right", text="An administrator has to do this.")
        try:
            await self._store.set_facts({RESET: self._clock.boot_id})
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        for older in self._tasks:
            older.cancel()  # the 60 s begin anew
        task = asyncio.create_task(self._disarm(), name="factory reset runs out")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._note("factory reset armed", request.by, sender)
        self._security("FactoryReset", "armed", f"by {request.by} ({sender})")
        text = f"Switch the power off and on within {PROOF_S:.0f} s: then users and settings are forgotten."
        return ActionResult(ok=True, code="armed", text=text, values={"within_s": f"{PROOF_S:.0f}"})

    async def _disarm(self) -> None:
        while True:
            await asyncio.sleep(PROOF_S)
            try:
                await self._store.set_facts({RESET: None})
            except CannotRecord as error:
                log.error("an armed factory reset cannot be taken back yet: %s", error)
                continue
            log.info("factory reset: the power was not switched off in time, nothing is forgotten")
            return

    async def begin(self) -> None:
        """At the start: carry out a factory reset that was armed when the power went. Raises CannotRecord."""
        if self._config is not None:
            self._look_at_file(self._file())
        armed_in = self._store.fact(RESET)
        if armed_in is None:
            return
        if armed_in != self._clock.boot_id:
            await self._store.forget_all("factory reset")
            (self._folder / trial.DRAFT).unlink(missing_ok=True)
            self._drafts.drop_all()
            self._plan.drop()
            self._security("FactoryReset", "done", "users and settings are forgotten")
            self._note("factory reset: users and settings are forgotten", "somebody at the station", "hub")
        await self._store.set_facts({RESET: None})

    def _note(self, what: str, by: str, sender: str, outcome: str = "Success") -> None:
        log.info("%s, by %s (%s)", what, by, sender)
        self._bus.publish(
            Noted(event_type=EventType.CONFIG_CHANGED, action=outcome, message=f"{what} by {by[:100]} ({sender})")
        )

    def _security(self, kind: str, operation: str, extra: str) -> None:
        self._bus.publish(
            SecurityNoted(type=kind, source_type="service", source="hub", operation=operation, extra=extra[:500])
        )


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: config_file.LARGEST_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:100])


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _no(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text)


def _told(fault: Fault) -> ConfigurationFault:
    return ConfigurationFault(fault.key, fault.found, fault.reason, fault.remedy)


def _invalid(faults: tuple[Fault, ...]) -> ActionResult:
    rows = [("place", "found", "why", "remedy"), *((f.key, f.found, f.reason, f.remedy) for f in faults)]
    text = f"{len(faults)} faults: {faults[0]}" if len(faults) > 1 else str(faults[0])
    return ActionResult(ok=False, code="invalid", text=text, table=tuple(rows))
