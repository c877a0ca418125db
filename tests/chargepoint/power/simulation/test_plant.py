"""The simulated plant behaves as its parts are described, and tells the truth."""

from __future__ import annotations

import pytest

from chargepoint.power.measured import Announcement, GroupOrder, Orders, Stage
from chargepoint.power.simulation.nature import (
    ContactorNature,
    Feedback,
    GroupNature,
    Surroundings,
    Vehicle,
)
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.simulation.truth import Kind
from tests.chargepoint.power.simulation import topologies

CAR = Vehicle(battery_v=380, rise_v=0, request_v=430, request_a=80)
ALL = Announcement(current_a=500, power_w=500_000)


def run(plant: Plant, seconds: float, orders: Orders, tick_s: float = 0.1) -> None:
    for _ in range(round(seconds / tick_s)):
        plant.step(tick_s, orders)


def on(voltage_v: float, current_a: float) -> GroupOrder:
    return GroupOrder(is_on=True, voltage_v=voltage_v, current_a=current_a)


def charging(groups: int = 1, **parts: object) -> Plant:
    """One output that charges from M1 at 20 A."""
    plant = Plant(topologies.matrix(2, max(groups, 2)), **parts)  # type: ignore[arg-type]
    plant.start(1, CAR)
    run(plant, 5, Orders(contactors={"K11": True}, groups={"M1": on(380, 2)}, outputs={1: ALL}))
    assert plant.outlet(1).stage is Stage.CHARGING
    run(plant, 2, Orders(groups={"M1": on(430, 20)}))
    return plant


def test_a_session_goes_from_idle_to_charging_and_back() -> None:
    plant = charging()
    assert plant.measured().outputs[1].current_a == pytest.approx(20, abs=0.1)
    assert plant.measured().groups["M1"].current_a == pytest.approx(20, abs=0.1)
    assert plant.current_a("K11") == pytest.approx(20, abs=0.1)
    plant.stop(1)
    run(plant, 1, Orders(groups={"M1": on(430, 0)}))
    run(plant, 8, Orders(groups={"M1": GroupOrder()}))
    assert plant.outlet(1).stage is Stage.IDLE
    assert plant.voltage_v("output 1") < 60
    run(plant, 1, Orders(contactors={"K11": False}))
    assert plant.truth.operations[-1].current_a < 0.1
    assert not [each for each in plant.truth.everything() if each.kind not in (Kind.CONNECTED, Kind.FAST_RISE)]


def test_an_opening_under_current_is_put_on_record_with_the_current() -> None:
    plant = charging()
    run(plant, 1, Orders(contactors={"K11": False}))
    assert plant.truth.operations[-1].current_a == pytest.approx(20, abs=0.1)
    assert not plant.truth.operations[-1].closed


def test_a_closing_onto_another_voltage_is_put_on_record_with_the_difference() -> None:
    plant = charging()
    run(plant, 1, Orders(contactors={"K21": True}))
    assert plant.truth.operations[-1].difference_v == pytest.approx(381, abs=1)
    assert plant.current_a("K21") == pytest.approx(-0.0267, abs=0.01)  # its own bleed only


def test_two_outputs_on_one_conductor_are_one_breach() -> None:
    plant = charging()
    run(plant, 1, Orders(contactors={"K12": True}))
    found = [each for each in plant.truth.everything() if each.kind is Kind.TWO_OUTPUTS]
    assert [each.who for each in found] == [("1", "2")]
    assert found[0].lasted_s == pytest.approx(0.9, abs=0.1)


def test_a_group_gives_nothing_into_a_higher_voltage() -> None:
    plant = charging()
    run(plant, 3, Orders(groups={"M2": on(300, 50)}))
    run(plant, 1, Orders(contactors={"K21": True}))
    assert plant.group_current_a("M2") == 0
    assert plant.group_current_a("M1") == pytest.approx(20, abs=0.1)


def test_groups_at_one_voltage_share_what_the_vehicle_takes() -> None:
    plant = charging()
    run(plant, 3, Orders(groups={"M2": on(381, 0)}))
    run(plant, 1, Orders(contactors={"K21": True}))
    run(plant, 2, Orders(groups={"M1": on(381, 60), "M2": on(381, 60)}))
    assert plant.outlet(1).current_a == pytest.approx(20, abs=0.1)
    assert plant.group_current_a("M1") == pytest.approx(10, abs=0.1)


