"""Entries of the journal as lines of the operation log and of the security journal (statuses.md 12). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chargepoint.journal_text import clean, masked, time_of
from chargepoint.records import (
    Credential,
    Happened,
    JournalRow,
    SecurityEvent,
    SessionCreated,
    SessionFinished,
    StationStarted,
    StationStopped,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import EventType

OPLOG_KINDS = (
    "Happened",
    "StationStarted",
    "StationStopped",
    "SessionCreated",
    "SessionFinished",
    "TransactionStarted",
    "TransactionStopped",
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the operation log. `at`: aware UTC, None while the station did not know the time; `when` for people.

    `connector` with its type, as `2 CCS`; `session` is the session's number, which is also that of its transaction.
    """

    seq: int
    at: datetime | None
    when: str
    connector: str
    session: int | None
    event_type: str
    action: str
    message: str
    error: str = ""
    service: str = ""


class SecurityLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the security journal. `relation` is what it is about: a connector or session, where it is one."""

    seq: int
    at: datetime | None
    when: str
    type: str
    source_type: str
    source: str
    operation: str
    extra: str = ""
    session: int | None = None
    relation: str = ""


def _who(credential: Credential | None) -> str:
    return "" if credential is None else f"{credential.value} ({credential.type.value})"


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh / 1000:.3f} kWh"


_WORDS: dict[type, Callable[[Any], tuple[EventType, str, str]]] = {
    StationStarted: lambda e: (EventType.STATION_STARTED, e.cause.value, e.version),
    StationStopped: lambda e: (EventType.STATION_STOPPED, e.stop_source.value, f"exit status {e.exit_code}"),
    SessionCreated: lambda e: (EventType.SESSION_CREATED, "Created", e.connector_type.value),
    SessionFinished: lambda e: (EventType.SESSION_FINISHED, e.state.value, ""),
    TransactionStarted: lambda e: (
        EventType.TRANSACTION_STARTED,
        e.start_source.value,
        f"{_who(e.starter)}, {e.basis.value}, {_kwh(e.meter_start_wh)}",
    ),
    TransactionStopped: lambda e: (
        EventType.TRANSACTION_STOPPED,
        e.stop_source.value,
        f"{_who(e.stopper)}, {_kwh(e.meter_stop_wh)}{' (estimated)' if e.is_estimated else ''}".lstrip(", "),
    ),
}


def line_of(row: JournalRow, connector_types: Mapping[int, str], *, shows_cards: bool) -> Line:
    """One entry; without `shows_cards` of numbers of cards and vehicles their end only (S21)."""
    row = row if shows_cards else masked(row)
    entry = row.entry
    error = service = ""
    if isinstance(entry, Happened):
        kind, action, message, error, service = (
            entry.event_type, entry.action, entry.message, entry.error, entry.service,
        )  # fmt: skip
    else:
        kind, action, message = _WORDS[type(entry)](entry)
    return Line(
        seq=row.seq,
        at=row.moment.at,
        when=time_of(row.moment),
        connector=_connector(entry.connector, connector_types),
        session=entry.session_id,
        event_type=kind.value,
        action=clean(action),
        message=clean(message),
        error=clean(error),
        service=service,
    )


def security_line_of(row: JournalRow, connector_types: Mapping[int, str]) -> SecurityLine:
    """One entry of the security journal."""
    entry = row.entry
    if not isinstance(entry, SecurityEvent):  # it is damaged, and shown as that
        assert isinstance(entry, Happened)
        entry = SecurityEvent(type="EntryDamaged", source_type="station", source="", operation=entry.message)
    return SecurityLine(
        seq=row.seq,
        at=row.moment.at,
        when=time_of(row.moment),
        type=clean(entry.type),
        source_type=clean(entry.source_type),
        source=clean(entry.source),
        operation=clean(entry.operation),
        extra=clean(entry.extra),
        session=entry.session_id,
        relation=_connector(entry.connector, connector_types),
    )


def _connector(number: int | None, types: Mapping[int, str]) -> str:
    if number is None:
        return ""
    return f"{number} {types[number]}" if number in types else str(number)
