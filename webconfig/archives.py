"""Archives of the station as `diag` keeps them: asked for over the bus, sent on piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chargepoint.messages import ArchivesPage, KeptArchive, MakeArchive, ReadArchivePart, ReadArchives, RemoveArchive
from webconfig.answers import Problem
from webconfig.ask import Ask

WITHIN_S = 200.0
PIECE_BYTES = 64 << 10
STATUSES = {"busy": 409, "no_room": 507, "failed": 502}
FAULTS = {"busy": "journal.f_busy", "no_room": "journal.f_room", "failed": "journal.f_failed"}


async def kept(ask: Ask) -> ArchivesPage:
    """Raises Problem 502, 503, 504."""
    return await ask.call("diag", ReadArchives())


async def made(ask: Ask, request: MakeArchive) -> KeptArchive:
    """Raises Problem 409, 502, 503, 504, 507."""
    answer = await ask.call("diag", request, WITHIN_S)
    if answer.archive is None:
        code = answer.code if answer.code in STATUSES else "failed"
        raise Problem(STATUSES[code], code, f"{ask.text(FAULTS[code])} ({answer.text})")
    return answer.archive


async def named(ask: Ask, number: str) -> KeptArchive:
    """Raises Problem 404."""
    for each in (await kept(ask)).archives:
        if each.id == number:
            return each
    raise Problem(404, "not_found", ask.text("problem.not_found"))


async def remove(ask: Ask, number: str) -> None:
    """Raises Problem 404."""
    if not (await ask.call("diag", RemoveArchive(id=number, by=ask.login))).ok:
        raise Problem(404, "not_found", ask.text("problem.not_found"))


async def pieces(ask: Ask, number: str) -> AsyncIterator[bytes]:
    """Raises Problem when it went meanwhile, or diag is away."""
    offset = 0
    while True:
        part = await ask.call("diag", ReadArchivePart(id=number, offset=offset, limit=PIECE_BYTES), 15.0)
        if not part.ok:
            raise Problem(404, "not_found", ask.text("problem.not_found"))
        if part.data:
            yield part.data
        offset += len(part.data)
        if part.is_end or not part.data:
            return