def test_a_group_at_zero_current_holds_its_voltage_on_its_own_terminals() -> None:
    plant = Plant(topologies.matrix(1, 1))
    run(plant, 4, Orders(groups={"M1": on(800, 0)}))
    assert plant.voltage_v("M1") == pytest.approx(800)
    run(plant, 3, Orders(groups={"M1": GroupOrder()}))
    assert plant.voltage_v("M1") == pytest.approx(800 / 2.718, rel=0.05)


def test_the_current_splits_evenly_both_ways_round_a_ring() -> None:
    plant = Plant(topologies.ring(4), closed=("T1", "T2", "T3", "T4"))
    plant.start(3, CAR)
    run(plant, 5, Orders(groups={"M1": on(380, 2)}, outputs={3: ALL}))
    run(plant, 2, Orders(groups={"M1": on(430, 20)}))
    assert plant.current_a("T1") == pytest.approx(10, abs=0.5)
    assert plant.current_a("T3") == pytest.approx(-10, abs=0.5)
    assert Kind.LOOP in {each.kind for each in plant.truth.everything()}


def test_more_than_the_vehicle_asks_is_a_breach() -> None:
    plant = charging()
    plant.change_vehicle(1, Vehicle(battery_v=380, rise_v=0, request_a=50))
    run(plant, 3, Orders(groups={"M1": on(430, 90)}))
    over = next(each for each in plant.truth.everything() if each.kind is Kind.OVER_REQUEST)
    assert over.worst > 5


def test_a_rise_faster_than_20_a_in_a_second_is_a_breach() -> None:
    plant = charging()
    before = len([each for each in plant.truth.everything() if each.kind is Kind.FAST_RISE])
    run(plant, 2, Orders(groups={"M1": on(430, 60)}))
    assert len([each for each in plant.truth.everything() if each.kind is Kind.FAST_RISE]) > before


def test_a_slow_rise_is_none() -> None:
    plant = charging()
    before = len(plant.truth.everything())
    for tenth in range(30):
        plant.step(0.1, Orders(groups={"M1": on(430, 20 + 2 * tenth)}))
    assert plant.outlet(1).current_a > 70
    assert len(plant.truth.everything()) == before


def test_a_lowered_grid_limit_counts_after_the_time_it_takes_to_obey() -> None:
    plant = charging()
    plant.grid_w = 5_000
    run(plant, 5, Orders())
    assert Kind.OVER_GRID not in {each.kind for each in plant.truth.everything()}
    run(plant, 3, Orders())
    assert Kind.OVER_GRID in {each.kind for each in plant.truth.everything()}


def test_a_group_that_is_on_at_an_output_nobody_uses_is_a_breach() -> None:
    plant = Plant(topologies.matrix(1, 1))
    run(plant, 2, Orders(contactors={"K11": True}, groups={"M1": on(400, 2)}))
    assert Kind.UNASKED in {each.kind for each in plant.truth.everything()}


def test_a_second_group_during_preparation_is_a_breach() -> None:
    plant = Plant(topologies.matrix(1, 2), closed=("K11", "K21"))
    plant.start(1, CAR)
    run(plant, 0.8, Orders(groups={"M1": on(380, 1), "M2": on(380, 1)}))
    assert Kind.MANY_PREPARE in {each.kind for each in plant.truth.everything()}


def test_an_emergency_stop_takes_the_vehicle_off_at_once() -> None:
    plant = charging()
    plant.off(1)
    plant.step(0.1, Orders(groups={"M1": GroupOrder()}))
    assert (plant.outlet(1).current_a, plant.measured().outputs[1].stage) == (0, Stage.OFF)
    run(plant, 8, Orders())
    plant.release(1)
    assert plant.measured().outputs[1].stage is Stage.IDLE


def test_a_silent_group_goes_on_as_it_was_told_and_off_after_its_time() -> None:
    plant = charging()
    plant.change_group("M1", GroupNature(is_silent=True, silence_limit_s=3))
    run(plant, 2, Orders(groups={"M1": GroupOrder()}))
    assert not plant.measured().groups["M1"].is_online
    assert plant.outlet(1).current_a == pytest.approx(20, abs=0.1)
    run(plant, 2, Orders())
    assert plant.outlet(1).current_a == pytest.approx(0, abs=0.1)


def test_a_group_that_does_not_deliver_keeps_its_voltage_and_gives_its_share() -> None:
    plant = charging()
    plant.change_group("M1", GroupNature(delivers=0.5))
    run(plant, 1, Orders())
    assert plant.outlet(1).current_a == pytest.approx(10, abs=0.1)


