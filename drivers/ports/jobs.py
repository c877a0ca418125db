"""Questions that wait for their turn on a port: orders before polls, and none into what still comes in."""

from __future__ import annotations

import asyncio
from bisect import insort
from typing import Any

import msgspec

from drivers.ports.late import TICK_S, LateReplies
from drivers.ports.priority import Priority
from drivers.ports.question import Asked

MOST_NOISE_S = 0.5
"""On a line that is never silent a question waits this long, then it is asked into the noise."""


class Job(msgspec.Struct, eq=False):
    """One question. `since_s`: when it came, by the loop's clock."""

    asked: Asked[Any]
    priority: Priority
    number: int
    since_s: float
    timeout_s: float
    quiet_s: float
    answer: asyncio.Future[Any]

    def __lt__(self, other: Job) -> bool:
        return (self.priority, self.number) < (other.priority, other.number)


class Jobs:
    """`silence_s` has to pass between what was on the line and a question."""

    def __init__(self, late: LateReplies, silence_s: float) -> None:
        self._late, self._silence_s = late, silence_s
        self._waiting: list[Job] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: Job) -> None:
        insort(self._waiting, job)

    def take_all(self) -> list[Job]:
        """Those that waited; none waits any more."""
        jobs, self._waiting = self._waiting, []
        return jobs

    def next(self, now_s: float, active_s: float, free_s: float) -> tuple[Job | None, float | None]:
        """The question to ask now; or None and the time at which to look again (None: when something happens).

        `active_s`: when something was on the line last; `free_s`: when the last question was over.
        """
        look_again_s: float | None = None
        for at, job in enumerate(self._waiting):
            held_s = self._late.held_until_s(job.asked, now_s)
            if held_s > now_s + TICK_S and not job.answer.done():
                look_again_s = min(held_s, look_again_s or held_s)
                continue
            most_s = max(job.since_s, free_s) + max(MOST_NOISE_S, 2 * job.quiet_s)
            quiet_until_s = min(active_s + max(job.quiet_s, self._silence_s), most_s)
            if quiet_until_s > now_s + TICK_S and not job.answer.done():
                return None, min(quiet_until_s, look_again_s or quiet_until_s)
            del self._waiting[at]
            return job, None
        return None, look_again_s
