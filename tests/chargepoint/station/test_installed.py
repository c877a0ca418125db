"""Devices found against devices configured: who was exchanged, who is missing, who is another kind of thing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from chargepoint.clock import Clock
from chargepoint.config import MeterSettings
from chargepoint.messages import AcceptDevices, Difference, InstalledState
from chargepoint.station import installed as subject
from chargepoint.station.device_states import Device, counted_on
from chargepoint.station.installed import Installed, difference_of, wrong_model
from chargepoint.station.metering import Accepted, MeterTrack
from chargepoint.vocabulary import EventType
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Identity, MeterReading
from drivers.meters import eastron
from drivers.ports.statistics import Devices
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.carlo_gavazzi import face as gavazzi_face
from drivers.simulated.meters.eastron import face as eastron_face
from drivers.simulated.wire import Line
from tests.drivers.wires import attach

FIRST = Identity(vendor="Eastron", model="SDM630", serial="111", firmware_version="1.0")


class Journal:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def facts(self, prefix: str) -> dict[str, bytes]:
        return {key: value for key, value in self.kept.items() if key.startswith(prefix)}


class Books:
    """What is needed of the station's books."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.notes: list[tuple[EventType, str]] = []

    async def write(self, *, facts: dict[str, bytes | None]) -> None:
        self.journal.kept |= {key: value for key, value in facts.items() if value is not None}

    def note(self, event_type: EventType, action: str, message: str = "", *, error: str = "") -> None:
        self.notes.append((event_type, error or message))


class Bus:
    def __init__(self) -> None:
        self.states: dict[str, Any] = {}

    def set_state(self, topic: str, state: Any) -> None:
        self.states[topic] = state

    def serve(self, request: type, handler: Callable[..., Awaitable[Any]]) -> None: ...


class Bench:
    """One meter whose identity the test decides."""

    def __init__(self, books: Books | None = None) -> None:
        self.identity: Identity | Exception = FIRST
        self.answers = True
        self.books = books or Books()
        self.bus = Bus()
        self.asked = 0
        section = MeterSettings(name="m1", port="bus", address=2)
        self.device = Device("meter", section, None, self._identify, lambda: self.answers)
        self.installed = Installed((self.device,), self.books, self.bus, Clock("boot"))  # type: ignore[arg-type]

    async def _identify(self) -> Identity:
        self.asked += 1
        if isinstance(self.identity, Exception):
            raise self.identity
        return self.identity

    async def work(self, seconds: float) -> InstalledState:
        await self.installed.load()
        task = asyncio.create_task(self.installed.run())
        await asyncio.sleep(seconds)
        task.cancel()
        state = self.bus.states["installed"]
        assert isinstance(state, InstalledState)
        return state


async def test_at_the_first_start_who_is_there_is_kept() -> None:
    bench = Bench()
    assert await bench.work(60) == InstalledState(is_complete=True)
    assert msgspec.json.decode(bench.books.journal.kept["installed/meter/m1"], type=Identity) == FIRST
    assert bench.asked == 1
    assert not bench.books.notes


async def test_another_serial_number_is_told_once_and_again_at_each_start_until_it_is_accepted() -> None:
    books = Books()
    await Bench(books).work(60)
    for _ in range(2):
        bench = Bench(books)
        bench.identity = msgspec.structs.replace(FIRST, serial="222")
        state = await bench.work(60)
        assert state.differences == ("meter 'm1': serial number 222 instead of 111: it was exchanged",)
        values = {"what": "serial number", "before": "111", "now": "222"}
        assert state.told == (Difference(kind="meter", name="m1", key="exchanged", values=values),)
        assert (bench.device.state().expected_serial, bench.device.state().identity.serial) == ("111", "222")
    assert [kind for kind, _ in books.notes] == [EventType.STATION_CONFIGURED] * 2
    result = await bench.installed.accept(AcceptDevices(kind="meter", name="m1"), "hmi")
    assert result.ok
    assert bench.installed.state.differences == ()
    assert bench.device.state().expected_serial == ""
    again = Bench(books)
    again.identity = msgspec.structs.replace(FIRST, serial="222")
    assert (await again.work(60)).differences == ()
    assert (await again.installed.accept(AcceptDevices(), "hmi")).code == "nothing_changed"


