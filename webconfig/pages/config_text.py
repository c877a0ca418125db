"""The text of the station file itself, with the same checks as the forms (webconfig.md 6)."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import CheckDraft, ConfigurationFault
from chargepoint.rights import Right
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.configuration import parts
from webconfig.configuration.seen import Seen, seen
from webconfig.layout import card, form, page
from webconfig.pages.config import CONFLICTS, faults_of, outcome, section_crumbs, write_draft
from webconfig.routes import get, post

RAW_BYTES = 1 << 20


async def raw_page(ask: Ask) -> Answer:
    now = await seen(ask)
    return Html(_raw_page(ask, now, now.text, now.faults))


def _raw_page(
    ask: Ask,
    now: Seen,
    text: str,
    faults: tuple[ConfigurationFault, ...],
    *,
    fault: str = "",
    notice: str = "",
    theirs: str | None = None,
) -> h.Renderable:
    return page(
        ask,
        ask.text("config.raw"),
        h.link(rel="stylesheet", href="/static/config.css"),
        parts.fault_list(ask, faults, now),
        parts.faulty_lines(text, faults),
        card(ask.text("config.stands"), h.pre(".lines", tabindex="0")[theirs]) if theirs is not None else None,
        form(
            ask,
            "/config/raw",
            parts.hidden(version=now.draft_version),
            h.div(".field")[
                h.label(for_="f-text")[ask.text("config.text")],
                h.textarea(id="f-text", name="text", rows="30", spellcheck="false", autocomplete="off")[f"\n{text}"],
            ],
            h.button(".main", type="submit", name="do", value="save")[ask.text("config.save_draft")],
            h.button(type="submit", name="do", value="check")[ask.text("config.check")],
        ),
        crumbs=section_crumbs(ask),
        fault=fault,
        notice=notice,
    )


async def raw_save(ask: Ask) -> Answer:
    given = ask.form()
    text = given.get("text", "").replace("\r\n", "\n").replace("\r", "\n")
    now = await seen(ask)
    checked = await ask.call("hub", CheckDraft(text=text))
    faults = faults_of(checked)
    if given.get("do") == "check":
        notice = ask.text("config.no_fault") if not faults else ""
        return Html(_raw_page(ask, now, text, faults, notice=notice))
    if given.get("version") != now.draft_version:
        fault = ask.text("config.draft_changed")
        return Html(_raw_page(ask, now, text, faults, fault=fault, theirs=now.text), status=409)
    result = await write_draft(ask, given, text=text)
    if not result.ok:
        status = 409 if result.code in CONFLICTS else 422
        return Html(_raw_page(ask, now, text, faults, fault=outcome(ask, result)), status=status)
    now = await seen(ask)
    return Html(_raw_page(ask, now, text, now.faults, notice=ask.text("config.saved")))


ROUTES = (
    get("/config/raw", raw_page, Right.CONFIGURE, is_safe_mode=True),
    post("/config/raw", raw_save, Right.CONFIGURE, body_bytes=RAW_BYTES, is_safe_mode=True),
)
