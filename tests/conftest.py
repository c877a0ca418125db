"""How our tests run: `async def` tests on virtual time, long ones only when asked for, files in memory."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import os
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from pymodbus.framer import FramerRTU

from tests.virtual_time import VirtualTimeLoop, WatchedLoop

settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")  # properties are the same in each run and do not fail for a busy machine

REALTIME_S = 180.0
"""Real seconds that a test marked `realtime` may take on a busy machine; ten times that when it is `long`, too."""

MEMORY = Path("/dev/shm")
LEAST_FREE = 1 << 30
"""Bytes that must be free in memory for the tests' files to be there, or they would fill it."""
LEAST_EXAMPLES = 25
_FEWER: dict[int, settings] = {}
"""Settings that are lowered already: parametrised tests share theirs."""
MOST_SUMS = 4096
"""Check sums that are remembered: both ends of a wire reckon those of the same few frames again and again."""


def pytest_configure(config: pytest.Config) -> None:
    """Files of the tests go to memory where there is room: the databases of a journey are written through hundreds of
    times, and each time costs milliseconds on a disk."""
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"  # never the machine's own
    can_hold = os.access(MEMORY, os.W_OK | os.X_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    if can_hold and shutil.disk_usage(MEMORY).free >= LEAST_FREE:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    remembered = functools.lru_cache(MOST_SUMS)(FramerRTU.compute_CRC)
    FramerRTU.compute_CRC = staticmethod(remembered)  # type: ignore[method-assign]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked long, too (or CHARGEPOINT_LONG=1)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long") or os.environ.get("CHARGEPOINT_LONG") == "1":
        return
    for item in items:
        _try_fewer(item)
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_collection_finish() -> None:
    """What was imported stays: looking for garbage among it again and again takes a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _try_fewer(item: pytest.Item) -> None:
    """Properties are tried with a quarter of their examples, never fewer than LEAST_EXAMPLES; all of them with --long:
    they are the same in each run."""
    test: Any = getattr(item, "obj", None)
    wished: settings | None = getattr(test, "_hypothesis_internal_use_settings", None)
    if test is None or wished is None or id(wished) in _FEWER:
        return
    fewer = settings(wished, max_examples=min(wished.max_examples, max(LEAST_EXAMPLES, wished.max_examples // 4)))
    _FEWER[id(fewer)] = fewer
    getattr(test, "__func__", test)._hypothesis_internal_use_settings = fewer


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    run_async(
        lambda: pyfuncitem.obj(**arguments),
        is_real=pyfuncitem.get_closest_marker("realtime") is not None,
        limit_s=REALTIME_S * (10 if pyfuncitem.get_closest_marker("long") else 1),
    )
    return True


def run_async(test: Callable[[], Coroutine[Any, Any, None]], *, is_real: bool, limit_s: float = REALTIME_S) -> None:
    """Run a test to its end, clean up after it, and fail for whatever went wrong unseen in its tasks."""
    loop = WatchedLoop() if is_real else VirtualTimeLoop()

    async def bounded() -> None:
        async with asyncio.timeout(limit_s if is_real else None):
            await test()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(bounded())
        except BaseException:
            runner.run(_clean_up(loop))
            loop.unhandled()
            raise
        unhandled = loop.unhandled()
        runner.run(_clean_up(loop))
        unhandled += loop.unhandled()
    if unhandled:
        pytest.fail("went wrong unseen:\n" + "\n".join(unhandled), pytrace=False)


async def _clean_up(loop: WatchedLoop) -> None:
    left = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=5.0)
    loop.close_leftovers()
    for _ in range(3):
        await asyncio.sleep(0)
