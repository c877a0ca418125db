"""Makers' card readers before the whole station: floods, stuck cards, odd numbers (fault cases R105, R106, R108)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.messages import CardHandled, CardTested, ReaderState, TestReader
from chargepoint.vocabulary import CardReason
from drivers.simulated.ends import LineEnd
from drivers.simulated.reader_field import CardField
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import CARD, plug, show_card, until_energy_flows

NO_CARD_YET = 'name = "1"\nport = "reader"'
PN532 = ONE_AC.replace(NO_CARD_YET, NO_CARD_YET + '\ndriver = "pn532"')
BRIDGE = ONE_AC.replace(NO_CARD_YET, NO_CARD_YET + '\ndriver = "wiegand"\noptions = { sends = "hex" }')


def field(rig: Rig) -> CardField:
    found = rig.simulated._readers["1"]
    assert isinstance(found, CardField)
    return found


def line(rig: Rig) -> LineEnd:
    end = rig.simulated._port("reader").end
    assert isinstance(end, LineEnd)
    return end


async def lay(rig: Rig, *uids: str) -> CardHandled:
    """Lay these cards down and take them away again; what the station says to that."""
    heard = rig.bus.subscribe(CardHandled)
    try:
        field(rig).put(*uids)
        async with asyncio.timeout(10):
            return await anext(aiter(heard))
    finally:
        field(rig).put()
        heard.close()
        await rig.advance(2)


async def test_a_charge_with_a_card_at_a_pn532(tmp_path: Path) -> None:
    async with Rig(tmp_path, PN532) as rig:
        await rig.online()
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await rig.advance(5)
        assert (await show_card(rig)).outcome == "stopped"
        state = rig.bus.watch("reader/")
        found = await state.first("reader/1")
        assert isinstance(found, ReaderState) and found.identity.model == "PN532" and found.is_answering
        await rig.drained()
        await rig.check()


async def test_a_card_left_on_the_reader_is_one_card(tmp_path: Path) -> None:
    async with Rig(tmp_path, PN532) as rig:
        await rig.online()
        await plug(rig)
        field(rig).put(CARD)
        await until_energy_flows(rig)
        await rig.advance(60)
        assert rig.status() == "CHARGING"
        assert len(rig.system.ledger.transactions) == 1
        assert rig.system.ledger.received["Authorize"] == 1


@pytest.mark.parametrize(
    ("uids", "outcome", "reason"),
    [
        (("DEADBEEF",), "started", CardReason.NONE),
        (("04A23B5A712E80",), "started", CardReason.NONE),
        (("1102030405060708090A",), "started", CardReason.NONE),
        (("1102030405060708090A0B",), "refused", CardReason.UNREADABLE),
        (("8804A23B",), "refused", CardReason.UNREADABLE),
        (("DEADBEEF", "04A23B5A712E80"), "refused", CardReason.UNREADABLE),
        (("08A1B2C3",), "refused", CardReason.RANDOM),
    ],
)
async def test_numbers_of_every_length_are_taken_whole_or_refused_without_asking(
    tmp_path: Path, uids: tuple[str, ...], outcome: str, reason: CardReason
) -> None:
    async with Rig(tmp_path, PN532) as rig:
        await rig.online()
        await plug(rig)
        handled = await lay(rig, *uids)
        assert (handled.outcome, handled.reason) == (outcome, reason)
        tags = [call.payload["idTag"] for call in rig.system.ledger.calls("Authorize")]
        assert tags == (list(uids) if outcome == "started" else [])


async def test_a_flood_of_numbers_asks_the_central_system_rarely_and_an_honest_card_works_soon_after(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, BRIDGE) as rig:
        await rig.online()
        await plug(rig)
        unknown = rig.system.on("Authorize", answer={"idTagInfo": {"status": "Invalid"}})
        for number in range(1500):
            line(rig).line.send(b"04A1%04X\r\n" % (number % 1000))
            await asyncio.sleep(0.02)
        asked = rig.system.ledger.received["Authorize"]
        assert 10 <= asked <= 40
        rig.system.rules.remove(unknown)
        async with asyncio.timeout(3.0):
            heard = rig.bus.subscribe(CardHandled)
            line(rig).line.send(CARD.encode() + b"\r\n")
            async for handled in heard:
                if handled.uid == CARD:
                    break
            heard.close()
        assert handled.outcome == "started"
        await until_energy_flows(rig)


async def test_a_hostile_line_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Rig(tmp_path, BRIDGE) as rig:
        await rig.online()
        await plug(rig)
        before = len(caplog.records)
        for hostile in (
            b"'); DROP TABLE session;--\r\n",
            b"\x00" * 50 + b"\r",
            b"\x1b]0;x\x07\n",
            b"A" * 4096,
            b"\xff\xfe\n",
        ):
            line(rig).line.send(hostile)
            await rig.advance(1)
        said = [record for record in caplog.records[before:] if "are no card" in record.getMessage()]
        assert len(said) == 1 and all(text.isprintable() for text in (record.getMessage() for record in said))
        assert rig.system.ledger.received["Authorize"] == 0
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)


async def test_a_card_at_a_reader_under_test_starts_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, PN532) as rig:
        await rig.online()
        await plug(rig)
        tested = rig.bus.subscribe(CardTested)
        assert (await rig.bus.call("rfid", TestReader(name="1", by="anna"))).ok
        rig.simulated.tap("1", CARD)
        assert (await anext(aiter(tested))).uid == CARD
        await rig.advance(10)
        assert (rig.status(), rig.system.ledger.received["Authorize"]) == ("READY", 0)
