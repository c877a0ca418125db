"""Where the buttons of a page stand: in columns, page after page, or as tiles of one size."""

from __future__ import annotations

from collections.abc import Sequence

from hmi.drawing.items import Rect
from hmi.screens import grid
from hmi.technician.kit import GAP_MM, LEAST_MM, SAFETY_MM, TOUCH_MM, Button, StaffPage

TILE_MOST_MM, TILE_LEAST_MM = 34.0, 34.0
"""No tile is higher, and none narrower if it can be."""
Laid = list[tuple[Button, Rect]]


def tiled(page: StaffPage, area: Rect, buttons: Sequence[Button]) -> list[Laid]:
    """Buttons of one size in an even grid that fills `area`; page by page where they would be too low for fingers."""
    count = len(buttons)
    if not count or area.width <= 0 or area.height <= 0:
        return []
    gap = page.px(GAP_MM)

    def shape(across: int) -> tuple[float, float]:
        down = -(-count // across)
        wide = (area.width - gap * (across - 1)) / across / page.look.px_per_mm
        high = (area.height - gap * (down - 1)) / down / page.look.px_per_mm
        unfit = max(0.0, TOUCH_MM - high) + max(0.0, TILE_LEAST_MM - wide)
        return (unfit * 100 + (across * down - count) * 2, abs(wide / max(high, 0.1) - 1.5))

    across = min(range(1, count + 1), key=shape)
    down = -(-count // across)
    height = min(page.px(TILE_MOST_MM), (area.height - gap * (down - 1)) // down)
    if height < page.px(TOUCH_MM):
        return laid(page, area, buttons, TILE_LEAST_MM)
    spots = []
    for at, row in enumerate(grid.rows(Rect(area.x, area.y, area.width, height * down + gap * (down - 1)), down, gap)):
        spots += list(zip(buttons[at * across : (at + 1) * across], grid.columns(row, across, gap), strict=False))
    return [spots]


def columns_of(page: StaffPage, width: int, tile_mm: float) -> int:
    gap = page.px(GAP_MM)
    return max(1, (width + gap) // (page.px(tile_mm) + gap))


def height_of(page: StaffPage, button: Button, width: int) -> int:
    """Safety buttons are higher, and those that say why they do nothing."""
    if button.kind == "stop":
        return page.px(SAFETY_MM)
    usual = page.px(14.0 if page.is_tight else 14.5)
    if not button.why:
        return usual
    lines = min(4, page.lines(button.why, width - page.px(3.0), LEAST_MM))
    label = page.block(2, LEAST_MM)
    if page.lines(button.label, width - page.px(3.0), LEAST_MM) < 2:
        label = page.block(1, page.sizes.small)
    return max(usual, label + page.block(lines, LEAST_MM) + page.px(2.0))


def laid(page: StaffPage, area: Rect, buttons: Sequence[Button], tile_mm: float) -> list[Laid]:
    """Buttons column by column from the top, page by page."""
    if not buttons or area.width <= 0 or area.height <= 0:
        return []
    gap, count = page.px(GAP_MM), columns_of(page, area.width, tile_mm)
    count = max(1, min(count, _columns_needed(page, area, buttons, count)))
    spots = grid.columns(area, count, gap)
    pages: list[Laid] = [[]]
    column, y = 0, area.y
    for button in buttons:
        height = min(area.height, height_of(page, button, spots[0].width))
        if y + height > area.bottom and y > area.y:
            column, y = column + 1, area.y
            if column == count:
                column = 0
                pages.append([])
        pages[-1].append((button, Rect(spots[column].x, y, spots[column].width, height)))
        y += height + gap
    return pages


def _columns_needed(page: StaffPage, area: Rect, buttons: Sequence[Button], most: int) -> int:
    """Fewer and wider columns where all find room in them."""
    for count in range(1, most):
        if needed_height(page, area.width, buttons, count) <= area.height:
            return count
    return most


def needed_height(page: StaffPage, width: int, buttons: Sequence[Button], count: int) -> int:
    """Height in which all stand in `count` columns."""
    gap = page.px(GAP_MM)
    each = (width - gap * (count - 1)) // count
    heights = [height_of(page, button, each) + gap for button in buttons]
    least, most = max(heights, default=0), sum(heights)
    for height in range(least, most + 1, max(1, page.px(1))):
        columns, y = 1, 0
        for one in heights:
            if y + one > height:
                columns, y = columns + 1, 0
            y += one
        if columns <= count:
            return height
    return most
