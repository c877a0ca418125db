"""Parts that several screens have: cards, labelled values, QR blocks, step lists, tiles of connectors and sessions."""

from __future__ import annotations

from collections.abc import Sequence

from hmi.drawing.colours import mixed
from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import facts, grid, values
from hmi.screens.facts import Known
from hmi.screens.page import Page
from hmi.screens.sizes import QR_MM
from hmi.screens.statuses import FACES

STRIP_MM = 1.6
COST_MM = 33.0
"""Width of a value on the narrowest panel."""
SESSION_MM = 46.0
"""Width that a charge of a strip has at least."""
BESIDE_MM = 27.0
"""Of it for all but the words."""


def card(page: Page, rect: Rect, colour: Colour | None = None, strip: Colour | None = None) -> Rect:
    """A soft rectangle, a strip of the status' colour at its left; what is inside comes back."""
    ground = page.palette.card if colour is None else colour
    edge = mixed(ground, page.palette.edge, 0.45) if page.palette.card != page.background else page.palette.edge
    page.fill(rect, ground, page.sizes.radius, 0.25, edge)
    pad = page.px(page.sizes.pad)
    inner = grid.padded(rect, pad, min(pad, max(page.px(1.5), rect.height // 12)))
    if strip is None:
        return inner
    line, gap = page.px(STRIP_MM), page.px(1.5 if page.is_tight else 2.0)
    down = page.px(2.2)
    page.fill(Rect(rect.x + gap, rect.y + down, line, rect.height - 2 * down), strip, STRIP_MM / 2)
    start = 2 * gap + line
    end = page.px(1.5) if page.is_tight else pad * 6 // 10
    return Rect(rect.x + start, inner.y, rect.width - start - end, inner.height)


def labelled(
    page: Page,
    rect: Rect,
    label: str,
    value: str,
    *,
    value_mm: float | None = None,
    on: Colour | None = None,
    align: Align = Align.LEFT,
    is_secret: bool = False,
    is_bold: bool = True,
    colour: Colour | None = None,
) -> None:
    """A faint label above its value."""
    sizes = page.sizes
    cap = sizes.value if value_mm is None else value_mm
    words, numbers = page.block(1, sizes.small), page.block(1, cap)
    if page.is_large and page.lines(label, rect.width, sizes.small) > 1 and rect.height > 2 * words + numbers:
        words = page.block(2, sizes.small)
    whole = grid.middle(rect, words + numbers + page.px(0.4))
    spot, rest = grid.top(whole, words, page.px(0.4))
    lines = 1 if words == page.block(1, sizes.small) else 2
    page.text(spot, label, sizes.small, colour=page.palette.faint, on=on, align=align, lines=lines)
    page.text(
        rest, value, cap, colour=page.value_colour if colour is None else colour, on=on, is_bold=is_bold, align=align,
        is_secret=is_secret,
    )  # fmt: skip


def cost_in_app(page: Page) -> str:
    """In the place of a cost nobody here knows; a dash where the words find no room."""
    told = page.words("ses.cost_in_app")
    is_narrow = page.is_portrait and page.is_tight and not page.is_large
    return values.DASH if is_narrow and page.wide(told, page.sizes.least) > page.px(COST_MM) else told


def paragraph(
    page: Page,
    rect: Rect,
    text: str,
    cap_mm: float,
    *,
    colour: Colour | None = None,
    on: Colour | None = None,
    is_bold: bool = False,
    align: Align = Align.LEFT,
    most: int = 6,
) -> int:
    """Text from the top of `rect`, as many lines as it takes; the height it took."""
    most = max(1, min(most, _lines_in(page, rect.height, cap_mm)))
    cap = page.alike([text], rect, cap_mm, most, is_bold)
    lines = min(most, page.lines(text, rect.width, cap, is_bold))
    height = min(rect.height, page.block(lines, cap))
    spot = Rect(rect.x, rect.y, rect.width, height)
    page.text(spot, text, cap, colour=colour, on=on, is_bold=is_bold, align=align, lines=lines)
    return height


def _lines_in(page: Page, height: int, cap_mm: float) -> int:
    lines = 1
    while page.block(lines + 1, max(page.sizes.least, cap_mm * 0.8)) <= height and lines < 12:
        lines += 1
    return lines


def link_lines(page: Page, shown: str, width: int, cap_mm: float) -> list[str]:
    """A printed link, broken behind its slashes, or anywhere when a part is too wide."""
    lines, line = [], ""
    rest = shown
    while rest:
        cut = rest.find("/") + 1 or len(rest)
        part, rest = rest[:cut], rest[cut:]
        if line and page.wide(line + part, cap_mm) > width:
            lines.append(line)
            line = ""
        while page.wide(part, cap_mm) > width and len(part) > 1:
            fit = len(part)
            while fit > 1 and page.wide(part[:fit], cap_mm) > width:
                fit -= 1
            lines.append(part[:fit])
            part = part[fit:]
        line += part
    return [*lines, line] if line else lines


def qr(page: Page, rect: Rect, link: str, caption: str = "", on: Colour | None = None) -> None:
    """A code of at least 40 mm with its link printed beneath; beside it where the panel is too low for that."""
    sizes = page.sizes
    ground = page.background if on is None else on
    least, air = page.px(QR_MM), page.px(1.2)
    shown = values.link_shown(link)
    cap = sizes.body
    if caption and page.lines(caption, rect.width, cap) > page.lines(caption, rect.width, sizes.least):
        cap = sizes.least
    under = page.block(len(link_lines(page, shown, rect.width, sizes.small)), sizes.small)
    lines = page.lines(caption, rect.width, cap) if caption else 0
    above = page.block(lines, cap) + air if lines else 0
    room = rect.width - least - page.px(4)
    is_beside = room > page.px(26) and rect.height < least + above + air + under
    if lines > 3 or (not is_beside and rect.height < least + above + air + under):
        caption, above = "", 0
    if not is_beside:
        side = min(rect.width, rect.height - under - above - air, page.px(max(QR_MM, 0.36 * page.height_mm)))
        whole = grid.middle(rect, above + side + air + under)
        page.text(Rect(whole.x, whole.y, whole.width, above), caption, cap, on=ground, align=Align.CENTRE, lines=lines)
        spot = Rect(whole.x + (whole.width - side) // 2, whole.y + above, side, side)
        _code(page, spot, link)
        _print(page, Rect(whole.x, spot.bottom + air, whole.width, under), shown, Align.CENTRE, ground)
        return
    side = max(least, min(rect.height, rect.width * 2 // 5, page.px(60)))
    spot, rest = grid.left(rect, side, page.px(4))
    _code(page, grid.middle(spot, side), link)
    under = page.block(len(link_lines(page, shown, rest.width, sizes.small)), sizes.small)
    lines = min(4, page.lines(caption, rest.width, sizes.least)) if caption else 0
    above = page.block(lines, sizes.least)
    if lines == 0 or above + air + under > rest.height:
        _print(page, grid.middle(rest, under), shown, Align.LEFT, ground)
        return
    whole = grid.middle(rest, above + air + under)
    cap = sizes.body if page.lines(caption, rest.width, sizes.body) <= lines else sizes.least
    page.text(Rect(whole.x, whole.y, whole.width, above), caption, cap, on=ground, lines=lines, is_bold=False)
    _print(page, Rect(whole.x, whole.y + above + air, whole.width, under), shown, Align.LEFT, ground)


def _code(page: Page, rect: Rect, link: str) -> None:
    page.fill(rect, (255, 255, 255), 1.5)
    page.code(rect, link)


def _print(page: Page, rect: Rect, shown: str, align: Align, on: Colour) -> None:
    lines = link_lines(page, shown, rect.width, page.sizes.small)
    for line, spot in zip(lines, grid.rows(rect, max(1, len(lines)), 0), strict=False):
        page.text(spot, line, page.sizes.small, colour=page.palette.faint, on=on, align=align)


def status_row(page: Page, rect: Rect, each: Known, cap_mm: float, on: Colour, *, lines: int = 1) -> None:
    """Shape and word of a connector's status in its colour."""
    colour = each.look.of(page.palette)
    side = min(rect.height, page.px(cap_mm * 2.2))
    spot, rest = grid.left(rect, side, page.px(2))
    page.icon(grid.middle(spot, side), each.look.icon, colour, on)
    word = page.words(each.look.word)
    is_bold = page.lines(word, rest.width, page.sizes.least, True) <= lines
    page.text(rest, word, cap_mm, colour=colour, on=on, is_bold=is_bold, lines=lines)


def face(page: Page, rect: Rect, each: Known, on: Colour, colour: Colour | None = None) -> None:
    """The connector as one looks into it."""
    page.icon(grid.square(rect), FACES[each.type][0], page.palette.text if colour is None else colour, on)


def power_line(page: Page, each: Known) -> str:
    """`до 120 кВт`, or a dash where it is not known."""
    power = each.max_power_w
    return page.words("menu.up_to_kw", p=values.kilowatts_short(power, page.words)) if power > 0 else values.DASH


def steps(
    page: Page, rect: Rect, rows: Sequence[tuple[str, str]], on: Colour | None = None, most_mm: float = 14.0
) -> None:
    """A list of steps, each with done, now, next or failed."""
    palette = page.palette
    ground = page.background if on is None else on
    height = min(page.px(most_mm), rect.height // max(1, len(rows)))
    whole = Rect(rect.x, rect.y, rect.width, height * len(rows))
    whole = grid.middle(rect, whole.height)
    side = min(height - page.px(0.8), page.px(page.sizes.body * 2.0))
    width = whole.width - side - page.px(3)
    lines = 2 if page.block(2, page.sizes.least) <= height else 1
    cap = page.alike([words for words, _ in rows], Rect(0, 0, width, height), page.sizes.body * 1.15, lines)
    for (words, state), row in zip(rows, grid.rows(whole, len(rows), 0), strict=True):
        spot, rest = grid.left(row, side, page.px(3))
        mark = grid.centred(spot, side, side)
        colour = {"done": palette.green, "now": palette.accent, "failed": palette.red}.get(state, palette.faint)
        if state == "now":
            page.ring(
                grid.centred(mark, side * 9 // 10, side * 9 // 10), None, max(0.7, side / page.px(9)), colour, on=ground
            )
        else:
            icon = {"done": "yes", "failed": "warning"}.get(state, "dot")
            page.icon(mark, icon, colour, ground)
        ink = palette.text if state in ("now", "done", "failed") else palette.faint
        page.text(rest, words, cap, colour=ink, on=ground, is_bold=state == "now", lines=lines)


def sessions_a_page(page: Page, width: int) -> int:
    """How many charges a strip of this width shows at a time, so that no word is cut."""
    gap, least = page.px(page.sizes.gap), page.sizes.least
    told = [
        (page.words("menu.connector", n=each.number), progress(page, each)) for each in facts.running(page.view.seen)
    ]
    widest = max((max(page.wide(name, least), page.wide(said, least, True)) for name, said in told), default=0)
    return max(1, (width + gap) // (max(page.px(SESSION_MM), widest + page.px(BESIDE_MM)) + gap))


def session_pages(page: Page, width: int) -> int:
    """Pages that a strip of all charges that run takes."""
    return -(-len(facts.running(page.view.seen)) // sessions_a_page(page, width))


def session_tiles(page: Page, area: Rect) -> None:
    """A strip of the charges that run, those of this page: number, percent, time; a touch opens the session."""
    charging = facts.running(page.view.seen)
    if not charging:
        return
    gap, widest = page.px(page.sizes.gap), page.px(80)
    most = sessions_a_page(page, area.width)
    fit = min(len(charging), most)
    width = min(widest, (area.width - gap * (fit - 1)) // fit)
    spots = [Rect(area.x + i * (width + gap), area.y, width, area.height) for i in range(fit)]
    at = facts.page_of(page.view, session_pages(page, area.width)) * most
    for each, spot in zip(charging[at : at + most], spots, strict=False):
        session_tile(page, spot, each, f"session:{each.number}")


def session_tile(page: Page, rect: Rect, each: Known, name: str) -> None:
    colour = each.look.of(page.palette)
    inner = card(page, rect, strip=colour)
    page.target(name, rect)
    ground = page.palette.card
    if page.is_large and page.is_portrait:
        upper, lower = grid.top(inner, page.block(1, page.sizes.least))
        page.text(upper, f"№ {each.number}", page.sizes.least, colour=page.palette.faint, on=ground)
        page.text(lower, progress(page, each), page.sizes.least, colour=page.value_colour, on=ground, lines=2)
        return
    side = min(inner.height * 3 // 5, page.px(12))
    spot, rest = grid.left(inner, side, page.px(2.5))
    page.icon(grid.middle(spot, side), each.look.icon, colour, ground)
    title = page.words("menu.connector", n=each.number)
    upper, lower = grid.rows(rest, 2, 0)
    cap = page.alike([title, progress(page, each)], upper, page.sizes.body)
    page.text(upper, title, cap, colour=page.palette.faint, on=ground)
    page.text(lower, progress(page, each), cap, colour=page.value_colour, on=ground, is_bold=True)


def progress(page: Page, each: Known) -> str:
    """What everybody may see of a session: percent and time."""
    elapsed = None if each.session is None else each.session.elapsed_s
    time = each.remaining_s if each.remaining_s is not None and each.is_charging else elapsed
    parts = [values.percent(each.soc_pct)] if each.soc_pct is not None else []
    return " · ".join([*parts, values.duration(time, page.words)])


def phone_row(page: Page, rect: Rect, on: Colour | None = None, align: Align = Align.LEFT) -> bool:
    """The support phone, large; False where there is none."""
    phone = page.view.seen.shop.phone
    if not phone:
        return False
    ground = page.background if on is None else on
    cap = max(page.sizes.least, min(page.sizes.value, rect.height / page.look.px_per_mm / 1.7))
    side = min(rect.height, page.px(cap * 1.6))
    room = rect.width - side - page.px(2.5)
    cap_px = page.alike([phone], Rect(0, 0, room, rect.height), cap, 1, True)
    wide = page.wide(phone, cap_px, True) + page.px(1)
    whole = rect if align is Align.LEFT else grid.centred(rect, side + page.px(2.5) + wide, rect.height)
    spot, rest = grid.left(whole, side, page.px(2.5))
    page.icon(grid.middle(spot, side), "phone", page.palette.accent, ground)
    page.text(rest, phone, cap_px, on=ground, is_bold=True)
    return True
