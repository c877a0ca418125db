"""A SQLite file read page by page, without SQLite: what is left when SQLite itself refuses the file.

Source: the SQLite documentation, "Database File Format" (sections 1.2-1.6 and 2) and "WAL-mode File Format".
Nothing here writes. A page comes from the write-ahead log if that holds a sound newer copy, else from the file.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"SQLite format 3\x00"
WAL_MAGICS = (0x377F0682, 0x377F0683)  # sums over little-endian, big-endian words
WAL_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
PAGE_BYTES = 4096  # ours never have another size, whatever a damaged header says
MOST_PAYLOAD_BYTES = 16_000_000
"""A cell that claims more than this is damaged."""

MOST_PAGES = 1 << 22

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 0x02, 0x05, 0x0A, 0x0D

Value = int | float | str | bytes | None
Record = tuple[int, list[Value]]
"""Rowid (0 in an index) and the columns as stored."""


@dataclass
class Wal:
    """A write-ahead log: where the newest sound copy of each page stands, and whether something is wrong inside."""

    offsets: dict[int, int] = field(default_factory=dict)
    damage: str = ""
    is_cut: bool = False
    """The last transaction was being written when the power went: normal, and nothing that was reported saved."""


def _sums(words: memoryview, first: int, second: int) -> tuple[int, int]:
    pairs = iter(words)
    for left, right in zip(pairs, pairs, strict=True):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second


def _words(data: bytes, *, is_big: bool) -> memoryview:
    if not is_big:  # every machine this runs on is little-endian
        return memoryview(data).cast("I")
    return memoryview(struct.pack(f"<{len(data) // 4}I", *struct.unpack(f">{len(data) // 4}I", data))).cast("I")


def read_wal(path: Path) -> Wal:
    """Read and check a write-ahead log; a missing or empty one is an empty one.

    SQLite stops at the first bad frame and silently drops what follows. Each transaction is synced before the next one
    begins, so a power cut can leave at most one unfinished transaction; more than that behind a bad frame is damage.
    Frames behind the damage are still used when their sum continues that of the frame before them.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Wal()
    except OSError as error:
        return Wal(damage=f"the write-ahead log cannot be read ({error.strerror})")
    if not data.strip(b"\0"):
        return Wal()
    if len(data) < WAL_HEADER_BYTES:
        return Wal(damage="the write-ahead log has lost its beginning")
    magic, _version, _size, _number, salt_1, salt_2, sum_1, sum_2 = struct.unpack_from(">8I", data)
    is_big = magic == WAL_MAGICS[1]
    is_header_sound = magic in WAL_MAGICS and (sum_1, sum_2) == _sums(_words(data[:24], is_big=is_big), 0, 0)
    wal = Wal()
    if not is_header_sound:
        is_big, (salt_1, salt_2) = False, _salts(data)
        wal.damage = "the header of the write-ahead log is damaged"
    step = FRAME_HEADER_BYTES + PAGE_BYTES
    sums: tuple[int, int] | None = (sum_1, sum_2) if is_header_sound else None
    pending: dict[int, int] = {}
    before_bad: dict[int, int] = {}
    bad_frames = commits_behind = 0
    for offset in range(WAL_HEADER_BYTES, len(data) - step + 1, step):
        number, commit, own_1, own_2, stored_1, stored_2 = struct.unpack_from(">6I", data, offset)
        if not bad_frames:
            before_bad = wal.offsets
        if (own_1, own_2) != (salt_1, salt_2):
            # left over from before the log began anew; or, if more frames of ours follow, damaged
            bad_frames += 1
            sums = None
            continue
        if bad_frames and commit:
            commits_behind += 1
        body = data[offset : offset + 8] + data[offset + FRAME_HEADER_BYTES : offset + step]
        is_sound = sums is None or _sums(_words(body, is_big=is_big), *sums) == (stored_1, stored_2)
        if not is_sound or not 0 < number <= MOST_PAGES:
            bad_frames += 1
            if commit and bad_frames == 1:
                commits_behind += 1
        else:
            pending[number] = offset + FRAME_HEADER_BYTES
        sums = (stored_1, stored_2)
        if commit:
            wal.offsets = wal.offsets | pending
            pending.clear()
    if is_header_sound and commits_behind == 1:
        wal.is_cut, wal.offsets = True, before_bad
    elif commits_behind > 1:
        wal.damage = wal.damage or "the write-ahead log is damaged in the middle"
    return wal


