"""The frame of every page: title, status stripe, navigation, messages; and the small parts pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import htpy as h
import msgspec

from chargepoint.rights import Right
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.stripe import stripe
from webconfig.trial_notice import trial_notice
from webconfig.words import LANGUAGES, OWN_NAMES, Words


class Entry(msgspec.Struct, frozen=True):
    """One entry of the navigation: text `nav.NAME`, shown to who holds the right; `group` is its heading."""

    name: str
    path: str
    right: Right
    group: str


MENU: tuple[Entry, ...] = (
    Entry("dashboard", "/", Right.SEE, "work"),
    Entry("connectors", "/connectors", Right.SEE, "work"),
    Entry("sessions", "/sessions", Right.SEE, "work"),
    Entry("modules", "/modules", Right.SEE, "work"),
    Entry("limits", "/limits", Right.SEE, "work"),
    Entry("meters", "/meters", Right.SEE, "work"),
    Entry("climate", "/climate", Right.SEE, "work"),
    Entry("devices", "/devices", Right.SEE, "work"),
    Entry("access", "/access", Right.SEE, "people"),
    Entry("users", "/users", Right.ADMINISTER, "people"),
    Entry("tariffs", "/tariffs", Right.SEE, "people"),
    Entry("incidents", "/incidents", Right.SEE, "records"),
    Entry("oplog", "/oplog", Right.SEE, "records"),
    Entry("security", "/security", Right.SEE, "records"),
    Entry("journal", "/journal", Right.DOWNLOAD, "records"),
    Entry("reports", "/reports", Right.DOWNLOAD, "records"),
    Entry("config", "/config", Right.CONFIGURE, "settings"),
    Entry("ocpp", "/ocpp", Right.SEE, "settings"),
    Entry("network", "/network", Right.SEE, "settings"),
    Entry("time", "/time", Right.SEE, "settings"),
    Entry("certificates", "/certificates", Right.SEE, "settings"),
    Entry("screen", "/hmi", Right.SEE, "settings"),
    Entry("firmware", "/firmware", Right.SEE, "settings"),
    Entry("service", "/service", Right.SERVICE, "settings"),
    Entry("backup", "/backup", Right.CONFIGURE, "settings"),
    Entry("api", "/api/docs", Right.SEE, "settings"),
    Entry("help", "/help", Right.SEE, "settings"),
)
GROUPS = ("work", "people", "records", "settings")
BOTTOM = ("dashboard", "connectors", "sessions", "service")
"""On a phone: these, and More."""


def page(
    ask: Ask,
    title: str,
    *content: h.Node,
    crumbs: Iterable[tuple[str, str]] = (),
    live: str = "",
    notice: str = "",
    fault: str = "",
) -> h.Renderable:
    """A whole page. `title` is text, not a key; `crumbs` are (text, path) above it. `live`: the path of the page whose
    values change (usually ask.request.path), empty: it is still. `notice` says what was just done, `fault` what was
    not."""
    words = ask.words
    name = station_name(ask)
    return h.html(lang=words.language, data_theme=ask.request.cookies.get("theme", "auto"))[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.title[f"{title} · {identity(ask) if ask.visitor else name}"],
            h.link(rel="stylesheet", href="/static/app.css"),
            h.link(rel="icon", href="/static/icon.svg", type="image/svg+xml"),
            h.script(src="/static/app.js", defer=True),
            h.script(src="/static/furniture.js", defer=True) if ask.visitor else None,
        ],
        h.body(data_live_of=live or None, data_csrf=ask.visitor.csrf if ask.visitor else None)[
            h.a(".skip", href="#content")[words("frame.skip")],
            _header(ask, name),
            h.div(".columns")[
                _navigation(ask) if ask.visitor and not ask.visitor.must_change else None,
                h.main("#content", tabindex="-1")[
                    trial_notice(ask),
                    _crumbs(words, crumbs),
                    h.h1[title],
                    h.p(".notice", role="status")[notice] if notice else None,
                    h.p(".fault", role="alert")[fault] if fault else None,
                    content,
                    _foot(ask) if ask.visitor else None,
                ],
            ],
            _bottom(ask) if ask.visitor and not ask.visitor.must_change else None,
        ],
    ]


def station_name(ask: Ask) -> str:
    settings = ask.site.context.settings
    return settings.station.name


def identity(ask: Ask) -> str:
    """The station's name, and behind it its identity at the central system where that is another one."""
    settings = ask.site.context.settings
    other = settings.ocpp.identity
    return f"{settings.station.name} ({other})" if other and other != settings.station.name else settings.station.name


