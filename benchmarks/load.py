"""What the station's processes take: memory, processor time, bytes written; idle, and with four charges."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from benchmarks import processes
from benchmarks.figures import Row
from benchmarks.rig import NUMBERS, Place, Rig

MIB = 1 << 20
SETTLE_S = 2.0
BATCH_S = 20.0
"""History is written each 20 s: windows are whole multiples of it."""
FILES = ("station/journal.db", "station/history.db", "ocpp/ocpp.db", "hub/settings.db")


async def load(place: Place) -> list[Row]:
    """Idle, then four charges of which each second a meter value is told."""
    async with Rig(place) as rig:
        await rig.up()
        pids = await rig.named_pids()
        await asyncio.sleep(place.pick(2, 25))  # what the start leaves to be written is written after 20 s
        rows = _memory("idle", pids)
        idle = await _window(rig, pids, "idle", place.pick(6, 20))
        rows += idle[:1] if place.is_quick else idle
        await rig.charge_all()
        await asyncio.sleep(SETTLE_S)
        told = len(rig.server.heard("MeterValues"))
        seconds = BATCH_S * place.pick(1, 3)
        rows += await _window(rig, pids, "four charges", seconds)
        told = len(rig.server.heard("MeterValues")) - told
        rows += _memory("four charges", pids)
        charging = await rig.charging()
        rows.append(
            Row(
                figure="MeterValues told meanwhile",
                values=(told / seconds,),
                unit="messages/s",
                beside=f"{charging} of {len(NUMBERS)} still charge",
            )
        )
        return rows


def _memory(when: str, pids: Mapping[str, int]) -> list[Row]:
    sizes = {name: processes.pss_bytes(pid) / MIB for name, pid in pids.items()}
    pss = Row(
        figure=f"PSS of all processes, {when}",
        values=(sum(sizes.values()),),
        unit="MiB",
        wished=("<", 80.0),
        beside=", ".join(f"{name} {size:.1f}" for name, size in sizes.items()),
    )
    alone = Row(
        figure=f"memory if nothing else ran, {when}",
        values=(processes.bytes_alone(pids.values()) / MIB,),
        unit="MiB",
        wished=("<", 80.0),
        beside="PSS, but files mapped by others, too, in full",
    )
    return [pss, alone]


async def _window(rig: Rig, pids: Mapping[str, int], when: str, seconds: float) -> list[Row]:
    """Processor time and bytes written within a window in which nobody looks at the station."""
    loop = asyncio.get_running_loop()
    cpu = {name: processes.cpu_s(pid) for name, pid in pids.items()}
    written = {name: processes.written_bytes(pid) for name, pid in pids.items()}
    files = _file_bytes(rig.data)
    began_s = loop.time()
    await asyncio.sleep(seconds)
    span_s = loop.time() - began_s
    cpu = {name: (processes.cpu_s(pid) - cpu[name]) / span_s * 100 for name, pid in pids.items()}
    written = {name: processes.written_bytes(pid) - written[name] for name, pid in pids.items()}
    per_minute = 60 / span_s / 1000 / (1 if when == "idle" else len(NUMBERS))
    rows = [
        Row(
            figure=f"processor time, {when}",
            values=(sum(cpu.values()),),
            unit="% of a core",
            wished=("<", 3.0) if when == "idle" else None,
            beside=", ".join(f"{name} {percent:.1f}" for name, percent in cpu.items()),
        )
    ]
    if when == "idle":
        kb = sum(written.values()) * per_minute
        rows.append(
            Row(figure="written to disk, idle", values=(kb,), unit="kB/min", beside=_parts(written, per_minute))
        )
    else:
        grown = {name: size - files.get(name, 0) for name, size in _file_bytes(rig.data).items()}
        figure = "written to disk per charging minute and connector"
        kb = sum(written.values()) * per_minute
        beside = _parts(written, per_minute)
        rows.append(Row(figure=figure, values=(kb,), unit="kB", wished=("<", 100.0), beside=beside))
        kb = sum(grown.values()) * per_minute
        beside = _parts(grown, per_minute)
        rows.append(Row(figure="growth of files, same", values=(kb,), unit="kB", beside=beside))
    return rows


def _parts(sizes: Mapping[str, int], factor: float) -> str:
    return ", ".join(f"{name} {size * factor:.0f}" for name, size in sizes.items() if size) or "nothing"


def _file_bytes(data: Path) -> dict[str, int]:
    """Sizes of the databases, each with its write-ahead log."""
    sizes = {}
    for name in FILES:
        for path in (data / name, data / f"{name}-wal"):
            if path.exists():
                sizes[path.name] = path.stat().st_size
    return sizes
