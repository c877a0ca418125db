"""On the overview while commissioning is not finished: how far it is, the way on, and a way to see it no more."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from chargepoint.messages import ReadSettings
from chargepoint.rights import Right
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.layout import card, form
from webconfig.wizard.steps import DONE, HIDDEN_KEY, NAMES, STEP_KEY, where_to_go_on


def step_to_do(kept: Mapping[str, str]) -> str:
    """The step that comes next; empty: it was finished, or somebody said that it is not needed."""
    step = where_to_go_on(kept.get(STEP_KEY, ""))
    return "" if step == DONE or kept.get(HIDDEN_KEY) else step


async def wizard_hint(ask: Ask) -> h.Node:
    """Nothing for who may not configure, and nothing when the hub does not answer."""
    if not ask.may(Right.CONFIGURE):
        return None
    try:
        kept = (await ask.call("hub", ReadSettings(prefix="web.wizard."), 2.0)).values
    except Problem:
        return None
    step = step_to_do(kept)
    if not step:
        return None
    number = NAMES.index(step) + 1
    told = ask.text("wizard.hint", n=number, of=len(NAMES), step=ask.text(f"wizard.{step}"))
    return card(
        ask.text("wizard.hint_title"),
        h.p[told],
        form(
            ask,
            f"/wizard/{step}",
            h.a(".button.main", href=f"/wizard/{step}")[ask.text("wizard.hint_go_on")],
            h.button(type="submit", name="do", value="hide")[ask.text("wizard.hint_hide")],
        ),
        id="wizard",
    )
