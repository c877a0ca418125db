"""What the simulated central system was told, and whether it adds up.

`Ledger.faults` holds the rules that every station must keep whatever broke in between: one logical start and one
logical stop for each transaction, repeats with an identical payload, StartTransaction before MeterValues before
StopTransaction, the id of its own start in each of them, and energy that never falls. No I/O.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

REGISTER = "Energy.Active.Import.Register"
FIRST_TRANSACTION_ID = 700_001
"""Far from any number a station uses itself, so that a station which mixes them up is found."""
STAMP_SLACK = timedelta(seconds=1)
"""Stations may round their time stamps to whole seconds."""
KEPT_MESSAGES = 100_000
KEPT_NOTES = 1_000

Payload = dict[str, Any]


class Message(msgspec.Struct, frozen=True):
    """One frame. `kind`: call, result, error or junk; `action` of an answer is that of its call.

    `to_station` tells the direction; `outcome` is what became of a call: answered, error, dropped, ...
    """

    number: int
    at: datetime
    station: str
    to_station: bool
    kind: str
    action: str
    unique_id: str
    payload: Any
    outcome: str = ""


class EnergySample(msgspec.Struct, frozen=True):
    """The import register at one instant, as MeterValues or transactionData told it."""

    at: datetime
    energy_wh: float


class Transaction(msgspec.Struct):
    """One logical transaction: one StartTransaction, however often it was repeated.

    `ids` are all transaction ids given to it, `told_id` the last one whose answer left in full; energies in Wh.
    """

    station: str
    connector: int
    id_tag: str
    started: datetime
    meter_start_wh: int
    ids: list[int]
    start: Payload
    told_id: int | None = None
    start_repeats: int = 0
    needless_repeats: int = 0
    """Repeats of a message whose answer had already left: allowed only around a crash or a cut."""
    stop: Payload | None = None
    stopped: datetime | None = None
    meter_stop_wh: int | None = None
    reason: str = ""
    stop_repeats: int = 0
    is_stop_answered: bool = False
    meter_values: int = 0
    samples: list[EnergySample] = []

    @property
    def energy_wh(self) -> int:
        """Energy told by its two ends; 0 while it runs."""
        return 0 if self.meter_stop_wh is None else self.meter_stop_wh - self.meter_start_wh

    @property
    def name(self) -> str:
        return f"{self.station} connector {self.connector} transaction {self.ids[-1]}"


class Ledger:
    """Everything received from all stations, and the transactions it comes to.

    `repeats_get_a_new_id`: the server does not recognise a repeated StartTransaction and opens a second transaction for
    it, as some do; the ledger still knows that it is the same.
    """

    def __init__(self, repeats_get_a_new_id: bool = False) -> None:
        self.repeats_get_a_new_id = repeats_get_a_new_id
        self.messages: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self.transactions: list[Transaction] = []
        self.received: Counter[str] = Counter()
        self._noted: deque[str] = deque(maxlen=KEPT_NOTES)
        self._by_id: dict[tuple[str, int], Transaction] = {}
        self._by_start: dict[tuple[str, int, str], Transaction] = {}
        self._running: dict[tuple[str, int], Transaction] = {}
        self._attempts: dict[tuple[Any, ...], Payload] = {}
        self._idle_samples: dict[tuple[str, int], list[EnergySample]] = {}
        self._next_id = FIRST_TRANSACTION_ID
        self._next_number = 1

    # ------------------------------------------------------------------------------------------------- what comes in

    def record(
        self,
        at: datetime,
        station: str,
        to_station: bool,
        kind: str,
        action: str,
        unique_id: str,
        payload: Any,
        outcome: str = "",
    ) -> Message:
        """Keep one frame of either direction."""
        message = Message(self._next_number, at, station, to_station, kind, action, unique_id, payload, outcome)
        self._next_number += 1
        self.messages.append(message)
        if not to_station and kind == "call":
            self.received[action] += 1
        return message

    def note(self, fault: str) -> None:
        """Add a fault that somebody else found, such as a payload against the schema."""
        self._noted.append(fault)

    def attempted(self, station: str, action: str, payload: Payload) -> None:
        """A start or stop that the server failed to process: it does not count, but its repeat must be identical."""
        key = _attempt_key(station, action, payload)
        if key is not None:
            self._must_equal_first_attempt(station, action, payload)
            self._attempts.setdefault(key, payload)

    def start(self, station: str, payload: Payload) -> Transaction:
        """A StartTransaction was handled. Its id to answer with is `ids[-1]` of what is returned."""
        self._must_equal_first_attempt(station, "StartTransaction", payload)
        connector, stamp = int(payload["connectorId"]), str(payload["timestamp"])
        known = self._by_start.get((station, connector, stamp))
        if known is not None:
            return self._start_again(known, payload)
        transaction = Transaction(
            station=station,
            connector=connector,
            id_tag=str(payload["idTag"]),
            started=parse_time(stamp),
            meter_start_wh=int(payload["meterStart"]),
            ids=[],
            start=payload,
        )
        self._give_id(transaction)
        running = self._running.get((station, connector))
        if running is not None:
            self.note(f"{transaction.name}: started while {running.name} has not been stopped")
        self.transactions.append(transaction)
        self._by_start[station, connector, stamp] = transaction
        self._running[station, connector] = transaction
        return transaction

    def _start_again(self, transaction: Transaction, payload: Payload) -> Transaction:
        transaction.start_repeats += 1
        transaction.needless_repeats += transaction.told_id is not None
        if payload != transaction.start:
            self.note(f"{transaction.name}: StartTransaction repeated with another payload: "
                      f"{_difference(transaction.start, payload)}")  # fmt: skip
        if transaction.stop is not None:
            self.note(f"{transaction.name}: StartTransaction repeated after its StopTransaction")
        if self.repeats_get_a_new_id:
            self._give_id(transaction)
        return transaction

    def _give_id(self, transaction: Transaction) -> None:
        transaction.ids.append(self._next_id)
        self._by_id[transaction.station, self._next_id] = transaction
        self._next_id += 1

    def told(self, transaction: Transaction, transaction_id: int) -> None:
        """The answer with this id left in full (whether it arrived only the station knows)."""
        transaction.told_id = transaction_id

    def meter_values(self, station: str, payload: Payload) -> None:
        """A MeterValues was handled."""
        connector = int(payload["connectorId"])
        samples = list(_energy_samples(payload.get("meterValue", [])))
        number = payload.get("transactionId")
        if number is None:
            self._idle_samples.setdefault((station, connector), []).extend(samples)
            return
        transaction = self._by_id.get((station, number))
        if transaction is None:
            self.note(f"{station} connector {connector}: MeterValues of transaction {number}, which was never started")
            return
        if connector != transaction.connector:
            self.note(f"{transaction.name}: MeterValues say connector {connector}")
        if transaction.stop is not None:
            self.note(f"{transaction.name}: MeterValues after its StopTransaction")
        transaction.meter_values += 1
        transaction.samples.extend(samples)

    def stop(self, station: str, payload: Payload) -> Transaction | None:
        """A StopTransaction was handled; None when there is no such transaction."""
        self._must_equal_first_attempt(station, "StopTransaction", payload)
        number = payload["transactionId"]
        transaction = self._by_id.get((station, number))
        if transaction is None:
            self.note(f"{station}: StopTransaction of transaction {number}, which was never started")
            return None
        if transaction.told_id is not None and number != transaction.told_id:
            self.note(f"{transaction.name}: StopTransaction carries id {number}, the last one told was "
                      f"{transaction.told_id}")  # fmt: skip
        if transaction.stop is not None:
            transaction.stop_repeats += 1
            transaction.needless_repeats += transaction.is_stop_answered
            if payload != transaction.stop:
                self.note(f"{transaction.name}: StopTransaction repeated with another payload: "
                          f"{_difference(transaction.stop, payload)}")  # fmt: skip
            return transaction
        transaction.stop = payload
        transaction.stopped = parse_time(str(payload["timestamp"]))
        transaction.meter_stop_wh = int(payload["meterStop"])
        transaction.reason = str(payload.get("reason", "Local"))
        transaction.samples.extend(_energy_samples(payload.get("transactionData", [])))
        if self._running.get((station, transaction.connector)) is transaction:
            del self._running[station, transaction.connector]
        return transaction

    def _must_equal_first_attempt(self, station: str, action: str, payload: Payload) -> None:
        key = _attempt_key(station, action, payload)
        first = None if key is None else self._attempts.get(key)
        if first is not None and first != payload:
            self.note(f"{station}: {action} repeated with another payload: {_difference(first, payload)}")

    # --------------------------------------------------------------------------------------------------- what it says

    def transaction(self, transaction_id: int, station: str | None = None) -> Transaction:
        """The transaction with this id. Raises KeyError."""
        for (name, number), transaction in self._by_id.items():
            if number == transaction_id and station in (None, name):
                return transaction
        raise KeyError(transaction_id)

    def running(self) -> list[Transaction]:
        """Transactions started and not stopped, in order."""
        return [transaction for transaction in self.transactions if transaction.stop is None]

    def calls(self, action: str = "", station: str = "") -> list[Message]:
        """The calls received, oldest first; of one action or one station if given."""
        return [
            message
            for message in self.messages
            if message.kind == "call"
            and not message.to_station
            and action in ("", message.action)
            and station in ("", message.station)
        ]

    def energy_wh(self) -> int:
        """Energy of all stopped transactions, once each."""
        return sum(transaction.energy_wh for transaction in self.transactions)

    def faults(self, may_run: bool = False) -> list[str]:
        """Every rule broken, in words; empty when all adds up.

        `may_run`: transactions may still be running, so a missing stop is no fault yet.
        """
        found = list(self._noted)
        for transaction in self.transactions:
            if transaction.stop is None and not may_run:
                found.append(f"{transaction.name}: has no StopTransaction")
            found.extend(f"{transaction.name}: {fault}" for fault in _faults_of(transaction))
        for (station, connector), samples in self._idle_samples.items():
            found.extend(f"{station} connector {connector}: {fault}" for fault in _falls(samples))
        return found

    def report(self) -> Payload:
        """All but the single messages, as plain JSON values."""
        transactions = []
        for transaction in self.transactions:
            row: Payload = msgspec.to_builtins(transaction)
            row["energy_wh"] = transaction.energy_wh
            row["samples"] = len(transaction.samples)
            transactions.append(row)
        return {
            "transactions": transactions,
            "received": dict(self.received),
            "energy_wh": self.energy_wh(),
            "repeats": sum(one.start_repeats + one.stop_repeats for one in self.transactions),
            "needless_repeats": sum(one.needless_repeats for one in self.transactions),
            "faults": self.faults(),
            "faults_so_far": self.faults(may_run=True),
        }


# -------------------------------------------------------------------------------------------------------------- rules


def _faults_of(transaction: Transaction) -> Iterator[str]:
    if transaction.meter_start_wh < 0:
        yield f"meterStart is negative ({transaction.meter_start_wh} Wh)"
    yield from _falls(transaction.samples)
    energies = [sample.energy_wh for sample in transaction.samples if math.isfinite(sample.energy_wh)]
    if energies and min(energies) < transaction.meter_start_wh - 1:
        yield f"a sample of {min(energies):g} Wh is below meterStart {transaction.meter_start_wh} Wh"
    if any(sample.at < transaction.started - STAMP_SLACK for sample in transaction.samples):
        yield "a sample is stamped before the start"
    if transaction.stopped is None or transaction.meter_stop_wh is None:
        return
    if transaction.meter_stop_wh < transaction.meter_start_wh:
        yield f"meterStop {transaction.meter_stop_wh} Wh is below meterStart {transaction.meter_start_wh} Wh"
    if energies and max(energies) > transaction.meter_stop_wh + 1:
        yield f"a sample of {max(energies):g} Wh is above meterStop {transaction.meter_stop_wh} Wh"
    if transaction.stopped < transaction.started:
        yield "StopTransaction is stamped before StartTransaction"
    if any(sample.at > transaction.stopped + STAMP_SLACK for sample in transaction.samples):
        yield "a sample is stamped after the stop"


def _falls(samples: list[EnergySample]) -> Iterator[str]:
    """Where the register falls. Samples may be repeated around a crash, so the order is that of their stamps."""
    for sample in samples:
        if not math.isfinite(sample.energy_wh):
            yield f"the energy register of {sample.at.isoformat()} is not a number"
            return
    ordered = sorted(samples, key=lambda sample: (sample.at, sample.energy_wh))
    for before, after in pairwise(ordered):
        if after.energy_wh < before.energy_wh:
            yield (
                f"the energy register falls from {before.energy_wh:g} Wh ({before.at.isoformat()}) "
                f"to {after.energy_wh:g} Wh ({after.at.isoformat()})"
            )
            return


_WH_PER_UNIT = {"Wh": 1.0, "kWh": 1000.0}


def _energy_samples(meter_values: list[Payload]) -> Iterator[EnergySample]:
    """The import register at the outlet, all phases together, of a `meterValue` list (OCPP 1.6, 7.33 and 7.43)."""
    for meter_value in meter_values:
        at = parse_time(str(meter_value["timestamp"]))
        for value in meter_value.get("sampledValue", []):
            if value.get("measurand", REGISTER) != REGISTER or value.get("phase"):
                continue
            if value.get("location", "Outlet") != "Outlet" or value.get("format", "Raw") != "Raw":
                continue
            yield EnergySample(at, _number(value.get("value")) * _WH_PER_UNIT.get(value.get("unit", "Wh"), 1.0))


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return math.nan


def parse_time(text: str) -> datetime:
    """An OCPP time stamp as aware UTC; one without a zone is taken as UTC. Raises ValueError."""
    stamp = datetime.fromisoformat(text)
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def _attempt_key(station: str, action: str, payload: Payload) -> tuple[Any, ...] | None:
    if action == "StartTransaction":
        return station, action, payload.get("connectorId"), payload.get("timestamp")
    if action == "StopTransaction":
        return station, action, payload.get("transactionId")
    return None


def _difference(first: Payload, second: Payload) -> str:
    keys = sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    return ", ".join(f"{key} was {first.get(key)!r}, now {second.get(key)!r}" for key in keys)
