"""What the sharing of power asks of a connector."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from chargepoint.power.allocation import NOTHING, Allocation, Feed
from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.topology import Group, Installed, Output, Topology
from chargepoint.station.outlet import Outlet
from chargepoint.station.power_facts import drawn_a, losses_of
from chargepoint.vocabulary import PowerType

RANGE = VoltageRange(min_voltage_v=150, max_voltage_v=1000, max_current_a=50, max_power_w=20_000)


def test_losses_are_those_of_the_groups_that_give_power_and_only_where_a_curve_is_known() -> None:
    curve = (LoadPoint(0.1, 0.8), LoadPoint(1.0, 0.8))
    topology = Topology(
        Installed(
            groups=(
                Group(name="lossy", ranges=(RANGE,), bus="output 1", efficiency=curve),
                Group(name="plain", ranges=(RANGE,), bus="output 2"),
            ),
            outputs=(Output(connector=1), Output(connector=2)),
        )
    )
    links = {name: topology.links_of_group[name][0] for name in topology.groups}
    allocation = Allocation(
        feeds={
            "lossy": Feed(connector=1, link=links["lossy"], power_w=16_000.0),
            "plain": Feed(connector=2, link=links["plain"], power_w=16_000.0),
        }
    )
    assert losses_of(topology, allocation) == {1: pytest.approx(1.25)}
    assert losses_of(topology, NOTHING) == losses_of(None, allocation) == {}


def test_what_modules_lose_is_taken_of_the_phases_too_so_that_it_is_no_load_of_others() -> None:
    kind = SimpleNamespace(type=SimpleNamespace(power_type=PowerType.DC), phases=3)
    speaking = SimpleNamespace(
        settings=kind, reading=SimpleNamespace(power_w=6_900.0), link_lost=False, vehicle=None, grant=None
    )
    silent = SimpleNamespace(
        settings=kind, reading=None, link_lost=True, vehicle=None, grant=SimpleNamespace(power_w=6_900.0)
    )
    for each in (speaking, silent):
        assert drawn_a(cast(Outlet, each), 230.0) == pytest.approx((10.0,) * 3)
        assert drawn_a(cast(Outlet, each), 230.0, 1.25) == pytest.approx((12.5,) * 3)
