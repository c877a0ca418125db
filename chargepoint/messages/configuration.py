"""Calls to the hub about the station file: drafts, versions, apply on trial; and what it tells of that."""

from __future__ import annotations

import msgspec

from chargepoint.messages.kinds import ActionResult, Reply, Request, State


class ConfigurationFault(msgspec.Struct, frozen=True):
    """One fault of a station file: where, what was found, why it cannot be, what to do."""

    place: str
    found: str
    why: str
    remedy: str


class ReadConfiguration(Request["ConfigurationPage"], frozen=True, kw_only=True):
    """To hub: the station file, the draft of `by` that waits to be applied (empty: the newest of anybody), and what
    became of the last one."""

    by: str = ""


class ConfigurationPage(Reply, frozen=True, kw_only=True):
    """`difference` are lines of a unified difference from file to draft; `draft` empty: there is none. `trial` is what
    is said of the last draft that was applied: on_trial, kept, returned (`trial_reason`), or empty.

    `version` names what stands in the file now, `changed_*` who put it there; `draft_base` the version the draft was
    begun from, `draft_version` the draft itself. `is_grave`: identity or topology differ (guard G3).
    """

    ok: bool
    text: str = ""
    path: str = ""
    file: str = ""
    draft: str = ""
    draft_by: str = ""
    difference: tuple[str, ...] = ()
    faults: tuple[ConfigurationFault, ...] = ()
    trial: str = ""
    trial_reason: str = ""
    version: str = ""
    changed_by: str = ""
    changed_at: str = ""
    changed_comment: str = ""
    draft_base: str = ""
    draft_version: str = ""
    is_grave: bool = False
    file_faults: tuple[ConfigurationFault, ...] = ()
    others: tuple[str, ...] = ()
    """Who else has a draft."""
    planned_by: str = ""
    planned_at: str = ""
    """When (ISO 8601) what is planned is due; empty: as soon as nobody charges."""


class WriteDraft(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: keep a draft of the station file for `by`: its whole `text`, or `changes` to the draft there is (else to
    the file), as `{"station.power_limit_w": "50000", "connector.1.max_power_w": "22000"}`; `connector.#2.` is the
    second one. `add` and `remove` are for one section of a list (`connector`; `connector.#2`). Nothing of all: drop it.

    It is kept when it is good, with `keeps_faults` also otherwise. `expected`: only if the draft still is this version.
    `base`: the version of the file it is made from (default: that of the draft there is, else the present one).
    Codes: ok, dropped, faulty (kept), invalid (`table` has place, found, why, remedy), no_such_key, draft_changed,
    cannot_write.
    """

    text: str | None = None
    changes: dict[str, str] = {}
    add: str = ""
    values: dict[str, str] = {}
    """Of what is added, as TOML."""
    remove: str = ""
    by: str
    keeps_faults: bool = False
    expected: str = ""
    base: str = ""


class CheckDraft(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: the faults of a text, kept nowhere. Codes: ok, invalid (`table`)."""

    text: str


class RebaseDraft(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: put what the draft changes on top of the file as it is now. Codes: ok (`table`: keys that both changed;
    those of the draft stand), no_draft, not_needed, cannot_merge, cannot_write."""

    by: str


class ApplyDraft(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: put the draft of `by` in the place of the station file and restart; when the station is not up for 60 s
    within three minutes, the file before comes back by itself.

    `base`: only if the file still is this version (default: the one the draft was begun from). `must_keep`: a person
    has to keep it within a minute after that (KeepConfiguration). `when_idle`: as soon as nobody charges; `at`: not
    before this moment (ISO 8601; without a zone: the station's). `is_light`: refused when identity or topology differ.
    Codes: ok, planned, no_draft, invalid, changed_meanwhile, grave, bad_time, busy, cannot_write, not_possible.
    """

    by: str
    base: str = ""
    comment: str = ""
    when_idle: bool = False
    at: str = ""
    must_keep: bool = False
    is_light: bool = False


class CancelPlan(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: what is planned is not applied. Codes: ok, nothing_planned."""

    by: str


class KeepConfiguration(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: the file on trial stays, as soon as the station has been well for long enough. Codes: ok (kept), noted
    (it will be), nothing_on_trial."""

    by: str


class ReturnConfiguration(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: give the file before the trial back now, and restart. Codes: ok, nothing_on_trial."""

    by: str


class ReturnSeen(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: somebody has read why the file before came back; the topic is empty again. Codes: ok,
    nothing_returned."""

    by: str


class ConfigurationVersion(msgspec.Struct, frozen=True):
    """One text that was the station file. `what`: found (by hand, or the first), applied, returned. `at`: ISO 8601,
    empty when the time was not known. Number 0 is the first this station ran with."""

    number: int
    at: str
    by: str
    what: str
    comment: str
    version: str


class ReadVersions(Request["VersionsPage"], frozen=True, kw_only=True):
    """To hub: the versions there are, newest first."""


class VersionsPage(Reply, frozen=True, kw_only=True):
    versions: tuple[ConfigurationVersion, ...] = ()


class ReadVersion(Request["VersionText"], frozen=True, kw_only=True):
    """To hub: the text of one version."""

    number: int


class VersionText(Reply, frozen=True, kw_only=True):
    ok: bool
    text: str = ""


class ConfigurationState(State, frozen=True, kw_only=True):
    """Topic `configuration`: what goes on with the station file.

    `phase`: empty (nothing), planned, watch (on trial, the station is looked at), keep (a person has to keep it until
    `until_mono_s`), kept, returned (`reason` says why). `missing`: what the watch still waits for.
    """

    phase: str = ""
    by: str = ""
    until_mono_s: float = 0.0
    must_keep: bool = False
    kept_by: str = ""
    reason: str = ""
    missing: str = ""
    version: str = ""


class DraftsState(State, frozen=True, kw_only=True):
    """Topic `drafts`: the log-ins that have a draft of the station file which is not applied yet."""

    by: tuple[str, ...] = ()
