"""Samples over three days for graphs: thinned to means of five minutes, bounded, kept over restarts.

Kept in memory, and as a file that is written whole now and then and at an orderly end; for four sensors of temperature
and humidity it is about 60 kB. A power cut costs the end of a graph. A damaged file is no history, nothing more. Times
are wall time; what was measured before that was known stays in memory until it is.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.clock import Clock, unix_of

log = logging.getLogger(__name__)

STEP_S = 300.0
KEPT_S = 3 * 24 * 3600.0
MOST_POINTS = int(KEPT_S / STEP_S)

Means = tuple[float | None, ...]
"""A mean for each value of a sample; None where nothing was measured."""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """The means of the five minutes that began at `unix_s`."""

    unix_s: int
    means: Means


class _Gathered:
    """What came since the last point."""

    def __init__(self, begun_s: float, width: int) -> None:
        self.begun_s = begun_s
        self.values: tuple[list[float], ...] = tuple([] for _ in range(width))


class SampleHistory:
    """The histories of up to `most_names` things; a sample has `width` values. `what` names it in the log."""

    def __init__(
        self, path: Path, clock: Clock, what: str, *, width: int, most_names: int, save_every_s: float
    ) -> None:
        self._path = path
        self._clock = clock
        self._what = what
        self._width = width
        self._most_names = most_names
        self._save_every_s = save_every_s
        self._points: dict[str, deque[Point]] = {}
        self._gathered: dict[str, _Gathered] = {}
        self._early: list[tuple[str, float, Means]] = []
        """Means of this boot from before the time was known, by monotonic time."""
        self._saved_s = clock.mono()
        self._is_changed = False

    def load(self) -> None:
        """Take over what earlier runs kept."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return
        try:
            if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big"):
                raise ValueError("its checksum is wrong")
            kept = msgspec.msgpack.decode(content[4:], type=dict[str, list[Point]])
            if any(len(point.means) != self._width for points in kept.values() for point in points):
                raise ValueError("it has other values")
        except ValueError as error:
            log.warning("the history of %s, %s, is lost: %s", self._what, self._path.name, error)
            return
        for name, points in list(kept.items())[: self._most_names]:
            self._points[name] = deque(points, maxlen=MOST_POINTS)

    def add(self, name: str, sample: Sequence[float | None]) -> None:
        """One good reading, now."""
        now_s = self._clock.mono()
        gathered = self._gathered.get(name)
        if gathered is not None and now_s - gathered.begun_s >= STEP_S:
            self._close(name, gathered)
            gathered = None
        if gathered is None:
            gathered = self._gathered[name] = _Gathered(now_s, self._width)
        for values, value in zip(gathered.values, sample, strict=True):
            if value is not None:
                values.append(value)

    def points(self, name: str) -> list[Point]:
        """The last three days, oldest first; nothing while the time is not known."""
        self._date()
        if not self._clock.is_set:
            return []
        now_s = unix_of(self._clock.now())
        # a clock that was wrong for a while leaves points of another time
        found = (point for point in self._points.get(name, ()) if now_s - KEPT_S <= point.unix_s <= now_s)
        return sorted(found, key=lambda point: point.unix_s)

    @property
    def is_due(self) -> bool:
        """Whether it is time to write the file."""
        return self._is_changed and self._clock.mono() - self._saved_s >= self._save_every_s

    async def save(self) -> None:
        """Write the file, if there is anything new; a disk that does not take it is logged, and costs a graph."""
        self._date()
        self._saved_s = self._clock.mono()
        if not self._is_changed:
            return
        packed = msgspec.msgpack.encode({name: list(points) for name, points in self._points.items()})
        with self._clock.standing_still():
            error = await asyncio.to_thread(self._write, zlib.crc32(packed).to_bytes(4, "big") + packed)
        if error:
            log.warning("the history of %s is not kept: %s", self._what, error)
        else:
            self._is_changed = False

    def _close(self, name: str, gathered: _Gathered) -> None:
        self._early.append((name, gathered.begun_s, tuple(_mean(values) for values in gathered.values)))
        del self._early[: -MOST_POINTS * self._most_names]
        self._date()

    def _date(self) -> None:
        """Give means their wall time, once that is known."""
        if not self._clock.is_set:
            return
        for name, mono_s, means in self._early:
            if name not in self._points and len(self._points) >= self._most_names:
                continue
            unix_s = round(unix_of(self._clock.now()) - (self._clock.mono() - mono_s))
            self._points.setdefault(name, deque(maxlen=MOST_POINTS)).append(Point(unix_s, means))
            self._is_changed = True
        self._early.clear()

    def _write(self, content: bytes) -> str:
        try:
            whole_file.write(self._path, content)
        except OSError as error:
            return str(error.strerror)
        return ""


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None
