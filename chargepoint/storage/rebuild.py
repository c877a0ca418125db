"""After damage: the records of sessions whose own row is lost, from what the entries say of them (R7, R26).

A transaction that began must end on record, so its session must be known; without its row it would be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from chargepoint.records import (
    JournalRow,
    Session,
    SessionCreated,
    SessionFinished,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import SessionState


def rebuilt(rows: Iterable[JournalRow]) -> Session | None:
    """The session of these entries (all of one session, in order); None when its beginning is lost, too."""
    session: Session | None = None
    for row in rows:
        entry = row.entry
        if isinstance(entry, SessionCreated) and entry.connector is not None:
            session = Session(
                session_id=row.seq,
                connector=entry.connector,
                connector_type=entry.connector_type,
                power_type=entry.connector_type.power_type,
                created=row.moment,
            )
        elif session is not None:
            session = msgspec.structs.replace(session, **_changes(session, row))
    return session


def _changes(session: Session, row: JournalRow) -> dict[str, Any]:
    match row.entry:
        case TransactionStarted() as entry:
            return {
                "started": row.moment,
                "state": SessionState.ACTIVE,
                "start_source": entry.start_source,
                "starter": entry.starter,
                "is_reported": entry.is_reported,
                "flags": entry.flags,
                "meter_start_wh": entry.meter_start_wh,
                "reservation_id": entry.reservation_id,
            }
        case TransactionStopped() as entry:
            delivered_wh = entry.meter_stop_wh - (session.meter_start_wh or entry.meter_stop_wh)
            return {
                "stopped": row.moment,
                "state": SessionState.STOP,
                "stop_source": entry.stop_source,
                "stopper": entry.stopper,
                "meter_stop_wh": entry.meter_stop_wh,
                "delivered_wh": max(0, delivered_wh),
            }
        case SessionFinished() as entry:
            return {"finished": row.moment, "state": entry.state}
    return {}
