"""OutOfService: why, where to get help; charges that run stay reachable."""

from __future__ import annotations

from hmi.drawing.items import Picture
from hmi.screens import facts, grid, large, message
from hmi.screens.frame import beside_languages, frame, languages
from hmi.screens.page import Page
from hmi.screens.parts import session_pages, session_tiles
from hmi.view import View

TEXTS = {
    "operator": "oos.operator", "maintenance": "oos.maintenance", "update": "oos.update", "no_server": "oos.no_server",
    "protection": "oos.protection", "recording": "oos.fault", "fault": "oos.fault",
}  # fmt: skip


def picture(view: View) -> Picture:
    page = Page(view, "OutOfService")
    words, palette = page.words, page.palette
    reason = view.place.fields.get("reason", "")
    told = words(TEXTS.get(reason) or TEXTS[facts.why_out_of_service(view)])
    link = message.support_link(page)
    running = facts.running(view.seen)
    nav = languages(page)
    if page.is_large:
        texts = [words("oos.title"), told, words("oos.hint")]
        subjects = [large.Subject(text=text, icon="disabled", colour=palette.red) for text in texts]
        sessions = [large.Subject(session=each) for each in running]
        return large.story(view, "OutOfService", "", [*subjects, *sessions, *large.contact(page, link)], nav=nav)
    pages = max(message.pages_of(page, link), session_pages(page, _strip_width(page)))
    area = frame(page, words("oos.title"), nav=nav, pages=pages, has_help=False, has_staff=True)
    if pages < 2 and not nav:
        margin = page.px(page.sizes.bezel) - page.px(page.sizes.top)
        area = grid.top(area, area.height - max(0, margin))[0]
    if running and pages > 1 and not page.is_portrait:
        session_tiles(page, beside_languages(page))
    elif running and not page.is_portrait:
        spot, area = grid.right(area, _contact_width(page), page.px(6))
        message.contact(page, spot, link)
        spot, area = grid.bottom(area, page.px(26), page.px(4))
        session_tiles(page, spot)
        message.message(page, area, "disabled", palette.red, told, [], words("oos.hint"))
        return page.picture()
    elif running:
        spot, area = grid.bottom(area, page.px(22 if page.is_tight else 26), page.px(4))
        session_tiles(page, spot)
    message.normal(page, area, "disabled", palette.red, told, [], words("oos.hint"), link)
    return page.picture()


def _contact_width(page: Page) -> int:
    return max(page.px(64), _width(page) * 32 // 100)


def _width(page: Page) -> int:
    return page.look.width - 2 * page.px(page.sizes.bezel)


def _strip_width(page: Page) -> int:
    """Of the strip of charges: across, between the buttons, or beside the code."""
    if page.is_portrait:
        return _width(page)
    return beside_languages(page).width if page.is_tight else _width(page) - _contact_width(page) - page.px(6)
