"""Bad input from the wires: buses, meters, controllers, vehicles (fault-cases B015 to B026)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from chargepoint.messages import ClearFault, ReadHistory
from chargepoint.records import Happened
from chargepoint.vocabulary import SessionFlag, StopSource
from drivers.simulated.bus import PortFaults
from drivers.simulated.meter import MeterFaults
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import (
    charge,
    leave,
    plug,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)

TWO_WIRES = ONE_AC.replace('port = "bus"\naddress = 10', 'port = "meters"\naddress = 10').replace(
    '[[port]]\nname = "reader"', '[[port]]\nname = "meters"\ndevice = "meters"\n[[port]]\nname = "reader"'
)
"""Controller and meter on wires of their own."""

WH_PER_S = 22_000 / 3600


def closings(rig: Rig, connector: int = 1) -> list[float]:
    return [event.at_s for event in rig.simulated.contactor_log(connector) if event.closed]


def most_in_a_minute(times: list[float]) -> int:
    return max((sum(1 for other in times if 0 <= other - at < 60) for at in times), default=0)


async def energies(rig: Rig) -> list[int]:
    """The register in the 15-second rows of the last session."""
    page = await rig.bus.call("station", ReadHistory(session_id=(await rig.last_session()).session_id))
    return [row.energy_wh for row in page.rows if row.energy_wh is not None]


# --------------------------------------------------------------------------------------------------------- the wires


@pytest.mark.parametrize(
    "faults",
    [
        PortFaults(garbage=0.1),
        PortFaults(crc=0.2),
        PortFaults(garbage=0.3, crc=0.3),
        PortFaults(wrong="address", wrong_share=0.2),
        PortFaults(wrong="function", wrong_share=0.2),
        PortFaults(wrong="length", wrong_share=0.2),
        PortFaults(wrong="exception", wrong_share=0.2),
        PortFaults(wrong="echo", wrong_share=0.2),
        PortFaults(wrong="truncated", wrong_share=0.2),
        PortFaults(delay_s=0.05, jitter_s=0.3),
    ],
    ids=["garbage", "crc", "both", "address", "function", "length", "exception", "echo", "truncated", "late"],
)
async def test_a_charge_goes_on_over_a_bad_wire_and_no_wrong_value_is_taken(tmp_path: Path, faults: PortFaults) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        rig.simulated.disturb("bus", faults)
        for _ in range(50):
            await rig.advance(1)
            state, truth = rig.state(), rig.simulated.state()
            assert state is not None
            assert state.reading is not None
            assert state.reading.power_w <= 22_100
            assert state.meter is not None
            assert state.meter.energy_wh <= (truth.meter("m1").import_wh or 0) + 1
            assert state.meter.power_w <= 22_100
        assert truth.port("bus").replies > 40
        rig.simulated.restore("bus")
        await rig.advance(3)
        assert rig.status() == "CHARGING"
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        await leave(rig)
        assert len(await rig.sessions()) == 1
        await settle(rig)


async def test_a_port_that_vanishes_and_returns_is_found_again(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        rig.simulated.cut("bus", unplug=True)
        await rig.until_status("UNAVAILABLE", within_s=15)
        await rig.advance(60)
        rig.simulated.restore("bus")
        await until_transaction_ends(rig, within_s=10)
        session = await leave(rig)
        assert session.stop_source is StopSource.UNAVAILABLE
        await usable(rig)
        await rig.drained()
        await rig.check(tolerance_wh=60)


async def test_a_port_that_vanishes_for_a_moment_costs_no_session(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        rig.simulated.cut("bus", unplug=True)
        await rig.advance(4)
        rig.simulated.restore("bus")
        await until_energy_flows(rig)
        await rig.advance(20)
        await leave(rig)
        assert len(await rig.sessions()) == 1
        await settle(rig)


async def test_a_station_starts_without_its_ports_and_works_when_they_come(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.stop()
        rig.simulated.cut("bus", unplug=True)
        await rig.boot_up()
        assert rig.status() in ("UNAVAILABLE", "METER_ERROR")
        await rig.advance(60)
        rig.simulated.restore("bus")
        await rig.until_status("AVAILABLE", within_s=15)
        await rig.online()
        await usable(rig)
        await settle(rig)


# -------------------------------------------------------------------------------------------------------- the meters


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (MeterFaults(jump_wh=5_000_000), "up"),
        (MeterFaults(jump_wh=-100), "down"),
        (MeterFaults(set_wh=0), "reset"),
    ],
    ids=["up", "down", "reset"],
)
async def test_a_meter_that_jumps_changes_no_bill(tmp_path: Path, fault: MeterFaults, name: str) -> None:
    async with Rig(tmp_path, simulation={"meter": [{"name": "m1", "start_wh": 123_456}]}) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        rig.simulated.set_meter("m1", fault)
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        await show_card(rig)
        await until_transaction_ends(rig)
        assert all(after >= before for before, after in pairwise(await energies(rig)))
        await leave(rig)
        rows = await rig.journal("Happened")
        assert any(isinstance(row.entry, Happened) and row.entry.action == "Anomaly" for row in rows)
        await rig.drained()
        await rig.check(tolerance_wh=4 * WH_PER_S + 5)


@pytest.mark.parametrize("fault", ["nan", "backwards", "frozen", "swapped"])
async def test_a_meter_that_does_not_measure_ends_the_charge_and_no_other_begins(tmp_path: Path, fault: str) -> None:
    faults = {
        "nan": MeterFaults(nan=True),
        "backwards": MeterFaults(direction="backwards"),
        "frozen": MeterFaults(frozen=True),
        "swapped": MeterFaults(swapped=True),
    }
    async with Rig(tmp_path, simulation={"meter": [{"name": "m1", "start_wh": 50_000}]}) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        rig.simulated.set_meter("m1", faults[fault])
        await until_transaction_ends(rig, within_s=140)
        session = await rig.last_session()
        assert session.stop_source is StopSource.METER_ERROR
        assert SessionFlag.EnergyEstimated in session.flags
        assert session.meter_stop_wh is not None
        assert session.meter_start_wh is not None
        assert session.meter_stop_wh >= session.meter_start_wh
        if fault != "frozen":  # a frozen one is noticed by what flows
            assert rig.status() == "METER_ERROR"
            assert (await show_card(rig)).outcome in ("unavailable", "refused")
        rig.unplug()
        rig.simulated.set_meter("m1", MeterFaults(nan=False, direction="import", frozen=False, swapped=False))
        await rig.until_status("AVAILABLE", within_s=30)
        await usable(rig)
        await rig.drained()
        await rig.check(tolerance_wh=75 * WH_PER_S)  # a minute rests on an estimate


async def test_a_meter_that_stutters_ends_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_WIRES) as rig:
        await rig.online()
        await charge(rig)
        for _ in range(4):
            rig.simulated.cut("meters")
            await rig.advance(40)
            rig.simulated.restore("meters")
            await rig.advance(10)
        assert rig.status() == "CHARGING"
        await leave(rig)
        session = await rig.last_session()
        assert SessionFlag.EnergyEstimated not in session.flags
        await settle(rig)


# --------------------------------------------------------------------------------------------- controllers, vehicles


async def test_a_controller_that_restarts_in_a_charge_ends_it_and_goes_on_working(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        rig.simulated.fault(1, "reboot")
        await until_transaction_ends(rig, within_s=30)
        await leave(rig)
        await usable(rig)
        await settle(rig)


async def test_a_contactor_that_does_not_close_is_a_fault_after_three_tries_at_most(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.simulated.fault(1, "contactor")
        await plug(rig)
        assert (await show_card(rig)).outcome == "started"
        await rig.until_status("ERROR", within_s=20)
        await until_transaction_ends(rig, within_s=60)
        session = await rig.last_session()
        assert session.delivered_wh == 0
        assert session.stop_source in (StopSource.CONNECTOR_ERROR, StopSource.START_FAILED)
        assert closings(rig) == []
        rig.simulated.clear(1)
        await leave(rig)
        await usable(rig)
        await settle(rig)


async def test_a_welded_contactor_is_shown_told_and_latched_over_a_power_cut(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(10)
        rig.simulated.fault(1, "weld")
        await show_card(rig)
        await rig.until_status("ERROR", within_s=15)
        await rig.until(lambda: rig.system.statuses["one", 1]["errorCode"] == "PowerSwitchFailure", 10)
        rig.simulated.clear(1)
        await rig.advance(5)
        rig.unplug()
        await rig.advance(5)
        await rig.cut_power()
        await rig.restore_power()
        await rig.online()
        await rig.advance(5)
        assert rig.status() == "ERROR"
        rig.plug()
        await rig.advance(3)
        assert (await show_card(rig)).outcome == "unavailable"
        rig.unplug()
        assert (await rig.bus.call("station", ClearFault(connector=1, by="technician"))).ok
        await rig.until_status("AVAILABLE")
        await usable(rig)
        await rig.drained()


async def test_a_flapping_pilot_gives_one_transaction_few_closings_and_few_messages(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(5)
        told = rig.system.ledger.received["StatusNotification"]
        rig.simulated.fault(1, "flap")
        await rig.advance(120)
        assert most_in_a_minute(closings(rig)) <= 3
        assert len(await rig.sessions()) == 1
        assert rig.system.ledger.received["StatusNotification"] - told < 60
        rig.simulated.clear(1)
        await rig.advance(60)
        await leave(rig)
        await usable(rig)
        await settle(rig)


async def test_whoever_starts_and_stops_all_the_time_wears_no_contactor_out(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        reasons = set()
        for _ in range(24):
            await show_card(rig)
            await rig.advance(5)
            state = rig.state()
            reasons.add(state.why if state is not None else "")
        assert most_in_a_minute(closings(rig)) <= 3
        assert any("contactor rests" in why for why in reasons)  # said, not just ignored
        await rig.advance(60)
        if rig.status() == "CHARGING":
            await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await usable(rig)
        await settle(rig)


@pytest.mark.parametrize("line", ["04A2B3C", "not a card", "04A2B3C4 99", "'; DROP TABLE users; --", "04" * 30, ""])
async def test_a_reader_that_talks_nonsense_starts_nothing_and_goes_on_reading(tmp_path: Path, line: str) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        rig.simulated.tap("1", line)
        await rig.advance(5)
        assert rig.status() == "READY"
        await leave(rig)
        await usable(rig)
        await settle(rig)
