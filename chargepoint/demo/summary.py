"""Whether the books of a demo balance: meters, journal, server and vehicles compared. Pure.

The vehicles and the contactors are the simulation's own truth; the station knows nothing of them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from chargepoint.demo.central import ServerLedger, ServerTransaction
from chargepoint.records import JournalRow, TransactionStarted, TransactionStopped
from drivers.simulated.foreign_controller import FOREIGN

TOLERANCE_SHARE = 0.01
TOLERANCE_WH = 10.0
"""Energy may differ by 1 %, or by 10 Wh a transaction."""
ENOUGH_VISITS = 2
ENOUGH_S = 15.0


class JournalTransaction(msgspec.Struct, kw_only=True):
    """One transaction as the journal has it; times on the station's monotonic clock."""

    session_id: int
    connector: int
    id_tag: str
    is_reported: bool
    meter_start_wh: int
    started_mono_s: float
    meter_stop_wh: int | None = None
    stopped_mono_s: float | None = None
    stop_source: str = ""
    is_estimated: bool = False

    @property
    def energy_wh(self) -> int:
        return 0 if self.meter_stop_wh is None else self.meter_stop_wh - self.meter_start_wh


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """A contactor closing by the simulation's truth."""

    connector: int
    session_ref: int
    lease_left_s: float
    vehicle_asks: bool
    fault: str = ""
    at_mono_s: float | None = None


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is compared. Energies in Wh by connector; `ledger` None: a foreign central system."""

    transactions: tuple[JournalTransaction, ...]
    sessions: int
    visits: int
    meters_wh: Mapping[int, float]
    vehicles_wh: Mapping[int, float]
    closings: tuple[Closing, ...]
    ledger: ServerLedger | None
    queued: int
    parked: int
    sent: int
    inherited: bool = False
    """The data folder held an earlier run: the server may be told of transactions it does not know."""
    switchings: int = 0
    """Closings and openings of contactors between modules that outputs share, as far as the simulation kept them."""
    sins: tuple[str, ...] = ()
    """What must never have been among these (power.md 5): opened under current, closed on a difference, two outputs."""


def transactions_of(rows: Iterable[JournalRow]) -> tuple[JournalTransaction, ...]:
    """The transactions that these journal rows tell of, in order of their start."""
    found: dict[int, JournalTransaction] = {}
    for row in rows:
        entry, number = row.entry, row.entry.session_id
        if isinstance(entry, TransactionStarted) and number is not None:
            found[number] = JournalTransaction(
                session_id=number,
                connector=entry.connector or 0,
                id_tag=entry.starter.value,
                is_reported=entry.is_reported,
                meter_start_wh=entry.meter_start_wh,
                started_mono_s=row.moment.mono_s,
            )
        elif isinstance(entry, TransactionStopped) and number in found:
            found[number].meter_stop_wh = entry.meter_stop_wh
            found[number].stopped_mono_s = row.moment.mono_s
            found[number].stop_source = entry.stop_source.value
            found[number].is_estimated = entry.is_estimated
    return tuple(found.values())


def faults(books: Books) -> list[str]:
    """Every reason why the books do not balance; empty when they do."""
    return [
        *_unfinished(books),
        *_energy("meter", books.meters_wh, books),
        *_energy("vehicles", books.vehicles_wh, books),
        *_server(books),
        *_queue(books),
        *_contactors(books),
        *(f"modules: {sin}" for sin in books.sins),
        *_idle(books),
    ]


def _unfinished(books: Books) -> Iterator[str]:
    for one in books.transactions:
        if one.meter_stop_wh is None:
            yield f"journal: the transaction of session {one.session_id} has no end"
        elif one.energy_wh < 0:
            yield f"journal: session {one.session_id} has negative energy ({one.energy_wh} Wh)"


def _energy(name: str, truth_wh: Mapping[int, float], books: Books) -> Iterator[str]:
    journal_wh: dict[int, int] = defaultdict(int)
    count: Counter[int] = Counter()
    estimated = {one.connector for one in books.transactions if one.is_estimated}
    for one in books.transactions:
        journal_wh[one.connector] += one.energy_wh
        count[one.connector] += 1
    for connector in sorted(truth_wh.keys() | journal_wh.keys()):
        true_wh, booked_wh = truth_wh.get(connector, 0.0), journal_wh[connector]
        tolerance_wh = max(TOLERANCE_SHARE * true_wh, TOLERANCE_WH * max(count[connector], 1))
        if connector not in estimated and abs(true_wh - booked_wh) > tolerance_wh:
            yield f"connector {connector}: {name} {true_wh:.0f} Wh, journal {booked_wh} Wh"


def _key(one: JournalTransaction | ServerTransaction) -> tuple[object, ...]:
    return one.connector, one.id_tag.lower(), one.meter_start_wh, one.meter_stop_wh


def _server(books: Books) -> Iterator[str]:
    if books.ledger is None:
        if not books.sent:
            yield "server: was never reached, nothing was told"
        return
    booked = Counter(_key(one) for one in books.transactions if one.is_reported)
    told = Counter(_key(one) for one in books.ledger.transactions)
    for connector, id_tag, start_wh, stop_wh in (booked - told).elements():
        yield (
            f"server: was not told of a transaction at connector {connector} "
            f"(card ending {str(id_tag)[-4:]}, {start_wh} to {stop_wh} Wh)"
        )
    if not books.inherited:
        for connector, id_tag, start_wh, stop_wh in (told - booked).elements():
            yield (
                f"server: was told of a transaction at connector {connector} that the journal does not have so "
                f"(card ending {str(id_tag)[-4:]}, {start_wh} to {stop_wh} Wh)"
            )
    for fault in books.ledger.faults:
        if not (books.inherited and "never started" in fault):
            yield f"server: {fault}"


def _queue(books: Books) -> Iterator[str]:
    if books.queued:
        yield f"queue: {books.queued} messages about transactions are not acknowledged"
    if books.parked:
        yield f"queue: {books.parked} messages are parked, the server refused them"


def _contactors(books: Books) -> Iterator[str]:
    for closing in books.closings:
        place = f"contactor of connector {closing.connector}"
        transaction = _transaction_of(closing, books)
        if closing.lease_left_s <= 0:
            yield f"{place}: closed without a live lease"
        if transaction is None:
            session = "nobody" if closing.session_ref == FOREIGN else f"session {closing.session_ref}"
            yield f"{place}: closed for {session}, which has no transaction in the journal"
        elif closing.at_mono_s is not None and closing.at_mono_s < transaction.started_mono_s:
            yield f"{place}: closed before the transaction of session {closing.session_ref} was on record"
        if not closing.vehicle_asks:
            yield f"{place}: closed though the vehicle did not ask"
        if closing.fault:
            yield f"{place}: closed with the fault {closing.fault}"


def _transaction_of(closing: Closing, books: Books) -> JournalTransaction | None:
    """The transaction a contactor closed for: by its session, or on a box that knows none by its connector and time."""
    here = [one for one in books.transactions if one.connector == closing.connector]
    if closing.session_ref != FOREIGN:
        return next((one for one in here if one.session_id == closing.session_ref), None)
    at_s = closing.at_mono_s or 0.0
    running = (one for one in here if one.started_mono_s <= at_s and at_s <= (one.stopped_mono_s or math.inf))
    return next(running, None)


def _idle(books: Books) -> Iterator[str]:
    """Empty books balance, too: but drivers came, and the simulated central system knows their cards."""
    if books.ledger is not None and books.visits >= ENOUGH_VISITS and not books.transactions:
        yield f"journal: of {books.visits} visits none came to a transaction"
    lasted = [one for one in books.transactions if (one.stopped_mono_s or 0.0) - one.started_mono_s >= ENOUGH_S]
    if books.closings and len(lasted) >= ENOUGH_VISITS and not any(one.energy_wh for one in books.transactions):
        yield f"energy: {len(lasted)} transactions of {ENOUGH_S:g} s and more, and nothing flowed in any"


def lines(books: Books) -> list[str]:
    """The summary, in words."""
    found = faults(books)
    journal_wh = sum(one.energy_wh for one in books.transactions)
    energy = [
        f"meters {_kwh(sum(books.meters_wh.values()))}",
        f"journal {_kwh(journal_wh)}",
        f"vehicles {_kwh(sum(books.vehicles_wh.values()))}",
    ]
    messages = [f"{books.sent} sent", f"{books.queued} queued", f"{books.parked} parked"]
    if books.ledger is not None:
        energy.insert(2, f"server {_kwh(sum(one.energy_wh for one in books.ledger.transactions))}")
        messages += [f"{_lost(books)} lost", f"{books.ledger.repeats} repeated"]
    is_bad = any(fault.startswith("contactor") for fault in found)
    clean = ", each with a transaction and a live lease" if books.closings and not is_bad else ""
    estimated = sum(one.is_estimated for one in books.transactions)
    return [
        f"visits      {books.visits}",
        f"sessions    {books.sessions}, {len(books.transactions)} with a transaction"
        + (f", {estimated} with an estimated end" if estimated else ""),
        f"energy      {' · '.join(energy)}",
        f"messages    {' · '.join(messages)}",
        f"contactors  {len(books.closings)} closings{clean}",
        *([f"modules     moved by {books.switchings} switchings between outputs"] if books.switchings else []),
        *(f"fault       {fault}" for fault in found),
        "books       balance" if not found else f"books       DO NOT BALANCE, {len(found)} faults",
    ]


def _lost(books: Books) -> int:
    """Starts and stops on record that the server was never told."""
    assert books.ledger is not None
    starts = Counter((one.connector, one.id_tag.lower(), one.meter_start_wh) for one in books.ledger.transactions)
    stops = Counter(_key(one) for one in books.ledger.transactions if one.meter_stop_wh is not None)
    reported = [one for one in books.transactions if one.is_reported]
    wanted_starts = Counter((one.connector, one.id_tag.lower(), one.meter_start_wh) for one in reported)
    wanted_stops = Counter(_key(one) for one in reported if one.meter_stop_wh is not None)
    return (wanted_starts - starts).total() + (wanted_stops - stops).total()


def _kwh(energy_wh: float) -> str:
    return f"{energy_wh / 1000:.3f} kWh"
