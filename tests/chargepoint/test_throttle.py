"""Wrong tries: pauses by login and by door, over restarts and power cuts; one door never locks out another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.throttle import FORGOTTEN_AFTER_S, MOST_LOGINS, Throttle


def fresh() -> Throttle:
    return Throttle(None, "boot-1", 0.0)


def fail(throttle: Throttle, times: int, who: str = "anna", at_s: float = 0.0, door: str = "hmi") -> None:
    for _ in range(times):
        throttle.failed(door, who, at_s)


@pytest.mark.parametrize(
    ("wrong", "pause_s"), [(0, 0), (4, 0), (5, 60), (6, 300), (7, 900), (8, 3600), (9, 3600), (30, 3600)]
)
def test_pauses_grow_with_wrong_tries(wrong: int, pause_s: float) -> None:
    throttle = fresh()
    fail(throttle, wrong, at_s=100.0)
    assert throttle.wait_s("hmi", "anna", 100.0) == pause_s
    assert throttle.wait_s("hmi", "ANNA", 100.0 + pause_s / 2) == pause_s / 2
    assert throttle.wait_s("hmi", "anna", 100.0 + pause_s) == 0


def test_many_logins_at_one_door_are_slowed_together() -> None:
    throttle = fresh()
    for number in range(5):
        throttle.failed("hmi", f"guess{number}", 0.0)
    assert throttle.wait_s("hmi", "somebody else", 0.0) == 60


def test_a_remote_attacker_does_not_lock_the_door_at_the_station() -> None:
    throttle = fresh()
    fail(throttle, 100, "boris", door="webconfig")
    assert throttle.wait_s("webconfig", "boris", 0.0) == 3600
    assert throttle.wait_s("hmi", "boris", 0.0) == 0


def test_a_right_try_forgets_ones_own_wrong_ones_only() -> None:
    throttle = fresh()
    fail(throttle, 3, "boris")
    fail(throttle, 3, "guess", at_s=0.0)
    assert throttle.succeeded("hmi", "boris", 200.0)
    throttle.failed("hmi", "guess", 200.0)
    throttle.failed("hmi", "guess", 200.0)
    assert throttle.wait_s("hmi", "boris", 200.0) == 60  # five by somebody else at this door
    assert not throttle.succeeded("hmi", "clara", 200.0)


def test_a_day_without_wrong_tries_forgets_them() -> None:
    throttle = fresh()
    fail(throttle, 8)
    throttle.failed("hmi", "anna", FORGOTTEN_AFTER_S + 1)
    assert throttle.wait_s("hmi", "anna", FORGOTTEN_AFTER_S + 1) == 0


def test_a_restart_changes_nothing_and_a_power_cut_begins_the_pause_anew() -> None:
    throttle = fresh()
    fail(throttle, 6, at_s=1000.0)
    kept = throttle.kept()
    assert "anna" not in kept
    assert Throttle(kept, "boot-1", 1100.0).wait_s("hmi", "anna", 1100.0) == 200
    assert Throttle(kept, "boot-2", 5.0).wait_s("hmi", "anna", 5.0) == 300


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"boot_id": 3}', None])
def test_damaged_notes_are_as_none(kept: str | None) -> None:
    assert Throttle(kept, "boot-1", 0.0).wait_s("hmi", "anna", 0.0) == 0


def test_memory_is_bounded_and_the_door_counts_all_of_them() -> None:
    throttle = fresh()
    for number in range(MOST_LOGINS + 50):
        throttle.failed("hmi", f"guess{number}", float(number))
    assert len(throttle.kept()) < 20_000
    assert throttle.wait_s("hmi", "anybody", 250.0) > 3000


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 2000), st.booleans()), max_size=60))
def test_nobody_gets_more_tries_than_the_rule_gives(tries: list[tuple[str, float, bool]]) -> None:
    throttle, now_s, looked_at = fresh(), 0.0, 0
    for who, later_s, _ in tries:
        now_s += later_s
        if throttle.wait_s("hmi", who, now_s) == 0:
            throttle.failed("hmi", who, now_s)
            looked_at += 1
    free, pauses_s = 5, (60.0, 300.0, 900.0)
    allowed = free
    for pause_s in pauses_s:
        if now_s >= pause_s:
            allowed += 1
    assert looked_at <= allowed + now_s / 3600 + 1
