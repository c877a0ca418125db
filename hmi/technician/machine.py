"""Figures of this computer, as the kernel tells them; looked up at most once in 5 s."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec

from chargepoint.room import room
from hmi.technician.figures import Figures
from hmi.technician.network import dns, gateway

KEPT_S = 5.0
THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")


def figures() -> Figures:
    """As they were within the last seconds. Raises nothing."""
    return _figures(int(time.monotonic() / KEPT_S))


@lru_cache(maxsize=1)
def _figures(_moment: int) -> Figures:
    found: dict[str, float | int] = {}
    with suppress(OSError, AttributeError):
        found["load"] = os.getloadavg()[0]
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        table = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines if ":" in line}
        found["memory_total_mib"] = table.get("MemTotal", 0)
        found["memory_free_mib"] = table.get("MemAvailable", 0)
    with suppress(OSError):
        disk = room(Path("/"))
        found["disk_total_mib"], found["disk_free_mib"] = disk.total_bytes // 2**20, disk.free_bytes // 2**20
    with suppress(OSError, ValueError):
        found["temperature_c"] = int(THERMAL.read_text(encoding="ascii")) / 1000
    with suppress(OSError, ValueError, IndexError):
        found["uptime_s"] = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return msgspec.structs.replace(msgspec.convert(found, Figures), gateway=gateway(), dns=dns())
