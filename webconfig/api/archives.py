"""Day archives and support bundles over the API; `diag` makes and keeps them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import KeptArchive
from chargepoint.rights import Right
from webconfig import archives
from webconfig.answers import Answer, Json
from webconfig.ask import Ask
from webconfig.pages import journal as journal_page
from webconfig.routes import Route, get, post


class Archives(msgspec.Struct, frozen=True):
    """Newest first. `doing`: name of what is being made now; empty: nothing. `keep` of each kind stay."""

    archives: tuple[KeptArchive, ...]
    doing: str = ""
    keep: int = 0
    free_bytes: int = 0


class NewArchive(msgspec.Struct, frozen=True):
    """`day` (2026-01-31) makes an archive of that day; without it the support bundle is made."""

    day: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class Removed(msgspec.Struct, frozen=True):
    id: str


async def listed(ask: Ask) -> Answer:
    found = await archives.kept(ask)
    return Json(Archives(found.archives, found.making, found.keep, found.free_bytes))


async def make(ask: Ask) -> Answer:
    given = ask.body(NewArchive)
    if given.day is None:
        made = await journal_page.make_support(ask)
    else:
        made = await journal_page.make_day(ask, journal_page.the_day(ask, given.day))
    return Json(made, status=201)


async def remove(ask: Ask) -> Answer:
    await archives.remove(ask, ask.place("id"))
    return Json(Removed(ask.place("id")))


ROUTES = (
    get("/api/v1/archives", listed, Right.DOWNLOAD, summary="Day archives and support bundles", gives=Archives,
        tag="records", statuses=(503, 504), is_safe_mode=True),
    post("/api/v1/archives", make, Right.DOWNLOAD, summary="Make an archive now; answered when it is made",
         body=NewArchive, gives=KeptArchive, tag="records", statuses=(201, 409, 502, 503, 504, 507),
         is_safe_mode=True),
    get(f"/api/v1/archives/{journal_page.ID}", journal_page.file, Right.DOWNLOAD, summary="One archive as zip",
        content_type="application/zip", tag="records", statuses=(404, 503, 504), is_safe_mode=True),
    Route(method="DELETE", path=f"/api/v1/archives/{journal_page.ID}", handler=remove, right=Right.SERVICE,
          summary="Remove an archive", gives=Removed, tag="records", statuses=(404, 503, 504), is_safe_mode=True),
)  # fmt: skip
