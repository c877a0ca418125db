"""What all pages of the service menu have around their content: title, log-out at the top right, the red emergency
stop, Back and Menu, what came of the last deed. Sizes are a technician's: targets from 12 mm, safety buttons from
20 mm.
"""

from __future__ import annotations

import msgspec

from hmi.drawing.colours import mixed
from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import grid, values
from hmi.screens.page import Page
from hmi.screens.sizes import QR_MM, Sizes
from hmi.technician import said
from hmi.technician.desk import Desk
from hmi.view import Look, View

LEAST_MM = 2.5
TOUCH_MM = 12.3
SAFETY_MM = 20.2
GAP_MM = 2.2
SLIM_BELOW_MM, SLIM_TITLE_MM = 125.0, 16.5
TILE_FROM_MM = 19.0
"""From this height on a tile is more than a button."""


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: plain, main, stop, go, chosen. `why` it does nothing now is written on it. `is_tile`: the icon stands
    above the label where there is room; `badge` in the corner of a tile."""

    name: str
    label: str
    kind: str = "plain"
    icon: str = ""
    why: str = ""
    is_enabled: bool = True
    is_tile: bool = False
    badge: str = ""


def staff_sizes(look: Look) -> Sizes:
    """Heights of capitals and lengths in mm: smaller than drivers' ones, for who stands close."""
    short = min(look.width, look.height) / look.px_per_mm
    grown = max(0.9, min(1.35, short / 136))
    return Sizes(
        least=LEAST_MM,
        small=max(LEAST_MM + 0.05, 2.6 * grown),
        body=max(2.7, 2.9 * grown),
        button=3.1 * grown,
        title=4.3 * grown,
        value=4.6 * grown,
        primary=7.0 * grown,
        header=SAFETY_MM,
        top=3.0 if short < 110 else 4.0,
        footer=TOUCH_MM,
        nav=24.0,
        pad=2.0,
        radius=2.0,
        gap=GAP_MM,
        bezel=3.0 if short < 110 else 4.0,
    )


class StaffPage(Page):
    """A page of the service menu: never in large text, never in the low layout."""

    def __init__(self, view: View, name: str) -> None:
        look = msgspec.structs.replace(view.look, is_large=False, is_low=False)
        super().__init__(msgspec.structs.replace(view, look=look), name)
        self.sizes = staff_sizes(look)

    @property
    def desk(self) -> Desk:
        return self.view.place.desk or Desk()

    def t(self, key: str, **values: str | int | float) -> str:
        """A text of the service menu."""
        return self.words(f"tech.{key}", **values)

    def shortened(self, text: str, width: int, cap_mm: float, lines: int = 1, is_bold: bool = False) -> str:
        """`text`, cut to what finds room: free texts of devices and files."""
        text = " ".join(text.split())
        if self.lines(text, width, cap_mm, is_bold) <= lines:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.lines(f"{text[:middle]}…", width, cap_mm, is_bold) <= lines:
                low = middle
            else:
                high = middle - 1
        return f"{text[:low]}…"

    def written(
        self,
        rect: Rect,
        text: str,
        cap_mm: float,
        *,
        lines: int = 1,
        colour: Colour | None = None,
        on: Colour | None = None,
        is_bold: bool = False,
        align: Align = Align.LEFT,
        is_secret: bool = False,
    ) -> None:
        """Text that is made smaller, then cut, until it fits."""
        if rect.width < self.px(3) or rect.height < self.block(1, LEAST_MM) or not text:
            return
        most = max(1, min(lines, _lines_in(self, rect.height, LEAST_MM)))
        cap = self.alike([text], rect, cap_mm, most, is_bold)
        most = max(1, min(most, _lines_in(self, rect.height, cap)))
        shown = self.shortened(text, rect.width, cap, most, is_bold)
        self.text(
            rect, shown, cap, colour=colour, on=on, is_bold=is_bold, align=align, lines=most, least_mm=LEAST_MM,
            is_secret=is_secret,
        )  # fmt: skip


def _lines_in(page: Page, height: int, cap_mm: float) -> int:
    lines = 1
    while lines < 12 and page.block(lines + 1, cap_mm) <= height:
        lines += 1
    return lines


# ---------------------------------------------------------------------------------------------------------- buttons


