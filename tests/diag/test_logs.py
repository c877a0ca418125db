"""Log files by kind: who writes what, how they are moved aside, packed, dropped; nothing of it disturbs anybody."""

from __future__ import annotations

import gzip
import logging
import os
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chargepoint.config_upkeep import LogSettings
from chargepoint.log_files import KINDS, KindHandler, current, kinds_of, make_folder, rotated, time_of
from diag import logs
from diag.logs import care, drop, make_room, pack, turn
from tests.chargepoint.dummies import settings


class Ticks:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def logger(tmp_path: Path, ticks: Ticks) -> Iterator[logging.Logger]:
    found = logging.Logger("trial", logging.DEBUG)
    make_folder(tmp_path / "logs")
    for kind in KINDS:
        handler = KindHandler(tmp_path / "logs", kind, ticks, most_bytes=4000)
        handler.renew("station")
        found.addHandler(handler)
    yield found
    for each in found.handlers:
        each.close()


def written(folder: Path, kind: str) -> str:
    path = current(folder / "logs", kind)
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.realtime
@pytest.mark.parametrize("what", ["pipe", "second name"])
def test_what_a_member_laid_in_the_place_of_the_log_holds_nobody_up(tmp_path: Path, ticks: Ticks, what: str) -> None:
    make_folder(tmp_path / "logs")
    other = tmp_path / "other"
    other.write_text("of somebody else")
    other.chmod(0o600)
    path = current(tmp_path / "logs", "info")
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.hardlink_to(other)
    handler = KindHandler(tmp_path / "logs", "info", ticks)
    logger = logging.Logger("trial")
    logger.addHandler(handler)
    writer = threading.Thread(target=logger.info, args=("a change",), daemon=True)
    writer.start()
    writer.join(5.0)
    assert not writer.is_alive()
    assert other.read_text() == "of somebody else"
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    handler.close()


def test_each_line_goes_to_the_file_of_its_kind_with_time_and_zone(tmp_path: Path, logger: logging.Logger) -> None:
    logger.debug("a poll")
    logger.info("a change")
    logger.warning("a fault")
    logger.critical("the end")
    assert [written(tmp_path, kind).count("\n") for kind in KINDS] == [2, 1, 1]
    line = written(tmp_path, "info")
    assert line.endswith("a change\n") and " station " in line
    at = time_of(line)
    assert at is not None and abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    assert time_of("Traceback (most recent call last):\n") is None


def test_members_of_the_group_may_write_and_nobody_else_may_read(tmp_path: Path, logger: logging.Logger) -> None:
    logger.info("x")
    assert stat.S_IMODE(current(tmp_path / "logs", "info").stat().st_mode) == 0o660
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) & 0o7777 == 0o2770


def test_writers_go_on_with_a_new_file_when_one_was_moved_aside(
    tmp_path: Path, logger: logging.Logger, ticks: Ticks
) -> None:
    logger.info("before")
    aside = turn(tmp_path / "logs", "info", 1)
    assert aside is not None and aside.name == "info.000001.log"
    logger.info("still the old one")
    ticks.now_s += 1.5
    logger.info("after")
    assert "after" in written(tmp_path, "info") and "before" not in written(tmp_path, "info")
    assert aside.read_text().count("\n") == 2
    assert turn(tmp_path / "logs", "info", 1_000_000) is None


def test_a_log_that_cannot_be_written_disturbs_nobody_and_comes_back(
    tmp_path: Path, logger: logging.Logger, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("chargepoint.log_files.os.write", no_room)
        logger.info("lost")
        logger.info("lost too, without a try")
    ticks.now_s += 31.0
    logger.info("here again")
    assert written(tmp_path, "info").count("\n") == 1
    (tmp_path / "logs").rename(tmp_path / "away")
    ticks.now_s += 2.0
    logger.info("no folder")
    assert not (tmp_path / "logs").exists()


def test_a_file_that_nobody_moves_aside_stops_growing(tmp_path: Path, logger: logging.Logger, ticks: Ticks) -> None:
    for _ in range(300):
        logger.info("x" * 100)
        ticks.now_s += 1.1
    assert 4000 <= current(tmp_path / "logs", "info").stat().st_size < 4400


def test_no_line_is_laid_through_a_link(tmp_path: Path, logger: logging.Logger) -> None:
    target = tmp_path / "journal.db"
    target.write_bytes(b"precious")
    current(tmp_path / "logs", "info").symlink_to(target)
    logger.info("x")
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize(("level", "kinds"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 1)])
def test_a_level_decides_which_kinds_are_kept(level: str, kinds: int) -> None:
    assert len(kinds_of(level)) == kinds


def made(folder: Path, kind: str, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(1, count + 1):
        (folder / f"{kind}.{number:06}.log.gz").write_bytes(b"x" * 1000)
    current(folder, kind).write_text("now\n")


def test_files_moved_aside_are_packed_whole_with_their_rights_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "info.000007.log"
    path.write_text("a line that comes again and again\n" * 1000)
    path.chmod(0o660)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    pack(tmp_path, "info")
    assert path.exists(), "a writer may still have it open"
    monkeypatch.setattr(logs, "PACK_AFTER_S", 0.0)
    (tmp_path / "info.000008.log.gz.part").write_bytes(b"cut")
    pack(tmp_path, "info")
    packed = tmp_path / "info.000007.log.gz"
    assert not path.exists() and packed.stat().st_mtime == 1_700_000_000 and packed.stat().st_size < 1000
    assert stat.S_IMODE(packed.stat().st_mode) == 0o660
    assert gzip.decompress(packed.read_bytes()).count(b"\n") == 1000
    assert rotated(tmp_path, "info") == [packed]


def test_too_many_and_too_old_ones_go_the_current_one_never(tmp_path: Path) -> None:
    made(tmp_path, "info", 5)
    assert drop(tmp_path, "info", 3, None) == 2
    assert [path.name[:11] for path in rotated(tmp_path, "info")] == ["info.000005", "info.000004", "info.000003"]
    os.utime(tmp_path / "info.000004.log.gz", (1, 1))
    assert drop(tmp_path, "info", 3, datetime(2020, 1, 1, tzinfo=UTC)) == 1
    assert drop(tmp_path, "info", -1, None) == 2
    assert current(tmp_path, "info").exists()


def test_with_little_room_debug_goes_first_errors_last_and_what_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in KINDS:
        made(tmp_path, kind, 2)
    gone: list[str] = []
    unlink = Path.unlink

    def noted(path: Path, missing_ok: bool = False) -> None:
        gone.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr("diag.logs.free_bytes", lambda _path: 0)
    monkeypatch.setattr(Path, "unlink", noted)
    assert make_room(tmp_path, 1000) == 6
    assert [name[:12] for name in gone] == [
        "debug.000001", "debug.000002", "info.000001.", "info.000002.", "error.000001", "error.000002"]  # fmt: skip
    assert all(current(tmp_path, kind).exists() for kind in KINDS)


def test_a_look_keeps_what_the_station_file_says(tmp_path: Path) -> None:
    import msgspec

    few = msgspec.structs.replace(settings(), logs=LogSettings(info_files=2, info_mib=1, disk_floor_mib=10))
    made(tmp_path, "info", 4)
    current(tmp_path, "info").write_bytes(b"x" * (1 << 20))
    assert care(tmp_path, few, None) == ""
    assert len(rotated(tmp_path, "info")) == 1 and not current(tmp_path, "info").exists()
    assert care(tmp_path / "nowhere", few, None) == "", "nothing was written yet"
