"""`chargepoint do`: a deed from the command line, confirmed, told and written down."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargepoint.__main__ import main
from chargepoint.actions import ACTIONS
from chargepoint.bus import Bus
from chargepoint.commands import do as command
from chargepoint.door import Door
from chargepoint.exchange import Exchange
from chargepoint.messages import ActionResult, ClearInput, ClearOutput, Noted, StopCharging
from chargepoint.one_process import in_process_bus


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Bus]:
    """The bus of a station at whose administrators' door the command may knock; gives the end of `station`."""
    (folder / "hub").mkdir()
    exchange = Exchange()
    async with Door(exchange, folder / "hub"), in_process_bus("station", exchange=exchange) as buses:
        yield buses["station"]
        exchange.close()


async def do(folder: Path, deed: str, values: dict[str, str], **given: Any) -> int:
    arguments = argparse.Namespace(data=folder, json=False, **given)
    return await command._do(ACTIONS[deed], values, arguments)


@pytest.mark.realtime
async def test_a_deed_is_done_told_and_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[object] = []

    async def done(request: ClearInput | ClearOutput, sender: str) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok", text="Input 'smoke' is clear.")

    async with house(tmp_path) as station:
        noted = station.subscribe(Noted)
        station.serve(ClearInput, done)
        station.serve(ClearOutput, done)
        assert await do(tmp_path, "clear_input", {"name": "smoke"}) == 0
        note = await asyncio.wait_for(anext(aiter(noted)), 5)
        assert await do(tmp_path, "clear_output", {"name": "K1", "new": "1"}) == 0
    first, second = asked
    assert isinstance(first, ClearInput) and first.name == "smoke" and "command line" in first.by
    assert isinstance(second, ClearOutput) and second.new
    assert "clear_input name smoke" in note.message
    assert capsys.readouterr().out == "Input 'smoke' is clear.\n" * 2


@pytest.mark.realtime
async def test_a_refusal_is_told_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def refuse(request: StopCharging, sender: str) -> ActionResult:
        return ActionResult(ok=False, code="no_transaction", text="Connector 2 does not charge.")

    async with house(tmp_path) as station:
        station.serve(StopCharging, refuse)
        assert await do(tmp_path, "stop", {"connector": "2"}) == 1
    assert "Connector 2 does not charge." in capsys.readouterr().err


def test_wrong_use_names_the_fault_and_how_to_write_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["stop"], "connector is missing"),
        (["stop", "2"], "no NAME=VALUE"),
        (["stop", "connector=two"], "no whole number"),
        (["stop", "connector=2", "speed=3"], "'speed' is no argument"),
    ):
        assert main(["do", *words]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert "stop connector=..." in error


def test_nothing_is_done_unless_somebody_confirms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["do", "stop", "connector=2", "--data", str(tmp_path)]) == 1
    assert "--yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for said in ("n", "", "perhaps"):
        monkeypatch.setattr("builtins.input", lambda _, said=said: said)
        assert main(["do", "stop", "connector=2", "--data", str(tmp_path)]) == 1
        told = capsys.readouterr()
        assert "Ends the charge on connector 2." in told.out
        assert "Nothing was done." in told.err


def test_a_station_that_does_not_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["do", "emergency_stop", "connector=0", "--data", str(tmp_path)]) == 1
    assert "chargepoint do:" in capsys.readouterr().err


def test_every_deed_says_its_effect_in_the_manual() -> None:
    for action in ACTIONS.values():
        assert "{" not in command._said(action)
    assert json.dumps(list(ACTIONS))


@pytest.mark.parametrize(("deed", "told"), [("clear_inputt", "Did you mean clear_input?"), ("xyz", "There are start,")])
def test_a_mistyped_deed_is_answered_with_the_nearest(deed: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["do", deed, "name=smoke"]) == 2
    assert told in capsys.readouterr().err
