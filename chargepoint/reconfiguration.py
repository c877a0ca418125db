"""The hub's calls about the station file: look, apply now or later on trial, versions, reload.

Drafts: `config_drafts.py`; what is kept: `config_kept.py`; the trial: `trial_watch.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from chargepoint import config_check, config_file, trial
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.config_difference import compare, is_grave, is_network
from chargepoint.config_drafts import DraftCalls, invalid, parsed, refused, told
from chargepoint.config_faults import ConfigError, Fault
from chargepoint.config_kept import BY_HAND, Drafts, Plan, Planned, Versions, digest
from chargepoint.factory_reset import FactoryResets
from chargepoint.messages import (
    ADMIN,
    ActionResult,
    ApplyDraft,
    CancelPlan,
    ConfigurationPage,
    ConfigurationState,
    DraftsState,
    KeepConfiguration,
    Noted,
    ReadConfiguration,
    ReadVersion,
    ReadVersions,
    ReloadConfiguration,
    ReturnConfiguration,
    ReturnSeen,
    VersionsPage,
    VersionText,
)
from chargepoint.preconditions import Look, Need, unmet
from chargepoint.storage.settings import SettingsStore
from chargepoint.trial_watch import TrialWatch, answering, is_online
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

SOFT_RESTART = 30
LOOK_S = 1.0
LATEST_PLAN = timedelta(days=31)
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
        self._bus = bus
        self._clock = clock
        self._leave = leave
        self._drafts = Drafts(folder / "drafts", lambda by: bus.set_state("drafts", DraftsState(by=by)))
        self._versions = Versions(folder / "versions")
        self._plan = Plan(folder)
        self._trial = TrialWatch(folder, bus, clock, self._settled)
        self._states = bus.watch("")
        self._checked: dict[str, tuple[Fault, ...]] = {}
        bus.serve(ReadConfiguration, self._read)
        DraftCalls(bus, folder, self._drafts, self._versions, self._file, self._faults)
        bus.serve(ApplyDraft, self._apply)
        bus.serve(CancelPlan, self._cancel_plan)
        bus.serve(KeepConfiguration, self._keep)
        bus.serve(ReturnConfiguration, self._return)
        bus.serve(ReturnSeen, self._return_seen)
        bus.serve(ReadVersions, self._read_versions)
        bus.serve(ReadVersion, self._read_version)
        bus.serve(ReloadConfiguration, self._reload)
        self._resets = FactoryResets(store, bus, clock, self._forget, self._note)

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
            file_faults=tuple(map(told, self._faults(now))),
            version=digest(now),
            changed_by=head.by if head else "",
            changed_at=head.at if head else "",
            changed_comment=head.comment if head else "",
            draft=text,
            draft_by=draft.by if draft else "",
            draft_base=draft.base if draft else "",
            draft_version=draft.version if draft else "",
            difference=tuple(lines) if text else (),
            faults=tuple(map(told, self._faults(text))) if text else (),
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
        before, after = parsed(now), parsed(draft)
        return before is None or after is None or is_grave(compare(before, after))

    async def _read_versions(self, _request: ReadVersions, _sender: str) -> VersionsPage:
        self._look_at_file(self._file())
        return VersionsPage(versions=self._versions.all())

    async def _read_version(self, request: ReadVersion, _sender: str) -> VersionText:
        text = self._versions.text(request.number)
        return VersionText(ok=text is not None, text=text or "")

    # ----------------------------------------------------------------------------------------------------- apply

    async def _apply(self, request: ApplyDraft, sender: str) -> ActionResult:
        if self._config is None:
            return refused("not_possible", NO_FILE)
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL:  # it would take the place of the way back
            return refused("busy", "A new station file is on trial; wait until it is kept.")
        draft = self._drafts.of(request.by)
        if draft is None and sender == ADMIN:
            draft = self._drafts.newest()
        if draft is None:
            return refused("no_draft", "There is no draft to apply.")
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
            return refused("grave", "Identity or topology differ: this takes your password, too.")
        if not request.when_idle and not request.at:
            return self._put(planned, draft.by, sender)
        at = self._due(request.at) if request.at else ""
        if at is None:
            return refused("bad_time", "This is no moment of the next month, or the time is not known here.")
        planned = Planned(planned.by, planned.text, planned.base, planned.comment, at, planned.must_keep)
        if not at and not self._who_charges():
            return self._put(planned, draft.by, sender)
        try:
            self._plan.put(planned)
        except OSError as error:
            return refused("cannot_write", f"The plan cannot be kept: {error.strerror}.")
        self._note(f"new station file planned for {at or 'when nobody charges'}", planned.by, sender)
        self._tell_plan()
        return ActionResult(ok=True, code="planned", text=f"It is applied {at or ''} when nobody charges.")

    def _against(self, planned: Planned, now: str) -> ActionResult | None:
        """Why this text cannot take the file's place; None: it can."""
        faults = self._faults(planned.text)
        if faults:
            return invalid(faults)
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
        moment = moment.astimezone()  # without a zone: the station's
        now = self._clock.now()
        if self._clock.source == "unset" or not now <= moment <= now + LATEST_PLAN:
            return None
        return moment.isoformat(timespec="seconds")

    def _put(self, planned: Planned, owner: str, sender: str) -> ActionResult:
        """The text in the place of the file, on trial; the software restarts."""
        config = self._config
        assert config is not None
        before, after = parsed(self._file()), parsed(planned.text)
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
            return refused("cannot_write", text)
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
            return refused("not_possible", NO_FILE)
        try:
            content = config_file.read(self._config).decode()
        except (ConfigError, UnicodeDecodeError) as error:
            return refused("invalid", str(error))
        faults = self._faults(content)
        if faults:
            return invalid(faults)
        self._note("station file loaded anew", request.by, sender)
        self._leave(SOFT_RESTART)
        return ActionResult(ok=True, code="ok", text="The file is good; the station restarts with it.")

    # ------------------------------------------------------------------------------------------ plan and trial

    async def _cancel_plan(self, request: CancelPlan, sender: str) -> ActionResult:
        if self._plan.planned is None:
            return refused("nothing_planned", "Nothing is planned.")
        self._plan.drop()
        self._tell_plan()
        self._note("planned station file cancelled", request.by, sender)
        return ActionResult(ok=True, code="ok", text="It is not applied; the draft stays.")

    async def _keep(self, request: KeepConfiguration, sender: str) -> ActionResult:
        code = self._trial.keep(request.by or sender)
        if not code:
            return refused("nothing_on_trial", "No station file is on trial.")
        self._note("new station file is to be kept", request.by, sender)
        text = "It stays." if code == "kept" else "It stays as soon as the station has been well for long enough."
        return ActionResult(ok=True, code="ok" if code == "kept" else "noted", text=text)

    async def _return(self, request: ReturnConfiguration, sender: str) -> ActionResult:
        if not self._trial.back(request.by or sender):
            return refused("nothing_on_trial", "No station file is on trial.")
        return ActionResult(ok=True, code="ok", text="The file before comes back; the station restarts.")

    async def _return_seen(self, _request: ReturnSeen, _sender: str) -> ActionResult:
        last = trial.read(self._folder)
        if last is None or last.status != trial.RETURNED:
            return refused("nothing_returned", "No station file came back.")
        trial.note(self._folder, msgspec.structs.replace(last, is_seen=True))
        self._tell_plan()
        return ActionResult(ok=True, code="ok")

    async def watch(self) -> None:
        """See whether the station comes up with a file on trial; then apply what is planned, until cancelled."""
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL and self._config is not None:
            await self._trial.judge(last)
        elif last is not None and last.status == trial.RETURNED and not last.is_seen:
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

    async def begin(self) -> None:
        """At the start: know the file, and carry out a factory reset that was armed when the power went. Raises
        CannotRecord."""
        if self._config is not None:
            self._look_at_file(self._file())
        await self._resets.begin()

    def _forget(self) -> None:
        (self._folder / trial.DRAFT).unlink(missing_ok=True)
        self._drafts.drop_all()
        self._plan.drop()

    def _note(self, what: str, by: str, sender: str, outcome: str = "Success") -> None:
        log.info("%s, by %s (%s)", what, by, sender)
        self._bus.publish(
            Noted(event_type=EventType.CONFIG_CHANGED, action=outcome, message=f"{what} by {by[:100]} ({sender})")
        )


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: config_file.LARGEST_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""
