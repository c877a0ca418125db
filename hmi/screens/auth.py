"""Auth: the ways to say who one is, only those that this station offers; the card works on every screen."""

from __future__ import annotations

import msgspec

from hmi.drawing.items import Align, Picture, Rect
from hmi.drawing.svg import DRAWINGS, names
from hmi.screens import facts, grid, large
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import card, paragraph, qr
from hmi.screens.statuses import FACES
from hmi.view import View


class Way(msgspec.Struct, frozen=True):
    """One way. `icon`: its drawing, "" for that of the connector; `least_mm`: width its panel needs in a row."""

    name: str
    key: str
    icon: str
    least_mm: float
    link: str = ""


def ways(view: View) -> list[Way]:
    """What the station offers now."""
    shop = view.seen.shop
    found = []
    readers = view.seen.readers.values()
    if shop.has_readers and (not readers or any(each.is_answering for each in readers)):
        found.append(Way("card", "auth.card", "pay_card", 50.0))
    link = facts.filled(shop.links.app, view, view.place.connector)
    if link:
        found.append(
            Way("app", "auth.qr", "phone_qr", 60.0 if view.look.height / view.look.px_per_mm > 110 else 84.0, link)
        )
    if shop.plug_and_charge or shop.autocharge:
        found.append(Way("vin", "auth.vin", "", 50.0))
    return found


def picture(view: View) -> Picture:
    page = Page(view, "Auth")
    words = page.words
    offered = ways(view)
    station = view.seen.station
    is_free = view.seen.shop.free_mode or (station is not None and station.free_mode)
    actions = []
    if is_free:
        is_asked = view.place.fields.get("asked") == "start"
        free = Action(name="auth:free", label=words("auth.free"), icon="start", kind="go", is_enabled=not is_asked)
        actions.append(free)
    elif not page.is_large and view.place.connector:
        actions.append(Action(name="price", label=words("nav.price"), icon="money"))
    if page.is_large:
        return large.story(view, "Auth", words("auth.title"), _subjects(page, offered, is_free), actions=actions)
    chosen = [each for each in offered if each.name == view.place.fields.get("way")]
    title = words("auth.title")
    probe = frame(Page(view, "Auth"), title, actions=actions, pages=2)
    packed = [chosen] if chosen else _packed(page, probe, offered)
    area = frame(page, title, actions=actions, pages=len(packed))
    if not offered:
        key = "auth.free_hint" if is_free else "auth.no_way"
        paragraph(page, area, words(key), page.sizes.title, is_bold=True)
        return page.picture()
    shown = packed[facts.page_of(view, len(packed))]
    for way, spot in zip(shown, _places(page, area, shown), strict=True):
        _panel(page, spot, way)
    return page.picture()


def _subjects(page: Page, offered: list[Way], is_free: bool) -> list[large.Subject]:
    found = []
    for each in offered:
        if each.link:
            found += [large.Subject(text=page.words(each.key), drawing="pay_app"), large.Subject(link=each.link)]
        else:
            found.append(large.Subject(text=page.words(each.key), drawing=_drawing(page, each)))
    key = "auth.free_hint" if is_free else "auth.no_way"
    return found or [large.Subject(text=page.words(key), is_bold=True)]


def _packed(page: Page, area: Rect, offered: list[Way]) -> list[list[Way]]:
    """The ways by pages: as many beside (portrait: below) each other as find room."""
    pages: list[list[Way]] = [[]]
    for each in offered:
        if pages[-1] and not _fits(page, area, [*pages[-1], each]):
            pages.append([])
        pages[-1].append(each)
    return pages


def _fits(page: Page, area: Rect, shown: list[Way]) -> bool:
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        needed = [page.px(60 if each.link else 24) for each in shown]
        return sum(needed) + gap * (len(shown) - 1) <= area.height
    return sum(page.px(each.least_mm) for each in shown) + gap * (len(shown) - 1) <= area.width


def _places(page: Page, area: Rect, shown: list[Way]) -> list[Rect]:
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        weights = [60.0 if each.link else 30.0 for each in shown]
        whole, at, found = area.height - gap * (len(shown) - 1), area.y, []
        for weight in weights:
            height = int(whole * weight / sum(weights))
            found.append(Rect(area.x, at, area.width, height))
            at += height + gap
        return found
    weights = [each.least_mm for each in shown]
    whole, at, found = area.width - gap * (len(shown) - 1), area.x, []
    for weight in weights:
        width = int(whole * weight / sum(weights))
        found.append(Rect(at, area.y, width, area.height))
        at += width + gap
    return found


def _panel(page: Page, rect: Rect, way: Way) -> None:
    words, palette, sizes = page.words, page.palette, page.sizes
    text = words(way.key)
    if way.link:
        if page.is_tight or page.is_large:
            qr(page, rect, way.link, text)
        else:
            qr(page, card(page, rect), way.link, text, palette.card)
        return
    inner = card(page, rect)
    lines = 3
    if rect.width > rect.height * 3 // 2 or (page.is_large and not page.is_portrait):
        side = min(inner.height * 4 // 5, inner.width // 3, page.px(34))
        spot, rest = grid.left(inner, side, page.px(4))
        _sketch(page, grid.middle(spot, side), way)
        page.text(rest, text, sizes.body * 1.25, on=palette.card, is_bold=True, lines=lines)
        return
    below, rest = grid.bottom(inner, page.block(lines, sizes.body * 1.1), page.px(2))
    _sketch(page, rest, way)
    page.text(below, text, sizes.body * 1.1, on=palette.card, is_bold=True, lines=lines, align=Align.CENTRE)


def _sketch(page: Page, rect: Rect, way: Way) -> None:
    page.drawing(rect, _drawing(page, way), page.palette.card)


def _drawing(page: Page, way: Way) -> str:
    """Its drawing: that of the connector where it has none of its own."""
    name = way.icon or f"plug_{FACES[facts.here(page.view).type][0]}"
    return name if name in names(DRAWINGS) else "plug_type2"
