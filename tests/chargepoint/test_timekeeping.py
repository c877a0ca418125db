"""Which source of time wins, and what the house is told of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.clock import Clock, unix_of
from chargepoint.messages import ClockState, ClockStepped, Noted, SecurityNoted, TimeLearned
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST, Known, floor_to_keep, judge
from chargepoint.wall_time import REFUSALS_NOTED, WallTime

NOW = unix_of(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
YEARS_10 = 10 * 365 * 86400.0
UNSET = Known("unset", 0.0)


@pytest.mark.parametrize(
    ("known", "heard", "is_taken"),
    [
        (UNSET, Known("system", NOW), True),
        (UNSET, Known("server", NOW), True),
        (Known("system", NOW), Known("system", NOW + 60), True),
        (Known("system", NOW), Known("server", NOW + 60), True),
        (Known("system", NOW), Known("person", NOW - 60), True),
        (Known("person", NOW), Known("server", NOW - 60), True),
        (Known("server", NOW), Known("server", NOW - 60), True),
        (Known("server", NOW), Known("system", NOW + 60), False),
        (Known("server", NOW), Known("person", NOW + 60), False),
        (Known("person", NOW), Known("system", NOW + 60), False),
        (Known("system", NOW), Known("system", NOW + 0.3), False),  # transmission time, not an error
        (Known("system", NOW), Known("server", NOW + 0.3), True),  # but now a better one vouches for it
        (UNSET, Known("unset", NOW), False),
        (UNSET, Known("a passer-by", NOW), False),
    ],
)
def test_the_higher_source_wins(known: Known, heard: Known, is_taken: bool) -> None:
    assert judge(known, heard, 0.0, EARLIEST).is_taken == is_taken


@pytest.mark.parametrize("source", ["system", "person", "server"])
@pytest.mark.parametrize("offset_s", [0.0, -1e12, 1e15, float("inf"), float("nan"), NOW + 100 * YEARS_10])
def test_no_source_tells_what_cannot_be(source: str, offset_s: float) -> None:
    assert not judge(UNSET, Known(source, offset_s), 0.0, EARLIEST).is_taken


def test_nobody_moves_the_clock_below_the_floor() -> None:
    floor = datetime(2026, 2, 28, tzinfo=UTC)
    verdict = judge(Known("system", NOW), Known("server", NOW - YEARS_10), 0.0, floor)
    assert not verdict.is_taken
    assert "before 2026-02-28" in verdict.reason


class House:
    """A WallTime on a bus, and what it says."""

    def __init__(self, clock: Clock, system_offset_s: float = NOW) -> None:
        self.clock = clock
        self.system_offset_s = system_offset_s
        self.steps: list[ClockStepped] = []
        self.notes: list[Noted] = []
        self.security: list[SecurityNoted] = []

    async def __aenter__(self) -> House:
        self._context = in_process_bus("hub", "station")
        buses = await self._context.__aenter__()
        self.time = WallTime(self.clock, buses["hub"], lambda: self.system_offset_s)
        self.view = buses["station"].watch("clock")
        self._heard = buses["station"].subscribe(ClockStepped, Noted, SecurityNoted)
        await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._context.__aexit__(None, None, None)

    async def hear(self) -> None:
        await asyncio.sleep(0.01)
        while self._heard._waiting:
            event = await anext(self._heard)
            kinds = {ClockStepped: self.steps, Noted: self.notes, SecurityNoted: self.security}
            kinds[type(event)].append(event)  # type: ignore[attr-defined]

    def told(self) -> ClockState | None:
        state = self.view.get("clock")
        assert state is None or isinstance(state, ClockState)
        return state


def learned(at_unix_s: float, mono_s: float, source: str = "server") -> TimeLearned:
    return TimeLearned(at=datetime.fromtimestamp(at_unix_s, UTC), mono_s=mono_s, source=source)


async def test_a_station_without_time_gets_it_from_the_server_and_tells_everybody() -> None:
    async with House(Clock("boot-1"), system_offset_s=0.0) as house:
        house.time.learn(learned(NOW + 100, 100.0))
        await house.hear()
        assert house.told() == ClockState(is_set=True, offset_s=NOW, source="server")
        assert [step.source for step in house.steps] == ["server"]


async def test_ten_years_from_the_server_are_followed_and_noted_as_a_jump() -> None:
    async with House(Clock("boot-1", offset_s=NOW, source="system")) as house:
        house.time.learn(learned(NOW + YEARS_10, 0.0))
        await house.hear()
        assert house.steps[0].step_s == pytest.approx(YEARS_10)
        assert [note.event_type for note in house.notes] == ["TIME_JUMP"]
        assert [(note.type, note.operation) for note in house.security] == [("SettingSystemTime", "followed")]


@pytest.mark.parametrize("step_s", [YEARS_10, -YEARS_10, 3600.0, -3600.0])
async def test_a_step_of_the_systems_clock_is_noted_and_not_followed_once_the_server_was_heard(step_s: float) -> None:
    async with House(Clock("boot-1", offset_s=NOW, source="server")) as house:
        house.time.tell()
        house.system_offset_s += step_s
        house.time.look_at_system()
        house.time.look_at_system()
        await house.hear()
        assert house.told() == ClockState(is_set=True, offset_s=NOW, source="server")
        assert house.steps == []
        assert [note.operation for note in house.security] == ["refused"]


async def test_a_step_of_the_systems_clock_is_followed_while_nobody_better_is_known() -> None:
    async with House(Clock("boot-1", offset_s=NOW, source="system")) as house:
        house.system_offset_s += 3600.0
        house.time.look_at_system()
        await house.hear()
        assert house.told() == ClockState(is_set=True, offset_s=NOW + 3600.0, source="system")


async def test_small_differences_do_not_make_wall_time_jitter() -> None:
    async with House(Clock("boot-1", offset_s=NOW, source="server")) as house:
        for late_s in (0.05, -0.2, 0.4, -0.4):
            house.time.learn(learned(NOW + late_s, 0.0))
        await house.hear()
        assert house.clock.offset_s == NOW
        assert not house.steps
        assert not house.notes


async def test_a_source_that_tells_nonsense_for_ever_fills_no_journal() -> None:
    async with House(Clock("boot-1", offset_s=NOW, source="server", floor=EARLIEST)) as house:
        for _ in range(100):
            house.time.learn(learned(0.0, 0.0))
        house.time.learn(TimeLearned(at=datetime(2026, 1, 1), mono_s=0.0, source="server"))
        await house.hear()
        assert house.clock.offset_s == NOW
        assert len(house.notes) == REFUSALS_NOTED


def test_time_goes_on_while_it_is_unset() -> None:
    clock = Clock("boot-1", floor=EARLIEST)
    assert clock.now() >= EARLIEST
    assert clock.now() < EARLIEST + timedelta(days=36500)


@pytest.mark.parametrize(
    ("now", "mono_s", "kept"),
    [
        (datetime(2026, 5, 4, 12, tzinfo=UTC), 3600.0, datetime(2026, 5, 3, 12, tzinfo=UTC)),
        (datetime(2099, 12, 1, tzinfo=UTC), 86_400.0, datetime(2027, 5, 3, tzinfo=UTC)),  # a lie costs a year at most
        (datetime(2026, 5, 1, 1, tzinfo=UTC), 60.0, datetime(2026, 5, 1, tzinfo=UTC)),  # it never falls
    ],
)
def test_the_floor_follows_the_time_but_not_a_lie(now: datetime, mono_s: float, kept: datetime) -> None:
    assert floor_to_keep(now, datetime(2026, 5, 1, tzinfo=UTC), mono_s) == kept
