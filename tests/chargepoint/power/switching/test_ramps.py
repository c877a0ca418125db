import math
from collections.abc import Sequence

import pytest

from chargepoint.power.switching.ramps import Ceiling, Share, divide
from chargepoint.power.switching.settings import SwitchingSettings

SETTINGS = SwitchingSettings()


def currents(
    shares: Sequence[Share],
    bounds: Ceiling,
    settings: SwitchingSettings,
    elapsed_s: float,
    level_a: float | None = None,
) -> list[float]:
    return divide(shares, bounds, settings, elapsed_s, level_a).currents_a


def share(told_a: float, *, most_a: float = 100.0, given_a: float | None = None, **more: bool) -> Share:
    return Share(able_a=100.0, most_a=most_a, told_a=told_a, given_a=told_a if given_a is None else given_a, **more)


def ceiling(request_a: float = 500.0, granted_a: float = 500.0, rises_to_a: float = math.inf) -> Ceiling:
    return Ceiling(request_a=request_a, granted_a=granted_a, rises_to_a=rises_to_a)


def test_an_output_rises_twenty_ampere_a_second_over_all_its_groups() -> None:
    now_a = currents([share(10), share(10)], ceiling(), SETTINGS, 0.1)
    assert sum(now_a) == pytest.approx(22)


def test_more_than_the_vehicle_asks_is_never_told() -> None:
    assert sum(currents([share(40), share(40)], ceiling(request_a=30), SETTINGS, 0.1)) == pytest.approx(30)


def test_a_lower_grant_is_reached_at_a_hundred_ampere_a_second() -> None:
    assert sum(currents([share(40), share(40)], ceiling(granted_a=30), SETTINGS, 0.1)) == pytest.approx(70)


def test_a_pause_is_no_reason_for_a_jump() -> None:
    assert sum(currents([share(0)], ceiling(), SETTINGS, 60.0)) <= 20 + 1e-9


def test_a_group_that_joins_takes_load_without_more_of_a_dip_than_a_step() -> None:
    told_a = [60.0, 0.0]
    for _ in range(60):
        now_a = currents([share(told_a[0]), share(told_a[1])], ceiling(request_a=60), SETTINGS, 0.1)
        assert 58 - 1e-9 <= sum(now_a) <= 60 + 1e-9
        told_a = now_a
    assert told_a == pytest.approx([30, 30])


def test_a_group_rises_only_into_what_another_has_measurably_given_up() -> None:
    now_a = currents([share(50, given_a=60), share(0)], ceiling(request_a=60), SETTINGS, 0.1)
    assert 60 + now_a[1] <= 60 + 1e-9


def test_a_leaving_group_gives_up_what_others_take_over() -> None:
    given_a = told_a = [40.0, 40.0]
    for _ in range(60):
        now_a = currents([share(told_a[0], given_a=given_a[0], leaves=True), share(told_a[1], given_a=given_a[1])],
                         ceiling(request_a=80), SETTINGS, 0.1, 80)  # fmt: skip
        assert 75 <= sum(now_a) <= 80 + 1e-9
        given_a, told_a = told_a, now_a
    assert told_a == pytest.approx([0, 80])


def test_a_hand_over_ends_in_time_though_ticks_are_slow_and_values_late() -> None:
    seen_a = given_a = told_a = [66.0, 0.0]
    steps = 0
    while told_a[0] > 0:
        shares = [share(told_a[0], given_a=seen_a[0], leaves=True), share(told_a[1], given_a=seen_a[1])]
        now_a = currents(shares, ceiling(request_a=66), SETTINGS, 0.2, 66)
        assert sum(now_a) >= 66 - 4 - 1e-9
        seen_a, given_a, told_a = given_a, told_a, now_a
        steps += 1
    assert steps * 0.2 <= SETTINGS.take_over_s


def test_a_leaving_group_falls_in_a_hurry_when_others_do_not_take_over() -> None:
    def next_a(hurries: bool) -> list[float]:
        shares = [share(40, leaves=True, hurries=hurries), share(40, given_a=20, hurries=hurries)]
        return currents(shares, ceiling(request_a=80), SETTINGS, 0.1, 80)

    assert next_a(hurries=False)[0] >= 37
    assert next_a(hurries=True)[0] == pytest.approx(30)


def test_others_wait_while_a_leaving_group_does_not_fall() -> None:
    now_a = currents([share(0, given_a=40, leaves=True), share(40)], ceiling(request_a=80), SETTINGS, 0.1)
    assert now_a[1] == pytest.approx(40)


def test_a_group_that_is_not_joined_gets_nothing() -> None:
    assert currents([share(40, is_joined=False)], ceiling(), SETTINGS, 0.1) == [0.0]


def test_what_a_silent_group_gives_is_no_longer_there_for_others() -> None:
    shares = [share(40, is_joined=False, given_a=40), share(40)]
    assert sum(currents(shares, ceiling(request_a=60), SETTINGS, 1.0)) == pytest.approx(20)


def test_what_is_not_delivered_does_not_pile_up() -> None:
    told_a = 0.0
    for _ in range(100):
        told_a = currents([share(told_a, given_a=0.0)], ceiling(), SETTINGS, 0.1)[0]
    assert told_a <= SETTINGS.slack_a + 2.0 + 1e-9


@pytest.mark.parametrize("value", [math.nan, -1.0, -math.inf])
def test_a_bound_that_is_no_number_counts_as_nothing(value: float) -> None:
    assert currents([share(40)], ceiling(request_a=value), SETTINGS, 0.1) == [0.0]


def test_nobody_rises_into_power_that_others_still_take() -> None:
    assert sum(currents([share(40)], ceiling(rises_to_a=30), SETTINGS, 0.1)) == pytest.approx(40)
