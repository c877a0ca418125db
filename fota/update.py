"""The life of an update: a table of stages, and a step. Pure.

At each stage one thing is done; what came of it is an `Outcome`, and the table says where that leads and what the
central system is told on the way. Words told: SignedFirmwareStatusNotification (security white paper, L01); `ocpp`
leaves out those that plain FirmwareStatusNotification (OCPP 1.6, 7.25) has none for.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec


class Stage(enum.StrEnum):
    """As in `UpdateState.stage`."""

    IDLE = "idle"
    SCHEDULED = "scheduled"
    DOWNLOADING = "downloading"
    PAUSING = "pausing"
    VERIFYING = "verifying"
    STAGING = "staging"
    WAITING = "waiting"
    INSTALLING = "installing"
    CHECKING = "checking"
    CONTROLLERS = "controllers"
    DONE = "done"
    FAILED = "failed"


class Outcome(enum.StrEnum):
    """What came of a stage."""

    DUE = "due"
    """The moment that was waited for has come."""
    GOOD = "good"
    BROKE = "broke"
    """Not this time; there are tries left."""
    GAVE_UP = "gave_up"
    REFUSED = "refused"
    """It may not be installed here: another product, older, too large, damaged ..."""
    UNSIGNED = "unsigned"
    """Whoever made it cannot be trusted."""
    CANCELLED = "cancelled"
    RESTAGE = "restage"
    """What was unpacked is not there any more."""
    CONTROLLERS = "controllers"
    """Staged, and it is for controllers."""
    FINISHED = "finished"
    """Staged, and that was all (keys)."""


SETTLED = frozenset({Stage.IDLE, Stage.DONE, Stage.FAILED})
BEFORE_INSTALLING = frozenset(
    {Stage.SCHEDULED, Stage.DOWNLOADING, Stage.PAUSING, Stage.VERIFYING, Stage.STAGING, Stage.WAITING}
)
"""Stages at which nothing has changed yet: it can be cancelled."""
FETCHING = frozenset({Stage.SCHEDULED, Stage.DOWNLOADING, Stage.PAUSING})


class Next(msgspec.Struct, frozen=True):
    """Where it goes on, and what is told of it, in order."""

    stage: Stage
    tell: tuple[str, ...] = ()


STAY = None
"""Such an outcome cannot come of this stage; if it does all the same, nothing changes."""

_S, _O = Stage, Outcome
_FAILED_TO_LOAD = Next(_S.FAILED, ("DownloadFailed",))
_NOT_SIGNED = Next(_S.FAILED, ("InvalidSignature",))
_NOT_VERIFIED = Next(_S.FAILED, ("InstallVerificationFailed",))
_NOT_INSTALLED = Next(_S.FAILED, ("InstallationFailed",))

RULES: Mapping[tuple[Stage, Outcome], Next] = {
    (_S.SCHEDULED, _O.DUE): Next(_S.DOWNLOADING, ("Downloading",)),
    (_S.SCHEDULED, _O.CANCELLED): _FAILED_TO_LOAD,
    (_S.DOWNLOADING, _O.GOOD): Next(_S.VERIFYING, ("Downloaded",)),
    (_S.DOWNLOADING, _O.BROKE): Next(_S.PAUSING, ("DownloadPaused",)),
    (_S.DOWNLOADING, _O.GAVE_UP): _FAILED_TO_LOAD,
    (_S.DOWNLOADING, _O.REFUSED): _FAILED_TO_LOAD,
    (_S.DOWNLOADING, _O.UNSIGNED): _NOT_SIGNED,
    (_S.DOWNLOADING, _O.CANCELLED): _FAILED_TO_LOAD,
    (_S.PAUSING, _O.DUE): Next(_S.DOWNLOADING, ("Downloading",)),
    (_S.PAUSING, _O.CANCELLED): _FAILED_TO_LOAD,
    (_S.VERIFYING, _O.GOOD): Next(_S.STAGING, ("SignatureVerified",)),
    (_S.VERIFYING, _O.REFUSED): _NOT_VERIFIED,
    (_S.VERIFYING, _O.UNSIGNED): _NOT_SIGNED,
    (_S.VERIFYING, _O.GAVE_UP): _NOT_INSTALLED,
    (_S.VERIFYING, _O.CANCELLED): _NOT_INSTALLED,
    (_S.STAGING, _O.GOOD): Next(_S.WAITING),
    (_S.STAGING, _O.CONTROLLERS): Next(_S.CONTROLLERS, ("Installing",)),
    (_S.STAGING, _O.FINISHED): Next(_S.DONE, ("Installing", "Installed")),
    (_S.STAGING, _O.REFUSED): _NOT_INSTALLED,
    (_S.STAGING, _O.UNSIGNED): _NOT_SIGNED,
    (_S.STAGING, _O.GAVE_UP): _NOT_INSTALLED,
    (_S.STAGING, _O.CANCELLED): _NOT_INSTALLED,
    (_S.WAITING, _O.DUE): Next(_S.INSTALLING, ("Installing", "InstallRebooting")),
    (_S.WAITING, _O.CANCELLED): _NOT_INSTALLED,
    (_S.WAITING, _O.RESTAGE): Next(_S.STAGING),
    (_S.INSTALLING, _O.BROKE): Next(_S.WAITING),
    (_S.INSTALLING, _O.DUE): Next(_S.CHECKING),
    (_S.INSTALLING, _O.RESTAGE): Next(_S.STAGING),
    (_S.INSTALLING, _O.GOOD): Next(_S.DONE, ("Installed",)),
    (_S.INSTALLING, _O.GAVE_UP): _NOT_INSTALLED,
    (_S.CHECKING, _O.GOOD): Next(_S.DONE, ("Installed",)),
    (_S.CHECKING, _O.GAVE_UP): _NOT_INSTALLED,
    (_S.CONTROLLERS, _O.GOOD): Next(_S.DONE, ("Installed",)),
    (_S.CONTROLLERS, _O.GAVE_UP): _NOT_INSTALLED,
}
"""All that can happen. A pair that is not here leaves everything as it is (`step`)."""

AFTER_START: Mapping[Stage, str] = {
    Stage.IDLE: "nothing",
    Stage.SCHEDULED: "wait on",
    Stage.DOWNLOADING: "fetch on, from what is here",
    Stage.PAUSING: "wait anew, then fetch on",
    Stage.VERIFYING: "verify anew",
    Stage.STAGING: "verify and unpack anew",
    Stage.WAITING: "wait on if it is still unpacked, else unpack anew",
    Stage.INSTALLING: "look which version runs: the new one is checked, the old one waits anew or says why",
    Stage.CHECKING: "look which version runs: the new one is checked anew, the old one says why",
    Stage.CONTROLLERS: "go on with the controllers that have it not yet",
    Stage.DONE: "nothing",
    Stage.FAILED: "nothing",
}
"""What is done when the software starts in the midst of an update: after a power cut, or with the new version."""


def step(stage: Stage, outcome: Outcome) -> Next | None:
    """What follows; None: nothing changes. Settled stages are left by a new order only."""
    return RULES.get((stage, outcome), STAY)


class Runs(msgspec.Struct, frozen=True):
    """What start.sh knows: which slot runs, whether on trial, which one is unpacked beside it, and how it went."""

    slot: str = ""
    """factory, a or b; empty: nothing is known of slots."""
    previous: str = ""
    ready: str = ""
    is_trial: bool = False
    outcome: str = ""
    reason: str = ""
    refused: frozenset[str] = frozenset()
    """Packages that did not hold here."""


def after_switch(runs: Runs, wanted_slot: str) -> Outcome:
    """At `installing` or `checking`, when the software has started: what became of the switch to `wanted_slot`."""
    if runs.slot == wanted_slot:
        return Outcome.DUE if runs.is_trial else Outcome.GOOD
    if runs.ready == wanted_slot:
        return Outcome.BROKE  # cut before it was switched
    return Outcome.GAVE_UP


def after_check(runs: Runs, wanted_slot: str) -> Outcome | None:
    """The same at `checking`; None: it is on trial still, watch it."""
    if runs.slot == wanted_slot:
        return None if runs.is_trial else Outcome.GOOD
    return Outcome.GAVE_UP
