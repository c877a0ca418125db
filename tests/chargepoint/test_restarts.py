"""When a service that died is started again."""

from __future__ import annotations

from chargepoint.restarts import RestartRule, after_death
from chargepoint.services import SERVICES


def delays(rule: RestartRule, lives_s: list[float]) -> list[tuple[float, bool]]:
    deaths, found = 0, []
    for lived_s in lives_s:
        plan = after_death(rule, deaths, lived_s)
        deaths = plan.deaths
        found.append((plan.delay_s, plan.is_parked))
    return found


def test_delays_grow_and_then_it_is_parked() -> None:
    rule = RestartRule(delays_s=(0.0, 1.0, 5.0), settled_s=10.0, parked_after=5, parked_s=100.0)
    assert delays(rule, [0.1] * 6) == [
        (0.0, False), (1.0, False), (5.0, False), (5.0, False), (100.0, True), (100.0, True),
    ]  # fmt: skip


def test_a_settled_life_makes_the_next_death_the_first() -> None:
    rule = RestartRule(delays_s=(0.0, 1.0, 5.0), settled_s=10.0)
    assert delays(rule, [0.1, 0.1, 11.0, 0.1]) == [(0.0, False), (1.0, False), (0.0, False), (1.0, False)]


def test_station_comes_back_at_once_and_is_never_parked() -> None:
    rule = next(service for service in SERVICES if service.name == "station").restart
    found = delays(rule, [0.1] * 50)
    assert found[:2] == [(0.0, False), (0.0, False)]
    assert not any(is_parked for _, is_parked in found)
    assert max(delay_s for delay_s, _ in found) <= 10.0
