"""The commutation scheme: now and as it was in the last day, with a panel for each part (webconfig.md 5)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import htpy as h

from chargepoint.messages import PowerState
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Json, Problem
from webconfig.ask import Ask
from webconfig.commutation import values as scheme_values
from webconfig.commutation.contradictions import contradictions
from webconfig.commutation.drawing import is_large, picture, symbols
from webconfig.commutation.scheme import Scheme
from webconfig.layout import card, live, markup, page, query_link, table
from webconfig.routes import Values, get
from webconfig.scheme_history import KEPT_S, Event, SchemeHistory, now_of
from webconfig.scheme_panel import panel, told
from webconfig.spans import with_unit

PATH = "/modules"
OPEN_TABLE = 60
"""A table of more rows is folded."""
MOST_MARKS = 40


async def modules(ask: Ask) -> Answer:
    """GET /modules?item=&at=: now, or as it was at `at` (Unix seconds)."""
    history: SchemeHistory = ask.site.part(SchemeHistory)
    item, at_s = ask.query_text("item"), _moment(ask)
    found = await asyncio.to_thread(history.at, at_s) if at_s is not None else None
    if at_s is not None and found is None:
        return Html(
            _page(ask, now_of(ask.site), item, None, await _looked(history, item), ask.text("modules.replay_none"))
        )
    scheme = found[1] if found is not None else now_of(ask.site)
    return Html(_page(ask, scheme, item, at_s, await _looked(history, item)))


Looked = tuple[tuple[float, float] | None, list[Event], list[Event]]


async def _looked(history: SchemeHistory, item: str) -> Looked:
    """The span of the history, its faults, and the events of the part that is looked at."""

    def look() -> Looked:
        events = history.events(item) if item else []
        return history.span_s(), history.events(faults_only=True, limit=MOST_MARKS), events

    return await asyncio.to_thread(look)


def _page(ask: Ask, scheme: Scheme, item: str, at_s: float | None, looked: Looked, fault: str = "") -> h.Renderable:
    span, faults, events = looked
    is_now = at_s is None
    found = values(ask, scheme)
    notice = "" if at_s is None else ask.text("modules.was_at", at=ask.words.time(datetime.fromtimestamp(at_s, UTC)))
    if not scheme.modules and not scheme.contactors:
        content: h.Node = h.p[ask.text("modules.none")]
    else:
        content = _picture(ask, scheme, found, at_s)
    return page(
        ask,
        ask.text("modules.title"),
        h.link(rel="stylesheet", href="/static/modules.css"),
        h.script(src="/static/modules.js", defer=True),
        content,
        panel(ask, scheme, item, events, is_now=is_now) if item else None,
        _moves(ask) if is_now else None,
        _tables(ask, scheme, found, at_s),
        _replay(ask, span, faults, at_s, item),
        live=PATH if is_now else "",
        notice=notice,
        fault=fault,
    )


def values(ask: Ask, scheme: Scheme) -> dict[str, str]:
    """The picture's values, and what stands around it."""
    odd = scheme_values.sentences(contradictions(scheme), ask.words)
    lines = h.ul[(h.li(".wrong")[line] for line in odd)] if odd else h.p[ask.text("modules.odd_none")]
    return {
        **scheme_values.values_of(scheme, ask.words),
        "modules.summary": scheme_values.summary(scheme, ask.words),
        "modules.odd@html": markup(lines),
    }


async def live_values(ask: Ask) -> Values:
    return {**values(ask, now_of(ask.site)), "modules.moves@html": markup(h.fragment[_move_rows(ask)])}


async def moment(ask: Ask) -> Answer:
    """GET /modules/moment?at=: the values at that moment, for the slider."""
    at_s = _moment(ask)
    history: SchemeHistory = ask.site.part(SchemeHistory)
    found = await asyncio.to_thread(history.at, at_s) if at_s is not None else None
    if found is None:
        raise Problem(404, "not_found", ask.text("modules.replay_none"))
    at = ask.words.time(datetime.fromtimestamp(at_s or 0.0, UTC))
    return Json({**values(ask, found[1]), "modules.at": ask.text("modules.was_at", at=at)})


