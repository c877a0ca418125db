"""MainMenu: one tile for each connector, language bar, help, accessibility."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid, tiles
from hmi.screens.frame import Action, footer, help_button, low
from hmi.screens.header import below_edge, has_room_for_title, header, show_large_notice, status_line
from hmi.screens.large import for_targets
from hmi.screens.page import Page
from hmi.view import View
from hmi.words import OWN_NAMES


def picture(view: View) -> Picture:
    page = Page(view, "MainMenu")
    everyone = facts.everyone(view.seen)
    choices = _choices(view)
    title = page.words("menu.which" if choices is not None else "menu.choose" if len(everyone) > 1 else "menu.one")
    has_title = has_room_for_title(page, title)
    area = header(page, title, has_staff=True) if has_title else _below_clock(page)
    nav = _nav(page)
    free = footer(_Measuring(view), area, nav, (), None, 2)
    upper, room = low(page, free)
    room = for_targets(page, room)
    fit = tiles.fitting(page, room, len(everyone))
    pages = -(-len(everyone) // fit) if everyone else 1
    free = footer(page, area, nav, (), None, pages)
    show_large_notice(page, free)
    upper, room = low(page, free)
    room = for_targets(page, room)
    if upper is not None:
        _greeting(page, upper)
    if not everyone:
        page.text(room, page.words("menu.none"), page.sizes.title, align=Align.CENTRE, lines=3)
    at = facts.page_of(view, pages)
    shown = everyone[at * fit : (at + 1) * fit]
    for each, rect in zip(shown, tiles.places(page, room, len(shown), fit), strict=True):
        tiles.tile(page, rect, each, shown, is_enabled=not choices or each.number in choices)
    return page.picture()


def _below_clock(page: Page) -> Rect:
    """All the picture where there is no header; upright, a line with the clock takes its place."""
    area = below_edge(page)
    if not page.is_portrait:
        return area
    line, area = grid.top(area, page.block(1, page.sizes.small), page.px(1))
    status_line(page, line)
    return area


def _choices(view: View) -> set[int] | None:
    """The connectors that a waiting card can mean, none: any; None while no card waits."""
    fields = view.place.fields
    if not fields.get("choose"):
        return None
    return {int(each) for each in fields.get("choices", "").split(",") if each.isdecimal()}


class _Measuring(Page):
    """A page that only tells how much room is left; what is drawn on it is not shown."""

    def __init__(self, view: View) -> None:
        super().__init__(view, "MainMenu")


def _nav(page: Page) -> list[Action]:
    """Help, accessibility, and the languages, each by its own name where there is room."""
    languages = page.view.seen.shop.languages
    access = Action(name="access", label=page.words("nav.access"), icon="access")
    nav = [help_button(page), access]
    if len(languages) < 2:
        return nav
    room = page.look.width - 2 * page.px(page.sizes.bezel)
    gap = page.px(page.sizes.gap)
    width = page.px(page.sizes.nav)
    if not page.is_portrait and not page.is_large and room >= (width + gap) * (len(languages) + 2) + page.px(20):
        return [*nav, *(_language(page, each) for each in languages)]
    return [*nav, Action(name="language", label=page.words("app.language"), icon="language")]


def _language(page: Page, language: str) -> Action:
    kind = "main" if language == page.words.language else "plain"
    return Action(name=f"language:{language}", label=OWN_NAMES[language], kind=kind)


def _greeting(page: Page, upper: Rect) -> None:
    """What stands above the reach of hands in low layout."""
    if page.is_large or upper.height < page.px(14):
        return
    free = [each for each in facts.everyone(page.view.seen) if each.is_free]
    words = page.words("menu.free_n", n=len(free))
    colour = page.palette.green if free else page.palette.faint
    spot = grid.padded(upper, 0, page.px(1))
    cap = min(page.sizes.value, spot.height / page.look.px_per_mm / 1.7)
    page.text(spot, words, cap, colour=colour, is_bold=True)
