"""The two standing oracles of all journeys (fault-cases SO-1 and SO-2)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from chargepoint.records import JournalRow, Session
from chargepoint.vocabulary import SessionFlag
from drivers.simulated.foreign_controller import FOREIGN
from drivers.simulated.words import StationState
from ocpp_client.simulated_ledger import Ledger

OPENS_WITHIN_S = 7.0
"""After the last condition ended: the lease of 5 s, one second to ramp to zero, one to open."""


def contactor_faults(truth: StationState, starts: Sequence[JournalRow], sessions: Sequence[Session] = ()) -> list[str]:
    """SO-1: each closing had a vehicle that asked, a durable transaction, no fault, and a live lease.

    Boxes of other makers know no sessions: theirs belong to whatever transaction the connector had at that moment.
    """
    begun = {row.entry.session_id: row.moment.mono_s for row in starts}
    over = {each.session_id: each.stopped.mono_s for each in sessions if each.stopped is not None}
    found = []
    for connector in truth.connectors:
        for event in connector.contactor_log:
            where = f"connector {connector.number} at {event.at_s:.2f} s"
            if not event.closed:
                ended = event.permission_ended_s
                if ended is not None and event.at_s - ended > OPENS_WITHIN_S:
                    found.append(f"{where}: opened {event.at_s - ended:.1f} s after its permission ended")
                continue
            if event.session_ref == FOREIGN:
                running = (
                    row.moment.mono_s <= event.at_s <= over.get(row.entry.session_id or 0, math.inf)
                    for row in starts
                    if row.entry.connector == connector.number
                )
                if not any(running):
                    found.append(f"{where}: closed outside of any durable transaction")
            elif event.session_ref not in begun:
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


def relay_faults(
    connector: int, switchings: Sequence[tuple[float, bool]], rows: Sequence[JournalRow], sessions: Sequence[Session]
) -> list[str]:
    """SO-1 for a contactor (or socket relay) of the station: `switchings` is its coil in truth, as time and on.

    Each closing belongs to a transaction of this connector that was durable and not over; it is open again soon after
    the end of each; and it never closes more than three times a minute (R5). `rows`: TransactionStarted.
    """
    begun = {
        number: row.moment.mono_s
        for row in rows
        if row.entry.connector == connector and (number := row.entry.session_id) is not None
    }
    over = {each.session_id: each.stopped.mono_s for each in sessions if each.stopped is not None}
    found, closings = [], [at_s for at_s, is_on in switchings if is_on]
    for at_s in closings:
        if not any(since <= at_s <= over.get(number, math.inf) for number, since in begun.items()):
            found.append(f"relay of connector {connector} at {at_s:.2f} s: closed outside of any durable transaction")
        if sum(1 for other in closings if at_s <= other < at_s + 60.0) > 3:
            found.append(f"relay of connector {connector} at {at_s:.2f} s: more than three closings within a minute")
    for at_s, is_on in switchings:
        ended = max((end for end in over.values() if end <= at_s), default=-math.inf)
        runs = any(since <= at_s <= over.get(number, math.inf) for number, since in begun.items())
        if not is_on and not runs and at_s - ended > OPENS_WITHIN_S and begun:
            found.append(f"relay of connector {connector} at {at_s:.2f} s: opened {at_s - ended:.1f} s after the end")
    if switchings and switchings[-1][1] and all(number in over for number in begun):
        found.append(f"relay of connector {connector}: left closed after the last transaction")
    return found


def shared_faults(truth: StationState) -> list[str]:
    """SO-3, for outputs that share modules: none of what power.md 5 forbids has ever been (as it truly was, not as it
    was read), and no contactor between buses closed more than three times a minute (R5)."""
    found = [f"{sin.rule} at {sin.at_s:.2f} s: {sin.what}" for sin in truth.sins]
    closings: dict[str, list[float]] = {}
    for event in truth.switchings:
        if event.closed:
            closings.setdefault(event.switch, []).append(event.at_s)
    for switch, times in closings.items():
        for at_s in times:
            if sum(1 for other in times if at_s <= other < at_s + 60.0) > 3:
                found.append(f"R5 at {at_s:.2f} s: contactor {switch} closed more than three times within a minute")
                break
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