def _salts(data: bytes) -> tuple[int, int]:
    """The salts of a log without header: what most of its first frames say."""
    first_frames = range(WAL_HEADER_BYTES, len(data) - FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + PAGE_BYTES)[:5]
    said = Counter(struct.unpack_from(">2I", data, offset + 8) for offset in first_frames)
    return said.most_common(1)[0][0] if said else (0, 0)


class Pages:
    """The pages of a database file and its log, as far as they can be read. Close it after use."""

    def __init__(self, path: Path, wal_path: Path) -> None:
        self.wal = read_wal(wal_path)
        self._file = _open(path)
        self._wal_file = _open(wal_path)
        self.unreadable: set[int] = set()
        self.bad_cells = 0
        in_file = 0 if self._file is None else -(-os.fstat(self._file).st_size // PAGE_BYTES)
        self.count = max(in_file, *self.wal.offsets, 0)
        self.numbers = sorted({*range(1, in_file + 1), *self.wal.offsets})

    def close(self) -> None:
        for descriptor in (self._file, self._wal_file):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._wal_file = None

    def page(self, number: int) -> bytes | None:
        """Page `number` (from 1), or None if it cannot be read or is all zero."""
        if not 1 <= number <= self.count:
            return None
        if number in self.wal.offsets:
            data = self._pread(self._wal_file, self.wal.offsets[number], PAGE_BYTES)
        else:
            data = self._pread(self._file, (number - 1) * PAGE_BYTES, PAGE_BYTES)
        if data is None or len(data) < PAGE_BYTES or not data.strip(b"\0"):
            self.unreadable.add(number)
            return None
        return data

    @staticmethod
    def _pread(descriptor: int | None, offset: int, size: int) -> bytes | None:
        if descriptor is None:
            return None
        try:
            return os.pread(descriptor, size, offset)
        except OSError:
            return None

    @property
    def header(self) -> bytes:
        """The first 100 bytes; empty when they are not those of a SQLite file."""
        first = self.page(1)
        return first[:100] if first is not None and first.startswith(MAGIC) else b""

    @property
    def user_version(self) -> int:
        """The version of the schema; 0 when it cannot be known."""
        header = self.header
        return int(struct.unpack_from(">I", header, 60)[0]) if header else 0

    @property
    def is_format_known(self) -> bool:
        """Whether the header lets SQLite read and write: format versions 1 or 2, our page size, nothing reserved."""
        header = self.header
        return bool(header) and header[16:18] == b"\x10\x00" and {header[18], header[19]} <= {1, 2} and not header[20]

    def free_pages(self) -> set[int]:
        """Pages that hold nothing any more, as far as their list can be followed."""
        free: set[int] = set()
        header = self.header
        trunk = struct.unpack_from(">I", header, 32)[0] if header else 0
        while 1 < trunk <= self.count and trunk not in free:
            free.add(trunk)
            page = self.page(trunk)
            if page is None:
                break
            following, leaves = struct.unpack_from(">2I", page)
            leaves = min(leaves, PAGE_BYTES // 4 - 2)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = following
        return free

    def tree(self, root: int, visited: set[int]) -> Iterator[Record]:
        """All records under page `root`, in order; what is damaged is left out. Adds the pages met to `visited`."""
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in visited:
                continue
            visited.add(number)
            page = self.page(number)
            if page is None:
                continue
            start = 100 if number == 1 else 0
            kind = page[start]
            if kind in (TABLE_INTERIOR, INDEX_INTERIOR):
                waiting.extend(reversed(list(self._children(page, start))))
            if kind in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
                yield from self.records(number)
            elif kind != TABLE_INTERIOR:
                self.unreadable.add(number)

    def is_table_leaf(self, number: int) -> bool:
        page = self.page(number)
        return page is not None and number > 1 and page[0] == TABLE_LEAF

    def _cells(self, page: bytes, start: int) -> Iterator[int]:
        header = 12 if page[start] in (TABLE_INTERIOR, INDEX_INTERIOR) else 8
        count = min(struct.unpack_from(">H", page, start + 3)[0], (PAGE_BYTES - start - header) // 2)
        yield from struct.unpack_from(f">{count}H", page, start + header)

    def _children(self, page: bytes, start: int) -> Iterator[int]:
        for offset in self._cells(page, start):
            if offset + 4 <= PAGE_BYTES:
                yield struct.unpack_from(">I", page, offset)[0]
        yield struct.unpack_from(">I", page, start + 8)[0]

    def records(self, number: int) -> Iterator[Record]:
        """The records of one leaf page (or of one interior page of an index)."""
        page = self.page(number)
        if page is None:
            return
        start = 100 if number == 1 else 0
        for offset in self._cells(page, start):
            try:
                yield self._record(page, page[start], offset)
            except (IndexError, ValueError, struct.error):
                self.bad_cells += 1

    def _record(self, page: bytes, kind: int, offset: int) -> Record:
        if kind == INDEX_INTERIOR:
            offset += 4
        size, offset = _varint(page, offset)
        if size > MOST_PAYLOAD_BYTES:
            raise ValueError("the payload cannot be that long")
        rowid = 0
        if kind == TABLE_LEAF:
            rowid, offset = _varint(page, offset)
            rowid -= (rowid >> 63) << 64
        return rowid, _columns(self._payload(page, kind, offset, size))

    def _payload(self, page: bytes, kind: int, offset: int, size: int) -> bytes:
        most = PAGE_BYTES - 35 if kind == TABLE_LEAF else (PAGE_BYTES - 12) * 64 // 255 - 23
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        if size <= most:
            here = size
        else:
            here = least + (size - least) % (PAGE_BYTES - 4)
            here = here if here <= most else least
        if offset + here > PAGE_BYTES:
            raise ValueError("the cell ends behind its page")
        parts = [page[offset : offset + here]]
        missing = size - here
        following = struct.unpack_from(">I", page, offset + here)[0] if missing else 0
        for _ in range(self.count):
            if missing <= 0:
                break
            overflow = self.page(following)
            if overflow is None:
                raise ValueError("the rest of a long row is lost")
            parts.append(overflow[4 : 4 + min(missing, PAGE_BYTES - 4)])
            missing -= len(parts[-1])
            following = struct.unpack_from(">I", overflow)[0]
        if missing > 0:
            raise ValueError("the rest of a long row goes in circles")
        return b"".join(parts)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for index in itertools.count():
        byte = data[offset + index]
        if index == 8:
            return (value << 8) | byte, offset + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, offset + index + 1
    raise AssertionError


_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _columns(payload: bytes) -> list[Value]:
    header_size, offset = _varint(payload, 0)
    if header_size > len(payload):
        raise ValueError("the header of a row is longer than the row")
    at = header_size
    values: list[Value] = []
    while offset < header_size:
        kind, offset = _varint(payload, offset)
        value, size = _column(payload, at, kind)
        at += size
        if at > len(payload):
            raise ValueError("a column ends behind its row")
        values.append(value)
    return values


def _column(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind in _INTEGER_BYTES:
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(payload[at : at + size], "big", signed=True), size
    if kind == 0:
        return None, 0
    if kind in (8, 9):
        return kind - 8, 0
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], 8
    if kind in (10, 11):
        raise ValueError("no such kind of column")
    size = (kind - 12) // 2
    data = payload[at : at + size]
    return (data if kind % 2 == 0 else data.decode("utf-8", "replace")), size
