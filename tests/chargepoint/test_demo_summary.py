"""The books of a demo balance only when everything agrees; each disagreement is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chargepoint.demo.central import ServerLedger, ServerTransaction
from chargepoint.demo.summary import Books, Closing, JournalTransaction, faults, lines, transactions_of
from chargepoint.records import (
    Credential,
    JournalRow,
    Moment,
    SessionCreated,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    CredentialType,
    SessionFlag,
    StartSource,
    StopSource,
)
from drivers.simulated.foreign_controller import FOREIGN

CARD = "0401C0FFEE"
BOOKED = JournalTransaction(
    session_id=7, connector=1, id_tag=CARD, is_reported=True, meter_start_wh=1000, started_mono_s=50.0,
    meter_stop_wh=3000, stopped_mono_s=150.0,
)  # fmt: skip
TOLD = ServerTransaction(
    station="demo-1", connector=1, id_tag=CARD.lower(), ids=(700001,), meter_start_wh=1000, meter_stop_wh=3000,
    energy_wh=2000, start_repeats=0, stop_repeats=0, meter_values=3, reason="Local",
)  # fmt: skip
CLOSING = Closing(connector=1, session_ref=7, lease_left_s=4.9, vehicle_asks=True, at_mono_s=52.0)

BOX = Closing(connector=1, session_ref=FOREIGN, lease_left_s=4.9, vehicle_asks=True, at_mono_s=52.0)


def ledger(*transactions: ServerTransaction, found: tuple[str, ...] = ()) -> ServerLedger:
    return ServerLedger(transactions, {"StartTransaction": len(transactions)}, 0, found, ())


def books(**changes: Any) -> Books:
    usual: dict[str, Any] = {
        "transactions": (BOOKED,), "sessions": 2, "visits": 2, "meters_wh": {1: 2003.0, 2: 0.0},
        "vehicles_wh": {1: 2001.0}, "closings": (CLOSING,), "ledger": ledger(TOLD), "queued": 0, "parked": 0,
        "sent": 12,
    }  # fmt: skip
    return Books(**(usual | changes))


def changed(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


def test_books_that_agree_balance() -> None:
    assert faults(books()) == []
    assert lines(books())[-1] == "books       balance"


def test_nothing_at_all_balances() -> None:
    empty = books(transactions=(), meters_wh={}, vehicles_wh={}, closings=(), ledger=ledger(), sessions=0, visits=0)
    assert faults(empty) == []


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no end on record": ("has no end", {"transactions": (changed(BOOKED, meter_stop_wh=None),)}),
    "negative energy": ("negative energy", {"transactions": (changed(BOOKED, meter_stop_wh=900),)}),
    "meter counted more": ("connector 1: meter 2500 Wh, journal 2000 Wh", {"meters_wh": {1: 2500.0}}),
    "energy without transaction": ("connector 2: meter 50 Wh, journal 0 Wh", {"meters_wh": {1: 2000.0, 2: 50.0}}),
    "vehicles got less": ("connector 1: vehicles 1900 Wh", {"vehicles_wh": {1: 1900.0}}),
    "start never told": ("was not told of a transaction at connector 1", {"ledger": ledger()}),
    "stop never told": ("was not told", {"ledger": ledger(changed(TOLD, meter_stop_wh=None))}),
    "told another energy": ("was told of a transaction", {"ledger": ledger(changed(TOLD, meter_stop_wh=2999))}),
    "told twice": ("was told of a transaction", {"ledger": ledger(TOLD, TOLD)}),
    "told of what is not reported": ("was told", {"transactions": (changed(BOOKED, is_reported=False),)}),
    "a fault of the ledger": ("server: falls", {"ledger": ledger(TOLD, found=("falls",))}),
    "not acknowledged": ("2 messages about transactions are not acknowledged", {"queued": 2}),
    "parked": ("1 messages are parked", {"parked": 1}),
    "closed without lease": ("without a live lease", {"closings": (changed(CLOSING, lease_left_s=0.0),)}),
    "closed without transaction": ("has no transaction", {"closings": (changed(CLOSING, session_ref=8),)}),
    "closed for another connector's": ("has no transaction", {"closings": (changed(CLOSING, connector=2),)}),
    "a box closed before anybody started": ("closed for nobody", {"closings": (changed(BOX, at_mono_s=49.0),)}),
    "a box closed after the end": ("closed for nobody", {"closings": (changed(BOX, at_mono_s=151.0),)}),
    "a box of another connector closed": ("closed for nobody", {"closings": (changed(BOX, connector=2),)}),
    "closed too early": ("before the transaction", {"closings": (changed(CLOSING, at_mono_s=49.9),)}),
    "closed unasked": ("did not ask", {"closings": (changed(CLOSING, vehicle_asks=False),)}),
    "closed with a fault": ("closed with the fault E6", {"closings": (changed(CLOSING, fault="E6"),)}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_disagrees_is_named(name: str) -> None:
    text, changes = WRONG[name]
    found = faults(books(**changes))
    assert any(text in fault for fault in found), found
    assert lines(books(**changes))[-1].startswith("books       DO NOT BALANCE")


def test_drivers_who_come_and_never_charge_are_a_fault_and_not_empty_books() -> None:
    nothing: dict[str, Any] = {"transactions": (), "meters_wh": {}, "vehicles_wh": {}, "closings": ()}
    assert faults(books(**nothing, ledger=ledger(), visits=4)) == ["journal: of 4 visits none came to a transaction"]
    assert faults(books(**nothing, ledger=ledger(), visits=1)) == []
    assert faults(books(**nothing, ledger=None, visits=4)) == []


def test_transactions_in_which_nothing_ever_flows_are_a_fault() -> None:
    dry = changed(BOOKED, meter_stop_wh=BOOKED.meter_start_wh, started_mono_s=0.0, stopped_mono_s=20.0)
    told = changed(TOLD, meter_stop_wh=TOLD.meter_start_wh)
    nothing: dict[str, Any] = {"meters_wh": {}, "vehicles_wh": {}}
    both = books(**nothing, transactions=(dry, dry), ledger=ledger(told, told))
    assert faults(both) == ["energy: 2 transactions of 15 s and more, and nothing flowed in any"]
    assert faults(books(**nothing, transactions=(dry,), ledger=ledger(told))) == []


def test_a_box_that_knows_no_sessions_may_close_while_its_connector_has_a_transaction() -> None:
    assert faults(books(closings=(BOX,))) == []


def test_a_foreign_server_is_not_compared() -> None:
    assert faults(books(ledger=None)) == []
    assert not any("server" in line for line in lines(books(ledger=None)))
    assert faults(books(ledger=None, sent=0)) == ["server: was never reached, nothing was told"]


def test_an_earlier_run_may_still_tell_its_own_transactions() -> None:
    old = changed(TOLD, meter_start_wh=500, meter_stop_wh=900)
    inherited = ledger(TOLD, old, found=("cp: StopTransaction of transaction 3, which was never started",))
    assert faults(books(ledger=inherited, inherited=True)) == []
    assert len(faults(books(ledger=inherited))) == 2


def test_an_estimated_end_is_not_held_against_the_meter_but_must_be_told_as_it_stands() -> None:
    estimated = changed(BOOKED, is_estimated=True)
    assert faults(books(transactions=(estimated,), meters_wh={1: 2500.0}, vehicles_wh={1: 2500.0})) == []
    assert faults(books(transactions=(estimated,), ledger=ledger()))


def test_energy_that_is_not_reported_counts_for_the_meter() -> None:
    mine = changed(BOOKED, is_reported=False)
    assert faults(books(transactions=(mine,), ledger=ledger())) == []


def test_the_summary_counts_what_was_lost() -> None:
    (line,) = [line for line in lines(books(ledger=ledger())) if line.startswith("messages")]
    assert "2 lost" in line


def test_transactions_are_read_from_the_journal() -> None:
    created = SessionCreated(session_id=None, connector=1, connector_type=ConnectorType.CCS2)
    rows = [
        JournalRow(6, Moment("b", 40.0), created),
        JournalRow(
            7,
            Moment("b", 50.0),
            TransactionStarted(
                session_id=6,
                connector=1,
                start_source=StartSource.LOCAL,
                starter=Credential(CARD, CredentialType.RFID),
                is_reported=True,
                basis=AuthorizationBasis.SERVER,
                flags=SessionFlag(0),
                meter_start_wh=1000,
            ),
        ),
        JournalRow(
            9,
            Moment("b", 150.0),
            TransactionStopped(
                session_id=6,
                connector=1,
                stop_source=StopSource.LOCAL,
                stopper=None,
                is_reported=True,
                meter_stop_wh=3000,
                is_estimated=True,
            ),
        ),
    ]
    (one,) = transactions_of(rows)
    assert (one.session_id, one.connector, one.id_tag, one.energy_wh) == (6, 1, CARD, 2000)
    assert (one.started_mono_s, one.stopped_mono_s, one.stop_source, one.is_estimated) == (50.0, 150.0, "LOCAL", True)
