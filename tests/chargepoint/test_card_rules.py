"""How fast cards may follow one another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chargepoint.card_rules import AT_ONCE, FORGOTTEN_S, PAUSE_S, SLOWER, Admission


def taken(admission: Admission, from_s: float, until_s: float, *, is_refused: bool | None = None) -> int:
    """How many cards are taken when one is held on every 20 ms; each is settled at once."""
    number = 0
    for tick in range(round((until_s - from_s) / 0.02)):
        now_s = from_s + 0.02 * tick
        if not admission.ready_in_s(now_s):
            admission.take(now_s)
            number += 1
            if is_refused is not None:
                admission.settled(now_s, is_refused=is_refused)
    return number


def test_a_few_cards_are_taken_at_once_then_two_a_second() -> None:
    assert taken(Admission(), 0.0, 0.1) == AT_ONCE
    assert abs(taken(Admission(), 0.0, 60.0, is_refused=False) - (AT_ONCE + 60.0 / PAUSE_S)) <= 2


def test_guessing_gets_slower_and_slower_but_never_slower_than_an_honest_driver_waits() -> None:
    admission = Admission()
    assert taken(admission, 0.0, 3600.0, is_refused=True) <= 3600.0 / SLOWER[0][1] + 40
    assert admission.pause_s == SLOWER[0][1] < 3.0
    assert admission.ready_in_s(3600.0) <= SLOWER[0][1]


def test_nine_refusals_do_not_slow_down_and_a_good_card_makes_up_for_half() -> None:
    admission = Admission()
    for number in range(9):
        admission.settled(float(number), is_refused=True)
    slow = [admission.is_slow]
    for at_s, is_refused in ((9.0, True), (10.0, False)):
        admission.settled(at_s, is_refused=is_refused)
        slow.append(admission.is_slow)
    assert slow == [False, True, False]


def test_refusals_are_forgotten_after_two_minutes() -> None:
    admission = Admission()
    for _ in range(50):
        admission.settled(0.0, is_refused=True)
    admission.ready_in_s(FORGOTTEN_S + 1.0)
    assert not admission.is_slow


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=80))
def test_the_wait_is_bounded_whatever_happened(steps: list[tuple[float, bool]]) -> None:
    admission, now_s = Admission(), 0.0
    for pause_s, is_refused in steps:
        now_s += pause_s
        wait_s = admission.ready_in_s(now_s)
        assert 0.0 <= wait_s <= 3.0
        now_s += wait_s
        assert not admission.ready_in_s(now_s + 1e-6)
        admission.take(now_s + 1e-6)
        admission.settled(now_s, is_refused=is_refused)
