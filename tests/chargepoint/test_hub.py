"""The hub with small services as tasks of one loop: who is restarted or parked, how all is stopped, what is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.last_run import LastRun, start_cause
from chargepoint.messages import (
    ActionResult,
    ChangeSettings,
    ClockState,
    EndStation,
    FactoryReset,
    Noted,
    RestartService,
    SecurityNoted,
    ServiceState,
    SupervisorState,
)
from chargepoint.one_process import House
from chargepoint.services import World
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import EventType, StartCause, StopSource
from tests.chargepoint.dummies import service, world
from tests.listening import heard

CLOCK = 1.8e9


def a_world(data: Path, *services: Any, boot_id: str = "boot-1") -> World:
    return world(data, services, make_clock=lambda: Clock(boot_id, offset_s=CLOCK, source="system"))


class Peer:
    """A visitor's bus in a house, running while the block does."""

    def __init__(self, house: House, name: str = "admin") -> None:
        self.bus: Bus = house.connect(name)
        self._running = asyncio.create_task(self.bus.run())
        self.view = self.bus.watch("")

    async def __aenter__(self) -> Peer:
        await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.bus.close()
        await self._running

    def service(self, name: str) -> ServiceState:
        state = self.view.get(f"service/{name}")
        assert isinstance(state, ServiceState)
        return state

    def supervisor(self) -> SupervisorState:
        state = self.view.get("supervisor")
        assert isinstance(state, SupervisorState)
        return state


def diary(data: Path) -> list[str]:
    path = data / "diary"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def test_all_services_are_started_and_told_of(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"), service("ocpp"))) as house, Peer(house) as peer:
        await asyncio.sleep(1.0)
        assert [peer.service(name).status for name in ("station", "ocpp")] == ["running", "running"]
        assert peer.supervisor().start_cause is StartCause.POWER_ON
        assert not peer.supervisor().is_degraded
        clock = peer.view.get("clock")
        assert clock == ClockState(is_set=True, offset_s=CLOCK, source="system")


async def test_a_service_for_which_the_station_has_no_section_does_not_run(tmp_path: Path) -> None:
    services = (service("station", "station"), service("rfid", section="reader", is_door=True))
    async with House(a_world(tmp_path, *services)) as house, Peer(house) as peer:
        await asyncio.sleep(1.0)
        assert peer.service("station").status == "running"
        assert peer.view.get("service/rfid") is None


async def test_a_service_that_dies_is_started_again_and_the_others_are_not(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"), service("ocpp"))) as house, Peer(house) as peer:
        house.kill("ocpp")
        await asyncio.sleep(2.0)
        assert (peer.service("ocpp").status, peer.service("ocpp").restarts) == ("running", 1)
        assert peer.service("ocpp").last_end == "killed"
        assert peer.service("station").restarts == 0
    assert any("SERVICE_RESTARTED Died ocpp" in line for line in diary(tmp_path))


async def test_a_service_whose_work_stands_still_is_ended_in_time_and_started_again(tmp_path: Path) -> None:
    hangs = service("station", "stuck", beat_limit_s=3.0)
    async with House(a_world(tmp_path, hangs)) as house, Peer(house) as peer:
        await asyncio.sleep(2.9)
        assert peer.service("station").restarts == 0
        await asyncio.sleep(1.0)
        assert peer.service("station").restarts == 1
        assert peer.service("station").last_end.startswith("watchdog: no beat for 3.")


async def test_a_service_that_never_gets_ready_is_ended_by_its_own_limit(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("ocpp", "silent", start_limit_s=5.0))) as house, Peer(house) as peer:
        await asyncio.sleep(6.0)
        assert peer.service("ocpp").last_end.startswith("watchdog")


async def test_a_service_that_cannot_live_is_parked_and_the_rest_goes_on_degraded(tmp_path: Path) -> None:
    services = (service("station", "station"), service("ocpp", "crash"))
    async with House(a_world(tmp_path, *services)) as house, Peer(house) as peer:
        await asyncio.sleep(5.0)
        assert peer.service("ocpp").status == "parked"
        assert peer.supervisor().is_degraded
        assert peer.service("station").status == "running"
        restarts = peer.service("ocpp").restarts
        assert restarts == 3
        await asyncio.sleep(500.0)
        assert peer.service("ocpp").restarts == restarts  # never a storm
        await asyncio.sleep(200.0)
        assert peer.service("ocpp").restarts > restarts  # but what made it die may have gone
    assert any("Parked ocpp" in line for line in diary(tmp_path))


async def test_a_parked_service_is_started_when_somebody_asks(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("ocpp", "crash"))) as house, Peer(house) as peer:
        await asyncio.sleep(5.0)
        assert peer.service("ocpp").status == "parked"
        restarts = peer.service("ocpp").restarts
        assert (await peer.bus.call("hub", RestartService(name="ocpp", by="anna"))).ok
        await asyncio.sleep(0.005)
        assert peer.service("ocpp").restarts == restarts + 1


