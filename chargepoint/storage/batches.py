"""The tables of history.db, and how a batch of samples and rows is packed into one of its rows."""

from __future__ import annotations

import logging
import zlib

import msgspec

from chargepoint.clock import unix_of
from chargepoint.records import HistoryRow, Sample
from chargepoint.storage.database import Statement

log = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY, at REAL, boot_id TEXT NOT NULL, mono_s REAL NOT NULL, data BLOB NOT NULL);
    CREATE TABLE spans (session_id INTEGER PRIMARY KEY, first_batch INTEGER NOT NULL, last_batch INTEGER NOT NULL);
    CREATE TABLE readers (reader TEXT PRIMARY KEY, number INTEGER NOT NULL);
    CREATE TABLE ceiling (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
    """,
    """
    ALTER TABLE batches ADD COLUMN sample_count INTEGER;
    ALTER TABLE batches ADD COLUMN row_count INTEGER;
    """,
)

SAVE_CEILING = "INSERT INTO ceiling (id, number) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number"
SAVE_SPAN = (
    "INSERT INTO spans (session_id, first_batch, last_batch) VALUES (?1, ?2, ?2) "
    "ON CONFLICT (session_id) DO UPDATE SET last_batch = excluded.last_batch"
)
SAVE_READER = (
    "INSERT INTO readers (reader, number) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET number = excluded.number"
)
DELETE_BATCHES = (
    "DELETE FROM batches WHERE number IN (SELECT number FROM batches WHERE number <= ? ORDER BY number LIMIT ?)"
)


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What one flush writes."""

    samples: list[Sample]
    rows: list[HistoryRow]


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Batch)


def new_batch(number: int, batch: Batch) -> Statement:
    """Adds a batch; it bears the time of its newest content, of which there must be some."""
    newest = batch.samples[-1].moment if batch.samples else batch.rows[-1].moment
    at = None if newest.at is None else unix_of(newest.at)
    sql = (
        "INSERT INTO batches (number, at, boot_id, mono_s, data, sample_count, row_count) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    data = zlib.compress(_pack.encode(batch))
    return sql, (number, at, newest.boot_id, newest.mono_s, data, len(batch.samples), len(batch.rows))


def repacked(number: int, batch: Batch) -> list[Statement]:
    """What is left of a batch, in its place. (An UPDATE would leave the pages half empty, and the file as large.)"""
    gone: Statement = ("DELETE FROM batches WHERE number = ?", (number,))
    return [gone, new_batch(number, batch)] if batch.samples or batch.rows else [gone]


def batch_of(number: int, data: bytes) -> Batch:
    """The content of a stored batch; empty, and logged, when it is damaged."""
    try:
        return _unpack.decode(zlib.decompress(data))  # zlib carries its own check sum
    except (zlib.error, msgspec.DecodeError) as error:
        log.error("history: batch %d is damaged and left out (%s)", number, error)
        return Batch([], [])
