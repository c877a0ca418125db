"""What a deed people ask for is made of: its row in the table of `action_table/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chargepoint.guards import Guard
from chargepoint.messages import ActionResult, Request
from chargepoint.preconditions import Need
from chargepoint.rights import ADMINISTRATORS, STAFF, Right, roles_with
from chargepoint.vocabulary import EventType, Role

__all__ = [
    "ADMINISTRATORS", "STAFF", "TIMEOUT_S", "Action", "Argument", "Asker", "BadRequest", "Make", "Values",
]  # fmt: skip

TIMEOUT_S = 15.0


class Asker(msgspec.Struct, frozen=True):
    """Who asks. `is_local`: somebody stands at the station (screen); otherwise from afar (web, command line)."""

    login: str
    role: Role
    is_local: bool = False


class Argument(msgspec.Struct, frozen=True):
    """One argument of a deed; `kind` is int or str. A number lies in `minimum`..`maximum`, a text is that long, and one
    of `choices` where there are any."""

    name: str
    kind: type[int] | type[str]
    words: str
    minimum: int
    maximum: int
    is_needed: bool = True
    choices: tuple[str, ...] = ()


Values = Mapping[str, Any]
Make = Callable[[Values, Asker], Request[ActionResult]]


class Action(msgspec.Struct, frozen=True):
    """One deed. `effect` is the sentence people read before they confirm; `{connector}` and the like are filled in.

    `right` is what who asks must hold (`rights.py`). `verb` is what its button says. `needs` are its preconditions; one
    named in `waives` does not count while that argument is 1. `is_forced`: it lasts only while who asked is logged in
    (TechnicianAtWork). `missing`: why this software cannot do it yet; then there is no request, and it can be asked for
    all the same.
    """

    name: str
    service: str
    request: type[Request[ActionResult]] | None
    guard: Guard
    right: Right
    effect: str
    arguments: tuple[Argument, ...]
    make: Make | None
    event_type: EventType = EventType.TECHNICIAN_ACTION
    verb: str = ""
    needs: tuple[Need, ...] = ()
    waives: Mapping[Need, str] = {}
    timeout_s: float = TIMEOUT_S
    is_forced: bool = False
    missing: str = ""

    @property
    def roles(self) -> frozenset[Role]:
        """Who holds the right it takes."""
        return roles_with(self.right)


class BadRequest(Exception):
    """The deed cannot be asked for so. The text says what was found and what belongs there."""
