"""What all readers share that are asked for cards again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from drivers.errors import BadFrame, DeviceError, NoAnswer
from drivers.interfaces import Card, Identity
from drivers.readers.numbers import SEVERAL
from drivers.readers.polled import MISSES, MOST_WAITING, PolledReader
from drivers.simulated.wire import Line

ONE, OTHER = Card(uid="04A1", number=b"\x04\xa1"), Card(uid="04A2", number=b"\x04\xa2")
Look = tuple[Card, ...] | DeviceError


class Scripted(PolledReader[bytes]):
    """Sees what its script says, look by look; then it is gone."""

    def __init__(self, *looks: Look) -> None:
        super().__init__("front", Line().wire(), identity=Identity(vendor="X"), poll_s=0.2, gone_after_s=0.3)
        self._looks = list(looks)
        self.set_ups = self.recoveries = 0

    def _cut(self, data: bytes) -> Iterable[bytes]:
        return (data[at : at + 1] for at in range(len(data)))

    def _forget(self) -> None:
        pass

    async def _set_up(self) -> None:
        self.set_ups += 1

    async def _recover(self) -> None:
        self.recoveries += 1
        raise NoAnswer("still asleep")

    async def _look(self) -> tuple[Card, ...]:
        await asyncio.sleep(0.05)
        look = self._looks.pop(0) if self._looks else NoAnswer("gone")
        if isinstance(look, DeviceError):
            raise look
        return look

    async def all(self) -> list[Card]:
        """Until it is gone."""
        found = []
        with pytest.raises(NoAnswer, match="front"):
            async for card in self.cards():
                found.append(card)
        return found


async def test_a_card_that_lies_there_is_told_once_with_the_time_its_reading_took() -> None:
    cards = await Scripted((ONE,), (ONE,), (ONE,)).all()
    assert [(card.uid, card.read_ms) for card in cards] == [("04A1", 50.0)]


async def test_a_card_taken_away_and_put_back_is_told_anew() -> None:
    cards = await Scripted((ONE,), (), (), (), (ONE,), ()).all()
    assert [card.uid for card in cards] == ["04A1", "04A1"]


async def test_two_cards_at_once_are_refused_together() -> None:
    cards = await Scripted((ONE, OTHER), (ONE, OTHER)).all()
    assert [(card.uid, card.refusal) for card in cards] == [("", SEVERAL)]


async def test_only_misses_in_a_row_make_a_reader_count_as_gone() -> None:
    miss = BadFrame("noise")
    reader = Scripted(miss, miss, (ONE,), miss, miss, (OTHER,))
    assert [card.uid for card in await reader.all()] == ["04A1", "04A2"]
    assert reader.set_ups == 1
    assert reader.recoveries == 2 + 2 + MISSES - 1  # a recovery that fails is no miss of its own
    health = reader.health()
    assert (health.polls, health.errors, health.identity) == (6 + MISSES, 4 + MISSES, Identity(vendor="X"))
    assert health.heard_s is not None


async def test_the_wire_is_closed_when_nobody_wants_cards_any_more() -> None:
    reader = Scripted((ONE,), (), ())
    cards = reader.cards()
    assert (await anext(cards)).uid == "04A1"
    wire = reader._wire
    assert wire.is_open
    await cards.aclose()  # type: ignore[attr-defined]
    assert not wire.is_open


async def test_of_noise_only_so_much_is_kept() -> None:
    reader = Scripted()
    reader._received(bytes(10 * MOST_WAITING))
    assert reader._items.qsize() == MOST_WAITING
