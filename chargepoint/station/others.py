"""What others on the station's feed take: the station meter less the connectors, at one and the same moment. Pure.

Meter and controllers are read at different times, so during a ramp their difference means nothing: taken as load of
others it would let the station rise into power that is not there (power.md Z6, R6). What is certain is a range, between
what the connectors took just before the meter was read and just after; the estimate moves only as far as into it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping

from drivers.interfaces import MeterReading

KEPT = 6
"""Samples kept of each connector: two polls a second, over more than the second between two meter readings."""
AFTER_WITHIN_S = 1.2
"""A connector that was not heard again so long after the meter was read may have taken anything up to what it did."""
NOISE_W = 200.0
"""Less than this is losses, not a load."""
STILL_AFTER_S = 20.0
STILL_LEAST_W = 2000.0
"""A meter of which nothing moves for so long, while at least so much flows, does not measure."""

Sample = tuple[float, float]
"""When (monotonic), and W."""


NOISE_A = 1.0


class OtherLoads:
    """The estimate. `power_w` is None until the meter was read once.

    `measure` takes what is judged out of a reading of the meter: all of its W, or the A of one phase (then what
    connectors take, and all figures here, are A as well, and `noise` is in A).
    """

    def __init__(
        self, measure: Callable[[MeterReading], float] = lambda reading: reading.power_w, noise: float = NOISE_W
    ) -> None:
        self.power_w: float | None = None
        self._measure = measure
        self._noise = noise
        self._samples: dict[int, deque[Sample]] = {}
        self._reading: MeterReading | None = None
        self._reading_s = 0.0
        self._is_judged = True
        self._flows_since_s: float | None = None

    def note_connectors(self, drawn: Mapping[int, Sample]) -> None:
        """What each connector takes, and when that was read."""
        for number, sample in drawn.items():
            kept = self._samples.setdefault(number, deque(maxlen=KEPT))
            if not kept or sample[0] > kept[-1][0]:
                kept.append(sample)
        newest = [kept[-1] for kept in self._samples.values() if kept]
        if sum(power_w for _, power_w in newest) < STILL_LEAST_W:
            self._flows_since_s = None
        elif self._flows_since_s is None:
            self._flows_since_s = max(at_s for at_s, _ in newest)

    def note_meter(self, reading: MeterReading, mono_s: float) -> None:
        """A reading of the station meter. One that repeats the last to the last digit says nothing new."""
        if reading != self._reading:
            self._reading, self._reading_s, self._is_judged = reading, mono_s, False

    def is_still(self, now_s: float) -> bool:
        """Nothing of the meter moves although energy flows."""
        if self._flows_since_s is None:
            return False
        return now_s - max(self._reading_s, self._flows_since_s) > STILL_AFTER_S

    def judge(self, now_s: float) -> None:
        """Move the estimate by the last meter reading, once every connector has been heard since, or is overdue."""
        if self._is_judged or self._reading is None:
            return
        ranges = [self._range_w(kept, now_s) for kept in self._samples.values()]
        known = [each for each in ranges if each is not None]
        if len(known) < len(ranges):
            return
        self._is_judged = True
        total_w = self._measure(self._reading)
        if not math.isfinite(total_w):
            return
        highest_w = max(0.0, total_w - sum(low_w for low_w, _ in known))
        lowest_w = max(0.0, total_w - sum(high_w for _, high_w in known))
        before_w = highest_w if self.power_w is None else self.power_w
        found_w = min(max(before_w, lowest_w), highest_w)
        self.power_w = found_w if found_w > self._noise else 0.0

    def _range_w(self, kept: deque[Sample], now_s: float) -> tuple[float, float] | None:
        """Least and most that a connector can have taken when the meter was read; None: not known yet."""
        before = [power_w for at_s, power_w in kept if at_s <= self._reading_s][-1:]
        after = [power_w for at_s, power_w in kept if at_s >= self._reading_s][:1]
        if not after:
            if now_s - self._reading_s < AFTER_WITHIN_S:
                return None
            after = [0.0]
        found = before + after
        return min(found), max(found)


def _current_of(line: int) -> Callable[[MeterReading], float]:
    return lambda reading: math.nan if reading.current_a is None else abs(reading.current_a[line])


class OtherCurrents:
    """What others take on each of L1, L2, L3, in A: an estimate of its own for each."""

    def __init__(self) -> None:
        self._lines = tuple(OtherLoads(_current_of(line), NOISE_A) for line in range(3))

    @property
    def current_a(self) -> tuple[float | None, float | None, float | None]:
        """None for a line until the meter has told its current."""
        one, two, three = (line.power_w for line in self._lines)
        return one, two, three

    def note_connectors(self, drawn: Mapping[int, tuple[float, tuple[float, float, float]]]) -> None:
        """What each connector takes on each line, and when that was read."""
        for place, line in enumerate(self._lines):
            line.note_connectors({number: (at_s, amps[place]) for number, (at_s, amps) in drawn.items()})

    def note_meter(self, reading: MeterReading, mono_s: float) -> None:
        """A reading of the station meter."""
        for line in self._lines:
            line.note_meter(reading, mono_s)

    def judge(self, now_s: float) -> None:
        """Move the estimates by the last reading."""
        for line in self._lines:
            line.judge(now_s)
