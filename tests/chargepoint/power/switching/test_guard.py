from collections.abc import Sequence

import pytest

from chargepoint.power.measured import GroupOrder, GroupReading, Measured, Orders, OutputReading, Stage
from chargepoint.power.switching.guard import guarded
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.wiring import Wiring
from tests.chargepoint.power.switching.stations import matrix, ring

TOPOLOGY = matrix()
WIRING = Wiring(TOPOLOGY)
OPEN = dict.fromkeys(TOPOLOGY.contactors, False)
CHARGING = OutputReading(stage=Stage.CHARGING, voltage_v=400, current_a=0, request_v=420, request_a=100, is_closed=True)


def measured(
    closed: Sequence[str] = (),
    groups: dict[str, GroupReading] | None = None,
    outputs: dict[int, OutputReading] | None = None,
) -> Measured:
    contactors = OPEN | dict.fromkeys(closed, True)
    readings = {name: GroupReading() for name in TOPOLOGY.groups} | (groups or {})
    return Measured(groups=readings, contactors=contactors, outputs={1: CHARGING, 2: OutputReading()} | (outputs or {}))


def judge(
    seen: Measured, orders: Orders, last: Orders | None = None, steady: frozenset[str] | None = None
) -> tuple[Orders, tuple[str, ...]]:
    steady = frozenset(name for name, said in seen.contactors.items() if said) if steady is None else steady
    last = Orders(contactors={name: said is True for name, said in seen.contactors.items()}) if last is None else last
    return guarded(WIRING, seen, orders, last, steady, frozenset(), SwitchingSettings())


def told(seen: Measured) -> dict[str, bool]:
    return {name: said is True for name, said in seen.contactors.items()}


def on(current_a: float = 0.0) -> GroupOrder:
    return GroupOrder(is_on=True, voltage_v=400, current_a=current_a)


def test_a_contactor_under_current_stays_closed() -> None:
    seen = measured(["K11"], {"M1": GroupReading(voltage_v=400, current_a=5, is_on=True)})
    orders, refusals = judge(seen, Orders(contactors=OPEN))
    assert orders.contactors["K11"] is True
    assert "Z1" in refusals[0]


def test_a_contactor_without_current_opens() -> None:
    seen = measured(["K11"], {"M1": GroupReading(voltage_v=400, current_a=0.9, is_on=True)})
    assert judge(seen, Orders(contactors=OPEN))[1] == ()


@pytest.mark.parametrize("voltage_v, is_refused", [(400, False), (381, False), (379, True), (0, True)])
def test_only_what_is_matched_is_joined(voltage_v: float, is_refused: bool) -> None:
    seen = measured([], {"M1": GroupReading(voltage_v=voltage_v, is_on=True)})
    orders, refusals = judge(seen, Orders(contactors=OPEN | {"K11": True}))
    assert orders.contactors["K11"] is not is_refused
    assert bool(refusals) is is_refused


def test_what_has_no_voltage_on_both_sides_may_be_joined() -> None:
    output = OutputReading(stage=Stage.PREPARING, voltage_v=50, is_closed=False)
    seen = measured([], {"M1": GroupReading(voltage_v=0)}, {1: output})
    assert judge(seen, Orders(contactors=OPEN | {"K11": True}))[1] == ()


def test_two_outputs_are_never_joined() -> None:
    seen = measured(["K11"], {"M1": GroupReading(voltage_v=400)}, {2: CHARGING})
    _, refusals = judge(seen, Orders(contactors=OPEN | {"K11": True, "K12": True}))
    assert "Z5" in refusals[0]


def test_nothing_is_joined_while_what_must_be_open_is_not_reported_open() -> None:
    seen = measured(["K12"], {"M1": GroupReading(voltage_v=400)})
    last = Orders(contactors=OPEN)
    _, refusals = judge(seen, Orders(contactors=OPEN | {"K11": True}), last)
    assert "Z2" in refusals[0]


def test_nothing_is_joined_to_an_output_that_asks_for_nothing() -> None:
    seen = measured()
    _, refusals = judge(seen, Orders(contactors=OPEN | {"K12": True}))
    assert "Z10" in refusals[0]


def test_no_current_before_the_contactor_is_closed_for_long_enough() -> None:
    seen = measured(["K11"], {"M1": GroupReading(voltage_v=400, is_on=True)})
    orders, refusals = judge(seen, Orders(contactors=OPEN | {"K11": True}, groups={"M1": on(10)}), steady=frozenset())
    assert orders.groups["M1"] == on(0)
    assert "Z4" in refusals[0]


def test_groups_of_outputs_that_are_joined_go_off() -> None:
    seen = measured(["K11", "K12"], {"M1": GroupReading(voltage_v=400, is_on=True)}, {2: CHARGING})
    orders, refusals = judge(seen, Orders(contactors=told(seen), groups={"M1": on(10)}))
    assert not orders.groups["M1"].is_on
    assert "Z5" in refusals[0]


def test_one_group_with_little_current_while_an_output_prepares() -> None:
    output = OutputReading(stage=Stage.PREPARING, voltage_v=400, request_v=400, request_a=50, is_closed=False)
    seen = measured(["K11", "K21"], outputs={1: output})
    orders, _ = judge(seen, Orders(contactors=told(seen), groups={"M1": on(20), "M2": on(1)}))
    assert orders.groups["M1"].current_a == pytest.approx(2)
    assert not orders.groups["M2"].is_on


def test_never_more_than_the_vehicle_asks() -> None:
    seen = measured(["K11", "K21"])
    orders, _ = judge(seen, Orders(contactors=told(seen), groups={"M1": on(90), "M2": on(60)}))
    assert sum(order.current_a for order in orders.groups.values()) == pytest.approx(100)


def test_a_ring_is_not_closed_both_ways_round() -> None:
    topology = ring(3)
    outputs = {1: CHARGING, 2: OutputReading(), 3: OutputReading()}
    contactors = dict.fromkeys(topology.contactors, False) | {"Q1": True, "T1": True, "T2": True}
    readings = {name: GroupReading(voltage_v=400) for name in topology.groups}
    seen = Measured(groups=readings, contactors=contactors, outputs=outputs)
    last = Orders(contactors=contactors)
    _, refusals = guarded(
        Wiring(topology), seen, Orders(contactors=contactors | {"T3": True}), last, frozenset(), frozenset(),
        SwitchingSettings(),
    )  # fmt: skip
    assert "one conductor already" in refusals[0]


def test_orders_that_are_no_numbers_switch_off() -> None:
    seen = measured(["K11"])
    bad = GroupOrder(is_on=True, voltage_v=400, current_a=float("nan"))
    orders, refusals = judge(seen, Orders(contactors=told(seen), groups={"M1": bad}))
    assert orders.groups["M1"] == GroupOrder()
    assert refusals
