"""What is wrong when there is no station (safe mode), and what repairs it. Works with the hub alone."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConfigurationFault, ReadConfiguration, ReloadConfiguration
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, form, page, table
from webconfig.routes import get, post

REPAIRS: tuple[tuple[str, str, Right], ...] = (
    ("config", "/config", Right.CONFIGURE),
    ("wizard", "/wizard", Right.CONFIGURE),
    ("backup", "/backup", Right.CONFIGURE),
    ("journal", "/journal", Right.DOWNLOAD),
    ("network", "/network", Right.SEE),
    ("service", "/service", Right.SERVICE),
)
"""Text, path and right of each page that helps; those that are not there are not shown."""


async def safe_mode(ask: Ask) -> Answer:
    if not ask.site.is_safe_mode:
        return Redirect("/")
    return await _page(ask)


async def start(ask: Ask) -> Answer:
    """Begin with the file as it is now (somebody has repaired it by hand)."""
    if not ask.site.is_safe_mode:
        return Redirect("/")
    result = await ask.call("hub", ReloadConfiguration(by=ask.login))
    if not result.ok:
        return await _page(ask, fault=result.text, status=409)
    return await _page(ask, notice=ask.text("safe_mode.starts"))


async def _page(ask: Ask, notice: str = "", fault: str = "", status: int = 200) -> Answer:
    faults, path = await _faults(ask)
    head = [ask.text(f"safe_mode.{name}") for name in ("place", "found", "why", "remedy")]
    rows = [
        (h.code[fault.place], h.code[fault.found] if fault.found else "–", fault.why, fault.remedy) for fault in faults
    ]
    return Html(
        page(
            ask,
            ask.text("safe_mode.title"),
            h.p(".fault", role="alert")[ask.text("safe_mode.what")],
            h.p[ask.text("safe_mode.file"), " ", h.code[path]] if path else None,
            table(head, rows, caption=ask.text("safe_mode.faults"))
            if rows
            else card(ask.text("safe_mode.faults"), h.ul[(h.li[fault] for fault in ask.site.faults)]),
            card(
                ask.text("safe_mode.repair"),
                h.ul(".links")[
                    (
                        h.li[h.a(href=to)[ask.text(f"safe_mode.to_{name}")]]
                        for name, to, right in REPAIRS
                        if ask.may(right) and ask.site.serves(to)
                    )
                ],
                h.p(".soft")[ask.text("safe_mode.after")],
                form(ask, "/safe-mode", h.button(type="submit")[ask.text("safe_mode.start")])
                if ask.may(Right.CONFIGURE)
                else None,
            ),
            notice=notice,
            fault=fault,
        ),
        status,
    )


async def _faults(ask: Ask) -> tuple[tuple[ConfigurationFault, ...], str]:
    """As the hub finds them in the file now, and where that is; nothing when it cannot say."""
    try:
        found = await ask.call("hub", ReadConfiguration())
    except Problem:
        return (), ""
    return found.file_faults, found.path


ROUTES = (
    get("/safe-mode", safe_mode, Right.SEE, is_safe_mode=True),
    post("/safe-mode", start, Right.CONFIGURE, is_safe_mode=True),
)
