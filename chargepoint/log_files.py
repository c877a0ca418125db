"""The log as files by kind (`chargepoint run --logs DIR`): their names, how a line looks, who writes which lines.

`error.log` has warnings and errors, `info.log` ordinary lines, `debug.log` every poll (where [logs] level says so). All
processes append to the same files, a line at a time; `diag` moves a full one aside (`info.000012.log`, later packed)
and writers go on with a new one. A log that cannot be written is no reason for anything.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

KINDS = ("error", "info", "debug")
BELOW = {"error": logging.CRITICAL + 1, "info": logging.WARNING, "debug": logging.INFO}
"""A kind takes lines of its own level up to, not with, this one."""
LEVELS = {"error": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
GROUP = "chargepoint"
FOLDER_MODE, FILE_MODE = 0o2770, 0o660
LONGEST_BYTES = 16_384
"""A line is cut here: up to some size an append is one piece among those of others."""
LOOK_S = 1.0
"""A writer looks no more often whether its file was moved aside."""
AGAIN_S = 30.0
"""After a failure nothing is tried for so long."""
ROTATED = re.compile(r"(error|info|debug)\.(\d{6})\.log(\.gz)?")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")


def kinds_of(level: str) -> tuple[str, ...]:
    """The kinds that are written at a level of [logs]."""
    return {"debug": KINDS, "info": KINDS[:2]}.get(level, KINDS[:1])


def current(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.log"


def rotated(folder: Path, kind: str) -> list[Path]:
    """Those moved aside, newest first."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = ROTATED.fullmatch(entry.name)
            if match and match[1] == kind and entry.is_file(follow_symlinks=False):
                found.append((match[2], folder / entry.name))
    return [path for _, path in sorted(found, reverse=True)]


def time_of(line: str) -> datetime | None:
    """When a line was written; None for one that belongs to the line before it."""
    if not STAMP.match(line):
        return None
    try:
        return datetime.fromisoformat(line[:29])
    except ValueError:
        return None


class FileFormatter(logging.Formatter):
    """Lines that begin with time and zone, and stay one line each for programs that follow them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"%(asctime)s {name:8} %(levelname)-8s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


class KindHandler(logging.Handler):
    """Appends lines of one kind. Opens its file when the first line comes; never raises, never waits for the disk."""

    def __init__(self, folder: Path, kind: str, clock: Callable[[], float], most_bytes: int = 64 << 20) -> None:
        """`most_bytes`: a file that nobody moves aside (`diag` is away) grows no further."""
        super().__init__(LEVELS[kind])
        self.most_bytes = most_bytes
        self.folder = folder
        self.kind = kind
        self._clock = clock
        self._descriptor = -1
        self._file = (0, 0)
        self._look_s = 0.0
        self._again_s = 0.0
        self.addFilter(lambda record: record.levelno < BELOW[kind])

    def emit(self, record: logging.LogRecord) -> None:
        now_s = self._clock()
        if now_s < self._again_s:
            return
        try:
            line = self.format(record).encode("utf-8", "replace")[: LONGEST_BYTES - 1] + b"\n"
            self._open(now_s)
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError("the disk is full")
        except Exception:  # whatever it is: the service goes on
            self._again_s = now_s + AGAIN_S
            self._shut()

    def _open(self, now_s: float) -> None:
        path = current(self.folder, self.kind)
        if self._descriptor >= 0:
            if now_s < self._look_s:
                return
            self._look_s = now_s + LOOK_S
            with suppress(FileNotFoundError):
                there = path.lstat()
                if (there.st_dev, there.st_ino) == self._file:
                    self._check(there.st_size)
                    return
            self._shut()
        # any member of the group may lay a link or a pipe there: nobody waits for its other end
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._descriptor = os.open(path, flags, FILE_MODE)
        self._look_s = now_s + LOOK_S
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise OSError(f"{path} is no plain file of its own")
        self._file = (found.st_dev, found.st_ino)
        self._check(found.st_size)
        if found.st_mode & 0o777 != FILE_MODE:
            with suppress(OSError):  # another account made it, with the right mode: this one may only write
                os.fchmod(self._descriptor, FILE_MODE)

    def _check(self, size_bytes: int) -> None:
        if size_bytes >= self.most_bytes:
            raise BufferError("it is full, and nobody moved it aside")

    def _shut(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def renew(self, name: str) -> None:
        """After a fork: lines of another process, which opens its files by its own rights."""
        self._shut()
        self._again_s = 0.0
        self.setFormatter(FileFormatter(name))

    def close(self) -> None:
        """At the end of the process."""
        self._shut()
        super().close()


def make_folder(folder: Path) -> None:
    """Made by the launcher for all services; where there is a group `chargepoint`, for its members. Raises OSError."""
    import grp

    folder.mkdir(parents=True, exist_ok=True)
    with suppress(KeyError, PermissionError):
        os.chown(folder, -1, grp.getgrnam(GROUP).gr_gid)
    with suppress(PermissionError):
        folder.chmod(FOLDER_MODE)
