"""Whom power reaches when not all guarantees can be kept (power.md 2, objective 1)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from chargepoint.power.allocation import NOTHING, Mode, Rules, StationPower, allocate
from tests.chargepoint.power.sharing.bench import Bench, kilowatts
from tests.chargepoint.power.sharing.every_way import best, small
from tests.chargepoint.power.sharing.stations import ac, dc, matrix
from tests.variants import rest_long


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


@pytest.mark.parametrize("seeds", rest_long([(*range(50), 222, 992), range(50, 150)]), ids=["few", "rest"])
@pytest.mark.parametrize("mode", list(Mode))
def test_no_other_way_would_reach_more_or_those_who_come_first(mode: Mode, seeds: Iterable[int]) -> None:
    for seed in seeds:
        one = small(seed)
        if mode is Mode.WEIGHT:
            requests = [msgspec.structs.replace(r, weight=1.0 + (3 * r.connector + seed) % 7) for r in one.requests]
            one = msgspec.structs.replace(one, requests=requests)
        answer = allocate(
            one.station, one.requests, (), NOTHING, 1.0,
            topology=one.topology, faults=one.faults, rules=Rules(mode=mode),
        )  # fmt: skip
        right = best(one, mode)
        powers_w = {number: grant.power_w for number, grant in answer.grants.items()}
        assert {number for number, power_w in powers_w.items() if power_w > 0} == right.served, seed
        assert [n for n, least_w in right.guaranteed_w.items() if powers_w[n] < least_w - 6.0] == [], seed
        for number, right_w in right.power_w.items() if mode is not Mode.FAIR else ():
            assert powers_w[number] >= right_w - max(1_000.0, 0.01 * right_w), (seed, number)
            if powers_w[number] > right_w + 1_000.0:
                break  # a small gain of an earlier one that moves no group
