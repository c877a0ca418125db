"""One station on one data directory: who comes second is refused at once (R17)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Refusal(Exception):
    """The station cannot be launched here; the text says why and what to do."""


class Occupied(Refusal):
    """Another station, or what writes firmware in its place, holds the data directory."""


@contextmanager
def data_lock(data: Path) -> Iterator[None]:
    """Hold the data directory for one station: who comes second is refused. Raises Refusal, Occupied."""
    try:
        data.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.open(data / "launcher.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refusal(
            f"data directory {data}: {error.strerror}. Give --data one that this account may write to."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Occupied(
                f"data directory {data}: a station runs on it already (process {other}). "
                "Stop that one first, or give this one a --data of its own."
            ) from None
        except OSError as error:  # that nobody can hold it says nothing of another station
            raise Refusal(f"data directory {data}: launcher.lock cannot be locked ({error.strerror}).") from None
        with suppress(OSError):  # a full disk keeps nobody from running: it is only for people
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
