"""Makes archives: one at a time, in a child process that is bounded and of the lowest priority."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from webconfig.archives.shelf import FOLDER, MOST_BYTES, Archive, archives, check_room, keep, sweep

log = logging.getLogger(__name__)

WITHIN_S = 180.0
MAKE = [sys.executable, "-m", "webconfig.make_archive"]
File = tuple[str, bytes]


class Busy(Exception):
    """One is being made."""


class CannotPack(Exception):
    """The child process could not do it; the text says why."""


class Maker:
    """Of one running web service."""

    def __init__(self) -> None:
        self.doing = ""
        """Name of what is being made; empty: nothing."""

    async def make(self, folder: Path, name: str, files: AsyncIterator[File], most_kept: int) -> Archive:
        """Pack `files` as `folder/archives/NAME`. Raises Busy, NoRoom, CannotPack, TimeoutError."""
        if self.doing:
            raise Busy(self.doing)
        self.doing = name
        try:
            (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
            await asyncio.to_thread(sweep, folder)
            check_room(folder)
            async with asyncio.timeout(WITHIN_S):
                await _pack(folder / FOLDER / name, files)
            await asyncio.to_thread(keep, folder, most_kept)
            return next(each for each in archives(folder) if each.name == name)
        finally:
            self.doing = ""


async def _pack(target: Path, files: AsyncIterator[File]) -> None:
    process = await asyncio.create_subprocess_exec(
        *MAKE, str(target), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stderr is not None
    try:
        size = 0
        with suppress(ConnectionError):
            async for name, content in files:
                room = MOST_BYTES - size
                if len(content) > room:
                    name, content = "cut_off.txt", f"{name} and what follows was too large\n".encode()
                process.stdin.write(json.dumps({"name": name, "size": len(content)}).encode() + b"\n" + content)
                await process.stdin.drain()
                size += len(content)
                if name == "cut_off.txt":
                    break
        process.stdin.close()
        said = (await process.stderr.read(4000)).decode("utf-8", "replace").strip()
        if await process.wait():
            raise CannotPack(said or "the archive could not be made")
        log.info("archive %s: made, %d bytes before packing", target.name, size)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def today() -> str:
    return datetime.now().astimezone().date().isoformat()