def test_a_contactor_takes_its_time_bounces_and_reports_late() -> None:
    nature = ContactorNature(close_s=0.25, open_s=0.1, bounce_s=0.03, feedback_s=0.1)
    plant = Plant(topologies.matrix(1, 1), contactors={"K11": nature})
    plant.step(0.2, Orders(contactors={"K11": True}))
    assert not plant.is_closed("K11")
    plant.step(0.1, Orders())
    assert plant.is_closed("K11")
    assert plant.measured().contactors["K11"] is False
    run(plant, 0.2, Orders())
    assert plant.measured().contactors["K11"] is True
    assert [each.cause for each in plant.truth.operations] == ["order", "bounce", "bounce"]


def test_an_order_taken_back_in_time_moves_nothing() -> None:
    plant = Plant(topologies.matrix(1, 1), contactors={"K11": ContactorNature(close_s=0.25)})
    plant.step(0.1, Orders(contactors={"K11": True}))
    run(plant, 1, Orders(contactors={"K11": False}))
    assert not plant.truth.operations


def test_stuck_and_welded_contactors_do_not_obey_until_they_are_repaired() -> None:
    plant = Plant(
        topologies.matrix(1, 2),
        contactors={"K11": ContactorNature(is_stuck_open=True), "K21": ContactorNature(is_welded=True)},
    )
    run(plant, 1, Orders(contactors={"K11": True, "K21": True}))
    assert plant.measured().contactors == {"K11": False, "K21": True}
    run(plant, 1, Orders(contactors={"K21": False}))
    assert plant.measured().contactors == {"K11": False, "K21": True}
    plant.change_contactor("K11", ContactorNature())
    plant.change_contactor("K21", ContactorNature())
    run(plant, 1, Orders())
    assert plant.measured().contactors == {"K11": True, "K21": False}


def test_a_contactor_may_fall_off_by_itself_and_stays_so_until_it_is_ordered_anew() -> None:
    plant = Plant(topologies.matrix(1, 1), contactors={"K11": ContactorNature(falls_after_s=1)})
    run(plant, 2, Orders(contactors={"K11": True}))
    assert plant.measured().contactors["K11"] is False
    assert plant.truth.operations[-1].cause == "fault"
    run(plant, 1, Orders(contactors={"K11": False}))
    run(plant, 0.5, Orders(contactors={"K11": True}))
    assert plant.is_closed("K11")


@pytest.mark.parametrize(
    ("feedback", "said"),
    [(Feedback.ALWAYS_CLOSED, True), (Feedback.ALWAYS_OPEN, False), (Feedback.MISSING, None)],
)
def test_feedback_may_lie(feedback: Feedback, said: bool | None) -> None:
    plant = Plant(topologies.matrix(1, 1), contactors={"K11": ContactorNature(feedback=feedback)})
    for closed in (True, False):
        run(plant, 1, Orders(contactors={"K11": closed}))
        assert plant.measured().contactors["K11"] is said
        assert plant.is_closed("K11") is closed


def test_measured_values_are_late_and_noisy_as_set_and_the_same_each_time() -> None:
    def voltages(delay_s: float, noise_v: float) -> list[float]:
        plant = Plant(topologies.matrix(1, 1), surroundings=Surroundings(delay_s=delay_s, noise_v=noise_v))
        found = []
        for _ in range(20):
            plant.step(0.1, Orders(groups={"M1": on(400, 50)}))
            found.append(plant.measured().groups["M1"].voltage_v)
        return found

    assert voltages(0.3, 0)[3:] == voltages(0, 0)[:-3]
    assert voltages(0, 2) == voltages(0, 2) != voltages(0, 0)


def test_a_vehicle_tapers_and_ends_the_session_by_itself() -> None:
    plant = Plant(topologies.fixed(1))
    plant.start(1, Vehicle(battery_v=380, rise_v=0, request_a=80, capacity_wh=200, soc=0.5))
    run(plant, 5, Orders(groups={"M1": on(380, 2)}, outputs={1: ALL}))
    asked = []
    while plant.outlet(1).stage is Stage.CHARGING:
        asked.append(plant.measured().outputs[1].request_a)
        plant.step(0.1, Orders(groups={"M1": on(430, asked[-1])}))
        assert len(asked) < 2000
    assert asked[0] == 80
    assert asked == sorted(asked, reverse=True)
    assert asked[-1] < 2.1


def test_an_obedient_vehicle_asks_for_no_more_than_it_was_told() -> None:
    plant = charging()
    run(plant, 1, Orders(outputs={1: Announcement(current_a=15, power_w=500_000)}))
    assert plant.measured().outputs[1].request_a == 15
    plant.change_vehicle(1, Vehicle(battery_v=380, rise_v=0, request_a=80, obeys=False))
    assert plant.outlet(1).request_a() == 80
