"""Time as the house keeps it: monotonic seconds for durations and order, wall time only for people and servers.

Wall time is `mono + offset_s`. It never follows the system's clock by itself: the hub decides on the offset and tells
the others (topic `clock`), so a stepped system clock moves nothing here (reliability.md R21-R23).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chargepoint.records import Moment

log = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RANKS = {"unset": 0, "system": 1, "person": 2, "server": 3}
"""Sources of wall time; a lower one never overrules a higher one within a boot."""

SMALLEST_STEP_S = 1.0
"""Corrections below this are drift, not steps, and are not worth a line in the log."""


def at_of(unix_s: float) -> datetime:
    """Unix seconds as aware UTC."""
    return EPOCH + timedelta(seconds=unix_s)


def unix_of(at: datetime) -> float:
    """Aware time as Unix seconds."""
    return (at - EPOCH) / timedelta(seconds=1)


class Clock:
    """Monotonic and wall time of one boot.

    `boot_id` names the boot, `offset_s` is Unix time minus monotonic time, `source` who said so (see `RANKS`),
    `floor` the earliest time that can be true.
    """

    def __init__(self, boot_id: str, *, offset_s: float = 0.0, source: str = "unset", floor: datetime = EPOCH) -> None:
        self.boot_id = boot_id
        self.offset_s = offset_s
        self.source = source
        self.floor = floor

    @classmethod
    def of_system(cls, floor: datetime) -> Clock:
        """The clock of this machine's boot. A system time before `floor` is no time: the clock starts unset."""
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        clock = cls(boot_id, floor=floor)
        system_s = time.time()
        if at_of(system_s) >= floor:
            clock.offset_s, clock.source = system_s - clock.mono(), "system"
        return clock

    def mono(self) -> float:
        """Monotonic seconds: the running event loop's own time, so that time-outs and stamps agree."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return time.monotonic()

    @property
    def is_set(self) -> bool:
        """Whether wall time is known."""
        return RANKS[self.source] > 0

    def now(self) -> datetime:
        """Wall time (aware UTC) as well as it is known, never below the floor. While unset: floor plus uptime."""
        if self.is_set:
            return max(at_of(self.mono() + self.offset_s), self.floor)
        return self.floor + timedelta(seconds=self.mono())

    def moment(self) -> Moment:
        """Now, as records keep it; without wall time while that is not known."""
        return Moment(self.boot_id, self.mono(), self.now() if self.is_set else None)

    def set_offset(self, offset_s: float, source: str) -> None:
        """Take `offset_s` from `source`. A source below the one in force, and a time below the floor, change nothing.

        Raises KeyError for a source that is none.
        """
        if RANKS[source] < RANKS[self.source]:
            if abs(offset_s - self.offset_s) >= SMALLEST_STEP_S:
                step_s = offset_s - self.offset_s
                log.info("clock: %s says %+.0f s, not followed: %s is known", source, step_s, self.source)
            return
        if source != "unset" and at_of(self.mono() + offset_s) < self.floor:
            log.warning(
                "clock: %s says %s, which is before %s and cannot be; not followed",
                source,
                at_of(self.mono() + offset_s).isoformat(timespec="seconds"),
                self.floor.isoformat(timespec="seconds"),
            )
            return
        was_set, step_s = self.is_set, offset_s - self.offset_s
        self.offset_s, self.source = offset_s, source
        if self.is_set and not was_set:
            log.info("clock: it is %s, by %s", self.now().isoformat(timespec="seconds"), source)
        elif was_set and abs(step_s) >= SMALLEST_STEP_S:
            log.warning("clock: corrected by %+.1f s, by %s", step_s, source)

    def standing_still(self) -> AbstractContextManager[None]:
        """Around a wait for a job in another thread: a loop whose time can be held (`hold()`) holds it meanwhile."""
        hold: Callable[[], AbstractContextManager[None]] | None
        hold = getattr(asyncio.get_running_loop(), "hold", None)
        return nullcontext() if hold is None else hold()
