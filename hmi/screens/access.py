"""Access: large text, high contrast, more time, lower layout; each switched by a touch."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid
from hmi.screens.frame import frame, low
from hmi.screens.large import for_targets
from hmi.screens.page import Page
from hmi.view import View

CHOICES = (("large", "large_text"), ("contrast", "contrast"), ("slow", "slow"), ("low", "low_layout"))


def picture(view: View) -> Picture:
    page = Page(view, "Access")
    title = page.words("nav.access")
    fit = _fit(page, for_targets(page, low(page, frame(Page(view, "Access"), title, pages=2, has_help=False))[1]))
    pages = -(-len(CHOICES) // fit)
    area = for_targets(page, low(page, frame(page, title, pages=pages, has_help=False))[1])
    at = facts.page_of(view, pages)
    shown = CHOICES[at * fit : (at + 1) * fit]
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        height = min(page.px(40 if not page.is_large else 50), (area.height - gap * (fit - 1)) // fit)
        whole = Rect(area.x, area.y, area.width, height * fit + gap * (fit - 1))
        spots = grid.rows(whole, fit, gap)
    else:
        down = 2 if fit == 4 and area.height >= page.px(2 * 24) + gap else 1
        height = min(page.px(40), (area.height - gap * (down - 1)) // down)
        whole = grid.middle(area, height * down + gap * (down - 1))
        spots = [cell for row in grid.rows(whole, down, gap) for cell in grid.columns(row, fit // down, gap)]
    labels = [page.words(f"acc.{name}") for name, _ in CHOICES]
    for (name, icon), spot in zip(shown, spots, strict=False):
        _switch(page, spot, name, icon, labels)
    return page.picture()


def _fit(page: Page, area: Rect) -> int:
    """Switches on one page."""
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        least = page.px(40 if page.is_large else 20)
        return max(1, min(4, (area.height + gap) // (least + gap)))
    if page.is_large:
        return 1 if page.width_mm < 300 else 2
    if area.height >= page.px(48) + gap or area.width >= page.px(4 * 68):
        return 4
    return 2


def _switch(page: Page, rect: Rect, name: str, icon: str, labels: list[str]) -> None:
    """Icon, words, and a mark whether it is on."""
    palette, sizes = page.palette, page.sizes
    is_on = getattr(page.view.place.access, name)
    ground, ink = (palette.accent, palette.on_accent) if is_on else (palette.card, palette.text)
    page.fill(rect, ground, sizes.radius, 0.0 if is_on else 0.35, palette.edge)
    page.target(f"access:{name}", rect)
    inner = grid.padded(rect, page.px(2.5), page.px(1))
    side = min(inner.height, page.px(14 if not page.is_tight else 10))
    rest = inner
    if not (page.is_large and page.is_portrait):
        spot, rest = grid.left(inner, side, page.px(4))
        page.icon(grid.middle(spot, side), icon, ink, ground)
    mark, rest = grid.right(rest, page.px(8), page.px(2))
    box = grid.centred(mark, page.px(8), page.px(8))
    if is_on:
        page.icon(box, "yes", ink, ground)
    else:
        page.fill(box, None, 2.0, 0.5, palette.edge)
    lines = 3 if page.is_large and page.is_portrait else 2
    cap = page.alike(labels, rest, sizes.body * 1.25, lines, True)
    is_bold = all(page.lines(label, rest.width, sizes.least, True) <= lines for label in labels)
    page.text(
        rest, page.words(f"acc.{name}"), cap, colour=ink, on=ground, is_bold=is_bold, lines=lines, align=Align.LEFT
    )
