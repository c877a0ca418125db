"""Care of the log files (chargepoint/log_files.py): full ones are moved aside and packed, old ones go, room stays free.

Writers go on with a new file by themselves. What is kept: [logs]. With less free room than its floor the oldest of the
debug files go first, then those of info, errors last; the file being written stays always.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from chargepoint.config import Settings
from chargepoint.context import Context
from chargepoint.log_files import KINDS, ROTATED, current, rotated
from chargepoint.room import free_bytes

log = logging.getLogger(__name__)

LOOK_S = 10.0
MIB = 1 << 20
BLOCK = 64 << 10
PACK_AFTER_S = 5.0
"""A writer may still have a file that was moved aside open for a moment."""
DIES_FIRST = ("debug", "info", "error")


class Bounds(msgspec.Struct, frozen=True):
    """Of one kind: so many files, so large each."""

    files: int
    largest_bytes: int


def bounds_of(settings: Settings) -> dict[str, Bounds]:
    logs = settings.logs
    return {
        "error": Bounds(logs.error_files, logs.error_mib * MIB),
        "info": Bounds(logs.info_files, logs.info_mib * MIB),
        "debug": Bounds(logs.debug_files, logs.debug_mib * MIB),
    }


class LogCare:
    """Of the folder of `--logs`. `run` looks each few seconds; without a folder there is nothing to do."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._fault = ""

    async def run(self) -> None:
        """Until cancelled."""
        folder = self._context.logs
        while True:
            await asyncio.sleep(LOOK_S)
            if folder is None:
                continue
            clock = self._context.clock
            now = clock.now() if clock.is_set else None
            fault = await asyncio.to_thread(care, folder, self._context.settings, now)
            if fault != self._fault:
                self._fault = fault
                if fault:
                    log.warning("logs: %s", fault)
                else:
                    log.info("logs: in order again")


def care(folder: Path, settings: Settings, now: datetime | None) -> str:
    """One look; what went wrong, empty: nothing did. `now` None: the time is not known, nothing is too old."""
    bounds = bounds_of(settings)
    try:
        for kind in KINDS:
            turn(folder, kind, bounds[kind].largest_bytes)
            pack(folder, kind)
            drop(folder, kind, bounds[kind].files - 1, now and now - timedelta(days=settings.logs.keep_days))
        make_room(folder, settings.logs.disk_floor_mib * MIB)
    except OSError as error:
        return f"{folder}: {error.strerror or error}"
    return ""


def turn(folder: Path, kind: str, largest_bytes: int) -> Path | None:
    """Move a full file aside; where it is now."""
    path = current(folder, kind)
    try:
        if path.lstat().st_size < largest_bytes:
            return None
    except FileNotFoundError:
        return None
    there = rotated(folder, kind)
    match = ROTATED.fullmatch(there[0].name) if there else None
    number = int(match[2]) + 1 if match else 1
    aside = folder / f"{kind}.{number % 1_000_000:06}.log"
    path.rename(aside)
    return aside


def pack(folder: Path, kind: str) -> None:
    """Compress those moved aside, whole or not at all: text shrinks to a tenth, and so do the bytes kept."""
    import gzip  # once in days: it stays out of the memory of a service that does nothing

    for path in rotated(folder, kind):
        if path.suffix == ".gz":
            continue
        stat = path.stat()
        if _age_s(stat) < PACK_AFTER_S:
            continue
        packed = path.with_name(path.name + ".gz")
        part = path.with_name(path.name + ".part")
        try:
            with path.open("rb") as source, gzip.GzipFile(part, "wb", compresslevel=6) as target:
                while block := source.read(BLOCK):
                    target.write(block)
            part.chmod(stat.st_mode & 0o777)
            os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            part.replace(packed)
        finally:
            part.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def drop(folder: Path, kind: str, most: int, oldest: datetime | None) -> int:
    """Remove those beyond `most`, and those last written before `oldest`; how many went."""
    gone = 0
    for place, path in enumerate(rotated(folder, kind)):
        with suppress(FileNotFoundError):
            is_old = oldest is not None and path.stat().st_mtime < oldest.timestamp()
            if place >= max(0, most) or is_old:
                path.unlink()
                gone += 1
    return gone


def make_room(folder: Path, floor_bytes: int) -> int:
    """Remove the oldest until `floor_bytes` are free, the least important first; how many went."""
    gone = 0
    for kind in DIES_FIRST:
        for path in reversed(rotated(folder, kind)):
            if free_bytes(folder) >= floor_bytes:
                return gone
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _age_s(stat: os.stat_result) -> float:
    """Since it was moved aside, by the machine's clock, whichever way that went."""
    return abs(datetime.now().timestamp() - stat.st_ctime)