def error_page(ask: Ask | None, words: Words, problem: Problem) -> h.Renderable:
    """What went wrong, and where to go from here: in the frame for who is logged in."""
    if ask is not None and ask.visitor is not None and not ask.visitor.must_change:
        return page(ask, words("problem.title"), _told_fields(problem), _ways_on(words), fault=problem.detail)
    return h.html(lang=words.language)[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.title[words("problem.title")],
            h.link(rel="stylesheet", href="/static/app.css"),
        ],
        h.body[
            h.main("#content")[
                h.h1[words("problem.title")],
                h.p(".fault", role="alert")[problem.detail],
                _told_fields(problem),
                _ways_on(words),
            ]
        ],
    ]


def _told_fields(problem: Problem) -> h.Node:
    if not problem.fields:
        return None
    return h.ul[(h.li[h.code[place], " ", text] for place, text in problem.fields.items())]


def _ways_on(words: Words) -> h.Node:
    return h.p[h.a(href="/")[words("problem.home")], " · ", h.a(href="/help")[words("nav.help")]]


def _header(ask: Ask, name: str) -> h.Node:
    words = ask.words
    return h.header(".top")[
        h.a(".name", href="/")[identity(ask) if ask.visitor else name],
        stripe(ask),
        h.details(".account")[
            h.summary[ask.login or OWN_NAMES[words.language]],
            h.div[
                h.form(method="post", action="/look")[
                    _csrf(ask),
                    h.input(type="hidden", name="to", value=ask.request.path_qs),
                    h.label[
                        words("frame.language"),
                        h.select(name="language")[
                            (h.option(value=one, selected=one == words.language)[OWN_NAMES[one]] for one in LANGUAGES)
                        ],
                    ],
                    h.label[
                        words("frame.theme"),
                        h.select(name="theme")[
                            (
                                h.option(value=one, selected=ask.request.cookies.get("theme", "auto") == one)[
                                    words(f"frame.theme_{one}")
                                ]
                                for one in ("auto", "light", "dark")
                            )
                        ],
                    ],
                    h.button(type="submit")[words("frame.apply")],
                ],
                _comforts(ask) if ask.visitor else None,
                [
                    h.p[h.a(href="/account")[words("account.title")]],
                    h.p[h.a(href="/password")[words("frame.password")]],
                    h.form(method="post", action="/logout")[_csrf(ask), h.button(type="submit")[words("frame.logout")]],
                    h.form(method="post", action="/logout/everywhere")[
                        _csrf(ask), h.button(type="submit")[words("frame.logout_everywhere")]
                    ],
                ]
                if ask.visitor
                else None,
            ],
        ],
    ]


EVERY_S = (2, 5, 10, 30, 60)


def _comforts(ask: Ask) -> h.Node:
    """What the script keeps in this browser: how often values change, whether keys are shortcuts."""
    words = ask.words
    paces = [("0", words("frame.every_change")), *((str(s), words("frame.every_s", n=s)) for s in EVERY_S)]
    return h.div("#comforts", hidden=True, data_login=ask.login)[
        h.label[
            words("frame.every"),
            h.select("#every")[
                (h.option(value=value)[text] for value, text in (*paces, ("-1", words("frame.every_off"))))
            ],
        ],
        h.label(".switch")[h.input("#shortcuts", type="checkbox"), words("frame.shortcuts")],
    ]


def _foot(ask: Ask) -> h.Node:
    """Which station this is, the link to this page, the keys."""
    words = ask.words
    return h.footer(".foot", data_columns=words("frame.columns"))[
        h.span[identity(ask)],
        h.button("#copy-link", type="button", hidden=True, data_done=words("frame.copied"))[words("frame.copy_link")],
        h.a(href="/help#keys")[words("help.keys")],
    ]


def entries_for(ask: Ask) -> list[Entry]:
    """The entries of the navigation that this person may open, in safe mode only those that are there."""
    site = ask.site
    return [entry for entry in MENU if ask.may(entry.right) and (not site.is_safe_mode or site.serves(entry.path))]


def _navigation(ask: Ask) -> h.Node:
    here = ask.route.path
    entries = entries_for(ask)
    return h.nav(".menu", aria_label=ask.text("frame.menu"))[
        (
            [
                h.h2[ask.text(f"nav.group_{group}")],
                h.ul[(h.li[_entry(ask, entry, here)] for entry in entries if entry.group == group)],
            ]
            for group in GROUPS
            if any(entry.group == group for entry in entries)
        )
    ]


def _entry(ask: Ask, entry: Entry, here: str) -> h.Node:
    is_here = here == entry.path or (entry.path != "/" and here.startswith(entry.path + "/"))
    return h.a(href=entry.path, aria_current="page" if is_here else None)[ask.text(f"nav.{entry.name}")]


