"""The station file: overview with search, sections as forms (webconfig.md 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import htpy as h

from chargepoint.messages import ActionResult, ConfigurationFault, WriteDraft
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.configuration import finding, parts
from webconfig.configuration.keys import Key, SectionRows, sections, shown_value, written
from webconfig.configuration.meanings import about_section, section_title
from webconfig.configuration.seen import Seen, seen
from webconfig.layout import card, facts, form, page, table
from webconfig.routes import get, post
from webconfig.trial_notice import trial_text

SECTION = "/config/section/{name:[a-z_.]{1,60}}"
CONFLICTS = frozenset({"draft_changed", "changed_meanwhile"})


async def overview(ask: Ask) -> Answer:
    now = await seen(ask)
    query = ask.query_text("q")
    return Html(
        page(
            ask,
            ask.text("config.title"),
            h.link(rel="stylesheet", href="/static/config.css"),
            _standing(ask, now),
            _draft(ask, now),
            parts.fault_list(ask, now.faults, now),
            finding.search_card(ask, now, query),
            finding.section_list(ask, now),
            card(
                ask.text("config.more"),
                h.p[
                    h.a(".button", href="/config/raw")[ask.text("config.raw")],
                    h.a(".button", href="/config/history")[ask.text("config.history")],
                    h.a(".button", href="/config/export")[ask.text("config.export")],
                    h.a(".button", href="/backup")[ask.text("nav.backup")],
                ],
            ),
            notice=ask.text(f"config.done_{ask.query_text('done')}") if ask.query_text("done") in DONE else "",
        )
    )


DONE = frozenset({"dropped", "kept", "noted", "returned", "cancelled", "rebased", "restored", "imported", "applied"})


def _standing(ask: Ask, now: Seen) -> h.Node:
    told = now.page
    rows: list[tuple[str, h.Node]] = [
        (ask.text("config.file"), h.code[told.path]),
        (ask.text("config.version"), h.code[told.version]),
        (ask.text("config.changed_by"), f"{parts.who(ask, told.changed_by)} {parts.when(ask, told.changed_at)}"),
    ]
    if told.changed_comment:
        rows.append((ask.text("config.comment"), told.changed_comment))
    if told.trial:
        rows.append(
            (ask.text("config.trial"), f"{ask.text(f'config.trial_{told.trial}')} {trial_text(ask, told.trial_reason)}")
        )
    return card(
        ask.text("config.now"),
        facts(rows),
        h.p(".fault")[ask.text("config.broken_file")] if told.file_faults else None,
        [
            h.p(".warn")[ask.text("config.planned", by=told.planned_by, at=parts.when(ask, told.planned_at) or "–")],
            parts.one_button(ask, "/config/cancel-plan", ask.text("config.cancel_plan")),
        ]
        if told.planned_by
        else None,
    )


def _draft(ask: Ask, now: Seen) -> h.Node:
    others = h.p(".soft")[ask.text("config.others", who=", ".join(now.page.others))] if now.page.others else None
    if not now.has_draft:
        return card(ask.text("config.draft"), h.p[ask.text("config.no_draft")], others)
    changes = now.changes()
    return card(
        ask.text("config.draft"),
        h.p[ask.text("config.draft_has", n=len(changes), faults=len(now.page.faults))],
        behind(ask, now),
        others,
        h.a(".button.main", href="/config/difference")[ask.text("config.difference")],
        parts.one_button(ask, "/config/drop", ask.text("config.drop"), version=now.draft_version),
    )


def behind(ask: Ask, now: Seen) -> h.Node:
    """Somebody changed the file since this draft was begun."""
    if not now.is_behind:
        return None
    told = now.page
    return h.div(".fault")[
        h.p[ask.text("config.behind", by=parts.who(ask, told.changed_by), at=parts.when(ask, told.changed_at) or "–")],
        parts.one_button(ask, "/config/rebase", ask.text("config.rebase"), "main"),
        h.a(".button", href="/config/difference")[ask.text("config.compare")],
    ]


# ------------------------------------------------------------------------------------------------------- a section


def _rows(ask: Ask) -> SectionRows:
    found = sections().get(ask.place("name"))
    if found is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return found


async def section_page(ask: Ask) -> Answer:
    section, now = _rows(ask), await seen(ask)
    if now.document is None:
        return Redirect("/config/raw")
    if section.is_list:
        return Html(_list_page(ask, now, section))
    return Html(_form_page(ask, now, section, 0))


async def item_page(ask: Ask) -> Answer:
    section, now = _rows(ask), await seen(ask)
    if now.document is None:
        return Redirect("/config/raw")
    return Html(_form_page(ask, now, section, _number(ask, now, section)))


def _number(ask: Ask, now: Seen, section: SectionRows) -> int:
    if not section.is_list:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return ask.number("place", 1, len(now.items(section)))


def section_crumbs(ask: Ask, section: SectionRows | None = None) -> list[tuple[str, str]]:
    found = [(ask.text("config.title"), "/config")]
    if section is not None:
        found.append((section_title(ask.words, section), f"/config/section/{section.name}"))
    return found


def _list_page(ask: Ask, now: Seen, section: SectionRows, fault: str = "") -> h.Renderable:
    items = now.items(section)
    required = [key for key in section.keys if key.is_required]
    shown = required[:4] or list(section.keys[:3])
    rows = [
        (
            h.a(href=f"/config/section/{section.name}/{n}")[h.code[_label(section, item, n)]],
            *(shown_value(item[key.name]) if key.name in item else "–" for key in shown),
            parts.one_button(
                ask,
                f"/config/section/{section.name}/{n}/remove",
                ask.text("config.remove"),
                label=f"{ask.text('config.remove')} {_label(section, item, n)}",
                version=now.draft_version,
            ),
        )
        for n, item in enumerate(items, start=1)
    ]
    head = (ask.text("config.section"), *(key.name for key in shown), ask.text("config.remove"))
    return page(
        ask,
        f"{section_title(ask.words, section)} {section.label}",
        h.link(rel="stylesheet", href="/static/config.css"),
        about_section(ask, section),
        table(head, rows, ask.text("config.pieces", n=len(items)), ask.text("config.none_yet")),
        card(
            ask.text("config.add"),
            form(
                ask,
                f"/config/section/{section.name}/add",
                parts.hidden(version=now.draft_version),
                [parts.key_field(ask, section.name, key, "", ()) for key in required],
                h.button(".main", type="submit")[ask.text("config.add")],
            ),
        ),
        crumbs=section_crumbs(ask),
        fault=fault,
    )


def _label(section: SectionRows, item: Mapping[str, Any], number: int) -> str:
    from chargepoint.config_schema import section_label

    return section_label(section.name, item, number)


def _form_page(
    ask: Ask,
    now: Seen,
    section: SectionRows,
    number: int,
    *,
    fault: str = "",
    typed: Mapping[str, str] | None = None,
) -> h.Renderable:
    item = now.items(section)[number - 1 if number else 0]
    label = _label(section, item, number) if number else section.label
    title = label if number else f"{section_title(ask.words, section)} {label}"
    here = f"/config/section/{section.name}" + (f"/{number}" if number else "")
    mine = [each for each in now.faults if (each.place.rpartition(", ")[0] or each.place) == label]
    unknown = [name for name in item if name not in {key.name for key in section.keys} and not _is_table(section, name)]
    return page(
        ask,
        title,
        h.link(rel="stylesheet", href="/static/config.css"),
        about_section(ask, section),
        h.p(".soft")[ask.text("config.restart_need")],
        parts.fault_list(ask, mine, now),
        _conflict(ask, section, item, typed),
        form(
            ask,
            here,
            parts.hidden(version=now.draft_version),
            [parts.key_field(ask, section.name, key, _own(item, key), mine) for key in section.keys],
            h.button(".main", type="submit")[ask.text("config.save")],
        ),
        h.p[ask.text("config.by_hand", names=", ".join(unknown))] if unknown else None,
        h.p[
            h.a(".button", href="/config/difference")[ask.text("config.difference")],
            h.a(".button", href="/config/raw")[ask.text("config.raw")],
        ],
        crumbs=section_crumbs(ask, section if number else None),
        fault=fault,
        notice=ask.text("config.saved") if ask.query_text("saved") else "",
    )


def _is_table(section: SectionRows, name: str) -> bool:
    return f"{section.name}.{name}" in sections()


def _own(item: Mapping[str, Any], key: Key) -> str | None:
    return shown_value(item[key.name]) if key.name in item else None


def _conflict(ask: Ask, section: SectionRows, item: Mapping[str, Any], typed: Mapping[str, str] | None) -> h.Node:
    """What was typed here beside what stands there now."""
    if typed is None:
        return None
    rows = []
    for key in section.keys:
        there, given = _own(item, key) or "", typed.get(f"v.{key.name}", "").strip()
        if there != given:
            rows.append((h.code[key.name], there or "–", given or "–"))
    head = (ask.text("config.key"), ask.text("config.stands"), ask.text("config.typed"))
    return card(
        ask.text("config.conflict"), table(head, rows, ask.text("config.conflict"), ask.text("config.no_changes"))
    )


async def save(ask: Ask) -> Answer:
    section, now, given = _rows(ask), await seen(ask), ask.form()
    number = _number(ask, now, section) if "place" in ask.request.match_info else 0
    if now.document is None:
        return Redirect("/config/raw")
    if given.get("version") != now.draft_version:
        fault = ask.text("config.draft_changed")
        return Html(_form_page(ask, now, section, number, fault=fault, typed=given), status=409)
    item = now.items(section)[number - 1 if number else 0]
    prefix = f"{section.name}.#{number}" if number else section.name
    changes, wrong = _changes(section, item, given, prefix)
    if wrong:
        return Html(_form_page(ask, now, section, number, fault=_told(ask, wrong), typed=given), status=422)
    path = f"/config/section/{section.name}" + (f"/{number}" if number else "")
    if not changes:
        return Redirect(path)
    result = await write_draft(ask, given, changes=changes)
    if not result.ok:
        return Html(
            _form_page(ask, await seen(ask), section, number, fault=outcome(ask, result), typed=given),
            status=409 if result.code in CONFLICTS else 422,
        )
    return Redirect(f"{path}?saved=1")


def _changes(
    section: SectionRows, item: Mapping[str, Any], given: Mapping[str, str], prefix: str
) -> tuple[dict[str, str], dict[str, str]]:
    """What was changed, as TOML by path; and what cannot be, by key."""
    changes: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for key in section.keys:
        name = f"v.{key.name}"
        if given.get("reset"):
            if given["reset"] == key.name and key.name in item:
                changes[f"{prefix}.{key.name}"] = ""
        elif name in given and given[name].strip() != (_own(item, key) or ""):
            try:
                changes[f"{prefix}.{key.name}"] = written(key, given[name])
            except ValueError as error:
                wrong[key.name] = str(error)
    return changes, wrong


def _told(ask: Ask, wrong: Mapping[str, str]) -> str:
    return "; ".join(ask.text("config.expected", name=name, what=what) for name, what in wrong.items())


async def write_draft(ask: Ask, given: Mapping[str, str], **what: Any) -> ActionResult:
    request = WriteDraft(by=ask.login, keeps_faults=True, expected=given.get("version", "") or "?", **what)
    return await ask.call("hub", request)


def outcome(ask: Ask, result: ActionResult) -> str:
    """What came of it, in words."""
    key = f"config.{result.code}"
    return ask.text(key, text=result.text, **result.values) if ask.words.has(key) else result.text


async def add(ask: Ask) -> Answer:
    section, now, given = _rows(ask), await seen(ask), ask.form()
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for key in section.keys:
        try:
            values[key.name] = written(key, given.get(f"v.{key.name}", ""))
        except ValueError as error:
            wrong[key.name] = str(error)
    if wrong:
        return Html(_list_page(ask, now, section, _told(ask, wrong)), status=422)
    values = {name: value for name, value in values.items() if value}
    result = await write_draft(ask, given, add=section.name, values=values)
    if not result.ok:
        return Html(_list_page(ask, now, section, outcome(ask, result)), 409 if result.code in CONFLICTS else 422)
    return Redirect(f"/config/section/{section.name}/{len(now.items(section)) + 1}?saved=1")


async def remove(ask: Ask) -> Answer:
    section, now, given = _rows(ask), await seen(ask), ask.form()
    number = _number(ask, now, section)
    result = await write_draft(ask, given, remove=f"{section.name}.#{number}")
    if not result.ok:
        return Html(_list_page(ask, now, section, outcome(ask, result)), 409 if result.code in CONFLICTS else 422)
    return Redirect(f"/config/section/{section.name}")


def faults_of(result: ActionResult) -> tuple[ConfigurationFault, ...]:
    return tuple(ConfigurationFault(*row) for row in result.table[1:] if len(row) == 4)


_OPEN: dict[str, Any] = {"is_safe_mode": True}
ROUTES = (
    get("/config", overview, Right.CONFIGURE, **_OPEN),
    get(SECTION, section_page, Right.CONFIGURE, **_OPEN),
    post(SECTION, save, Right.CONFIGURE, **_OPEN),
    post(f"{SECTION}/add", add, Right.CONFIGURE, **_OPEN),
    get(f"{SECTION}/{{place:[0-9]{{1,4}}}}", item_page, Right.CONFIGURE, **_OPEN),
    post(f"{SECTION}/{{place:[0-9]{{1,4}}}}", save, Right.CONFIGURE, **_OPEN),
    post(f"{SECTION}/{{place:[0-9]{{1,4}}}}/remove", remove, Right.CONFIGURE, **_OPEN),
)
