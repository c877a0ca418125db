"""The web's own certificate as people see and replace it; certificates uploaded. Reading them is a child's work."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.context import Context
from chargepoint.expiry import is_due, stage, words
from chargepoint.messages import Noted
from chargepoint.vocabulary import EventType
from webconfig.certificate import CERTIFICATE, KEY

log = logging.getLogger(__name__)

READ = [sys.executable, "-P", "-m", "webconfig.read_certificates"]
WITHIN_S = 20.0
BEGIN = "-----BEGIN CERTIFICATE-----"
ENDS = "web.ends"
"""When the uploaded chain runs out, and the stage that was told last."""
LOOK_S = 3600.0
MOST_ANSWER_BYTES = 256 << 10


class Shown(msgspec.Struct, frozen=True):
    """A certificate for people; `fingerprint` SHA-256, hexadecimal."""

    subject: str
    issuer: str
    number: str
    begins_at: datetime
    ends_at: datetime
    fingerprint: str
    key: str
    names: tuple[str, ...] = ()


class Read(msgspec.Struct, frozen=True):
    """`ok` False: `text` is the rest of a text key, `certificates.unfit_TEXT`. `chain` is PEM without anything else."""

    ok: bool
    text: str = ""
    chain: str = ""
    rows: tuple[Shown, ...] = ()


class WebCertificate:
    """Reads and replaces. One child at a time; what it said of the present files is kept while they are the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()
        self._kept: tuple[tuple[int, int], Read] | None = None

    async def now(self) -> Read:
        """The certificate that is served."""
        path = self._folder / CERTIFICATE
        try:
            stat, text = path.stat(), path.read_text(encoding="ascii")
        except (OSError, UnicodeError):
            return Read(False, "none")
        key = (stat.st_mtime_ns, stat.st_size)
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, await self.read(text))
        return self._kept[1]

    async def read(self, chain: str) -> Read:
        """What stands in an uploaded text."""
        if BEGIN not in chain:
            return Read(False, "none")
        return await self._child({"chain": chain})

    async def replace(self, chain: str, key: str, context: ssl.SSLContext | None) -> Read:
        """Check both and put them in the place of the old ones; connections made from now on get them."""
        if BEGIN not in chain:
            return Read(False, "none")
        found = await self._child({"chain": chain, "key": key}, str(self._folder))
        if found.ok:
            stat = (self._folder / CERTIFICATE).stat()
            self._kept = ((stat.st_mtime_ns, stat.st_size), found)
            if context is not None:
                context.load_cert_chain(self._folder / CERTIFICATE, self._folder / KEY)
        return found

    def ends_at(self) -> datetime | None:
        """When an uploaded certificate runs out; None: the station's own is served."""
        try:
            return datetime.fromisoformat((self._folder / ENDS).read_text(encoding="ascii").partition("\n")[0].strip())
        except (OSError, ValueError):
            return None

    def warning(self, now: datetime) -> str:
        """What has to be told now of an uploaded certificate that runs out, once for each stage; else empty."""
        path = self._folder / ENDS
        try:
            ends, _, told = path.read_text(encoding="ascii").strip().partition("\n")
            ends_at, last = datetime.fromisoformat(ends), int(told) if told else None
        except (OSError, ValueError):
            return ""  # made by this station itself: it holds for decades
        found = stage(ends_at, now)
        if found is None or not is_due(found, last):
            return ""
        with suppress(OSError):  # then it is told again after the next start
            path.write_text(f"{ends}\n{found}\n", encoding="ascii")
        return words("of the web pages", ends_at, found)

    async def watch(self, context: Context) -> None:
        """Tell people in time; until cancelled."""
        told = ""
        while True:
            text = self.warning(context.clock.now()) if context.clock.is_set else ""
            if text and text != told:
                told = text
                log.warning("%s", text)
                context.bus.publish(Noted(event_type=EventType.DEVICE_STATE, action="Certificate", error=text))
            await asyncio.sleep(LOOK_S)

    async def _child(self, given: dict[str, str], *words: str) -> Read:
        async with self._one_at_a_time:
            process = await asyncio.create_subprocess_exec(
                *READ,
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(WITHIN_S):
                    said, _ = await process.communicate(msgspec.json.encode(given))
            except TimeoutError:
                return Read(False, "unreadable")
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        try:
            return msgspec.json.decode(said[:MOST_ANSWER_BYTES], type=Read)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Read(False, "unreadable")
