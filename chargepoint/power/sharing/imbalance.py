"""The bound of the imbalance of a station's own AC cars: who is lowered, and how far (power.md 3). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chargepoint.power.grid import Party, at_least_0
from chargepoint.power.sharing.most_served import Room
from chargepoint.power.sharing.served import Served, shares_of
from chargepoint.power.sharing.water_level import Shares
from chargepoint.power.sharing.words import Rules

TOLERANCE_A = 1e-9
MOST_ROUNDS = 24
MOST_TURNS = 12


def balanced(
    ranked: Sequence[Party],
    served: Served,
    shares: Shares,
    room: Room,
    rules: Rules,
    able: Mapping[int, float],
    follow_w: Mapping[int, float],
    bound_a: float | None,
) -> tuple[Served, Shares, frozenset[int]]:
    """The bound of the imbalance, and who was lowered for it. What is freed goes to other AC cars."""
    if bound_a is None:
        return served, shares, frozenset()
    bound_a = at_least_0(bound_a)
    touched: set[int] = set()
    tops = dict(able) | {n: power_w for n, (power_w, _) in shares.items() if n in able}
    for turn in range(MOST_TURNS):
        powers = {number: power_w for number, (power_w, _) in shares.items()}
        if too_much(ranked, powers, bound_a) is None:
            break
        falls, out = lowered(ranked, powers, served.lows, bound_a)
        fallen = {number: power_w for number, power_w in falls.items() if power_w < powers[number]}
        touched |= set(fallen)
        tops |= fallen
        lows = {n: min(low_w, tops.get(n, low_w)) for n, low_w in served.lows.items() if n not in out}
        served = Served(served.guaranteed - out, lows)
        shares = {n: (falls[n], index) for n, (_, index) in shares.items() if n not in out}
        if turn < MOST_TURNS - 1:
            still = Served(served.guaranteed, lows | {n: shares[n][0] for n in shares if n in able})
            again = shares_of(ranked, still, room, rules, tops, follow_w)
            shares = {n: again[n] if n not in able else each for n, each in shares.items()}
    return served, shares, frozenset(touched)


def lines_a(parties: Sequence[Party], powers_w: Mapping[int, float]) -> list[float]:
    """What the AC cars draw of L1, L2, L3."""
    cars = [party for party in parties if party.is_ac and party.number in powers_w]
    return [sum(car.costs[line] * powers_w[car.number] for car in cars) for line in (1, 2, 3)]


def too_much(parties: Sequence[Party], powers_w: Mapping[int, float], bound_a: float) -> tuple[int, int, float] | None:
    """The most and the least loaded line and the A that are too much between them; None when the bound holds."""
    loads = lines_a(parties, powers_w)
    high, low = loads.index(max(loads)), loads.index(min(loads))
    excess_a = loads[high] - loads[low] - bound_a
    return (high + 1, low + 1, excess_a) if excess_a > TOLERANCE_A else None


def lowered(
    ranked: Sequence[Party], powers_w: Mapping[int, float], lows: Mapping[int, float], bound_a: float
) -> tuple[dict[int, float], frozenset[int]]:
    """Tops by connector that keep the bound, and who must stop for it.

    Only cars on the high line are lowered, the highest first, to one level by weight; below the floor the last of
    `ranked` stops.
    """
    powers = dict(powers_w)
    stopped: set[int] = set()
    for _ in range(MOST_ROUNDS):
        found = too_much(ranked, powers, bound_a)
        if found is None:
            break
        high, low, excess_a = found
        cars = [
            car
            for car in ranked
            if car.is_ac and powers.get(car.number, 0.0) > 0 and car.costs[high] > 0 and not car.costs[low] > 0
        ]
        if not cars:
            break
        least = {car.number: min(lows.get(car.number, car.least_w), powers[car.number]) for car in cars}
        can_fall_a = sum(car.costs[high] * (powers[car.number] - least[car.number]) for car in cars)
        if can_fall_a < excess_a - TOLERANCE_A:
            least = {car.number: min(car.least_w, powers[car.number]) for car in cars}
            can_fall_a = sum(car.costs[high] * (powers[car.number] - least[car.number]) for car in cars)
        if can_fall_a < excess_a - TOLERANCE_A:
            last = cars[-1].number
            stopped.add(last)
            powers[last] = 0.0
            continue
        level = _level(cars, powers, least, high, excess_a)
        for car in cars:
            powers[car.number] = max(least[car.number], min(powers[car.number], level * car.weight))
    return powers, frozenset(stopped)


def _level(
    cars: Sequence[Party], powers: Mapping[int, float], least: Mapping[int, float], line: int, excess_a: float
) -> float:
    """The W by weight to which the highest fall so that `excess_a` is gone."""
    goal_a = sum(car.costs[line] * powers[car.number] for car in cars) - excess_a
    low, high = 0.0, max(powers[car.number] / car.weight for car in cars)
    for _ in range(60):
        level = (low + high) / 2
        now_a = sum(
            car.costs[line] * max(least[car.number], min(powers[car.number], level * car.weight)) for car in cars
        )
        low, high = (level, high) if now_a <= goal_a else (low, level)
    return low