def push(page: StaffPage, rect: Rect, button: Button) -> None:
    """A button; one that does nothing now is dashed and says why."""
    palette, sizes = page.palette, page.sizes
    ground, ink = {
        "go": (palette.green, palette.on_accent),
        "stop": (palette.red, palette.on_red),
        "main": (palette.accent, palette.on_accent),
        "chosen": (palette.accent, palette.on_accent),
    }.get(button.kind, (palette.card, palette.text))
    is_plain = ground == palette.card
    is_off = not button.is_enabled or bool(button.why)
    if is_off:
        ground, ink, is_plain = page.background, palette.faint, True
    page.fill(rect, ground, sizes.radius, 0.3 if is_plain else 0.0, palette.edge, is_dashed=is_off)
    page.target(button.name, rect, is_enabled=not is_off, is_staff=True, why=button.why)
    inner = grid.padded(rect, page.px(1.4), page.px(0.7))
    if button.icon and not button.label:
        side = min(inner.width, inner.height, page.px(9))
        page.icon(grid.centred(inner, side, side), button.icon, ink, ground)
        return
    if button.is_tile and rect.height >= page.px(TILE_FROM_MM):
        _tile(page, rect, button, ink, ground)
        return
    has_icon = bool(button.icon) and _has_room(page, button.label, inner.width - page.px(7.9), not is_plain)
    if has_icon:
        side = min(inner.height, page.px(6.5))
        spot, inner = grid.left(inner, side, page.px(1.4))
        page.icon(grid.middle(spot, side), button.icon, ink, ground)
    align = Align.LEFT if has_icon or button.why else Align.CENTRE
    if button.why:
        lines = 1 if page.lines(button.label, inner.width, LEAST_MM) < 2 else 2
        upper, lower = grid.top(inner, page.block(lines, sizes.small if lines == 1 else LEAST_MM), 0)
        page.written(upper, button.label, sizes.small, colour=ink, on=ground, align=align, lines=lines)
        page.written(lower, button.why, LEAST_MM, colour=palette.yellow, on=ground, lines=4, align=align)
        return
    page.written(
        inner, button.label, sizes.button, colour=ink, on=ground, is_bold=not is_plain, align=align,
        lines=2 if page.lines(button.label, inner.width, LEAST_MM, not is_plain) < 3 else 3,
    )  # fmt: skip


def _has_room(page: StaffPage, label: str, width: int, is_bold: bool) -> bool:
    """Whether no word of `label` has to be cut in this width, and it takes two lines at most."""
    longest = max((page.wide(word, LEAST_MM, is_bold) for word in label.split()), default=0)
    return longest <= width and page.lines(label, width, LEAST_MM, is_bold) <= 2


def _tile(page: StaffPage, rect: Rect, button: Button, ink: Colour, ground: Colour) -> None:
    """The icon above the label, both in the middle; in a low tile before it."""
    sizes, palette = page.sizes, page.palette
    inner = grid.padded(rect, page.px(1.6), page.px(1.4))
    label = page.block(2, sizes.button)
    side = min(page.px(15), inner.height - label - page.px(1.2))
    if side < page.px(9):
        side = min(page.px(9), inner.height)
        if not _has_room(page, button.label, inner.width - side - page.px(1.6 + (4.5 if button.badge else 0)), True):
            side = min(page.px(5.5), inner.height)
            inner = grid.padded(rect, page.px(0.9), page.px(1.4))
        spot, rest = grid.left(inner, side, page.px(1.0 if side < page.px(9) else 1.6))
        page.icon(grid.middle(spot, side), button.icon, ink, ground)
        rest = grid.left(rest, rest.width - page.px(4.5), 0)[0] if button.badge else rest
        page.written(rest, button.label, sizes.button, colour=ink, on=ground, is_bold=True, lines=2)
    else:
        spot = grid.middle(inner, side + page.px(1.2) + label)
        upper, lower = grid.top(spot, side, page.px(1.2))
        page.icon(grid.centred(upper, side, side), button.icon, ink, ground)
        align = Align.CENTRE
        page.written(lower, button.label, sizes.button, colour=ink, on=ground, is_bold=True, lines=2, align=align)
    if button.badge:
        side = page.px(6.5)
        corner = Rect(rect.right - side - page.px(1.4), rect.y + page.px(1.4), side, side)
        page.fill(corner, palette.red, 3.2)
        page.written(corner, button.badge, sizes.small, colour=palette.on_red, on=palette.red, is_bold=True,
                     align=Align.CENTRE)  # fmt: skip


