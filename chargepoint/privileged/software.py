"""Versions of the software: a package unpacked into the slot that does not run, the one that runs kept or given up.

The package is verified anew by a process of its own (`fota.stage`), as root and from bytes that nobody else can change;
that it was verified before counts for nothing here (docs/updates.md).
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint import slots
from chargepoint.layout import Layout
from chargepoint.messages import ActionResult

STAGE_WITHIN_S = 1800.0
MAX_ANSWER_BYTES = 64 << 10
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class Staged(msgspec.Struct, frozen=True):
    """What `fota.stage` prints. `targets`: of controllers' firmware, as JSON of a list."""

    ok: bool
    code: str = ""
    text: str = ""
    slot: str = ""
    version: str = ""
    kind: str = ""
    seconds: float = 0.0
    bytes_written: int = 0
    targets: msgspec.Raw = msgspec.Raw(b"[]")


def refusal(file: Path) -> str:
    """Why this is no package file of the update service's folder; empty: it is one."""
    try:
        found = file.lstat()
    except OSError as error:
        return f"{file.name}: {error.strerror}"
    return "" if stat.S_ISREG(found.st_mode) else f"{file.name} is no plain file"


async def stage(file: Path, layout: Layout, serial: str, earliest: datetime) -> ActionResult:
    """Verify, decrypt and unpack `file`. `values`: slot, version, kind, seconds, bytes_written, targets."""
    why = refusal(file)
    if why:
        return ActionResult(ok=False, code="unknown", text=why)
    words = (
        sys.executable, "-I", "-m", "fota.stage", "--slots", str(layout.slots), "--factory", str(layout.factory),
        "--keys", str(layout.keys), *((f"--serial={serial}",) if serial else ()),
        "--earliest", earliest.isoformat(), str(file),
    )  # fmt: skip
    code, said, complaint = await run(words, STAGE_WITHIN_S)
    try:
        staged = msgspec.json.decode(said, type=Staged)
    except msgspec.DecodeError:
        return ActionResult(ok=False, code="failed", text=f"unpacking ended with {code}: {complaint or 'it is silent'}")
    values = {
        "slot": staged.slot,
        "version": staged.version,
        "kind": staged.kind,
        "seconds": f"{staged.seconds:.1f}",
        "bytes_written": str(staged.bytes_written),
        "targets": bytes(staged.targets).decode("utf-8"),
    }
    return ActionResult(
        ok=staged.ok, code="ok" if staged.ok else staged.code or "failed", text=staged.text, values=values
    )


async def run(words: tuple[str, ...], within_s: float) -> tuple[int, bytes, str]:
    """A program to its end, or to its time: exit code, what it said, what it complained of."""
    try:
        child = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return -1, b"", f"{words[0]}: {error.strerror}"
    assert child.stdout is not None and child.stderr is not None
    try:
        async with asyncio.timeout(within_s):
            said, complaint = await asyncio.gather(_some(child.stdout), _some(child.stderr))
            await child.wait()
    except TimeoutError:
        return -1, b"", f"it did not end within {within_s:g} s"
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    return child.returncode or 0, said, complaint[-300:].decode("utf-8", "replace").strip()


async def _some(stream: asyncio.StreamReader) -> bytes:
    """All that comes, of which the last part is kept."""
    said = b""
    while part := await stream.read(MAX_ANSWER_BYTES):
        said = (said + part)[-MAX_ANSWER_BYTES:]
    return said


def keep(layout: Layout) -> str:
    """The version that runs on trial stays. Empty, or why not."""
    try:
        slots.keep(layout.slots)
    except (slots.SlotsError, OSError, ValueError) as error:
        return _told(layout, error)
    return ""


def give_back(layout: Layout, reason: str) -> str:
    """The version before runs from the next start on, unless it is older than the floor (one on trial is always given
    up: R31 before S28). Asked once more before that start, it changes nothing. Empty, or why not."""
    try:
        state = slots.read(layout.slots)
        link, following = layout.slots / slots.LINK, slots.tree_of(layout.slots, layout.factory, state.current)
        if not state.trial and link.exists() and link.resolve() != following.resolve():
            return ""  # what runs is left already, and runs on until the restart
        floor = slots.read_floor(layout.slots)
        before = version_of(layout, state.previous or slots.FACTORY)
        if not state.trial and floor and slots.numbers(before) < slots.numbers(floor):
            return f"Version {before} is older than {floor}, the oldest that may run here."
        slots.back(layout.slots, reason)
    except (slots.SlotsError, OSError, ValueError) as error:
        return _told(layout, error)
    return ""


def forget(layout: Layout) -> str:
    """What was unpacked is not taken. Empty, or why not."""
    try:
        slots.forget_ready(layout.slots)
    except (slots.SlotsError, OSError, ValueError) as error:
        return _told(layout, error)
    return ""


def version_of(layout: Layout, name: str) -> str:
    """Of the tree of that name, as its release.json says. Raises OSError, ValueError."""
    tree = slots.tree_of(layout.slots, layout.factory, name)
    release = msgspec.json.decode((tree / slots.RELEASE).read_bytes()[: slots.LARGEST_BYTES], type=Release)
    return release.version


class Release(msgspec.Struct, frozen=True):
    """What is needed of release.json."""

    version: str


def _told(layout: Layout, error: Exception) -> str:
    return str(error) if isinstance(error, slots.SlotsError) else f"{layout.slots}: {error}"
