"""Log files: an archive of a day, the support bundle, what there is, how many stay. Works in safe mode, too.

`diag` makes and keeps them. In archives card numbers show their ends only, whoever makes them: others may fetch them
later, and they leave the station (S21).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import htpy as h

from chargepoint.messages import KeptArchive, MakeArchive
from chargepoint.rights import Right
from webconfig import archives
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, field, form, page, table
from webconfig.routes import get, post

OLDEST_DAYS = 400


async def journal(ask: Ask) -> Answer:
    return Html(await _page(ask))


async def _page(ask: Ask, fault: str = "") -> h.Renderable:
    try:
        found = await archives.kept(ask)
    except Problem as problem:  # what there is cannot be had: the page says so and stays
        return page(ask, ask.text("journal.title"), fault=fault or problem.detail)
    rows: list[list[h.Node]] = [
        [
            h.a(href=f"/journal/{each.id}", download=each.name)[each.name],
            ask.words.one_of("akind", each.kind),
            f"{ask.words.number(each.size_bytes / 1000, 0)} {ask.text('journal.kb')}",
            ask.words.time(each.made_at),
            form(ask, f"/journal/{each.id}/remove", h.button(type="submit")[ask.text("journal.remove")])
            if ask.may(Right.SERVICE)
            else "",
        ]
        for each in found.archives
    ]
    today = datetime.now().astimezone().date()
    return page(
        ask,
        ask.text("journal.title"),
        h.p(".notice", role="status")[ask.text("journal.doing", name=found.making)] if found.making else None,
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
        table([ask.text(f"journal.{n}") for n in ("file", "kind", "size", "made", "do")], rows,
              caption=ask.text("journal.files"), empty=ask.text("journal.none")),
        h.p[
            ask.text("journal.keep", n=found.keep, mb=found.free_bytes // 1_000_000),
            [" ", h.a(href="/config?section=housekeeping")[ask.text("journal.keep_change")]]
            if ask.may(Right.CONFIGURE)
            else None,
        ],
        h.p[h.a(href="/oplog")[ask.text("oplog.title")], " · ", h.a(href="/security")[ask.text("security.title")]],
        fault=fault,
    )  # fmt: skip


async def make_day(ask: Ask, day: date) -> KeptArchive:
    """Raises Problem 409, 422, 502, 503, 504, 507."""
    today = datetime.now().astimezone().date()
    if not today - timedelta(days=OLDEST_DAYS) <= day <= today:
        raise Problem(422, "invalid", ask.text("journal.f_day"), {"day": day.isoformat()})
    return await archives.made(ask, MakeArchive(kind="FullLogs", day=day, by=ask.login))


async def make_support(ask: Ask) -> KeptArchive:
    """Raises Problem 409, 502, 503, 504, 507."""
    return await archives.made(ask, MakeArchive(kind="Support", by=ask.login))


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


async def file(ask: Ask) -> Answer:
    found = await archives.named(ask, ask.place("id"))
    return Download(found.name, "application/zip", archives.pieces(ask, found.id))


async def remove(ask: Ask) -> Answer:
    await archives.remove(ask, ask.place("id"))
    return Redirect("/journal")


ID = "{id:[0-9a-z-]{8,40}}"

ROUTES = (
    get("/journal", journal, Right.DOWNLOAD, is_safe_mode=True),
    get(f"/journal/{ID}", file, Right.DOWNLOAD, is_safe_mode=True),
    post(f"/journal/{ID}/remove", remove, Right.SERVICE, is_safe_mode=True),
    post("/journal/make", make, Right.DOWNLOAD, is_safe_mode=True),
    post("/journal/support", bundle, Right.DOWNLOAD, is_safe_mode=True),
)
