from typing import Any

import pytest
from msgspec import structs

from chargepoint.power.measured import (
    Announcement,
    GroupReading,
    Measured,
    OutputReading,
    Result,
    Stage,
    Step,
    Wanted,
)
from chargepoint.power.simulation.nature import ContactorNature, Feedback, GroupNature, Surroundings, Vehicle
from chargepoint.power.switching import Sequencer
from chargepoint.power.topology import Topology
from chargepoint.vocabulary import Cause
from tests.chargepoint.power.switching.stations import Driven, bare_ring, matrix, ring, wish


def charging(
    topology: Topology, *pairs: tuple[str, int], vehicles: dict[int, Vehicle] | None = None, **plant: Any
) -> Driven:
    """A plant in which each vehicle charges by what `pairs` say."""
    driven = Driven(topology, **plant)
    for number in {connector for _, connector in pairs}:
        driven.plant.start(number, (vehicles or {}).get(number, Vehicle(request_a=150)))
    driven.wanted = wish(topology, *pairs)
    driven.run(20)
    return driven


def assert_gentle(driven: Driven) -> None:
    """Contactors truly moved without current and matched, and the guard had nothing to take away."""
    for name, closes, value in driven.ordered_operations():
        assert value <= (20.0 if closes else 1.0), (name, closes)
    assert driven.refusals == []


def test_a_session_starts_with_one_group_and_others_join_when_it_charges() -> None:
    driven = Driven(matrix())
    driven.plant.start(1, Vehicle(request_a=150))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(1.0)
    assert driven.plant.outlet(1).stage is Stage.PREPARING
    assert driven.closed() == {"K11"}
    driven.run(19)
    assert driven.closed() == {"K11", "K21"}
    assert driven.plant.outlet(1).current_a == pytest.approx(150, abs=2)
    assert_gentle(driven)


def test_a_group_goes_from_one_live_output_to_another() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1), ("M3", 2), vehicles={2: Vehicle(battery_v=600, request_v=800)})
    driven.finished.clear()
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 2), ("M3", 2))
    driven.run(20)
    assert driven.closed() == {"K11", "K22", "K32"}
    (record,) = driven.finished
    assert (record.group, record.from_connector, record.to_connector) == ("M2", 1, 2)
    assert record.result is Result.DONE
    assert [(each.contactor, each.closes) for each in record.operations] == [("K21", False), ("K22", True)]
    assert record.operations[0].current_a <= 1.0
    assert record.operations[1].difference_v <= 10.0
    assert_gentle(driven)


def test_the_steps_of_a_move_are_shown_in_their_order() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1), ("M3", 2))
    driven.seen.clear()
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 2), ("M3", 2))
    driven.run(20)
    steps = [move.step for _, move in driven.seen]
    assert steps == sorted(steps)
    assert {Step.ANNOUNCE, Step.HAND_OVER, Step.OPEN, Step.REST, Step.CLOSE, Step.SHARE, Step.TELL} <= set(steps)


def test_no_more_than_the_vehicle_asks_is_ordered_for_a_single_tick() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    driven.plant.change_vehicle(1, Vehicle(request_a=20))
    driven.run(2)
    driven.wanted = wish(driven.topology, ("M3", 1), ("M2", 1))
    driven.run(20)
    assert all(total_a <= request_a + 1e-6 for _, _, total_a, request_a in driven.sums_a)


def test_the_session_ends_without_current_and_without_voltage() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    driven.plant.stop(1)
    driven.wanted = Wanted()
    driven.run(6)
    assert driven.closed() == set()
    assert all(not order.is_on for order in driven.orders.groups.values())
    opened = [each for each in driven.plant.truth.operations if not each.closed and each.cause == "order"]
    assert len(opened) == 2
    assert all(each.highest_v < 60 for each in opened)
    assert_gentle(driven)


