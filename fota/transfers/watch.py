"""Nothing takes for ever: a try that stalls, crawls or is late ends, wherever it waits (F097)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType

from fota.transfers.job import LATE, STALLED, Failed, Job

TICK_S = 0.5


class Watch:
    """`with Watch(job) as watch: ... watch.moved(n)`: raises Failed in the main thread, also out of a blocking call.

    `each_tick` is called twice a second with what has moved, for lines of progress.
    """

    def __init__(self, job: Job, each_tick: Callable[[], None] = lambda: None) -> None:
        self._job = job
        self._each_tick = each_tick
        self._least = max(1.0, job.least_bytes_per_s * job.stall_s)
        self._began_s = self._window_s = time.monotonic()
        self._moved = 0

    def moved(self, count: int) -> None:
        """So many bytes of the file came or went."""
        self._moved += count
        self.look()

    def look(self) -> None:
        """Raises Failed when it takes too long."""
        now_s = time.monotonic()
        if now_s - self._began_s > self._job.deadline_s:
            raise Failed(LATE, f"it was not done within {self._job.deadline_s:g} s")
        if now_s - self._window_s > self._job.stall_s:
            if self._moved < self._least:
                raise Failed(STALLED, f"only {self._moved} bytes moved in {self._job.stall_s:g} s")
            self._window_s, self._moved = now_s, 0

    def __enter__(self) -> Watch:
        signal.signal(signal.SIGALRM, self._tick)
        signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _tick(self, _number: int, _frame: FrameType | None) -> None:
        self._each_tick()
        self.look()
