"""Who may charge, and what a refusal after the start leads to: the rules of OCPP as tables. Pure.

Source: OCPP 1.6, 3.5 (list, cache, unknown idTags), 4.1, 4.8 (with errata 3.17), 9.1.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from chargepoint.vocabulary import AuthorizationBasis

ACCEPTED = "Accepted"


class Standing(msgspec.Struct, frozen=True):
    """What list or cache say of an idTag now; `basis` names which of them."""

    status: str
    basis: AuthorizationBasis
    parent: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status == ACCEPTED


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration keys that decide."""

    local_pre_authorize: bool
    local_authorize_offline: bool
    allow_offline_for_unknown: bool


class Question(msgspec.Struct, frozen=True):
    """`known` is None for somebody whom neither list nor cache knows."""

    rules: Rules
    known: Standing | None
    can_ask: bool

    @property
    def is_accepted(self) -> bool:
        return self.known is not None and self.known.is_accepted


Verdict = Literal["by_entry", "ask", "unknown_allowed", "refused"]
"""`by_entry`: what list or cache say holds, whichever it is. `ask`: the central system decides."""

_Row = tuple[Callable[[Question], bool], Verdict]

TABLE: tuple[_Row, ...] = (
    (lambda q: q.can_ask and q.is_accepted and q.rules.local_pre_authorize, "by_entry"),
    (lambda q: q.can_ask, "ask"),  # also somebody not accepted here: the central system may know better by now
    (lambda q: q.known is not None and not q.is_accepted, "by_entry"),
    (lambda q: q.is_accepted and q.rules.local_authorize_offline, "by_entry"),
    (lambda q: q.is_accepted, "refused"),
    (lambda q: q.rules.allow_offline_for_unknown, "unknown_allowed"),
    (lambda q: True, "refused"),
)
"""First row that holds decides."""


def verdict(question: Question) -> Verdict:
    """Whether somebody may charge, or who is to be asked."""
    return next(answer for holds, answer in TABLE if holds(question))


class Entry(Protocol):
    """An entry of list or cache as it is kept."""

    @property
    def status(self) -> str: ...

    @property
    def parent(self) -> str: ...

    @property
    def expires_at(self) -> datetime | None: ...


def standing(listed: Entry | None, cached: Entry | None, now: datetime) -> Standing | None:
    """What is known here of an idTag: the list goes before the cache, whatever it says (3.5.2).

    `now` is the earliest time it can be: while the clock is not set an entry is not held to be over too early.
    """
    for entry, basis in ((listed, AuthorizationBasis.LOCAL_LIST), (cached, AuthorizationBasis.CACHE)):
        if entry is not None:
            is_over = entry.status == ACCEPTED and entry.expires_at is not None and entry.expires_at <= now
            return Standing("Expired" if is_over else entry.status, basis, entry.parent)
    return None


class Remedy(msgspec.Struct, frozen=True):
    """What is done about a running charge whose idTag the central system does not accept.

    `ends`: the transaction ends. Else it goes on without energy once it has delivered `most_wh`.
    """

    ends: bool
    most_wh: int = 0


def remedy(*, stop_on_invalid: bool, most_wh: int) -> Remedy:
    """StopTransactionOnInvalidId ends the transaction; without it only the energy ends, MaxEnergyOnInvalidId later."""
    return Remedy(ends=True) if stop_on_invalid else Remedy(ends=False, most_wh=max(0, most_wh))
