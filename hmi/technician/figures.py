"""What the service menu shows of the computer: plain values, looked up in `machine.py` and `network.py`."""

from __future__ import annotations

import msgspec


class Figures(msgspec.Struct, frozen=True):
    """None and 0 for what cannot be read."""

    load: float | None = None
    memory_total_mib: int = 0
    memory_free_mib: int = 0
    disk_total_mib: int = 0
    disk_free_mib: int = 0
    temperature_c: float | None = None
    uptime_s: float | None = None
    gateway: str = ""
    dns: tuple[str, ...] = ()


class Address(msgspec.Struct, frozen=True):
    """An interface and its IPv4 address."""

    name: str
    address: str
