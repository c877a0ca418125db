"""Three days of temperatures and humidities for the graph of the climate screen, one mean of five minutes per sensor.

Kept in memory, and as a file that is written whole each three hours and at an orderly end: about 60 kB for four
sensors, half a megabyte a day of a flash memory. A power cut costs at most three hours of a graph. A damaged file is no
history, nothing more. Times are wall time; what was measured before that was known stays in memory until it is.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.clock import Clock, at_of, unix_of
from chargepoint.messages import ClimatePoint

log = logging.getLogger(__name__)

STEP_S = 300.0
KEPT_S = 3 * 24 * 3600.0
MOST_POINTS = int(KEPT_S / STEP_S)
SAVE_EVERY_S = 3 * 3600.0
FILE = "climate.history"
MOST_SENSORS = 64

Row = tuple[float, float | None, float | None]
"""When (Unix seconds), °C, %."""


class _Sum:
    """What came since the last mean."""

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.temperatures: list[float] = []
        self.humidities: list[float] = []


class ClimateHistory:
    """The history of all sensors by name."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._rows: dict[str, deque[Row]] = {}
        self._sums: dict[str, _Sum] = {}
        self._early: list[tuple[str, float, float | None, float | None]] = []
        """Means of this boot from before the time was known, by monotonic time."""
        self._saved_s = clock.mono()
        self._is_changed = False

    def load(self) -> None:
        """Take over what earlier runs kept; older than three days is forgotten."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return
        try:
            if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big"):
                raise ValueError("its checksum is wrong")
            kept = msgspec.msgpack.decode(content[4:], type=dict[str, list[Row]])
        except ValueError as error:
            log.warning("the climate history %s is lost: %s", self._path.name, error)
            return
        for name, rows in list(kept.items())[:MOST_SENSORS]:
            self._rows[name] = deque(rows, maxlen=MOST_POINTS)

    def add(self, name: str, temperature_c: float | None, humidity_pct: float | None) -> None:
        """One good reading, now."""
        now = self._clock.mono()
        sum_ = self._sums.get(name)
        if sum_ is not None and now - sum_.begun_s >= STEP_S:
            self._close(name, sum_)
            sum_ = None
        if sum_ is None:
            sum_ = self._sums[name] = _Sum(now)
        if temperature_c is not None:
            sum_.temperatures.append(temperature_c)
        if humidity_pct is not None:
            sum_.humidities.append(humidity_pct)

    def _close(self, name: str, sum_: _Sum) -> None:
        self._early.append((name, sum_.begun_s, _mean(sum_.temperatures), _mean(sum_.humidities)))
        del self._early[: -MOST_POINTS * MOST_SENSORS]
        self._date()

    def _date(self) -> None:
        """Give means their wall time, once that is known."""
        if not self._clock.is_set:
            return
        for name, mono_s, temperature_c, humidity_pct in self._early:
            row = (round(unix_of(self._clock.now()) - (self._clock.mono() - mono_s)), temperature_c, humidity_pct)
            self._rows.setdefault(name, deque(maxlen=MOST_POINTS)).append(row)
            self._is_changed = True
        self._early.clear()

    def points(self, name: str) -> tuple[ClimatePoint, ...]:
        """The last three days of a sensor, oldest first."""
        self._date()
        if not self._clock.is_set:
            return ()
        now_s = unix_of(self._clock.now())
        return tuple(
            ClimatePoint(at=at_of(unix_s), temperature_c=temperature_c, humidity_pct=humidity_pct)
            for unix_s, temperature_c, humidity_pct in sorted(self._rows.get(name, ()), key=lambda row: row[0])
            if now_s - KEPT_S <= unix_s <= now_s  # a clock that was wrong for a while leaves rows of another time
        )

    @property
    def is_due(self) -> bool:
        """Whether it is time to write the file."""
        return self._is_changed and self._clock.mono() - self._saved_s >= SAVE_EVERY_S

    async def save(self) -> None:
        """Write the file, if there is anything new; a disk that does not take it is logged, and costs a graph."""
        self._date()
        self._saved_s = self._clock.mono()
        if not self._is_changed:
            return
        packed = msgspec.msgpack.encode({name: list(rows) for name, rows in self._rows.items()})
        with self._clock.standing_still():
            error = await asyncio.to_thread(self._write, zlib.crc32(packed).to_bytes(4, "big") + packed)
        if error:
            log.warning("the climate history is not kept: %s", error)
        else:
            self._is_changed = False

    def _write(self, content: bytes) -> str:
        try:
            whole_file.write(self._path, content)
        except OSError as error:
            return str(error.strerror)
        return ""


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None
