"""The card of the page of limits that tries the sharing of power: "car A asks 120 kW, car B 60 kW"."""

from __future__ import annotations

import asyncio

import htpy as h

from chargepoint.config import Settings
from chargepoint.power.sharing.words import Mode
from webconfig.ask import Ask
from webconfig.layout import card, choice, field, table
from webconfig.power_trial import LEAST_V, MOST_V, Share, Wish, shares

MOST_KW = 10_000.0


async def trial_card(ask: Ask) -> h.Node:
    """The form, and the answer for what was asked with it (`?w1=120&w2=60&v=400&mode=fair`)."""
    settings = ask.site.context.settings
    if not settings.connector:
        return None
    wishes, is_wrong = _wishes(ask, settings)
    mode = ask.query_text("mode")
    mode = mode if mode in set(Mode) else settings.power.mode.value
    found: tuple[Share, ...] = ()
    if wishes and not is_wrong:
        found = await asyncio.to_thread(shares, settings, wishes, None, None, mode)
    modes = [(each.value, ask.text(f"limits.mode_{each.value}").partition(":")[0]) for each in Mode]
    return card(
        ask.text("limits.strategy"),
        h.ul[
            (
                h.li[h.strong[text] if each.value == settings.power.mode.value else text]
                for each in Mode
                for text in (ask.text(f"limits.mode_{each.value}"),)
            )
        ],
        h.p[ask.text("limits.mode_is"), " ", h.a(href="/config?section=power")[ask.text("limits.to_config")]],
        h.h3[ask.text("limits.trial")],
        h.p(".hint")[ask.text("limits.trial_hint")],
        h.form(method="get", action="/limits#trial")[
            h.div(".tiles")[
                (
                    field(
                        f"w{each.number}", f"{ask.text('limits.connector', n=each.number)} ({each.type.value})",
                        ask.query_text(f"w{each.number}")[:8], inputmode="decimal",
                    )
                    for each in settings.connector
                ),
                field("v", ask.text("limits.trial_v"), ask.query_text("v")[:8], inputmode="decimal"),
                choice("mode", ask.text("limits.trial_mode"), modes, mode),
            ],
            h.button(type="submit")[ask.text("limits.trial_go")],
        ],
        h.p(".wrong", role="alert")[ask.text("limits.trial_bad")] if is_wrong else None,
        _answer(ask, found) if found else None,
        id="trial",
    )  # fmt: skip


def _answer(ask: Ask, found: tuple[Share, ...]) -> h.Node:
    heads = [ask.text(f"limits.{key}") for key in ("h_what", "trial_asks", "trial_gets", "winner")]

    def kw(power_w: float) -> str:
        return ask.text("limits.kw", v=ask.words.number(power_w / 1000))

    return table(
        heads,
        (
            (ask.text("limits.connector", n=each.connector), kw(each.asked_w), h.strong[kw(each.given_w)],
             ask.words.one_of("limit", each.held_by))
            for each in found
        ),
        caption=ask.text("limits.trial"),
    )  # fmt: skip


def _wishes(ask: Ask, settings: Settings) -> tuple[dict[int, Wish], bool]:
    """What was asked for, and whether something of it is no number."""
    try:
        text = ask.query_text("v").replace(",", ".").strip()
        voltage_v = float(text) if text else None
        if voltage_v is not None and not LEAST_V <= voltage_v <= MOST_V:
            return {}, True
        found = {}
        for each in settings.connector:
            text = ask.query_text(f"w{each.number}").replace(",", ".").strip()
            if text:
                power_kw = float(text)
                if not 0 <= power_kw <= MOST_KW:
                    return {}, True
                found[each.number] = Wish(power_kw * 1000, voltage_v)
    except ValueError:
        return {}, True
    return found, False
