"""The launcher with real processes: killed, stopped, crashing and hostile ones; the hub's death; the orderly stop."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import random
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chargepoint.door import AdminBus, NobodyHome
from chargepoint.launcher import Launcher, Options
from chargepoint.messages import ActionResult, EndStation, PrivilegedDeed, RestartService, ServiceState, State
from chargepoint.notify import ServiceNotifier
from chargepoint.vocabulary import StopSource
from tests.chargepoint import dummies

REPOSITORY = Path(__file__).parents[2]
STATION: dict[str, Any] = {"entry": "station", "beat_limit_s": 1.0}
PATIENCE_S = 20.0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_with_a_second_name_elsewhere_is_not_given_away(tmp_path: Path) -> None:
    world = dummies.world(tmp_path / "data", (dummies.service("fota"),))
    other, folder = tmp_path / "slots.json", world.folder("fota")
    other.write_text("of root")
    (folder / "x").hardlink_to(other)
    (folder / "y").touch()
    launcher = Launcher(world, Options(drops_privileges=True))
    launcher._give_folder(world.service("fota"), pwd.getpwnam("nobody"))
    assert (other.stat().st_uid, (folder / "y").stat().st_uid) == (0, pwd.getpwnam("nobody").pw_uid)


class Launched:
    """A launcher as a process of its own, with small services."""

    def __init__(self, data: Path, services: dict[str, dict[str, Any]], **environment: str) -> None:
        self.data = data
        self._services = services
        self._environment = environment

    async def __aenter__(self) -> Launched:
        self.log = (self.data / "log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chargepoint.dummies", str(self.data), json.dumps({"services": self._services}),
            cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, **self._environment},
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 5.0)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.log.close()

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        return await asyncio.wait_for(self.process.wait(), within_s)

    async def states(self, is_wished: Callable[[dict[str, State]], bool]) -> dict[str, State]:
        """All retained states as soon as they are as wished."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(NobodyHome):
                    async with AdminBus.connect(self.data) as bus:
                        view = bus.watch("")
                        async for _ in view.changes():
                            found = {topic: view.get(topic) for topic in view.topics()}
                            states = {topic: state for topic, state in found.items() if state is not None}
                            if is_wished(states):
                                return states
                await asyncio.sleep(0.05)

    async def running(self, *names: str) -> dict[str, int]:
        """Process ids of these services, once all of them run."""
        states = await self.states(lambda states: all(status(states, name) == "running" for name in names))
        return {name: service(states, name).pid for name in names}

    def diary(self) -> list[str]:
        path = self.data / "diary"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def logged(self) -> str:
        return (self.data / "log").read_text(encoding="utf-8", errors="replace")


def service(states: dict[str, State], name: str) -> ServiceState:
    state = states.get(f"service/{name}")
    return (
        state
        if isinstance(state, ServiceState)
        else ServiceState(name=name, status="", pid=0, restarts=0, since_mono_s=0.0)
    )


def status(states: dict[str, State], name: str) -> str:
    return service(states, name).status


def restarts(states: dict[str, State], name: str) -> int:
    return service(states, name).restarts


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.realtime
async def test_a_killed_service_comes_back_and_the_others_do_not_notice(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "ocpp": {"entry": "steady"}}) as launched:
        before = await launched.running("station", "ocpp")
        os.kill(before["ocpp"], signal.SIGKILL)
        states = await launched.states(lambda s: restarts(s, "ocpp") == 1 and status(s, "ocpp") == "running")
        assert service(states, "station").pid == before["station"]
        assert service(states, "ocpp").pid != before["ocpp"]
        assert service(states, "ocpp").last_end == "signal 9 (SIGKILL)"


@pytest.mark.realtime
async def test_a_stopped_process_is_a_hang_and_is_ended(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "ocpp": {"entry": "steady"}}) as launched:
        before = await launched.running("station", "ocpp")
        os.kill(before["station"], signal.SIGSTOP)
        states = await launched.states(lambda s: restarts(s, "station") == 1 and status(s, "station") == "running")
        assert service(states, "station").last_end.startswith("watchdog: no beat for 1.")
        assert service(states, "ocpp").pid == before["ocpp"]
        assert not is_alive(before["station"])


