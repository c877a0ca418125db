"""Cards from reader to station: in order, none dropped, none told twice; readers that fail and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
from chargepoint.messages import CardOutcome, Noted, PresentCard, ReaderState, RestartReader
from drivers.errors import NoAnswer
from drivers.interfaces import Card
from tests.chargepoint.dummies import settings


class FakeReader:
    """A reader whose cards the test puts on. `opened` counts how often it was opened."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: asyncio.Queue[Card | Exception] = asyncio.Queue()
        self.opened = 0
        self.is_broken = False

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
    driver = SimpleNamespace(
        Settings=lambda name, port: SimpleNamespace(name=name, port=port), open_device=lambda settings, wire: reader
    )
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


async def test_a_number_that_is_too_long_is_refused_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(monkeypatch) as rig:
        rig.reader.tap("0" * 21, "", "04A1")
        await asyncio.sleep(1.0)
        assert rig.cards == ["04A1"]
