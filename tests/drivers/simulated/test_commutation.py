"""Buses, contactors and modules of a cabinet: what flows, and what is held against the software."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from drivers.interfaces import ConnectorType, ControllerStatus
from drivers.simulated.commutation import Commutation, _potentials
from drivers.simulated.controller import Controller
from drivers.simulated.models import Models
from drivers.simulated.module_bank import ModuleBank, Ratings
from drivers.simulated.parts import GroupPart, SwitchPart
from drivers.simulated.plan import PlanError, of_settings
from drivers.simulated.station import SimulatedStation
from drivers.simulated.vehicle import PlugOptions, Vehicle
from drivers.simulated.wiring import OutputDeed
from tests.drivers.simulated.models import hardware
from tests.journeys.shared import matrix as matrix_text

S = ControllerStatus
RATINGS = Ratings(max_current_a=50.0, max_power_w=20_000.0)


class Relay:
    def __init__(self) -> None:
        self.is_closed = False
        self.moved_by = "order"


class Cabinet:
    """Groups G1..Gn of one module each, and contactors; outputs are closed by hand."""

    def __init__(self, switches: dict[str, tuple[str, str]], groups: dict[str, str], outputs: tuple[str, ...]) -> None:
        parts = [SwitchPart(name, between, name) for name, between in switches.items()]
        self.relays = {name: Relay() for name in switches}
        self.banks = {name: ModuleBank([1], RATINGS) for name in groups}
        self.outputs = {bus: Controller(hardware(ConnectorType.CCS2, number=n + 1)) for n, bus in enumerate(outputs)}
        self.now_s = 100.0
        self.plant = Commutation(
            parts,
            [GroupPart(name, name, (), bus) for name, bus in groups.items()],
            self.relays,
            self.banks,
            self.outputs,
        )

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s += 0.05
            next(iter(self.banks.values())).advance(self.now_s)
            self.plant.advance(self.now_s)

    def move(self, name: str, closed: bool = True, why: str = "order") -> None:
        self.relays[name].is_closed, self.relays[name].moved_by = closed, why
        self.plant.advance(self.now_s)

    def tell(self, group: str, voltage_v: float, current_a: float, *, on: bool = True) -> None:
        module = self.banks[group].modules[1]
        assert module.set_point(voltage_v, current_a)
        module.switch(on)

    def charge(self, bus: str, battery_v: float = 400.0) -> None:
        """A vehicle whose output contactor is closed."""
        vehicle = Vehicle(PlugOptions(battery_v=battery_v, soc_pct=50.0), is_dc=True)
        self.outputs[bus].vehicle = vehicle
        self.outputs[bus].contactor.is_closed = True
        self.outputs[bus].status = S.C6_CHARGING

    def current_a(self, bus: str) -> float:
        feed = self.outputs[bus].feed
        assert feed is not None
        return feed.current_a()

    @property
    def rules(self) -> list[str]:
        return [sin.rule for sin in self.plant.sins]


def matrix() -> Cabinet:
    """Two groups, two outputs, four contactors."""
    switches = {f"K{g}{o}": (f"G{g}", f"O{o}") for g in (1, 2) for o in (1, 2)}
    return Cabinet(switches, {"G1": "", "G2": ""}, ("O1", "O2"))


def ring() -> Cabinet:
    """Four nodes with a group and an output each."""
    switches = {f"T{n}": (f"N{n}", f"N{n % 4 + 1}") for n in range(1, 5)}
    return Cabinet(switches, {f"G{n}": f"N{n}" for n in range(1, 5)}, tuple(f"N{n}" for n in range(1, 5)))


def test_groups_on_one_conductor_give_together() -> None:
    cabinet = matrix()
    for switch in ("K11", "K21"):
        cabinet.move(switch)
    for group in ("G1", "G2"):
        cabinet.tell(group, 500.0, 30.0)
    cabinet.charge("O1")
    cabinet.run(3.0)
    assert cabinet.current_a("O1") == pytest.approx(60.0, abs=0.5)
    assert cabinet.current_a("O2") == 0.0
    assert cabinet.plant.through_a("K21") == pytest.approx(30.0, abs=0.5)
    assert cabinet.rules == []


def test_a_group_that_is_parted_feeds_no_longer_and_opening_it_at_zero_is_no_sin() -> None:
    cabinet = matrix()
    for switch in ("K11", "K21"):
        cabinet.move(switch)
    cabinet.charge("O1")
    for group in ("G1", "G2"):
        cabinet.tell(group, 500.0, 30.0)
    cabinet.run(3.0)
    cabinet.tell("G2", 500.0, 0.0)
    cabinet.run(1.0)
    cabinet.move("K21", False)
    assert cabinet.plant.root("G2") != cabinet.plant.root("O1")
    assert cabinet.plant.log[-1].current_a <= 1.0
    assert cabinet.rules == []


def test_opening_under_current_and_closing_on_a_difference_are_held_with_their_figures() -> None:
    cabinet = matrix()
    cabinet.move("K11")
    cabinet.charge("O1")
    cabinet.tell("G1", 500.0, 30.0)
    cabinet.tell("G2", 300.0, 0.0)
    cabinet.run(3.0)
    cabinet.move("K21")
    event = cabinet.plant.log[-1]
    assert event.closed and event.difference_v == pytest.approx(cabinet.plant.voltage_v("O1") - 300.0, abs=60.0)
    cabinet.run(1.0)
    cabinet.move("K11", False)
    assert cabinet.plant.log[-1].current_a == pytest.approx(30.0, abs=0.5)
    assert cabinet.rules == ["Z3", "Z1"]
    assert "K11 opened under" in cabinet.plant.sins[1].what


def test_contactors_that_a_power_cut_or_their_own_fault_opens_are_no_sin_of_the_software() -> None:
    for why in ("restart", "fault"):
        cabinet = matrix()
        cabinet.move("K11")
        cabinet.charge("O1")
        cabinet.tell("G1", 500.0, 30.0)
        cabinet.run(3.0)
        cabinet.move("K11", False, why)
        assert cabinet.plant.log[-1].current_a > 25.0 and cabinet.rules == []


def test_two_outputs_on_one_conductor_are_a_sin_told_once() -> None:
    cabinet = matrix()
    cabinet.move("K11")
    cabinet.charge("O1")
    cabinet.charge("O2")
    cabinet.move("K12")
    cabinet.run(2.0)
    assert cabinet.rules.count("Z5") == 1


def test_a_contactor_that_closes_while_its_modules_are_told_to_give_is_a_sin() -> None:
    cabinet = matrix()
    cabinet.move("K11")
    cabinet.charge("O1")
    cabinet.tell("G1", 420.0, 30.0)
    cabinet.run(3.0)
    cabinet.tell("G2", 400.0, 20.0)
    cabinet.run(2.0)
    cabinet.move("K21")
    assert "Z4" in cabinet.rules


def test_a_battery_holds_the_conductor_of_its_closed_output() -> None:
    cabinet = matrix()
    cabinet.move("K11")
    cabinet.charge("O1")
    cabinet.tell("G1", 500.0, 30.0)
    cabinet.run(3.0)
    cabinet.tell("G1", 500.0, 0.0, on=False)
    cabinet.run(3.0)
    vehicle = cabinet.outputs["O1"].vehicle
    assert vehicle is not None
    assert cabinet.plant.voltage_v("G1") == pytest.approx(vehicle.battery_voltage_v, abs=1.0)
    cabinet.outputs["O1"].contactor.is_closed = False
    cabinet.run(1.0)
    assert cabinet.plant.voltage_v("G1") == 0.0


def test_in_a_ring_the_current_of_a_tie_is_all_that_lies_beyond_it() -> None:
    cabinet = ring()
    cabinet.move("T1")
    cabinet.move("T2")
    cabinet.charge("N1")
    for group in ("G1", "G2", "G3"):
        cabinet.tell(group, 500.0, 20.0)
    cabinet.run(3.0)
    assert cabinet.current_a("N1") == pytest.approx(60.0, abs=0.5)
    assert cabinet.plant.through_a("T1") == pytest.approx(40.0, abs=0.5)
    assert cabinet.plant.through_a("T2") == pytest.approx(20.0, abs=0.5)
    assert cabinet.plant.through_a("T3") == 0.0


def test_a_ring_that_is_closed_all_round_is_a_sin() -> None:
    cabinet = ring()
    for name in ("T1", "T2", "T3", "T4"):
        cabinet.move(name)
    assert cabinet.rules == ["Z5"]


def test_voltage_before_an_output_that_nobody_uses_is_a_sin_when_it_lasts() -> None:
    cabinet = matrix()
    cabinet.move("K11")
    cabinet.tell("G1", 500.0, 0.0)
    cabinet.run(5.0)
    assert cabinet.rules == []
    cabinet.run(10.0)
    assert cabinet.rules == ["Z10"]


def test_a_test_of_the_insulation_with_two_groups_is_a_sin() -> None:
    cabinet = matrix()
    for switch in ("K11", "K21"):
        cabinet.move(switch)
    for group in ("G1", "G2"):
        cabinet.tell(group, 500.0, 1.0)
    cabinet.outputs["O1"].status = S.C2_INSULATION_TEST
    cabinet.run(2.0)
    assert cabinet.rules == ["Z10"]


def test_currents_of_a_network_divide_by_its_ways() -> None:
    found = _potentials(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")], {"a": 3.0, "b": -3.0, "c": 0.0})
    assert found["a"] - found["b"] == pytest.approx(2.0)
    assert found["a"] - found["c"] == pytest.approx(1.0)


async def test_a_station_moves_its_contactors_by_the_outputs_of_its_io_modules_and_tells_the_truth() -> None:
    station = SimulatedStation(of_settings(tomllib.loads(matrix_text())))
    try:
        io = station.model("io", "io-0")
        io.order(0, True)  # K11
        station.advance()
        await asyncio.sleep(0.1)
        station.advance()
        truth = station.state()
        assert [(each.switch, each.closed, each.why) for each in truth.switchings] == [("K11", True, "order")]
        assert truth.device("switch", "K11").values["closed"] and truth.sins == ()
        assert truth.device("input", "K11-closed").values["active"]
        for feedback, shown in (("open", False), ("closed", True), ("opposite", False), ("true", True)):
            station.do("output", "K11", OutputDeed(feedback=feedback))  # type: ignore[arg-type]
            assert station.state().device("input", "K11-closed").values["active"] is shown
        station.do("output", "K11", OutputDeed(slow_s=1.0))
        io.order(0, False)
        station.advance()
        await asyncio.sleep(0.5)
        assert station.state().device("switch", "K11").values["closed"]
        await asyncio.sleep(0.8)
        assert not station.state().device("switch", "K11").values["closed"]
        assert [each.why for each in station.state().switchings] == ["order", "order"]
        station.do("output", "K11", OutputDeed(slow_s=0.0))
        io.order(0, True)
        station.advance()
        await asyncio.sleep(0.1)
        station.advance()
        station.do("output", "K11", OutputDeed(stuck_open=True))
        assert station.state().switchings[-1].why == "fault"
    finally:
        station.close()


def test_modules_are_what_the_station_file_says_of_them() -> None:
    bank = Models(of_settings(tomllib.loads(matrix_text())), 0.0).get("modules", "bank")
    assert bank is not None
    assert (bank.ratings.max_power_w, bank.ratings.max_current_a) == (20_000.0, 66.5)


def test_a_group_of_modules_that_are_not_there_is_told() -> None:
    with pytest.raises(PlanError, match="bank2"):
        of_settings(tomllib.loads(matrix_text().replace('modules = "bank"', 'modules = "bank2"', 1)))
