"""Dumps in their files: bounds, pages, and what a power cut leaves."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chargepoint.storage import dumps
from chargepoint.storage.dumps import DumpFiles


def lines(first: int, count: int, noise: random.Random | None = None) -> list[str]:
    return [f"line {at} {noise.randbytes(60).hex() if noise else ''}" for at in range(first, first + count)]


def test_lines_come_back_page_by_page_in_order(tmp_path: Path) -> None:
    files = DumpFiles(tmp_path / "dumps")
    for at in range(0, 3000, 300):
        files.append(7, lines(at, 300), 2)
    assert files.has(7) and not files.has(8)
    found: list[str] = []
    while True:
        page = files.page(7, len(found), 77)
        found += page.lines
        if len(found) == page.total:
            break
    assert found == lines(0, 3000)
    assert (page.total, page.lost) == (3000, 20)
    assert files.page(8, 0, 10) == dumps.Page((), 0)
    assert files.page(7, 5000, 10).lines == ()


def test_another_start_goes_on_behind_the_last_line(tmp_path: Path) -> None:
    DumpFiles(tmp_path).append(7, lines(0, 10), 1)
    files = DumpFiles(tmp_path)
    files.append(7, lines(10, 10), 1)
    assert files.page(7, 0, 100) == dumps.Page(tuple(lines(0, 20)), 20, 2)


@pytest.mark.parametrize("left", [0, 1, 10, 40, 60])
def test_what_a_power_cut_left_of_the_last_segment_is_cut_off(tmp_path: Path, left: int) -> None:
    files = DumpFiles(tmp_path)
    files.append(7, lines(0, 10), 0)
    (path,) = tmp_path.iterdir()
    whole = path.stat().st_size
    files.append(7, lines(10, 10), 0)
    content = path.read_bytes()
    path.write_bytes(content[: whole + left])
    assert DumpFiles(tmp_path).page(7, 0, 100).total == 10
    files = DumpFiles(tmp_path)
    files.append(7, ["after"], 0)
    assert files.page(7, 0, 100).lines == (*lines(0, 10), "after")


@pytest.mark.parametrize("at", [0, 4, 12, 20, 30])
def test_damaged_bytes_end_a_dump_and_raise_nothing(tmp_path: Path, at: int) -> None:
    files = DumpFiles(tmp_path)
    files.append(7, lines(0, 10), 0)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))
    assert files.page(7, 0, 100) == dumps.Page((), 0)


def test_a_long_dump_keeps_its_begin_and_its_end(tmp_path: Path) -> None:
    files, noise = DumpFiles(tmp_path), random.Random(1)
    all_lines: list[str] = []
    for at in range(0, 30_000, 500):
        more = lines(at, 500, noise)
        all_lines += more
        files.append(7, more, 0)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size <= dumps.HEAD_BYTES + 2 * dumps.TAIL_BYTES
    found: list[str] = []
    while len(found) < (page := files.page(7, len(found), 500)).total:
        found += page.lines
    (gap,) = (at for at, line in enumerate(found) if "were not kept" in line)
    after = len(found) - gap - 1
    assert found[:gap] == all_lines[:gap] and found[gap + 1 :] == all_lines[-after:]
    assert f"{len(all_lines) - gap - after} lines" in found[gap]
    assert gap > 3000 and after > 1500


def test_the_oldest_sessions_go_first_and_running_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "MOST_SESSIONS", 3)
    files = DumpFiles(tmp_path)
    for session_id in range(1, 7):
        files.append(session_id, ["x"], 0)
    files.prune(running=(1,))
    assert [session_id for session_id in range(1, 7) if files.has(session_id)] == [1, 5, 6]
    monkeypatch.setattr(dumps, "ALL_BYTES", 1)
    files.prune(running=(6,))
    assert [session_id for session_id in range(1, 7) if files.has(session_id)] == [6]
    DumpFiles(tmp_path / "none").prune()


def test_what_a_full_disk_left_of_a_segment_does_not_hide_what_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = DumpFiles(tmp_path)
    files.append(7, lines(0, 10), 1)
    (path,) = tmp_path.iterdir()
    real = Path.open

    class Full:
        """Takes a few bytes, then no more."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: object) -> None:
            self._file.close()

        def write(self, data: bytes) -> int:
            self._file.write(data[:20])
            raise OSError(28, "No space left on device")

    def opened(self: Path, mode: str = "r") -> Any:
        return Full(real(self, mode)) if mode == "ab" else real(self, mode)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(OSError, match="No space"):
            files.append(7, lines(10, 5), 2)
    assert path.read_bytes().count(b"DMP1") == 2
    files.append(7, ["after"], 0)
    page = files.page(7, 0, 100)
    assert page.lines[:10] == tuple(lines(0, 10)) and page.lines[-1] == "after"
    assert "5 lines were not kept" in page.lines[10] and page.lost == 3


def test_a_page_is_read_while_lines_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "HEAD_BYTES", 2000)
    monkeypatch.setattr(dumps, "TAIL_BYTES", 2000)
    files, noise = DumpFiles(tmp_path), random.Random(1)

    def add() -> None:
        for at in range(0, 600, 3):
            files.append(7, lines(at, 3, noise), 0)

    with ThreadPoolExecutor(2) as threads:
        adding = threads.submit(add)
        totals = []
        while not adding.done():
            page = files.page(7, 0, 10_000)
            totals.append(len(page.lines) - page.total)
        adding.result()
    assert not any(totals) and files.page(7, 0, 10_000).lines[-1].startswith("line 599 ")
