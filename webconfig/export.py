"""`python -m webconfig.export FILE`: a workbook from lines of JSON at its input, the first one its head.

A process of its own: the library for it takes memory that serving pages does not need. Rows go through to the file as
they come; texts are written as texts, never as formulas or links.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

MOST_BYTES = 128 << 20
"""Of the file and of each of its parts while it is made."""
MOST_MEMORY_BYTES = 400 << 20
MOST_ROWS = 1_000_000
"""A sheet has 1,048,576."""
MOST_CELL = 32_000
WIDEST = 40


def write(path: Path, lines: Iterable[bytes]) -> int:
    """The number of rows written, without the head. Raises OSError, msgspec.DecodeError."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False, "tmpdir": str(path.parent)}  # fmt: skip
    count = -1
    with Workbook(str(path), options) as workbook:
        sheet = workbook.add_worksheet()
        bold = workbook.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for count, line in enumerate(lines):
            row: list[Any] = msgspec.json.decode(line)
            if count == 0:
                for column, name in enumerate(row):
                    sheet.set_column(column, column, min(max(len(str(name)) + 2, 10), WIDEST))
            if count > MOST_ROWS:
                break
            for column, cell in enumerate(row):
                if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell):
                    sheet.write_number(count, column, cell)
                elif cell is not None and cell != "":
                    sheet.write_string(count, column, str(cell)[:MOST_CELL], bold if count == 0 else None)
    return count


def main() -> int:
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    try:
        write(Path(sys.argv[1]), sys.stdin.buffer)
    except (OSError, MemoryError, msgspec.DecodeError) as error:
        print(f"the workbook could not be written: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
