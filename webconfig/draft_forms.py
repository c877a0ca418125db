"""Forms about single keys of the station file: shown with what the draft (else the file) says, written into the draft.

Applying it is the business of /config. A form carries the version it was made from, so that nobody overwrites another.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import htpy as h
import msgspec

from chargepoint.config_text import loads
from chargepoint.messages import ActionResult, ConfigurationPage, ReadConfiguration, WriteDraft
from chargepoint.rights import Right
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.layout import choice, field


class Entry(msgspec.Struct, frozen=True):
    """One key. `kind`: text, url, number, flag, words (a list of them). `label` is a key of texts, its hint
    `LABEL_hint` where there is one. `options`: the only values, empty text for "not set"."""

    path: str
    label: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    longest: int = 300

    @property
    def name(self) -> str:
        return self.path.replace(".", "-")


class Draft(msgspec.Struct, frozen=True):
    """What stands in the draft, else in the file. `version` empty: there is no draft."""

    values: Mapping[str, str]
    version: str = ""
    is_readable: bool = True
    has_draft: bool = False


async def read_draft(ask: Ask, entries: Iterable[Entry]) -> Draft:
    """Raises nothing: without the hub's answer the settings in force are shown and nothing can be saved. Who may not
    change them sees those in force."""
    entries = tuple(entries)
    if not ask.may(Right.CONFIGURE):
        return Draft({entry.path: as_typed(_in_force(ask, entry.path)) for entry in entries}, is_readable=False)
    try:
        page = await ask.call("hub", ReadConfiguration(by=ask.login))
    except Problem:
        page = ConfigurationPage(ok=False)
    try:
        document = loads(page.draft or page.file) if page.ok else {}
    except tomllib.TOMLDecodeError:
        document = {}
    values = {}
    for entry in entries:
        found = _at(document, entry.path)
        values[entry.path] = as_typed(_in_force(ask, entry.path) if found is None else found)
    return Draft(values, page.draft_version, page.ok and bool(document), bool(page.draft))


def _at(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _in_force(ask: Ask, path: str) -> Any:
    found: Any = ask.site.context.settings
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def as_typed(value: Any) -> str:
    """A value as it stands in a field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def fields(ask: Ask, entries: Iterable[Entry], draft: Draft, given: Mapping[str, str] | None = None) -> list[h.Node]:
    """The inputs, filled with what was given before (after a refusal) or what the draft says."""
    found: list[h.Node] = [h.input(type="hidden", name="draft", value=draft.version)]
    for entry in entries:
        value = (given or {}).get(entry.name, draft.values.get(entry.path, ""))
        label, hint = ask.text(entry.label), _hint(ask, entry)
        if entry.kind == "flag":
            options: list[tuple[str, str]] = [(one, ask.text(f"ocpp.{one}")) for one in ("true", "false")]
            found.append(choice(entry.name, label, options, value or "false", hint))
        elif entry.options:
            options = [(one, _option(ask, entry, one)) for one in entry.options]
            found.append(choice(entry.name, label, options, value, hint))
        else:
            mode = "decimal" if entry.kind == "number" else "url" if entry.kind == "url" else None
            found.append(
                field(entry.name, label, value, hint=hint, inputmode=mode, maxlength=str(entry.longest),
                      autocomplete="off", spellcheck="false")
            )  # fmt: skip
    return found


def _hint(ask: Ask, entry: Entry) -> str:
    return ask.text(f"{entry.label}_hint") if ask.words.has(f"{entry.label}_hint") else ""


def _option(ask: Ask, entry: Entry, value: str) -> str:
    key = f"{entry.label}_{value or 'unset'}"
    return ask.text(key) if ask.words.has(key) else value or "–"


def changes(entries: Iterable[Entry], draft: Draft, given: Mapping[str, str]) -> dict[str, str]:
    """What of `given` differs, as TOML by path; an empty one takes the key away."""
    found = {}
    for entry in entries:
        value = given.get(entry.name)
        if value is None or value.strip() == draft.values.get(entry.path, ""):
            continue
        found[entry.path] = literal(entry, value.strip()[: entry.longest])
    return found


def literal(entry: Entry, value: str) -> str:
    """The value as TOML; "" stays empty. What is no number stays text and is refused by the check of the draft."""
    if not value:
        return ""
    if entry.kind == "flag" and value in ("true", "false"):
        return value
    if entry.kind == "number":
        number = value.replace(",", ".")
        try:
            float(number)
        except ValueError:
            return json.dumps(value, ensure_ascii=False)
        return number
    if entry.kind == "words":
        words = [word.strip() for word in value.split(",") if word.strip()]
        return json.dumps(words, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


async def write_draft(ask: Ask, entries: Iterable[Entry], given: Mapping[str, str]) -> ActionResult:
    """Put what differs into the draft. Codes: those of WriteDraft, `same` when nothing differs, draft_changed."""
    entries = tuple(entries)
    draft = await read_draft(ask, entries)
    if given.get("draft", "") != draft.version:
        return ActionResult(ok=False, code="draft_changed", text=ask.text("ocpp.draft_changed"))
    wanted = changes(entries, draft, given)
    if not wanted:
        return ActionResult(ok=True, code="same", text=ask.text("ocpp.draft_same"))
    request = WriteDraft(changes=wanted, by=ask.login, expected=draft.version)
    return await ask.call("hub", request, timeout_s=20.0)


def refusal(ask: Ask, result: ActionResult) -> str:
    """Why the draft was not kept, for people: every fault with its remedy."""
    rows = [" ".join(part for part in row if part) for row in result.table[:6]]
    return " · ".join([result.text, *rows]).strip(" ·") or ask.text("ocpp.draft_refused")


def draft_note(ask: Ask, draft: Draft, section: str) -> h.Node:
    """Where the draft is applied, and whether there is one."""
    return h.p(".hint")[
        [ask.text("ocpp.draft_waits"), " ", h.a(href="/config/difference")[ask.text("ocpp.to_config")], " · "]
        if draft.has_draft
        else None,
        h.a(href=f"/config/section/{section}")[ask.text("ocpp.to_section")],
    ]
