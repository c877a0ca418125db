"""What the service asks its child processes: it does not load what verifies (memory). Answers are small JSON."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from chargepoint.layout import Layout

LOOK_WITHIN_S = 60.0
VERIFY_WITHIN_S = 900.0
LARGEST_ANSWER = 1 << 20
BAD_CERTIFICATE = frozenset({"invalid_certificate", "revoked_certificate"})
UNSIGNED = frozenset({"unsigned", "unknown_key", "revoked_key", "expired_key", "invalid_signature"} | BAD_CERTIFICATE)
"""Codes of packages whose maker cannot be trusted."""


class Head(Struct, frozen=True, kw_only=True):
    """What is used of a package's header here."""

    kind: str = ""
    product: str = ""
    version: str = ""
    hardware: tuple[str, ...] = ()
    made_at: datetime | None = None
    notes: str = ""


class Verdict(Struct, frozen=True, kw_only=True):
    """Of `fota.verify` and `fota.early`. `code` `more`: the head is not here yet; `size_bytes`: as signed."""

    ok: bool
    code: str
    text: str = ""
    header: Head | None = None
    size_bytes: int = 0
    sha256: str = ""


class Signed(Struct, frozen=True, kw_only=True):
    """A signing certificate below `roots` (PEM), and its signature (base64) of `file`; no file: only the first."""

    certificate: str
    roots: tuple[str, ...]
    signature: str = ""
    file: str = ""
    now: datetime | None = None


class Verified(Struct, frozen=True, kw_only=True):
    """Codes: ok, invalid_certificate, revoked_certificate, invalid_signature, failed."""

    ok: bool
    code: str = "ok"
    text: str = ""


class Family:
    """Starts the children; each ends with the task that waits for it."""

    def __init__(self, layout: Layout, serial: str = "") -> None:
        self._layout = layout
        self._serial = serial

    async def head_of(self, file: Path, earliest: datetime | None) -> Verdict:
        """What a file says of itself, also one that is not whole yet."""
        return await self._verdict("fota.early", file, earliest, LOOK_WITHIN_S)

    async def verify(self, file: Path, earliest: datetime | None) -> Verdict:
        """Whether it would be installed; all of it is read."""
        return await self._verdict("fota.verify", file, earliest, VERIFY_WITHIN_S)

    async def check_signed(self, asked: Signed) -> Verified:
        """The certificate of a signed update, and the signature where there is a file."""
        within_s = VERIFY_WITHIN_S if asked.file else 4.0
        words = ("fota.signing", "--keys", str(self._layout.keys), "--slots", str(self._layout.slots))
        said = await _ask(words, msgspec.json.encode(asked), within_s)
        try:
            return msgspec.json.decode(said, type=Verified)
        except msgspec.DecodeError:
            return Verified(ok=False, code="failed", text="The signature could not be checked.")

    async def _verdict(self, module: str, file: Path, earliest: datetime | None, within_s: float) -> Verdict:
        layout = self._layout
        words = [
            module, "--slots", str(layout.slots), "--factory", str(layout.factory), "--keys", str(layout.keys),
        ]  # fmt: skip
        words += [f"--serial={self._serial}"] if self._serial else []
        words += ["--earliest", earliest.isoformat()] if earliest is not None else []
        said = await _ask((*words, str(file)), b"", within_s)
        try:
            return msgspec.json.decode(said, type=Verdict)
        except msgspec.DecodeError:
            return Verdict(ok=False, code="failed", text="The package could not be checked.")


async def _ask(words: tuple[str, ...], question: bytes, within_s: float) -> bytes:
    """What a module of ours says, run as a program; empty when it does not."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(within_s):
            said, _ = await child.communicate(question)
    except TimeoutError:
        return b""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return said[:LARGEST_ANSWER]