# ------------------------------------------------------------------------------------------------------ frame of a page


def is_slim(page: StaffPage) -> bool:
    """Whether the title finds no room beside emergency stop and log-out: it stands below them then."""
    return bool(page.view.place.staff) and page.width_mm < SLIM_BELOW_MM


def beside_title(page: StaffPage) -> Rect:
    """The header left of emergency stop and log-out (on slim panels below): for the title, or on low panels for what is
    typed."""
    margin = page.px(page.sizes.bezel)
    width = page.look.width - 2 * margin
    if is_slim(page):
        return Rect(margin, page.px(page.sizes.top + SAFETY_MM + GAP_MM), width, page.px(SLIM_TITLE_MM))
    if page.view.place.staff:
        is_narrow = page.width_mm < 170
        width -= page.px(22 if is_narrow else 28) + page.px(42 if is_narrow else 56) + page.px(GAP_MM) + page.px(3)
    return Rect(margin, page.px(page.sizes.top), width, page.px(SAFETY_MM))


def begin(page: StaffPage, title: str, subtitle: str = "", *, has_title: bool = True) -> Rect:
    """Title, emergency stop and log-out. Returns what is below."""
    sizes, palette, view = page.sizes, page.palette, page.view
    margin, gap = page.px(sizes.bezel), page.px(GAP_MM)
    area = Rect(margin, page.px(sizes.top), page.look.width - 2 * margin, page.look.height - page.px(sizes.top))
    band, area = grid.top(area, page.px(SAFETY_MM), page.px(GAP_MM))
    left = band
    if view.place.staff:
        wide = page.px(22 if page.width_mm < 170 else 28)
        spot, left = grid.right(left, wide, gap)
        push(
            page,
            spot,
            Button(name="staff:log_out", label=page.t("log_out"), icon="" if page.width_mm < 170 else "log_out"),
        )
        wide = page.px(42 if page.width_mm < 170 else 56)
        spot, left = grid.right(left, wide, page.px(3))
        push(
            page, spot, Button(name="staff:stop_all", label=page.t("stop_all"), icon="emergency_button", kind="stop")
        )  # fmt: skip
    left = beside_title(page)
    if not has_title:
        return area
    if is_slim(page):
        area = grid.top(area, left.height, page.px(GAP_MM))[1]
    upper, lower = grid.top(left, left.height * (40 if is_slim(page) else 45) // 100, 0)
    notice = view.place.notice
    if notice is not None and notice.until_s > view.now_s and page.words.has(notice.key):
        told = said.filled(page.words, notice.key, {key: str(value) for key, value in notice.values.items()})
        page.fill(left, palette.accent, sizes.radius)
        inner, ink = grid.padded(left, page.px(2), page.px(1)), palette.on_accent
        page.written(inner, told, sizes.body, lines=3, colour=ink, on=palette.accent, is_bold=True)
        return area
    page.written(upper, title, sizes.title, is_bold=True)
    if view.seen.shop.is_training:
        lower, subtitle = _training(page, lower), ""
    warned = said.banner(page)
    if warned:
        page.written(lower, warned, sizes.body, colour=palette.red, lines=2, is_bold=True)
    else:
        parts = [subtitle, view.place.staff, view.seen.shop.station_name, values.clock(view.clock)]
        page.written(lower, " · ".join(part for part in parts if part), sizes.small, colour=palette.faint, lines=2)
    return area


def _training(page: StaffPage, rect: Rect) -> Rect:
    """Nothing here is real. What is right of the mark comes back."""
    text, palette, cap = page.t("training"), page.palette, page.sizes.small
    height = page.block(1, cap) + page.px(1.6)
    spot, rest = grid.left(
        grid.middle(rect, min(rect.height, height)), page.wide(text, cap, True) + page.px(4), page.px(2)
    )
    page.fill(spot, palette.card, 1.0, 0.5, palette.yellow)
    page.written(grid.padded(spot, page.px(1.5), 0), text, cap, colour=palette.yellow, on=palette.card, is_bold=True)
    return Rect(rest.x, rect.y, rest.width, rect.height)


def end(page: StaffPage, area: Rect, pages: int = 1, nav: list[Button] | None = None) -> Rect:
    """Back, Menu, the next page, what came of the last deed. Returns what is above."""
    margin, gap = page.px(page.sizes.bezel), page.px(GAP_MM)
    area = Rect(area.x, area.y, area.width, page.look.height - margin - area.y)
    row, area = grid.bottom(area, page.px(TOUCH_MM), gap)
    has_told_row = _has_told_row(page)
    if has_told_row:
        told, area = grid.bottom(area, page.px(TOUCH_MM), gap)
        _outcome(page, told)
    usual = [Button(name="staff:back", label=page.words("app.back"), icon="back"),
             Button(name="staff:menu", label=page.t("menu"), icon="home")]  # fmt: skip
    is_narrow = page.width_mm < 170
    for button in usual if nav is None else nav:
        if button.icon and len(button.label) >= 20:
            wide = min(page.px(82), row.width * 45 // 100)
        else:
            wide = page.px(TOUCH_MM if is_narrow and button.icon else 30)
        if wide < page.px(20):
            button = msgspec.structs.replace(button, label="")
        spot, row = grid.left(row, wide, gap)
        push(page, spot, button)
    if pages > 1:
        now = page_of(page, pages) + 1
        spot, row = grid.left(row, page.px(TOUCH_MM), gap)
        push(page, spot, Button(name="staff:page:previous", label="", icon="previous"))
        spot, row = grid.left(row, page.px(22), gap)
        push(page, spot, Button(name="staff:page:next", label=f"{now}/{pages}", icon="next"))
    if not has_told_row:
        _outcome(page, row)
    return area


def foot(page: StaffPage) -> int:
    """Height of what `end` draws, with the gap above it, px."""
    rows = 2 if _has_told_row(page) else 1
    return page.px(page.sizes.bezel) + rows * (page.px(TOUCH_MM) + page.px(GAP_MM))


def _has_told_row(page: StaffPage) -> bool:
    """On slim panels what came of the last deed stands above the buttons of the foot."""
    return is_slim(page) and (page.desk.outcome is not None or bool(said.under_way(page)))


def page_of(page: StaffPage, pages: int) -> int:
    """Which page is open, counted round."""
    try:
        return int(page.view.place.fields.get("page") or 0) % max(1, pages)
    except ValueError:
        return 0


def _outcome(page: StaffPage, rect: Rect) -> None:
    """Green tick or red triangle and a sentence; what is waited for while it runs. A touch tells more."""
    desk, palette = page.desk, page.palette
    told = said.under_way(page)
    if told:
        page.ticking(1.0)
        _box(page, rect, "clock", palette.accent, told)
        return
    outcome = desk.outcome
    if outcome is None or rect.width < page.px(20):
        return
    is_ok = outcome.result.ok
    page.target("staff:details", rect, is_staff=True)
    _box(
        page, rect, "yes" if is_ok else "warning", palette.green if is_ok else palette.red, said.sentence(page, outcome)
    )


def _box(page: StaffPage, rect: Rect, icon: str, colour: Colour, text: str) -> None:
    ground = page.palette.card
    page.fill(rect, ground, page.sizes.radius, 0.4, colour)
    inner = grid.padded(rect, page.px(1.5), page.px(0.8))
    side = min(inner.height, page.px(7))
    spot, rest = grid.left(inner, side, page.px(1.8))
    page.icon(grid.middle(spot, side), icon, colour, ground)
    page.written(rest, text, page.sizes.body, on=ground, lines=3)


def coded(page: StaffPage, rect: Rect, link: str, told: str) -> None:
    """A QR code and what it leads to; only the words where a code would be too small to be read."""
    inner = grid.padded(panel(page, rect), page.px(1), page.px(1))
    ground = page.palette.card
    side = min(inner.height, inner.width * 60 // 100, page.px(60))
    if side < page.px(QR_MM):
        side = min(inner.height, inner.width, page.px(60))
        if side >= page.px(QR_MM):
            page.code(grid.centred(inner, side, side), link)
        else:
            page.written(inner, told, page.sizes.body, on=ground, lines=3)
        return
    spot, rest = grid.left(inner, side, page.px(4))
    page.code(grid.middle(spot, side), link)
    page.written(rest, told, page.sizes.body, on=ground, lines=4)


def panel(page: StaffPage, rect: Rect) -> Rect:
    """A quiet card; what is inside comes back."""
    ground = page.palette.card
    page.fill(rect, ground, page.sizes.radius, 0.25, mixed(ground, page.palette.edge, 0.45))
    return grid.padded(rect, page.px(2.5), page.px(1.8))