@pytest.mark.realtime
async def test_crashing_greedy_and_babbling_services_are_parked_and_the_rest_goes_on(tmp_path: Path) -> None:
    services: dict[str, dict[str, Any]] = {
        "station": STATION,
        "ocpp": {"entry": "crash"},
        "fota": {"entry": "hog"},
        "hmi": {"entry": "garbage"},
    }
    async with Launched(tmp_path, services) as launched:
        before = await launched.running("station")
        states = await launched.states(lambda s: all(status(s, n) == "parked" for n in ("ocpp", "fota", "hmi")))
        assert service(states, "station").pid == before["station"]
        supervisor: Any = states["supervisor"]
        assert supervisor.is_degraded
        assert "MemoryError" in launched.logged()
    assert sum("Parked" in line for line in launched.diary()) == 3


@pytest.mark.realtime
async def test_when_the_hub_dies_everything_is_started_anew(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "ocpp": {"entry": "steady"}}) as launched:
        before = await launched.running("station", "ocpp")
        (hub,) = children_named(launched.process.pid, "cp-hub")
        os.kill(hub, signal.SIGKILL)
        states = await launched.states(
            lambda s: all(status(s, n) == "running" and service(s, n).pid != before[n] for n in before)
        )
        supervisor: Any = states["supervisor"]
        assert (supervisor.start_cause, supervisor.boots, supervisor.crashes) == ("CRASH", 2, 1)
        assert not any(is_alive(pid) for pid in before.values())
        assert "stopped" not in " ".join(launched.diary())  # they left at once: nothing was ended in order


@pytest.mark.realtime
async def test_ctrl_c_stops_everything_in_order_and_leaves_nobody(tmp_path: Path) -> None:
    services: dict[str, dict[str, Any]] = {
        "station": STATION,
        "ocpp": {"entry": "steady"},
        "rfid": {"entry": "steady", "is_door": True},
    }
    async with Launched(tmp_path, services) as launched:
        before = await launched.running("station", "ocpp", "rfid")
        for pid in (*before.values(), launched.process.pid):  # as a terminal does: to all of them
            os.kill(pid, signal.SIGINT)
        assert await launched.ended(within_s=3.5) == 0
        assert launched.diary() == ["rfid stopped", "station prepared APP_RESTART 0", "station stopped", "ocpp stopped"]
        assert not any(is_alive(pid) for pid in before.values())
    with pytest.raises(NobodyHome):
        async with AdminBus.connect(tmp_path):
            pass


@pytest.mark.realtime
async def test_a_reset_ends_with_its_exit_code(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION}) as launched:
        await launched.running("station")
        async with AdminBus.connect(tmp_path) as bus:
            request = EndStation(exit_code=30, stop_source=StopSource.OCPP_SOFT_RESET, by="test")
            assert (await bus.call("hub", request)).ok
        assert await launched.ended() == 30
        assert "station prepared OCPP_SOFT_RESET 30" in launched.diary()


@pytest.mark.realtime
async def test_a_service_that_blocks_when_it_is_to_stop_costs_at_most_three_seconds(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "ocpp": {"entry": "blocked"}}) as launched:
        before = await launched.running("station", "ocpp")
        launched.process.send_signal(signal.SIGTERM)
        assert await launched.ended(within_s=3.8) == 0
        assert "station stopped" in launched.diary()
        assert not is_alive(before["ocpp"])


@pytest.mark.realtime
async def test_a_second_station_on_one_data_directory_is_refused_quickly(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION}) as first:
        before = await first.running("station")
        async with Launched(tmp_path, {"station": STATION}) as second:
            assert await second.ended(within_s=5.0) == 3
            assert f"a station runs on it already (process {first.process.pid})" in second.logged()
        assert await first.running("station") == before