def _moment(ask: Ask) -> float | None:
    text = ask.query_text("at") or _of_live(ask, "at")
    if not text:
        return None
    try:
        at_s = float(text)
    except ValueError:
        at_s = -1.0
    if not 0 <= at_s <= 1e11:
        raise Problem(422, "invalid", ask.text("modules.replay_none"), {"at": text[:40]})
    return at_s


def _of_live(ask: Ask, key: str) -> str:
    return parse_qs(urlsplit(ask.request.query.get("of", "")).query).get(key, [""])[0]


def _link(at_s: float | None, item: str) -> str:
    return query_link(PATH, item=item or None, at=None if at_s is None else f"{at_s:.0f}") + ("#panel" if item else "")


# ---------------------------------------------------------------------------------------------------- the picture


def _picture(ask: Ask, scheme: Scheme, found: dict[str, str], at_s: float | None) -> h.Node:
    label = scheme_values.summary(scheme, ask.words)

    def link(item: str) -> str:
        return _link(at_s, item)

    return [
        live("modules.summary", label, h.p),
        h.p(data_live="modules.at", role="status"),
        card("", h.div(data_live="modules.odd")[_odd(ask, scheme)], id="contradictions"),
        symbols(),
        h.div(
            ".schemes" if is_large(scheme) else ".schemes.both",
            tabindex="0",
            role="region",
            aria_label=ask.text("modules.title"),
        )[
            picture(scheme, found, label, link),
            None if is_large(scheme) else picture(scheme, found, label, link, is_tall=True),
        ],
        _legend(ask),
    ]


def _odd(ask: Ask, scheme: Scheme) -> h.Node:
    odd = scheme_values.sentences(contradictions(scheme), ask.words)
    return h.ul[(h.li(".wrong")[line] for line in odd)] if odd else h.p[ask.text("modules.odd_none")]


def _legend(ask: Ask) -> h.Node:
    return h.details[
        h.summary[ask.text("modules.legend")],
        h.ul(".legend")[
            (
                h.li[
                    h.svg(width="30", height="20", aria_hidden="true")[
                        h.rect(width="30", height="20", fill=f"url(#p-{state})", stroke="#566070"),
                        h.use(href=f"#i-{state}", x="8", y="3", width="14", height="14"),
                    ],
                    ask.text(f"modules.state_{state}"),
                ]
                for state in ("white", "green", "grey", "red")
            ),
            (
                h.li[
                    h.svg(".switch", width="40", height="26", aria_hidden="true")[
                        h.use(href=f"#k-{state}", transform="translate(20 15)")
                    ],
                    ask.text(f"modules.contactor_{state}"),
                ]
                for state in ("open", "closed", "unknown", "welded", "failed")
            ),
        ],
    ]


# ---------------------------------------------------------------------------------------------------- the tables


def _tables(ask: Ask, scheme: Scheme, found: dict[str, str], at_s: float | None) -> h.Node:
    def cell(key: str) -> h.Node:
        return live(key, found.get(key, "–"))

    def link(item: str, text: str) -> h.Node:
        return h.a(href=_link(at_s, item))[text]

    heads = [
        ask.text(f"modules.h_{key}") for key in ("module", "group", "for", "state", "voltage", "current", "temperature")
    ]
    modules_table = table(
        heads,
        (
            (link(m.item, str(m.number)), group.name, cell(f"{group.item}.to"),
             *(cell(f"{m.item}.{key}") for key in ("s", "v", "a", "c")))
            for group in scheme.groups for m in group.modules
        ),
        caption=ask.text("modules.modules"),
    )  # fmt: skip
    contactors = table(
        [ask.text(f"modules.h_{key}") for key in ("contactor", "between", "state", "operations")],
        (
            (link(k.item, k.name), f"{k.one} – {k.other}", cell(f"{k.item}.s"), cell(f"{k.item}.n"))
            for k in scheme.contactors
        ),
        caption=ask.text("modules.contactors"),
    )
    outputs = table(
        [ask.text(f"modules.h_{key}") for key in ("output", "state", "flow", "groups")],
        (
            (link(o.item, str(o.connector)), *(cell(f"{o.item}.{key}") for key in ("s", "p", "g")))
            for o in scheme.outputs
        ),
        caption=ask.text("modules.outputs"),
    )
    return [
        modules_table if scheme.modules else None,
        _folded(ask.text("modules.contactors"), contactors, len(scheme.contactors)),
        outputs if scheme.outputs else None,
    ]


