"""What the pages of the station file are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import htpy as h

from chargepoint.config_difference import Change
from chargepoint.config_faults import HIDDEN, shown_of
from chargepoint.config_kept import BY_HAND
from chargepoint.messages import ConfigurationFault, StationState
from webconfig.ask import Ask
from webconfig.configuration.keys import BOOL, NUMBER, TABLE, WHOLE, WORD, Key
from webconfig.configuration.meanings import about_key
from webconfig.configuration.seen import Seen
from webconfig.layout import card, form, table

LONGEST_SHOWN = 400
_KEY_LINE = re.compile(r"^([ +-]\s*([A-Za-z0-9_-]{1,80})\s*=\s*)")


def fault_list(ask: Ask, found: Sequence[ConfigurationFault], seen: Seen | None, title: str = "") -> h.Node:
    """All faults, each with a link to where it can be mended."""
    if not found:
        return None
    return card(
        title or ask.text("config.faults", n=len(found)),
        h.ul(".faults")[
            (
                h.li[
                    h.a(href=seen.link_of(each.place))[each.place] if seen else h.b[each.place],
                    f" = {each.found}" if each.found else "",
                    ": ",
                    each.why,
                    ". ",
                    each.remedy,
                ]
                for each in found
            )
        ],
        id="faults",
    )


def change_rows(ask: Ask, changes: Iterable[Change]) -> h.Node:
    """Old and new by key; of a section that came or went one row."""
    rows: list[tuple[h.Node, ...]] = []
    whole = {(each.section, each.place) for each in changes if not each.key}
    for each in changes:
        if each.key and (each.section, each.place) in whole and each.new is None:
            continue
        rows.append(
            (
                each.place or "–",
                each.key or ask.text("config.whole"),
                _value(ask, each, each.old),
                _value(ask, each, each.new),
            )
        )
    head = [ask.text(f"config.{key}") for key in ("place", "key", "old", "new")]
    return table(head, rows, ask.text("config.changes"), ask.text("config.no_changes"))


def _value(ask: Ask, change: Change, value: str | None) -> h.Node:
    if value is None:
        return h.span(".soft")[ask.text("config.default_counts" if change.key else "config.absent")]
    return h.code[value] if change.key else ask.text("config.present")


def lines(ask: Ask, difference: Iterable[str]) -> h.Node:
    """A unified difference."""
    kinds = {"+": "good", "-": "bad", "@": "soft"}
    return h.details[
        h.summary[ask.text("config.lines")],
        h.pre(".lines", tabindex="0")[
            (h.span(class_=kinds.get(line[:1], ""))[f"{_masked(line)}\n"] for line in difference)
        ],
    ]


def _masked(line: str) -> str:
    """A line without the value of what is called like a secret."""
    match = _KEY_LINE.match(line)
    return f"{match[1]}{HIDDEN}" if match and shown_of(match[2], "") == HIDDEN else line


def charging_now(ask: Ask) -> int | None:
    """How many sessions run; None: the station does not say."""
    from chargepoint.messages import ConnectorState

    if ask.site.state("station", StationState) is None:
        return None
    return sum(each.session is not None for each in ask.site.all_of("connector/", ConnectorState).values())


def key_field(ask: Ask, section: str, key: Key, own: str | None, faults: Sequence[ConfigurationFault]) -> h.Node:
    """A key as a labelled field. `own`: what stands in the file as it is typed; None: the default counts."""
    name = f"v.{key.name}"
    about = f"{name}-about"
    wrong = [each for each in faults if each.place.rpartition(", ")[2].partition("[")[0] == key.name]
    described = {"aria-describedby": about, "aria-invalid": "true" if wrong else None}
    return h.div(class_=f"field {'own' if own is not None else 'inherited'}")[
        h.label(for_=f"f-{name}")[
            h.code[key.name],
            f" ({key.unit})" if key.unit else "",
            h.span(".wrong", aria_hidden="true")[" *"] if key.is_required else None,
            h.span(".soft")[" ", ask.text("config.own" if own is not None else "config.inherited")]
            if own != ""
            else None,
        ],
        h.div(".with-reset")[
            _input(ask, key, own, described),
            h.button(
                type="submit", name="reset", value=key.name, aria_label=ask.text("config.reset_of", name=key.name)
            )[ask.text("config.reset")]
            if own is not None and not key.is_required
            else None,
        ],
        h.p(".hint", id=about)[
            [h.span(".wrong")[f"{each.why}. {each.remedy} "] for each in wrong],
            about_key(ask, section, key),
            f" · {ask.text('config.default')} {key.default or ask.text('config.nothing')}"
            if not key.is_required
            else "",
            f" · {bounds_told(ask, key.bounds)}" if key.bounds else None,
        ],
    ]


def _input(ask: Ask, key: Key, own: str | None, described: Mapping[str, str | None]) -> h.Node:
    name = f"v.{key.name}"
    if key.kind in (BOOL, WORD):
        words = ("true", "false") if key.kind == BOOL else key.words
        known = own is None or own in words
        default = key.default or ask.text("config.nothing")
        options: list[tuple[str, str]] = [] if key.is_required and own else [("", f"({default})")]
        options += [(word, ask.text(f"config.{word}") if key.kind == BOOL else word) for word in words]
        if not known:
            options.append((own or "", own or ""))
        return h.select(described, id=f"f-{name}", name=name)[
            (h.option(value=value, selected=value == (own or ""))[text] for value, text in options)
        ]
    if key.kind == TABLE and own is not None and len(own) > 60:
        return h.textarea(described, id=f"f-{name}", name=name, rows="3", maxlength="2000")[own]
    return h.input(
        described,
        id=f"f-{name}",
        name=name,
        type="text",
        value=own or "",
        placeholder=key.default or None,
        inputmode="decimal" if key.kind == NUMBER else "numeric" if key.kind == WHOLE else None,
        maxlength="2000",
        autocomplete="off",
    )


def hidden(**values: str) -> list[h.Node]:
    return [h.input(type="hidden", name=name, value=value) for name, value in values.items()]


def one_button(ask: Ask, path: str, text: str, kind: str = "", label: str = "", **values: str) -> h.Node:
    """A form that is only a button; `label` says to who cannot see what it is about."""
    button = h.button(type="submit", class_=kind or None, aria_label=label or None)[text]
    return form(ask, path, hidden(**values), button, class_="inline")


def who(ask: Ask, by: str) -> str:
    """Who changed the file, as people are told."""
    names = {"hub": "config.by_station", BY_HAND: "config.by_hand_there"}
    return ask.text(names[by]) if by in names else by or "–"


def faulty_lines(text: str, found: Sequence[ConfigurationFault]) -> h.Node:
    """The lines around each fault that names one."""
    from webconfig.configuration.seen import _LINE

    rows = text.splitlines()
    marked = {int(match[1]) for each in found if (match := _LINE.match(each.place))}
    if not marked:
        return None
    near = sorted({n for line in marked for n in range(line - 3, line + 4) if 1 <= n <= len(rows)})
    return h.pre(".lines", tabindex="0")[
        (
            h.span(class_="bad" if n in marked else "", id=f"line-{n}")[
                f"{'▶' if n in marked else ' '} {n:4} {rows[n - 1][:LONGEST_SHOWN]}\n"
            ]
            for n in near
        )
    ]


def when(ask: Ask, at: str) -> str:
    """A moment kept as ISO 8601, in the station's zone; empty when there is none."""
    from datetime import datetime

    try:
        return ask.words.time(datetime.fromisoformat(at)) if at else ""
    except ValueError:
        return ""


_BOUND = re.compile(r"(above|at least|below|at most|not empty) ?(\S*)( characters)?")


def bounds_told(ask: Ask, bounds: str) -> str:
    """The bounds of a key (config_schema.bounds) in the page's language."""
    told = []
    for part in bounds.split(" and "):
        match = _BOUND.fullmatch(part)
        if match is None:
            told.append(part)
            continue
        key = "config.bound_characters" if match[3] else f"config.bound_{match[1].replace(' ', '_')}"
        told.append(ask.text(key, n=match[2]))
    return ", ".join(told)
