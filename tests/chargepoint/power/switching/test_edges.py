"""What goes wrong in the middle: feedback that lies or flaps, ways that never become free, late and slow ticks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chargepoint.power.measured import GroupReading, Measured, Orders, OutputReading, Result, Stage, Step
from chargepoint.power.simulation.nature import ContactorNature, Feedback, GroupNature, Vehicle
from chargepoint.power.switching import Sequencer
from tests.chargepoint.power.simulation import topologies
from tests.chargepoint.power.switching.stations import Driven, bare_ring, matrix, ring, wish


@dataclass
class Told:
    """A sequencer of two outputs and two groups that is told what is measured: what is not said stays as it was."""

    contactors: dict[str, bool | None] = field(
        default_factory=lambda: dict.fromkeys(("K11", "K12", "K21", "K22"), False)
    )
    groups: dict[str, GroupReading] = field(default_factory=lambda: dict.fromkeys(("M1", "M2"), GroupReading()))
    stage: Stage = Stage.PREPARING

    def __post_init__(self) -> None:
        self.topology = matrix(2, 2)
        self.sequencer = Sequencer(self.topology)
        self.wanted = wish(self.topology, ("M1", 1))

    def tick(self, now_s: float) -> Orders:
        outputs = {1: OutputReading(stage=self.stage, request_v=400, request_a=2), 2: OutputReading()}
        measured = Measured(groups=self.groups, contactors=dict(self.contactors), outputs=outputs)
        return self.sequencer.tick(self.wanted, measured, now_s)

    def until_closed(self, tick_s: float) -> float:
        """The time at which K11 is ordered closed."""
        for place in range(400):
            if self.tick(place * tick_s).contactors.get("K11"):
                return place * tick_s
        raise AssertionError("it never was")


@pytest.mark.parametrize(("tick_s", "named_after_s"), [(0.05, 1.1), (0.1, 1.1), (0.2, 1.2), (0.5, 1.5), (1.0, 2.0)])
def test_disobedience_is_named_at_the_first_tick_after_a_second(tick_s: float, named_after_s: float) -> None:
    told = Told()
    ordered_s = told.until_closed(tick_s)
    for place in range(1, 100):
        orders = told.tick(ordered_s + place * tick_s)
        if told.sequencer.faults.stuck_open:
            break
    assert place * tick_s == pytest.approx(named_after_s, abs=0.051)
    assert not orders.contactors["K11"]
    assert not orders.groups["M1"].is_on


def test_feedback_that_comes_and_goes_is_not_known_and_named() -> None:
    told = Told()
    at_s = told.until_closed(0.1)
    for place in range(1, 60):
        told.contactors["K11"] = (place // 4) % 2 == 0
        orders = told.tick(at_s + place / 10)
    assert told.sequencer.alarms["contactor K11"] == "does not report whether it is closed"
    assert orders.groups["M1"].current_a == 0
    told.wanted = wish(told.topology)
    for place in range(60, 400):
        told.contactors["K11"] = False
        told.tick(at_s + place / 10)
    assert "contactor K11" not in told.sequencer.alarms


def test_a_contactor_that_does_not_report_ends_the_move_that_is_to_open_it() -> None:
    driven = Driven(matrix(2, 2))
    driven.plant.start(1, Vehicle(request_a=60))
    driven.wanted = wish(driven.topology, ("M1", 1))
    driven.run(15)
    driven.plant.change_contactor("K11", ContactorNature(feedback=Feedback.MISSING))
    driven.run(10)
    assert driven.orders.moves == ()
    assert driven.finished[-1].result is Result.NOT_OPENED
    assert "K11 does not report" in driven.finished[-1].text


def test_a_way_that_never_becomes_free_is_refused_and_tried_again_when_something_changes() -> None:
    topology = ring(4)
    driven = Driven(topology)
    driven.plant.force_closed("T4")
    driven.plant.change_contactor("T4", ContactorNature(is_welded=True))
    driven.plant.start(3, Vehicle(request_a=60))
    driven.plant.start(4, Vehicle(request_a=60))
    driven.wanted = wish(topology, ("M1a", 3), ("M3a", 3))
    driven.run(25)
    driven.finished.clear()
    number = topology.link("M4a", 4)
    assert number is not None
    driven.wanted = wish(topology, ("M1a", 3), ("M3a", 3), ("M4a", 4))
    driven.run(40)
    assert driven.orders.moves == ()
    assert [each.result for each in driven.finished] == [Result.REFUSED]
    assert driven.sequencer.unreached == {number: "output 3 is on its way"}
    driven.wanted = wish(topology, ("M3a", 3), ("M4a", 4))
    driven.run(40)
    assert driven.sequencer.connected["M4a"] == number
    assert driven.sequencer.unreached == {}


def test_what_is_wanted_of_an_output_out_of_use_is_told_not_waited_for() -> None:
    driven = Driven(bare_ring())
    driven.plant.start(2, Vehicle(request_a=60))
    driven.wanted = wish(driven.topology, ("M2", 2), ("M4", 4))
    driven.run(15)
    number = driven.topology.link("M4", 4)
    assert driven.orders.moves == ()
    assert driven.sequencer.unreached == {number: "output 4 takes no group now"}


def test_a_welded_contactor_on_a_way_in_use_is_ordered_closed() -> None:
    driven = Driven(matrix(2, 2))
    driven.plant.start(1, Vehicle(request_a=60))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(15)
    driven.plant.change_contactor("K21", ContactorNature(is_welded=True))
    driven.wanted = wish(driven.topology, ("M1", 1))
    driven.run(15)
    assert driven.sequencer.faults.welded == {"K21"}
    before = driven.orders
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(70)
    assert [orders.contactors["K21"] for orders in (before, driven.orders)] == [False, True]
    assert driven.sequencer.connected.keys() == {"M1", "M2"}


def test_a_pause_between_two_ticks_is_no_jump() -> None:
    driven = Driven(matrix(1, 2))
    driven.plant.start(1, Vehicle(request_a=150))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    while driven.plant.outlet(1).current_a < 10:
        driven.run(0.1)
    before_a = sum(order.current_a for order in driven.orders.groups.values())
    driven.plant.step(3.0, driven.orders)
    driven.run(0.1)
    after_a = sum(order.current_a for order in driven.orders.groups.values())
    assert before_a < after_a <= before_a + 20 * 0.2 + 0.01


def test_the_vehicle_is_told_before_a_group_falls_that_nobody_takes_over_from() -> None:
    driven = Driven(matrix(1, 2))
    driven.plant.start(1, Vehicle(request_a=60, obeys=False))
    driven.wanted = wish(driven.topology, ("M1", 1))
    driven.run(15)
    driven.wanted = wish(driven.topology, ("M2", 1))
    told_s = None
    for place in range(600):
        driven.run(0.1)
        if "M2" in driven.sequencer.connected:
            driven.plant.change_group("M2", GroupNature(delivers=0.0))
        if told_s is None and driven.orders.outputs[1].current_a < 20:
            told_s = place / 10
        if driven.plant.outlet(1).current_a < 50:
            break
    assert told_s is not None
    assert place / 10 - told_s >= 0.8
    driven.run(10)
    assert driven.sequencer.connected.keys() == {"M2"}


def test_three_groups_on_a_ring_go_round() -> None:
    topology = bare_ring(6)
    driven = Driven(topology)
    own = [(f"M{n}", n) for n in (1, 3, 5)]
    for number in (1, 3, 5):
        driven.plant.start(number, Vehicle(request_a=100))
    driven.wanted = wish(topology, *own, ("M2", 1), ("M4", 3), ("M6", 5))
    driven.run(30)
    assert driven.closed() == {"T1", "T3", "T5"}
    driven.wanted = wish(topology, *own, ("M2", 3), ("M4", 5), ("M6", 1))
    for _ in range(40):
        driven.run(1)
        assert all(driven.plant.outlet(n).current_a > 55 for n in (1, 3, 5))
    assert driven.closed() == {"T2", "T4", "T6"}
    assert {n: round(driven.plant.outlet(n).current_a) for n in (1, 3, 5)} == {1: 100, 3: 100, 5: 100}
    _assert_gentle(driven)


def test_the_only_groups_of_a_half_matrix_go_round() -> None:
    topology = topologies.half(3, 3)
    driven = Driven(topology)
    for number in (1, 2, 3):
        driven.plant.start(number, Vehicle(request_a=60))
    for turn in (0, 1, 0):
        pairs = {f"M{n}": (n - 1 + turn) % 3 + 1 for n in (1, 2, 3)}
        driven.wanted = wish(topology, *pairs.items())
        driven.run(40)
        connected = {topology.links[n].group: topology.links[n].connector for n in driven.sequencer.connected.values()}
        assert connected == pairs
        assert [round(driven.plant.outlet(n).current_a) for n in (1, 2, 3)] == [60, 60, 60]
    _assert_gentle(driven)


@pytest.mark.parametrize(
    "step", [Step.ANNOUNCE, Step.HAND_OVER, Step.OPEN, Step.REST, Step.CLOSE, Step.SHARE, Step.RAISE]
)
def test_another_wish_in_the_middle_of_any_step_ends_where_it_wants(step: Step) -> None:
    driven = Driven(matrix(2, 3))
    driven.plant.start(1, Vehicle(request_a=150))
    driven.plant.start(2, Vehicle(request_a=200, obeys=False))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1), ("M3", 2))
    driven.run(20)
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 2), ("M3", 2))
    for _ in range(300):
        driven.run(0.1)
        if any(move.group == "M2" and move.step is step for move in driven.orders.moves):
            break
    else:
        raise AssertionError(f"{step} was never seen")
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1), ("M3", 2))
    driven.run(30)
    assert driven.closed() == {"K11", "K21", "K32"}
    assert driven.sequencer.unreached == {}
    assert driven.plant.outlet(1).current_a == pytest.approx(150, abs=3)
    _assert_gentle(driven)


def _assert_gentle(driven: Driven) -> None:
    assert all(value <= (20.0 if closes else 1.0) for _, closes, value in driven.ordered_operations())
    assert driven.refusals == []