def _folded(title: str, content: h.Node, rows: int) -> h.Node:
    if rows <= OPEN_TABLE:
        return content if rows else None
    return h.details[h.summary[f"{title} ({rows})"], content]


def _moves(ask: Ask) -> h.Node:
    state = ask.site.state("power", PowerState)
    if state is None or not state.contactors:
        return None
    heads = [ask.text(f"modules.h_{key}") for key in ("group", "for", "move", "why")]
    return h.div(".scroll", tabindex="0", role="region", aria_label=ask.text("modules.moves"))[
        h.table[
            h.caption[ask.text("modules.moves")],
            h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
            h.tbody(data_live="modules.moves")[_move_rows(ask)],
        ]
    ]


def _move_rows(ask: Ask) -> list[h.Element]:
    state = ask.site.state("power", PowerState)

    def end(number: int) -> str:
        return ask.text("modules.output", n=number) if number else ask.text("modules.nobody")

    rows = [
        (move.group, f"{end(move.from_connector)} → {end(move.to_connector)}",
         f"{move.step} ({with_unit(ask.words, move.in_step_s, 's')})", move.why or "–")
        for move in (state.moves if state else ())
    ]  # fmt: skip
    return [h.tr[(h.td[cell] for cell in row)] for row in rows] or [h.tr[h.td(".empty", colspan="4")["–"]]]


# ---------------------------------------------------------------------------------------------------- looking back


def _replay(ask: Ask, span: tuple[float, float] | None, faults: list[Event], at_s: float | None, item: str) -> h.Node:
    if span is None:
        return card(ask.text("modules.replay"), h.p[ask.text("modules.replay_none")], id="replay")
    last_s = ask.site.context.clock.now().timestamp()
    first_s = max(span[0], last_s - KEPT_S)
    shown_s = at_s if at_s is not None else last_s

    def step(minutes: int, key: str) -> h.Node:
        return h.a(".button", href=_link(min(max(shown_s + minutes * 60, first_s), last_s), item))[
            f"{ask.text(f'modules.{key}')} {with_unit(ask.words, abs(minutes), 'min', 0)}"
        ]

    return card(
        ask.text("modules.replay"),
        h.form(".replay", method="get", action=PATH, data_moment="/modules/moment")[
            h.input(type="hidden", name="item", value=item) if item else None,
            h.label(for_="f-at")[ask.text("modules.moment")],
            h.input(
                {"list": "marks"},
                id="f-at", name="at", type="range", min=f"{first_s:.0f}", max=f"{last_s:.0f}", step="1",
                value=f"{shown_s:.0f}",
            ),
            h.datalist("#marks")[(h.option(value=f"{event.at_s:.0f}") for event in faults)],
            h.p(".hint")[ask.text("modules.replay_hint")],
            h.button(".main", type="submit")[ask.text("modules.show")],
            step(-10, "earlier"), step(-1, "earlier"), step(1, "later"), step(10, "later"),
            h.a(".button", href=_link(None, item))[ask.text("modules.now")],
        ],
        h.h3[ask.text("modules.faults")],
        h.ul(".marks")[(h.li[h.a(href=_link(event.at_s + 1, _marked(event)))[told(ask, event)]] for event in faults)]
        if faults
        else h.p(".soft")[ask.text("modules.no_faults")],
        id="replay",
    )  # fmt: skip


def _marked(event: Event) -> str:
    return event.before.split(",")[0] if event.item == "odd" else event.item


ROUTES = (
    get(PATH, modules, Right.SEE, live=live_values),
    get("/modules/moment", moment, Right.SEE),
)
