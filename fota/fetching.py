"""Files fetched and sent without blocking: each try in a child process (`fota/transfers`), ended with its task."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from fota.transfers.job import BROKEN, FETCH, LATE, SEND, STALLED, Job, Line, is_lasting

__all__ = ["Job", "OnProgress", "Outcome", "fetch", "forget", "send"]

CHILD = (sys.executable, "-P", "-m", "fota.transfers")
MARGIN_S = 15.0
"""So much later than the child itself its parent ends it."""
LONGEST_LINE = 16 << 10

OnProgress = Callable[[int, int], None]
"""Called with the bytes that are there and the size (0: not known yet)."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one try. `code` is a word of transfers/job.py, empty when it is `ok`; `text` the same for people.

    `bytes` are there, of which `moved_bytes` came with this try, within `seconds`. `name`: where it was put.
    """

    ok: bool
    code: str = ""
    text: str = ""
    bytes: int = 0
    size: int = 0
    moved_bytes: int = 0
    seconds: float = 0.0
    name: str = ""

    @property
    def is_lasting(self) -> bool:
        """Another try would most likely end the same."""
        return is_lasting(self.code)


def _ignore(_bytes: int, _size: int) -> None:
    pass


async def fetch(job: Job, on_progress: OnProgress = _ignore) -> Outcome:
    """One try to have `job.url` in `job.file`. Never raises for what goes wrong on the way; a try that was cut or
    cancelled is gone on with by the next of the same address and file. Cancelling ends the child."""
    return await _carried_out(msgspec.structs.replace(job, deed=FETCH), on_progress)


async def send(job: Job, on_progress: OnProgress = _ignore) -> Outcome:
    """One try to send `job.file` to `job.url`, as `job.name` where that is a folder. As `fetch`."""
    named = msgspec.structs.replace(job, deed=SEND, name=job.name or Path(job.file).name)
    return await _carried_out(named, on_progress)


def forget(file: Path) -> None:
    """Remove what tries at `file` have left (S30)."""
    for ending in (".part", ".part.json", ".part.json.new"):
        with contextlib.suppress(OSError):
            file.with_name(file.name + ending).unlink(missing_ok=True)


async def _carried_out(job: Job, on_progress: OnProgress) -> Outcome:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    child = await asyncio.create_subprocess_exec(
        *CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        limit=LONGEST_LINE,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    last = Line(status="progress")
    try:
        async with asyncio.timeout(job.deadline_s + MARGIN_S):
            last = await _heard(child, job, on_progress)
    except TimeoutError:
        last = Line(status="failed", code=LATE, text=f"it was not done within {job.deadline_s:g} s")
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return Outcome(
        ok=last.status == "done",
        code=last.code,
        text=last.text,
        bytes=last.bytes,
        size=last.size,
        moved_bytes=max(0, last.bytes - last.started_at),
        seconds=loop.time() - began_s,
        name=last.name,
    )


async def _heard(child: asyncio.subprocess.Process, job: Job, on_progress: OnProgress) -> Line:
    """The last line of the child."""
    assert child.stdin is not None and child.stdout is not None
    with contextlib.suppress(ConnectionError):
        child.stdin.write(msgspec.json.encode(job))
        await child.stdin.drain()
    child.stdin.close()
    last = Line(status="progress")
    silent_s = 2 * job.stall_s + job.connect_s + MARGIN_S
    while True:
        try:
            async with asyncio.timeout(silent_s):
                text = await child.stdout.readline()
        except TimeoutError:
            return _ended(last, STALLED, f"nothing moved in {silent_s:g} s")
        except ValueError:
            return _ended(last, BROKEN, "the child says too much")
        if not text:
            code = await child.wait()
            return _ended(last, BROKEN, f"the transfer ended with {code}")
        try:
            last = msgspec.json.decode(text, type=Line)
        except msgspec.DecodeError:
            return _ended(last, BROKEN, "the child cannot be understood")
        if last.status != "progress":
            return last
        on_progress(last.bytes, last.size)


def _ended(last: Line, code: str, text: str) -> Line:
    return msgspec.structs.replace(last, status="failed", code=code, text=text)