async def test_a_restart_that_was_asked_for_is_in_order_and_no_death(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"), service("rfid"))) as house, Peer(house) as peer:
        result = await peer.bus.call("hub", RestartService(name="rfid", by="anna"))
        assert result.ok
        await asyncio.sleep(1.0)
        assert (peer.service("rfid").status, peer.service("rfid").restarts) == ("running", 1)
        assert peer.service("rfid").last_end == "restart asked by anna (admin)"
        assert "rfid stopped" in diary(tmp_path)
        unknown = await peer.bus.call("hub", RestartService(name="rifd", by="anna"))
        assert (unknown.ok, unknown.code) == (False, "unknown_service")
    assert not any("Died" in line for line in diary(tmp_path))


async def test_a_service_that_does_not_obey_a_restart_is_killed(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("rfid", "deaf"))) as house, Peer(house) as peer:
        await peer.bus.call("hub", RestartService(name="rfid", by="anna"))
        await asyncio.sleep(1.5)
        assert peer.service("rfid").restarts == 0
        await asyncio.sleep(1.0)
        assert peer.service("rfid").restarts == 1


async def test_the_orderly_stop_ends_doors_then_station_then_ocpp(tmp_path: Path) -> None:
    services = (
        service("station", "station"),
        service("ocpp"),
        service("helper"),
        service("rfid", is_door=True),
        service("hmi", is_door=True),
    )
    async with House(a_world(tmp_path, *services)) as house:
        await asyncio.sleep(1.0)
        assert await house.leave(0, StopSource.APP_RESTART) == 0
    lines = diary(tmp_path)
    assert set(lines[:2]) == {"rfid stopped", "hmi stopped"}
    assert lines[2:] == ["station prepared APP_RESTART 0", "station stopped", "ocpp stopped", "helper stopped"]


async def test_a_reset_gives_its_exit_code_and_its_source_to_the_station(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"))) as house, Peer(house, "ocpp") as peer:
        reset = EndStation(exit_code=20, stop_source=StopSource.OCPP_HARD_RESET, by="server")
        result = await peer.bus.call("hub", reset)
        assert result == ActionResult(ok=True, code="ok", text="The station ends: reboot.")
        assert await house.wait() == 20
    assert "station prepared OCPP_HARD_RESET 20" in diary(tmp_path)


async def test_an_exit_code_that_means_nothing_is_refused(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"))) as house, Peer(house) as peer:
        result = await peer.bus.call("hub", EndStation(exit_code=7, stop_source=StopSource.OTHER, by="x"))
        assert (result.ok, result.code) == (False, "unknown_exit_code")


async def test_services_that_do_not_stop_do_not_hold_up_the_end(tmp_path: Path) -> None:
    services = (service("station", "deaf"), service("ocpp", "deaf"), service("rfid", "deaf", is_door=True))
    async with House(a_world(tmp_path, *services)) as house:
        await asyncio.sleep(1.0)
        begun_s = asyncio.get_running_loop().time()
        assert await house.leave(0, StopSource.APP_RESTART) == 0
        assert asyncio.get_running_loop().time() - begun_s <= 3.0


async def test_nothing_is_restarted_while_all_is_being_stopped(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "slow_to_prepare"), service("ocpp"))) as house:
        async with Peer(house) as peer:
            await asyncio.sleep(1.0)
            house.hub.leave(0, StopSource.APP_RESTART)
            await asyncio.sleep(0.1)
            house.kill("ocpp")
            await asyncio.sleep(0.5)
            assert peer.service("ocpp").status == "stopped"
        assert await house.wait() == 0


