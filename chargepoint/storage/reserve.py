"""Room on the disk, kept beforehand, so that running transactions can still be ended when it is full (R27)."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from chargepoint.storage.salvage import sync

log = logging.getLogger(__name__)

MARGIN_BYTES = 1_000_000
"""The reserve is taken back only when this much stays free beside it; else it would be given up again at once."""


class Reserve:
    """A file of `size_bytes` that is there only to be deleted. All of it blocks."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes

    @property
    def is_kept(self) -> bool:
        """Whether the room is set aside."""
        try:
            return self.path.stat().st_blocks * 512 >= self.size_bytes
        except OSError:
            return False

    def keep(self) -> bool:
        """Set the room aside, if there is enough of it; whether it is now."""
        if self.is_kept:
            return True
        try:
            free = os.statvfs(self.path.parent)
            if free.f_bavail * free.f_frsize < self.size_bytes + MARGIN_BYTES:
                return False
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size_bytes)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync(self.path.parent)
        except OSError as error:
            log.warning("%s: no room can be set aside (%s)", self.path, error.strerror)
            self.give_up()
        return self.is_kept

    def give_up(self) -> None:
        """Free the room for what must be written now."""
        try:
            self.path.unlink(missing_ok=True)
            sync(self.path.parent)
        except OSError as error:
            log.warning("%s: cannot be given up (%s)", self.path, error.strerror)