def test_an_emergency_stop_of_one_output_leaves_the_others_alone() -> None:
    driven = charging(matrix(), ("M1", 1), ("M3", 2))
    driven.plant.off(1)
    driven.run(0.1)
    assert not driven.orders.groups["M1"].is_on
    driven.run(2)
    assert driven.closed() == {"K32"}
    assert driven.orders.groups["M3"].current_a > 50


def test_a_contactor_opens_only_after_its_current_has_been_zero_for_longer_than_measuring_takes() -> None:
    driven = charging(matrix(), ("M1", 1), surroundings=Surroundings(delay_s=0.2))
    driven.plant.off(1)
    zero_s = 0.0
    while driven.orders.contactors["K11"]:
        driven.run(0.1)
        told_a = driven.orders.groups["M1"].current_a
        is_zero = told_a <= 0 and driven.plant.measured().groups["M1"].current_a <= 1.0
        zero_s = zero_s + 0.1 if is_zero else 0.0
    assert zero_s >= 0.3
    driven.run(1.0)
    assert driven.closed() == set()


def test_a_new_allocation_turns_a_move_back_before_anything_opens() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1), ("M3", 2))
    before = list(driven.plant.truth.operations)
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 2), ("M3", 2))
    driven.run(0.3)
    assert driven.orders.moves[0].step is Step.HAND_OVER
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1), ("M3", 2))
    driven.run(10)
    assert driven.finished[-1].result is Result.TURNED_BACK
    assert driven.plant.truth.operations == before
    assert driven.plant.outlet(1).current_a == pytest.approx(150, abs=2)


def test_a_contactor_that_does_not_close_is_named_and_its_group_goes_off() -> None:
    driven = Driven(matrix(), contactors={"K11": ContactorNature(is_stuck_open=True)})
    driven.plant.start(1, Vehicle())
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(20)
    assert driven.sequencer.faults.stuck_open == {"K11"}
    assert any(each.result is Result.NOT_CLOSED for each in driven.finished)
    assert driven.closed() == {"K21"}
    assert driven.plant.outlet(1).current_a > 50
    assert driven.sequencer.clear("K11")
    assert driven.sequencer.faults.stuck_open == frozenset()


def test_a_weld_is_latched_and_binds_its_group() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1), contactors={"K21": ContactorNature(is_welded=True)})
    driven.plant.start(2, Vehicle())
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 2))
    driven.run(20)
    assert driven.sequencer.faults.welded == {"K21"}
    assert "K22" not in driven.closed()
    assert driven.sequencer.faulted_outputs == {}
    assert driven.plant.outlet(1).current_a > 50
    assert Sequencer(driven.topology, welded=["K21"]).faults.welded == {"K21"}


def test_outputs_that_are_joined_get_nothing_and_are_named() -> None:
    driven = charging(matrix(), ("M1", 1), ("M3", 2))
    driven.plant.force_closed("K12")
    driven.run(0.2)
    assert not driven.orders.groups["M1"].is_on
    assert not driven.orders.groups["M3"].is_on
    driven.run(2)
    faulted = driven.sequencer.faulted_outputs
    assert {number: fault.cause for number, fault in faulted.items()} == dict.fromkeys((1, 2), Cause.CONTACTOR_WELDED)
    assert faulted[1].contactors == ("K12",)


def test_a_group_with_a_contactor_that_does_not_report_gives_its_place_to_others() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    driven.plant.change_contactor("K22", ContactorNature(feedback=Feedback.MISSING))
    driven.run(4)
    assert driven.sequencer.faults.groups == {"M2"}
    assert "K21" not in driven.closed()
    driven.wanted = wish(driven.topology, ("M1", 1), ("M3", 1))
    driven.run(10)
    assert driven.closed() == {"K11", "K31"}
    driven.plant.change_contactor("K22", ContactorNature())
    driven.run(7)
    assert driven.sequencer.faults.groups == frozenset()


