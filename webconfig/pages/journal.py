"""Log files: an archive of a day, the support bundle, what there is, how many stay. Works in safe mode, too.

In archives card numbers show their ends only, whoever makes them: others may fetch them later, and they leave the
station (S21).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import htpy as h

from chargepoint.messages import ChangeSettings, ReadSettings
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.archives.contents import full_logs, support
from webconfig.archives.making import Busy, CannotPack, Maker
from webconfig.archives.shelf import KEEP_DEFAULT, KEEP_MOST, Archive, NoRoom, archives, path_of
from webconfig.ask import Ask
from webconfig.layout import card, field, form, page, table
from webconfig.routes import get, post

KEEP_KEY = "web.archives.keep"
OLDEST_DAYS = 400
BLOCK = 64 << 10


def maker(ask: Ask) -> Maker:
    """The one of this service; made when it is first needed."""
    found = ask.site.parts.setdefault(Maker, Maker())
    assert isinstance(found, Maker)
    return found


async def most_kept(ask: Ask) -> int:
    values = (await ask.call("hub", ReadSettings(prefix=KEEP_KEY))).values
    text = values.get(KEEP_KEY, "")
    return min(max(int(text), 1), KEEP_MOST) if text.isascii() and text.isdecimal() and len(text) < 4 else KEEP_DEFAULT


async def journal(ask: Ask) -> Answer:
    return Html(await _page(ask))


async def _page(ask: Ask, fault: str = "") -> h.Renderable:
    folder = ask.site.context.data
    found = await asyncio.to_thread(archives, folder)
    rows: list[list[h.Node]] = [
        [
            h.a(href=f"/journal/{each.id}", download=each.name)[each.name],
            f"{ask.words.number(each.size_bytes / 1000, 0)} {ask.text('journal.kb')}",
            ask.words.time(each.made_at),
        ]
        for each in found
    ]
    doing = maker(ask).doing
    today = datetime.now().astimezone().date()
    return page(
        ask,
        ask.text("journal.title"),
        h.p(".notice", role="status")[ask.text("journal.doing", name=doing)] if doing else None,
        card(
            ask.text("journal.support"),
            h.p[ask.text("journal.support_about")],
            form(ask, "/journal/support", h.button(".main", type="submit")[ask.text("journal.support_make")]),
            id="support",
        ),
        card(
            ask.text("journal.day"),
            form(
                ask,
                "/journal/make",
                field("day", ask.text("journal.which"), today.isoformat(), kind="date", required=True,
                      max=today.isoformat(), min=(today - timedelta(days=OLDEST_DAYS)).isoformat()),
                h.button(type="submit")[ask.text("journal.make")],
            ),
            id="day",
        ),
        table([ask.text(f"journal.{n}") for n in ("file", "size", "made")], rows, caption=ask.text("journal.files"),
              empty=ask.text("journal.none")),
        card(
            ask.text("journal.keep"),
            form(
                ask,
                "/journal/keep",
                field("most", ask.text("journal.keep_most"), str(await most_kept(ask)), kind="number", min="1",
                      max=str(KEEP_MOST), required=True),
                h.button(type="submit")[ask.text("users.save")],
            ),
        )
        if ask.may(Right.SERVICE)
        else None,
        h.p[h.a(href="/oplog")[ask.text("oplog.title")], " · ", h.a(href="/security")[ask.text("security.title")]],
        fault=fault,
    )  # fmt: skip


async def make_day(ask: Ask, day: date) -> Archive:
    """Raises Problem 409, 422, 502, 507."""
    today = datetime.now().astimezone().date()
    if not today - timedelta(days=OLDEST_DAYS) <= day <= today:
        raise Problem(422, "invalid", ask.text("journal.f_day"), {"day": day.isoformat()})
    return await _made(ask, f"{day.isoformat()}_FullLogs.zip", full_logs(ask.site, day, shows_cards=False))


async def make_support(ask: Ask) -> Archive:
    """Raises Problem 409, 502, 507."""
    now = datetime.now().astimezone()
    return await _made(ask, f"{now:%Y-%m-%d}_Support_{now:%H%M%S}.zip", support(ask.site, shows_cards=False))


async def _made(ask: Ask, name: str, files: AsyncIterator[tuple[str, bytes]]) -> Archive:
    try:
        return await maker(ask).make(ask.site.context.data, name, files, await most_kept(ask))
    except Busy:
        raise Problem(409, "busy", ask.text("journal.f_busy")) from None
    except NoRoom as error:
        raise Problem(507, "no_room", f"{ask.text('journal.f_room')} ({error})") from None
    except (CannotPack, OSError) as error:
        raise Problem(502, "failed", f"{ask.text('journal.f_failed')} ({error})") from None


def the_day(ask: Ask, text: str) -> date:
    """Raises Problem 422."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise Problem(422, "invalid", ask.text("journal.f_day"), {"day": text[:20]}) from None


async def make(ask: Ask) -> Answer:
    try:
        await make_day(ask, the_day(ask, ask.form().get("day", "")))
    except Problem as problem:
        return Html(await _page(ask, problem.detail), status=problem.status)
    return Redirect("/journal")


async def bundle(ask: Ask) -> Answer:
    """Makes the bundle and sends it: with the menu these are two clicks."""
    try:
        made = await make_support(ask)
    except Problem as problem:
        return Html(await _page(ask, problem.detail), status=problem.status)
    return Redirect(f"/journal/{made.id}")


async def keep_most(ask: Ask) -> Answer:
    text = ask.form().get("most", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= KEEP_MOST):
        return Html(await _page(ask, ask.text("journal.f_keep", n=KEEP_MOST)), status=422)
    await ask.call("hub", ChangeSettings(values={KEEP_KEY: text}, by=ask.login))
    return Redirect("/journal")


async def file(ask: Ask) -> Answer:
    path = await asyncio.to_thread(path_of, ask.site.context.data, ask.place("id"))
    if path is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return Download(path.name, "application/zip", _chunks(path))


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as opened:
        while block := await asyncio.to_thread(opened.read, BLOCK):
            yield block


ID = "{id:[0-9a-z-]{8,40}}"

ROUTES = (
    get("/journal", journal, Right.DOWNLOAD, is_safe_mode=True),
    get(f"/journal/{ID}", file, Right.DOWNLOAD, is_safe_mode=True),
    post("/journal/make", make, Right.DOWNLOAD, is_safe_mode=True),
    post("/journal/support", bundle, Right.DOWNLOAD, is_safe_mode=True),
    post("/journal/keep", keep_most, Right.SERVICE, is_safe_mode=True),
)
