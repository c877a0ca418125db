"""A whole station and its devices: who is there stands on the bus; an exchanged meter is told of and costs nobody
energy."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import AcceptDevices, DeviceState, InstalledState
from drivers.simulated.meter import MeterFaults
from tests.journeys.rig import Rig
from tests.journeys.steps import charge, until_transaction_ends

EXCHANGED = "meter 'm1': serial number 4711 instead of 111"


def installed(rig: Rig) -> InstalledState | None:
    state = rig._view.get("installed")
    return state if isinstance(state, InstalledState) else None


def device(rig: Rig, topic: str) -> DeviceState:
    state = rig._view.get(f"device/{topic}")
    assert isinstance(state, DeviceState)
    return state


async def until_complete(rig: Rig) -> None:
    meter = rig.simulated._meters["m1"]
    meter.serial = meter.serial or 111
    await rig.until(lambda: (state := installed(rig)) is not None and state.is_complete)
    await rig.advance(5)


async def test_the_devices_of_a_station_say_who_they_are(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await until_complete(rig)
        assert installed(rig) == InstalledState(is_complete=True)
        for topic in ("connector/1", "meter/m1"):
            state = device(rig, topic)
            assert state.is_answering
            assert state.answers > 0
            assert state.identity.model
            assert state.note == ""


async def test_a_meter_exchanged_while_the_station_was_off_is_told_and_accepted(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await until_complete(rig)
        await rig.stop()
        rig.simulated._meters["m1"].serial = 4711
        await rig.boot_up()
        await until_complete(rig)
        state = installed(rig)
        assert state is not None
        assert len(state.differences) == 1
        assert state.differences[0].startswith(EXCHANGED)
        assert device(rig, "meter/m1").expected_serial
        assert (await rig.bus.call("station", AcceptDevices())).ok
        await rig.advance(5)
        assert installed(rig) == InstalledState(is_complete=True)
        assert device(rig, "meter/m1").expected_serial == ""


async def test_a_meter_exchanged_during_a_charge_adds_nothing_that_did_not_flow(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await until_complete(rig)
        await charge(rig)
        await rig.advance(120)
        meter = rig.simulated._meters["m1"]
        meter.set_faults(MeterFaults(silent=True))
        await rig.advance(30)
        meter.serial = 4711
        meter.set_faults(MeterFaults(silent=False, jump_wh=90.0))  # near enough to pass for the old one's
        await rig.until(lambda: (state := installed(rig)) is not None and bool(state.differences))
        await rig.advance(120)
        rig.unplug()
        await until_transaction_ends(rig)
        session = await rig.last_session()
        assert session.meter_start_wh is not None
        assert session.meter_stop_wh is not None
        billed_wh = session.meter_stop_wh - session.meter_start_wh
        assert billed_wh == pytest.approx(meter.true_wh, abs=20)
