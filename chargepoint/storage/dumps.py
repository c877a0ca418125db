"""Dumps kept with their sessions: compressed files, bounded for each session and in all.

A session has at most three files: the first 512 KiB of its dump, and of what comes later the last 256 to 512 KiB; how
it began and how it ended say more than what was between. Each file is a row of segments, each with its own check sum:
what a power cut left of the last one is cut off. Nothing is synced: a dump is not worth the wear, and the last seconds
of one may be lost. All functions do input and output; call them in a thread.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 256 * 1024
ALL_BYTES = 64 * 1024 * 1024
MOST_SESSIONS = 200
MOST_SEGMENT_LINES = 1000
_MAGIC = b"DMP1"
_HEAD = struct.Struct(">4sIIII")
"""Magic, number of the first line, lines, frames lost so far, compressed bytes; then CRC-32 of these and the bytes."""
_CHECK = struct.Struct(">I")
_PARTS = ("head", "old", "new")


class Segment(msgspec.Struct, frozen=True):
    """Where some lines of a dump are. `lost`: frames that never came, up to its end."""

    path: Path
    offset: int
    size: int
    first: int
    lines: int
    lost: int

    def read(self) -> list[str]:
        """Its lines. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            packed = file.read(self.size)
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(packed, 1024 * MOST_SEGMENT_LINES)
        except zlib.error as error:  # it was whole a moment ago
            raise OSError(f"{self.path}: {error}") from None
        return text.decode("utf-8", "replace").split("\n")[: self.lines]


class Page(msgspec.Struct, frozen=True):
    """Lines of a dump; `total` is how many are kept, `lost` how many frames never came."""

    lines: tuple[str, ...]
    total: int
    lost: int = 0


class DumpFiles:
    """The dumps in `folder`, which is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: dict[int, tuple[int, int]] = {}
        self._torn: set[int] = set()
        self._lock = threading.Lock()

    def has(self, session_id: int) -> bool:
        """Whether anything is kept of this session."""
        return any(self._path(session_id, part).is_file() for part in _PARTS)

    def append(self, session_id: int, lines: Sequence[str], lost: int) -> None:
        """Keep these lines behind those that are there; `lost` frames were lost since the last call. Raises OSError."""
        with self._lock:
            for at in range(0, max(len(lines), 1), MOST_SEGMENT_LINES):
                piece = [line.replace("\n", " ") for line in lines[at : at + MOST_SEGMENT_LINES]]
                self._append(session_id, piece, lost if at == 0 else 0)

    def _append(self, session_id: int, piece: Sequence[str], lost: int) -> None:
        """One segment. Lines that the disk did not take are counted as not kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if session_id not in self._ends or session_id in self._torn:
            self._cut_off_torn(session_id)
            self._ends.setdefault(session_id, _end(list(self._segments(session_id))))
            self._torn.discard(session_id)
        first, lost_before = self._ends[session_id]
        self._ends[session_id] = first + len(piece), lost_before + lost
        packed = zlib.compress("\n".join(piece).encode("utf-8", "replace"), 6)
        head = _HEAD.pack(_MAGIC, first, len(piece), (lost_before + lost) & 0xFFFF_FFFF, len(packed))
        head += _CHECK.pack(zlib.crc32(head + packed))
        try:
            with self._file_for(session_id, len(head) + len(packed)).open("ab") as file:
                file.write(head + packed)
        except OSError:
            self._torn.add(session_id)  # a part of it may be there, and would hide all behind it
            raise

    def finish(self, session_id: int) -> None:
        """Nothing more comes for this session."""
        self._ends.pop(session_id, None)
        self._torn.discard(session_id)

    def page(self, session_id: int, after: int, limit: int) -> Page:
        """Lines from `after` on. Where lines were not kept, one line says how many. Raises OSError."""
        with self._lock:
            return self._page(session_id, after, limit)

    def _page(self, session_id: int, after: int, limit: int) -> Page:
        found: list[str] = []
        place = expected = lost = 0
        for segment in self._segments(session_id):
            if segment.first > expected:
                if after <= place < after + limit:
                    found.append(f"{'':10}  … {segment.first - expected} lines were not kept …")
                place += 1
            if place < after + limit and after < place + segment.lines:
                lines = segment.read()
                found += lines[max(0, after - place) : after + limit - place]
            place += segment.lines
            expected, lost = segment.first + segment.lines, segment.lost
        return Page(tuple(found[:limit]), place, lost)

    def prune(self, running: Iterable[int] = ()) -> None:
        """Delete the oldest sessions' dumps until all bounds hold; `running` are kept. Raises OSError."""
        sizes: dict[int, int] = {}
        if not self._folder.is_dir():
            return
        for path in self._folder.glob("*.dump"):
            number = path.name.partition("-")[0]
            if number.isdigit():
                sizes[int(number)] = sizes.get(int(number), 0) + path.stat().st_size
        kept = set(running)
        for session_id in sorted(sizes):
            if len(sizes) <= MOST_SESSIONS and sum(sizes.values()) <= ALL_BYTES:
                return
            if session_id not in kept:
                for part in _PARTS:
                    self._path(session_id, part).unlink(missing_ok=True)
                del sizes[session_id]

    def _path(self, session_id: int, part: str) -> Path:
        return self._folder / f"{session_id:08}-{part}.dump"

    def _file_for(self, session_id: int, size: int) -> Path:
        """The file that takes `size` bytes more; the older half of the end goes when the newer one is full."""
        head, old, new = (self._path(session_id, part) for part in _PARTS)
        if not new.exists() and (not head.exists() or head.stat().st_size + size <= HEAD_BYTES):
            return head
        if new.exists() and new.stat().st_size + size > TAIL_BYTES:
            new.replace(old)
        return new

    def _segments(self, session_id: int) -> Iterator[Segment]:
        for part in _PARTS:
            yield from _segments_of(self._path(session_id, part))

    def _cut_off_torn(self, session_id: int) -> None:
        for part in _PARTS:
            path = self._path(session_id, part)
            if path.exists():
                good = max((each.offset + each.size for each in _segments_of(path)), default=0)
                if good < path.stat().st_size:
                    with path.open("r+b") as file:
                        file.truncate(good)


def _segments_of(path: Path) -> Iterator[Segment]:
    """Up to the first that is not whole."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while True:
            head, check = file.read(_HEAD.size), file.read(_CHECK.size)
            if len(check) < _CHECK.size:
                return
            magic, first, lines, lost, size = _HEAD.unpack(head)
            offset = file.tell()
            if magic != _MAGIC or size > HEAD_BYTES + TAIL_BYTES or lines > MOST_SEGMENT_LINES:
                return
            packed = file.read(size)
            if len(packed) < size or _CHECK.pack(zlib.crc32(head + packed)) != check:
                return
            yield Segment(path, offset, size, first, lines, lost)


def _end(segments: list[Segment]) -> tuple[int, int]:
    """Number of the next line, and frames lost so far."""
    return (segments[-1].first + segments[-1].lines, segments[-1].lost) if segments else (0, 0)