async def test_the_old_device_back_in_its_place_ends_the_difference() -> None:
    books = Books()
    await Bench(books).work(60)
    bench = Bench(books)
    bench.identity = msgspec.structs.replace(FIRST, serial="222")
    await bench.work(60)
    bench.answers = False
    await bench.work(60)
    bench.answers, bench.identity = True, FIRST
    assert (await bench.work(60)).differences == ()
    assert "again the one configured" in books.notes[-1][1]


async def test_a_device_that_comes_back_from_silence_is_asked_again() -> None:
    bench = Bench()
    task = asyncio.create_task(bench.installed.run())
    await asyncio.sleep(60)
    assert bench.asked == 1
    bench.answers = False
    await asyncio.sleep(60)
    bench.answers, bench.identity = True, msgspec.structs.replace(FIRST, serial="333")
    await asyncio.sleep(60)
    task.cancel()
    assert bench.asked == 2
    assert bench.installed.state.differences


async def test_a_missing_device_is_told_after_a_minute_and_no_more_when_it_is_there() -> None:
    bench = Bench()
    bench.answers, bench.identity = False, NoAnswer("nobody")
    state = await bench.work(30)
    assert (state.is_complete, state.differences) == (False, ())
    state = await bench.work(40)
    assert state.differences == ("meter 'm1' does not answer",)
    assert state.told == (Difference(kind="meter", name="m1", key="silent"),)
    bench.answers, bench.identity = True, FIRST
    assert await bench.work(60) == InstalledState(is_complete=True)


async def test_new_firmware_is_written_down_and_is_no_difference() -> None:
    books = Books()
    await Bench(books).work(60)
    bench = Bench(books)
    bench.identity = msgspec.structs.replace(FIRST, firmware_version="1.1")
    assert (await bench.work(60)).differences == ()
    assert books.notes == [(EventType.DEVICE_STATE, "meter 'm1': firmware 1.0 -> 1.1")]


async def test_a_device_that_refuses_to_say_who_it_is_is_told_of() -> None:
    bench = Bench()
    bench.identity = Refused("illegal data address")
    state = await bench.work(60)
    assert state.differences == ("meter 'm1' does not say who it is: illegal data address",)


async def test_one_that_tells_nothing_of_itself_is_no_difference() -> None:
    bench = Bench()
    bench.identity = Identity()
    assert await bench.work(60) == InstalledState(is_complete=True)


async def test_what_was_kept_and_cannot_be_read_does_not_count() -> None:
    books = Books()
    books.journal.kept["installed/meter/m1"] = b"\xff"
    assert (await Bench(books).work(60)).differences == ()


@pytest.mark.parametrize(
    "change, text",
    [
        ({"serial": "2"}, "serial number 2 instead of 111"),
        ({"model": "SDM120"}, "model SDM120 instead of SDM630"),
        ({"vendor": "Other"}, "vendor Other instead of Eastron"),
        ({"serial": ""}, ""),
        ({"firmware_version": "9"}, ""),
        ({}, ""),
    ],
)
def test_what_makes_another_device(change: dict[str, str], text: str) -> None:
    found = difference_of(FIRST, msgspec.structs.replace(FIRST, **change))
    assert (f"{found['what']} {found['now']} instead of {found['before']}" if found else "") == text


async def live(line: Line, options: dict[str, Any]) -> tuple[Bench, tuple[str, ...]]:
    """A bench whose meter is asked by its real driver on a line."""
    async with line.port() as port:
        section = MeterSettings(name="m1", port="bus", address=2, options=options)
        settings = msgspec.convert({"port": "bus", "address": 2, **options}, eastron.Settings)
        meter = eastron.open_device(settings, port)
        bench = Bench()
        bench.device = Device("meter", section, port, meter.identify, lambda: True)
        bench.installed = Installed((bench.device,), bench.books, bench.bus, Clock("boot"))  # type: ignore[arg-type]
        return bench, (await bench.work(60)).differences


