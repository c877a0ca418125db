"""Where archives are kept: a folder of the service's own, found by number, never by a path. No I/O but of that one."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from chargepoint.messages import KeptArchive
from chargepoint.room import free_bytes
from diag.archives.members import MOST_BYTES

FOLDER = "archives"
KINDS = ("FullLogs", "Support", "Diagnostics", "Security")
FREE_FLOOR_BYTES = 150_000_000
"""With less free room on the disk none is made."""
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_(FullLogs|Support|Diagnostics|Security)(?:_(\d{6}))?\.zip")


class NoRoom(Exception):
    """Less room is free than is kept for the station's own records."""


def archives(folder: Path) -> list[KeptArchive]:
    """All there are, newest first."""
    found = []
    for path in (folder / FOLDER).glob("*.zip"):
        match = NAME.fullmatch(path.name)
        if match is None or not path.is_file() or path.is_symlink():
            continue
        stat = path.stat()
        made_at = datetime.fromtimestamp(stat.st_mtime).astimezone()
        number = f"{match[1].replace('-', '')}-{match[2].lower()}{f'-{match[3]}' if match[3] else ''}"
        found.append(
            KeptArchive(
                id=number, name=path.name, kind=match[2], day=match[1], size_bytes=stat.st_size, made_at=made_at
            )
        )
    return sorted(found, key=lambda each: (each.made_at, each.name), reverse=True)


def path_of(folder: Path, number: str) -> Path | None:
    """The file of this number, None when there is none."""
    for each in archives(folder):
        if each.id == number:
            return folder / FOLDER / each.name
    return None


def check_room(folder: Path) -> None:
    """Raises NoRoom."""
    free = free_bytes(folder)
    if free < FREE_FLOOR_BYTES + MOST_BYTES:
        raise NoRoom(f"{free // 1_000_000} MB are free, {(FREE_FLOOR_BYTES + MOST_BYTES) // 1_000_000} MB are needed")


def keep(folder: Path, most: int) -> int:
    """Remove the oldest of each kind beyond `most`; how many went."""
    found = archives(folder)
    gone = [each for kind in KINDS for each in [one for one in found if one.kind == kind][max(1, most) :]]
    for each in gone:
        (folder / FOLDER / each.name).unlink(missing_ok=True)
    return len(gone)


def sweep(folder: Path) -> None:
    """Remove what was begun and never finished."""
    for path in (folder / FOLDER).glob("*.part"):
        path.unlink(missing_ok=True)
