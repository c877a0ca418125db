"""`chargepoint ocpp`: watch the exchange with the central system, send a request, free what is parked."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.__main__ import main
from chargepoint.bus import Bus
from chargepoint.commands import ocpp as command
from chargepoint.door import Door
from chargepoint.exchange import Exchange
from chargepoint.messages import (
    ActionResult,
    CallCentralSystem,
    CentralSystemAnswer,
    FramesPage,
    OcppFrame,
    ParkedPage,
    ParkedSession,
    ReadFrames,
    ReadParked,
    ResendParked,
)
from chargepoint.one_process import in_process_bus

AT = datetime(2026, 5, 4, 12, 0, 1, 250_000, tzinfo=UTC)


def frame(number: int, action: str = "Heartbeat", direction: str = "out", **more: Any) -> OcppFrame:
    text = more.pop("text", f'[2,"{number}","{action}",{{}}]')
    return OcppFrame(direction=direction, action=action, text=text, number=number, at=AT, **more)


def arguments(folder: Path, deed: str, *words: str, **given: Any) -> argparse.Namespace:
    usual = {"follow": False, "count": 50, "only": [], "json": False, "show_cards": False}
    return argparse.Namespace(deed=deed, words=list(words), data=folder, **usual | given)


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Bus]:
    """The bus of a station at whose administrators' door the command may knock; gives the end of `ocpp`."""
    (folder / "hub").mkdir()
    exchange = Exchange()
    async with Door(exchange, folder / "hub"), in_process_bus("ocpp", exchange=exchange) as buses:
        yield buses["ocpp"]
        exchange.close()


@pytest.mark.realtime
async def test_a_request_is_sent_and_its_answer_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[CallCentralSystem] = []

    async def answer(request: CallCentralSystem, sender: str) -> CentralSystemAnswer:
        asked.append(request)
        payload = '{"idTagInfo":{"status":"Accepted","parentIdTag":"04A1B2C3"}}'
        return CentralSystemAnswer(ok=True, payload=payload, latency_s=0.0125)

    async with house(tmp_path) as ocpp:
        ocpp.serve(CallCentralSystem, answer)
        assert await command._run(arguments(tmp_path, "call", "Authorize", '{"idTag":"04A1"}')) == 0
    assert (asked[0].action, asked[0].payload) == ("Authorize", '{"idTag":"04A1"}')
    printed = capsys.readouterr()
    assert '"status": "Accepted"' in printed.out
    assert "04A1B2" not in printed.out
    assert "12.5 ms" in printed.err


@pytest.mark.realtime
async def test_what_cannot_be_sent_says_why(tmp_path: Path) -> None:
    async def refuse(request: CallCentralSystem, sender: str) -> CentralSystemAnswer:
        return CentralSystemAnswer(ok=False, text="there is no link")

    async with house(tmp_path) as ocpp:
        ocpp.serve(CallCentralSystem, refuse)
        with pytest.raises(command.CannotDo, match="there is no link"):
            await command._run(arguments(tmp_path, "call", "Heartbeat"))
        assert await command._run(arguments(tmp_path, "call", "Heartbeat", json=True)) == 1
        assert await command._run(arguments(tmp_path, "call")) == 2


@pytest.mark.realtime
async def test_the_log_shows_the_last_frames_and_follows_without_repeating_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = (frame(1), frame(2, "Authorize", text='[2,"2","Authorize",{"idTag":"04A1B2C3"}]'), frame(3, "", "in"))

    async def read(request: ReadFrames, sender: str) -> FramesPage:
        ocpp.publish(kept[-1])  # as if it had come between the asking and the answer
        ocpp.publish(frame(4, "Heartbeat", "in", latency_s=0.0042))
        return FramesPage(frames=kept)

    async with house(tmp_path) as ocpp:
        ocpp.serve(ReadFrames, read)
        assert await command._run(arguments(tmp_path, "log", count=2)) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert "04A1" not in lines[0]
        assert "→ Authorize" in lines[0]
        following = asyncio.create_task(command._run(arguments(tmp_path, "log", follow=True, only=["heartbeat"])))
        out = ""
        while "4.2 ms" not in out:
            await asyncio.sleep(0.01)
            out += capsys.readouterr().out
        assert [part[13:].split(" [")[0] for part in out.splitlines()] == ["→ Heartbeat", "← Heartbeat 4.2 ms"]
    with pytest.raises(command.CannotDo, match="has ended"):
        await following


@pytest.mark.realtime
async def test_parked_sessions_are_listed_and_told_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[int | None] = []

    async def read(request: ReadParked, sender: str) -> ParkedPage:
        held = ParkedSession(session_id=1042, connector=1, messages=2, attempts=3, is_parked=True, error="no\x1b[2J")
        return ParkedPage(sessions=(held,))

    async def resend(request: ResendParked, sender: str) -> ActionResult:
        asked.append(request.session_id)
        is_known = request.session_id in (None, 1042)
        return ActionResult(ok=is_known, code="", text="told again" if is_known else "Nothing of that kind")

    async with house(tmp_path) as ocpp:
        ocpp.serve(ReadParked, read)
        ocpp.serve(ResendParked, resend)
        assert await command._run(arguments(tmp_path, "parked")) == 0
        assert await command._run(arguments(tmp_path, "parked", json=True)) == 0
        line, row = capsys.readouterr().out.splitlines()
        assert "session 1042, connector 1: 2 messages, parked after 3 tries: no [2J" in line
        assert json.loads(row)[0]["session_id"] == 1042
        assert await command._run(arguments(tmp_path, "resend")) == 0
        assert await command._run(arguments(tmp_path, "resend", "1042", "7")) == 1
        assert await command._run(arguments(tmp_path, "resend", "x")) == 2
    assert asked == [None, 1042, 7]


def test_an_absent_station_is_told_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ocpp", "log", "--data", str(tmp_path)]) == 1
    assert "no station answers" in capsys.readouterr().err


def test_wrong_words_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["ocpp"], ["ocpp", "dance"], ["ocpp", "log", "--count", "0"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
