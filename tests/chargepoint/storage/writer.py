"""A process that appends to a journal as fast as it can and says what is durable, until somebody kills it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from chargepoint.records import SessionCreated, SessionFinished
from chargepoint.storage.history import History
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import SessionState
from tests.chargepoint.storage.making import (
    CONNECTOR,
    SMALL,
    energy,
    happened,
    session,
    set_clock,
    started,
    stopped,
)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def write(folder: Path) -> None:
    clock = set_clock(f"boot of {folder.name}")
    journal = await Journal.open(folder, clock, SMALL)
    history = await History.open(folder, clock, SMALL, journal.resolve)
    say("damage", journal.damage or history.damage or "none")
    for turn in range(100_000):
        async with journal.transaction() as tx:
            session_id = tx.append(SessionCreated(connector=1, connector_type=CONNECTOR))
            record = session(session_id, tx.moment)
            tx.append(started(session_id, meter_start_wh=turn))
            tx.save_session(record)
            tx.set_fact("turn", str(turn).encode())
        say("started", session_id, turn)
        await journal.append(*(happened("x" * 300, session_id) for _ in range(turn % 5)))
        sample = history.add_sample(session_id, 1, clock.moment(), (energy(turn),), journal.last_seq)
        say("told", sample.number)
        await history.flush()
        async with journal.transaction() as tx:
            tx.append(stopped(session_id, meter_stop_wh=turn))
            tx.append(SessionFinished(session_id=session_id, connector=1, state=SessionState.SUCCESS))
            record.delivered_wh, record.finished = turn, tx.moment
            tx.save_session(record)
        say("stopped", session_id, turn)
        if turn % 50 == 49:  # a reader far behind, so that pruning has something to do now and then
            await journal.set_cursor("ocpp", journal.last_seq - 20)
            await journal.prune()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
