"""What the pages have to ask of services while they are open, and how often. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from chargepoint.messages import (
    JournalPage,
    ReadConfiguration,
    ReadController,
    ReadIncidents,
    ReadJournal,
    ReadPackages,
    ReadSessions,
    ReadTestReports,
    ReadUsers,
    Request,
    TestReader,
)
from hmi.flow.words import Ask, Wish
from hmi.view import Place, Seen

READERS = "reader test"
WANT_CARDS = frozenset({"RfidReaderTestPage", "TechnikBindCard"})
"""Pages to whom cards are given."""
JOURNAL_ROWS = 300
"""So many of the newest entries are shown."""


class Question(msgspec.Struct, frozen=True):
    """`tag` is where the answer is kept (`Desk.replies`); asked again after `every_s`."""

    tag: str
    service: str
    request: Request[Any]
    every_s: float


def _controller(place: Place, seen: Seen) -> Iterator[Question]:
    number = connector_of(place, seen)
    if place.fields.get("show") == "log":
        yield from _journal(place, seen)
    elif number:
        yield Question(f"controller {number}", "station", ReadController(connector=number), 10.0)


def _journal(place: Place, seen: Seen) -> Iterator[Question]:
    if place.fields.get("show") == "sessions":
        yield Question("sessions", "station", ReadSessions(limit=40), 10.0)
        return
    if place.fields.get("show") == "past":
        yield Question("past", "diag", ReadIncidents(limit=40), 10.0)
        return
    page = None if place.desk is None else place.desk.replies.get("journal end")
    yield Question("journal end", "station", ReadJournal(limit=1), 10.0)
    if isinstance(page, JournalPage):
        after = max(0, page.last_seq - JOURNAL_ROWS)
        yield Question("journal", "station", ReadJournal(after_seq=after, limit=JOURNAL_ROWS), 10.0)


def _reports(place: Place, seen: Seen) -> Iterator[Question]:
    yield Question("reports", "station", ReadTestReports(limit=20), 5.0)


def _configuration(place: Place, seen: Seen) -> Iterator[Question]:
    yield Question("configuration", "hub", ReadConfiguration(by=place.staff), 5.0)


def _readers(place: Place, seen: Seen) -> Iterator[Question]:
    """Cards at all readers are for this page, and for nothing else; they end it by themselves after 60 s."""
    if seen.readers:
        yield Question(READERS, "rfid", TestReader(name="", by=place.staff), 25.0)


def _binding(place: Place, seen: Seen) -> Iterator[Question]:
    yield from _users(place, seen)
    yield from _readers(place, seen)


def _users(place: Place, seen: Seen) -> Iterator[Question]:
    yield Question("users", "hub", ReadUsers(), 5.0)


def _updates(place: Place, seen: Seen) -> Iterator[Question]:
    """The stick is read when its tab is opened, and seldom again: each time it is mounted for that."""
    if place.fields.get("show") == "stick":
        yield Question("packages on stick", "fota", ReadPackages(is_with_usb=True, by=place.staff), 60.0)
    else:
        yield Question("packages", "fota", ReadPackages(by=place.staff), 10.0)


QUESTIONS: dict[str, Callable[[Place, Seen], Iterator[Question]]] = {
    "ChargeControllerTestPage": _controller,
    "TechnikJournal": _journal,
    "TechnikTestSession": _reports,
    "TechnikConfig": _configuration,
    "TechnikBindCard": _binding,
    "TechnikUpdateControllerPage": _updates,
    "RfidReaderTestPage": _readers,
}


def connector_of(place: Place, seen: Seen) -> int:
    """The connector whose tab is open; 0 where there is none."""
    numbers = sorted(seen.connectors)
    return place.connector if place.connector in numbers else numbers[0] if numbers else 0


def asked(place: Place, seen: Seen, now_s: float) -> tuple[Place, tuple[Wish, ...]]:
    """What is due on this page."""
    desk, questions = place.desk, QUESTIONS.get(place.screen)
    if desk is None or questions is None or not place.staff:
        return place, ()
    due = [each for each in questions(place, seen) if now_s - desk.asked_s.get(each.tag, -1e9) >= each.every_s]
    if not due:
        return place, ()
    asked_s = {**desk.asked_s, **{each.tag: now_s for each in due}}
    wishes = tuple(Ask(each.service, each.request, each.tag, timeout_s=8.0, is_whole=True) for each in due)
    return replace(place, desk=replace(desk, asked_s=asked_s)), wishes


def again(place: Place) -> Place:
    """All is asked anew: something was changed."""
    return place if place.desk is None else replace(place, desk=replace(place.desk, asked_s={}))