async def test_a_hub_that_was_held_up_blames_nobody(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station", beat_limit_s=3.0))) as house, Peer(house) as peer:
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().jump(20.0)  # type: ignore[attr-defined]
        await asyncio.sleep(2.0)
        assert peer.service("station").restarts == 0


# ---------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize(
    ("last", "cause"),
    [
        (None, StartCause.POWER_ON),
        (LastRun("boot-0", None), StartCause.POWER_ON),
        (LastRun("boot-0", 0), StartCause.POWER_ON),
        (LastRun("boot-0", 20), StartCause.HARD_RESET),
        (LastRun("boot-0", 21), StartCause.POWER_ON),
        (LastRun("boot-1", None), StartCause.CRASH),
        (LastRun("boot-1", 0), StartCause.SERVICE_RESTART),
        (LastRun("boot-1", 30), StartCause.SOFT_RESET),
        (LastRun("boot-1", 10), StartCause.SOFT_RESET),
    ],
)
def test_why_it_starts_is_told_by_how_it_ended(last: LastRun | None, cause: StartCause) -> None:
    assert start_cause(last, "boot-1") is cause


async def test_starts_and_crashes_are_counted_over_all_runs(tmp_path: Path) -> None:
    def run(boot_id: str = "boot-1") -> House:
        return House(a_world(tmp_path, service("station", "station"), boot_id=boot_id))

    async def state(house: House) -> tuple[StartCause, int, int]:
        async with Peer(house) as peer:
            await asyncio.sleep(0.5)
            told = peer.supervisor()
            return told.start_cause, told.boots, told.crashes

    async with run() as house:
        assert await state(house) == (StartCause.POWER_ON, 1, 0)
        await house.leave(30, StopSource.OCPP_SOFT_RESET)
    async with run() as house:
        assert await state(house) == (StartCause.SOFT_RESET, 2, 0)
        await house.cut_power()
    async with run() as house:
        assert await state(house) == (StartCause.CRASH, 3, 1)
        await house.cut_power()
    async with run("boot-2") as house:
        assert await state(house) == (StartCause.POWER_ON, 4, 1)
        await house.leave(20, StopSource.OCPP_HARD_RESET)
    async with run("boot-3") as house:
        assert await state(house) == (StartCause.HARD_RESET, 5, 1)


async def test_settings_are_there_for_whoever_comes_after_a_restart(tmp_path: Path) -> None:
    async with House(a_world(tmp_path)) as house, Peer(house, "ocpp") as peer:
        await peer.bus.call("hub", ChangeSettings(values={"ocpp.HeartbeatInterval": "60"}, by="server"))
        await house.cut_power()
    async with House(a_world(tmp_path)) as house, Peer(house) as peer:
        settings: Any = peer.view.get("settings")
        assert settings.values == {"ocpp.HeartbeatInterval": "60"}


async def test_the_station_works_without_its_settings_when_they_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "hub" / "settings.db").mkdir(parents=True)  # nothing that could be opened or replaced by a file
    async with House(a_world(tmp_path, service("station", "station"))) as house, Peer(house) as peer:
        await asyncio.sleep(1.0)
        assert peer.service("station").status == "running"


@pytest.mark.parametrize("time", ["2026-01-01", "9999-12-31T23:59:59", "yesterday", "0001-01-01T00:00:00+23:59"])
async def test_nonsense_among_what_the_hub_remembers_does_not_stop_the_station(tmp_path: Path, time: str) -> None:
    (tmp_path / "hub").mkdir()
    store = await SettingsStore.open(tmp_path / "hub", Clock("boot-1", offset_s=CLOCK, source="system"))
    await store.set_facts(
        {"boots": "many", "crashes": "-", "boot_id": "boot-0", "exit_code": "x", "deaths.station": "?"}
    )
    await store.set_facts({"last_known_time": time})
    await store.close()
    async with House(a_world(tmp_path, service("station", "station"))) as house, Peer(house) as peer:
        await asyncio.sleep(1.0)
        assert peer.supervisor().boots == 1
        clock = peer.view.get("clock")
        assert clock == ClockState(is_set=True, offset_s=CLOCK, source="system")
        house.kill("station")
        await asyncio.sleep(1.0)


async def test_forged_messages_are_noted_for_the_security_journal(tmp_path: Path) -> None:
    async with House(a_world(tmp_path)) as house, Peer(house, "station") as station, Peer(house, "rfid") as rfid:
        heard = station.bus.subscribe(SecurityNoted)
        assert (await anext(heard)).type == "StartupOfTheDevice"
        with pytest.raises(CallFailed, match="rfid may not send EndStation"):
            await rfid.bus.call("hub", EndStation(exit_code=0, stop_source=StopSource.OTHER, by="x"))
        note = await anext(heard)
        assert (note.type, note.source) == ("InvalidMessages", "rfid")