def test_a_silent_group_is_locked_out_until_it_has_been_well_for_a_while() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    driven.plant.change_group("M2", GroupNature(is_silent=True))
    driven.run(3)
    assert driven.sequencer.faults.groups == {"M2"}
    assert not driven.orders.groups["M2"].is_on
    driven.plant.change_group("M2", GroupNature())
    driven.run(8)
    assert driven.sequencer.faults.groups == frozenset()


def test_a_tie_that_another_group_still_needs_stays_closed() -> None:
    driven = charging(ring(), ("M1a", 1), ("M2a", 1), ("M2b", 1), vehicles={1: Vehicle(request_a=200)})
    assert driven.closed() == {"Q1", "T1"}
    driven.wanted = wish(driven.topology, ("M1a", 1), ("M2b", 1))
    driven.run(5)
    assert driven.closed() == {"Q1", "T1"}
    driven.wanted = wish(driven.topology, ("M1a", 1))
    driven.run(5)
    assert driven.closed() == {"Q1"}
    assert_gentle(driven)


def test_a_parked_group_is_off_behind_its_closed_contactor() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    links = dict(driven.wanted.links)
    parked = driven.topology.link("M2", 1)
    assert parked is not None
    links[parked] = 0.0
    driven.wanted = Wanted(links=links, grants={1: Announcement(current_a=500, power_w=30_000)})
    driven.run(5)
    assert driven.closed() == {"K11", "K21"}
    assert not driven.orders.groups["M2"].is_on
    assert driven.orders.groups["M1"].current_a > 70


def test_a_contactor_is_not_closed_a_fourth_time_within_a_minute() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1))
    both, one = wish(driven.topology, ("M1", 1), ("M2", 1)), wish(driven.topology, ("M1", 1))
    for _ in range(6):
        driven.wanted = one
        driven.run(4)
        driven.wanted = both
        driven.run(4)
    closings = [e.at_s for e in driven.plant.truth.operations if e.contactor == "K21" and e.closed]
    assert len(closings) >= 3
    assert all(later - earlier >= 61 for earlier, later in zip(closings, closings[3:], strict=False))


def test_a_resting_contactor_is_waited_for_and_another_group_goes_first_meanwhile() -> None:
    driven = Driven(matrix())
    driven.sequencer = Sequencer(driven.topology, closings={"K11": (-30.0, -20.0, -10.0), "K99": (0.0,)})
    driven.plant.start(1, Vehicle(request_a=150))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(20)
    assert driven.closed() == {"K21"}
    assert {move.cause for move in driven.orders.moves} == {"contactor K11 rests: at most 3 closings in 61 s"}
    assert not driven.orders.groups["M1"].is_on
    driven.run(15)
    assert driven.closed() == {"K11", "K21"}
    assert {each.result for each in driven.finished} == {Result.DONE}
    assert len(driven.sequencer.closings["K11"]) == 3


def test_a_contactor_that_rests_by_the_count_of_others_is_waited_for() -> None:
    topology = matrix()
    sequencer, wanted = Sequencer(topology), wish(topology, ("M1", 1))
    rested = Measured(
        groups={name: GroupReading() for name in topology.groups},
        contactors=dict.fromkeys(topology.contactors, False),
        outputs={1: OutputReading(stage=Stage.PREPARING, request_v=400, request_a=2), 2: OutputReading()},
    )
    resting = structs.replace(rested, resting=frozenset({"K11"}))
    for place in range(300):
        orders = sequencer.tick(wanted, resting, place / 10)
        assert not orders.contactors["K11"]
        assert orders.finished == ()
    for place in range(300, 310):
        orders = sequencer.tick(wanted, rested, place / 10)
    assert orders.contactors["K11"]


