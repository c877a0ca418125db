"""The privileged deeds: a fixed list, checked arguments, written down, and never carried out unless really wished."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint import helper
from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    KeepNetwork,
    PrivilegedDeed,
    SecurityNoted,
    TechnicianState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.privileged import desk, network_change, usb
from chargepoint.timekeeping import EARLIEST
from tests.chargepoint.dummies import settings


@asynccontextmanager
async def a_helper(data: Path, is_really: bool = False, clock: Clock | None = None) -> AsyncIterator[dict[str, Bus]]:
    async with in_process_bus("helper", "fota", "station", "ocpp", "webconfig") as buses:
        context = Context(
            name="helper", bus=buses["helper"], settings=settings(), secrets=Secrets(),
            clock=clock or Clock("boot-1", offset_s=1.8e9, source="system", floor=EARLIEST), data=data,
            is_really=is_really,
        )  # fmt: skip
        running = asyncio.create_task(helper.run(context))
        await asyncio.sleep(0.01)
        yield buses
        context.stopping.set()
        await running


def records(data: Path) -> list[dict[str, Any]]:
    path = data / "deeds.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


async def ask(bus: Bus, name: str, **arguments: str) -> ActionResult:
    return await bus.call("helper", PrivilegedDeed(name=name, arguments=arguments, by="anna"))


def programs_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    called: list[tuple[str, ...]] = []

    async def record(*words: str) -> str:
        called.append(words)
        return "no such thing" if "fail" in words[-1] else ""

    monkeypatch.setattr(helper, "_program", record)
    return called


async def test_by_default_deeds_are_only_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = programs_of(monkeypatch)
    async with a_helper(tmp_path) as buses:
        security = buses["station"].subscribe(SecurityNoted)
        await asyncio.sleep(0.01)
        result = await ask(buses["fota"], "reboot")
        assert result.ok
        assert "Written down only" in result.text
        note = await anext(security)
        assert (note.type, note.source, note.operation) == ("PrivilegedDeed", "fota", "reboot")
    assert called == []
    (record,) = records(tmp_path)
    assert (record["deed"], record["by"], record["sender"], record["mode"]) == ("reboot", "anna", "fota", "record")


async def test_when_really_wished_they_are_carried_out_and_written_down_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = programs_of(monkeypatch)
    async with a_helper(tmp_path, is_really=True) as buses:
        assert (await ask(buses["fota"], "reboot")).ok
        assert (await ask(buses["fota"], "power_off")).ok
    assert called == [
        ("systemctl", "reboot"),
        ("systemctl", "poweroff"),
    ]
    assert [record["what"] for record in records(tmp_path)] == ["asked", "done"] * 2


async def test_a_deed_that_fails_says_so(tmp_path: Path) -> None:
    assert await helper._program("/nowhere/at/all") == "/nowhere/at/all: No such file or directory"


@pytest.mark.realtime
async def test_a_program_that_complains_is_quoted() -> None:
    assert await helper._program("ls", "/nowhere/at/all") == (
        "ls: exit code 2: ls: cannot access '/nowhere/at/all': No such file or directory\n"
    )
    assert await helper._program("true") == ""


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("format_disk", {}),
        ("", {}),
        ("reboot", {"now": "yes"}),
        ("reboot; rm -rf /", {}),
        ("set_clock", {}),
        ("set_clock", {"at": "yesterday"}),
        ("set_clock", {"at": "2026-02-30T00:00:00Z"}),
        ("set_clock", {"at": "2026-01-01T00:00:00+03:00"}),
        ("stage_package", {"package": "../../etc/passwd"}),
        ("stage_package", {"package": "App.X.1.2.3.cpk; reboot"}),
        ("stage_package", {"package": "App.X.1.2.3.cpk\n"}),
        ("stage_package", {"package": "--help"}),
        ("stage_package", {}),
        ("return_software", {"reason": ""}),
        ("return_software", {"reason": "two\nlines"}),
    ],
)
async def test_what_is_not_on_the_list_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: dict[str, str]
) -> None:
    called = programs_of(monkeypatch)
    async with a_helper(tmp_path, is_really=True) as buses:
        result = await ask(buses["fota"], name, **arguments)
        assert (result.ok, result.code) == (False, "refused")
        assert result.text
    assert called == []
    assert records(tmp_path) == []


async def test_the_systems_clock_is_never_set_below_the_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was_set: list[float] = []
    monkeypatch.setattr("time.clock_settime", lambda _clock, at: was_set.append(at))
    async with a_helper(tmp_path, is_really=True) as buses:
        assert not (await ask(buses["fota"], "set_clock", at="2001-01-01T00:00:00Z")).ok
        assert not (await ask(buses["fota"], "set_clock", at="2111-01-01T00:00:00Z")).ok
        assert was_set == []
        assert (await ask(buses["fota"], "set_clock", at="2026-03-01T12:00:00Z")).ok
        assert was_set == [1772366400.0]


async def test_the_central_system_asks_the_helper_for_nothing(tmp_path: Path) -> None:
    async with a_helper(tmp_path) as buses:
        with pytest.raises(CallFailed, match="ocpp may not send PrivilegedDeed"):
            await ask(buses["ocpp"], "reboot")


def test_the_record_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "MAX_RECORD_BYTES", 1000)
    for number in range(200):
        helper.append_line(tmp_path / "deeds.jsonl", f"{number:050}")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"deeds.jsonl", "deeds.1.jsonl"}
    assert max(sizes.values()) <= 1100


async def test_a_full_disk_keeps_nobody_from_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    called = programs_of(monkeypatch)
    monkeypatch.setattr(helper, "append_line", full)
    async with a_helper(tmp_path, is_really=True) as buses:
        assert (await ask(buses["fota"], "reboot")).ok
    assert called == [("systemctl", "reboot")]


async def test_a_network_change_that_cannot_be_written_down_is_undone_and_one_that_was_kept_stays_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone: list[str] = []

    async def prepare(_bus: object, _wish: ChangeNetwork) -> tuple[str, str, str]:
        return "/checkpoint", "/profile", "/device"

    async def undo(_bus: object, checkpoint: str) -> None:
        undone.append(checkpoint)

    async def nothing(_bus: object, *_words: str) -> dict[str, float]:
        return {"/checkpoint": 60.0}

    @asynccontextmanager
    async def no_bus() -> AsyncIterator[None]:
        yield None

    def full(_self: desk.Desk, _last: desk.LastChange) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name, stand_in in (("prepare", prepare), ("undo", undo), ("keep", nothing), ("activate", nothing)):
        monkeypatch.setattr(network_change, name, stand_in)
    monkeypatch.setattr(network_change, "checkpoints", nothing)
    monkeypatch.setattr(desk, "system_bus", no_bus)
    wish = ChangeNetwork(device="eth0", method="auto", by="anna")
    async with a_helper(tmp_path, is_really=True) as buses:
        call = buses["webconfig"].call
        with monkeypatch.context() as disk:
            disk.setattr(desk.Desk, "_remember", full)
            refused = await call("helper", wish)
            assert (refused.code, undone) == ("failed", ["/checkpoint"]) and "Make room" in refused.text
        assert (await call("helper", wish)).ok
        monkeypatch.setattr(desk.Desk, "_remember", full)
        assert (await call("helper", KeepNetwork(by="anna"))).ok
        monkeypatch.setattr(network_change, "checkpoints", lambda _bus: nothing_open())
        assert (await call("helper", KeepNetwork(by="anna"))).code == "nothing"


async def nothing_open() -> dict[str, float]:
    return {}


SOFTWARE = {
    "stage_package": {"package": "App.station.1.1.0.0.cpk"},
    "keep_software": {},
    "return_software": {"reason": "it is slow"},
    "forget_software": {},
    "read_usb": {},
}


@pytest.mark.parametrize(("name", "arguments"), SOFTWARE.items())
async def test_versions_and_sticks_are_touched_for_the_update_service_only(
    tmp_path: Path, name: str, arguments: dict[str, str]
) -> None:
    async with a_helper(tmp_path, is_really=True) as buses:
        result = await ask(buses["webconfig"], name, **arguments)
        assert (result.ok, result.code) == (False, "refused")
        assert "for the update service" in result.text
    assert records(tmp_path) == []


@pytest.mark.parametrize(("name", "arguments"), SOFTWARE.items())
async def test_without_really_no_version_is_touched_and_that_is_said(
    tmp_path: Path, name: str, arguments: dict[str, str]
) -> None:
    async with a_helper(tmp_path) as buses:
        result = await ask(buses["fota"], name, **arguments)
        assert (result.ok, result.code) == (False, "recorded")


async def test_a_link_in_the_place_of_a_package_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "fota/packages").mkdir(parents=True)
    (tmp_path / "fota/packages/a.cpk").symlink_to("/etc/shadow")
    async with a_helper(tmp_path / "helper", is_really=True) as buses:
        (tmp_path / "helper").mkdir()
        result = await ask(buses["fota"], "stage_package", package="a.cpk")
        assert (result.code, result.text) == ("unknown", "a.cpk is no plain file")
        assert (await ask(buses["fota"], "stage_package", package="b.cpk")).code == "unknown"


async def test_with_an_unset_clock_a_package_is_judged_by_the_earliest_time_that_can_be_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[datetime] = []

    async def stage(_file: Path, _layout: object, _serial: str, earliest: datetime) -> ActionResult:
        told.append(earliest)
        return ActionResult(ok=True, code="ok")

    monkeypatch.setattr("chargepoint.privileged.software.stage", stage)
    floor = datetime(2027, 3, 1, tzinfo=UTC)
    async with a_helper(tmp_path, is_really=True, clock=Clock("boot-1", floor=floor)) as buses:
        assert (await ask(buses["fota"], "stage_package", package="a.cpk")).ok
    assert told[0] >= floor


async def test_a_stick_is_read_only_while_a_technician_is_logged_in_whatever_the_update_service_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.privileged.usb.read", lambda *_: usb.Copied(names=("a.cpk",)))
    async with a_helper(tmp_path, is_really=True) as buses:
        assert (await ask(buses["fota"], "read_usb")).code == "refused"
        buses["station"].set_state("technician", TechnicianState(login="anna"))
        await asyncio.sleep(0.1)
        assert (await ask(buses["fota"], "read_usb")).values == {"names": "a.cpk"}
        buses["station"].set_state("technician", TechnicianState())
        await asyncio.sleep(0.1)
        assert (await ask(buses["fota"], "read_usb")).code == "refused"


async def test_what_takes_minutes_holds_up_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs_of(monkeypatch)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> ActionResult:
        begun.set()
        await go_on.wait()
        return ActionResult(ok=True, code="ok")

    monkeypatch.setattr("chargepoint.privileged.software.stage", slow)
    async with a_helper(tmp_path, is_really=True) as buses:
        staging = asyncio.create_task(ask(buses["fota"], "stage_package", package="a.cpk"))
        await begun.wait()
        assert (await ask(buses["webconfig"], "reboot")).ok
        go_on.set()
        assert (await staging).ok
