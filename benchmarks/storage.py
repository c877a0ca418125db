"""The journal alone, and telling the central system what a station kept while it was away."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.calls import bare_client
from benchmarks.figures import Row, share
from benchmarks.rig import CARDS, NUMBERS, Place, Rig
from chargepoint.clock import Clock
from chargepoint.config import StorageSettings
from chargepoint.context import folder_of
from chargepoint.records import (
    Credential,
    Happened,
    Session,
    SessionCreated,
    SessionFinished,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.storage.journal import Journal, JournalTransaction
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    CredentialType,
    EventType,
    PowerType,
    SessionFlag,
    SessionState,
    StartSource,
    StopSource,
)

PAGE = bytes(4096)
TOGETHER = 10
EARLIER_S = 86_400.0
SESSIONS_TOGETHER = 100
ASKED_EACH_S = 0.02


async def journal(place: Place) -> list[Row]:
    """Appends, each durable before the next; appends of several at once; and what the disk does without a journal."""
    seconds = 0.3 if place.is_quick else 1.0
    entry = Happened(event_type=EventType.STORAGE, action="benchmark", message="a line of the operation log")
    async with place.room() as folder:
        opened = await Journal.open(folder, earlier_clock(), StorageSettings())
        try:
            single = await _rates(lambda: opened.append(entry), seconds)
            together = await _rates(lambda: opened.append(*[entry] * TOGETHER), seconds)
        finally:
            await opened.close()
        bare = sorted([await asyncio.to_thread(_syncs, folder / "bare", seconds) for _ in range(3)])
    middle = sorted(single)[1]
    return [
        Row(
            figure="journal appends, each durable",
            values=single,
            unit="/s",
            beside=f"bare write of 4 KiB and fdatasync: {bare[1]:.0f}/s, {middle / bare[1]:.2f} of it",
        ),
        Row(
            figure=f"journal entries, {TOGETHER} in a transaction",
            values=tuple(TOGETHER * rate for rate in together),
            unit="/s",
        ),
    ]


async def _rates(deed: Callable[[], Awaitable[object]], seconds: float) -> tuple[float, ...]:
    """How often per second it can be done, one after the other; three runs."""
    loop = asyncio.get_running_loop()
    rates = []
    for _ in range(3):
        began_s, done = loop.time(), 0
        while loop.time() - began_s < seconds:
            await deed()
            done += 1
        rates.append(done / (loop.time() - began_s))
    return tuple(rates)


def _syncs(path: Path, seconds: float) -> float:
    began_s, done = time.monotonic(), 0
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while time.monotonic() - began_s < seconds:
            os.pwrite(descriptor, PAGE, done * len(PAGE))
            os.fdatasync(descriptor)
            done += 1
    finally:
        os.close(descriptor)
    return done / (time.monotonic() - began_s)


# ------------------------------------------------------------------------------------------------------------- drain


async def drain(place: Place) -> list[Row]:
    """A day's transactions are in the journal when the station starts; the server is there at last."""
    sessions = place.pick(1_000, 5_000)
    live: list[float] = []
    async with Rig(place) as rig:
        await keep_sessions(folder_of(rig.data, "station"), sessions)
        began_s = await rig.start()
        asking = asyncio.create_task(_ask_all_the_while(rig, live), name="live requests")
        last = await rig.server.until_heard("StopTransaction", began_s, 120.0, sessions)
        asking.cancel()
        starts = rig.server.heard("StartTransaction", began_s)
    messages = len(starts) + sessions
    bare = await bare_client(1000)
    span_s = last.at_s - starts[0].at_s
    bare_rate = len(bare) / sum(bare)
    loss = "each once" if len(starts) == sessions else f"{len(starts)} StartTransaction for {sessions} sessions"
    return [
        Row(
            figure=f"outbox drain, {messages} messages queued",
            values=(messages / span_s,),
            unit="messages/s",
            wished=(">", 500.0),
            beside=f"{loss}; a bare client can do {bare_rate:.0f}/s; first after {starts[0].at_s - began_s:.1f} s",
        ),
        Row(
            figure="live GetConfiguration during the drain p99",
            values=(share(live, 99) * 1000,),
            unit="ms",
            wished=("<", 2000.0),
            beside=f"{len(live)} requests, p50 {share(live, 50) * 1000:.1f} ms, longest {max(live) * 1000:.1f} ms",
        ),
    ]


async def _ask_all_the_while(rig: Rig, taken: list[float]) -> None:
    loop = asyncio.get_running_loop()
    await rig.server.until_heard("StartTransaction", 0.0, 60.0)
    while True:
        began_s = loop.time()
        await rig.server.call("GetConfiguration", {"key": ["HeartbeatInterval"]})
        taken.append(loop.time() - began_s)
        await asyncio.sleep(ASKED_EACH_S)


async def keep_sessions(folder: Path, sessions: int) -> None:
    """Write the journal of an earlier boot: finished sessions of which nobody has been told."""
    folder.mkdir(mode=0o700, parents=True)
    opened = await Journal.open(folder, earlier_clock(), StorageSettings())
    try:
        for begin in range(0, sessions, SESSIONS_TOGETHER):
            async with opened.transaction() as transaction:
                for number in range(begin, min(begin + SESSIONS_TOGETHER, sessions)):
                    _append_session(transaction, NUMBERS[number % len(NUMBERS)], number)
    finally:
        await opened.close()


def _append_session(transaction: JournalTransaction, connector: int, number: int) -> None:
    kind = ConnectorType.TYPE2
    session_id = transaction.append(SessionCreated(connector=connector, connector_type=kind))
    card = Credential(CARDS[connector], CredentialType.RFID)
    start_wh, stop_wh = number * 1000, number * 1000 + 900
    started = TransactionStarted(
        start_source=StartSource.LOCAL,
        starter=card,
        is_reported=True,
        basis=AuthorizationBasis.CACHE,
        flags=SessionFlag.OCPPSession,
        meter_start_wh=start_wh,
        session_id=session_id,
        connector=connector,
    )
    stopped = TransactionStopped(
        stop_source=StopSource.LOCAL,
        stopper=card,
        is_reported=True,
        meter_stop_wh=stop_wh,
        session_id=session_id,
        connector=connector,
    )
    finished = SessionFinished(state=SessionState.SUCCESS, session_id=session_id, connector=connector)
    for entry in (started, stopped, finished):
        transaction.append(entry)
    moment = transaction.moment
    transaction.save_session(
        Session(
            session_id=session_id,
            connector=connector,
            connector_type=kind,
            power_type=PowerType.AC,
            created=moment,
            started=moment,
            stopped=moment,
            finished=moment,
            state=SessionState.SUCCESS,
            start_source=StartSource.LOCAL,
            starter=card,
            stop_source=StopSource.LOCAL,
            stopper=card,
            is_reported=True,
            flags=SessionFlag.OCPPSession,
            delivered_wh=stop_wh - start_wh,
            meter_start_wh=start_wh,
            meter_stop_wh=stop_wh,
        )
    )


def earlier_clock() -> Clock:
    """A boot before this one, a day ago."""
    return Clock("00000000-earlier-boot", offset_s=time.time() - time.monotonic() - EARLIER_S, source="system")
