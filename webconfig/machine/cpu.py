"""How much of a processor each service took since it was last looked at."""

from __future__ import annotations

from webconfig.machine import kernel

LEAST_S = 0.5
MOST = 64


class CpuMeter:
    """Remembers the last look at each process; kept while the web runs."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, float, float | None]] = {}
        """By pid: when, seconds of processor then, share found then."""

    def share_pct(self, pid: int, now_s: float) -> float | None:
        """Share of one processor since the last look, in %; None at the first one, or when the process is gone."""
        used = kernel.process(pid)
        before = self._seen.get(pid)
        if used is None:
            self._seen.pop(pid, None)
            return None
        if before is not None and now_s - before[0] < LEAST_S:
            return before[2]
        share = None
        if before is not None and used.cpu_s >= before[1]:
            share = 100.0 * (used.cpu_s - before[1]) / (now_s - before[0])
        while len(self._seen) >= MOST and pid not in self._seen:
            self._seen.pop(next(iter(self._seen)))
        self._seen[pid] = (now_s, used.cpu_s, share)
        return share
