"""A real pcscd with the virtual reader vpcd: cards, readers chosen by name, pcscd killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardSignal
from drivers.readers import pcsc
from drivers.readers.pcsc_signals import Model
from tests.drivers.readers.virtual_card import CLASSIC_1K, DESFIRE, Pcscd, VirtualCard, why_not

pytestmark = [pytest.mark.realtime, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]

NAME = "ACS ACR122U Virtual"
FIRST, SECOND = bytes.fromhex("04A23B5A712E80"), bytes.fromhex("DEADBEEF")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pcscd]:
    made = Pcscd(tmp_path_factory.mktemp("pcscd"), NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PCSCLITE_CSOCK_NAME", str(made.place))  # the library reads it once in a process
        made.start()
        yield made
        made.kill()


class Listened:
    """What a reader told, opened again whenever it is lost."""

    def __init__(self, settings: pcsc.Settings) -> None:
        self.reader = pcsc.PcscReader(settings)
        self.cards: list[Card] = []
        self.errors: list[str] = []

    async def run(self) -> None:
        while True:
            cards = self.reader.cards()
            try:
                async for card in cards:
                    self.cards.append(card)
            except NoAnswer as error:
                self.errors.append(str(error))
            finally:
                await cards.aclose()  # type: ignore[attr-defined]
            await asyncio.sleep(0.1)


@asynccontextmanager
async def listened(**options: object) -> AsyncIterator[Listened]:
    made = Listened(pcsc.Settings(**options))  # type: ignore[arg-type]
    task = asyncio.create_task(made.run())
    await until(lambda: made.reader.health().heard_s is not None)
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await until(lambda: made.reader._thread is None or not made.reader._thread.is_alive())


async def until(fact: Callable[[], bool], within_s: float = 15.0) -> None:
    end_s = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < end_s, "it did not come about"
        await asyncio.sleep(0.02)


async def taken(made: Listened, *cards: VirtualCard) -> None:
    """Take the cards away and wait until the reader has seen that."""
    for card in cards:
        card.take_away()
    await until(lambda: made.reader._watch is not None and not made.reader._watch._is_present)


async def inserted(service: Pcscd, uid: bytes, atr: bytes = CLASSIC_1K, slot: int = 0) -> VirtualCard:
    for _ in range(100):
        try:
            return service.insert(uid, atr, slot)
        except OSError:
            await asyncio.sleep(0.1)
    raise AssertionError("pcscd does not listen")


async def test_cards_come_once_with_number_and_kind(service: Pcscd) -> None:
    async with listened(reader="ACS ACR122U*00 00") as made:
        card = await inserted(service, FIRST)
        await until(lambda: len(made.cards) == 1)
        await asyncio.sleep(0.5)
        await taken(made, card)
        other = await inserted(service, SECOND, DESFIRE)
        await until(lambda: len(made.cards) == 2)
        await taken(made, other)
        assert [(each.uid, each.kind) for each in made.cards] == [
            ("04A23B5A712E80", "MIFARE Classic 1K"),
            ("DEADBEEF", "DESFire"),
        ]
        assert made.cards[0].read_ms is not None and made.errors == []


async def test_each_section_has_its_own_reader_by_its_name(service: Pcscd) -> None:
    async with listened(reader="*00 00") as front, listened(reader="*00 01", byte_order="reversed") as back:
        cards = [await inserted(service, FIRST), await inserted(service, SECOND, slot=1)]
        await until(lambda: bool(front.cards and back.cards))
        await taken(front, cards[0])
        await taken(back, cards[1])
        assert ([each.uid for each in front.cards], [each.uid for each in back.cards]) == (
            ["04A23B5A712E80"],
            ["EFBEADDE"],
        )


async def test_an_acr122u_is_told_to_beep_by_what_came_of_the_card(service: Pcscd) -> None:
    async with listened(reader="*00 00", model=Model.AUTO) as made:
        card = await inserted(service, FIRST)
        await until(lambda: len(made.cards) == 1)
        await made.reader.signal(CardSignal.REFUSED)
        await until(lambda: bytes.fromhex("FF0040500401010301") in card.asked)
        assert bytes.fromhex("FF00520000") in card.asked, "its own tone is off"
        await made.reader.signal(CardSignal.ACCEPTED)
        await until(lambda: bytes.fromhex("FF0040AE0402000101") in card.asked)
        await taken(made, card)


async def test_a_card_without_a_number_is_refused(service: Pcscd) -> None:
    async with listened(reader="*00 00") as made:
        card = await inserted(service, b"")
        await until(lambda: len(made.cards) == 1)
        await taken(made, card)
        assert made.cards[0].uid == "" and "cannot read" in made.cards[0].refusal


async def test_a_reader_that_is_not_there_is_named_with_those_that_are(service: Pcscd) -> None:
    cards = pcsc.PcscReader(pcsc.Settings(name="front", reader="Omnikey*")).cards()
    with pytest.raises(NoAnswer, match=r"no PC/SC reader fits 'Omnikey\*'; there: 'ACS ACR122U Virtual 00 00'"):
        await anext(cards)


async def test_pcscd_killed_and_started_again_is_survived(service: Pcscd) -> None:
    async with listened(reader="*00 00") as made:
        for _ in range(2):
            card = await inserted(service, FIRST)
            before = len(made.cards)
            await until(lambda before=before: len(made.cards) == before + 1)  # type: ignore[misc]
            known = len(made.errors)
            service.kill()
            await until(lambda known=known: len(made.errors) > known)  # type: ignore[misc]
            card.take_away()
            service.start()
        again = await inserted(service, SECOND)
        await until(lambda: made.cards[-1].uid == "DEADBEEF")
        again.take_away()
        assert [each.uid for each in made.cards] == ["04A23B5A712E80", "04A23B5A712E80", "DEADBEEF"]
        assert made.reader.health().identity.model == f"{NAME} 00 00"
