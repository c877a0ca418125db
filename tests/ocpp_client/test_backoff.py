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


def fleet(spread_s: float, count: int = 300, away_s: float = 0.0, seconds: float = 4 * 3600.0) -> list[list[float]]:
    """Attempts of so many stations: all lose the server at 0, which returns after `away_s`, or lose power at 0."""
    found = []
    for seed in range(count):
        backoff = Backoff(spread_s, random.Random(seed))
        times: list[float] = []
        if away_s:
            backoff.lost(0.0, 1000.0)
            now_s = 0.0
            while now_s < min(away_s, seconds):
                now_s += backoff.next_delay_s(now_s)
                times.append(now_s)
        else:
            times.append(backoff.first_delay_s())
        found.append(times)
    return found


def most_in(times: list[float], window_s: float) -> int:
    """The most that fall into any window of this length."""
    times = sorted(times)
    return max(sum(start <= time < start + window_s for time in times[at : at + 400]) for at, start in enumerate(times))


def test_a_fleet_that_lost_power_together_comes_back_spread_evenly() -> None:
    """N044: in any 10 s at most three times the uniform share of the window; delays differ by station and boot."""
    firsts = [times[0] for times in fleet(120.0)]
    assert most_in(firsts, 10.0) <= 3 * 300 * 10 / 120
    assert len({round(first, 6) for first in firsts}) == 300
    again = [Backoff(120.0, random.Random(1000 + seed)).first_delay_s() for seed in range(300)]
    assert all(abs(one - other) > 1e-6 for one, other in zip(firsts, again, strict=True))


def test_a_fleet_whose_server_was_away_long_comes_back_over_minutes() -> None:
    """N044: after hours without server the first attempts spread over the cap of a quarter of an hour.

    3000 stations, so that chance (which alone puts ten of 300 into one of ninety windows) does not decide.
    """
    for away_s in (3600.0, 4 * 3600.0):
        returns = [next(time for time in times if time >= away_s) for times in fleet(120.0, 3000, away_s)]
        assert max(returns) - away_s > 0.8 * CAP_S
        assert most_in(returns, 10.0) <= 3 * 3000 * 10 / CAP_S, away_s


def test_a_fleet_whose_server_was_away_shortly_still_does_not_come_at_one_time() -> None:
    returns = [next(time for time in times if time >= 60.0) for times in fleet(120.0, away_s=60.0)]
    assert most_in(returns, 1.0) <= 3 * 300 / 10  # gaps of up to 10 s: the uniform share of one second


def test_a_link_made_anew_by_our_own_wish_waits_a_moment_only() -> None:
    backoff = Backoff(120.0, random.Random(1))
    backoff.opened(0.0)
    backoff.ended_by_us(5.0, 5.0)
    assert backoff.soon_s(5.0) <= 0.5 and backoff.short_lives == 0


def test_even_links_made_anew_stay_below_sixty_an_hour() -> None:
    backoff, now_s, count = Backoff(120.0, random.Random(1)), 0.0, 0
    while now_s < 3600.0:
        backoff.opened(now_s)
        count += 1
        backoff.ended_by_us(now_s + 1, 1.0)
        now_s += 1 + backoff.soon_s(now_s + 1)
    assert count < 60
