"""Cards from reader to station: in order, none dropped, none told twice; readers that fail and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from chargepoint import rfid
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import ReaderSettings, Secrets
from chargepoint.context import Context
from chargepoint.exchange import Exchange, connect
from chargepoint.messages import (
    CardOutcome,
    CardTested,
    CheckReader,
    Noted,
    PresentCard,
    ReaderState,
    RestartReader,
    SignalReader,
    TestReader,
)
from chargepoint.vocabulary import CardReason
from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardSignal, Identity, ReaderHealth
from drivers.readers import simulated
from drivers.readers.numbers import RANDOM, SEVERAL
from tests.chargepoint.dummies import settings


class FakeReader:
    """A reader whose cards the test puts on. `opened` counts how often it was opened."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: asyncio.Queue[Card | Exception] = asyncio.Queue()
        self.opened = 0
        self.is_broken = False
        self.signals: list[CardSignal] = []
        self.hears_itself = True
        self._heard_s = 0.0

    async def signal(self, signal: CardSignal) -> None:
        self.signals.append(signal)

    def health(self) -> ReaderHealth:
        if self.hears_itself:
            self._heard_s = asyncio.get_running_loop().time()
        return ReaderHealth(Identity(model="Fake", firmware_version="1.2"), self._heard_s, polls=7, place="/dev/fake")

    async def cards(self) -> AsyncIterator[Card]:
        self.opened += 1
        if self.is_broken:
            raise NoAnswer(f"reader {self.name!r}: nothing there")
        while True:
            card = await self.waiting.get()
            if isinstance(card, Exception):
                raise card
            yield card

    def tap(self, *uids: str, connectors: tuple[int, ...] = ()) -> None:
        for uid in uids:
            self.waiting.put_nowait(Card(uid, connectors))


class Rig:
    """The service, one reader, and a station that notes what it is presented."""

    def __init__(self, exchange: Exchange, reader: FakeReader) -> None:
        self.exchange = exchange
        self.reader = reader
        self.cards: list[str] = []
        self.requests: list[PresentCard] = []
        self.notes: list[Noted] = []
        self.station: Bus | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    async def start_station(self, handler: Callable[[PresentCard, str], Awaitable[CardOutcome]] | None = None) -> None:
        self.station = connect(self.exchange, "station")
        self.station.serve(PresentCard, handler or self._present)
        self._tasks.append(asyncio.create_task(self.station.run()))
        await asyncio.sleep(0.01)

    async def _present(self, request: PresentCard, _sender: str) -> CardOutcome:
        self.cards.append(request.uid)
        self.requests.append(request)
        return CardOutcome(outcome="started")

    def state(self, view: Any) -> ReaderState:
        state = view.get("reader/front")
        assert isinstance(state, ReaderState)
        return state


@asynccontextmanager
async def a_rig(monkeypatch: pytest.MonkeyPatch, with_station: bool = True) -> AsyncIterator[Rig]:
    reader = FakeReader("front")
    driver = SimpleNamespace(Settings=simulated.Settings, open_device=lambda settings, wire: reader)
    monkeypatch.setattr(rfid, "load", lambda kind, name: driver)
    exchange = Exchange()
    bus = connect(exchange, "rfid")
    section = ReaderSettings(name="front", connectors=(1, 2))
    context = Context(
        name="rfid", bus=bus, settings=msgspec.structs.replace(settings(), reader=(section,)), secrets=Secrets(),
        clock=Clock("boot-1"), data=None,  # type: ignore[arg-type]
    )  # fmt: skip
    running = [asyncio.create_task(bus.run()), asyncio.create_task(rfid.run(context))]
    rig = Rig(exchange, reader)
    if with_station:
        await rig.start_station()
    yield rig
    context.stopping.set()
    await asyncio.wait_for(running[1], 5.0)
    exchange.close()
    await asyncio.gather(*running, *rig._tasks)


