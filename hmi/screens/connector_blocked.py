"""ConnectorBlocked: switched off, reserved or blocked: by whom in general words, until when, what is free instead."""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus
from hmi.drawing.items import Picture
from hmi.screens import facts, large, message
from hmi.screens.facts import Known
from hmi.screens.frame import Action, frame, other_label
from hmi.screens.page import Page
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "ConnectorBlocked")
    each = facts.here(view)
    words, colour = page.words, each.look.of(page.palette)
    others = facts.other_free(view.seen, each.number)
    actions = []
    if others:
        label = other_label(page, others[0])
        actions.append(Action(name=f"tile:{others[0]}", label=label, kind="main", icon="next"))
    texts = [reason(page, each), until(page, each), "" if others else words("block.none_free")]
    link = message.support_link(page)
    title = words("menu.connector", n=each.number)
    if page.is_large:
        told = [large.Subject(text=text, icon=each.look.icon, colour=colour) for text in texts if text]
        return large.story(view, "ConnectorBlocked", title, [*told, *large.contact(page, link)], actions=actions)
    pages = message.pages_of(page, link)
    area = frame(page, title, actions=actions, pages=pages, subtitle=words(each.look.word))
    head, *rest = texts
    message.normal(page, area, each.look.icon, colour, head, [], " ".join(text for text in rest if text), link)
    return page.picture()


def reason(page: Page, each: Known) -> str:
    """By whom, in general words."""
    state = each.state
    if state is None:
        return page.words("conn.why_unavailable")
    if state.reservation is not None or ConnectorFlag.RESERVED in state.flags:
        return page.words("block.reserved")
    if state.status is ConnectorStatus.DISABLED or ConnectorFlag.BLOCKED in state.flags:
        return page.words("block.disabled")
    return page.words("conn.why_unavailable")


def until(page: Page, each: Known) -> str:
    """Until when a reservation holds, by the clock of the station."""
    reservation = None if each.state is None else each.state.reservation
    clock = page.view.clock
    if reservation is None or clock is None or reservation.expires_at.tzinfo is None or clock.tzinfo is None:
        return ""
    at = reservation.expires_at.astimezone(clock.tzinfo)
    shown = f"{at:%H:%M}" if at.date() == clock.date() else f"{at:%d.%m. %H:%M}"
    return page.words("block.until", t=shown)
