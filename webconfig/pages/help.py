"""Help that works without internet: what to do when, words, contacts, keys, all pages."""

from __future__ import annotations

import htpy as h

from chargepoint.rights import Right
from chargepoint.version import VERSION
from chargepoint.vocabulary import ConnectorStatus
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import GROUPS, MENU, card, facts, page, table
from webconfig.promises import promises
from webconfig.routes import get

TROUBLES = (
    ("safe_mode", "/config"),
    ("no_meter", "/devices"),
    ("no_controller", "/devices"),
    ("check_sum", "/devices"),
    ("two_addresses", "/devices"),
    ("server_unreachable", "/ocpp"),
    ("server_refuses", "/ocpp"),
    ("server_404", "/ocpp"),
    ("certificate", "/certificates"),
    ("portal", "/network"),
    ("card_everywhere", "/access"),
    ("card_random", "/access"),
    ("reader", "/service"),
    ("slow", "/limits"),
    ("hot_plug", "/connectors"),
    ("no_new", "/journal"),
    ("exchanged", "/devices"),
    ("browser_warns", "/certificates"),
    ("forgotten", "/users"),
    ("throttled", "/security"),
    ("clock", "/time"),
    ("chain", "/security"),
)
"""Key of the texts `help_trouble`, the page that helps."""
WORDS = (
    "session",
    "transaction",
    "connector",
    "controller",
    "free_mode",
    "offline",
    "garbage",
    "safe_mode",
    "derating",
    "draft",
)
KEYS = (
    ("Tab", "k_tab"),
    ("Enter", "k_enter"),
    ("Space", "k_space"),
    ("Esc", "k_escape"),
    ("Tab", "k_skip"),
    ("?", "k_help"),
    ("/", "k_search"),
    ("g h", "k_home"),
    ("g c", "k_connectors"),
    ("g s", "k_sessions"),
    ("g l", "k_limits"),
    ("g o", "k_oplog"),
    ("g d", "k_devices"),
    ("g k", "k_config"),
)
"""The last ones are those of static/furniture.js; they can be switched off below the own name."""


async def help_page(ask: Ask) -> Answer:
    names = {entry.path: ask.text(f"nav.{entry.name}") for entry in MENU}
    head = [ask.text(f"help.{name}") for name in ("symptom", "cause", "steps", "page")]
    rows: list[list[h.Node]] = [
        [
            h.span(id=key)[ask.text(f"help_trouble.{key}_symptom")],
            ask.text(f"help_trouble.{key}_cause"),
            ask.text(f"help_trouble.{key}_steps"),
            h.a(href=path)[names.get(path, path)],
        ]
        for key, path in TROUBLES
    ]
    statuses: list[list[h.Node]] = [
        [ask.words.one_of("cs", status.value), h.code[status.value]] for status in ConnectorStatus
    ]
    return Html(
        page(
            ask,
            ask.text("help.title"),
            table(head, rows, caption=ask.text("help.trouble")),
            _contacts(ask),
            card(
                ask.text("help.glossary"),
                facts((ask.text(f"help_word.{word}"), ask.text(f"help_word.{word}_means")) for word in WORDS),
                table([ask.text("help.status"), ask.text("help.word")], statuses, caption=ask.text("help.statuses")),
                id="glossary",
            ),
            card(ask.text("help.keys"), facts((h_key, ask.text(f"help.{about}")) for h_key, about in KEYS), id="keys"),
            _manual(ask),
        )
    )


def _contacts(ask: Ask) -> h.Node:
    settings = ask.site.context.settings
    stands = [(ask.text("overview.address"), settings.station.address)] if settings.station.address else []
    phone = settings.screen.phone
    site = settings.screen.links.support.replace("{station}", settings.station.name)
    return card(
        ask.text("help.contacts"),
        facts(
            [
                (ask.text("help.phone"), h.a(href=f"tel:{phone}")[phone] if phone else ask.text("help.none")),
                (
                    ask.text("help.site"),
                    h.a(href=site, rel="noreferrer")[site]
                    if site.startswith(("https://", "http://"))
                    else site or ask.text("help.none"),
                ),
                (ask.text("help.identity"), f"{settings.station.name}, {VERSION}"),
                *stands,
                *promises(ask),
            ]
        ),
        id="contacts",
    )


def _manual(ask: Ask) -> h.Node:
    """All pages this visitor may open, in the groups of the menu."""
    return card(
        ask.text("help.manual"),
        [
            [
                h.h3[ask.text(f"nav.group_{group}")],
                h.ul[
                    (
                        h.li[h.a(href=entry.path)[ask.text(f"nav.{entry.name}")]]
                        for entry in MENU
                        if entry.group == group and ask.may(entry.right)
                    )
                ],
            ]
            for group in GROUPS
        ],
        id="manual",
    )


ROUTES = (get("/help", help_page, Right.SEE, is_safe_mode=True),)
