"""Heavy or doubtful work in a process of its own: bounded, niced, one at a time (webconfig.md 12)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

MOST_BYTES = 4 << 20


class ChildFailed(Exception):
    """It did not answer as it should. The text says how, for the log."""


class Children:
    """At most one child at a time; the others wait."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, module: str, arguments: tuple[str, ...], given: bytes, folder: Path, within_s: float) -> bytes:
        """What `python -m module arguments` writes when it reads `given`. Raises ChildFailed."""
        async with self._turn:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=folder,
                env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            )
            try:
                async with asyncio.timeout(within_s):
                    out = await self._talk(child, given)
                    code = await child.wait()
            except TimeoutError:
                raise ChildFailed(f"{module} did not end within {within_s:g} s") from None
            finally:
                if child.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        child.kill()
                    await child.wait()
            if code != 0:
                raise ChildFailed(f"{module} ended with {code}")
            return out

    async def _talk(self, child: asyncio.subprocess.Process, given: bytes) -> bytes:
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            child.stdin.write(given)
            await child.stdin.drain()
        child.stdin.close()
        found = bytearray()
        while chunk := await child.stdout.read(65536):
            found += chunk
            if len(found) > MOST_BYTES:
                raise ChildFailed("it says too much")
        return bytes(found)