@pytest.mark.realtime
async def test_when_the_launcher_is_killed_nobody_lives_on(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "ocpp": {"entry": "steady"}}) as launched:
        before = await launched.running("station", "ocpp")
        launched.process.kill()
        await launched.process.wait()
        async with asyncio.timeout(2.0):
            while any(is_alive(pid) for pid in before.values()):
                await asyncio.sleep(0.01)


@pytest.mark.realtime
async def test_a_restart_asked_for_by_name(tmp_path: Path) -> None:
    async with Launched(tmp_path, {"station": STATION, "rfid": {"entry": "steady"}}) as launched:
        before = await launched.running("station", "rfid")
        async with AdminBus.connect(tmp_path) as bus:
            result: ActionResult = await bus.call("hub", RestartService(name="rfid", by="test"))
            assert result.ok
        states = await launched.states(lambda s: restarts(s, "rfid") == 1 and status(s, "rfid") == "running")
        assert service(states, "station").pid == before["station"]


@pytest.mark.realtime
async def test_systemd_is_told_ready_and_stopping_and_its_watchdog_is_fed(tmp_path: Path) -> None:
    path = f"\0chargepoint-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(path)
        environment = {"NOTIFY_SOCKET": "@" + path[1:], "WATCHDOG_USEC": "400000"}
        async with Launched(tmp_path, {"station": STATION}, **environment) as launched:
            await launched.running("station")
            await asyncio.sleep(0.7)
            launched.process.send_signal(signal.SIGTERM)
            await launched.ended()
        said = []
        with suppress(BlockingIOError):
            while True:
                said += systemd.recv(4096).decode().splitlines()
        assert "READY=1" in said
        assert said.count("WATCHDOG=1") >= 3
        assert "STOPPING=1" in said


def test_nobody_is_told_anything_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = ServiceNotifier()
    notifier.say("READY=1")
    assert notifier.watchdog_s == 0.0
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    monkeypatch.setenv("WATCHDOG_USEC", "nonsense")
    ServiceNotifier().say("READY=1")
    assert "NOTIFY_SOCKET" not in os.environ, "services do not find it there"


def children_named(parent: int, name: str) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == name]


@pytest.mark.long
@pytest.mark.realtime
async def test_whatever_is_killed_or_stopped_the_house_comes_back(tmp_path: Path) -> None:
    names = ("station", "ocpp", "rfid")
    lasting = {"restart": {"delays_s": [0.0, 0.05], "parked_after": 0}}
    services = {"station": {**STATION, **lasting}, "ocpp": {"entry": "steady", "beat_limit_s": 1.0, **lasting}}
    services["rfid"] = {"entry": "steady", "is_door": True, "beat_limit_s": 1.0, **lasting}
    chance = random.Random(20261121)
    async with Launched(tmp_path, services) as launched:
        for _ in range(60):
            before = await launched.running(*names)
            # the hub more rarely: the launcher gives up when it dies again and again
            if chance.random() < 0.05:
                (victim,) = children_named(launched.process.pid, "cp-hub")
            else:
                victim = before[chance.choice(names)]
            os.kill(victim, chance.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV)))
            await launched.states(lambda s: all(status(s, n) == "running" for n in names) and victim not in pids(s))  # noqa: B023
            assert not is_alive(victim)
        launched.process.send_signal(signal.SIGINT)
        assert await launched.ended(within_s=3.8) == 0


def pids(states: dict[str, State]) -> set[int]:
    return {state.pid for state in states.values() if isinstance(state, ServiceState)}


@pytest.mark.realtime
async def test_a_service_that_rests_is_a_process_only_while_it_is_needed(tmp_path: Path) -> None:
    services = {"station": STATION, "helper": {"entry": "obliging", "rests_after_s": 0.5}}
    async with Launched(tmp_path, services) as launched:
        await launched.running("station")
        async with AdminBus.connect(tmp_path) as bus:
            for name in ("first", "second"):
                assert (await bus.call("helper", PrivilegedDeed(name=name, by="anna"))).text == name
                pid = (await launched.running("helper"))["helper"]
                states = await launched.states(lambda states: status(states, "helper") == "resting")
                assert service(states, "helper").pid == 0
                assert not Path(f"/proc/{pid}").exists()
