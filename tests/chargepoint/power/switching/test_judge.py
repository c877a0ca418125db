"""The judge finds each kind of sin: a script that commits exactly one, and one that commits none."""

from __future__ import annotations

import msgspec
import pytest

from chargepoint.power.measured import Announcement, GroupOrder, Measured, Orders, Wanted
from chargepoint.power.simulation.nature import ContactorNature, Feedback, GroupNature, Vehicle
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.topology import Topology
from tests.chargepoint.power.simulation import topologies
from tests.chargepoint.power.switching.driving import Drive

CAR = Vehicle(battery_v=380, rise_v=0, request_v=430, request_a=80)
MOST = Announcement(current_a=80, power_w=80_000)
Step = tuple[float, Orders]


class Script:
    """Orders at their times; set-points rise by 2 A in each tick, as they should, unless `is_steep`."""

    def __init__(self, steps: list[Step], *, is_steep: bool = False) -> None:
        self.steps = steps
        self.is_steep = is_steep
        self.groups: dict[str, GroupOrder] = {}

    def tick(self, wanted: Wanted, measured: Measured, now_mono_s: float, /) -> Orders:
        del wanted, measured
        groups: dict[str, GroupOrder] = {}
        contactors: dict[str, bool] = {}
        outputs: dict[int, Announcement] = {}
        for at_s, orders in self.steps:
            if at_s <= now_mono_s + 1e-6:
                groups.update(orders.groups)
                contactors.update(orders.contactors)
                outputs.update(orders.outputs)
        for name, order in groups.items():
            before = self.groups.get(name, GroupOrder())
            most_a = order.current_a if self.is_steep else before.current_a * before.is_on + 2
            self.groups[name] = msgspec.structs.replace(order, current_a=min(order.current_a, most_a))
        return Orders(groups=dict(self.groups), contactors=contactors, outputs=outputs)


def on(voltage_v: float, current_a: float) -> GroupOrder:
    return GroupOrder(is_on=True, voltage_v=voltage_v, current_a=current_a)


OFF = GroupOrder()
GOOD: list[Step] = [
    (0.0, Orders(contactors={"K11": True}, outputs={1: MOST})),
    (0.5, Orders(groups={"M1": on(380, 2)})),
    (5.0, Orders(groups={"M1": on(430, 40)})),
]
END: list[Step] = [
    (15.0, Orders(groups={"M1": on(430, 0)}, outputs={1: Announcement()})),
    (17.0, Orders(groups={"M1": OFF})),
    (25.0, Orders(contactors={"K11": False})),
]


def drive(
    steps: list[Step], *, topology: Topology | None = None, is_steep: bool = False, **parts: object
) -> Drive[Script]:
    plant = Plant(topology or topologies.matrix(2, 2), **parts)  # type: ignore[arg-type]
    plant.start(1, CAR)
    return Drive(plant, lambda _, __: Script(steps, is_steep=is_steep))


def rules(drive: Drive[Script]) -> set[str]:
    return {each.rule for each in drive.judge.verdict()}


def test_an_orderly_session_is_no_sin() -> None:
    run = drive([*GOOD, *END])
    run.run(14.9)
    run.plant.stop(1)
    run.run(15)
    assert run.judge.verdict() == []


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ("Z1", [*GOOD, (10.0, Orders(contactors={"K11": False}))]),
        ("Z2", [*GOOD, (0.5, Orders(contactors={"K21": True})), (0.6, Orders(contactors={"K21": False, "K22": True}))]),
        ("Z3", [*GOOD, (10.0, Orders(contactors={"K21": True}))]),
        ("Z4", [(0.0, Orders(groups={"M1": on(380, 2)})), *GOOD]),
        ("Z5", [*GOOD, (0.0, Orders(contactors={"K12": True}))]),
        ("Z5", [*GOOD, (0.3, Orders(contactors={"K12": True}))]),
        ("Z7", [*GOOD, (8.0, Orders(groups={"M1": on(430, 60)}))]),
        ("Z8", [*GOOD, (10.0, Orders(groups={"M1": on(430, 20)}))]),
        ("Z10", [*GOOD, (1.0, Orders(groups={"M1": on(380, 6)}))]),
        ("Z10", [*GOOD, (0.0, Orders(contactors={"K22": True})), (0.5, Orders(groups={"M2": on(380, 1)}))]),
    ],
)
def test_a_sin_is_found(rule: str, steps: list[Step]) -> None:
    run = drive(steps)
    run.run(6)
    run.plant.change_vehicle(1, msgspec.structs.replace(CAR, request_a=50 if rule == "Z7" else 80, obeys=False))
    run.run(7)
    assert rule in rules(run), run.judge.verdict()


def test_a_steep_rise_is_found() -> None:
    run = drive(GOOD, is_steep=True)
    run.run(8)
    assert rules(run) == {"Z7"}


def test_too_much_from_the_grid_is_found() -> None:
    run = drive(GOOD, grid_w=8_000)
    run.run(10)
    assert rules(run) == {"Z6"}


def test_current_at_a_contactor_that_does_not_obey_is_found() -> None:
    run = drive([*GOOD, (9.0, Orders(outputs={1: MOST}))], contactors={"K11": ContactorNature(falls_after_s=8)})
    run.run(12)
    assert "Z9" in rules(run)


def test_current_after_the_allocation_has_grown_old_is_found() -> None:
    run = drive(GOOD)
    run.age(31)
    run.run(14)
    assert rules(run) == {"Z11"}


def test_a_ring_closed_both_ways_round_is_found() -> None:
    steps = [(0.5 * n, Orders(contactors={f"T{n}": True})) for n in range(1, 5)]
    run = drive(steps, topology=topologies.ring(4))
    run.run(4)
    assert rules(run) == {"ring"}


def test_a_contactor_that_closes_by_itself_is_nobodys_sin_at_first() -> None:
    run = drive(GOOD)
    run.run(10)
    run.plant.force_closed("K12")
    run.run(1)
    assert rules(run) == set()


def test_what_a_lying_feedback_hides_is_nobodys_sin() -> None:
    lying = ContactorNature(feedback=Feedback.ALWAYS_OPEN, is_welded=True)
    run = drive([(0.0, Orders(contactors={"K12": False})), *GOOD], contactors={"K12": lying}, closed=("K12",))
    run.run(0.9)
    assert "Z5" not in rules(run)


def test_a_silent_group_that_gives_too_much_is_nobodys_sin() -> None:
    run = drive(GOOD)
    run.run(10)
    run.plant.change_group("M1", GroupNature(is_silent=True, silence_limit_s=None))
    run.plant.change_vehicle(1, msgspec.structs.replace(CAR, request_a=5))
    run.run(5)
    assert rules(run) == set()
