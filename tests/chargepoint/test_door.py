"""The administrators' door: who comes in, what they may say there, and what `chargepoint bus` shows of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.bus import CallFailed
from chargepoint.commands import bus as command
from chargepoint.door import AdminBus, Door, NobodyHome
from chargepoint.exchange import MAX_ADMINS, Exchange
from chargepoint.frames import Tapped, raw
from chargepoint.messages import (
    ChangeSettings,
    CheckPassword,
    Message,
    Noted,
    OcppFrame,
    PresentCard,
    ReaderState,
    SaveUser,
    User,
)
from chargepoint.one_process import in_process_bus
from chargepoint.vocabulary import EventType, Role


async def test_administrators_come_in_by_the_socket_which_is_theirs_alone(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)  # longer than a socket's address may be
    (deep / "hub").mkdir(parents=True)
    exchange = Exchange()
    async with Door(exchange, deep / "hub"), in_process_bus("rfid", "station", exchange=exchange) as buses:
        mode = (deep / "hub" / "admin.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        async with AdminBus.connect(deep) as first, AdminBus.connect(deep) as second:
            buses["rfid"].set_state("reader/front", ReaderState(name="front", is_answering=True, cards=1))
            for bus in (first, second):
                assert await bus.watch("reader/").first("reader/front")
            with pytest.raises(CallFailed, match="admin may not send PresentCard"):
                await first.call("station", PresentCard(reader="front", uid="04AA"))
            with pytest.raises(CallFailed, match="admin may not send CheckPassword"):
                await first.call("hub", CheckPassword(login="anna", password="x"))
    with pytest.raises(NobodyHome, match="is it running, and is --data its directory"):
        async with AdminBus.connect(deep):
            pass
    exchange.close()


async def test_a_door_left_behind_by_a_power_cut_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "hub" / "admin.sock"))
    exchange = Exchange()
    async with Door(exchange, tmp_path / "hub"), AdminBus.connect(tmp_path) as bus:
        assert not bus.closed.is_set()
    exchange.close()


async def test_more_administrators_than_there_is_room_for_are_turned_away(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    exchange = Exchange()
    async with Door(exchange, tmp_path / "hub"):
        visitors = [socket.socket(socket.AF_UNIX) for _ in range(MAX_ADMINS + 3)]
        for visitor in visitors:
            visitor.connect(str(tmp_path / "hub" / "admin.sock"))
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        for visitor in visitors:
            visitor.setblocking(False)
        assert [visitor.recv(1) for visitor in visitors[MAX_ADMINS:]] == [b""] * 3
        with pytest.raises(BlockingIOError):
            visitors[0].recv(1)
        for visitor in visitors:
            visitor.close()
        await asyncio.sleep(0.1)
    exchange.close()


async def test_nobody_is_home_where_there_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(NobodyHome):
        async with AdminBus.connect(tmp_path / "nowhere"):
            pass


async def test_a_door_that_cannot_be_opened_does_not_stop_the_station(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = Exchange()
    async with Door(exchange, tmp_path / "nowhere"):
        assert "cannot be opened" in caplog.text
    exchange.close()


# ------------------------------------------------------------------------------------------- chargepoint bus


def arguments(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"only": [], "json": False, "count": 0, "show_cards": False, **given})


def tapped(message: Message, verb: str = "event", sender: str = "rfid", target: str = "") -> Tapped:
    return Tapped(verb, sender, target, raw(message))


def test_a_line_says_who_what_and_to_whom(capsys: pytest.CaptureFixture[str]) -> None:
    note = Noted(event_type=EventType.DEVICE_STATE, action="Error", message="no answer\x1b[2J")
    assert command.show(tapped(note), arguments())
    line = capsys.readouterr().out
    assert "rfid !" in line
    assert "Noted event_type=DEVICE_STATE action=Error message=no answer [2J" in line
    assert "\x1b" not in line


def test_card_numbers_are_masked_and_passwords_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command.show(tapped(PresentCard(reader="front", uid="04A1B2C3D4"), "call", target="station"), arguments())
    save = SaveUser(user=User(login="anna", role=Role.CUSTOMER, cards=("04A1B2C3D4",)), password="Secret7x", by="r")
    command.show(tapped(save, "call"), arguments(show_cards=True))
    command.show(tapped(save, "call"), arguments())
    masked, shown, both = capsys.readouterr().out.splitlines()
    assert "uid=··C3D4" in masked
    assert "04A1B2C3D4" in shown
    assert "04A1" not in masked + both
    assert "Secret7x" not in masked + shown + both


def test_keys_and_cards_inside_other_messages_are_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    change = ChangeSettings(values={"ocpp.AuthorizationKey": "0011223344", "a.b": "7"}, by="server")
    command.show(tapped(change, "call"), arguments(show_cards=True))
    frame = OcppFrame(direction="out", action="Authorize", text='[2,"1","Authorize",{"idTag": "04A1B2C3D4"}]')
    command.show(tapped(frame), arguments())
    out = capsys.readouterr().out
    assert "0011223344" not in out
    assert "a.b=7" in out
    assert '{"idTag": "··C3D4"}' in out


def test_only_what_is_wished_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    state = tapped(ReaderState(name="front", is_answering=True, cards=1), "state", target="reader/front")
    assert command.show(state, arguments(only=["reader/"]))
    assert command.show(state, arguments(only=["nothing", "READERSTATE"]))
    assert not command.show(state, arguments(only=["station"]))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    state = tapped(ReaderState(name="front", is_answering=True, cards=1), "state", target="reader/front")
    command.show(state, arguments(json=True))
    row = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["target"], row["message"]["cards"]) == ("ReaderState", "reader/front", 1)


def test_what_cannot_be_read_is_said_to_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.show(Tapped("state", "station", "x", msgspec.Raw(b"\xc0")), arguments())
    assert "too long to show" in capsys.readouterr().out


@pytest.mark.realtime
async def test_the_command_follows_a_house_and_ends_after_its_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub").mkdir()
    exchange = Exchange()
    async with Door(exchange, tmp_path / "hub"), in_process_bus("rfid", exchange=exchange) as buses:
        watching = asyncio.create_task(command._print(arguments(data=tmp_path, count=3)))
        while not exchange._taps:
            await asyncio.sleep(0.01)
        for number in range(5):
            buses["rfid"].publish(Noted(event_type=EventType.DEVICE_STATE, action=str(number)))
        assert await watching == 0
        assert [line.split("action=")[1] for line in capsys.readouterr().out.splitlines()] == ["0", "1", "2"]
        watching = asyncio.create_task(command._print(arguments(data=tmp_path)))
        while not exchange._taps:
            await asyncio.sleep(0.01)
        exchange.close()
        assert await watching == 1
        assert "the station has ended" in capsys.readouterr().err


def test_an_absent_station_is_told_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(arguments(data=tmp_path)) == 1
    assert "no station answers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
