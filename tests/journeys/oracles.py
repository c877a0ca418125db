"""The two standing oracles of all journeys (fault-cases SO-1 and SO-2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from chargepoint.records import JournalRow, Session
from chargepoint.vocabulary import SessionFlag
from drivers.simulated.words import StationState
from ocpp_client.simulated_ledger import Ledger

OPENS_WITHIN_S = 7.0
"""After the last condition ended: the lease of 5 s, one second to ramp to zero, one to open."""


def contactor_faults(truth: StationState, starts: Sequence[JournalRow]) -> list[str]:
    """SO-1: each closing had a vehicle that asked, a durable transaction, no fault, and a live lease."""
    begun = {row.entry.session_id: row.moment.mono_s for row in starts}
    found = []
    for connector in truth.connectors:
        for event in connector.contactor_log:
            where = f"connector {connector.number} at {event.at_s:.2f} s"
            if not event.closed:
                ended = event.permission_ended_s
                if ended is not None and event.at_s - ended > OPENS_WITHIN_S:
                    found.append(f"{where}: opened {event.at_s - ended:.1f} s after its permission ended")
                continue
            if event.session_ref not in begun:
                found.append(f"{where}: closed for session {event.session_ref}, which has no transaction on record")
            elif begun[event.session_ref] > event.at_s:
                found.append(f"{where}: closed before transaction {event.session_ref} was on record")
            if event.lease_left_s <= 0:
                found.append(f"{where}: closed without a live lease")
            if not (event.vehicle_connected and event.vehicle_asks):
                found.append(f"{where}: closed although no vehicle asked for energy")
            if event.fault:
                found.append(f"{where}: closed with fault {event.fault}")
    return found


def books_faults(
    truth: StationState, sessions: Sequence[Session], ledger: Ledger | None, tolerance_wh: float
) -> list[str]:
    """SO-2: energy of the outlets, the journal, and what the server was told are one, each transaction once."""
    found = []
    ended = [session for session in sessions if session.started is not None]
    for session in ended:
        if session.stopped is None:
            found.append(f"session {session.session_id} has no end")
    for connector in truth.connectors:
        booked = [session for session in ended if session.connector == connector.number]
        total_wh = sum(session.delivered_wh for session in booked)
        allowed_wh = tolerance_wh + 0.01 * connector.energy_wh + len(booked)
        if abs(total_wh - connector.energy_wh) > allowed_wh:
            found.append(
                f"connector {connector.number}: {connector.energy_wh:.1f} Wh flowed, the journal has {total_wh} Wh"
            )
    if ledger is not None:
        found += ledger.faults()
        found += list(_told(ended, ledger))
    return found


def _told(ended: Iterable[Session], ledger: Ledger) -> Iterable[str]:
    """Transactions are compared by connector and registers; several without energy may have the same."""
    told: Counter[tuple[int, int | None, int | None]] = Counter(
        (one.connector, one.meter_start_wh, one.meter_stop_wh) for one in ledger.transactions
    )
    reported = [session for session in ended if session.is_reported]
    for session in reported:
        key = session.connector, session.meter_start_wh, session.meter_stop_wh
        if not told[key]:
            yield (
                f"session {session.session_id} ({session.meter_start_wh} to {session.meter_stop_wh} Wh) was not told, "
                f"or told wrongly: {sorted(told.elements(), key=str)}"
            )
        told[key] -= 1
        if SessionFlag.OCPPSession not in session.flags:
            yield f"session {session.session_id} was reported and is not marked so"
    for connector, start_wh, stop_wh in (+told).elements():
        yield f"connector {connector}, {start_wh} to {stop_wh} Wh: told, and not on record"
    if len(reported) != len(ledger.transactions):
        yield f"{len(reported)} transactions on record, {len(ledger.transactions)} told"
