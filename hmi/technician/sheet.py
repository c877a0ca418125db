"""A page of the service menu that is a table of values and a row of buttons: most of them are. On small panels what
finds no room is on further pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hmi.drawing.colours import mixed
from hmi.drawing.items import Align, Colour, Picture, Rect
from hmi.screens import grid
from hmi.technician import kit, lights, placing, said, wordings
from hmi.technician.kit import GAP_MM, Button, StaffPage

COLUMN_MM = 84.0
GROWN = (1.45, 1.3, 1.15, 1.0)
"""A short table is written larger."""
FIGURE_FROM_MM = 108.0
"""A figure stands above the table where the page is so high, else on a page of its own."""


class Row(msgspec.Struct, frozen=True):
    """A line of the table. `tone`: "", good, bad, warn, old. Without `value` and with `is_head` a heading; `is_line`: a
    line of text across."""

    label: str
    value: str = ""
    tone: str = ""
    is_head: bool = False
    is_line: bool = False
    is_secret: bool = False
    """Masked in screenshots."""


def head(text: str) -> Row:
    return Row(text, is_head=True)


def line(text: str, tone: str = "") -> Row:
    return Row(text, tone=tone, is_line=True)


Figure = Callable[[StaffPage, Rect], None]


def sheet(
    page: StaffPage,
    title: str,
    rows: Sequence[Row],
    buttons: Sequence[Button] = (),
    *,
    tabs: Sequence[Button] = (),
    figure: Figure | None = None,
    subtitle: str = "",
    nav: list[Button] | None = None,
    share: float = 0.38,
    tile_mm: float = 54.0,
    is_figure_first: bool = False,
    is_tiled: bool = False,
    is_own: bool = False,
) -> Picture:
    """The whole page. What came of the last deed stands instead of the table while its details are open.

    `is_tiled`: the buttons are tiles of one size. `is_own`: values that do not age with the station's.
    """
    page.ticking(1.0)
    area = kit.begin(page, title, subtitle)
    gap = page.px(GAP_MM)
    outcome = page.desk.outcome
    if page.view.place.fields.get("result") and outcome is not None:
        rows, figure, tabs, is_tiled = details(page), None, (), False
        buttons = [Button(name="staff:dismiss", label=page.t("dismiss"), icon="yes")]
    bottom_px = kit.foot(page)
    if lights.is_asked(page.desk):
        ways = (("yes", "lights_yes", "main", "eye"), ("no", "lights_no", "plain", "eye_off"))
        asked = [Button(name=f"staff:lights:{way}", label=page.t(key), kind=kind, icon=icon)
                 for way, key, kind, icon in ways]  # fmt: skip
        buttons = [*asked, *buttons]
    area = strips(page, area, tabs)
    body = Rect(area.x, area.y, area.width, page.look.height - bottom_px - area.y)
    left, right = _split(page, body, bool(rows) or figure is not None, buttons, share, tile_mm, is_tiled)
    is_figure_apart = figure is not None and body.height < page.px(FIGURE_FROM_MM)
    spot = Rect(0, 0, 0, 0)
    table = left
    if figure is not None and not is_figure_apart:
        spot, table = grid.top(left, left.height * 42 // 100, gap)
    laid = _laid(page, table, rows)
    placed = placing.tiled(page, right, buttons) if is_tiled else placing.laid(page, right, buttons, tile_mm)
    button_pages = len(placed)
    row_pages = len(laid) + (1 if is_figure_apart else 0)
    pages = max(1, row_pages, button_pages)
    now = kit.page_of(page, pages)
    kit.end(page, area, pages, nav)
    if figure is not None and spot.width:
        figure(page, spot)
    at, own = min(now, row_pages - 1), 0 if is_figure_first else len(laid)
    if figure is not None and is_figure_apart and at == own:
        figure(page, left)
    elif laid and table.height > 0:
        at -= 1 if is_figure_apart and is_figure_first else 0
        _draw(page, laid[max(0, min(at, len(laid) - 1))], is_old=page.is_stale and not is_own)
    for button, rect in placed[min(now, button_pages - 1)] if placed else ():
        kit.push(page, rect, button)
    return page.picture()


def strips(page: StaffPage, area: Rect, tabs: Sequence[Button]) -> Rect:
    """The tabs of a page. Returns what is below."""
    for each in _strips(page, tabs):
        strip, area = grid.top(area, page.px(kit.TOUCH_MM), page.px(GAP_MM))
        _tabs(page, strip, each)
    return area


def _strips(page: StaffPage, tabs: Sequence[Button]) -> list[list[Button]]:
    """In portrait the tabs of connectors stand above those of parts."""
    numbers = [each for each in tabs if each.label.isdecimal()]
    parts = [each for each in tabs if not each.label.isdecimal()]
    if not page.is_portrait:
        strips = [[*numbers, *parts]]
    elif kit.is_slim(page) and len(parts) > 3 and sum(_wanted(page, parts)) > page.look.width - page.px(12):
        strips = [numbers, parts[: (len(parts) + 1) // 2], parts[(len(parts) + 1) // 2 :]]
    else:
        strips = [numbers, parts]
    return [strip for strip in strips if strip]


def _tabs(page: StaffPage, strip: Rect, tabs: Sequence[Button]) -> None:
    gap = page.px(GAP_MM)
    small, rest = page.px(kit.TOUCH_MM), strip
    fit = max(1, (strip.width + gap) // (small + gap))
    shown = list(tabs[:fit])
    numbers = sum(1 for each in shown if each.label.isdecimal())
    others = len(shown) - numbers
    wides = _wides(page, [each for each in shown if not each.label.isdecimal()],
                   strip.width - numbers * (small + gap) - gap * (others - 1))  # fmt: skip
    for each in shown:
        spot, rest = grid.left(rest, small if each.label.isdecimal() else wides.pop(0), gap)
        kit.push(page, spot, each)


def _wides(page: StaffPage, tabs: Sequence[Button], room: int) -> list[int]:
    """All as wide as each other where every label finds room so; else each as its longest word wants it."""
    if not tabs:
        return []
    small = page.px(kit.TOUCH_MM)
    even = max(small, min(room // len(tabs), page.px(46)))
    wanted = _wanted(page, tabs)
    if max(wanted) <= even or sum(wanted) > room:
        return [even] * len(tabs)
    spare = (room - sum(wanted)) // len(tabs)
    return [wide + spare for wide in wanted]


def _wanted(page: StaffPage, tabs: Sequence[Button]) -> list[int]:
    """How wide each has to be for its longest word."""
    return [
        max(page.px(kit.TOUCH_MM), max(page.wide(word, kit.LEAST_MM, True) for word in f"{each.label} ".split(" "))
            + page.px(3.4))
        for each in tabs
    ]  # fmt: skip


def _split(
    page: StaffPage, body: Rect, has_rows: bool, buttons: Sequence[Button], share: float, tile_mm: float,
    is_tiled: bool,
) -> tuple[Rect, Rect]:  # fmt: skip
    """Where the table and the buttons stand."""
    gap = page.px(3.5)
    nothing = Rect(body.x, body.bottom, 0, 0)
    if not buttons:
        return body, nothing
    if not has_rows:
        return nothing, body
    if page.is_portrait and is_tiled:
        right, left = grid.bottom(body, body.height * (68 if kit.is_slim(page) else 56) // 100, gap)
        return left, right
    if page.is_portrait:
        across = placing.columns_of(page, body.width, tile_mm)
        tall = placing.needed_height(page, body.width, buttons, across)
        right, left = grid.bottom(body, min(tall, body.height * 48 // 100), gap)
        return left, right
    right, left = grid.right(body, max(page.px(55), round(body.width * share)), gap)
    return left, right


class _Placed(msgspec.Struct, frozen=True):
    row: Row
    rect: Rect
    is_stacked: bool
    lines: int
    grown: float = 1.0


def _laid(page: StaffPage, area: Rect, rows: Sequence[Row]) -> list[list[_Placed]]:
    """Rows in columns, column after column, page after page; as large as leaves them on one page."""
    if not rows or area.width <= 0 or area.height <= 0:
        return []
    made: list[list[_Placed]] = []
    for grown in GROWN:
        made = _laid_at(page, area, rows, grown)
        if len(made) == 1:
            break
    return made


def _laid_at(page: StaffPage, area: Rect, rows: Sequence[Row], grown: float) -> list[list[_Placed]]:
    gap = page.px(5)
    count = max(1, (area.width + gap) // (page.px(COLUMN_MM * min(grown, 1.15)) + gap))
    is_text = all(row.is_line for row in rows)
    spots = [area] if is_text else grid.columns(area, count, gap)
    pages: list[list[_Placed]] = [[]]
    column, y = 0, area.y
    for at, row in enumerate(rows):
        width = spots[0].width
        height, is_stacked, lines = _height(page, row, width, grown)
        needed = height
        if row.is_head and at + 1 < len(rows):
            needed += _height(page, rows[at + 1], width, grown)[0]
        if y + needed > area.bottom and y > area.y:
            column, y = column + 1, area.y
            if column == len(spots):
                column = 0
                pages.append([])
        height = min(height, area.bottom - y)
        pages[-1].append(_Placed(row, Rect(spots[column].x, y, width, height), is_stacked, lines, grown))
        y += height
    return pages


def _height(page: StaffPage, row: Row, width: int, grown: float) -> tuple[int, bool, int]:
    """Height of a row, whether its value stands below its label, and in how many lines."""
    small, body = page.sizes.small * grown, page.sizes.body * grown
    air = page.px(0.9 * grown**3)
    one = page.block(1, body) + air
    if row.is_head:
        return one + page.px(1.0), False, 1
    if row.is_line:
        lines = min(3, page.lines(row.label, width, small))
        return page.block(lines, small) + air, False, lines
    label, value = page.wide(row.label, small), page.wide(row.value, body, is_bold=True)
    if label + value + page.px(5) <= width:
        return one, False, 1
    lines = min(3, page.lines(row.value, width, body, True))
    return page.block(1, small) + page.block(lines, body) + air, True, lines


def tone_of(page: StaffPage, tone: str) -> Colour:
    palette = page.palette
    return {"good": palette.green, "bad": palette.red, "warn": palette.yellow, "old": palette.faint}.get(
        tone, palette.text
    )


def _draw(page: StaffPage, placed: list[_Placed], *, is_old: bool) -> None:
    palette = page.palette
    quiet = mixed(page.background, palette.edge, 0.3)
    for each in placed:
        row, rect = each.row, each.rect
        small, body = page.sizes.small * each.grown, page.sizes.body * each.grown
        colour = tone_of(page, "old" if is_old and row.value and row.tone != "bad" else row.tone)
        if row.is_head:
            spot = Rect(rect.x, rect.y + page.px(1.0), rect.width, rect.height - page.px(1.0))
            page.written(spot, row.label, body, is_bold=True, colour=palette.accent)
            continue
        foot = rect.bottom - 1
        page.line(Rect(rect.x, foot, rect.width, 1), ((rect.x, foot), (rect.right - 1, foot)), quiet, 0.1)
        if row.is_line:
            page.written(rect, row.label, small, colour=colour, lines=each.lines, is_secret=row.is_secret)
        elif each.is_stacked:
            upper, lower = grid.top(rect, page.block(1, small), 0)
            page.written(upper, row.label, small, colour=palette.faint)
            page.written(lower, row.value, body, colour=colour, lines=each.lines, is_bold=True, is_secret=row.is_secret)
        else:
            spot, rest = grid.left(rect, page.wide(row.label, small) + page.px(1.5), page.px(1))
            page.written(spot, row.label, small, colour=palette.faint)
            page.written(rest, row.value, body, colour=colour, is_bold=True, align=Align.RIGHT, is_secret=row.is_secret)


def details(page: StaffPage) -> list[Row]:
    """All that is known of what came of the last deed."""
    outcome = page.desk.outcome
    assert outcome is not None
    result = outcome.result
    tone = "good" if result.ok else "bad"
    rows = [
        line(said.sentence(page, outcome), tone),
        *([line(result.text)] if result.text else []),
        line(
            f"{page.t('code')}: {result.code} · {page.t('took')}: "
            f"{result.duration_ms} {wordings.unit(page.words, 'ms')}"
        ),
    ]
    rows += [Row(wordings.phrase(page.words, key), wordings.phrase(page.words, value))
             for key, value in result.values.items() if value]  # fmt: skip
    for at, cells in enumerate(result.table):
        first, *rest = [wordings.phrase(page.words, cell) for cell in cells] or [""]
        told = " · ".join(each for each in rest if each)
        if at and outcome.action == "test_reader":
            rows.append(Row(str(at), f"{first} · {told}", is_secret=True))
            continue
        rows.append(Row(first, told) if at else head(f"{first} · {told}" if told else first))
    return rows
