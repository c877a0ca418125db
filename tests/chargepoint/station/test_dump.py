"""Session dumps beside the rules: how often frames are read, what is told, what a full disk and silence cost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chargepoint.clock import Clock
from chargepoint.messages import DumpGrew, ReadDump, StartDump, StopDump
from chargepoint.station import dump
from chargepoint.station.dump import LIVE_FOR_S, MOST_TOLD, MOST_WAITING, PAUSE_S, REST, Dumps
from chargepoint.storage.dumps import DumpFiles
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import FrameKind, FramesRead, VehicleFrame


class Reader:
    """A controller that gives `count` frames at each read, which takes `takes_s`."""

    def __init__(self) -> None:
        self.count = 5
        self.takes_s = 0.0
        self.lost = 0
        self.reads: list[float] = []
        self.error: Exception | None = None
        self.number = 0

    async def read_frames(self) -> FramesRead:
        now_s = asyncio.get_running_loop().time()
        self.reads.append(now_s)
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        frames = []
        for _ in range(self.count):
            self.number += 1
            frames.append(VehicleFrame(round(now_s * 1000), FrameKind.CCS, 0, f"frame {self.number}".encode()))
        return FramesRead(tuple(frames), self.lost)


class Station:
    """The parts of a station that dumps need: connector 1 keeps frames, 2 does not."""

    def __init__(self, folder: Path) -> None:
        self.reader = Reader()
        self.outlet = SimpleNamespace(
            number=1, session=None, controller=self.reader, settings=SimpleNamespace(port="bus")
        )
        other = SimpleNamespace(number=2, session=None, controller=object(), settings=SimpleNamespace(port="bus"))
        self.told: list[DumpGrew] = []
        self.handlers: dict[type, Callable[..., Any]] = {}
        bus = SimpleNamespace(
            publish=self.told.append, serve=lambda kind, handler: self.handlers.__setitem__(kind, handler)
        )
        self.dumps = Dumps(cast(Any, [self.outlet, other]), folder, cast(Any, bus), Clock("boot"))
        self.dumps.serve()

    def session(self, number: int | None) -> None:
        self.outlet.session = None if number is None else SimpleNamespace(session_id=number)

    async def ask(self, request: object) -> Any:
        return await self.handlers[type(request)](request, "admin")

    async def lines(self, session_id: int) -> list[str]:
        found: list[str] = []
        while True:
            page = await self.ask(ReadDump(session_id=session_id, after=len(found)))
            found += page.lines
            if len(found) >= page.total:
                return found


@contextlib.asynccontextmanager
async def a_station(folder: Path) -> AsyncIterator[Station]:
    station = Station(folder / "dumps")
    tasks = [asyncio.create_task(work) for work in station.dumps.works()]
    try:
        yield station
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_nothing_is_read_while_no_session_runs(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        await asyncio.sleep(30)
        assert station.reader.reads == [] and not (tmp_path / "dumps").exists()


@pytest.mark.parametrize("takes_s", [0.035, 0.14, 0.3])
async def test_reading_takes_at_most_a_seventh_of_the_line(tmp_path: Path, takes_s: float) -> None:
    async with a_station(tmp_path) as station:
        station.reader.takes_s, station.reader.count = takes_s, 14
        station.session(5)
        await asyncio.sleep(60)
        assert len(station.reader.reads) * takes_s <= 60 / (1 + REST) + takes_s
        assert len(station.reader.reads) * takes_s > 60 / (1 + REST) * 0.9


async def test_while_there_is_nothing_to_read_it_is_looked_at_once_a_second(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.reader.count = 0
        station.session(5)
        await asyncio.sleep(30)
        assert 30 <= len(station.reader.reads) <= 33
        station.reader.count = 3
        await asyncio.sleep(2)
        before = len(station.reader.reads)
        await asyncio.sleep(5)
        assert len(station.reader.reads) - before == 5 / PAUSE_S


async def test_a_session_is_kept_to_its_end_and_the_next_is_another_dump(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        await asyncio.sleep(10)
        station.session(6)
        station.reader.count = 2
        await asyncio.sleep(1)
        station.reader.count = 0
        await asyncio.sleep(5)
        station.reader.count = 3
        await asyncio.sleep(5)
        first, second = await station.lines(5), await station.lines(6)
        assert first and second and "frame 1" in first[0]
        assert int(second[0].split("frame ")[1]) == len(first) + 1


async def test_lost_frames_are_said_where_they_are_missing(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        await asyncio.sleep(3)
        station.reader.lost = 4
        await asyncio.sleep(0.3)
        station.reader.lost = 0
        await asyncio.sleep(3)
        page = await station.ask(ReadDump(session_id=5))
        assert page.lost == 4 * sum("4 frames are missing here" in line for line in page.lines) > 0


async def test_a_watcher_gets_what_fits_and_the_rest_is_counted(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        assert (await station.ask(StartDump(connector=1))).ok
        station.reader.count = 200
        await asyncio.sleep(8)
        told = sum(len(event.lines) for event in station.told)
        skipped = sum(event.skipped for event in station.told)
        assert all(len(event.lines) <= MOST_TOLD for event in station.told)
        assert told + skipped == pytest.approx(station.reader.number, abs=dump.MOST_LIVE + 200) and skipped > 1000
        assert told <= 8 / dump.LIVE_EVERY_S * MOST_TOLD
        station.reader.count = 0
        await asyncio.sleep(10)
        numbers = [int(line.split("frame ")[1]) for event in station.told for line in event.lines]
        assert numbers == sorted(numbers)


async def test_watching_ends_after_half_an_hour_by_a_stop_and_with_the_session(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        await station.ask(StartDump(connector=1))
        await asyncio.sleep(LIVE_FOR_S + 2)
        before = len(station.told)
        assert before > 1000
        await asyncio.sleep(60)
        assert len(station.told) == before
        await station.ask(StartDump(connector=1))
        await asyncio.sleep(5)
        assert len(station.told) > before
        await station.ask(StopDump(connector=1))
        await asyncio.sleep(1)
        before = len(station.told)
        await asyncio.sleep(5)
        assert len(station.told) == before
        await station.ask(StartDump(connector=1))
        station.session(None)
        station.reader.count = 0
        await asyncio.sleep(5)
        station.session(6)
        station.reader.count = 5
        before = len(station.told)
        await asyncio.sleep(5)
        assert len(station.told) == before


async def test_what_cannot_be_is_refused_with_a_code(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        assert (await station.ask(StartDump(connector=9))).code == "no_connector"
        assert (await station.ask(StopDump(connector=9))).code == "no_connector"
        assert (await station.ask(StartDump(connector=2))).code == "not_possible"
        assert (await station.ask(StopDump(connector=2))).ok


async def test_a_controller_that_keeps_no_frames_is_not_asked_again_and_again(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.reader.error = Refused("it keeps no frames for a dump")
        station.session(5)
        await asyncio.sleep(500)
        assert len(station.reader.reads) == 1
        assert (await station.ask(StartDump(connector=1))).code == "not_possible"
        station.reader.error = None
        await asyncio.sleep(200)
        assert len(station.reader.reads) > 1


async def test_a_fault_of_a_driver_costs_the_dump_and_not_the_station(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        await asyncio.sleep(5)
        station.reader.error = KeyError("a fault of the driver")
        await asyncio.sleep(60)
        assert len(station.reader.reads) < 25
        assert "no session dump" in caplog.text
        assert (await station.ask(StartDump(connector=1))).code == "not_possible"
        assert await station.lines(5)


async def test_a_slow_disk_keeps_one_thread_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, most = 0, 0
    real = DumpFiles.append

    def slow(*arguments: Any) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.02)
        real(*arguments)
        busy -= 1

    monkeypatch.setattr(DumpFiles, "append", slow)
    async with a_station(tmp_path) as station:
        station.session(5)
        station.reader.count = 50
        await asyncio.sleep(8)
        await asyncio.gather(*(station.ask(ReadDump(session_id=5)) for _ in range(5)), *(
            station.dumps._keep(source) for source in station.dumps._sources.values()
        ))  # fmt: skip
    assert most == 1


async def test_the_rest_of_a_dump_after_a_fault_of_a_driver_is_not_the_next_sessions(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.session(5)
        await asyncio.sleep(5)
        station.reader.error = KeyError("a fault of the driver")
        await asyncio.sleep(5)
        kept = await station.lines(5)
        station.session(6)
        station.reader.error = None
        await asyncio.sleep(700)
        station.session(None)
        await asyncio.sleep(10)
        assert await station.lines(5) == kept and len(await station.lines(6)) > 10


async def test_a_silent_controller_is_asked_rarely(tmp_path: Path) -> None:
    async with a_station(tmp_path) as station:
        station.reader.error, station.reader.takes_s = NoAnswer("silent"), 0.2
        station.session(5)
        await asyncio.sleep(60)
        assert 20 < len(station.reader.reads) < 31
        station.session(None)
        await asyncio.sleep(10)
        before = len(station.reader.reads)
        await asyncio.sleep(60)
        assert len(station.reader.reads) == before


async def test_a_disk_that_takes_nothing_costs_the_dump_and_no_memory(tmp_path: Path) -> None:
    (tmp_path / "dumps").write_text("a file where the folder should be")
    async with a_station(tmp_path) as station:
        station.session(5)
        await station.ask(StartDump(connector=1))
        station.reader.count = 50
        await asyncio.sleep(20)
        source = station.dumps._sources[1]
        assert len(source.waiting) < MOST_WAITING + 200
        assert station.told
        assert (await station.ask(ReadDump(session_id=5))).lines == ()
