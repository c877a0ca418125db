"""Journal entries and sessions as lines for people, and times as people write them. Pure.

Wall time is shown in the reader's time zone; what was recorded before the station knew the time, relative to its boot.
Card numbers are masked unless asked for (S21), and no text from outside steers the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chargepoint.masking import mask
from chargepoint.records import (
    AnyEntry,
    Credential,
    Happened,
    JournalRow,
    Moment,
    SecurityEvent,
    Session,
    SessionCreated,
    SessionFinished,
    StationStarted,
    StationStopped,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import CredentialType

SHOWN_AS_THEY_ARE = (CredentialType.STAND_IN, CredentialType.LOGIN)
"""Names, not numbers of cards or vehicles."""

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def when(text: str, now: datetime) -> datetime:
    """`2h`, `3d`, `today`, `yesterday`, or an ISO date or time (local unless it says otherwise), as aware UTC.

    `now` is aware, in the reader's time zone. Raises ValueError in words for people.
    """
    word = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if word in ("today", "yesterday"):
        return (midnight - timedelta(days=word == "yesterday")).astimezone(UTC)
    try:
        if ago := _AGO.fullmatch(word):
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).astimezone(UTC)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time: write 2h, 3d, today, yesterday, 2026-05-17 or 2026-05-17T14:30"
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)).astimezone(UTC)


def clean(text: str) -> str:
    """Text from outside as one line that cannot steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def masked(value: Any) -> Any:
    """A record with the numbers of cards and vehicles in it masked."""
    if isinstance(value, Credential):
        hidden = value.value if value.type in SHOWN_AS_THEY_ARE else mask(value.value)
        return msgspec.structs.replace(value, value=hidden, parent=mask(value.parent))
    if isinstance(value, Session):
        vehicle = value.vehicle
        return msgspec.structs.replace(
            value,
            starter=masked(value.starter),
            stopper=masked(value.stopper),
            vehicle=vehicle and msgspec.structs.replace(vehicle, uid=mask(vehicle.uid)),
        )
    if isinstance(value, JournalRow):
        return msgspec.structs.replace(value, entry=masked(value.entry))
    if isinstance(value, TransactionStarted):
        return msgspec.structs.replace(value, starter=masked(value.starter))
    if isinstance(value, TransactionStopped):
        return msgspec.structs.replace(value, stopper=masked(value.stopper))
    return value


def time_of(moment: Moment | None) -> str:
    """`2026-05-17 14:30:05` in the reader's time zone, or `boot 3f2a +12.5 s` while the time is not known."""
    if moment is None:
        return "-"
    if moment.at is None:
        return f"boot {clean(moment.boot_id[:4])} +{moment.mono_s:.1f} s"
    return f"{moment.at.astimezone():%Y-%m-%d %H:%M:%S}"


def entry_line(row: JournalRow) -> str:
    """One entry: time, number, what it concerns, what happened."""
    entry = row.entry
    about = [f"#{row.seq}"]
    if entry.connector is not None:
        about.append(f"connector {entry.connector}")
    if entry.session_id is not None:
        about.append(f"session {entry.session_id}")
    return clean(f"{time_of(row.moment):<19}  {'  '.join(about):<32}  {_words(entry)}".rstrip())


def session_table(sessions: Sequence[Session]) -> Iterator[str]:
    """Sessions as a table with a head."""
    rows = [("session", "connector", "created", "state", "kWh", "charging", "start", "by", "stop")]
    for each in sessions:
        rows.append(
            (
                str(each.session_id),
                f"{each.connector} {each.connector_type}",
                time_of(each.created),
                str(each.state),
                f"{each.delivered_wh / 1000:.3f}",
                _duration(each),
                str(each.start_source or "-"),
                _who(each.starter) or "-",
                str(each.stop_source or "-"),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield clean("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def session_lines(session: Session) -> Iterator[str]:
    """Everything that is known of one session, a line each."""
    for name in session.__struct_fields__:
        value = getattr(session, name)
        if value is None or value == "":
            continue
        if isinstance(value, Moment):
            text = time_of(value)
        elif isinstance(value, Credential):
            text = _who(value)
        elif isinstance(value, msgspec.Struct):
            told = {key: each for key, each in msgspec.structs.asdict(value).items() if each not in (None, "")}
            text = ", ".join(f"{key} {each}" for key, each in told.items())
        else:
            text = getattr(value, "name", None) or str(value)
        yield clean(f"  {name:<24}{text}")


def _duration(session: Session) -> str:
    begin, end = session.started, session.stopped
    if begin is None:
        return "-"
    if end is None:
        return "runs"
    if begin.boot_id == end.boot_id:
        seconds = end.mono_s - begin.mono_s
    elif begin.at is not None and end.at is not None:
        seconds = (end.at - begin.at).total_seconds()
    else:
        return "?"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _who(credential: Credential | None) -> str:
    return "" if credential is None else f"{credential.value} ({credential.type})"


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh / 1000:.3f} kWh"


def _happened(entry: Happened) -> str:
    words = [f"{entry.event_type} {entry.action}"]
    if entry.message:
        words.append(entry.message)
    if entry.error:
        words.append(f"error: {entry.error}")
    return f"{', '.join(words)} ({entry.service})"


def _security(entry: SecurityEvent) -> str:
    extra = f", {entry.extra}" if entry.extra else ""
    operation = "" if entry.operation == entry.type else f"{entry.operation} "
    return f"security: {entry.type}, {operation}by {entry.source_type} {entry.source}{extra}"


def _transaction_started(entry: TransactionStarted) -> str:
    told = "" if entry.is_reported else ", not reported"
    return (
        f"transaction started: {entry.start_source} by {_who(entry.starter)}, basis {entry.basis}, "
        f"meter {_kwh(entry.meter_start_wh)}{told}"
    )


def _transaction_stopped(entry: TransactionStopped) -> str:
    by = f" by {_who(entry.stopper)}" if entry.stopper else ""
    estimated = " (estimated)" if entry.is_estimated else ""
    return f"transaction stopped: {entry.stop_source}{by}, meter {_kwh(entry.meter_stop_wh)}{estimated}"


_WORDS: dict[type, Callable[[Any], str]] = {
    StationStarted: lambda entry: f"station started: {entry.cause}, version {entry.version}",
    StationStopped: lambda entry: f"station stopped: {entry.stop_source}, exit status {entry.exit_code}",
    SessionCreated: lambda entry: f"session created: {entry.connector_type}",
    SessionFinished: lambda entry: f"session finished: {entry.state}",
    TransactionStarted: _transaction_started,
    TransactionStopped: _transaction_stopped,
    Happened: _happened,
    SecurityEvent: _security,
}


def _words(entry: AnyEntry) -> str:
    return _WORDS[type(entry)](entry)
