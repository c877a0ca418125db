"""Division of a current among modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.power.sharing import divide

amperes = st.floats(min_value=0, max_value=1000, allow_nan=False)


@pytest.mark.parametrize(
    ("total_a", "most_a", "shares"),
    [
        (60.0, [100.0, 100.0, 100.0], [20.0, 20.0, 20.0]),
        (0.0, [100.0, 100.0], [0.0, 0.0]),
        (-5.0, [100.0, 100.0], [0.0, 0.0]),
        (500.0, [100.0, 100.0], [100.0, 100.0]),
        (120.0, [20.0, 100.0, 100.0], [20.0, 50.0, 50.0]),
        (10.0, [], []),
    ],
)
def test_equal_up_to_what_each_can(total_a: float, most_a: list[float], shares: list[float]) -> None:
    assert divide(total_a, most_a) == pytest.approx(shares)


@given(amperes, st.lists(amperes, max_size=30))
def test_never_more_than_the_total_nor_than_a_module_can(total_a: float, most_a: list[float]) -> None:
    shares = divide(total_a, most_a)
    assert len(shares) == len(most_a)
    assert sum(shares) <= total_a + 1e-6
    assert all(0 <= share <= most + 1e-9 for share, most in zip(shares, most_a, strict=True))
    assert sum(shares) >= min(total_a, sum(most_a)) - 1e-6
    ready = [share for share, most in zip(shares, most_a, strict=True) if share < most - 1e-9]
    assert max(ready, default=0) - min(ready, default=0) < 1e-6
