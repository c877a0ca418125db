"""Help: station number large, phone, codes of support and feedback, instruction, accessibility."""

from __future__ import annotations

from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, large
from hmi.screens.frame import Action, back, frame, home
from hmi.screens.page import Page
from hmi.screens.parts import card, labelled, phone_row, qr
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "Help")
    words = page.words
    shop = view.seen.shop
    offered = (
        ("help.support", shop.links.support),
        ("help.feedback", shop.links.feedback),
        ("help.app", shop.links.app),
    )
    links = [(key, facts.filled(link, view, view.place.connector)) for key, link in offered if link]
    how = Action(name="how", label=words("conn.instruction"), icon="info", kind="main")
    access = Action(name="access", label=words("nav.access"), icon="access")
    nav = [back(page), home(page)]
    actions = [access] if page.is_large else [how] if page.is_tight else [how, access]
    blocks = _blocks(page)
    if page.is_large:
        told = [large.Subject(label=label, text=value) for label, value in blocks]
        for key, link in links:
            told += [large.Subject(text=words(key), is_bold=True, icon="phone_qr"), large.Subject(link=link)]
        return large.story(view, "Help", words("app.help"), told, nav=nav, actions=actions, has_staff=True)
    per_page = _codes_per_page(page)
    own = 1 if page.is_tight else 0
    pages = max(1, own + -(-len(links) // per_page))
    area = frame(page, words("app.help"), nav=nav, actions=actions, pages=pages, has_staff=True)
    at = facts.page_of(view, pages) - own
    if at < 0:
        _page(page, area, [])
    elif own:
        qr(page, area, links[at][1], words(links[at][0]))
    else:
        _page(page, area, links[at * per_page : (at + 1) * per_page])
    return page.picture()


def _codes_per_page(page: Page) -> int:
    if page.is_portrait:
        return 1 if page.width_mm < 130 else 2
    return 1 if page.width_mm < 190 else 2


def _blocks(page: Page) -> list[tuple[str, str]]:
    shop = page.view.seen.shop
    found = [(page.words("app.station_id"), shop.station_name)]
    if shop.phone:
        found.append((page.words("app.support"), shop.phone))
    return found


def _page(page: Page, area: Rect, links: list[tuple[str, str]]) -> None:
    sizes, palette, words = page.sizes, page.palette, page.words
    codes: list[Rect] = []
    if links and page.is_portrait:
        spot, area = grid.bottom(area, max(page.px(60), area.height * 55 // 100), page.px(4))
        codes = grid.columns(spot, len(links), page.px(5))
    elif links:
        each = max(page.px(56), area.width * 25 // 100)
        spot, area = grid.right(area, each * len(links) + page.px(5) * (len(links) - 1), page.px(6))
        codes = grid.columns(spot, len(links), page.px(5))
    for (key, link), spot in zip(links, codes, strict=True):
        qr(page, card(page, spot), link, words(key), palette.card)
    upper, lower = grid.rows(area, 2, page.px(2))
    name = page.view.seen.shop.station_name
    cap = min(sizes.primary, 12.0)
    labelled(page, upper, words("app.station_id"), name, value_mm=page.alike([name], upper, cap, 1, True))
    if page.view.seen.shop.phone:
        label, rest = grid.top(lower, page.block(1, sizes.small), page.px(0.5))
        page.text(label, words("app.support"), sizes.small, colour=palette.faint)
        phone_row(page, grid.top(rest, page.px(max(8.0, sizes.value * 1.8)))[0])
