"""What happened in the station: the journal and samples grew, a card was seen."""

from __future__ import annotations

from chargepoint.messages.kinds import Event
from chargepoint.records import Sample
from chargepoint.vocabulary import CardReason


class JournalGrew(Event, frozen=True, kw_only=True):
    """The journal now ends at `seq`; readers with a cursor may read on."""

    seq: int


class DumpGrew(Event, frozen=True, kw_only=True):
    """Lines of a live dump (`StartDump`). `skipped` lines were left out since the last event: too many at once."""

    connector: int
    session_id: int
    lines: tuple[str, ...]
    skipped: int = 0


class SampleTaken(Event, frozen=True, kw_only=True):
    """A sample of the sampling plan, told at once; it is durable with the next batch."""

    sample: Sample


class CardSeen(Event, frozen=True, kw_only=True):
    """A card is being checked; what comes of it follows as `CardHandled`."""

    reader: str
    uid: str


class CardHandled(Event, frozen=True, kw_only=True):
    """What came of a card, for screens, lights and sounds. A card that waited for a choice is told a second time.

    Fields as those of `CardOutcome`.
    """

    reader: str
    uid: str
    outcome: str
    connector: int | None = None
    text: str = ""
    reason: CardReason = CardReason.NONE
    choices: tuple[int, ...] = ()
    left_wh: int | None = None
