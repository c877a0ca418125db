"""Card readers: the cards they read, what they show to people, how they are."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

import msgspec

from drivers.interfaces.device import Identity


class Card(msgspec.Struct, frozen=True):
    """A card held to a reader: its number as idToken of OCPP, at most 20 characters (upper-case hexadecimal, or as the
    reader's options say).

    `connectors` is what the reader knows of which are meant; empty when it does not. `kind` is what kind of card it is,
    for people; `number` its bytes as they were read, UID0 first; `read_ms` how long reading took, None where nobody
    knows. `refusal` says in words why nobody may be authorised by this card; `uid` may then be empty.
    """

    uid: str
    connectors: tuple[int, ...] = ()
    kind: str = ""
    refusal: str = ""
    number: bytes = b""
    read_ms: float | None = None


class CardReader(Protocol):
    """A card reader. `cards` yields each card once when it is put on, until the reader is gone (NoAnswer)."""

    name: str

    def cards(self) -> AsyncIterator[Card]: ...


class CardSignal(enum.StrEnum):
    """What a reader shows or sounds to who holds a card to it."""

    WAIT = "wait"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@runtime_checkable
class SignalsCards(Protocol):
    """A reader with a light or a buzzer."""

    async def signal(self, signal: CardSignal) -> None:
        """Show it; returns when it was told. Raises NoAnswer, Refused. May be called while `cards` runs, and only
        then."""
        ...


class ReaderHealth(msgspec.Struct, frozen=True):
    """How a reader is, since it was made. `heard_s`: when it was last known to be there, by the loop's clock; None:
    never. `polls` are its questions, `errors` those that failed, `refused` readings that were no whole card. `place` is
    where it is found (a device file, the name at the PC/SC service)."""

    identity: Identity = Identity()
    heard_s: float | None = None
    polls: int = 0
    errors: int = 0
    refused: int = 0
    place: str = ""


@runtime_checkable
class TellsHealth(Protocol):
    """A reader that knows how it is. Nothing is asked for it: who polls its reader knows it from that."""

    def health(self) -> ReaderHealth: ...
