"""The hub's calls about the station file: look, draft, apply on trial, reload; and what else changes the whole station:
restart of the network, factory reset."""

from __future__ import annotations

import asyncio
import logging
import tomllib
from collections.abc import Callable
from pathlib import Path

from chargepoint import config_check, config_file, trial
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.config_edit import CannotEdit, changed
from chargepoint.config_faults import ConfigError, Fault
from chargepoint.messages import (
    ADMIN,
    ActionResult,
    ApplyDraft,
    ConfigurationFault,
    ConfigurationPage,
    FactoryReset,
    Noted,
    PrivilegedDeed,
    ReadConfiguration,
    ReloadConfiguration,
    RestartNetwork,
    SecurityNoted,
    ServiceState,
    WriteDraft,
)
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import EventType, Role

log = logging.getLogger(__name__)

SOFT_RESTART = 30
HEALTHY_S = 60.0
WITHIN_S = 180.0
LOOK_S = 1.0
RESET = "factory_reset"
"""The fact of an armed factory reset: the boot in which it was armed.

An end in order takes it back (`hub.py`): a reboot that somebody asks for from afar proves nothing."""
PROOF_S = 60.0
"""Within this the power has to be switched off: it proves that somebody is there."""
IN_ORDER = frozenset({"running", "resting", "stopped"})


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
        bus.serve(ReadConfiguration, self._read)
        bus.serve(WriteDraft, self._write_draft)
        bus.serve(ApplyDraft, self._apply)
        bus.serve(ReloadConfiguration, self._reload)
        bus.serve(RestartNetwork, self._restart_network)
        bus.serve(FactoryReset, self._factory_reset)

    # ------------------------------------------------------------------------------------------------------ look

    async def _read(self, _request: ReadConfiguration, _sender: str) -> ConfigurationPage:
        import difflib  # only who looks at a draft needs it

        if self._config is None:
            return ConfigurationPage(ok=False, text="This station runs without a station file.")
        now, draft, by = self._texts()
        last = trial.read(self._folder)
        lines = difflib.unified_diff(now.splitlines(), draft.splitlines(), "now", "draft", lineterm="", n=2)
        return ConfigurationPage(
            ok=True,
            path=str(self._config),
            file=now,
            draft=draft,
            draft_by=by,
            difference=tuple(lines) if draft else (),
            faults=tuple(map(_told, self._faults(draft))) if draft else (),
            trial=last.status if last is not None else "",
        )

    def _texts(self) -> tuple[str, str, str]:
        """The file, the draft (empty: none), and who wrote that."""
        now = "" if self._config is None else _text(self._config)
        head, _, draft = _text(self._folder / trial.DRAFT).partition("\n")
        return now, draft, head.removeprefix("# draft by ")

    def _faults(self, text: str) -> tuple[Fault, ...]:
        name = self._config.name if self._config is not None else "station.toml"
        try:
            document = config_file.parse(text.encode(), name)
        except ConfigError as error:
            return error.faults
        return config_check.check(document, Settings, name)

    # ----------------------------------------------------------------------------------------------------- draft

    async def _write_draft(self, request: WriteDraft, sender: str) -> ActionResult:
        now, before, _ = self._texts()
        if request.text is None and not request.changes:
            (self._folder / trial.DRAFT).unlink(missing_ok=True)
            return ActionResult(ok=True, code="dropped", text="There is no draft any more.")
        text = request.text if request.text is not None else before or now
        try:
            text = changed(text, request.changes)
        except CannotEdit as error:
            return ActionResult(ok=False, code="no_such_key", text=str(error))
        except tomllib.TOMLDecodeError as error:
            return ActionResult(ok=False, code="invalid", text=str(error))
        if len(text.encode()) > config_file.LARGEST_BYTES // 4:
            return ActionResult(ok=False, code="invalid", text="This is too long for a station file.")
        faults = self._faults(text)
        if faults:
            return _invalid(faults)
        try:
            trial.write(self._folder / trial.DRAFT, f"# draft by {_line(request.by or sender)}\n{text}".encode())
        except OSError as error:
            return ActionResult(ok=False, code="cannot_write", text=f"The draft cannot be kept: {error.strerror}.")
        return ActionResult(ok=True, code="ok", text="The draft is good, and kept.")

    async def _apply(self, request: ApplyDraft, sender: str) -> ActionResult:
        config = self._config
        if config is None:
            return ActionResult(ok=False, code="not_possible", text="This station runs without a station file.")
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL:  # it would take the place of the way back
            return ActionResult(ok=False, code="busy", text="A new station file is on trial; wait until it is kept.")
        _, draft, _ = self._texts()
        if not draft:
            return ActionResult(ok=False, code="no_draft", text="There is no draft to apply.")
        faults = self._faults(draft)
        if faults:
            return _invalid(faults)
        try:
            trial.begin(self._folder, config, draft.encode(), request.by or sender)
        except OSError as error:
            text = f"{config} cannot be written ({error.strerror}): its folder has to belong to the station's account."
            return ActionResult(ok=False, code="cannot_write", text=text)
        (self._folder / trial.DRAFT).unlink(missing_ok=True)
        self._note("new station file on trial", request.by, sender)
        self._leave(SOFT_RESTART)
        return ActionResult(ok=True, code="ok", text="The station restarts with the new file; it is on trial.")

    async def _reload(self, request: ReloadConfiguration, sender: str) -> ActionResult:
        if self._config is None:
            return ActionResult(ok=False, code="not_possible", text="This station runs without a station file.")
        try:
            content = config_file.read(self._config).decode()
        except (ConfigError, UnicodeDecodeError) as error:
            return ActionResult(ok=False, code="invalid", text=str(error))
        faults = self._faults(content)
        if faults:
            return _invalid(faults)
        self._note("station file loaded anew", request.by, sender)
        self._leave(SOFT_RESTART)
        return ActionResult(ok=True, code="ok", text="The file is good; the station restarts with it.")

    # ----------------------------------------------------------------------------------------------------- trial

    async def watch(self) -> None:
        """See whether the station comes up with a file on trial; until that is settled, then until cancelled."""
        last = trial.read(self._folder)
        if last is not None and last.status == trial.ON_TRIAL and self._config is not None:
            await self._judge(last)
        await asyncio.Event().wait()

    async def _judge(self, last: trial.Trial) -> None:
        view = self._bus.watch("")
        begun_s, well_since_s = self._clock.mono(), None
        while True:
            now = self._clock.mono()
            services = [state for topic in view.topics() if isinstance(state := view.get(topic), ServiceState)]
            is_up = view.get("station") is not None and all(each.status in IN_ORDER for each in services)
            well_since_s = (now if well_since_s is None else well_since_s) if is_up else None
            if well_since_s is not None and now - well_since_s >= HEALTHY_S:
                trial.keep(self._folder, last)
                self._note("new station file kept", last.by, "hub")
                return
            if now - begun_s >= WITHIN_S:
                trial.give_back(self._folder, last)
                self._note("the station did not come up; the station file before is back", last.by, "hub", "Failed")
                self._leave(SOFT_RESTART)
                return
            await asyncio.sleep(LOOK_S)

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
        armed_in = self._store.fact(RESET)
        if armed_in is None:
            return
        if armed_in != self._clock.boot_id:
            await self._store.forget_all("factory reset")
            (self._folder / trial.DRAFT).unlink(missing_ok=True)
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


def _told(fault: Fault) -> ConfigurationFault:
    return ConfigurationFault(fault.key, fault.found, fault.reason, fault.remedy)


def _invalid(faults: tuple[Fault, ...]) -> ActionResult:
    rows = [("place", "found", "why", "remedy"), *((f.key, f.found, f.reason, f.remedy) for f in faults)]
    text = f"{len(faults)} faults: {faults[0]}" if len(faults) > 1 else str(faults[0])
    return ActionResult(ok=False, code="invalid", text=text, table=tuple(rows))
