"""Makes archives: one at a time, in a child process that is bounded and of the lowest priority."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from chargepoint.messages import KeptArchive
from diag.archives.members import MOST_BYTES, Head, LogPart, Members, Text
from diag.archives.shelf import FOLDER, archives, check_room, keep, sweep

log = logging.getLogger(__name__)

WITHIN_S = 180.0
MAKE = [sys.executable, "-P", "-m", "diag.make_archive"]


class Busy(Exception):
    """One is being made."""


class CannotPack(Exception):
    """The child process could not do it; the text says why."""


class Maker:
    """Of one running service."""

    def __init__(self) -> None:
        self.doing = ""
        """Name of what is being made; empty: nothing."""

    async def make(self, folder: Path, name: str, members: Members, most_kept: int) -> KeptArchive:
        """Pack `members` as `folder/archives/NAME`. Raises Busy, NoRoom, CannotPack, TimeoutError, OSError."""
        if self.doing:
            raise Busy(self.doing)
        self.doing = name
        try:
            (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
            await asyncio.to_thread(sweep, folder)
            check_room(folder)
            async with asyncio.timeout(WITHIN_S):
                await _pack(folder / FOLDER / name, members)
            await asyncio.to_thread(keep, folder, most_kept)
            return next(each for each in archives(folder) if each.name == name)
        finally:
            self.doing = ""


async def _pack(target: Path, members: Members) -> None:
    process = await asyncio.create_subprocess_exec(
        *MAKE, str(target), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stderr is not None
    try:
        size = 0
        with suppress(ConnectionError):
            async for member in members:
                if isinstance(member, LogPart):
                    process.stdin.write(_line(Head(member.name, part=member)))
                    await process.stdin.drain()
                    continue
                if len(member.content) > MOST_BYTES - size:
                    member = Text("cut_off.txt", f"{member.name} and what follows was too large\n".encode())
                process.stdin.write(_line(Head(member.name, len(member.content))) + member.content)
                await process.stdin.drain()
                size += len(member.content)
                if member.name == "cut_off.txt":
                    break
        process.stdin.close()
        said = (await process.stderr.read(4000)).decode("utf-8", "replace").strip()
        if await process.wait():
            raise CannotPack(said or "the archive could not be made")
        log.info("archive %s: made, %d bytes of texts before packing", target.name, size)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _line(head: Head) -> bytes:
    return msgspec.json.encode(head) + b"\n"
