from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi.drawing.items import Rect
from hmi.rotation import Rotation

each_way = pytest.mark.parametrize("degrees", [0, 90, 180, 270])


@each_way
@given(x=st.integers(0, 799), y=st.integers(0, 479))
def test_a_touch_on_a_turned_picture_is_turned_back(degrees: int, x: int, y: int) -> None:
    rotation = Rotation(degrees, 800, 480)
    spot = rotation.on_panel(Rect(x, y, 1, 1))
    assert (spot.width, spot.height) == (1, 1)
    across, down = rotation.panel
    assert 0 <= spot.x < across and 0 <= spot.y < down
    assert rotation.in_picture(spot.x, spot.y) == (x, y)


@each_way
@pytest.mark.parametrize("x, y", [(-5, -5), (5000, 5000), (-1, 9000)])
def test_touches_beyond_the_panel_are_at_its_edge(degrees: int, x: int, y: int) -> None:
    inside = Rotation(degrees, 800, 480).in_picture(x, y)
    assert 0 <= inside[0] < 800 and 0 <= inside[1] < 480


def test_the_upper_left_corner_goes_clockwise() -> None:
    corner = Rect(0, 0, 10, 20)
    places = [Rotation(degrees, 800, 480).on_panel(corner) for degrees in (0, 90, 180, 270)]
    assert places == [corner, Rect(460, 0, 20, 10), Rect(790, 460, 10, 20), Rect(0, 790, 20, 10)]
