"""White and black list, what the station would say of a card now, a card read at the reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import htpy as h

from chargepoint.masking import mask
from chargepoint.messages import (
    CardChecked,
    CardTested,
    ChangeSettings,
    CheckCard,
    ReaderState,
    ReadSettings,
    SecurityNoted,
    TestReader,
    UsersState,
)
from chargepoint.rights import Right
from webconfig.access_lists import (
    NAMES,
    LineFault,
    Lists,
    changes,
    lists_of,
    moved,
    read_file,
    rows_of,
    with_entry,
    without_entry,
)
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, choice, facts, field, form, page, table
from webconfig.routes import get, post
from webconfig.spreadsheet import BOM, csv_lines
from webconfig.turns import turn

READ_WITHIN_S = 20.0
IMPORT_BYTES = 600_000
SHOWN_FAULTS = 50
SHOWN_ENTRIES = 300


async def lists_now(ask: Ask) -> Lists:
    """The lists in force, as the hub keeps them."""
    kept = await ask.call("hub", ReadSettings(prefix="access."))
    return lists_of(kept.values, ask.site.context.settings.access)


async def save(ask: Ask, before: Lists, after: Lists) -> None:
    """Durable when this returns, written down as a change of settings and in the security journal."""
    if ask.visitor is None or not ask.may(Right.OPERATE):
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    found = changes(before, after)
    if not found:
        return
    await ask.call("hub", ChangeSettings(values=found, by=ask.login))
    ask.site.context.bus.publish(
        SecurityNoted(
            type="AccessListsChanged",
            source_type="user",
            source=f"{ask.login} (webconfig)",
            operation="lists of cards changed",
            extra=f"white {len(before.white)} -> {len(after.white)}, black {len(before.black)} -> {len(after.black)}",
        )
    )


def same_version(ask: Ask, lists: Lists, version: str) -> None:
    """Raises Problem 409 when the lists were changed meanwhile."""
    if version != lists.version:
        raise Problem(409, "changed_meanwhile", ask.text("access.changed_meanwhile"))


async def access(ask: Ask) -> Answer:
    return Html(await _page(ask))


async def _page(ask: Ask, *, top: h.Node = None, notice: str = "", fault: str = "") -> h.Renderable:
    lists = await lists_now(ask)
    may = ask.may(Right.OPERATE)
    return page(
        ask,
        ask.text("access.title"),
        top,
        h.p[ask.text("access.white_holds" if lists.white else "access.black_holds", n=len(lists.white))],
        _check_form(ask) if may else None,
        [_list(ask, lists, name, may) for name in NAMES],
        _files(ask, lists) if may else None,
        notice=notice or (ask.text("access.saved") if ask.query_text("saved") else ""),
        fault=fault,
    )


def _check_form(ask: Ask) -> h.Node:
    has_reader = bool(ask.site.all_of("reader/", ReaderState))
    return card(
        ask.text("access.check"),
        form(
            ask,
            "/access/check",
            field("card", ask.text("access.card"), required=True, maxlength="40", autocomplete="off"),
            h.button(".main", type="submit")[ask.text("access.check_now")],
        ),
        form(
            ask,
            "/access/read",
            h.p(".hint")[ask.text("access.read_about", s=round(READ_WITHIN_S))],
            h.button(type="submit")[ask.text("access.read")],
        )
        if has_reader
        else h.p(".soft")[ask.text("access.no_reader")],
        id="check",
    )


def _list(ask: Ask, lists: Lists, name: str, may: bool) -> h.Node:
    entries = lists.of(name)
    owners = _owners(ask)
    head = [ask.text("access.entry"), ask.text("access.owner")] + ([ask.text("access.deeds")] if may else [])
    rows = []
    for entry in entries[:SHOWN_ENTRIES]:
        row: list[h.Node] = [entry if may else mask(entry), owners.get(entry.casefold(), "–") if may else "–"]
        if may:
            row.append(
                h.div(".deeds")[
                    _small(ask, "/access/move", lists, name, entry, f"access.to_{_other(name)}"),
                    _small(ask, "/access/remove", lists, name, entry, "access.remove"),
                ]
            )
        rows.append(row)
    return card(
        ask.text(f"access.{name}"),
        h.p(".hint")[ask.text(f"access.{name}_about")],
        None if name in lists.is_own or not entries else h.p(".soft")[ask.text("access.from_file")],
        form(
            ask,
            "/access/add",
            _hidden(lists, name),
            h.div(".field")[
                h.label(for_=f"f-{name}")[ask.text("access.entry")],
                h.input(id=f"f-{name}", name="entry", required=True, maxlength="150", autocomplete="off"),
                h.p(".hint")[ask.text("access.entry_hint")],
            ],
            h.button(type="submit")[ask.text("access.add")],
        )
        if may
        else None,
        table(head, rows, caption=f"{ask.text(f'access.{name}')}: {len(entries)}", empty=ask.text("access.none")),
        h.p[ask.text("access.more_in_file", n=len(entries) - SHOWN_ENTRIES)] if len(entries) > SHOWN_ENTRIES else None,
        id=name,
    )  # fmt: skip


def _hidden(lists: Lists, name: str) -> h.Node:
    return [
        h.input(type="hidden", name="version", value=lists.version),
        h.input(type="hidden", name="list", value=name),
    ]


def _small(ask: Ask, action: str, lists: Lists, name: str, entry: str, text: str) -> h.Node:
    return form(
        ask,
        action,
        _hidden(lists, name),
        h.input(type="hidden", name="entry", value=entry),
        h.button(type="submit", aria_label=f"{ask.text(text)}: {entry}")[ask.text(text)],
    )


def _files(ask: Ask, lists: Lists) -> h.Node:
    return card(
        ask.text("access.files"),
        h.p[h.a(".button", href="/access.csv")[ask.text("access.export")]] if ask.may(Right.DOWNLOAD) else None,
        form(
            ask,
            "/access/import",
            h.input(type="hidden", name="version", value=lists.version),
            h.div(".field")[
                h.label(for_="f-text")[ask.text("access.import_text")],
                h.textarea(id="f-text", name="text", rows="6", spellcheck="false", placeholder="white,04A2B3C4"),
                h.p(".hint")[ask.text("access.import_about")],
            ],
            h.div(".field")[
                h.label(for_="f-file")[ask.text("access.import_file")],
                h.input(id="f-file", type="file", accept=".csv,text/csv", data_into="f-text"),
            ],
            choice(
                "how",
                ask.text("access.import_how"),
                [("check", ask.text("access.import_check")), ("replace", ask.text("access.import_replace"))],
            ),
            h.button(type="submit")[ask.text("access.import")],
        ),
        h.script(src="/static/access.js", defer=True),
        id="files",
    )


def _owners(ask: Ask) -> dict[str, str]:
    users = ask.site.state("users", UsersState)
    found: dict[str, str] = {}
    for user in users.users if users else ():
        found[user.login.casefold()] = user.login
        found.update({number.casefold(): user.login for number in user.cards})
    return found


def _other(name: str) -> str:
    return "black" if name == "white" else "white"


def _list_name(ask: Ask, given: dict[str, str]) -> str:
    name = given.get("list", "")
    if name not in NAMES:
        raise Problem(422, "invalid", ask.text("access.f_bad_list"), {"list": name[:20]})
    return name


# -------------------------------------------------------------------------------------------------- changes


async def add(ask: Ask) -> Answer:
    given = ask.form()
    name = _list_name(ask, given)
    async with turn(ask, "lists"):
        before = await lists_now(ask)
        after, code, meant = with_entry(before, name, given.get("entry", ""))
        if code:
            text = fault_text(ask, LineFault(0, given.get("entry", "")[:60], code, meant))
            return Html(await _page(ask, fault=text), status=422)
        same_version(ask, before, given.get("version", ""))
        await save(ask, before, after)
    return Redirect(f"/access?saved=1#{name}")


async def remove(ask: Ask) -> Answer:
    given = ask.form()
    name = _list_name(ask, given)
    async with turn(ask, "lists"):
        before = await lists_now(ask)
        same_version(ask, before, given.get("version", ""))
        await save(ask, before, without_entry(before, name, given.get("entry", "")))
    return Redirect(f"/access?saved=1#{name}")


async def move(ask: Ask) -> Answer:
    given = ask.form()
    name = _list_name(ask, given)
    async with turn(ask, "lists"):
        before = await lists_now(ask)
        same_version(ask, before, given.get("version", ""))
        await save(ask, before, moved(before, name, given.get("entry", "")))
    return Redirect(f"/access?saved=1#{_other(name)}")


async def take_file(ask: Ask) -> Answer:
    """Check a file, or put it in the place of both lists; with a fault nothing is changed."""
    given = ask.form()
    after, faults = read_file(given.get("text", ""))
    if faults:
        rows = [(str(each.line or "–"), each.found, fault_text(ask, each)) for each in faults[:SHOWN_FAULTS]]
        head = [ask.text(f"access.{name}") for name in ("line", "found", "wrong")]
        top = card(ask.text("access.import_faults", n=len(faults)), table(head, rows))
        return Html(await _page(ask, top=top, fault=ask.text("access.nothing_changed")), status=422)
    if given.get("how") != "replace":
        text = ask.text("access.import_good", white=len(after.white), black=len(after.black))
        return Html(await _page(ask, notice=text))
    async with turn(ask, "lists"):
        before = await lists_now(ask)
        same_version(ask, before, given.get("version", ""))
        await save(ask, before, after)
    return Redirect("/access?saved=1")


def fault_text(ask: Ask, fault: LineFault) -> str:
    return ask.text(f"access.f_{fault.code}", found=fault.found, meant=fault.meant)


async def csv_file(ask: Ask) -> Answer:
    lists = await lists_now(ask)

    async def chunks() -> AsyncIterator[bytes]:
        yield BOM + csv_lines(rows_of(lists))

    return Download("access_lists.csv", "text/csv; charset=utf-8", chunks())


# ------------------------------------------------------------------------------------------------ one card now


async def check(ask: Ask) -> Answer:
    number = ask.form().get("card", "").strip()[:40]
    return Html(await _page(ask, top=await _checked(ask, number)))


async def _checked(ask: Ask, number: str) -> h.Node:
    found = await ask.call("station", CheckCard(card=number))
    lists = await lists_now(ask)
    is_good = found.outcome == "allowed"
    return card(
        ask.text("access.result", card=number),
        h.p(".good" if is_good else ".warn" if found.outcome == "ask" else ".bad", role="status")[
            h.strong[ask.text(f"access.o_{found.outcome}")]
        ],
        facts(
            [
                (ask.text("access.rule"), rule_text(ask, found)),
                (ask.text("access.owner"), found.login or "–"),
                (ask.text("access.left"), _left(ask, found)),
            ]
        ),
        [
            form(
                ask,
                "/access/add",
                _hidden(lists, name),
                h.input(type="hidden", name="entry", value=number),
                h.button(type="submit")[ask.text(f"access.add_{name}")],
            )
            for name in NAMES
        ],
    )


def rule_text(ask: Ask, found: CardChecked) -> str:
    """The rule that decided, in words."""
    key = f"access.rule_{found.rule}"
    text = ask.text(key) if found.rule and ask.words.has(key) else ask.text(f"access.rule_{found.outcome}")
    if not found.rule and found.reason == "unreadable":
        text = ask.text("access.rule_unreadable")
    return f"{found.rule}. {text}" if found.rule else text


def _left(ask: Ask, found: CardChecked) -> str:
    return "–" if found.left_wh is None else f"{ask.words.number(found.left_wh / 1000, 1)} {ask.text('access.kwh')}"


async def read_card(ask: Ask) -> Answer:
    """The next card at any reader means nothing to the station and is shown here. Waits for it."""
    tested = ask.site.context.bus.subscribe(CardTested)
    try:
        begun = await ask.call("rfid", TestReader(name="", by=ask.login))
        if not begun.ok:
            return Html(await _page(ask, fault=begun.text or ask.text("access.no_reader")), status=409)
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                event = await anext(tested)
        except TimeoutError:
            return Html(await _page(ask, fault=ask.text("access.no_card")))
        finally:
            await ask.call("rfid", TestReader(name="", on=False, by=ask.login))
    finally:
        tested.close()
    if not event.uid:
        return Html(await _page(ask, fault=ask.text("access.refused_card", why=event.refusal)))
    forms = facts(_forms(event.forms))
    return Html(
        await _page(ask, top=[await _checked(ask, event.uid), h.details[h.summary[ask.text("access.forms")], forms]])
    )


def _forms(forms: Iterable[tuple[str, str]]) -> list[tuple[str, h.Node]]:
    return [(name, number) for name, number in forms]


ROUTES = (
    get("/access", access, Right.SEE),
    get("/access.csv", csv_file, Right.OPERATE),
    post("/access/add", add, Right.OPERATE),
    post("/access/remove", remove, Right.OPERATE),
    post("/access/move", move, Right.OPERATE),
    post("/access/import", take_file, Right.OPERATE, body_bytes=IMPORT_BYTES),
    post("/access/check", check, Right.OPERATE),
    post("/access/read", read_card, Right.OPERATE),
)
