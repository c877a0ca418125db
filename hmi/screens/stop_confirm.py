"""StopConfirm: the question, with energy and cost so far; or the same card."""

from __future__ import annotations

from chargepoint.vocabulary import CredentialType
from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid, large, values
from hmi.screens.frame import Action, back, frame, home
from hmi.screens.page import Page
from hmi.screens.parts import card, labelled
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "StopConfirm")
    each = facts.here(view)
    words, sizes, palette = page.words, page.sizes, page.palette
    starter = None if each.session is None else each.session.starter
    needs_card = view.place.fields.get("needs_card", "")
    if not needs_card:
        is_card = starter is not None and starter.type is CredentialType.RFID
        needs_card = "1" if view.seen.shop.stop_needs_card and is_card else ""
    is_asked = view.place.fields.get("asked") == "stop"
    yes = Action(name="yes", label=words("ses.stop_yes"), icon="stop", kind="stop", is_enabled=not is_asked)
    no = Action(name="no", label=words("ses.go_on"))
    actions = [no] if needs_card else [yes] if page.is_large or page.is_tight else [yes, no]
    nav = [back(page), home(page)]
    subtitle = words("menu.connector", n=each.number)
    if page.is_large:
        key = "ses.same_card" if needs_card else "ses.stop_q"
        told = [large.Subject(text=words(key), is_bold=True, icon="card_reader" if needs_card else "stop")]
        ticks = view.place.until_s is not None
        return large.story(view, "StopConfirm", "", told, nav=nav, actions=actions, ticks=ticks)
    area = frame(page, words("ses.stop_q"), nav=nav, actions=actions, subtitle=subtitle)
    _countdown(page, area, view)
    area = Rect(area.x, area.y, area.width, area.height - page.px(3))
    if needs_card:
        _card(page, area, words("ses.same_card"))
        return page.picture()
    is_own = facts.is_own(view, each)
    spot, rest = grid.bottom(area, page.block(2, sizes.body), page.px(2))
    page.text(spot, words("ses.stop_hint"), sizes.body, colour=palette.faint, lines=2)
    if not is_own or each.session is None:
        elapsed = None if each.session is None else each.session.elapsed_s
        cells = [(words("ses.elapsed"), values.duration(elapsed, words))]
        if each.soc_pct is not None:
            cells.insert(0, (words("ses.charge"), values.percent(each.soc_pct)))
    else:
        tariff, cost = facts.session_tariff(view.seen, each), facts.session_cost(view.seen, each)
        cells = [(words("ses.energy"), values.kilowatt_hours(each.session.energy_wh, words))]
        if tariff is not None and cost is not None and not facts.is_free_of_charge(tariff):
            cells.append((words("ses.cost"), values.money(cost, tariff, words)))
    spots = grid.rows(rest, len(cells), page.px(3)) if page.is_portrait else grid.columns(rest, len(cells), page.px(5))
    inner = grid.padded(spots[0], page.px(sizes.pad) + page.px(1), 0)
    cap = page.alike([value for _, value in cells], Rect(0, 0, inner.width, inner.height // 2), sizes.primary, 1, True)
    for (label, value), place in zip(cells, spots, strict=True):
        height = min(place.height, page.px(48))
        body = card(page, grid.middle(place, height))
        labelled(page, body, label, value, value_mm=cap, on=palette.card, align=Align.CENTRE)
    return page.picture()


def _card(page: Page, area: Rect, text: str) -> None:
    palette, sizes = page.palette, page.sizes
    if page.is_portrait:
        side = min(area.height // 2, area.width // 2)
        spot, rest = grid.top(area, side, page.px(5))
    else:
        side = min(area.height, area.width // 4)
        spot, rest = grid.left(area, side, page.px(6))
    page.icon(grid.centred(spot, side, side), "card_reader", palette.accent)
    page.text(rest, text, sizes.title, is_bold=True, lines=3, align=Align.CENTRE if page.is_portrait else Align.LEFT)


def _countdown(page: Page, area: Rect, view: View) -> None:
    """A thin bar of the time that is left to answer."""
    until = view.place.until_s
    if until is None:
        return
    page.ticking(1.0)
    total = max(1.0, until - view.place.since_s)
    share = round(max(0.0, min(1.0, (until - view.now_s) / total)), 2)
    line = Rect(area.x, area.bottom - page.px(1.2), area.width, page.px(1.2))
    page.bar(line, share, page.palette.accent, page.palette.card)