async def security_events(house: House) -> list[str]:
    """Types of the security events of a start, as `station` gets them."""
    async with Peer(house, "station") as station:
        notes = station.bus.subscribe(SecurityNoted)
        await asyncio.sleep(0.5)
        return [note.type for note in await heard(notes)]


@pytest.mark.ocpp("A04-StartupOfTheDevice", "A04-ResetOrReboot", "A04-FirmwareUpdated")
async def test_starts_resets_and_other_versions_are_security_events(tmp_path: Path) -> None:
    async with House(a_world(tmp_path)) as house:
        assert await security_events(house) == ["StartupOfTheDevice"]
        await house.leave(30, StopSource.OCPP_SOFT_RESET)
    async with House(a_world(tmp_path)) as house:
        assert await security_events(house) == ["StartupOfTheDevice", "ResetOrReboot"]
        await house.cut_power()
    store = await SettingsStore.open(tmp_path / "hub", Clock("boot-1", offset_s=CLOCK, source="system"))
    await store.set_facts({"version": "0.0.1"})
    await store.close()
    async with House(a_world(tmp_path)) as house:
        assert await security_events(house) == ["StartupOfTheDevice", "ResetOrReboot", "FirmwareUpdated"]


@pytest.mark.ocpp("A04-MemoryExhaustion")
async def test_a_service_out_of_memory_is_a_security_event(tmp_path: Path) -> None:
    hungry = service("ocpp", "hungry")
    async with House(a_world(tmp_path, hungry)) as house:
        assert "MemoryExhaustion" in await security_events(house)


async def test_a_damaged_station_file_is_noted(tmp_path: Path) -> None:
    damaged = world(tmp_path, (service("station", "station"),), config_damage=("key x: is no key",))
    async with House(damaged):
        await asyncio.sleep(1.0)
    assert any("STATION_CONFIGURED Error" in line for line in diary(tmp_path))


async def test_only_the_service_that_needs_them_gets_the_secrets(tmp_path: Path) -> None:
    services = (service("ocpp", "tells_secrets", has_secrets=True), service("rfid", "tells_secrets"))
    async with House(world(tmp_path, services, secrets=Secrets(ocpp_authorization_key="0123456789abcdef"))):
        await asyncio.sleep(1.0)
    lines = diary(tmp_path)
    assert "ocpp knows 16 characters" in lines
    assert "rfid knows 0 characters" in lines


async def test_notes_of_a_restart_of_station_reach_the_next_station(tmp_path: Path) -> None:
    async with House(a_world(tmp_path, service("station", "station"))) as house, Peer(house, "ocpp") as peer:
        await asyncio.sleep(0.5)
        house.kill("station")
        peer.bus.publish(Noted(event_type=EventType.WEBSOCKET_STATE, action="Open"))
        await asyncio.sleep(1.0)
    lines = diary(tmp_path)
    assert any("WEBSOCKET_STATE Open" in line for line in lines)
    assert any("SERVICE_RESTARTED Died station" in line for line in lines)


@pytest.mark.parametrize("exit_code", [0, 10, 11, 12, 21])
async def test_the_link_to_the_central_system_may_reset_the_station_and_nothing_else(
    tmp_path: Path, exit_code: int
) -> None:
    async with House(a_world(tmp_path)) as house, Peer(house, "ocpp") as peer:
        asked = EndStation(exit_code=exit_code, stop_source=StopSource.OCPP_HARD_RESET, by="server")
        assert (await peer.bus.call("hub", asked)).code == "forbidden"


@pytest.mark.parametrize(("way", "is_armed"), [("reboot", False), ("power", True)])
async def test_a_reboot_from_afar_is_no_proof_of_presence_for_a_factory_reset(
    tmp_path: Path, way: str, is_armed: bool
) -> None:
    async with House(a_world(tmp_path)) as house, Peer(house) as peer:
        assert (await peer.bus.call("hub", FactoryReset(by="anna"))).code == "armed"
        if way == "reboot":
            assert (await peer.bus.call("hub", EndStation(exit_code=20, stop_source=StopSource.OTHER, by="x"))).ok
            assert await house.wait() == 20
        else:
            await house.cut_power()
    store = await SettingsStore.open(tmp_path / "hub", Clock("boot-2"))
    assert (store.fact("factory_reset") is not None) is is_armed
    await store.close()