def test_an_old_allocation_holds_then_leaves_the_guarantee_then_nothing() -> None:
    driven = charging(matrix(), ("M1", 1))
    wanted, most_a = driven.wanted, driven.plant.outlet(1).current_a
    driven.wanted = Wanted(links=wanted.links, grants=wanted.grants, age_s=5, guarantees_w={1: 8_000})
    driven.run(3)
    assert driven.plant.outlet(1).current_a == pytest.approx(most_a, abs=1)
    driven.wanted = Wanted(links=wanted.links, grants=wanted.grants, age_s=15, guarantees_w={1: 8_000})
    driven.run(3)
    assert driven.plant.output_w(1) == pytest.approx(8_000, rel=0.03)
    driven.wanted = Wanted(links=wanted.links, grants=wanted.grants, age_s=31, guarantees_w={1: 8_000})
    driven.run(6)
    assert driven.plant.outlet(1).current_a == pytest.approx(0, abs=0.1)
    assert driven.closed() == set()
    assert_gentle(driven)


def test_a_restart_takes_over_what_is_charging_without_a_dip() -> None:
    driven = charging(matrix(), ("M1", 1))
    before, current_a = list(driven.plant.truth.operations), driven.plant.outlet(1).current_a
    driven.sequencer = Sequencer(driven.topology)
    lows = []
    for _ in range(20):
        driven.run(0.1)
        lows.append(driven.plant.outlet(1).current_a)
    assert min(lows) == pytest.approx(current_a, abs=1)
    assert driven.plant.truth.operations == before


def test_a_restart_without_an_allocation_lowers_waits_and_opens() -> None:
    driven = charging(matrix(), ("M1", 1))
    driven.sequencer, driven.wanted = Sequencer(driven.topology), Wanted()
    driven.run(0.1)
    assert driven.closed() == {"K11"}
    driven.run(6)
    assert driven.closed() == set()
    assert_gentle(driven)


def test_what_nobody_claims_is_never_ordered_closed_at_the_start_and_opened_when_it_has_been_quiet() -> None:
    topology = matrix()
    measured = Measured(
        groups={name: GroupReading() for name in topology.groups},
        contactors=dict.fromkeys(topology.contactors, False) | {"K12": True},
        outputs={1: OutputReading(), 2: OutputReading()},
    )
    sequencer = Sequencer(topology)
    orders = [sequencer.tick(Wanted(), measured, place / 10).contactors.get("K12") for place in range(5)]
    assert orders == [None, None, None, False, False]


def test_nothing_rises_while_another_output_still_takes_more_than_its_grant() -> None:
    driven = charging(matrix(), ("M1", 1), ("M3", 2))
    slow = GroupNature(fall_a_per_s=5)
    driven.plant.change_group("M1", slow)
    first, second = driven.topology.link("M1", 1), driven.topology.link("M3", 2)
    assert first is not None
    assert second is not None
    before_w = driven.plant.output_w(1) + driven.plant.output_w(2)
    driven.wanted = Wanted(
        links={first: 5_000.0, second: 30_000.0},
        grants={1: Announcement(current_a=500, power_w=5_000), 2: Announcement(current_a=500, power_w=30_000)},
    )
    for _ in range(40):
        driven.run(0.1)
        assert driven.plant.output_w(1) + driven.plant.output_w(2) <= before_w + 200


def test_the_vehicle_is_told_less_before_the_current_falls_and_more_after_it_can_come() -> None:
    driven = charging(matrix(), ("M1", 1), ("M2", 1), vehicles={1: Vehicle(request_a=150, obeys=False)})
    driven.wanted = wish(driven.topology, ("M1", 1))
    told_a = driven.orders.groups["M2"].current_a
    driven.run(0.1)
    assert driven.orders.outputs[1].power_w == pytest.approx(30_000, rel=0.01)
    assert driven.orders.groups["M2"].current_a >= told_a - 10.0
    driven.run(5)
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    driven.run(0.2)
    assert driven.orders.outputs[1].power_w == pytest.approx(30_000, rel=0.01)
    driven.run(15)
    assert driven.orders.outputs[1].power_w == pytest.approx(60_000, rel=0.01)


