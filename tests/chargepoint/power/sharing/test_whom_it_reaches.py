"""Whom power reaches when not all guarantees can be kept (power.md 2, objective 1)."""

from __future__ import annotations

import msgspec

from chargepoint.power.allocation import StationPower
from tests.chargepoint.power.sharing.bench import Bench, kilowatts
from tests.chargepoint.power.sharing.stations import ac, dc, matrix


def test_of_as_many_guarantees_the_heavier_is_kept_before_more_have_their_floor() -> None:
    answer = Bench(matrix(3, 2), StationPower(16_000.0))(
        1.0,
        dc(1, guarantee_w=20_000.0, since_mono_s=1.0),
        dc(2, guarantee_w=10_000.0, weight=2.0, since_mono_s=2.0),
        dc(3, guarantee_w=2_000.0, weight=2.0, since_mono_s=3.0),
        ac(4, cap_w=11_040.0, since_mono_s=0.0),
    )
    assert kilowatts(answer)[2] >= 10.0
    assert kilowatts(answer)[4] == 0.0


def test_of_an_exclusive_set_the_heavier_is_served_when_as_many_guarantees_are_kept() -> None:
    made = msgspec.structs.replace(matrix(3, 2), exclusive=((2, 3),))
    answer = Bench(made, StationPower(34_000.0))(
        1.0,
        dc(1, guarantee_w=20_000.0, since_mono_s=1.0),
        dc(2, guarantee_w=20_000.0, since_mono_s=2.0),
        dc(3, guarantee_w=10_000.0, weight=2.0, since_mono_s=3.0),
        ac(4, cap_w=11_040.0, since_mono_s=4.0),
    )
    assert {n for n, kw in kilowatts(answer).items() if kw >= 10.0} == {1, 3}
