"""Language: each by its own name."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid
from hmi.screens.frame import frame, low
from hmi.screens.large import for_targets
from hmi.screens.page import Page
from hmi.view import View
from hmi.words import OWN_NAMES


def picture(view: View) -> Picture:
    page = Page(view, "Language")
    title = page.words("app.language")
    offered = view.seen.shop.languages
    gap = page.px(page.sizes.gap)
    room = for_targets(page, low(page, frame(Page(view, "Language"), title, pages=2, has_help=False))[1])
    across, down = _shape(page, room, len(offered))
    pages = -(-len(offered) // (across * down))
    area = for_targets(page, low(page, frame(page, title, pages=pages, has_help=False))[1])
    at = facts.page_of(view, pages)
    languages = offered[at * across * down : (at + 1) * across * down]
    height = min(page.px(36), (area.height - gap * (down - 1)) // down)
    whole = Rect(area.x, area.y, area.width, height * down + gap * (down - 1))
    if not page.is_portrait:
        whole = grid.middle(area, whole.height)
    spots = [cell for row in grid.rows(whole, down, gap) for cell in grid.columns(row, across, gap)]
    names = [OWN_NAMES[each] for each in languages]
    inner = grid.padded(spots[0], page.px(1.5), page.px(2))
    cap = page.alike(names, inner, page.sizes.value, 1, True)
    for language, name, spot in zip(languages, names, spots, strict=False):
        _choice(page, spot, f"language:{language}", name, cap, language == page.words.language)
    return page.picture()


def _shape(page: Page, area: Rect, count: int) -> tuple[int, int]:
    """Columns and rows of one page."""
    gap, least = page.px(page.sizes.gap), page.px(20)
    widest = max(page.wide(name, page.sizes.least) for name in OWN_NAMES.values()) + page.px(4)
    across = 1 if page.is_portrait else max(1, min(count, (area.width + gap) // (max(least, widest) + gap)))
    down = max(1, min(-(-count // across), (area.height + gap) // (least + gap)))
    if not page.is_portrait and down > 1:
        across = -(-count // down)
    return across, down


def _choice(page: Page, rect: Rect, target: str, name: str, cap: float, is_chosen: bool) -> None:
    palette = page.palette
    ground, ink = (palette.accent, palette.on_accent) if is_chosen else (palette.card, palette.text)
    page.fill(rect, ground, page.sizes.radius, 0.0 if is_chosen else 0.35, palette.edge)
    page.target(target, rect)
    spot = grid.padded(rect, page.px(1.5), page.px(1))
    is_bold = page.wide(name, page.sizes.least, True) <= spot.width
    page.text(spot, name, cap, colour=ink, on=ground, is_bold=is_bold, align=Align.CENTRE)
