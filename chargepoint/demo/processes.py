"""Child processes of the demo: each the leader of a group of its own, so that nothing of it stays behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

READY_LIMIT_S = 20.0
AT_ONCE_S = 0.3
TAIL_BYTES = 4_000
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Broken(Exception):
    """A process of the demo did not come up, or died; the text says what it said last."""


class Child:
    """One process and its group. Its standard error goes to a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @classmethod
    async def start(cls, name: str, module: str, arguments: Sequence[str], log: Path, says_address: bool) -> Child:
        """Start `python -m module arguments`. Standard output goes to the log, too, unless it `says_address`."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if says_address else errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        return cls(name, process, log)

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def address(self) -> dict[str, Any]:
        """The line of JSON in which it says where it is. Raises Broken."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(READY_LIMIT_S):
                line = await self.process.stdout.readline()
            return msgspec.json.decode(line, type=dict[str, Any])
        except (TimeoutError, msgspec.DecodeError, ValueError) as error:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.process.wait()
            raise Broken(f"{self.name} did not come up ({type(error).__name__}):\n{self.last_words()}") from None

    async def end(self, limit_s: float) -> int | None:
        """Ask it to end in order, after `limit_s` at once; then its whole group ends. Its exit status."""
        for seconds in (limit_s, AT_ONCE_S):
            if not self.is_running:
                break
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return await self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""


def _end_with_parent() -> None:
    """In the child: be asked to end when the demo itself dies."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
