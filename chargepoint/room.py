"""How much room a disk has. Not by `shutil`, which brings every compression there is into the process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Room(NamedTuple):
    """`free_bytes` for accounts other than root."""

    free_bytes: int
    total_bytes: int


def room(folder: Path) -> Room:
    """Of the disk that `folder` lies on. Raises OSError."""
    found = os.statvfs(folder)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def free_bytes(folder: Path) -> int:
    """As `room`, when nothing else is of interest."""
    return room(folder).free_bytes
