"""When the link is tried again."""

from __future__ import annotations

import itertools
import random

import pytest

from ocpp_client.backoff import CAP_S, Backoff


def attempts(backoff: Backoff, seconds: float, lived_s: float | None = None) -> list[float]:
    """Times of the attempts within `seconds`; each fails, or lives `lived_s`."""
    now_s, times = 0.0, list[float]()
    backoff.lost(0.0, 1000.0)
    while True:
        now_s += backoff.next_delay_s(now_s)
        if now_s > seconds:
            return times
        times.append(now_s)
        if lived_s is not None:
            backoff.opened(now_s)
            now_s += lived_s
            backoff.lost(now_s, lived_s)


def test_the_first_attempt_after_power_up_is_spread() -> None:
    delays = [Backoff(120.0, random.Random(seed)).first_delay_s() for seed in range(300)]
    assert 0 <= min(delays) < 5 and 115 < max(delays) <= 120
    in_window = max(sum(start <= delay < start + 10 for delay in delays) for start in range(110))
    assert in_window <= 3 * 300 * 10 / 120


def test_a_lost_link_is_tried_at_small_random_gaps_for_two_minutes() -> None:
    times = attempts(Backoff(120.0, random.Random(1)), 120.0)
    gaps = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    assert all(3.0 <= gap <= 10.0 for gap in gaps) and len(set(gaps)) == len(gaps)


@pytest.mark.ocpp("J5.4-reconnect")
def test_then_gaps_grow_to_the_cap() -> None:
    for seed in range(20):
        times = attempts(Backoff(120.0, random.Random(seed)), 6 * 3600.0)
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert max(gaps) <= CAP_S + 3.0
        assert sum(gaps[-10:]) / 10 > 200  # half the cap on average


def test_a_server_that_throws_us_out_at_once_sees_fewer_than_sixty_connections_an_hour() -> None:
    for seed in range(30):
        for spread_s, lived_s in ((120.0, 0.0), (120.0, 1.0), (120.0, 5.0), (0.0, 0.0), (0.0, 1.0)):
            times = attempts(Backoff(spread_s, random.Random(seed)), 3600.0, lived_s)
            assert len(times) < 60, (seed, spread_s, lived_s)


def test_two_stations_that_throw_each_other_out_stay_below_sixty_an_hour() -> None:
    for seed in range(30):
        assert len(attempts(Backoff(120.0, random.Random(seed)), 3600.0, 30.0)) < 60


def test_without_spread_the_link_is_back_within_seconds() -> None:
    backoff = Backoff(0.0, random.Random(1))
    assert backoff.first_delay_s() == 0
    times = attempts(backoff, 3600.0)
    assert max(after - before for before, after in itertools.pairwise(times)) < 5.0


def test_without_spread_two_short_lives_in_a_row_still_come_back_within_ten_seconds() -> None:
    backoff = Backoff(0.0, random.Random(1))
    for now_s in (0.0, 20.0):
        backoff.opened(now_s)
        backoff.lost(now_s + 1, 1.0)
        assert backoff.next_delay_s(now_s + 1) < 10.0


def test_what_the_server_asks_for_is_waited_at_least() -> None:
    backoff = Backoff(0.0, random.Random(1))
    for asked_s in (60.0, 3600.0):
        assert asked_s <= backoff.next_delay_s(0.0, asked_s) <= asked_s + 60


def test_an_absurd_wish_is_bounded() -> None:
    assert Backoff(0.0, random.Random(1)).next_delay_s(0.0, 1e12) <= 24 * 3600 + 60
