"""AuthWait: the card is being checked; seconds, Cancel."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture
from hmi.screens import facts, grid
from hmi.screens.frame import cancel, frame
from hmi.screens.page import Page
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "AuthWait")
    sizes, palette = page.sizes, page.palette
    seconds = max(0, int(view.now_s - view.place.since_s))
    area = frame(page, "", nav=[cancel(page)], has_help=False)
    page.ticking(1.0)
    text = page.words("auth.wait", s=seconds)
    if page.is_large and not page.is_portrait:
        side = min(area.height, page.px(40))
        spot, rest = grid.left(area, side, page.px(6))
        page.ring(grid.middle(spot, side), None, 3.0, palette.accent)
        page.text(rest, text, sizes.title, is_bold=True, lines=2)
        return page.picture()
    lines = 2 if page.is_large else 1
    words = page.block(lines, sizes.title)
    card = _card(page)
    below = page.block(1, sizes.body) if card else 0
    side = min(area.height - words - below - page.px(4), area.width, page.px(64))
    whole = grid.middle(area, side + words + below + page.px(4))
    spot, rest = grid.top(whole, side, page.px(4))
    ring = grid.centred(spot, side, side)
    page.ring(ring, None, max(2.4, side / page.px(14)), palette.accent)
    inner = side * 45 // 100
    page.icon(grid.centred(ring, inner, inner), "card_reader", palette.text)
    upper, lower = grid.top(rest, words)
    page.text(upper, text, sizes.title, is_bold=True, align=Align.CENTRE, lines=lines)
    if card:
        page.text(lower, card, sizes.body, colour=palette.faint, align=Align.CENTRE, is_secret=True)
    return page.picture()


def _card(page: Page) -> str:
    """The masked number of the card, where there is room for it."""
    card = facts.masked(page.view.place.card)
    return card if card and not page.is_large else ""
