"""The orderly stop, its exit codes, who is refused, what systemd is told, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from chargepoint.door import AdminBus, NobodyHome
from tests.system.rig import CARDS, NAME, STOP_LIMIT_S, System, all_processes

pytestmark = pytest.mark.realtime

CALM_LIMIT_S = 10.0
"""What a reset may take (the hub's own budget); it lets charges ramp down in peace."""


async def gone(system: System) -> None:
    """After an orderly end: no process, no socket, every contactor open, the database closed cleanly."""
    assert set(system.processes()) == {system.devices.process.pid}
    assert not (system.data / "hub" / "admin.sock").exists()
    with pytest.raises(NobodyHome):
        async with AdminBus.connect(system.data):
            pass
    assert not list(system.data.rglob("*-wal"))
    assert not any(one.contactor_closed for one in (await system.simulation.state(0)).connectors)


async def stop_in_a_charge(system: System, number: int, how: signal.Signals | str) -> tuple[int, float]:
    """Charge, have the station end by a signal or a Reset, see that nothing is left. Exit code, seconds it took."""
    await system.charge(number)
    begun_s = time.monotonic()
    if isinstance(how, signal.Signals):
        os.killpg(system.pid("launcher"), how)  # as a terminal does: to all processes
        exit_code = await system.ended(STOP_LIMIT_S)
    else:
        assert await system.central.call(NAME, "Reset", {"type": how}) == {"status": "Accepted"}
        exit_code = await system.ended(CALM_LIMIT_S)
    took_s = time.monotonic() - begun_s
    await gone(system)
    await system.start()
    await system.until_well()
    await system.clear_away()
    return exit_code, took_s


async def test_however_it_is_asked_to_end_the_charge_ends_in_order_and_the_exit_code_says_why(tmp_path: Path) -> None:
    async with System(tmp_path) as system:
        for number, how, exit_code, reason in (
            (1, signal.SIGTERM, 0, "Reboot"),
            (2, signal.SIGINT, 0, "Reboot"),
            (1, "Soft", 30, "SoftReset"),
            (2, "Hard", 20, "HardReset"),
        ):
            found, took_s = await stop_in_a_charge(system, number, how)
            print(f"{getattr(how, 'name', how)}: ended after {took_s:.2f} s")
            assert found == exit_code
            await system.drained()
            told = system.central.ledger.transactions[-1]
            assert (told.connector, told.reason) == (number, reason)
        await system.check()
        assert len(system.central.ledger.transactions) == 4


async def test_a_second_station_on_one_data_directory_is_refused_and_the_first_does_not_notice(tmp_path: Path) -> None:
    async with System(tmp_path) as system:
        before = system.pids()
        second = await system.launch("second")
        assert await second.process.wait() == 4
        expected = f"a station runs on it already (process {system.pid('launcher')}). Stop that one first"
        assert expected in system.logged("second")
        assert "Traceback" not in system.logged("second")
        await system.until_well()
        assert system.pids() == before
        assert len(system.central.connects) == 1


async def test_a_station_file_that_cannot_be_used_is_refused_unless_a_good_one_is_kept(tmp_path: Path) -> None:
    async with System(tmp_path) as system:
        os.kill(system.pid("launcher"), signal.SIGTERM)
        assert await system.ended(STOP_LIMIT_S) == 0
        good = system.station_file.read_text(encoding="utf-8")
        system.station_file.write_text(good.replace("power_limit_w", "power_limt_w"), encoding="utf-8")
        await system.start()  # it has run before: the last good file serves
        await system.until_well()
        assert "power_limit_w" in system.logged() and "serves in its place" in system.logged()
        os.kill(system.pid("launcher"), signal.SIGTERM)
        assert await system.ended(STOP_LIMIT_S) == 0
        system.data = tmp_path / "new"
        fresh = await system.launch("fresh")
        assert await fresh.process.wait() == 1
        said = system.logged("fresh")
        assert "power_limt_w" in said and "power_limit_w" in said and "Traceback" not in said


async def test_systemd_is_told_and_its_watchdog_is_fed_by_the_real_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        async with System(tmp_path) as system:
            said: list[str] = []

            def hears(word: str, count: int) -> bool:
                with suppress(BlockingIOError):
                    while True:
                        said.extend(systemd.recv(4096).decode().splitlines())
                return said.count(word) >= count

            await system.until(lambda: hears("READY=1", 1))
            await system.until(lambda: hears("WATCHDOG=1", 3), 3.0)
            os.kill(system.pid("launcher"), signal.SIGTERM)
            assert await system.ended(STOP_LIMIT_S) == 0
            assert hears("STOPPING=1", 1)
            assert not hears("READY=1", 2)


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Neither after an orderly end nor after kill -9 of the launcher alone."""
    mine = os.getsid(0)
    async with System(tmp_path) as system:
        assert len(list(system.wires.iterdir())) == 2 + len(CARDS)
        groups = set(system.groups)
        os.kill(system.pid("launcher"), signal.SIGKILL)
        await system.until(lambda: set(system.processes()) == {system.devices.process.pid}, 1.0)
        await system.start()
        await system.until_well()
        groups |= set(system.groups)
        os.kill(system.pid("launcher"), signal.SIGTERM)
        assert await system.ended(STOP_LIMIT_S) == 0
        await gone(system)
    assert not [pid for pid, session, _ in all_processes() if session in groups and session != mine]
    assert list((tmp_path / "wires").iterdir()) == []
    assert not [path for path in tmp_path.rglob("*") if path.is_socket() or path.is_symlink()]
