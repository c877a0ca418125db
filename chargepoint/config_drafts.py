"""The hub's calls about personal drafts of the station file: write, check, join with what others changed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chargepoint import config_file, trial
from chargepoint.bus import Bus
from chargepoint.config_difference import merge
from chargepoint.config_edit import CannotEdit, added, changed, removed
from chargepoint.config_faults import Fault
from chargepoint.config_kept import Draft, Drafts, Versions, digest
from chargepoint.config_text import loads
from chargepoint.messages import ActionResult, CheckDraft, ConfigurationFault, RebaseDraft, WriteDraft


class DraftCalls:
    """Serves them. `file()` is the station file as it is, `faults(text)` all that is wrong with a text."""

    def __init__(
        self,
        bus: Bus,
        folder: Path,
        drafts: Drafts,
        versions: Versions,
        file: Callable[[], str],
        faults: Callable[[str], tuple[Fault, ...]],
    ) -> None:
        self._folder = folder
        self._drafts = drafts
        self._versions = versions
        self._file = file
        self._faults = faults
        bus.serve(WriteDraft, self._write_draft)
        bus.serve(CheckDraft, self._check_draft)
        bus.serve(RebaseDraft, self._rebase)

    async def _write_draft(self, request: WriteDraft, sender: str) -> ActionResult:
        by = request.by or sender
        before, now = self._drafts.of(by), self._file()
        if request.expected and request.expected != (before.version if before else "none"):
            return refused("draft_changed", "The draft was changed meanwhile, in another window.")
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
            return refused("no_such_key", str(error))
        except tomllib.TOMLDecodeError as error:
            return refused("invalid", str(error))
        if len(text.encode()) > config_file.LARGEST_BYTES // 4:
            return refused("invalid", "This is too long for a station file.")
        faults = self._faults(text)
        if faults and not request.keeps_faults:
            return invalid(faults)
        base, base_text = self._base(request.base, before, now)
        try:
            draft = self._drafts.keep(Draft(line(by), text, base, base_text))
        except OSError as error:
            return refused("cannot_write", f"The draft cannot be kept: {error.strerror}.")
        values = {"version": draft.version}
        if faults:
            told = invalid(faults)
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
        return invalid(faults) if faults else ActionResult(ok=True, code="ok", text="It has no fault.")

    async def _rebase(self, request: RebaseDraft, _sender: str) -> ActionResult:
        draft, now = self._drafts.of(request.by), self._file()
        if draft is None:
            return refused("no_draft", "There is no draft.")
        if draft.base == digest(now):
            return refused("not_needed", "The draft was begun from the file as it is now.")
        base, mine, theirs = parsed(draft.base_text), parsed(draft.text), parsed(now)
        if base is None or mine is None or theirs is None:
            return refused("cannot_merge", "One of the three texts cannot be read; compare them by hand.")
        try:
            merged = merge(base, mine, now, theirs)
            kept = self._drafts.keep(Draft(draft.by, merged.text, digest(now), now))
        except (CannotEdit, tomllib.TOMLDecodeError) as error:
            return refused("cannot_merge", f"The two cannot be joined by themselves ({error}); compare them by hand.")
        except OSError as error:
            return refused("cannot_write", f"The draft cannot be kept: {error.strerror}.")
        rows = tuple((place,) for place in merged.conflicts)
        text = f"Both changed {len(rows)} values; yours stand in the draft." if rows else "Joined without conflict."
        table = (("place",), *rows) if rows else ()
        return ActionResult(ok=True, code="ok", text=text, table=table, values={"version": kept.version})


def line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:100])


def parsed(text: str) -> Mapping[str, Any] | None:
    try:
        return loads(text)
    except tomllib.TOMLDecodeError:
        return None


def refused(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text)


def told(fault: Fault) -> ConfigurationFault:
    return ConfigurationFault(fault.key, fault.found, fault.reason, fault.remedy)


def invalid(faults: tuple[Fault, ...]) -> ActionResult:
    rows = [("place", "found", "why", "remedy"), *((f.key, f.found, f.reason, f.remedy) for f in faults)]
    text = f"{len(faults)} faults: {faults[0]}" if len(faults) > 1 else str(faults[0])
    return ActionResult(ok=False, code="invalid", text=text, table=tuple(rows))