def test_the_same_plant_gives_the_same_orders() -> None:
    first, second = (charging(ring(), ("M1a", 1), ("M2a", 1), ("M3b", 3)) for _ in range(2))
    assert first.orders == second.orders
    assert first.finished == second.finished


def test_a_wish_for_links_that_do_not_exist_is_ignored() -> None:
    topology = matrix()
    measured = Measured(
        groups={name: GroupReading() for name in topology.groups},
        contactors=dict.fromkeys(topology.contactors, False),
        outputs={1: OutputReading(stage=Stage.CHARGING, is_closed=True), 2: OutputReading()},
    )
    orders = Sequencer(topology).tick(Wanted(links={-1: 5.0, 999: 5.0}), measured, 0.0)
    assert not any(orders.contactors.values())


def test_readings_that_are_missing_or_no_numbers_switch_nothing_on() -> None:
    topology = matrix()
    sequencer = Sequencer(topology)
    wanted = wish(topology, ("M1", 1))
    bad = Measured(
        groups={"M1": GroupReading(voltage_v=float("nan"), current_a=float("nan"), is_on=True)},
        contactors={"K11": None},
        outputs={1: OutputReading(stage=Stage.CHARGING, request_v=float("nan"), request_a=float("nan"))},
    )
    for place in range(50):
        orders = sequencer.tick(wanted, bad, place / 10)
        assert not any(order.is_on for order in orders.groups.values())
        assert not any(orders.contactors.values())


def test_the_only_group_of_a_session_is_relieved_by_another_without_a_pause() -> None:
    driven = charging(matrix(), ("M1", 1))
    driven.wanted = wish(driven.topology, ("M2", 1))
    lows, told = [], []
    for _ in range(150):
        driven.run(0.1)
        lows.append(driven.plant.outlet(1).current_a)
        told.append(driven.orders.outputs[1].current_a)
    assert driven.closed() == {"K21"}
    assert min(lows) > 60
    assert min(told) > 60
    assert_gentle(driven)


def test_groups_join_from_both_sides_of_a_ring_through_outputs_out_of_use() -> None:
    topology = bare_ring(5)
    driven = charging(topology, ("M1", 1), ("M2", 1), ("M4", 1), vehicles={1: Vehicle(request_a=200)})
    assert driven.closed() == {"T1", "T4", "T5"}
    assert driven.plant.outlet(1).current_a == pytest.approx(200, abs=3)
    assert_gentle(driven)


EXCHANGES = {
    "a free group comes, the only one goes on to another output": (4, [("M4", 1), ("M1", 2)], 0),
    "a chain of three, a free group comes at its end": (4, [("M2", 1), ("M3", 2), ("M4", 3)], 0),
    "two are swapped": (3, [("M2", 1), ("M1", 2), ("M3", 3)], 1),
    "three go round": (3, [("M2", 1), ("M3", 2), ("M1", 3)], 1),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_only_groups_of_sessions_are_exchanged_with_the_fewest_pauses(name: str) -> None:
    groups, pairs, pauses = EXCHANGES[name]
    vehicles = {number: Vehicle(request_a=60) for number in (1, 2, 3)}
    driven = charging(matrix(3, groups), ("M1", 1), ("M2", 2), ("M3", 3), vehicles=vehicles)
    driven.wanted = wish(driven.topology, *pairs)
    lows = dict.fromkeys({connector for _, connector in pairs}, 60.0)
    for _ in range(250):
        driven.run(0.1)
        lows = {n: min(low, driven.plant.outlet(n).current_a) for n, low in lows.items()}
    assert sum(low < 50 for low in lows.values()) == pauses
    assert {link.group: link.connector for n in driven.sequencer.connected.values()
            for link in [driven.topology.links[n]]} == dict(pairs)  # fmt: skip
    assert_gentle(driven)


def test_two_groups_on_one_conductor_join_another_output_together() -> None:
    driven = charging(bare_ring(), ("M1", 1), ("M2", 2), ("M3", 2), vehicles={2: Vehicle(request_a=40)})
    driven.plant.stop(2)
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1), ("M3", 1))
    driven.run(25)
    assert driven.closed() == {"T1", "T2"}
    assert {each.result for each in driven.finished} == {Result.DONE}
    assert_gentle(driven)


