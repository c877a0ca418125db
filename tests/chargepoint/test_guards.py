"""Guards G0..G3 as people meet them: the button, the sum, the own password; nothing is passed without them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.guards import HOLDS_S, Check, End, Guard, confirmed, fresh_sum, opened

ARGUMENTS = {"connector": 2}


def a_check(guard: Guard) -> Check:
    return opened("reboot", ARGUMENTS, guard, 100.0, rng=random.Random(1))


def solved(check: Check, now_s: float = 105.0) -> Check:
    assert check.sum is not None
    return check.answered(str(check.sum.total), now_s)


def test_g0_asks_nothing_and_g1_the_button() -> None:
    assert a_check(Guard.G0).passed is not None
    check = a_check(Guard.G1)
    assert (check.passed, check.waits_for, check.sum) == (None, "press", None)
    assert check.pressed(101.0).passed is not None


def test_a_stray_double_touch_does_nothing() -> None:
    check = a_check(Guard.G1).pressed(100.1).pressed(100.3)
    assert (check.passed, check.waits_for) == (None, "press")
    check = a_check(Guard.G2).pressed(101.0)
    assert check.pressed(101.1) == check
    assert check.passed is None


def test_g2_asks_for_the_sum_of_two_numbers_of_two_digits() -> None:
    check = a_check(Guard.G2).pressed(101.0)
    assert check.sum is not None
    assert 11 <= check.sum.a <= 49 and 11 <= check.sum.b <= 49
    assert check.waits_for == "sum"
    assert solved(check).passed is not None


def test_the_third_wrong_answer_ends_it_and_each_wrong_one_brings_another_sum() -> None:
    check = a_check(Guard.G2).pressed(101.0)
    sums = []
    for left in (2, 1, 0):
        sums.append(check.sum)
        check = check.answered("1", 102.0, random.Random(left))
        assert check.tries_left == left
    assert (check.end, check.passed, check.waits_for) == (End.TRIES, None, "")
    totals = [each.total for each in sums if each is not None]
    assert totals[0] != totals[1] != totals[2]
    assert solved(check).passed is None


def test_a_late_answer_counts_no_more() -> None:
    check = a_check(Guard.G2).pressed(101.0)
    assert round(check.left_s(150.0)) == 10
    assert solved(check, 160.0).passed is not None
    late = solved(check, 160.1)
    assert (late.end, late.passed) == (End.LATE, None)
    assert check.seen(200.0).end is End.LATE


def test_g3_asks_for_the_own_password_as_well() -> None:
    check = solved(a_check(Guard.G3).pressed(101.0))
    assert (check.passed, check.waits_for) == (None, "password")
    assert check.with_password(True, 110.0).passed is not None
    assert check.with_password(False, 110.0).end is End.NOT_HIM
    assert a_check(Guard.G3).with_password(True, 110.0).passed is None


def test_numbers_differ_between_two_openings() -> None:
    rng = random.Random(3)
    before = fresh_sum(None, rng)
    for _ in range(200):
        after = fresh_sum(before, rng)
        assert after.total != before.total
        before = after


def test_a_pass_is_for_one_deed_with_its_arguments_for_a_minute() -> None:
    passed = a_check(Guard.G1).pressed(101.0).passed
    assert passed is not None
    assert passed.fits("reboot", {"connector": "2"}, Guard.G1, 101.0)
    assert not passed.fits("reboot", {"connector": 3}, Guard.G1, 101.0)
    assert not passed.fits("power_off", ARGUMENTS, Guard.G1, 101.0)
    assert not passed.fits("reboot", ARGUMENTS, Guard.G2, 101.0)
    assert not passed.fits("reboot", ARGUMENTS, Guard.G1, 101.5 + HOLDS_S)
    assert confirmed("reboot", ARGUMENTS, Guard.G3).fits("reboot", ARGUMENTS, Guard.G3, 1e9)


STEPS = st.one_of(
    st.just(("press", "")),
    st.tuples(st.just("sum"), st.sampled_from(["", "0", "57", "abc", "99999", "٥٧"])),
    st.tuples(st.just("password"), st.just("no")),
    st.tuples(st.just("wait"), st.just("")),
)


@pytest.mark.parametrize("guard", [Guard.G2, Guard.G3])
@given(st.lists(STEPS, max_size=12))
def test_random_touches_never_pass_without_sum_and_password(guard: Guard, steps: list[tuple[str, str]]) -> None:
    check, now_s = opened("reboot", {}, guard, 0.0), 0.0
    for what, value in steps:
        now_s += 20.0 if what == "wait" else 0.3
        if what == "press":
            check = check.pressed(now_s)
        elif what == "sum" and (check.sum is None or value != str(check.sum.total)):
            check = check.answered(value, now_s)
        elif what == "password":
            check = check.with_password(False, now_s)
        assert check.passed is None