def _bottom(ask: Ask) -> h.Node:
    return h.nav(".bottom", aria_label=ask.text("frame.quick"))[
        (_entry(ask, entry, ask.route.path) for entry in entries_for(ask) if entry.name in BOTTOM),
        h.a(href="/more", aria_current="page" if ask.route.path == "/more" else None)[ask.text("nav.more")],
    ]


def _crumbs(words: Words, crumbs: Iterable[tuple[str, str]]) -> h.Node:
    found = list(crumbs)
    if not found:
        return None
    return h.nav(".crumbs", aria_label=words("frame.crumbs"))[
        h.ol[(h.li[h.a(href=path)[text]] for text, path in found)]
    ]


# ------------------------------------------------------------------------------------------------ parts of pages


def _csrf(ask: Ask) -> h.Node:
    return h.input(type="hidden", name="csrf", value=ask.visitor.csrf) if ask.visitor else None


def form(ask: Ask, action: str, *content: h.Node, **attributes: str) -> h.Element:
    """A form that posts to `action`, with its CSRF token."""
    return h.form(method="post", action=action, **attributes)[_csrf(ask), content]


def live(key: str, text: str, tag: h.Element = h.span, **attributes: str | None) -> h.Element:
    """A value that changes: `key` is its name in the page's live values, `text` what it is now."""
    return tag(data_live=key, **attributes)[text]


def markup(content: h.Renderable) -> str:
    """Its HTML as plain text, for a live value `KEY@html`."""
    return "".join(content.iter_chunks())


def facts(rows: Iterable[tuple[str, h.Node]]) -> h.Element:
    """Names and values, one under the other."""
    return h.dl(".facts")[([h.dt[name], h.dd[value]] for name, value in rows)]


def table(
    head: Sequence[str], rows: Iterable[Sequence[h.Node]], caption: str = "", empty: str = "", key: str = ""
) -> h.Element:
    """A table that becomes cards on a phone. `empty` is said when there is no row; `key` names its body for `@html`."""
    body = [h.tr[(h.td(data_label=name)[cell] for name, cell in zip(head, row, strict=True))] for row in rows]
    if not body and empty:
        body = [h.tr[h.td(".empty", colspan=str(len(head)))[empty]]]
    return h.div(".scroll", tabindex="0", role="region", aria_label=caption or None)[
        h.table[
            h.caption[caption] if caption else None,
            h.thead[h.tr[(h.th(scope="col")[name] for name in head)]],
            h.tbody(data_live=key or None)[body],
        ]
    ]


def card(title: str, *content: h.Node, id: str = "") -> h.Element:
    """A block with a heading, which a link can point to (`#id`)."""
    return h.section(".card", id=id or None)[h.h2[title] if title else None, content]


def field(
    name: str,
    label: str,
    value: str = "",
    *,
    kind: str = "text",
    hint: str = "",
    fault: str = "",
    **attributes: str | bool | None,
) -> h.Element:
    """A labelled input with its hint and what is wrong with it. `kind` is the input's type."""
    about = f"{name}-about" if hint or fault else None
    return h.div(".field")[
        h.label(for_=f"f-{name}")[label],
        h.input(
            {"aria-describedby": about, "aria-invalid": "true" if fault else None},
            id=f"f-{name}",
            name=name,
            type=kind,
            value=value,
            **attributes,
        ),
        h.p(".hint", id=about)[h.span(".wrong")[fault] if fault else None, hint] if about else None,
    ]


def choice(name: str, label: str, options: Iterable[tuple[str, str]], value: str = "", hint: str = "") -> h.Element:
    """A labelled choice of (value, text)."""
    about = f"{name}-about" if hint else None
    return h.div(".field")[
        h.label(for_=f"f-{name}")[label],
        h.select({"aria-describedby": about}, id=f"f-{name}", name=name)[
            (h.option(value=one, selected=one == value)[text] for one, text in options)
        ],
        h.p(".hint", id=about)[hint] if hint else None,
    ]


def deed_button(ask: Ask, name: str, /, label: str = "", **arguments: str | int) -> h.Node:
    """A button to a deed of the action table: it leads to the page that says its effect and asks back (`/deeds/NAME`).
    Nothing for who may not."""
    from urllib.parse import urlencode

    from chargepoint.action_table import ACTIONS

    if not ask.may(ACTIONS[name].right):
        return None
    given = urlencode({**arguments, "to": ask.request.path})
    return h.a(".button", href=f"/deeds/{name}?{given}")[label or _verb(ask, name, arguments)]


def _verb(ask: Ask, name: str, arguments: Mapping[str, str | int]) -> str:
    key = f"verb.{name}"
    return ask.words(key, **arguments) if ask.words.has(key) else name


def query_link(path: str, **values: Mapping[str, str] | str | int | None) -> str:
    """A path with a query of what is not None."""
    from urllib.parse import urlencode

    given = {key: str(value) for key, value in values.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
