"""Power of each meter over three days, a mean of five minutes each: for the charts of the page of meters.

Kept in memory, bounded, and written now and then and at the stop to one small file beside the web's other data; for
looking back only, so what cannot be read or written is left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.clock import unix_of
from chargepoint.messages import MeterState
from webconfig.site import Site

log = logging.getLogger(__name__)

FILE = "meters.bin"
STEP_S = 300.0
MOST_POINTS = 864
MOST_METERS = 24
LOOK_EACH_S = 5.0
WRITE_EACH_S = 1800.0


class MeterHistory:
    """`now` tells the wall time. Values are W."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now
        self._points: dict[str, deque[tuple[float, float]]] = {}
        self._sums: dict[str, tuple[float, int]] = {}
        self._step = 0
        self._read()

    def points(self, name: str) -> list[tuple[float, float]]:
        """(Unix seconds at which five minutes began, their mean W), oldest first."""
        return list(self._points.get(name, ()))

    def note(self, values_w: dict[str, float]) -> None:
        """What the meters say now; silent ones are left out."""
        step = int(unix_of(self._now()) // STEP_S)
        if step != self._step:
            for name, (total, count) in self._sums.items():
                if name in self._points or len(self._points) < MOST_METERS:
                    found = self._points.setdefault(name, deque(maxlen=MOST_POINTS))
                    while found and found[-1][0] >= self._step * STEP_S:  # the clock was set back
                        found.pop()
                    found.append((self._step * STEP_S, total / count))
            self._sums, self._step = {}, step
        for name, value_w in values_w.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value_w, count + 1

    async def run(self, site: Site) -> None:
        """Watch until cancelled, then write."""
        loop = asyncio.get_running_loop()
        written_s = loop.time()
        try:
            while True:
                meters = site.all_of("meter/", MeterState)
                self.note({name: m.reading.power_w for name, m in meters.items() if m.is_answering and m.reading})
                if loop.time() - written_s >= WRITE_EACH_S:
                    written_s = loop.time()
                    await asyncio.to_thread(self.write)
                await asyncio.sleep(LOOK_EACH_S)
        finally:
            self.write()

    def write(self) -> None:
        """Keep it, whole or not at all."""
        if not self._points:
            return
        part = self._path.with_suffix(".new")
        try:
            part.write_bytes(msgspec.msgpack.encode({name: list(found) for name, found in self._points.items()}))
            part.replace(self._path)
        except OSError as error:
            log.warning("the meters' history is not written: %s", error)

    def _read(self) -> None:
        try:
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=dict[str, list[tuple[float, float]]])
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, ValueError) as error:
            log.warning("the meters' history is begun anew: %s", error)
            return
        for name in list(kept)[:MOST_METERS]:
            self._points[name] = deque(kept[name], maxlen=MOST_POINTS)
