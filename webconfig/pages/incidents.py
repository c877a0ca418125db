"""Incidents: what was wrong and when, newest first; `diag` keeps the list. What is wrong now is on the overview."""

from __future__ import annotations

from typing import Annotated

import htpy as h
import msgspec
from msgspec import Meta

from chargepoint.messages import Incident, ReadIncidents
from chargepoint.rights import Right
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import choice, page, table
from webconfig.pages.oplog import pager
from webconfig.routes import get

SIGNS = {"bad": "✗", "warn": "!"}


class IncidentsQuery(msgspec.Struct, frozen=True):
    """`show`: open or all. `before`: incidents with smaller numbers."""

    show: Annotated[str, Meta(pattern="^(all|open)$")] = "all"
    before: Annotated[int, Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50

    def request(self) -> ReadIncidents:
        return ReadIncidents(before_id=self.before, limit=self.limit, is_open_only=self.show == "open")


async def incidents(ask: Ask) -> Answer:
    query = ask.query(IncidentsQuery)
    found = await ask.call("diag", query.request())
    given = {"show": query.show, "limit": str(query.limit)}
    next_before = found.incidents[-1].id if found.has_more else 0
    names = [ask.text(f"incidents.c_{name}") for name in ("what", "where", "began", "ended", "count", "info")]
    return Html(
        page(
            ask,
            ask.text("incidents.title"),
            h.form(".filters", method="get", action="/incidents", role="search")[
                choice("show", ask.text("incidents.show"),
                       [(each, ask.text(f"incidents.show_{each}")) for each in ("all", "open")], query.show),
                h.button(".main", type="submit")[ask.text("oplog.search")],
            ],
            table(names, [_row(ask, each) for each in found.incidents], caption=ask.text("incidents.title"),
                  empty=ask.text("incidents.none")),
            pager(ask, "/incidents", given, query.before, next_before),
        )
    )  # fmt: skip


def _row(ask: Ask, one: Incident) -> list[h.Node]:
    words = ask.words
    where = " ".join(filter(None, (words.one_of("itrouble_device", one.device_type), one.device)))
    level = one.level if one.is_open else "soft"
    ended: h.Node = h.b[ask.text("incidents.open")] if one.is_open else words.time(one.closed_at)
    return [
        h.span(class_=level)[f"{SIGNS.get(one.level, '!')} ", words.one_of("itrouble", one.type)],
        where or "–",
        words.time(one.opened_at),
        ended,
        str(one.count),
        one.info or "–",
    ]


ROUTES = (get("/incidents", incidents, Right.SEE),)
