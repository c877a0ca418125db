"""How much of a disk is free. Not by `shutil`, which brings every compression there is into the process."""

from __future__ import annotations

import os
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """For accounts other than root. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
