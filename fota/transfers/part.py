"""The file that is being fetched: `NAME.part`, and `NAME.part.json` that says what of it is durable (C062).

The bytes are synced before the json speaks of them, so after a cut of the power the part is cut back to what the json
says and gone on from there. The finished file is synced, then renamed, then its folder synced.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chargepoint.room import free_bytes
from chargepoint.whole_file import sync_folder, write
from fota.transfers.job import LOCAL, NO_ROOM, TOO_LARGE, Failed, Job

SYNC_S = 30.0
"""So much time's work may be lost when the power goes, or `Job.sync_bytes`, whatever is less."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the json says. `origin` is a digest of the address without user and password, `validator` what tells this
    version of the file from others (ETag, date)."""

    origin: str
    shown: str
    validator: str = ""
    size: int = 0
    bytes: int = 0


class Part:
    """The file that grows. `bytes` are in it, `size` it will have (0: not known)."""

    def __init__(self, job: Job, address: str, shown: str) -> None:
        """Opens what is there of it. Raises Failed."""
        self._job = job
        self._goal = Path(job.file)
        self._path = self._goal.with_name(self._goal.name + ".part")
        self._json = self._goal.with_name(self._goal.name + ".part.json")
        self._fresh = Mark(origin=hashlib.sha256(address.encode()).hexdigest(), shown=shown[:300])
        self.mark = self._read() or self._fresh
        with _told():
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            there = self._file.seek(0, os.SEEK_END)
        if there < self.mark.bytes:  # less than was durable: not our file any more
            self.mark = self._fresh
        self.bytes = self._synced = self.mark.bytes if self.mark.validator else 0
        self._synced_s = time.monotonic()
        self._cut_to(self.bytes)

    @property
    def size(self) -> int:
        return self.mark.size

    @property
    def validator(self) -> str:
        return self.mark.validator

    @property
    def is_whole(self) -> bool:
        return 0 < self.mark.size == self.bytes

    def begin(self, validator: str, size: int) -> None:
        """From the start: another version of it, or one that cannot be gone on with. Raises Failed."""
        self.check_size(size)
        self.mark = msgspec.structs.replace(self._fresh, validator=validator[:500], size=size)
        self.bytes = self._synced = 0
        self._cut_to(0)
        self._note()

    def check_size(self, size: int) -> None:
        """Whether so much may be fetched at all. Raises Failed."""
        if size > self._job.largest_bytes:
            raise Failed(TOO_LARGE, f"it is {size} bytes, at most {self._job.largest_bytes} are taken")
        self._check_room(max(0, size - self.bytes))

    def add(self, data: memoryview | bytes) -> None:
        """Raises Failed when it grows over what was said, over what is taken, or when the disk is full."""
        most = self.mark.size or self._job.largest_bytes
        if self.bytes + len(data) > most:
            raise Failed(TOO_LARGE, f"more than {most} bytes came")
        with _told():
            rest = memoryview(data)
            while rest:
                written = self._file.write(rest) or 0
                rest = rest[written:]
        self.bytes += len(data)
        if self.bytes - self._synced >= self._job.sync_bytes or time.monotonic() - self._synced_s >= SYNC_S:
            self.sync()
            self._check_room(0)

    def sync(self) -> None:
        """What is here is durable, and noted. Raises Failed."""
        with _told():
            os.fdatasync(self._file.fileno())
        self._synced, self._synced_s = self.bytes, time.monotonic()
        self._note()

    def finish(self) -> None:
        """It is whole: durable in its place. Raises Failed."""
        with _told():
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.replace(self._goal)
            self._json.unlink(missing_ok=True)
            sync_folder(self._goal.parent)

    def leave(self) -> None:
        """The try ends here: keep what came, as far as it can be gone on with."""
        if self._file.closed:
            return
        with contextlib.suppress(Failed):
            if self.mark.validator and self.bytes > self._synced:
                self.sync()
        with contextlib.suppress(OSError):
            self._file.close()
            if not (self.mark.validator and self.mark.bytes):
                self._path.unlink(missing_ok=True)
                self._json.unlink(missing_ok=True)

    def _read(self) -> Mark | None:
        """What the json says about the same address, None otherwise."""
        try:
            mark = msgspec.json.decode(self._json.read_bytes()[:10_000], type=Mark)
        except (OSError, msgspec.DecodeError):
            return None
        is_sound = mark.bytes >= 0 and mark.size >= 0 and (not mark.size or mark.bytes <= mark.size)
        return mark if mark.origin == self._fresh.origin and is_sound else None

    def _cut_to(self, length: int) -> None:
        with _told():
            self._file.truncate(length)
            self._file.seek(length)

    def _note(self) -> None:
        self.mark = msgspec.structs.replace(self.mark, bytes=self._synced)
        with _told():
            write(self._json, msgspec.json.encode(self.mark))

    def _check_room(self, more: int) -> None:
        with _told():
            free = free_bytes(self._goal.parent)
        if free - more < self._job.floor_bytes:
            raise Failed(NO_ROOM, f"{free} bytes of the disk are free, {self._job.floor_bytes} have to stay so")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else LOCAL
        raise Failed(code, f"the file cannot be written: {error.strerror or error}") from None
