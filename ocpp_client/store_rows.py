"""What the store holds in memory of the rows of ocpp.db, and how two of them are written."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.records import JournalRow
from chargepoint.storage.database import Statement


class CacheEntry(msgspec.Struct):
    """What the central system last said of an idTag. `used` orders entries by their last use."""

    status: str
    parent: str
    expires_at: datetime | None
    used: int


class OpenTransaction(msgspec.Struct):
    """A transaction that has the central system's id."""

    transaction_id: int
    connector: int
    is_ended: bool = False
    stop_source: str = ""
    """Why the charge may not go on, when the central system did not accept the idTag of its start."""
    meter_start_wh: int | None = None


class Lane(msgspec.Struct):
    """The messages of one session that the central system failed to process, and all that follow them.

    `attempts` counts the failed tries of the first of them; samples after number `sample_after` wait, too.
    """

    session_id: int
    connector: int
    sample_after: int
    attempts: int = 0
    is_parked: bool = False
    error: str = ""
    rows: list[JournalRow] = []
    due_s: float = 0.0
    has_given_up: bool = False


class AsideRange(msgspec.Struct):
    """Meter values of one session that the central system refused for good: samples with `after` < number <= `up_to`.

    `samples` is how many there are.
    """

    session_id: int
    connector: int
    after: int
    up_to: int
    samples: int
    error: str = ""


def save_transaction(session_id: int, known: OpenTransaction) -> Statement:
    values = (
        session_id,
        known.transaction_id,
        known.connector,
        known.is_ended,
        known.stop_source,
        known.meter_start_wh,
    )
    sql = (
        "INSERT OR REPLACE INTO transactions "
        "(session_id, transaction_id, connector, is_ended, stop_source, meter_start_wh) VALUES (?, ?, ?, ?, ?, ?)"
    )
    return sql, values


def save_lane(lane: Lane) -> Statement:
    values = (lane.session_id, lane.connector, lane.sample_after, lane.attempts, lane.is_parked, lane.error[:500])
    sql = (
        "INSERT OR REPLACE INTO lanes (session_id, connector, sample_after, attempts, is_parked, error) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    )
    return sql, values