def test_a_rest_of_voltage_at_an_output_is_waited_for_not_followed() -> None:
    topology = matrix()
    sequencer, rest_v = Sequencer(topology), 350.0
    for place in range(200):
        measured = Measured(
            groups={name: GroupReading() for name in topology.groups},
            contactors=dict.fromkeys(topology.contactors, False),
            outputs={1: OutputReading(stage=Stage.PREPARING, voltage_v=rest_v, request_v=400, request_a=2)},
        )
        orders = sequencer.tick(wish(topology, ("M1", 1)), measured, place / 10)
        assert orders.finished == ()
        if orders.contactors["K11"]:
            break
        assert not orders.groups["M1"].is_on
        rest_v *= 0.975
    assert rest_v < 60


def test_a_vehicle_is_never_told_less_than_its_groups_are_told_to_give() -> None:
    driven = Driven(matrix())
    driven.plant.start(1, Vehicle(request_a=150, obeys=False))
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1), ("M3", 1))
    for _ in range(200):
        driven.run(0.1)
        if driven.plant.outlet(1).stage is Stage.CHARGING:
            told_a = sum(order.current_a for order in driven.orders.groups.values())
            assert told_a <= driven.orders.outputs[1].current_a + 0.1


def test_a_way_through_an_output_is_given_back_when_a_vehicle_comes_there() -> None:
    driven = charging(bare_ring(), ("M2", 2), ("M1", 2), vehicles={2: Vehicle(request_a=60)})
    assert driven.closed() == {"T1"}
    driven.plant.start(1, Vehicle(battery_v=600, request_v=700, request_a=40))
    driven.wanted = wish(driven.topology, ("M2", 2), ("M1", 1))
    lows = []
    for _ in range(40):
        driven.run(0.1)
        lows.append(driven.plant.outlet(2).current_a)
    assert "T1" not in driven.closed()
    assert min(lows) > 30
    driven.run(10)
    assert driven.plant.outlet(1).current_a == pytest.approx(40, abs=2)


def test_nothing_leads_through_an_output_that_is_lost_or_stopped() -> None:
    topology = bare_ring(3)
    wanted = wish(topology, ("M1", 2))
    for stage, closes in ((Stage.OFF, False), (Stage.IDLE, True)):
        measured = Measured(
            groups={name: GroupReading() for name in topology.groups},
            contactors=dict.fromkeys(topology.contactors, False),
            outputs={
                1: OutputReading(stage=stage),
                2: OutputReading(stage=Stage.PREPARING, is_closed=False),
                3: OutputReading(),
            },
        )
        sequencer = Sequencer(topology)
        orders = [sequencer.tick(wanted, measured, place / 10) for place in range(30)]
        assert any(each.contactors["T1"] for each in orders) is closes


def test_the_order_to_close_is_taken_back_when_the_group_trips() -> None:
    slow = ContactorNature(close_s=0.4)
    driven = charging(matrix(), ("M1", 1), contactors={"K21": slow}, vehicles={1: Vehicle(battery_v=600)})
    driven.wanted = wish(driven.topology, ("M1", 1), ("M2", 1))
    while not driven.orders.contactors["K21"]:
        driven.run(0.1)
    driven.plant.change_group("M2", GroupNature(has_fault=True))
    driven.run(0.2)
    assert driven.orders.contactors.get("K21") is False
    driven.run(1.0)
    assert driven.closed() == {"K11"}
