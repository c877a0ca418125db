"""The recorder while the world changes under its hands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from chargepoint.clock import Clock
from chargepoint.station.recorder import Recorder
from drivers.errors import NoAnswer


class Rows:
    """In place of the history: what was added."""

    def __init__(self) -> None:
        self.added: list[Any] = []

    def add_row(self, row: object) -> None:
        self.added.append(row)


async def test_a_transaction_that_ends_while_the_controller_is_asked_makes_no_row_and_no_harm() -> None:
    """Seen with kill -9 rounds: the car left during the question, and the whole service ended by an exception."""
    rows = Rows()
    outlet = SimpleNamespace(number=1, in_transaction=True, reading=object(), session=None)
    outlet.session = SimpleNamespace(session_id=7)
    outlet.is_of_earlier_boot = lambda session: False
    outlet.meter = SimpleNamespace(is_answering=False)

    async def asked() -> object:
        outlet.in_transaction, outlet.session = False, None
        raise NoAnswer("silent")

    outlet.controller = SimpleNamespace(read_diagnosis=asked)
    clock = Clock(boot_id="boot-1", offset_s=0.0, source="system")
    site = SimpleNamespace(clock=clock, books=SimpleNamespace(history=rows))
    recorder = Recorder(cast(Any, site), [cast(Any, outlet)], None, lambda event: None)
    await recorder.take_due()
    assert rows.added == []
