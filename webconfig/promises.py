"""Who takes reports of security holes, and until when updates come: for Updates and Help."""

from __future__ import annotations

import htpy as h

from chargepoint import support
from webconfig.ask import Ask


def promises(ask: Ask) -> list[tuple[str, h.Node]]:
    """Two facts, of the software that runs."""
    told = support.read()
    contact: h.Node = ask.text("promise.nobody")
    if told.contact:
        contact = h.a(href=told.link, rel="noreferrer")[told.contact]
    return [(ask.text("promise.contact"), contact), (ask.text("promise.updates"), _updates(ask, told))]


def _updates(ask: Ask, told: support.Support) -> h.Node:
    if told.until is None:
        return ask.text("promise.no_time")
    until = told.until.strftime("%Y-%m-%d" if ask.words.language == "en" else "%d.%m.%Y")
    clock = ask.site.context.clock
    left = told.days_left(clock.now().date()) if clock.is_set else None
    if left is not None and left < 0:
        return h.strong(".fault")[ask.text("promise.ended", until=until)]
    if left is not None and left < support.SOON_DAYS:
        return h.strong[ask.text("promise.soon", until=until, days=left)]
    return ask.text("promise.until", until=until)
