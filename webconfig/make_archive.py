"""`python -m webconfig.make_archive FILE`: files from standard input into a zip, in a process of its own.

Standard input: for each file a line of JSON `{"name": NAME, "size": BYTES}` and then its bytes; the end of input ends
the zip. Bounded: at most MOST_BYTES in, and never more memory than one block. The process is of the lowest priority.
"""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

from webconfig.archives.shelf import MOST_BYTES

BLOCK = 64 << 10
ENTRY = re.compile(r"[A-Za-z0-9._-]{1,100}")


def pack(source: BinaryIO, target: Path) -> int:
    """Write `target` whole or not at all; how many files are in it. Raises ValueError for input that cannot be."""
    part = target.with_suffix(".part")
    count = size = 0
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            while line := source.readline(4096):
                head = json.loads(line)
                name, left = str(head["name"]), int(head["size"])
                if not ENTRY.fullmatch(name) or left < 0 or size + left > MOST_BYTES:
                    raise ValueError(f"{name[:40]!r} cannot be packed")
                with archive.open(name, "w") as entry:
                    while left:
                        block = source.read(min(BLOCK, left))
                        if not block:
                            raise ValueError("the input ended early")
                        entry.write(block)
                        left -= len(block)
                        size += len(block)
                count += 1
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def main() -> int:
    os.nice(19)
    os.umask(0o077)
    try:
        pack(sys.stdin.buffer, Path(sys.argv[1]))
    except (ValueError, KeyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
