"""What a technician has before him: who he is, what he types, what he is asked to confirm, what came of it. Pure.

It belongs to `Place` and is gone when he leaves. Secrets are here only while they are typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chargepoint.guards import Check, Sum
from chargepoint.messages import ActionResult, Reply
from chargepoint.vocabulary import Role

MOST_TYPED = 64
PIN_DIGITS = 6


class Running(msgspec.Struct, frozen=True):
    """A deed under way, since when, and what it was asked with."""

    action: str
    arguments: dict[str, str]
    since_s: float


class Outcome(msgspec.Struct, frozen=True):
    """What came of the last deed."""

    action: str
    arguments: dict[str, str]
    result: ActionResult
    at_s: float


class CardHeld(msgspec.Struct, frozen=True):
    """A card that was held to a reader while somebody was at a page that wants one; as `CardTested` tells it."""

    reader: str
    uid: str
    at_s: float
    kind: str = ""
    refusal: str = ""
    forms: tuple[tuple[str, str], ...] = ()
    read_ms: float | None = None
    count: int = 1


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """One visit. `typed` by field of the page (login, password, pin, old, new, again, new_pin,
    again_pin, sum, value, reason)."""

    role: Role | None = None
    generation: int = 0
    """Of his log-in: it ends when `LoginsState` has another one for him, or none."""
    former: int = 0
    """The one before he changed his password himself: the state that says so may come after the answer."""
    must_change: bool = False
    typed: dict[str, str] = {}
    field: str = ""
    layer: str = "en"
    """Of the keyboard: ru, en, signs."""
    is_shifted: bool = False
    is_shown: bool = False
    """The eye: the password is readable."""
    is_asking: bool = False
    """A login, a password or a PIN is being checked."""
    wait_until_s: float = 0.0
    """No more tries before."""
    said: str = ""
    """Catalogue key of what was wrong with what was typed."""
    said_values: dict[str, str] = {}
    check: Check | None = None
    last_sum: Sum | None = None
    running: Running | None = None
    outcome: Outcome | None = None
    replies: dict[str, Reply] = {}
    """What services said last, by what was asked."""
    asked_s: dict[str, float] = {}
    warned_s: float | None = None
    """Since when it is said that he will be logged out."""
    is_leaving: bool = False
    """What he leaves behind is listed."""
    closes_station: bool = False
    presence_s: float = 0.0
    """When the station is told again that he is there."""
    cards: tuple[CardHeld, ...] = ()
    since_s: float = 0.0

    def typed_in(self, field: str) -> str:
        return self.typed.get(field, "")

    def without_secrets(self) -> Desk:
        """Nothing of what was typed is left."""
        return msgspec.structs.replace(self, typed={}, field="", is_shown=False, is_asking=False, said="")


def with_typed(desk: Desk, field: str, text: str) -> Desk:
    return msgspec.structs.replace(desk, typed={**desk.typed, field: text[:MOST_TYPED]})


def packed(arguments: Mapping[str, Any]) -> str:
    """Arguments of a deed as the end of a target's name: `connector=2,name=x`."""
    return ",".join(f"{key}={value}" for key, value in arguments.items())


def unpacked(text: str) -> dict[str, str]:
    """The opposite; what is no pair is left out."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {key: value for key, _, value in pairs}