async def test_a_device_of_another_maker_is_named_with_its_driver() -> None:
    line = Line()
    part = DevicePart(kind="meter", name="m1", driver="carlo_gavazzi", address=2)
    attach(line, 2, gavazzi_face(Meter("m1", [], serial=5), part))
    _, differences = await live(line, {})
    assert len(differences) == 1
    assert "Carlo Gavazzi" in differences[0]
    assert "'carlo_gavazzi'" in differences[0]
    assert all(request.is_read for request in line.requests)


async def test_another_model_of_the_same_driver_is_told() -> None:
    line = Line()
    part = DevicePart(kind="meter", name="m1", driver="eastron", address=2, options={"model": "SDM120"})
    attach(line, 2, eastron_face(Meter("m1", [], serial=5), part))
    _, differences = await live(line, {"model": "SDM630"})
    assert differences == ("meter 'm1': it says it is a SDM120, configured is SDM630",)


async def test_the_right_device_is_no_difference_on_the_wire() -> None:
    line = Line()
    attach(line, 2, eastron_face(Meter("m1", [], serial=5), DevicePart(kind="meter", name="m1", driver="eastron")))
    bench, differences = await live(line, {})
    assert differences == ()
    assert bench.device.found is not None
    assert bench.device.found.serial == "5"
    state = bench.device.state()
    assert state.answers > 0
    assert state.p50_ms is not None


def test_models_are_compared_only_where_both_are_words_of_the_driver() -> None:
    assert wrong_model(eastron, {}, "SDM120")
    assert not wrong_model(eastron, {}, "something else")
    assert not wrong_model(subject, {}, "SDM120")


def test_counters_are_found_by_address_by_name_or_as_the_only_ones() -> None:
    class Port:
        def __init__(self, *keys: Any) -> None:
            self.devices = Devices()
            for number, key in enumerate(keys, 1):
                self.devices.of(key).requests = number

    def requests(port: Any, address: int, name: str) -> int:
        return counted_on(port, address, name).requests

    assert requests(Port(1, 2), 2, "m") == 2
    assert requests(Port("m", 1), 5, "m") == 1
    assert requests(Port(("mercury", 7), ("mercury", 8)), 8, "m") == 2
    assert requests(Port("strip"), 0, "front") == 1
    assert requests(Port(1, 2), 3, "m") == 0
    assert requests(None, 3, "m") == 0


# -------------------------------------------------------------------------------------------------- the energy books


def reading(energy_wh: int) -> MeterReading:
    return MeterReading(energy_wh=energy_wh, power_w=0.0, voltage_v=(230.0, 230.0, 230.0), current_a=(0.0, 0.0, 0.0))


@pytest.mark.parametrize("new_wh", [0, 4_990, 5_001, 5_900, 2_000_000])
def test_an_exchanged_meter_goes_on_from_where_the_old_one_stood_whatever_its_register_says(new_wh: int) -> None:
    track = MeterTrack(22_000)
    for second, energy_wh in enumerate((4_980, 4_990, 5_000)):
        track.accept(reading(energy_wh), float(second))
    track.exchanged()
    verdict = track.accept(reading(new_wh), 600.0)
    assert isinstance(verdict, Accepted)
    assert (verdict.energy_wh, verdict.added_wh) == (5_000, 0)
    assert "another meter" in verdict.note
    track.accept(reading(new_wh + 6), 601.0)
    assert track.energy_wh == 5_006


def test_an_exchange_before_the_first_reading_changes_nothing() -> None:
    track = MeterTrack(22_000)
    track.exchanged()
    verdict = track.accept(reading(700), 1.0)
    assert isinstance(verdict, Accepted)
    assert (verdict.energy_wh, verdict.note) == (700, "")


async def test_a_number_that_is_not_told_this_time_is_not_forgotten() -> None:
    books = Books()
    await Bench(books).work(60)
    busy = Bench(books)
    busy.identity = msgspec.structs.replace(FIRST, serial="", firmware_version="9.9")
    assert (await busy.work(60)).differences == ()
    kept = msgspec.json.decode(books.journal.kept["installed/meter/m1"], type=Identity)
    assert kept == msgspec.structs.replace(FIRST, firmware_version="9.9")
    other = Bench(books)
    other.identity = msgspec.structs.replace(FIRST, serial="222")
    assert "222 instead of 111" in (await other.work(60)).differences[0]
