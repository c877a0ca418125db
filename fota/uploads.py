"""Archives sent where the central system or an operator wants them: GetDiagnostics, GetLog (docs/updates.md).

One at a time: a newer one takes the place of one that goes on. It is kept in `upload.json`, with the words the central
system has not been told yet, and goes on after a restart or a cut of the power.
Source: OCPP 1.6, 4.4, 5.8, 6.22, 7.24; for logs the security white paper, N01.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.context import Context
from chargepoint.locations import hosts_of, own_addresses, why_not
from chargepoint.messages import (
    BeginUpload,
    KeptArchive,
    MakeArchive,
    ReadArchivePart,
    RemoveArchive,
    TellUpload,
    UploadAnswer,
    UploadState,
)
from chargepoint.room import room
from chargepoint.whole_file import write
from fota import fetching
from fota.fetching import Job, OnProgress, Outcome
from fota.transfers.job import texts
from fota.upload_rules import (
    ARCHIVES,
    BUILDING,
    IDLE,
    MOST_RESUMED,
    PAUSING,
    SENDING,
    UPLOADING,
    Kept,
    begun,
    done,
    failed,
    is_to_try_again,
    telling,
)

log = logging.getLogger(__name__)

FILE, ARCHIVE, KNOWN_HOSTS = "upload.json", "upload.zip", "known_hosts"
MAKE_S = 600.0
PART_S = 30.0
BUILD_S = 900.0
"""The archive has to be there by then."""
ASK_AGAIN_S = 5.0
TELL_AGAIN_S = 5.0
LARGEST_FILE = 1 << 18

Send = Callable[[Job, OnProgress], Awaitable[Outcome]]


class CannotBuild(Exception):
    """There is no archive to send; the text says why."""


class Uploads:
    """Serves BeginUpload from when it is made; `run` does the work. `is_busy`: the service has to stay awake."""

    def __init__(self, context: Context, send: Send = fetching.send) -> None:
        self._context = context
        self._send = send
        self._kept = self._read()
        self._sent_bytes = 0
        self._work: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._tell_state()
        context.bus.serve(BeginUpload, self._begin)

    @property
    def is_busy(self) -> bool:
        return self._kept.is_live or bool(self._kept.tellings)

    async def run(self) -> None:
        """Until cancelled."""
        if self._kept.is_live:
            self._go_on()
        self._wanted.set()
        self._to_tell.set()
        teller = asyncio.create_task(self._tell_all(), name="upload: telling")
        try:
            while True:
                wanted = asyncio.create_task(self._wanted.wait(), name="upload: waiting")
                try:
                    await asyncio.wait({wanted, teller}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    wanted.cancel()
                if teller.done():
                    teller.result()
                self._wanted.clear()
                if self._kept.is_live:
                    self._work = asyncio.create_task(self._carry_out(self._kept), name="upload")
                    await asyncio.wait({self._work, teller}, return_when=asyncio.FIRST_COMPLETED)
                    await self._drop_work()
        finally:
            teller.cancel()
            await self._drop_work()
            await asyncio.gather(teller, return_exceptions=True)

    async def _drop_work(self) -> None:
        """The work has ended, or ends now; what went wrong in it unseen is told here."""
        work, self._work = self._work, None
        if work is None:
            return
        work.cancel()
        try:
            await work
        except asyncio.CancelledError:
            if not work.cancelled():
                raise
        except Exception as error:
            log.exception("upload to %s", self._kept.shown)
            self._end(failed(self._kept, "", f"{type(error).__name__}"))

    # -------------------------------------------------------------------------------------------------------- asking

    async def _begin(self, wish: BeginUpload, sender: str) -> UploadAnswer:
        settings = self._context.settings.update
        if wish.kind not in ARCHIVES:
            return UploadAnswer(ok=False, code="nothing", text=f"{wish.kind[:40]!r} is nothing that is sent")
        reason = why_not(wish.location, own_addresses(), self._allowed_hosts())
        if reason:
            return UploadAnswer(ok=False, code="bad_location", text=reason)
        wish = replace(wish, by=wish.by or sender)
        was_live = self._kept.is_live
        self._sent_bytes = 0
        fresh = begun(
            wish,
            self._kept,
            is_for_server=sender == "ocpp",
            station=self._context.settings.station.name,
            now=self._context.clock.now(),
            retries=settings.retries,
            interval_s=settings.retry_interval_s,
        )
        (self._context.data / ARCHIVE).unlink(missing_ok=True)
        self._keep(fresh)
        log.info("upload of %s to %s, asked by %s%s", wish.kind, fresh.shown, wish.by, " instead" if was_live else "")
        self._wanted.set()
        if self._work is not None:
            self._work.cancel()
        return UploadAnswer(ok=True, code="replaces" if was_live else "ok", file_name=fresh.file_name)

    def _allowed_hosts(self) -> frozenset[str]:
        settings = self._context.settings
        named = (*settings.update.allowed_hosts, *settings.ocpp.local_file_hosts)
        return hosts_of(settings.ocpp.url, settings.ocpp.backup_url).union(named)

    def _go_on(self) -> None:
        """The service was ended in the middle: the try that was under way counts, one that waited does not."""
        kept = replace(self._kept, resumed=self._kept.resumed + 1)
        if kept.resumed > MOST_RESUMED:
            self._end(failed(kept, "", "the service was ended again and again while it was sent"))
            return
        log.info("upload to %s goes on", kept.shown)
        self._keep(kept)

    # --------------------------------------------------------------------------------------------------------- doing

    async def _carry_out(self, kept: Kept) -> None:
        archive = self._context.data / ARCHIVE
        if kept.stage == BUILDING or not archive.is_file() or archive.stat().st_size != kept.size_bytes:
            try:
                size = await self._build(kept, archive)
            except CannotBuild as error:
                self._end(failed(self._kept, "", f"the archive cannot be made: {error}"))
                return
            ready = replace(self._kept, stage=SENDING, size_bytes=size, attempt=0)
            self._keep(telling(ready, UPLOADING) if kept.stage == BUILDING else ready)
        while True:
            if self._kept.stage == PAUSING:
                await asyncio.sleep(self._kept.interval_s)
            self._keep(replace(self._kept, stage=SENDING, attempt=self._kept.attempt + 1))
            outcome = await self._send(self._job(self._kept, archive), self._progress)
            if outcome.ok:
                log.info("upload to %s done: %d bytes in %.1f s", kept.shown, outcome.bytes, outcome.seconds)
                self._sent_bytes = outcome.bytes
                self._end(done(self._kept))
                return
            text = f"{outcome.text} ({outcome.code})"
            log.warning("upload to %s, try %d of %d: %s", kept.shown, self._kept.attempt, kept.attempts, text)
            if not is_to_try_again(self._kept, outcome.code):
                self._end(failed(self._kept, outcome.code, text))
                return
            self._keep(replace(self._kept, stage=PAUSING, text=text[:300]))

    def _job(self, kept: Kept, archive: Path) -> Job:
        settings = self._context.settings.update
        assert kept.wish is not None
        return Job(
            url=kept.wish.location,
            file=str(archive),
            name=kept.file_name,
            resumes=kept.attempt > 1 or kept.resumed > 0,
            ca_file=settings.ca_file,
            known_hosts=settings.known_hosts,
            kept_hosts=str(self._context.data / KNOWN_HOSTS),
            allowed_hosts=tuple(sorted(self._allowed_hosts())),
            own=texts(own_addresses()),
        )

    def _progress(self, count: int, _size: int) -> None:
        self._sent_bytes = count
        self._tell_state()

    def _end(self, kept: Kept) -> None:
        with contextlib.suppress(OSError):
            (self._context.data / ARCHIVE).unlink(missing_ok=True)
        if kept.text:
            log.warning("upload to %s failed: %s", kept.shown, kept.text)
        self._keep(kept)

    # ------------------------------------------------------------------------------------------------------ building

    async def _build(self, kept: Kept, archive: Path) -> int:
        """The archive is durable here; its size. Raises CannotBuild."""
        try:
            async with asyncio.timeout(BUILD_S):
                made = await self._made(kept)
                try:
                    return await self._copy(made, archive)
                finally:
                    with contextlib.suppress(Unavailable, CallFailed, TimeoutError):
                        await self._context.bus.call("diag", RemoveArchive(id=made.id, by=kept.by), PART_S)
        except TimeoutError:
            raise CannotBuild(f"it was not there within {BUILD_S:g} s") from None

    async def _made(self, kept: Kept) -> KeptArchive:
        """Raises CannotBuild."""
        assert kept.wish is not None
        request = MakeArchive(kind=ARCHIVES[kept.kind], since=kept.wish.since, until=kept.wish.until, by=kept.by)
        while True:
            try:
                answer = await self._context.bus.call("diag", request, MAKE_S)
            except CallFailed as error:
                raise CannotBuild(str(error)) from None
            except Unavailable as error:  # it is being started again, as a rule
                log.info("upload: %s", error)
            else:
                if answer.ok and answer.archive is not None:
                    return answer.archive
                if answer.code != "busy":
                    raise CannotBuild(answer.text or answer.code)
            await asyncio.sleep(ASK_AGAIN_S)

    async def _copy(self, made: KeptArchive, archive: Path) -> int:
        """Raises CannotBuild."""
        free, total = room(archive.parent)
        floor_pct = self._context.settings.update.disk_floor_pct
        if free - made.size_bytes < total * floor_pct / 100:
            raise CannotBuild(f"{free} bytes of the disk are free, {floor_pct} % have to stay so")
        new = archive.with_name(archive.name + ".new")
        size = 0
        try:
            with new.open("wb") as file:
                while True:
                    part = await self._context.bus.call("diag", ReadArchivePart(id=made.id, offset=size), PART_S)
                    if not part.ok:
                        raise CannotBuild(part.code)
                    file.write(part.data)
                    size += len(part.data)
                    if part.is_end:
                        break
                    if not part.data or size > made.size_bytes:
                        raise CannotBuild("it is not as long as it was said to be")
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            new.replace(archive)
        except (OSError, Unavailable, CallFailed) as error:
            raise CannotBuild(str(error)) from None
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
        return size

    # --------------------------------------------------------------------------------------------- keeping and telling

    def _keep(self, kept: Kept) -> None:
        """On record first, then told. With a full disk it goes on, but not after a restart."""
        self._kept = kept
        try:
            write(self._context.data / FILE, msgspec.json.encode(kept))
        except OSError as error:
            log.error("the upload cannot be kept: %s", error)
        self._tell_state()
        if kept.tellings:
            self._to_tell.set()

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode((self._context.data / FILE).read_bytes()[:LARGEST_FILE], type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read: %s", FILE, error)
            return Kept()

    def _tell_state(self) -> None:
        kept = self._kept
        state = UploadState(
            stage=kept.stage,
            kind=kept.kind,
            location=kept.shown,
            file_name=kept.file_name,
            sent_bytes=self._sent_bytes if kept.stage != IDLE else 0,
            size_bytes=kept.size_bytes,
            attempt=kept.attempt,
            attempts=kept.attempts if kept.stage != IDLE else 0,
            text=kept.text,
            by=kept.by,
            request_id=kept.request_id,
        )
        self._context.bus.set_state("upload", state)

    async def _tell_all(self) -> None:
        """Words for the central system, in order, each until it is on record there."""
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            while self._kept.tellings:
                word = self._kept.tellings[0]
                try:
                    await self._context.bus.call("ocpp", TellUpload(status=word.status, request_id=word.request_id))
                except CallFailed as error:
                    log.error("the central system cannot be told %s: %s", word.status, error)
                except (Unavailable, TimeoutError):
                    await asyncio.sleep(TELL_AGAIN_S)
                    continue
                if self._kept.tellings[:1] == (word,):
                    self._keep(replace(self._kept, tellings=self._kept.tellings[1:]))
