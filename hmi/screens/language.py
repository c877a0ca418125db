"""Language: each by its own name."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import grid
from hmi.screens.frame import frame, low
from hmi.screens.page import Page
from hmi.view import View
from hmi.words import OWN_NAMES


def picture(view: View) -> Picture:
    page = Page(view, "Language")
    area = low(page, frame(page, page.words("app.language"), has_help=False))[1]
    languages = view.seen.shop.languages
    gap = page.px(page.sizes.gap)
    least = page.px(22)
    if page.is_portrait:
        height = min(page.px(34), (area.height - gap * (len(languages) - 1)) // len(languages))
        whole = Rect(area.x, area.y, area.width, height * len(languages) + gap * (len(languages) - 1))
        spots = grid.rows(whole, len(languages), gap)
    else:
        down = 1 if len(languages) <= 2 or area.height < 2 * least + gap else 2
        across = -(-len(languages) // down)
        height = min(page.px(40), (area.height - gap * (down - 1)) // down)
        whole = grid.middle(area, height * down + gap * (down - 1))
        spots = [cell for row in grid.rows(whole, down, gap) for cell in grid.columns(row, across, gap)]
    names = [OWN_NAMES[each] for each in languages]
    inner = grid.padded(spots[0], page.px(1.5), page.px(2))
    cap = page.alike(names, inner, page.sizes.value, 1, True)
    for language, name, spot in zip(languages, names, spots, strict=False):
        _choice(page, spot, f"language:{language}", name, cap, language == page.words.language)
    return page.picture()


def _choice(page: Page, rect: Rect, target: str, name: str, cap: float, is_chosen: bool) -> None:
    palette = page.palette
    ground, ink = (palette.accent, palette.on_accent) if is_chosen else (palette.card, palette.text)
    page.fill(rect, ground, page.sizes.radius, 0.0 if is_chosen else 0.35, palette.edge)
    page.target(target, rect)
    spot = grid.padded(rect, page.px(1.5), page.px(1))
    is_bold = page.wide(name, page.sizes.least, True) <= spot.width
    page.text(spot, name, cap, colour=ink, on=ground, is_bold=is_bold, align=Align.CENTRE)
