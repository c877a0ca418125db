"""What the kernel says of processes: memory, processor time, bytes written. Linux, /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Processes that `pid` forked and that live."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return sorted(found)


def pss_bytes(pid: int) -> int:
    """Proportional set size: own memory, and of shared memory this process's part."""
    return _fields(Path(f"/proc/{pid}/smaps_rollup"))["Pss"]


def bytes_alone(pids: Iterable[int]) -> int:
    """What these processes would take if nothing else ran: their own memory, and once each part of a file they map.

    Pages of files that other processes of this machine map, too, are counted in part only by `pss_bytes`.
    """
    own = 0
    files: dict[tuple[str, str], int] = {}
    for pid in pids:
        own += _fields(Path(f"/proc/{pid}/smaps_rollup"))["Pss_Anon"]
        mapping: tuple[str, str] | None = None
        resident = 0
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split(maxsplit=5)
            if not words[0].endswith(":"):
                mapping = (words[5], words[2]) if len(words) > 5 and words[5].startswith("/") else None
            elif words[0] == "Rss:":
                resident = int(words[1])
            elif words[0] == "Anonymous:" and mapping is not None:
                files[mapping] = max(files.get(mapping, 0), (resident - int(words[1])) * 1024)
    return own + sum(files.values())


def _fields(path: Path) -> dict[str, int]:
    """The numbers of a smaps_rollup, in bytes."""
    lines = (line.split() for line in path.read_text().splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}


def cpu_s(pid: int) -> float:
    """Processor time of all its threads so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def written_bytes(pid: int) -> int:
    """What it has caused to be written to a disk (whole pages)."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "write_bytes":
            return int(value)
    raise ValueError(f"/proc/{pid}/io has no write_bytes")
