"""Journal entries and sessions as rows and back, with what shows whether a row is still as it was written. Pure."""

from __future__ import annotations

import hashlib
import zlib
from sqlite3 import Row

import msgspec

from chargepoint.clock import at_of, unix_of
from chargepoint.records import AnyEntry, Happened, JournalRow, Moment, SecurityEvent, Session
from chargepoint.vocabulary import EventType, SessionFlag, SessionState, StartSource

_entries = msgspec.json.Decoder(AnyEntry)
_sessions = msgspec.json.Decoder(Session)

INSERT_EVENT = (
    "INSERT INTO events (seq, boot_id, mono_s, at, kind, session_id, connector, data, crc, chain) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SAVE_SESSION = (
    "INSERT INTO sessions (session_id, connector, created_at, is_finished, is_garbage, data, crc, state, who, marks) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET created_at = excluded.created_at, "
    "is_finished = excluded.is_finished, is_garbage = excluded.is_garbage, data = excluded.data, crc = excluded.crc, "
    "state = excluded.state, who = excluded.who, marks = excluded.marks"
)
IS_ZERO, IS_TEST = 1, 2
"""Bits of `marks`: no energy so far; by a technician, or of a station that is not activated."""
SAVE_FACT = (
    "INSERT INTO facts (key, value, crc) VALUES (?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, crc = excluded.crc"
)
EVENT_COLUMNS = "seq, boot_id, mono_s, at, kind, session_id, connector, data, crc, chain"


def crc_of(*values: object) -> int:
    """A check sum over the values of a row."""
    return zlib.crc32("\x1f".join(map(repr, values)).encode())


def event_row(seq: int, moment: Moment, entry: AnyEntry, chained_to: bytes) -> tuple[object, ...]:
    """The values of INSERT_EVENT. Security entries are chained: each holds a digest of itself and the one before."""
    at = None if moment.at is None else unix_of(moment.at)
    data = msgspec.json.encode(entry).decode()
    values = (seq, moment.boot_id, moment.mono_s, at, type(entry).__name__, entry.session_id, entry.connector, data)
    crc = crc_of(*values)
    chain = link_of(chained_to, crc, data) if isinstance(entry, SecurityEvent) else None
    return *values, crc, chain


def link_of(before: bytes, crc: int, data: str) -> bytes:
    """The digest that ties a security entry to the one before it."""
    return hashlib.sha256(before + crc.to_bytes(4, "big") + data.encode()).digest()


def journal_row(row: Row) -> JournalRow:
    """The entry of a row; one that is no longer what was written, or is of later software, is shown as such, in its
    place in the order."""
    moment = Moment(row["boot_id"], row["mono_s"], None if row["at"] is None else at_of(row["at"]))
    what, why = "damaged", "is not as it was written"
    if crc_of(*tuple(row)[:8]) == row["crc"]:
        try:
            return JournalRow(row["seq"], moment, _entries.decode(row["data"]))
        except msgspec.DecodeError:
            what, why = "unknown", "is of later software"
    shown = Happened(
        session_id=row["session_id"],
        connector=row["connector"],
        event_type=EventType.STORAGE,
        action=f"entry {what}",
        message=f"entry {row['seq']} ({row['kind']}) {why}",
        error=what,
    )
    return JournalRow(row["seq"], moment, shown)


def session_row(session: Session) -> tuple[object, ...]:
    """The values of SAVE_SESSION."""
    created_at = None if session.created.at is None else unix_of(session.created.at)
    data = msgspec.json.encode(session).decode()
    is_garbage = session.state is SessionState.GARBAGE
    is_finished = session.finished is not None
    crc = crc_of(session.session_id, data)
    return (
        *(session.session_id, session.connector, created_at, int(is_finished), int(is_garbage), data, crc),
        *(session.state.value, who_of(session), marks_of(session)),
    )


def who_of(session: Session) -> str:
    """What a search by people looks through, in small letters: credentials, vehicle."""
    vehicle = "" if session.vehicle is None else session.vehicle.uid
    credentials = [one.value for one in (session.starter, session.stopper, session.presented) if one is not None]
    return "\n".join(dict.fromkeys(text for text in (*credentials, vehicle, session.vehicle_name) if text)).casefold()


def marks_of(session: Session) -> int:
    is_test = session.start_source is StartSource.TECHNICIAN or SessionFlag.TerminalNotActivated in session.flags
    return (0 if session.delivered_wh > 0 else IS_ZERO) | (IS_TEST if is_test else 0)


def session_of(row: Row) -> Session | None:
    """The session of a row (session_id, data, crc); None when it is no longer what was written."""
    if crc_of(row["session_id"], row["data"]) != row["crc"]:
        return None
    try:
        return _sessions.decode(row["data"])
    except msgspec.DecodeError:
        return None
