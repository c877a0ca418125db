"""Readers on a wire with their other sides: cards come once, damage and silence are survived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.codecs import pn532 as codec
from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardSignal, SignalsCards, TellsHealth
from drivers.loading import load
from drivers.ports.serial import SerialWire
from drivers.readers.numbers import PARTIAL, RANDOM, SEVERAL, TOO_LONG
from drivers.simulated import faces
from drivers.simulated.devices import DevicePart
from drivers.simulated.plan import of_settings
from drivers.simulated.reader_field import CardField
from drivers.simulated.readers.pn532 import Chip
from drivers.simulated.station import SimulatedStation
from drivers.simulated.wire import Line
from tests.drivers.wires import attach
from tests.variants import rest_long

ALL: dict[str, tuple[str, dict[str, Any]]] = {
    "pn532": ("pn532", {}),
    "rdm6300": ("rdm6300", {}),
    "twn4": ("twn4", {}),
    "twn4 standard": ("twn4", {"protocol": "standard"}),
    "wiegand hex": ("wiegand", {"sends": "hex"}),
    "wiegand decimal10": ("wiegand", {"sends": "decimal10"}),
    "wiegand decimal": ("wiegand", {"sends": "decimal"}),
    "wiegand 34": ("wiegand", {"sends": "binary34"}),
    "wiegand 34 high": ("wiegand", {"sends": "binary34", "bits_at": "high"}),
}
POLLED = ("pn532", "twn4")


class Bench:
    """A reader, its other side, and the cards that came."""

    def __init__(self, driver: str, options: dict[str, Any]) -> None:
        module = load("readers", driver)
        self.line = Line()
        self.field = CardField("front")
        face = faces.find("reader", driver)
        assert face is not None
        self.device: Any = face(self.field, DevicePart(kind="reader", name="front", driver=driver, options=options))
        attach(self.line, 0, self.device)
        settings = msgspec.convert({"name": "front", "port": "p", **options}, module.Settings)
        self.reader = module.open_device(settings, self.line.wire())
        self.cards: list[Card] = []
        self.errors: list[str] = []
        self.opened = 0

    async def run(self) -> None:
        while True:
            self.opened += 1
            cards = self.reader.cards()
            try:
                async for card in cards:
                    self.cards.append(card)
            except NoAnswer as error:
                self.errors.append(str(error))
            finally:
                await cards.aclose()
            await asyncio.sleep(1.0)

    @property
    def uids(self) -> list[str]:
        return [card.uid for card in self.cards]


@asynccontextmanager
async def bench(name: str, **more: Any) -> AsyncIterator[Bench]:
    driver, options = ALL[name]
    made = Bench(driver, {**options, **more})
    task = asyncio.create_task(made.run())
    await asyncio.sleep(1.0)
    yield made
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    made.line.close()


@pytest.mark.parametrize("name", ALL)
async def test_tapped_cards_come_once_each_and_in_order(name: str) -> None:
    first, second = ("1000647EB3", "010063E9AE") if name == "rdm6300" else ("A1B2C3D4", "DEADBEEF")
    async with bench(name) as made:
        for uid in (first, second, second, first):
            made.field.tap(uid)
        await asyncio.sleep(15.0)
        assert made.uids == [first, second, second, first]
        assert made.cards[0].number == bytes.fromhex(first)
        assert isinstance(made.reader, TellsHealth) and made.reader.health().heard_s is not None


@pytest.mark.parametrize("minutes", rest_long([1, 10]))
@pytest.mark.parametrize("name", ALL)
async def test_a_card_that_lies_there_for_minutes_is_one_card(name: str, minutes: int) -> None:
    uid = "1000647EB3" if name == "rdm6300" else "A1B2C3D4"
    async with bench(name) as made:
        made.field.put(uid)
        await asyncio.sleep(60.0 * minutes)
        assert made.uids == [uid]
        made.field.put()
        await asyncio.sleep(5.0)
        made.field.put(uid)
        await asyncio.sleep(5.0)
        assert made.uids == [uid, uid]


@pytest.mark.parametrize("name", ALL)
async def test_a_wire_that_is_pulled_out_is_told_and_comes_back(name: str) -> None:
    uid = "1000647EB3" if name == "rdm6300" else "A1B2C3D4"
    async with bench(name) as made:
        made.line.cut()
        await asyncio.sleep(5.0)
        assert made.errors and "front" in made.errors[0]
        made.line.restore()
        await asyncio.sleep(3.0)
        made.field.tap(uid)
        await asyncio.sleep(3.0)
        assert made.uids == [uid]


@pytest.mark.parametrize("name", POLLED)
async def test_a_reader_that_falls_silent_is_told_within_seconds(name: str) -> None:
    async with bench(name) as made:
        made.line.to_device = lambda data: ()
        await asyncio.sleep(10.0)
        assert made.errors
        made.line.to_device = lambda data: (data,)
        await asyncio.sleep(5.0)
        made.field.tap("A1B2C3D4")
        await asyncio.sleep(3.0)
        assert made.uids == ["A1B2C3D4"]


@pytest.mark.parametrize("name", ALL)
async def test_damage_on_the_line_never_makes_another_card(name: str) -> None:
    uid = "1000647EB3" if name == "rdm6300" else "A1B2C3D4"
    passed = 0

    def spoil(data: bytes) -> Iterable[bytes]:
        nonlocal passed
        passed += 1
        if passed % 3 == 0:
            return (data[: len(data) // 2],)
        return (b"\x00\x1b\xff" + data[:1] + data[2:] if passed % 5 == 0 else data,)

    async with bench(name) as made:
        made.line.to_station = spoil
        made.field.put(uid)
        await asyncio.sleep(60.0)
        assert {card.uid for card in made.cards if not card.refusal} <= {uid}


async def test_a_dip_of_the_supply_puts_a_pn532_to_sleep_and_it_is_woken() -> None:
    async with bench("pn532") as made:
        assert isinstance(made.device, Chip)
        made.device.sleep()
        await asyncio.sleep(5.0)
        made.field.tap("04A23B5A712E80")
        await asyncio.sleep(3.0)
        assert made.uids == ["04A23B5A712E80"]
        assert made.opened == 1
        assert made.reader.health().identity.firmware_version == "1.6"


async def test_a_damaged_answer_of_a_pn532_is_asked_for_again() -> None:
    async with bench("pn532") as made:
        spoiled = 0

        def spoil(data: bytes) -> Iterable[bytes]:
            nonlocal spoiled
            if codec.ACK not in data and not spoiled:
                spoiled += 1
                return (data[:-3] + bytes((data[-3] ^ 1,)) + data[-2:],)
            return (data,)

        made.line.to_station = spoil
        made.field.tap("04A23B5A712E80")
        await asyncio.sleep(3.0)
        assert (made.uids, spoiled, made.reader.health().errors) == (["04A23B5A712E80"], 1, 0)


@pytest.mark.parametrize(
    ("numbers", "refusal"),
    [
        (("08112233",), RANDOM),
        (("04A23B5A712E80", "DEADBEEF"), SEVERAL),
        (("0102030405060708090A0B",), TOO_LONG),
        (("8804A23B",), PARTIAL),
    ],
)
async def test_what_names_nobody_is_refused_once_with_its_reason(numbers: tuple[str, ...], refusal: str) -> None:
    async with bench("pn532") as made:
        made.field.put(*numbers)
        await asyncio.sleep(10.0)
        assert [(card.uid, card.refusal) for card in made.cards] in ([("", refusal)], [("", PARTIAL)])
        assert refusal == TOO_LONG or made.cards[0].refusal == refusal


async def test_a_phone_whose_number_changes_at_each_look_is_one_card() -> None:
    async with bench("pn532") as made:
        for number in range(50):
            made.field.put(f"08{number:06X}")
            await asyncio.sleep(0.3)
        assert [card.refusal for card in made.cards] == [RANDOM]


async def test_cards_of_ten_bytes_and_the_readers_own_form() -> None:
    async with bench("pn532", byte_order="reversed") as made:
        made.field.tap("0102030405060708090A")
        await asyncio.sleep(3.0)
        assert made.uids == ["0A090807060504030201"]
        assert made.cards[0].read_ms is not None and made.cards[0].read_ms > 0


async def test_a_twn4_sounds_and_lights_what_came_of_a_card() -> None:
    async with bench("twn4") as made:
        reader = made.reader
        assert isinstance(reader, SignalsCards) and isinstance(reader, TellsHealth)
        await reader.signal(CardSignal.ACCEPTED)
        assert (made.device.tones, made.device.lights) == ([2400, 3000], 2)
        await reader.signal(CardSignal.REFUSED)
        assert (made.device.tones[2:], made.device.lights) == ([900] * 3, 1)
        made.field.tap("DEADBEEF")
        await asyncio.sleep(3.0)
        assert made.uids == ["DEADBEEF"]
        assert reader.health().identity.firmware_version == "B1.50/NCF3.40/PRS1.04"


async def test_a_twn4_is_silent_when_told_so() -> None:
    async with bench("twn4", sound=False, lights=False) as made:
        await made.reader.signal(CardSignal.REFUSED)
        assert (made.device.tones, made.device.lights) == ([], 0)


@pytest.mark.parametrize("name", ["wiegand hex", "rdm6300", "twn4 standard"])
async def test_endless_noise_takes_no_memory_and_is_said_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    uid = "1000647EB3" if name == "rdm6300" else "A1B2C3D4"
    async with bench(name) as made:
        for _ in range(100):
            made.line.send(b"' OR 1=1\x00\x1b[2J" * 60)
            await asyncio.sleep(0.01)
        made.line.send(b"\r\n")
        await asyncio.sleep(0.1)
        assert made.cards == []
        assert made.reader.health().refused >= 1
        warnings = [record for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == 1 and "\n" not in warnings[0].getMessage()
        made.field.tap(uid)
        await asyncio.sleep(3.0)
        assert made.uids == [uid]


@pytest.mark.parametrize("name", POLLED)
async def test_a_polled_reader_is_recognised_by_a_harmless_question(name: str) -> None:
    driver, options = ALL[name]
    made = Bench(driver, options)
    async with made.line.port() as port:
        identity = await load("readers", driver).recognise(port, 0)
        assert identity is not None and identity.model in ("PN532", "TWN4")
    made.line.close()


@pytest.mark.realtime
@pytest.mark.parametrize("name", ["pn532", "rdm6300"])
async def test_readers_on_a_real_serial_line(name: str, tmp_path: Path) -> None:
    driver, options = ALL[name]
    uid = "1000647EB3" if name == "rdm6300" else "A1B2C3D4"
    document = {
        "station": {"name": "s", "power_limit_w": 22_000},
        "port": [{"name": "reader", "device": str(tmp_path / "reader")}],
        "reader": [{"name": "front", "driver": driver, "port": "reader", "options": options}],
    }
    station = SimulatedStation(of_settings(document, folder=tmp_path))
    station.start()
    module = load("readers", driver)
    reader = module.open_device(module.Settings(name="front"), SerialWire(str(tmp_path / "reader"), baud_rate=115200))
    cards = reader.cards()
    try:
        coming = asyncio.ensure_future(anext(cards))
        await asyncio.sleep(0.2)
        station.tap("front", uid)
        async with asyncio.timeout(10.0):
            card = await coming
        assert card.uid == uid
    finally:
        await cards.aclose()
        station.close()
