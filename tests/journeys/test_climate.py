"""The cabinet's climate in a whole station: heat takes power away and gives it back, cold and silence are survived."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chargepoint import sample_history
from chargepoint.messages import ClimatePage, ReadClimate, StationState
from chargepoint.station.cabinet import climate
from chargepoint.vocabulary import ClimateZone, StopSource, TechnicalStatus
from drivers.simulated.climate_model import ClimateFaults
from tests.journeys.cabinets import MODULE, charging, climate_state, output_state, seen, switchings
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import show_card

SENSORS = """
[[port]]
name = "air"
device = "air"
[[sensor]]
name = "front"
zone = "front"
driver = "xy_md02"
port = "air"
address = 1
[[sensor]]
name = "outer"
zone = "outer"
driver = "xy_md02"
port = "air"
address = 2
"""
SWITCHES = """
[[output]]
name = "heater"
function = "heater"
io = "io"
channel = 0
zone = "front"
[[output]]
name = "fan"
function = "fan"
io = "io"
channel = 1
[[output]]
name = "main"
function = "main_relay"
io = "io"
channel = 2
"""
WARM = ONE_AC + SENSORS
CABINET = ONE_AC + MODULE + SENSORS + SWITCHES


async def air(rig: Rig, temperature_c: float | None = None, name: str = "front", **faults: bool) -> None:
    """The air changes; wait until the rules have seen it (a jump counts when it stays)."""
    deed = msgspec.structs.replace(ClimateFaults(temperature_c=temperature_c), **faults)
    rig.simulated.do("sensor", name, deed)
    await rig.advance(25)


def granted_w(rig: Rig) -> float:
    state = rig.state()
    return state.grant.power_w if state is not None and state.grant is not None else 0.0


@pytest.mark.parametrize(("temperature_c", "share"), [pytest.param(55.0, 1.0, marks=pytest.mark.long), (62.5, 0.5)])
async def test_heat_leaves_part_of_the_power_and_says_so(tmp_path: Path, temperature_c: float, share: float) -> None:
    async with Rig(tmp_path, WARM, is_linked=False) as rig:
        await rig.advance(6)
        rig.plug(current_a=32)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        assert granted_w(rig) == pytest.approx(22_000)
        await air(rig, temperature_c)
        assert granted_w(rig) == pytest.approx(22_000 * share, rel=0.01)
        if share < 1:
            state = rig.state()
            assert state is not None
            assert state.grant is not None
            assert state.grant.source == "climate"
            assert "warm" in state.why
            assert "warm" in climate_state(rig).why
        await air(rig, 20.0)
        await rig.advance(30)
        assert granted_w(rig) == pytest.approx(22_000)


async def test_too_hot_ends_the_charge_and_cool_again_allows_the_next(tmp_path: Path) -> None:
    async with Rig(tmp_path, WARM) as rig:
        await rig.online()
        await charging(rig)
        await air(rig, 71.0)
        assert rig.status() == "ERROR"
        assert climate_state(rig).stops
        assert (await rig.last_session()).stop_source is StopSource.OVERHEAT
        assert (await show_card(rig)).outcome == "unavailable"
        await air(rig, 40.0)
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(5)
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.drained()
        assert rig.system.ledger.transactions[0].reason == "EmergencyStop"
        told = [c.payload["errorCode"] for c in rig.system.ledger.calls("StatusNotification")]
        assert "HighTemperature" in told
        await rig.check()


@pytest.mark.parametrize("how", ["silent", pytest.param("failed", marks=pytest.mark.long)])
async def test_a_lost_sensor_halves_the_power_and_is_a_warning(tmp_path: Path, how: str) -> None:
    async with Rig(tmp_path, WARM, is_linked=False) as rig:
        await charging(rig)
        await air(rig, None, "front", **{how: True})
        station = seen(rig, "station")
        assert isinstance(station, StationState)
        assert station.technical is TechnicalStatus.WARNING
        assert climate_state(rig).power_pct == 100.0, "a short silence changes nothing"
        await rig.advance(50)
        assert climate_state(rig).power_pct == 50.0
        assert "no sensor answers" in climate_state(rig).why
        assert granted_w(rig) <= 11_000
        assert rig.status() == "CHARGING"
        await air(rig, None, "front", **{how: False})
        assert climate_state(rig).power_pct == 100.0


async def test_a_sensor_outside_only_informs(tmp_path: Path) -> None:
    async with Rig(tmp_path, WARM, is_linked=False) as rig:
        await rig.advance(6)
        await air(rig, 80.0, "outer")
        state = climate_state(rig)
        assert state.power_pct == 100.0
        assert not state.stops
        assert {each.name: each.temperature_c for each in state.sensors}["outer"] == 80.0


async def test_heater_fan_and_main_relay_follow_the_air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEATER_LEAST_S", "FAN_LEAST_S", "MAIN_RELAY_LEAST_S"):  # the rules' own tests know the real ones
        monkeypatch.setattr(climate, name, 20.0)
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await rig.until(lambda: output_state(rig, "main").is_on)
        await air(rig, 0.0)
        assert output_state(rig, "heater").is_on
        assert climate_state(rig).heaters == (ClimateZone.FRONT,)
        await air(rig, 40.0)
        assert not output_state(rig, "heater").is_on
        assert output_state(rig, "fan").is_on
        await air(rig, -35.0)
        assert not output_state(rig, "main").is_on
        assert climate_state(rig).main_relay is False
        assert rig.status() == "ERROR"
        assert (await show_card(rig)).outcome != "started"


async def test_a_restart_moves_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await rig.until(lambda: output_state(rig, "main").is_on)
        await air(rig, 0.0)
        before = [switchings(rig, channel) for channel in range(3)]
        await rig.crash()
        await rig.advance(0.5)
        await rig.boot_up()
        await rig.advance(20)
        assert [switchings(rig, channel) for channel in range(3)] == before


async def test_a_dead_software_switches_everything_off(tmp_path: Path) -> None:
    async with Rig(tmp_path, CABINET, is_linked=False) as rig:
        await rig.until(lambda: output_state(rig, "main").is_on)
        await air(rig, 0.0)
        await rig.crash()
        await rig.advance(4)
        assert not any(rig.simulated.model("io", "io").outputs)
        await rig.boot_up()


async def test_the_graph_survives_an_orderly_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_history, "STEP_S", 20.0)
    async with Rig(tmp_path, WARM, is_linked=False) as rig:
        await rig.advance(65)
        await rig.stop()
        await rig.boot_up()
        page = await rig.bus.call("station", ReadClimate(sensor="front"))
        assert isinstance(page, ClimatePage)
        assert len(page.points) == 3
        assert page.points[0].temperature_c == pytest.approx(20.0, abs=5)
        assert [b.at > a.at for a, b in zip(page.points, page.points[1:], strict=False)] == [True, True]
        assert (await rig.bus.call("station", ReadClimate(sensor="none"))).points == ()
