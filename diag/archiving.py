"""The archives part of `diag`: makes them when asked, lists, reads out, removes (docs/operations.md)."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import date, datetime
from pathlib import Path

from chargepoint.bus import StateView
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ArchiveAnswer,
    ArchivePart,
    ArchivesPage,
    MakeArchive,
    PackForSupport,
    ReadArchivePart,
    ReadArchives,
    RemoveArchive,
    State,
)
from chargepoint.room import free_bytes
from diag.archives import shelf
from diag.archives.contents import Contents, Source
from diag.archives.making import Busy, CannotPack, Maker
from diag.archives.members import Members

log = logging.getLogger(__name__)


class Archives:
    """Serves MakeArchive, PackForSupport, ReadArchives, ReadArchivePart, RemoveArchive. `states` are all of the bus."""

    def __init__(self, context: Context, states: StateView) -> None:
        self._context = context
        self._states = states
        self._maker = Maker()
        shelf.sweep(context.data)
        bus = context.bus
        bus.serve(MakeArchive, self._asked_to_make)
        bus.serve(PackForSupport, self._asked_to_pack)
        bus.serve(ReadArchives, self._asked_what_is_kept)
        bus.serve(ReadArchivePart, self._asked_for_part)
        bus.serve(RemoveArchive, self._asked_to_remove)

    @property
    def folder(self) -> Path:
        return self._context.data

    def now(self) -> datetime:
        """The station's time in its zone; while that is not known, the machine's."""
        clock = self._context.clock
        return (clock.now() if clock.is_set else datetime.now().astimezone()).astimezone()

    async def make(self, request: MakeArchive) -> ArchiveAnswer:
        """Make one now."""
        now = self.now()
        contents = Contents(self._source(), shows_cards=request.shows_cards, now=now)
        if request.kind == "FullLogs":
            day = request.day or now.date()
            name, members = f"{day.isoformat()}_FullLogs.zip", contents.full_logs(day)
        elif request.kind in shelf.KINDS:
            name = f"{now:%Y-%m-%d}_{request.kind}_{now:%H%M%S}.zip"
            members = self._members(contents, request)
        else:
            return ArchiveAnswer(ok=False, code="failed", text=f"{request.kind[:40]!r} is no kind of archive.")
        try:
            with self._context.clock.standing_still():
                keep = self._context.settings.housekeeping.keep_archives
                made = await self._maker.make(self.folder, name, members, keep)
        except Busy as error:
            return ArchiveAnswer(ok=False, code="busy", text=f"{error} is being made.")
        except shelf.NoRoom as error:
            return ArchiveAnswer(ok=False, code="no_room", text=f"{error}.")
        except TimeoutError:
            return ArchiveAnswer(ok=False, code="failed", text="It took too long.")
        except (CannotPack, OSError) as error:
            log.warning("archive %s: %s", name, error)
            return ArchiveAnswer(ok=False, code="failed", text=str(error))
        return ArchiveAnswer(ok=True, code="ok", text=made.name, archive=made)

    def has_day(self, day: date) -> bool:
        """Whether the archive of that day is kept."""
        return (self.folder / shelf.FOLDER / f"{day.isoformat()}_FullLogs.zip").is_file()

    def _members(self, contents: Contents, request: MakeArchive) -> Members:
        if request.kind == "Support":
            return contents.support()
        if request.kind == "Security":
            return contents.security(request.since, request.until)
        return contents.diagnostics(request.since, request.until)

    def _source(self) -> Source:
        context = self._context
        access = context.settings.access
        return Source(
            bus=context.bus,
            states=self._now_told,
            station=", ".join(filter(None, (context.settings.station.name, context.settings.station.address))),
            logs=context.logs,
            faults=context.faults,
            lists=(*access.white, *access.black),
        )

    def _now_told(self) -> dict[str, State]:
        found = {topic: self._states.get(topic) for topic in self._states.topics()}
        return {topic: state for topic, state in found.items() if state is not None}

    async def _asked_to_make(self, request: MakeArchive, sender: str) -> ArchiveAnswer:
        answer = await self.make(request)
        told = answer.text if answer.ok else f"{answer.code}: {answer.text}"
        log.info("archive %s, asked by %s (%s): %s", request.kind[:40], request.by[:100] or sender, sender, told)
        return answer

    async def _asked_to_pack(self, request: PackForSupport, sender: str) -> ActionResult:
        kind = "Support" if request.day is None else "FullLogs"
        answer = await self._asked_to_make(MakeArchive(kind=kind, day=request.day, by=request.by), sender)
        values = {"name": answer.archive.name, "id": answer.archive.id} if answer.archive is not None else {}
        return ActionResult(ok=answer.ok, code=answer.code, text=answer.text, values=values)

    async def _asked_what_is_kept(self, request: ReadArchives, sender: str) -> ArchivesPage:
        found = await asyncio.to_thread(shelf.archives, self.folder)
        return ArchivesPage(
            archives=tuple(found),
            making=self._maker.doing,
            keep=self._context.settings.housekeeping.keep_archives,
            free_bytes=free_bytes(self.folder),
        )

    async def _asked_for_part(self, request: ReadArchivePart, sender: str) -> ArchivePart:
        return await asyncio.to_thread(_part, self.folder, request)

    async def _asked_to_remove(self, request: RemoveArchive, sender: str) -> ActionResult:
        path = await asyncio.to_thread(shelf.path_of, self.folder, request.id)
        if path is None:
            return ActionResult(ok=False, code="unknown", text=f"There is no archive {request.id[:40]!r}.")
        path.unlink(missing_ok=True)
        log.info("archive %s: removed by %s (%s)", path.name, request.by[:100] or sender, sender)
        return ActionResult(ok=True, code="ok", text=path.name)


def _part(folder: Path, request: ReadArchivePart) -> ArchivePart:
    """Some bytes of a file that may be removed at any moment."""
    path = shelf.path_of(folder, request.id)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC) if path is not None else -1
    except OSError:
        descriptor = -1
    if descriptor < 0:
        return ArchivePart(ok=False, code="unknown")
    try:
        size = os.fstat(descriptor).st_size
        data = os.pread(descriptor, request.limit, request.offset)
    finally:
        os.close(descriptor)
    return ArchivePart(ok=True, code="ok", data=data, is_end=request.offset + len(data) >= size)
