"""`python -m benchmarks [--quick] [NAME ...]`: measures and prints one table. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.calls import bus_calls, ocpp_calls
from benchmarks.downtime import downtime
from benchmarks.field import cabinet, can_latency, polls, soak
from benchmarks.figures import Row, table
from benchmarks.latency import latency
from benchmarks.load import load
from benchmarks.modules import module_bus
from benchmarks.outage import link_back, restarts
from benchmarks.queue import queue
from benchmarks.rig import Place
from benchmarks.schedules import schedules
from benchmarks.screen import screen
from benchmarks.screen_service import screen_soak
from benchmarks.start import cold_start
from benchmarks.storage import drain, journal
from benchmarks.updates import updates
from benchmarks.validation import validation
from benchmarks.web import web

Benchmark = Callable[[Place], Awaitable[list[Row]]]


async def power(place: Place) -> list[Row]:
    """The judge of the sharing of power; only it needs the extra `bench`."""
    from benchmarks.power.figures import power as judge_power

    return await judge_power(place)


BENCHMARKS: dict[str, Benchmark] = {
    "start": cold_start,
    "load": load,
    "latency": latency,
    "calls": ocpp_calls,
    "bus": bus_calls,
    "journal": journal,
    "drain": drain,
    "queue": queue,
    "validation": validation,
    "restarts": restarts,
    "link": link_back,
    "schedules": schedules,
    "modules": module_bus,
    "polls": polls,
    "can": can_latency,
    "cabinet": cabinet,
    "screen": screen,
    "web": web,
    "updates": updates,
    "downtime": downtime,
    "power": power,
}
BY_NAME: dict[str, Benchmark] = {"soak": soak, "screen-soak": screen_soak}
"""Only carried out when named."""
LIMIT_S = 300.0
"""No benchmark may take longer, but for those."""


async def measure(names: list[str], place: Place) -> list[Row]:
    """All rows, in order. What goes wrong is a row, too."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    rows: list[Row] = []
    for name in names:
        began_s = time.monotonic()
        print(f"{name} ...", end="", file=sys.stderr, flush=True)
        try:
            async with asyncio.timeout(LIMIT_S if name in BENCHMARKS else None):
                rows += await (BENCHMARKS | BY_NAME)[name](place)
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            rows.append(Row(figure=name, failure=text[:300]))
        print(f" {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Exit status 1 when a benchmark could not be carried out."""
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description="Figures of a whole station on this machine.")
    which = f"which: {', '.join(BENCHMARKS)}; default: all. Only by name: {', '.join(BY_NAME)} (some minutes)"
    parser.add_argument("names", nargs="*", metavar="NAME", help=which)
    parser.add_argument("--quick", action="store_true", help="fewer runs: within 90 s, and less exact")
    parser.add_argument("--folder", type=Path, help="where to write (the disk that is measured); default: here")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS | BY_NAME]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS | BY_NAME)}")
    logging.basicConfig(level=logging.ERROR)  # that a bus ends is no news here
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=given.folder or Path.cwd()))
    began_s = time.monotonic()
    try:
        rows = asyncio.run(measure(given.names or list(BENCHMARKS), Place(folder, given.quick)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{_machine()}, {time.monotonic() - began_s:.0f} s{', quick' if given.quick else ''}\n")
    print(table(rows))
    return 1 if any(row.failure for row in rows) else 0


def _machine() -> str:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg()[:2])
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, load before the end {load}"


if __name__ == "__main__":
    sys.exit(main())
