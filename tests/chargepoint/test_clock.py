"""Wall time by an offset of our own: sources and their rank, steps, the floor, an unset clock."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.clock import Clock, at_of, unix_of

SPRING = datetime(2026, 3, 1, 12, tzinfo=UTC)
A_MOMENT = timedelta(milliseconds=1)


async def test_an_unset_clock_has_no_wall_time_but_an_order() -> None:
    clock = Clock("boot-1", floor=SPRING)
    await asyncio.sleep(5)
    assert not clock.is_set and clock.source == "unset"
    assert clock.moment().at is None and clock.moment().mono_s == pytest.approx(5, abs=1e-3)
    assert clock.now() - SPRING == pytest.approx(timedelta(seconds=5), abs=A_MOMENT)


async def test_wall_time_is_monotonic_time_plus_an_offset() -> None:
    clock = Clock("boot-1", offset_s=unix_of(SPRING), source="system")
    await asyncio.sleep(3600)
    now, at = clock.now(), clock.moment().at
    assert at == now
    assert now - SPRING == pytest.approx(timedelta(hours=1), abs=A_MOMENT)


async def test_a_stepped_system_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock("boot-1", offset_s=unix_of(SPRING), source="system")
    for years in (10, -10):
        step_s = years * 365 * 86400
        now_s = time.time() + step_s
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        before = asyncio.get_running_loop().time()
        async with asyncio.timeout(61):
            await asyncio.sleep(60)
        assert asyncio.get_running_loop().time() - before == pytest.approx(60, abs=1e-3)
    assert clock.now() - SPRING == pytest.approx(timedelta(seconds=120), abs=A_MOMENT)


async def test_a_higher_source_overrules_and_a_lower_one_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock("boot-1")
    clock.set_offset(unix_of(SPRING), "system")
    assert clock.now() == SPRING
    clock.set_offset(unix_of(SPRING) + 10, "server")
    assert (clock.now(), clock.source) == (SPRING + timedelta(seconds=10), "server")
    clock.set_offset(unix_of(SPRING) + 3600, "system")
    clock.set_offset(unix_of(SPRING) + 3600, "person")
    clock.set_offset(0, "unset")
    assert (clock.now(), clock.source) == (SPRING + timedelta(seconds=10), "server")
    assert "system says +3590 s, not followed: server is known" in caplog.text
    with pytest.raises(KeyError):
        clock.set_offset(0, "nobody")


@pytest.mark.parametrize("source", ["system", "person", "server"])
async def test_no_source_moves_the_clock_below_the_floor(source: str, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock("boot-1", offset_s=unix_of(SPRING) + 50, source="system", floor=SPRING)
    clock.set_offset(unix_of(SPRING) - 1, source)
    assert clock.now() == SPRING + timedelta(seconds=50)
    assert "cannot be" in caplog.text
    clock.set_offset(unix_of(SPRING), source)
    assert clock.now() == SPRING


def test_the_system_s_time_counts_unless_it_is_before_the_floor() -> None:
    clock = Clock.of_system(SPRING - timedelta(days=3650))
    assert clock.is_set and clock.source == "system" and len(clock.boot_id) == 36
    assert abs(unix_of(clock.now()) - time.time()) < 1
    late = Clock.of_system(datetime(2200, 1, 1, tzinfo=UTC))
    assert not late.is_set and late.now() >= datetime(2200, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("unix_s", [0.0, 1_772_366_400.123456, 4_102_444_800.999999])
def test_times_survive_the_way_to_the_database_and_back(unix_s: float) -> None:
    assert unix_of(at_of(unix_s)) == unix_s
    assert at_of(unix_of(at_of(unix_s))) == at_of(unix_s)


@pytest.mark.realtime
async def test_on_a_real_loop_nothing_stands_still() -> None:
    with Clock("boot-1").standing_still():
        await asyncio.sleep(0.01)
