"""Countdown: is somebody still there? A ring that runs out, and a large button for more time."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture
from hmi.screens import facts, grid
from hmi.screens.frame import Action, back, frame
from hmi.screens.page import Page
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "Countdown")
    sizes, palette, words = page.sizes, page.palette, page.words
    more = Action(name="more", label=words("cd.more"), icon="slow" if not page.is_large else "", kind="main")
    area = frame(page, "", nav=[back(page)], actions=[more], has_help=False)
    left = facts.left_s(view) or 0
    total = max(1.0, (view.place.until_s or view.now_s) - view.place.since_s)
    page.ticking(1.0)
    title = words("cd.title")
    if page.is_portrait:
        head, rest = grid.top(area, page.block(3 if page.is_large else 2, sizes.title), page.px(4))
        align = Align.CENTRE
    else:
        rest, head = grid.left(area, min(area.height, area.width * 45 // 100), page.px(8))
        align = Align.LEFT
    page.text(head, title, sizes.title * (1.0 if page.is_large else 1.2), is_bold=True, lines=3, align=align)
    side = min(rest.width, rest.height, page.px(90))
    ring = grid.centred(rest, side, side)
    page.ring(ring, round(min(1.0, left / total), 3), max(2.6, side / page.px(13)), palette.accent)
    cap = max(sizes.primary, 12.0)
    page.text(grid.centred(ring, side * 7 // 10, page.block(1, cap)), str(left), cap, is_bold=True, align=Align.CENTRE)
    return page.picture()
