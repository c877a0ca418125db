"""The form of a test session: a row for each value with − and + beside it, and the button that starts it."""

from __future__ import annotations

import msgspec

from chargepoint.messages import TestState
from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import grid
from hmi.technician import facts, forms, kit, placing
from hmi.technician.guarded import deed
from hmi.technician.kit import GAP_MM, TOUCH_MM, Button, StaffPage
from hmi.technician.sheet import strips

UNITS = {"power": "kW", "minutes": "min", "energy": "kWh", "volts": "V", "amps": "A"}
WIDE_MM = 84.0
"""From this width on the label of a row stands before its buttons, else above its value."""
NARROW_MM = 49.0
"""Rows stand in two columns where each is so wide."""
START_MM = (38.0, 62.0)
"""Width of the button that starts it: at least, at most."""


class Line(msgspec.Struct, frozen=True):
    """A value of the form and what its buttons do; a button without a name is at its end."""

    label: str
    value: str
    less: str = ""
    more: str = ""
    is_choice: bool = False
    """One of several words, not more or less."""


def form(page: StaffPage, number: int, last: TestState | None, tabs: list[Button]) -> Picture:
    """Of connector `number`; `last`: the test that was last there."""
    t = page.t
    told = t("test_last", n=last.report) if last is not None and last.phase == "done" else ""
    page.ticking(1.0)
    area = strips(page, kit.begin(page, t("test_of", n=number), told or t("test_hint")), tabs)
    gap = page.px(3.0)
    start = deed(page, "start_test", kind="main", **forms.arguments(page.view.place, page.view.seen))
    body = Rect(area.x, area.y, area.width, page.look.height - kit.foot(page) - area.y)
    if page.is_portrait:
        button, body = grid.bottom(body, max(page.px(20.2), placing.height_of(page, start, body.width)), gap)
    else:
        wide = max(page.px(START_MM[0]), min(page.px(START_MM[1]), body.width * 26 // 100))
        button, body = grid.right(body, wide, gap)
        button = grid.top(button, max(page.px(30.0), placing.height_of(page, start, wide)))[0]
    left = _rows(page, area, body, lines(page))
    kit.push(page, button, start)
    hints = [t("test_first"), t("test_hint")] if told else [t("test_first")]
    for hint in hints:
        height = page.block(page.lines(hint, left.width, page.sizes.body), page.sizes.body)
        if height <= left.height:
            spot, left = grid.top(left, height, page.px(1.5))
            page.written(spot, hint, page.sizes.body, lines=4, colour=page.palette.faint)
    return page.picture()


def lines(page: StaffPage) -> list[Line]:
    """The mode, then the limits; a load has its voltage and current besides."""
    place, t = page.view.place, page.t
    mode, bounds = forms.mode_of(place), forms.highest(place, page.view.seen)
    at = forms.MODES.index(mode)
    before, after = forms.MODES[at - 1] if at else "", forms.MODES[at + 1] if at + 1 < len(forms.MODES) else ""
    found = [
        Line(
            t("mode"), t(f"mode_{mode}"),
            f"staff:set:mode:{before}" if before else "", f"staff:set:mode:{after}" if after else "", True,
        )
    ]  # fmt: skip
    for name in ("power", "minutes", "energy", *(("volts", "amps") if mode == "load" else ())):
        most = bounds.get(name, 1e9)
        value, values = min(forms.value_of(place, name), most), forms.STEPS[name].values
        is_most = value >= min(most, values[-1])
        found.append(
            Line(
                t(f"test_{name}"), facts.whole(page, value, UNITS[name]),
                "" if value <= values[0] else f"staff:set:{name}:-", "" if is_most else f"staff:set:{name}:+",
            )
        )  # fmt: skip
    return found


def _rows(page: StaffPage, area: Rect, body: Rect, found: list[Line]) -> Rect:
    """All of them, on as many pages as it takes. Returns what is left below."""
    gap, height = page.px(GAP_MM), page.px(TOUCH_MM)
    down = max(1, (body.height + gap) // (height + gap))
    across = 2 if len(found) > down and (body.width - gap) // 2 >= page.px(NARROW_MM) else 1
    pages = -(-len(found) // (down * across))
    kit.end(page, area, pages)
    now = kit.page_of(page, pages)
    shown = found[now * down * across : (now + 1) * down * across]
    spots = grid.columns(body, across, gap * 2 if across > 1 else 0)
    used = min(down, -(-len(shown) // across))
    for at, each in enumerate(shown):
        spot = spots[at % across]
        _row(page, Rect(spot.x, body.y + (at // across) * (height + gap), spot.width, height), each)
    return grid.top(body, used * (height + gap), 0)[1]


def _row(page: StaffPage, rect: Rect, row: Line) -> None:
    side, gap, palette = page.px(TOUCH_MM), page.px(1.4), page.palette
    name: Rect | None = None
    if rect.width >= page.px(WIDE_MM):
        name, rect = grid.left(rect, rect.width * 36 // 100, gap)
        page.written(grid.middle(name, page.block(2, page.sizes.body)), row.label, page.sizes.body, lines=2,
                     colour=palette.faint)  # fmt: skip
    minus, rect = grid.left(rect, side, gap)
    plus, rect = grid.right(rect, side, gap)
    signs = ("previous", "next") if row.is_choice else ("−", "+")
    for spot, target, sign in ((minus, row.less, signs[0]), (plus, row.more, signs[1])):
        _sign(page, spot, target, sign, is_icon=row.is_choice)
    if name is None:
        upper, lower = grid.top(rect, page.block(1, page.sizes.small), 0)
        page.written(upper, row.label, page.sizes.small, colour=palette.faint, align=Align.CENTRE)
    else:
        lower = rect
    page.written(lower, row.value, page.sizes.title, is_bold=True, align=Align.CENTRE)


def _sign(page: StaffPage, spot: Rect, target: str, sign: str, *, is_icon: bool) -> None:
    """The button of a step; at the end of the steps it is faint and does nothing."""
    palette = page.palette
    ground, ink = (palette.card, palette.text) if target else (palette.background, palette.faint)
    page.fill(spot, ground, page.sizes.radius, 0.3, palette.edge, is_dashed=not target)
    if target:
        page.target(target, spot, is_staff=True)
    inner = grid.padded(spot, page.px(1), page.px(1))
    if is_icon:
        page.icon(grid.centred(inner, page.px(7), page.px(7)), sign, ink, ground)
        return
    page.written(inner, sign, page.sizes.title, colour=ink, on=ground, is_bold=True, align=Align.CENTRE)
