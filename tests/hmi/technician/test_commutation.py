"""The commutation picture: each contactor stands between the two buses that it joins."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chargepoint.messages import PowerState
from chargepoint.power_picture import ContactorPicture, GroupPicture
from chargepoint.vocabulary import Cause
from hmi.drawing.items import Icon, Line, Text
from hmi.samples import PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician import buses
from hmi.technician.samples import power, samples

NAME = "TechnikModules"
SHOWN = next(sample for sample in samples() if sample.name == f"{NAME} power")
TEN = next(panel for panel in PANELS if (panel.width, panel.height) == (1280, 800))


def contactor(name: str, one: str, other: str, is_closed: bool | None = False) -> ContactorPicture:
    return ContactorPicture(name=name, between=(one, other), output=name, is_closed=is_closed)


def ring(count: int) -> PowerState:
    names = [f"N{n}" for n in range(1, count + 1)]
    return PowerState(
        groups=tuple(GroupPicture(name=f"G{name}", bank="b", bus=name) for name in names),
        contactors=tuple(contactor(f"K{n}", names[n], names[(n + 1) % count], is_closed=n == 0) for n in range(count)),
    )


def test_neighbours_of_a_ring_share_a_lane_and_the_closing_one_has_its_own() -> None:
    state = ring(4)
    at = buses.placed({f"N{n}": 100 * n for n in range(1, 5)}, {}, state, 10)
    spots = {spot.contactor.name: spot for spot in buses.lanes(state.contactors, at)}
    assert [spots[f"K{n}"].lane for n in range(4)] == [0, 0, 0, 1]
    assert (spots["K1"].left, spots["K1"].x, spots["K1"].right) == (200, 250, 300)
    assert (spots["K3"].left, spots["K3"].right) == (100, 400)


def test_the_switch_of_a_long_one_stands_beside_the_buses_that_it_passes() -> None:
    state = PowerState(contactors=(contactor("K13", "a", "c"),))
    (spot,) = buses.lanes(state.contactors, {"a": 0, "b": 100, "c": 300})
    assert (spot.x, spot.room) == (200, 200)


def test_a_matrix_has_an_output_and_a_group_side_by_side() -> None:
    state = PowerState(contactors=(contactor("K11", "M1", "output 1"),))
    at = buses.placed({"M1": 100}, {"output 1": 100}, state, 30)
    assert at == {"M1": 100, "output 1": 130}


def test_a_bus_that_is_only_passed_stands_between_those_it_is_joined_with() -> None:
    state = PowerState(contactors=(contactor("K1", "a", "x"), contactor("K2", "x", "c")))
    assert buses.placed({"a": 100, "c": 300}, {}, state, 10)["x"] == 200


def test_power_is_on_all_buses_that_closed_contactors_join_with_modules_that_feed() -> None:
    state = ring(4)
    fed = replace(state, groups=(replace(state.groups[0], connector=2), *state.groups[1:]))
    assert buses.energised(fed) == {"N1", "N2"}
    assert buses.energised(state) == frozenset()


def test_a_bus_behind_a_contactor_that_nobody_knows_to_be_open_may_have_power() -> None:
    state = ring(4)
    unknown, welded = (
        contactor("K1", "N2", "N3", None),
        replace(contactor("K3", "N4", "N1"), cause=Cause.CONTACTOR_WELDED),
    )
    doubtful = replace(
        state, groups=(replace(state.groups[0], connector=1), *state.groups[1:]),
        contactors=(state.contactors[0], unknown, state.contactors[2], welded),
    )  # fmt: skip
    assert buses.energised(doubtful) == {"N1", "N2"}
    assert buses.energised(doubtful, perhaps=True) == {"N1", "N2", "N3", "N4"}


PAIRS = st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] != pair[1])


@given(st.lists(PAIRS, max_size=8), st.integers(1, 5))
def test_no_two_contactors_lie_on_each_other(pairs: list[tuple[int, int]], groups: int) -> None:
    found = tuple(contactor(f"K{i}", f"N{a}", f"N{b}") for i, (a, b) in enumerate(pairs))
    state = PowerState(contactors=found)
    at = buses.placed({f"N{n}": 50 * n for n in range(groups)}, {"N7": 0}, state, 12)
    xs = sorted(at.values())
    assert all(b - a >= 12 for a, b in pairwise(xs))
    spots = buses.lanes(found, at)
    assert len(spots) == len(found)
    for one in spots:
        assert one.left < one.x < one.right and one.room >= 12
        for other in spots:
            if one is not other and one.lane == other.lane:
                assert one.right <= other.left or other.right <= one.left


@pytest.mark.parametrize("is_known", [True, False])
def test_the_page_draws_them_between_their_buses_where_these_are_known(is_known: bool) -> None:
    now = power()
    if not is_known:
        now = replace(now, groups=tuple(replace(group, bus="") for group in now.groups))
    shown = view(Sample(NAME, SHOWN.place, replace(SHOWN.seen, power=now)), look(TEN), "en")
    items = SCREENS[NAME].picture(shown).items
    icons = [item for item in items if isinstance(item, Icon) and item.name.startswith("contactor_")]
    assert len(icons) == len(now.contactors)
    rows = {icon.rect.y for icon in icons}
    assert len(rows) == (2 if is_known else 1)
    texts = {item.text for item in items if isinstance(item, Text)}
    assert any(text.startswith("K12") for text in texts)
    if is_known:
        closed = next(icon for icon in icons if icon.name == "contactor_closed")
        middle = closed.rect.y + closed.rect.height // 2
        across = [item for item in items if isinstance(item, Line) and item.points[0][1] == item.points[-1][1]]
        wire = min(across, key=lambda line: (abs(line.points[0][1] - middle), line.points[0][0]))
        assert wire.points[0][0] < closed.rect.x < closed.rect.right < wire.points[-1][0]
