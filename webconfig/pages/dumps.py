"""The live dump of a connector: what it and its vehicle say to each other, as it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator

import htpy as h

from chargepoint.messages import ConnectorState, ReadDump
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem
from webconfig.ask import Ask
from webconfig.layout import form, page
from webconfig.pages.connectors import STYLE, number_of
from webconfig.routes import get

SHOWN = 200
AT_ONCE = 500


async def dump_page(ask: Ask) -> Answer:
    number, words = number_of(ask), ask.words
    session_id = _session_id(ask, number)
    lines, lost = await _last_lines(ask, session_id) if session_id else ((), 0)
    here = ask.request.path
    crumbs = [(words("connectors.title"), "/connectors"), (words("connectors.one", n=number), f"/connectors/{number}")]
    return Html(
        page(
            ask,
            words("dump_page.title", n=number),
            STYLE,
            h.script(src="/static/dump.js", defer=True),
            h.p[words("dump_page.about")],
            h.div(".bar")[
                _deed(ask, "start_dump", number, here, "main", words("dump_page.start")),
                _deed(ask, "stop_dump", number, here, "danger", words("dump_page.stop")),
                h.a(".button", href=f"{here}/file")[words("dump_page.download")]
                if session_id
                else h.span(".soft")[words("dump_page.no_session")],
            ],
            h.div(".bar")[
                h.label[words("dump_page.filter"), h.input(type="search", id="dump-filter", maxlength="60")],
                h.label[h.input(type="checkbox", id="dump-follow", checked=True), " ", words("dump_page.follow")],
            ],
            h.p(".warn", id="dump-skipped", role="status", data_text=words("dump_page.skipped", n="{n}"))[
                words("dump_page.skipped", n=lost) if lost else None
            ],
            h.pre(
                ".dump",
                id="dump",
                tabindex="0",
                role="log",
                aria_live="off",
                aria_label=words("dump_page.lines"),
                data_topic=f"dump.{number}",
                data_none=words("dump_page.none"),
            )[(h.span(".line")[line + "\n"] for line in lines)],
            crumbs=crumbs,
        )
    )


def _deed(ask: Ask, name: str, number: int, here: str, look: str, label: str) -> h.Element:
    return form(
        ask,
        f"/deeds/{name}",
        h.input(type="hidden", name="connector", value=str(number)),
        h.input(type="hidden", name="to", value=here),
        h.input(type="hidden", name="then", value=here),
        h.button({"class": look}, type="submit")[label],
    )


def _session_id(ask: Ask, number: int) -> int:
    state = ask.site.state(f"connector/{number}", ConnectorState)
    return state.session.session_id if state is not None and state.session is not None else 0


async def _last_lines(ask: Ask, session_id: int) -> tuple[tuple[str, ...], int]:
    """The newest lines of what is kept, and how many frames never came."""
    try:
        head = await ask.call("station", ReadDump(session_id=session_id, limit=1))
        after = max(0, head.total - SHOWN)
        found = await ask.call("station", ReadDump(session_id=session_id, after=after, limit=SHOWN))
    except Problem:
        return (), 0
    return found.lines, found.lost


async def dump_file(ask: Ask) -> Answer:
    number = number_of(ask)
    session_id = _session_id(ask, number)
    if not session_id:
        raise Problem(404, "not_found", ask.text("dump_page.no_session"))
    return Download(f"dump-{number}-{session_id}.txt", "text/plain; charset=utf-8", _chunks(ask, session_id))


async def _chunks(ask: Ask, session_id: int) -> AsyncIterator[bytes]:
    after = 0
    while True:
        found = await ask.call("station", ReadDump(session_id=session_id, after=after, limit=AT_ONCE))
        if found.lines:
            yield ("\n".join(found.lines) + "\n").encode()
        after += len(found.lines)
        if not found.lines or after >= found.total:
            return


ROUTES = (
    get("/connectors/{n:[0-9]{1,2}}/dump", dump_page, Right.DOWNLOAD),
    get("/connectors/{n:[0-9]{1,2}}/dump/file", dump_file, Right.DOWNLOAD),
)
