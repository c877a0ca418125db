"""One station on one data directory, and what is no sign of another one."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import NoReturn

import pytest

from chargepoint.data_lock import Occupied, Refusal, data_lock


def test_who_comes_second_is_told_who_is_there(tmp_path: Path) -> None:
    with data_lock(tmp_path), pytest.raises(Occupied, match=f"process {os.getpid()}"), data_lock(tmp_path):
        pytest.fail("two stations on one directory")
    with data_lock(tmp_path):
        pass


def test_a_lock_that_nobody_could_hold_is_no_other_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a version on trial that cannot lock would be started for ever, as if it only waited for its turn."""

    def cannot(descriptor: int, how: int) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", cannot)
    with pytest.raises(Refusal, match="No locks available") as refused, data_lock(tmp_path):
        pytest.fail("not locked")
    assert not isinstance(refused.value, Occupied)


def test_a_full_disk_keeps_nobody_from_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, content: bytes, offset: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with data_lock(tmp_path), pytest.raises(Occupied, match="process unknown"), data_lock(tmp_path):
        pytest.fail("two stations on one directory")
