"""An answer is answered again when nothing has changed: no contactor moves in vain (power.md 7)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from chargepoint.power.allocation import NOTHING, Allocation, Mode, Request, Rules, allocate
from tests.chargepoint.power.sharing.every_way import Small, requests, small
from tests.variants import rest_long


def changing(one: Small, seed: int, count: int) -> Iterator[tuple[float, Small]]:
    """A small station step by step, its time in s: sessions come, go and change, the grid is cut, contactors stick."""
    chance = random.Random(f"changing {seed}")
    now_s = 1.0
    for _ in range(count):
        yield now_s, one
        now_s += chance.choice([1.0, 1.0, 5.0, 10.0, 30.0])
        for _ in range(chance.choice([1, 1, 2, 4])):
            one = _changed(one, chance, now_s)


def _changed(one: Small, chance: random.Random, now_s: float) -> Small:
    outputs, contactors = len(one.topology.outputs), sorted(one.topology.contactors)
    kind = chance.choice(["session", "session", "session", "grid", "stuck", "derated", "wishes"])
    if kind == "session":
        others = {each.connector: each for each in requests(chance, outputs)}
        old = chance.choice(one.requests)
        new = msgspec.structs.replace(
            others.get(old.connector, old), since_mono_s=chance.choice([now_s, old.since_mono_s])
        )
        return msgspec.structs.replace(one, requests=[new if each is old else each for each in one.requests])
    if kind == "wishes":
        some = [msgspec.structs.replace(each, wants_energy=chance.random() < 0.8) for each in one.requests]
        return msgspec.structs.replace(one, requests=some)
    if kind == "grid":
        limit_w = chance.choice([3e3, 8e3, 15e3, 30e3, 45e3, 60e3, 90e3, 120e3]) * chance.uniform(0.8, 1.2)
        return msgspec.structs.replace(one, station=msgspec.structs.replace(one.station, power_limit_w=limit_w))
    if kind == "stuck":
        stuck = frozenset(chance.sample(contactors, 1)) if contactors and chance.random() < 0.6 else frozenset[str]()
        faults = msgspec.structs.replace(one.faults, stuck_open=stuck - one.faults.welded)
    else:
        shares = {name: chance.choice([1.0, 0.5, 0.8]) for name in one.topology.groups}
        faults = msgspec.structs.replace(one.faults, derating=shares)
    return msgspec.structs.replace(one, faults=faults)


def moved_in_vain(seed: int, mode: Mode, count: int) -> list[tuple[int, tuple[str, ...]]]:
    """The steps in which something else is answered when the same is asked once more, with what moves."""
    chance = random.Random(f"draws {seed}")
    previous, found = NOTHING, []
    for place, (now_s, one) in enumerate(changing(small(seed), seed, count)):
        parts = {number: chance.choice([1.0, 1.0, 0.6, 0.2]) for number in previous.grants}
        drawn_w = {n: grant.power_w * parts[n] for n, grant in previous.grants.items() if grant.power_w > 0}
        asked = [msgspec.structs.replace(each, drawn_w=drawn_w.get(each.connector)) for each in one.requests]

        previous = _answered(one, asked, previous, now_s, mode)
        again = _answered(one, asked, previous, now_s, mode)
        if {n: feed.link for n, feed in again.feeds.items()} != {n: feed.link for n, feed in previous.feeds.items()}:
            found.append((place, again.moves))
    return found


def _answered(one: Small, asked: Sequence[Request], before: Allocation, now_s: float, mode: Mode) -> Allocation:
    rules = Rules(mode=mode)
    return allocate(one.station, asked, (), before, now_s, topology=one.topology, faults=one.faults, rules=rules)


@pytest.mark.parametrize("seeds", rest_long([range(20), range(20, 60)]), ids=str)
@pytest.mark.parametrize("mode", list(Mode))
def test_the_same_question_again_moves_nothing(mode: Mode, seeds: Sequence[int]) -> None:
    assert {seed: moved for seed in seeds if (moved := moved_in_vain(seed, mode, 15))} == {}


@pytest.mark.parametrize(("seed", "mode"), [(859, Mode.FIRST), (1094, Mode.WEIGHT)])
def test_who_cycles_goes_on_at_once_or_waits_for_a_change(seed: int, mode: Mode) -> None:
    assert moved_in_vain(seed, mode, 25) == []
