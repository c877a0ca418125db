"""A file written whole or not at all, as everything is that must survive a power cut (R24, R25)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`: durable on return, with the owner and the rights the file had; a new one is
    for its owner only. Raises OSError; then the file is as it was."""
    new = path.with_name(path.name + ".new")
    before = path.stat() if path.exists() else None
    try:
        new.unlink(missing_ok=True)  # what a cut left there, or a link that somebody laid
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if before is not None:
                os.fchmod(descriptor, before.st_mode & 0o777)
                if os.geteuid() == 0:
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was renamed, made or removed in it is durable. Raises OSError."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
