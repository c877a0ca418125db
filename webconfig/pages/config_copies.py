"""The station file as a file: export without secrets or locked by a password, import into the draft."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from typing import Any

import htpy as h

from chargepoint.messages import WriteDraft
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.configuration import parts
from webconfig.configuration.copies import CannotEdit, without_secrets
from webconfig.configuration.locking import sealed, unlocked
from webconfig.configuration.seen import seen
from webconfig.layout import card, field, form, page
from webconfig.pages.config import outcome
from webconfig.routes import get, post

UPLOAD_BYTES = 2 << 20


def download(name: str, content_type: str, text: str) -> Download:
    """A text as a file."""

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download(name, content_type, chunks())


def password_field(ask: Ask, label: str, *, is_new: bool) -> h.Element:
    complete = "new-password" if is_new else "off"
    return field("password", label, kind="password", autocomplete=complete, maxlength="200", required=is_new)


def upload_form(ask: Ask, path: str, button: str, **values: str) -> h.Node:
    """A file or its text, and its password."""
    return form(
        ask,
        path,
        parts.hidden(**values),
        field("file", ask.text("config.import_file"), kind="file", accept=".toml,.json,text/plain"),
        h.div(".field")[
            h.label(for_="f-text")[ask.text("config.import_text")],
            h.textarea(id="f-text", name="text", rows="6", spellcheck="false"),
        ],
        h.div(".field")[
            h.label(for_="f-unlock")[ask.text("config.import_password")],
            h.input(id="f-unlock", name="unlock", type="password", autocomplete="off", maxlength="200"),
        ],
        h.button(".main", type="submit")[button],
        enctype="multipart/form-data",
    )


async def uploaded(ask: Ask) -> str:
    """What was sent with that form, unlocked. Raises Problem 422."""
    given = ask.form()
    text = given.get("file", "").strip("\ufeff") or given.get("text", "")
    if not text.strip():
        raise Problem(422, "empty", ask.text("config.import_text"))
    return await unlocked(ask, text, given.get("unlock", ""))


async def export_page(ask: Ask) -> Answer:
    now = await seen(ask)
    try:
        count = without_secrets(now.page.file)[1]
    except (CannotEdit, tomllib.TOMLDecodeError):
        count = -1
    return Html(
        page(
            ask,
            ask.text("config.export"),
            h.link(rel="stylesheet", href="/static/config.css"),
            card(
                ask.text("config.export_plain"),
                h.p[ask.text("config.export_plain_about", n=count)],
                h.a(".button", href="/config/export/file")[ask.text("config.download")],
            )
            if count >= 0
            else None,
            card(
                ask.text("config.export_sealed"),
                form(
                    ask,
                    "/config/export",
                    password_field(ask, ask.text("config.seal_password"), is_new=True),
                    h.button(type="submit")[ask.text("config.download")],
                ),
            ),
            card(
                ask.text("config.import"),
                upload_form(ask, "/config/import", ask.text("config.import"), version=now.draft_version),
            ),
            crumbs=[(ask.text("config.title"), "/config")],
        )
    )


async def export_file(ask: Ask) -> Answer:
    now = await seen(ask)
    try:
        text, _ = without_secrets(now.page.file)
    except (CannotEdit, tomllib.TOMLDecodeError) as error:
        raise Problem(409, "cannot_export", str(error)) from None
    return download("station.toml", "application/toml", text)


async def export_sealed(ask: Ask) -> Answer:
    now = await seen(ask)
    text = await sealed(ask, now.page.file, ask.form().get("password", ""))
    return download("station-locked.json", "application/json", text)


async def import_file(ask: Ask) -> Answer:
    text = (await uploaded(ask)).replace("\r\n", "\n")
    request = WriteDraft(
        by=ask.login,
        text=text,
        base=(await seen(ask)).page.version,
        keeps_faults=True,
        expected=ask.form().get("version", "") or "?",
    )
    result = await ask.call("hub", request)
    if not result.ok:
        status = 409 if result.code == "draft_changed" else 422
        raise Problem(status, result.code, outcome(ask, result))
    return Redirect("/config/difference")


_OPEN: dict[str, Any] = {"is_safe_mode": True}
ROUTES = (
    get("/config/export", export_page, Right.CONFIGURE, **_OPEN),
    get("/config/export/file", export_file, Right.CONFIGURE, **_OPEN),
    post("/config/export", export_sealed, Right.CONFIGURE, **_OPEN),
    post("/config/import", import_file, Right.CONFIGURE, body_bytes=UPLOAD_BYTES, **_OPEN),
)
