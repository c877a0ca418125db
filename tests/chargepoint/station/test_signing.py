"""A meter's signed sessions beside the transactions: awaited for a moment, found again, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chargepoint.clock import Clock
from chargepoint.records import Moment, Session
from chargepoint.station.signing import BEGIN_WITHIN_S, END_WITHIN_S, Signing, Step
from chargepoint.vocabulary import ConnectorType, PowerType
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import SessionReference


class Meter:
    """Signs, when `trouble` lets it; each call takes `takes_s`."""

    def __init__(self) -> None:
        self.takes_s = 0.1
        self.trouble: list[Exception] = []
        self.calls: list[tuple[str, SessionReference]] = []

    async def begin_session(self, reference: SessionReference) -> None:
        await self._called("begin", reference)

    async def end_session(self, reference: SessionReference) -> bytes:
        await self._called("end", reference)
        return b"OCMF|" + reference.transaction.encode()

    async def _called(self, what: str, reference: SessionReference) -> None:
        self.calls.append((what, reference))
        await asyncio.sleep(self.takes_s)
        if self.trouble:
            raise self.trouble.pop(0)


class Books:
    """Facts and notes."""

    def __init__(self) -> None:
        self.facts: dict[str, bytes] = {}
        self.errors: list[str] = []
        self.journal = SimpleNamespace(fact=self._fact)

    async def _fact(self, key: str) -> bytes | None:
        return self.facts.get(key)

    async def write(self, facts: dict[str, bytes | None]) -> None:
        for key, value in facts.items():
            if value is None:
                self.facts.pop(key, None)
            else:
                self.facts[key] = value

    def note(self, *args: Any, error: str = "", **more: Any) -> None:
        self.errors.append(error)


def session(number: int = 7) -> Session:
    created = Moment("5b1f0c2e-1111-4222-8333-444455556666", 1.0)
    return Session(
        session_id=number, connector=2, connector_type=ConnectorType.CCS2, power_type=PowerType.DC, created=created
    )


@contextlib.asynccontextmanager
async def at_work(meter: Meter, books: Books) -> AsyncIterator[Signing]:
    signing = Signing("m2", 2, meter, "post-7", books, Clock("boot"))  # type: ignore[arg-type]
    run = asyncio.create_task(signing.run())
    try:
        yield signing
    finally:
        run.cancel()
        await asyncio.wait([run])


async def until(holds: Callable[[], object], within_s: float = 60.0) -> float:
    """How long it took."""
    begun_s = asyncio.get_running_loop().time()
    while not holds():
        assert asyncio.get_running_loop().time() - begun_s < within_s
        await asyncio.sleep(0.05)
    return asyncio.get_running_loop().time() - begun_s


async def test_a_session_begins_before_power_and_ends_before_the_books() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        signing.begin(session())
        assert 0.0 < await until(lambda: not signing.is_beginning) < 0.3
        assert books.facts == {"signing/2": b"7"}
        assert not signing.has_ended(session())
        await until(lambda: signing.has_ended(session()))
        assert signing.record == b"OCMF|5b1f0c2e-7"
        await signing.finished()
        assert books.facts == {} and books.errors == []
    (_, reference), _ = meter.calls
    assert (reference.transaction, reference.evse, reference.client, reference.at) == (
        "5b1f0c2e-7", "post-7-2", "", None
    )  # fmt: skip


@pytest.mark.parametrize("trouble", [NoAnswer("silent"), BadFrame("noise")])
async def test_what_may_pass_is_tried_again(trouble: Exception) -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        meter.trouble = [trouble, trouble]
        signing.begin(session())
        await until(lambda: signing.step is Step.RUNS)
        meter.trouble = [trouble]
        await until(lambda: signing.has_ended(session()))
        assert signing.record is not None and books.errors == []
        assert [what for what, _ in meter.calls] == ["begin"] * 3 + ["end"] * 2


async def test_power_waits_for_a_silent_meter_no_longer_than_a_moment_and_its_record_is_asked_for() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        meter.trouble = [NoAnswer("silent")] * 100
        signing.begin(session())
        assert await until(lambda: not signing.is_beginning) <= BEGIN_WITHIN_S + 0.1
        await asyncio.sleep(5)
        meter.trouble = []
        await until(lambda: signing.has_ended(session()))
        assert signing.record == b"OCMF|5b1f0c2e-7"  # it had begun, though its answer was lost
        assert len(books.errors) == 1 and "whether its signed session has begun" in books.errors[0]


async def test_a_refusal_is_noted_once_and_holds_nothing_up() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        meter.trouble = [Refused("no clock")] * 3
        signing.begin(session())
        assert await until(lambda: not signing.is_beginning) < 2.0
        assert signing.step is Step.FAILED
        assert signing.has_ended(session()) and signing.record is None
        assert len(meter.calls) == 3 and len(books.errors) == 1 and "no clock" in books.errors[0]
        signing.begin(session(8))  # the next transaction is tried anew
        await until(lambda: signing.step is Step.RUNS)


async def test_a_meter_that_is_busy_for_a_moment_costs_no_record() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        meter.trouble = [Refused("busy")] * 2
        signing.begin(session())
        await until(lambda: signing.step is Step.RUNS)
        meter.trouble = [Refused("busy")] * 2
        await until(lambda: signing.has_ended(session()))
        assert signing.record == b"OCMF|5b1f0c2e-7" and books.errors == []


async def test_a_refusal_of_the_last_session_that_comes_late_does_not_end_the_next() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        signing.begin(session(7))
        await until(lambda: signing.step is Step.RUNS)
        meter.takes_s, meter.trouble = END_WITHIN_S + 1, [Refused("no such session")] * 5
        await until(lambda: signing.has_ended(session(7)))
        await signing.finished()
        signing.begin(session(8))
        await asyncio.sleep(2)
        meter.takes_s, meter.trouble = 0.1, []
        await until(lambda: signing.step is Step.RUNS)
        await until(lambda: signing.has_ended(session(8)))
        assert signing.record == b"OCMF|5b1f0c2e-8"


async def test_the_end_of_a_transaction_waits_for_the_record_no_longer_than_it_may() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        signing.begin(session())
        await until(lambda: signing.step is Step.RUNS)
        meter.takes_s, meter.trouble = 3.0, [NoAnswer("silent")] * 100
        assert await until(lambda: signing.has_ended(session())) <= END_WITHIN_S + 0.1
        await signing.finished()
        meter.trouble = []
        await asyncio.sleep(10)
        assert signing.record is None  # what comes too late belongs to nothing
        assert books.facts == {}


async def test_a_record_that_comes_too_late_never_goes_to_the_next_transaction() -> None:
    meter, books = Meter(), Books()
    async with at_work(meter, books) as signing:
        signing.begin(session(7))
        await until(lambda: signing.step is Step.RUNS)
        meter.takes_s = END_WITHIN_S + 5
        await until(lambda: signing.has_ended(session(7)))
        await signing.finished()
        meter.takes_s = 0.1
        signing.begin(session(8))
        await asyncio.sleep(20)
        assert signing.step is Step.RUNS and signing.record is None
        await until(lambda: signing.has_ended(session(8)))
        assert signing.record == b"OCMF|5b1f0c2e-8"


async def test_after_a_restart_a_session_that_was_begun_is_not_begun_again() -> None:
    meter, books = Meter(), Books()
    books.facts["signing/2"] = b"7"
    async with at_work(meter, books) as signing:
        await signing.resume(session(7))
        await asyncio.sleep(1)
        assert meter.calls == [] and not signing.is_beginning
        await until(lambda: signing.has_ended(session(7)))
        assert signing.record == b"OCMF|5b1f0c2e-7"
    async with at_work(meter, books) as signing:
        meter.calls.clear()
        await signing.resume(session(9))  # of this one nothing is on record
        await until(lambda: signing.step is Step.RUNS)
        assert [what for what, _ in meter.calls] == ["begin"]
