"""Day archives and support bundles over the API."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.rights import Right
from webconfig.answers import Answer, Json
from webconfig.archives.shelf import Archive, archives
from webconfig.ask import Ask
from webconfig.pages import journal as journal_page
from webconfig.routes import get, post


class Archives(msgspec.Struct, frozen=True):
    """Newest first. `doing`: name of what is being made now; empty: nothing."""

    archives: tuple[Archive, ...]
    doing: str = ""


class NewArchive(msgspec.Struct, frozen=True):
    """`day` (2026-01-31) makes an archive of that day; without it the support bundle is made."""

    day: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


async def listed(ask: Ask) -> Answer:
    found = await asyncio.to_thread(archives, ask.site.context.data)
    return Json(Archives(tuple(found), journal_page.maker(ask).doing))


async def make(ask: Ask) -> Answer:
    given = ask.body(NewArchive)
    if given.day is None:
        made = await journal_page.make_support(ask)
    else:
        made = await journal_page.make_day(ask, journal_page.the_day(ask, given.day))
    return Json(made, status=201)


ROUTES = (
    get("/api/v1/archives", listed, Right.DOWNLOAD, summary="Day archives and support bundles", gives=Archives,
        tag="records", is_safe_mode=True),
    post("/api/v1/archives", make, Right.DOWNLOAD, summary="Make an archive now; answered when it is made",
         body=NewArchive, gives=Archive, tag="records", statuses=(201, 409, 502, 503, 504, 507), is_safe_mode=True),
    get(f"/api/v1/archives/{journal_page.ID}", journal_page.file, Right.DOWNLOAD, summary="One archive as zip",
        content_type="application/zip", tag="records", statuses=(404,), is_safe_mode=True),
)  # fmt: skip
