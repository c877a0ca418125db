"""The owner's limits: they end by the clock, wait for charges that are spared, and outlive a restart."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from chargepoint.clock import EPOCH, Clock
from chargepoint.config import Settings, StationSettings
from chargepoint.messages import UserLimitsState
from chargepoint.station.bookkeeping import Books
from chargepoint.station.user_limits import FACT, UserLimit, UserLimits
from tests.chargepoint.station.test_limits import dc

START = datetime.fromisoformat("2026-05-04T22:00:00+00:00")


class Facts:
    """Stands for the journal."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def write(self, facts: dict[str, bytes | None]) -> None:
        for key, value in facts.items():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value


class Wall(Clock):
    """A clock that a test turns."""

    def __init__(self, *, is_set: bool = True) -> None:
        super().__init__("boot", source="system" if is_set else "unset", floor=EPOCH)
        self.at = START

    def now(self) -> datetime:
        return self.at


def limits(facts: Facts, clock: Wall) -> UserLimits:
    settings = Settings(station=StationSettings(name="one", power_limit_w=200_000.0), port=(), connector=(dc(),))
    found = UserLimits(settings, cast(Books, cast(Any, facts)), clock)
    found.load(facts.kept)
    return found


def power_w(found: UserLimits) -> float:
    return min((each.power_w for each in found.of_station()), default=math.inf)


def shown_w(told: list[UserLimitsState]) -> float | None:
    return told[-1].limits[0].limit_w


async def test_a_limit_ends_by_the_clock_and_not_while_it_is_not_known() -> None:
    facts, clock = Facts(), Wall()
    found = limits(facts, clock)
    told: list[UserLimitsState] = []
    found.publish = told.append
    await found.keep(0, UserLimit(50_000.0, START + timedelta(hours=8)))
    assert power_w(found) == 50_000 and shown_w(told) == 50_000
    clock.at = START + timedelta(hours=7, minutes=59)
    assert power_w(limits(facts, clock)) == 50_000, "kept with its time"
    clock.at = START + timedelta(hours=8)
    found.settle(())
    assert power_w(found) == math.inf and shown_w(told) is None
    unset = Wall(is_set=False)
    unset.at = START + timedelta(days=400)
    assert power_w(limits(facts, unset)) == 50_000
    clock.at = START
    assert power_w(found) == 50_000, "a clock that was wrong has not ended it"


async def test_charges_that_are_spared_keep_what_they_have_until_they_are_over() -> None:
    facts, clock = Facts(), Wall()
    found = limits(facts, clock)
    await found.keep(0, UserLimit(90_000.0))
    await found.keep(0, UserLimit(30_000.0), is_later=True)
    found.settle({1})
    assert power_w(found) == 90_000
    assert power_w(limits(facts, clock)) == 30_000, "after a restart nothing charges any more"
    found.settle(())
    assert power_w(found) == 30_000
    await found.keep(0, None, is_later=True)
    found.settle({1})
    assert power_w(found) == 30_000, "nothing is raised before the charges are over"
    found.settle(())
    assert power_w(found) == math.inf and not facts.kept


@pytest.mark.parametrize("kept", [b"40000.0", b'{"limit_w":40000.0}', b'{"limit_w":40000.0,"until":null}'])
def test_limits_of_earlier_versions_are_read(kept: bytes) -> None:
    facts = Facts()
    facts.kept[f"{FACT}0"] = kept
    assert power_w(limits(facts, Wall())) == 40_000


@pytest.mark.parametrize("kept", [b"900000.0", b'{"limit_w":-1.0}', b"rubbish", b'{"limit_w":"much"}'])
def test_one_that_cannot_be_or_would_raise_does_not_count(kept: bytes) -> None:
    facts = Facts()
    facts.kept[f"{FACT}0"] = kept
    assert power_w(limits(facts, Wall())) == math.inf
