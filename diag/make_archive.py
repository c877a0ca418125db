"""`python -m diag.make_archive FILE`: members from standard input into a zip, in a process of its own.

Standard input: for each member a line of JSON (`Head`) and, for a text, its bytes; the end of input ends the zip. Log
files are read here, line by line. Bounded: at most MOST_BYTES in, and never more memory than one block; the process is
of the lowest priority. A log file that cannot be read is told in its place.
"""

from __future__ import annotations

import gzip
import os
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from chargepoint.log_files import LONGEST_BYTES, time_of
from chargepoint.masking import Known, without_cards, without_secrets
from diag.archives.members import MOST_BYTES, Head, LogPart

BLOCK = 64 << 10
HEAD_BYTES = 128 << 10
MEMORY_BYTES = 128 << 20
ENTRY = re.compile(r"[A-Za-z0-9._-]{1,100}")


class Full(Exception):
    """Nothing more goes in."""


def pack(source: BinaryIO, target: Path) -> int:
    """Write `target` whole or not at all; how many members it has. Raises ValueError for input that cannot be."""
    part = target.with_suffix(".part")
    count = 0
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            while line := source.readline(HEAD_BYTES):
                head = _head(line)
                if head.part is not None:
                    left -= _pack_log(archive, head.part, left)
                elif not 0 <= head.size <= left:
                    raise ValueError(f"{head.name[:40]!r} cannot be packed: {head.size} bytes")
                else:
                    _pack_text(archive, head, source)
                    left -= head.size
                count += 1
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def _head(line: bytes) -> Head:
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError as error:
        raise ValueError(f"no head of a member: {error}") from None
    for name in (head.name, head.part.name if head.part is not None else head.name):
        if not ENTRY.fullmatch(name):
            raise ValueError(f"{name[:40]!r} cannot be packed")
    return head


def _pack_text(archive: zipfile.ZipFile, head: Head, source: BinaryIO) -> None:
    left = head.size
    with archive.open(head.name, "w") as entry:
        while left:
            block = source.read(min(BLOCK, left))
            if not block:
                raise ValueError("the input ended early")
            entry.write(block)
            left -= len(block)


def _pack_log(archive: zipfile.ZipFile, part: LogPart, room: int) -> int:
    """Copy what is wished of a log file; how many bytes that was."""
    size = 0
    fault = ""
    try:
        with _opened(part.path) as file, archive.open(part.name, "w") as entry:
            for line in _lines(file, part):
                if size + len(line) > room - BLOCK:
                    fault = "there was no more room in the archive: what follows is left out"
                    break
                entry.write(line)
                size += len(line)
    except (OSError, EOFError, ValueError) as error:
        fault = f"it cannot be read: {error}"
    if fault:
        archive.writestr(f"{part.name}_not_whole.txt", f"{part.name}: {fault}\n")
    return size


def _opened(path: str) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(path, "rb")) if path.endswith(".gz") else Path(path).open("rb")


def _lines(file: BinaryIO, part: LogPart) -> Iterator[bytes]:
    """Lines within the time; those without a time belong to the one before."""
    known = Known(part.cards)
    is_in = part.since is None
    while raw := file.readline(LONGEST_BYTES * 2):
        line = raw.decode("utf-8", "replace")
        at = time_of(line)
        if at is not None:
            is_in = (part.since is None or at >= part.since) and (part.until is None or at < part.until)
        if is_in:
            yield hidden(line, known, shows_cards=part.shows_cards).encode()


def hidden(line: str, known: Known, *, shows_cards: bool) -> str:
    """A line without secrets, and with the ends of card numbers only."""
    stamp = 29 if time_of(line) is not None else 0
    told = without_secrets(line[stamp:])
    if not shows_cards:
        told = without_cards(known.hidden(told))
    return line[:stamp] + told


def main() -> int:
    os.nice(max(0, 19 - os.nice(0)))
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        pack(sys.stdin.buffer, Path(sys.argv[1]))
    except (ValueError, KeyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
