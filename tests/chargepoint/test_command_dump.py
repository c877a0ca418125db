"""`chargepoint dump`: of a stopped station from its files, of a running one through the door, and live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chargepoint.__main__ import main
from chargepoint.bus import Bus
from chargepoint.commands import dump
from chargepoint.door import AdminBus
from chargepoint.messages import ActionResult, DumpGrew, DumpPage, ReadDump, StartDump, StopDump
from chargepoint.storage.dumps import DumpFiles
from tests.chargepoint.test_view import charging

LINES = [f"{at:10.3f}  EV>EVSE  BCL   demand {at}" for at in range(1200)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of a station that is stopped, with one dump."""
    files = DumpFiles(tmp_path / "station" / "dumps")
    files.append(7, LINES, 3)
    return tmp_path


def test_a_stopped_station_is_read_from_its_files(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--data", str(data), "7"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == LINES
    assert "3 frames were lost" in told.err


def test_a_session_without_a_dump_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--data", str(data), "8"]) == 1
    assert "there is no dump of session 8" in capsys.readouterr().err
    assert main(["dump", "--data", str(data / "none"), "8"]) == 1
    assert "no station has run on" in capsys.readouterr().err
    assert main(["dump", "--data", str(data), "--live", "1"]) == 1
    assert "nothing to watch" in capsys.readouterr().err
    assert not (data / "none").exists()


@pytest.mark.parametrize("words", [[], ["x"], ["0"], ["7", "--live", "1"], ["99999999999"]])
def test_wrong_use_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dump", *words])
    assert caught.value.code == 2
    assert capsys.readouterr().err


class FakeBus:
    """A running station with one dump; connector 3 says two lines and then nothing more."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.ends = False

    async def call(self, service: str, request: Any) -> Any:
        self.calls.append(request)
        if isinstance(request, ReadDump):
            lines = LINES if request.session_id == 7 else []
            page = tuple(lines[request.after :][: request.limit])
            return DumpPage(lines=page, total=len(lines))
        if isinstance(request, StartDump) and request.connector != 3:
            return ActionResult(ok=False, code="no_connector", text=f"There is no connector {request.connector}.")
        return ActionResult(ok=True, code="ok")

    async def subscribe(self, event: type) -> AsyncIterator[DumpGrew]:
        yield DumpGrew(connector=3, session_id=9, lines=("one", "two"), skipped=4)
        yield DumpGrew(connector=1, session_id=8, lines=("of another",))
        if not self.ends:
            await asyncio.Event().wait()

    def watch(self, topic: str) -> dict[str, Any]:
        return {}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    fake = FakeBus()

    @asynccontextmanager
    async def connect(data: Path) -> AsyncIterator[FakeBus]:
        yield fake

    monkeypatch.setattr(AdminBus, "connect", connect)
    monkeypatch.setattr(dump, "LONGEST_S", 0.05)
    monkeypatch.setattr(dump, "LOOK_S", 0.01)
    return fake


def test_a_running_station_is_asked_page_by_page(bus: FakeBus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "7"]) == 0
    assert capsys.readouterr().out.splitlines() == LINES
    assert [call.after for call in bus.calls] == [0, 500, 1000]


def test_a_live_dump_is_printed_and_stopped_at_the_end(bus: FakeBus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--live", "3"]) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "one",
        "two",
        "… 4 lines skipped: too many at once …",
    ]
    assert bus.calls == [StartDump(connector=3), StopDump(connector=3)]


def test_what_the_station_refuses_or_its_end_is_told(bus: FakeBus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--live", "9"]) == 1
    assert "There is no connector 9" in capsys.readouterr().err
    bus.ends = True
    assert main(["dump", "--live", "3"]) == 1
    assert "the station has stopped" in capsys.readouterr().err


async def test_it_ends_with_the_session_it_saw() -> None:
    states = {"connector/3": charging(3)}
    bus = cast(Bus, SimpleNamespace(watch=lambda topic: states))
    task = asyncio.create_task(dump._until_session_ends(bus, 3))
    await asyncio.sleep(3)
    assert not task.done()
    states.clear()
    await asyncio.sleep(dump.LAST_LINES_S + 2)
    assert task.done()
