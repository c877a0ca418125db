"""Where a key of the station file is: a search over names and meanings, and the list of all sections."""

from __future__ import annotations

import htpy as h

from webconfig.ask import Ask
from webconfig.configuration.keys import Key, SectionRows, search, sections, shown_value
from webconfig.configuration.meanings import about_key, key_meaning, section_meaning, section_title
from webconfig.configuration.seen import Seen
from webconfig.layout import card, field


def search_card(ask: Ask, now: Seen, query: str) -> h.Node:
    """The search with what was found; in the language of who asks, and in that of the code."""
    found = search(query, lambda section, key: key_meaning(ask.words, section.name, key))
    return card(
        ask.text("config.search"),
        h.form(method="get", action="/config", role="search")[
            field("q", ask.text("config.search_for"), query, kind="search", maxlength="100"),
            h.button(type="submit")[ask.text("config.find")],
        ],
        h.ul(".found")[
            (
                h.li[
                    h.a(href=f"/config/section/{each.section.name}#f-v.{each.key.name}")[
                        h.code[f"{each.section.label} {each.key.name}"]
                    ],
                    " ",
                    h.span[_values(now, each.section, each.key)],
                    h.p(".hint")[about_key(ask, each.section.name, each.key)],
                ]
                for each in found
            )
        ]
        if found
        else h.p[ask.text("config.nothing_found")]
        if query
        else None,
    )


def _values(now: Seen, section: SectionRows, key: Key) -> str:
    own = [shown_value(item[key.name]) for item in now.items(section) if key.name in item]
    return f"= {'; '.join(own[:8])[:200]}" if own else f"({key.default or '–'})"


def section_list(ask: Ask, now: Seen) -> h.Node:
    """All sections by name, with how much of them is in the file."""
    rows = []
    for section in sections().values():
        items = now.items(section)
        count = len(items) if section.is_list else sum(len(item) for item in items)
        kind = ask.text("config.pieces" if section.is_list else "config.own_values", n=count)
        about = (section_meaning(ask.words, section) or section.about).partition(". ")[0]
        rows.append(
            h.li[
                h.a(href=f"/config/section/{section.name}", title=about)[section_title(ask.words, section)],
                h.span(".soft")[" ", h.code[section.label], " · ", kind if count else "–"],
            ]
        )
    return card(ask.text("config.sections"), h.ul(".sections")[rows], id="sections")
