"""Tables as files, written while they are read: csv here, xlsx by `python -m webconfig.export`."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from webconfig.answers import Answer, Download, Problem
from webconfig.ask import Ask
from webconfig.sessions.columns import Cell
from webconfig.spreadsheet import BOM, csv_lines

EXPORT = [sys.executable, "-P", "-m", "webconfig.export"]
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_WAIT_S = 20.0
WITHIN_S = 600.0
CHUNK_BYTES = 64 << 10
Pages = AsyncIterator[Sequence[Sequence[Cell]]]


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class FormatQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`separator` and `bom` are of csv: what spreadsheets of this language expect."""

    format: Format = Format.JSON
    separator: Annotated[str, Meta(pattern="^(comma|semicolon)$")] = "comma"
    bom: bool = False


class Writing:
    """One spreadsheet at a time: the next one waits, not for long."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()


def exported(ask: Ask, name: str, head: Sequence[str], pages: Pages, query: FormatQuery) -> Answer:
    """The download in the format asked for. `name` without its ending."""
    if query.format is Format.XLSX:
        return Download(f"{name}.xlsx", XLSX_TYPE, xlsx(ask, head, pages))
    separator = ";" if query.separator == "semicolon" else ","
    return Download(f"{name}.csv", CSV_TYPE, csv(head, pages, separator, query.bom))


async def csv(head: Sequence[str], pages: Pages, separator: str, has_bom: bool) -> AsyncIterator[bytes]:
    """A table as csv, a piece for each page."""
    yield (BOM if has_bom else b"") + csv_lines([head], separator)
    async for rows in pages:
        yield csv_lines(rows, separator)


async def xlsx(ask: Ask, head: Sequence[str], pages: Pages) -> AsyncIterator[bytes]:
    """A table as a workbook: written to a file in the service's folder by another process, sent, removed.

    Raises Problem 503 when another one is written just now, 502 when it fails.
    """
    lock = ask.site.parts.setdefault(Writing, Writing()).lock
    try:
        async with asyncio.timeout(MOST_WAIT_S):
            await lock.acquire()
    except TimeoutError:
        raise Problem(503, "busy", ask.text("sessions.export_busy"), headers={"Retry-After": "30"}) from None
    folder = ask.site.context.data / "export"
    path = folder / "table.xlsx"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(folder)
        try:
            async with asyncio.timeout(WITHIN_S):
                await _written(path, head, pages)
        except (TimeoutError, OSError) as error:
            raise Problem(502, "failed", ask.text("sessions.export_failed", why=str(error))) from None
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
    finally:
        _clear(folder)
        lock.release()


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            leftover.unlink()


async def _written(path: Path, head: Sequence[str], pages: Pages) -> None:
    """Raises OSError with what the writer says when it fails."""
    environment = {**os.environ, "TMPDIR": str(path.parent)}
    process = await asyncio.create_subprocess_exec(
        *EXPORT, str(path), stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env=environment
    )
    assert process.stdin is not None and process.stderr is not None
    telling = asyncio.create_task(process.stderr.read(4000), name="export")
    try:
        with suppress(ConnectionError):  # it ended: what it said is told below
            process.stdin.write(msgspec.json.encode(head) + b"\n")
            async for rows in pages:
                process.stdin.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
                await process.stdin.drain()
            process.stdin.close()
            await process.stdin.wait_closed()
        if await process.wait():
            raise OSError((await telling).decode("utf-8", "replace").strip()[-300:] or "no reason told")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
