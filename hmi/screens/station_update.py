"""StationUpdate: how far the update is; do not switch off; charges that run finish first."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture
from hmi.screens import facts, grid, large
from hmi.screens.frame import beside_languages, frame, languages
from hmi.screens.page import Page
from hmi.screens.parts import session_pages, session_tiles
from hmi.view import View

STAGES = {
    "wait": "update.wait", "download": "update.download", "check": "update.check", "install": "update.install",
    "restart": "update.restart",
}  # fmt: skip


def picture(view: View) -> Picture:
    page = Page(view, "StationUpdate")
    sizes, palette, words = page.sizes, page.palette, page.words
    percent = facts.number_field(view, "percent")
    stage = words(STAGES.get(view.place.fields.get("stage", ""), "update.install"))
    nav = languages(page)
    running = facts.running(view.seen)
    note = words("update.after_sessions") if running else words("update.keep_power")
    if page.is_large:
        done = "" if percent is None else f"{percent:.0f} %"
        subjects = [large.Subject(text=text, is_bold=True) for text in (words("update.title"), stage, note)]
        subjects += [large.Subject(label=stage, text=done)] if done else []
        subjects += [large.Subject(session=each) for each in running]
        return large.story(view, "StationUpdate", "", subjects, nav=nav)
    pages = session_pages(page, page.look.width - 2 * page.px(sizes.bezel))
    is_beside = not page.is_portrait and (pages > 1 or bool(nav and running and page.is_tight))
    if is_beside:
        pages = session_pages(page, beside_languages(page).width)
    area = frame(page, words("update.title"), nav=nav, pages=pages, has_help=False)
    if is_beside:
        session_tiles(page, beside_languages(page))
    elif running:
        height = page.px(22 if page.is_tight else 26)
        margin = 0 if pages > 1 or nav else page.px(sizes.bezel) - page.px(sizes.top)
        area = grid.top(area, area.height - max(0, margin))[0]
        spot, area = grid.bottom(area, height, page.px(4))
        session_tiles(page, spot)
    if page.is_portrait:
        spot, rest = grid.top(area, area.height * 45 // 100, page.px(6))
        align = Align.CENTRE
    else:
        spot, rest = grid.left(area, min(area.height, area.width * 36 // 100), page.px(8))
        align = Align.LEFT
    side = min(spot.width, spot.height, page.px(70))
    ring = grid.centred(spot, side, side)
    share = None if percent is None else max(0.0, min(1.0, percent / 100))
    page.ring(ring, share, max(2.4, side / page.px(14)), palette.yellow)
    if percent is None:
        inner = side * 45 // 100
        page.icon(grid.centred(ring, inner, inner), "updating", palette.yellow)
    else:
        cap = sizes.primary if side > page.px(44) else sizes.value
        inside = grid.centred(ring, side * 74 // 100, page.block(1, cap))
        page.text(inside, f"{percent:.0f} %", cap, is_bold=True, align=Align.CENTRE, least_mm=sizes.least)
    lines = min(2, page.lines(note, rest.width, sizes.body))
    first, second = page.block(2, sizes.title * 0.9), page.block(lines, sizes.body * 1.05)
    whole = grid.middle(rest, min(rest.height, first + second + page.px(2)))
    upper, lower = grid.top(whole, min(first, whole.height - second), page.px(1))
    page.text(upper, stage, sizes.title * 0.9, is_bold=True, lines=2, align=align)
    page.text(lower, note, sizes.body * 1.05, colour=palette.faint, lines=lines, align=align)
    return page.picture()