async def test_cards_reach_the_station_in_order_with_the_readers_connectors(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        rig.reader.tap("04A1", "04A2", "04A3")
        rig.reader.tap("04A4", connectors=(7,))
        await asyncio.sleep(1.0)
        assert rig.cards == ["04A1", "04A2", "04A3", "04A4"]
        assert [request.connectors for request in rig.requests] == [(1, 2), (1, 2), (1, 2), (7,)]
        assert rig.requests[0].reader == "front"


async def test_cards_held_on_while_the_station_restarts_are_presented_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:
        rig.reader.tap("04A1", "04A2")
        await asyncio.sleep(3.0)
        await rig.start_station()
        await asyncio.sleep(1.0)
        assert rig.cards == ["04A1", "04A2"]


async def test_after_five_seconds_a_card_is_given_up_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:
        rig.reader.tap("04A1B2C3D4")
        await asyncio.sleep(6.0)
        await rig.start_station()
        assert rig.station is not None
        notes = rig.station.subscribe(Noted)
        messages = [(await anext(notes)).message for _ in range(2)]
        assert messages == ["reader 'front' answers", "card ··C3D4 at reader 'front': not taken"]
        rig.reader.tap("04A2")
        await asyncio.sleep(1.0)
        assert rig.cards == ["04A2"]


async def test_a_card_that_may_have_been_taken_is_not_presented_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held on again it would stop the charge it has just started (R14)."""
    async with a_rig(monkeypatch, with_station=False) as rig:
        taken: list[str] = []

        async def take_and_die(request: PresentCard, _sender: str) -> CardOutcome:
            taken.append(request.uid)
            assert rig.station is not None
            rig.station.close()
            await asyncio.sleep(100.0)
            raise AssertionError

        await rig.start_station(take_and_die)
        rig.reader.tap("04A1")
        await asyncio.sleep(0.1)
        assert taken == ["04A1"]
        await rig.start_station()
        await asyncio.sleep(6.0)
        assert rig.cards == []


async def test_a_reader_that_falls_silent_is_opened_again_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        assert rig.station is not None
        view = rig.station.watch("reader/")
        await asyncio.sleep(2.0)
        assert rig.state(view).is_answering
        rig.reader.is_broken = True
        rig.reader.waiting.put_nowait(NoAnswer("reader 'front': unplugged"))
        await asyncio.sleep(0.1)
        assert not rig.state(view).is_answering
        assert rig.state(view).error == "reader 'front': unplugged"
        await asyncio.sleep(60.0)
        assert 6 <= rig.reader.opened <= 12
        rig.reader.is_broken = False
        await asyncio.sleep(12.0)
        assert rig.state(view).is_answering
        rig.reader.tap("04A1")
        await asyncio.sleep(0.1)
        assert rig.cards == ["04A1"]
        assert rig.state(view).cards == 1


async def test_a_reader_is_restarted_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        admin = connect(rig.exchange, "admin")
        running = asyncio.create_task(admin.run())
        await asyncio.sleep(2.0)
        assert (await admin.call("rfid", RestartReader(name="front", by="anna"))).ok
        assert rig.reader.opened == 2
        assert (await admin.call("rfid", RestartReader(name="back", by="anna"))).code == "unknown_reader"
        rig.reader.is_broken = True
        assert (await admin.call("rfid", RestartReader(name="front", by="anna"))).code == "no_answer"
        admin.close()
        await running


@asynccontextmanager
async def an_admin(rig: Rig) -> AsyncIterator[Bus]:
    admin = connect(rig.exchange, "admin")
    running = asyncio.create_task(admin.run())
    yield admin
    admin.close()
    await running


async def test_a_flood_of_numbers_is_bounded_and_an_honest_card_works_within_three_seconds_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R105: 50 readings a second of 1,000 numbers."""
    async with a_rig(monkeypatch, with_station=False) as rig:
        asked: list[tuple[float, str]] = []

        async def authorise(request: PresentCard, _sender: str) -> CardOutcome:
            await asyncio.sleep(0.8)  # the central system
            asked.append((asyncio.get_running_loop().time(), request.uid))
            return CardOutcome(outcome="started" if request.uid == "DEADBEEF" else "refused")

        await rig.start_station(authorise)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        for number in range(3000):
            rig.reader.tap(f"04A1{number % 1000:04X}")
            await asyncio.sleep(0.02)
        ended_s = loop.time()
        rig.reader.tap("DEADBEEF")
        await asyncio.sleep(3.0)
        assert asked[-1][1] == "DEADBEEF"
        assert asked[-1][0] - ended_s <= 3.0
        assert len(asked) <= 45
        assert sum(at_s - begun_s > 40.0 for at_s, _ in asked) <= 10
        assert rig.station is not None
        view = rig.station.watch("reader/")
        await asyncio.sleep(61.0)
        assert rig.state(view).held_back > 2000


async def test_guessing_slows_down_after_ten_failures_and_a_good_card_makes_up_for_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:
        at: list[float] = []

        async def refuse(request: PresentCard, _sender: str) -> CardOutcome:
            at.append(asyncio.get_running_loop().time())
            return CardOutcome(outcome="refused")

        await rig.start_station(refuse)
        for number in range(60):
            rig.reader.tap(f"04A1{number:04X}")
            await asyncio.sleep(1.0)
        pauses = [later - earlier for earlier, later in pairwise(at)]
        assert max(pauses[:9]) < 1.1
        assert min(pauses[-3:]) > 1.9


async def test_checks_that_are_cancelled_do_not_make_up_for_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:
        at: list[float] = []

        async def answer(request: PresentCard, _sender: str) -> CardOutcome:
            at.append(asyncio.get_running_loop().time())
            return CardOutcome(outcome="cancelled" if len(at) % 2 else "refused")

        await rig.start_station(answer)
        for number in range(90):
            rig.reader.tap(f"04A1{number:04X}")
            await asyncio.sleep(1.0)
        assert min(later - earlier for earlier, later in list(pairwise(at))[-3:]) > 1.9


async def test_a_card_whose_check_takes_long_does_not_keep_the_next_one_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:
        asked: list[str] = []

        async def slow(request: PresentCard, _sender: str) -> CardOutcome:
            asked.append(request.uid)
            await asyncio.sleep(30.0 if request.uid == "04A1" else 0.1)
            return CardOutcome(outcome="started")

        await rig.start_station(slow)
        rig.reader.tap("04A1", "04A2", "04A1")
        await asyncio.sleep(6.0)
        rig.reader.tap("04A1")
        await asyncio.sleep(1.0)
        assert asked == ["04A1", "04A2"]
        assert rig.reader.signals == [CardSignal.WAIT, CardSignal.WAIT, CardSignal.ACCEPTED]
        await asyncio.sleep(30.0)
        assert rig.reader.signals[-1] is CardSignal.ACCEPTED and len(rig.reader.signals) == 4
        rig.reader.tap("04A1")
        await asyncio.sleep(1.0)
        assert asked == ["04A1", "04A2", "04A1"]


@pytest.mark.parametrize(
    ("outcome", "signal"),
    [("started", "accepted"), ("stopped", "accepted"), ("choose", "accepted"), ("refused", "refused"),
     ("unavailable", "refused"), ("cancelled", "refused"), ("nothing_to_do", "refused"), ("own_session", "accepted")],
)  # fmt: skip
async def test_the_reader_shows_what_came_of_a_card(monkeypatch: pytest.MonkeyPatch, outcome: str, signal: str) -> None:
    async with a_rig(monkeypatch, with_station=False) as rig:

        async def answer(request: PresentCard, _sender: str) -> CardOutcome:
            return CardOutcome(outcome=outcome)

        await rig.start_station(answer)
        rig.reader.tap("04A1")
        await asyncio.sleep(1.0)
        assert rig.reader.signals == [CardSignal.WAIT, CardSignal(signal)]


async def test_a_card_that_names_nobody_is_told_to_the_station_as_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        for refusal in (RANDOM, SEVERAL):
            rig.reader.waiting.put_nowait(Card(uid="", refusal=refusal, number=bytes(4)))
        await asyncio.sleep(1.0)
        assert [(request.uid, request.refusal, request.text) for request in rig.requests] == [
            ("", CardReason.RANDOM, RANDOM),
            ("", CardReason.UNREADABLE, SEVERAL),
        ]


async def test_cards_of_a_reader_under_test_mean_nothing_and_are_shown_in_all_forms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_rig(monkeypatch) as rig, an_admin(rig) as admin:
        tested = admin.subscribe(CardTested)
        assert (await admin.call("rfid", TestReader(name="front", by="anna"))).ok
        card = Card("DEADBEEF", kind="MIFARE Classic 1K", number=bytes.fromhex("DEADBEEF"), read_ms=12.5)
        rig.reader.waiting.put_nowait(card)
        event = await anext(tested)
        assert (event.uid, event.kind, event.read_ms, event.count) == ("DEADBEEF", "MIFARE Classic 1K", 12.5, 1)
        assert dict(event.forms)["decimal, normal"] == "3735928559"
        assert dict(event.forms)["hex, reversed"] == "EFBEADDE"
        rig.reader.waiting.put_nowait(Card(uid="", refusal=RANDOM))
        assert (await anext(tested)).refusal == RANDOM
        assert rig.requests == []
        assert rig.station is not None
        view = rig.station.watch("reader/")
        await asyncio.sleep(1.5)
        assert rig.state(view).is_tested
        await asyncio.sleep(60.0)
        assert not rig.state(view).is_tested
        rig.reader.tap("DEADBEEF")
        await asyncio.sleep(1.0)
        assert rig.cards == ["DEADBEEF"]


async def test_a_test_is_ended_when_asked_and_unknown_readers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig, an_admin(rig) as admin:
        assert (await admin.call("rfid", TestReader(name="", by="anna"))).ok
        assert (await admin.call("rfid", TestReader(name="", on=False, by="anna"))).ok
        rig.reader.tap("DEADBEEF")
        await asyncio.sleep(1.0)
        assert rig.cards == ["DEADBEEF"]
        for request in (TestReader(name="back"), SignalReader(name="back"), RestartReader(name="back")):
            assert (await admin.call("rfid", request)).code == "unknown_reader"
        assert (await admin.call("rfid", CheckReader(name="back"))).code == "no_reader"


async def test_three_good_readings_pass_the_check_of_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig, an_admin(rig) as admin:
        await asyncio.sleep(2.0)
        checking = asyncio.create_task(admin.call("rfid", CheckReader(name="front", by="anna"), timeout_s=20.0))
        await asyncio.sleep(0.1)
        assert (await admin.call("rfid", CheckReader(name="front", by="olga"))).code == "busy"
        rig.reader.waiting.put_nowait(Card(uid="", refusal=SEVERAL))
        for _ in range(3):
            rig.reader.tap("DEADBEEF")
            await asyncio.sleep(0.5)
        result = await checking
        assert (result.ok, result.code, len(result.table)) == (True, "ok", 5)
        failed = await admin.call("rfid", CheckReader(name="front", by="anna"), timeout_s=20.0)
        assert (failed.ok, failed.code, failed.values["good"]) == (False, "failed", "0")
        assert rig.requests == []
        rig.reader.is_broken = True
        rig.reader.waiting.put_nowait(NoAnswer("unplugged"))
        await asyncio.sleep(1.0)
        assert (await admin.call("rfid", CheckReader(name="front", by="anna"))).code == "no_reader"


async def test_a_signal_is_sounded_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig, an_admin(rig) as admin:
        await asyncio.sleep(2.0)
        assert (await admin.call("rfid", SignalReader(name="front", signal="refused"))).ok
        assert rig.reader.signals == [CardSignal.REFUSED]
        assert (await admin.call("rfid", SignalReader(name="front", signal="song"))).code == "bad_signal"


async def test_the_state_of_a_reader_says_who_and_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        assert rig.station is not None
        view = rig.station.watch("reader/")
        await asyncio.sleep(2.0)
        state = rig.state(view)
        assert (state.place, state.identity.firmware_version, state.polls, state.can_signal) == (
            "/dev/fake",
            "1.2",
            7,
            True,
        )
        first = state.heard
        await asyncio.sleep(61.0)
        second = rig.state(view).heard
        assert first is not None and second is not None and second.mono_s - first.mono_s >= 55.0


async def test_a_reader_that_hangs_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        await asyncio.sleep(2.0)
        rig.reader.hears_itself = False
        await asyncio.sleep(30.0)
        assert rig.reader.opened >= 2
        rig.reader.hears_itself = True
        rig.reader.tap("04A1")
        await asyncio.sleep(2.0)
        assert rig.cards == ["04A1"]


async def test_a_number_that_is_too_long_is_refused_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        rig.reader.tap("0" * 21, "", "04A1")
        await asyncio.sleep(1.0)
        assert [(request.uid, request.refusal) for request in rig.requests] == [
            ("", CardReason.UNREADABLE),
            ("", CardReason.UNREADABLE),
            ("04A1", CardReason.NONE),
        ]
