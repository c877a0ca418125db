"""What the kernel tells everybody: addresses, listening ports, processes, disk, temperatures.

What cannot be read is None or empty."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address
from pathlib import Path

import msgspec

from chargepoint.room import room

PROC, NET, THERMAL = Path("/proc"), Path("/sys/class/net"), Path("/sys/class/thermal")
_GET_ADDRESS = 0x8915
"""SIOCGIFADDR."""
_LISTENS = "0A"
MOST_ZONES = 16


class Listener(msgspec.Struct, frozen=True, order=True):
    """A port somebody listens at. `address`: 0.0.0.0 or :: are all addresses."""

    port: int
    address: str
    protocol: str = "tcp"


class ProcessUse(msgspec.Struct, frozen=True):
    """What a process has used: seconds of processor since it began; its memory now, with pages it shares."""

    cpu_s: float
    memory_bytes: int


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The computer now. `temperatures` by the name of their zone, °C."""

    load: float | None = None
    processors: int = 1
    memory_total_bytes: int = 0
    memory_free_bytes: int = 0
    disk_total_bytes: int = 0
    disk_free_bytes: int = 0
    uptime_s: float | None = None
    temperatures: tuple[tuple[str, float], ...] = ()


def interfaces(net: Path = NET) -> dict[str, tuple[str, ...]]:
    """Addresses of each network interface, as the kernel has them."""
    found: dict[str, tuple[str, ...]] = {}
    sixes = _six()
    try:
        names = sorted(entry.name for entry in net.iterdir())
    except OSError:
        return {}
    for name in names[:32]:
        four = _four(name)
        found[name] = ((four,) if four else ()) + tuple(sixes.get(name, ()))
    return found


def _four(name: str) -> str:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            told = fcntl.ioctl(asking.fileno(), _GET_ADDRESS, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return ""
    return socket.inet_ntoa(told[20:24])


def _six(proc: Path = PROC) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _lines(proc / "net/if_inet6"):
        fields = line.split()
        if len(fields) == 6:
            found.setdefault(fields[5], []).append(f"{IPv6Address(bytes.fromhex(fields[0]))}/{int(fields[2], 16)}")
    return found


def listeners(proc: Path = PROC) -> tuple[Listener, ...]:
    """Every TCP port of this computer somebody listens at, lowest first."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in _lines(proc / "net" / name)[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == _LISTENS:
                address, _, port = fields[1].partition(":")
                found.add(Listener(int(port, 16), address_of(address)))
    return tuple(sorted(found))


def address_of(text: str) -> str:
    """An address as /proc/net/tcp has it: words of 32 bits in the order of the processor (little end first)."""
    raw = bytes.fromhex(text)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntoa(words) if len(words) == 4 else str(IPv6Address(words))


def process(pid: int, proc: Path = PROC) -> ProcessUse | None:
    """What a process uses; None when it is gone."""
    if pid <= 0:
        return None
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 22:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return ProcessUse(ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


def machine(data: Path, proc: Path = PROC, thermal: Path = THERMAL) -> Machine:
    """The computer as a whole; `data` lies on the disk in question."""
    memory = dict(_pairs(_lines(proc / "meminfo")))
    uptime = (_lines(proc / "uptime") or [""])[0].split()
    load = (_lines(proc / "loadavg") or [""])[0].split()
    try:
        free, total = room(data)
    except OSError:
        total = free = 0
    return Machine(
        load=float(load[0]) if load else None,
        processors=os.cpu_count() or 1,
        memory_total_bytes=memory.get("MemTotal", 0),
        memory_free_bytes=memory.get("MemAvailable", 0),
        disk_total_bytes=total,
        disk_free_bytes=free,
        uptime_s=float(uptime[0]) if uptime else None,
        temperatures=tuple(_temperatures(thermal)),
    )


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    for line in lines:
        name, _, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and words[0].isdecimal():
            yield name, int(words[0]) * 1024


def _temperatures(thermal: Path) -> Iterable[tuple[str, float]]:
    for zone in sorted(thermal.glob("thermal_zone*"))[:MOST_ZONES]:
        value, kind = _lines(zone / "temp"), _lines(zone / "type")
        try:
            celsius = int(value[0]) / 1000
        except (IndexError, ValueError):
            continue
        if -100.0 < celsius < 200.0:
            yield (kind[0].strip() if kind else zone.name), celsius


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
