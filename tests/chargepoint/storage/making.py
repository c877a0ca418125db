"""Entries, sessions and samples for the tests of storage, and a power cut."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from chargepoint.clock import Clock, unix_of
from chargepoint.config import StorageSettings
from chargepoint.records import (
    AnyEntry,
    Credential,
    Happened,
    Moment,
    SampledValue,
    SecurityEvent,
    Session,
    SessionCreated,
    SessionFinished,
    StationStarted,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.storage.history import History
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    CredentialType,
    EventType,
    PowerType,
    SessionFlag,
    SessionState,
    StartCause,
    StartSource,
    StopSource,
)

SPRING = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPRING_S = unix_of(SPRING)
SMALL = StorageSettings(reserve_bytes=65_536)
CARD = Credential("04A1B2C3", CredentialType.RFID)
CONNECTOR = next(iter(ConnectorType))


def set_clock(boot_id: str = "boot-1") -> Clock:
    """A clock that knows the time: SPRING when the loop's time is 0."""
    return Clock(boot_id, offset_s=SPRING_S, source="system")


@asynccontextmanager
async def journal_in(
    folder: Path, clock: Clock | None = None, settings: StorageSettings = SMALL
) -> AsyncIterator[Journal]:
    journal = await Journal.open(folder, clock or set_clock(), settings)
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def history_in(
    folder: Path, clock: Clock | None = None, settings: StorageSettings = SMALL
) -> AsyncIterator[History]:
    history = await History.open(folder, clock or set_clock(), settings)
    try:
        yield history
    finally:
        await history.close()


def station_started() -> StationStarted:
    return StationStarted(cause=StartCause.POWER_ON, version="0.1.0")


def happened(message: str, session_id: int | None = None) -> Happened:
    return Happened(event_type=EventType.DEVICE_STATE, action="silent", message=message, session_id=session_id)


def security(text: str) -> SecurityEvent:
    return SecurityEvent(type="InvalidMessages", source_type="server", source="ocpp", operation=text)


def started(session_id: int, meter_start_wh: int = 1000) -> TransactionStarted:
    return TransactionStarted(
        session_id=session_id,
        connector=1,
        start_source=StartSource.LOCAL,
        starter=CARD,
        is_reported=True,
        basis=AuthorizationBasis.SERVER,
        flags=SessionFlag.OCPPSession | SessionFlag.StartOffline,
        meter_start_wh=meter_start_wh,
    )


def stopped(session_id: int, meter_stop_wh: int = 2000) -> TransactionStopped:
    return TransactionStopped(
        session_id=session_id,
        connector=1,
        stop_source=StopSource.LOCAL,
        stopper=CARD,
        is_reported=True,
        meter_stop_wh=meter_stop_wh,
    )


def session(session_id: int, created: Moment) -> Session:
    return Session(
        session_id=session_id,
        connector=1,
        connector_type=CONNECTOR,
        power_type=next(iter(PowerType)),
        created=created,
    )


async def begin(journal: Journal) -> Session:
    """A session with a running transaction."""
    async with journal.transaction() as tx:
        session_id = tx.append(SessionCreated(connector=1, connector_type=CONNECTOR))
        record = session(session_id, tx.moment)
        tx.append(started(session_id))
        record.started, record.state = tx.moment, SessionState.ACTIVE
        tx.save_session(record)
    return record


async def end(journal: Journal, record: Session) -> None:
    """The end of what `begin` began."""
    async with journal.transaction() as tx:
        tx.append(stopped(record.session_id))
        tx.append(SessionFinished(session_id=record.session_id, connector=1, state=SessionState.SUCCESS))
        record.stopped = record.finished = tx.moment
        record.state = SessionState.SUCCESS
        tx.save_session(record)


async def entries(journal: Journal) -> list[AnyEntry]:
    """All entries, oldest first."""
    found: list[AnyEntry] = []
    read_to = 0
    while read_to < journal.last_seq:
        page = await journal.read(after_seq=read_to)
        found += [row.entry for row in page.rows]
        read_to = page.read_to
    return found


def energy(value_wh: float) -> SampledValue:
    return SampledValue("Energy.Active.Import.Register", value_wh, "Wh")


def cut_power(folder: Path, image: Path) -> Path:
    """What a power cut at this instant leaves of `folder`, as a folder of its own."""
    shutil.copytree(folder, image)
    for lock in image.glob("*.lock"):
        lock.unlink()
    return image
