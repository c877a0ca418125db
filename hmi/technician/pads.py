"""Keyboards and pads on the screen, the field that is typed into, the page for a number."""

from __future__ import annotations

import math

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import grid
from hmi.technician import kit
from hmi.technician.kit import Button, StaffPage
from hmi.technician.typing import DIGITS, LAYERS, NEXT_LAYER, SECRETS

KEY_MM = 11.82
KEY_GAP_MM = 1.85
EDGE_MM = 1.5
FIELD_MM = 13.0
DOT = "•"


def field(
    page: StaffPage, rect: Rect, name: str, label: str, *, has_focus: bool = True, is_target: bool = False
) -> None:
    """What is typed, with its label; dots for secrets unless the eye is open."""
    palette, sizes, desk = page.palette, page.sizes, page.desk
    ground = palette.card
    page.fill(rect, ground, sizes.radius, 0.6 if has_focus else 0.25, palette.accent if has_focus else palette.edge)
    if is_target:
        page.target(f"staff:field:{name}", rect, is_staff=True)
    inner = grid.padded(rect, page.px(2.5), page.px(0.8))
    upper, lower = grid.top(inner, page.block(1, kit.LEAST_MM), 0)
    page.written(upper, label, kit.LEAST_MM, colour=palette.faint, on=ground)
    typed = desk.typed_in(name)
    is_secret = name in SECRETS
    shown = typed if not is_secret or desk.is_shown else DOT * len(typed)
    cap = sizes.value
    while len(shown) > 1 and page.wide(shown, kit.LEAST_MM) > lower.width:
        shown = shown[1:]
    page.written(lower, f"{shown}|" if has_focus else shown, cap, on=ground, is_bold=True, is_secret=is_secret)


def keyboard(page: StaffPage, area: Rect, *, enter: str, has_eye: bool, is_ready: bool) -> None:
    """Three rows of signs and one of what else is needed. Keys of at least 12 mm."""
    desk, edge = page.desk, page.px(EDGE_MM)
    area = Rect(edge, area.y, page.look.width - 2 * edge, area.height)
    rows = list(LAYERS[desk.layer if desk.layer in LAYERS else "en"])
    gap = page.px(KEY_GAP_MM)
    most = max(1, (area.width + gap) // (page.px(KEY_MM) + gap))
    if most < max(len(row) for row in rows):
        signs = "".join(rows)
        count = math.ceil(len(signs) / most)
        wide = math.ceil(len(signs) / count)
        rows = [signs[i : i + wide] for i in range(0, len(signs), wide)]
    count = len(rows) + (2 if most < 10 else 1)
    height = min(page.px(18), (area.height - gap * (count - 1)) // count)
    key = min(page.px(20), (area.width + gap) // max(len(row) for row in rows) - gap)
    whole = Rect(area.x, area.y + (area.height - count * (height + gap) + gap) // 2, area.width, area.height)
    y = whole.y
    for row in rows:
        x = whole.x + (whole.width - len(row) * (key + gap) + gap) // 2
        for sign in row:
            shown = sign.upper() if desk.is_shifted else sign
            _key(page, Rect(x, y, key, height), f"staff:key:{sign}", shown)
            x += key + gap
        y += height + gap
    _functions(page, Rect(whole.x, y, whole.width, height), enter, has_eye, is_ready, most < 10)


def _functions(page: StaffPage, row: Rect, enter: str, has_eye: bool, is_ready: bool, is_narrow: bool) -> None:
    desk, gap = page.desk, page.px(KEY_GAP_MM)
    other = NEXT_LAYER.get(desk.layer, "en")
    buttons = [
        Button(name="staff:shift", label="", icon="shift", kind="chosen" if desk.is_shifted else "plain"),
        Button(name=f"staff:layer:{other}", label=other.upper() if other != "en" else "EN"),
        Button(name="staff:layer:signs", label="123", kind="chosen" if desk.layer == "signs" else "plain"),
    ]
    if has_eye:
        icon = "eye_off" if desk.is_shown else "eye"
        buttons.append(Button(name="staff:eye", label="", icon=icon))
    buttons.append(Button(name="staff:delete", label="", icon="backspace"))
    width = page.px(KEY_MM + 2)
    rest = row
    for each in buttons:
        spot, rest = grid.left(rest, width, gap)
        kit.push(page, spot, each)
    if is_narrow:
        rest = Rect(row.x, row.bottom + gap, row.width, row.height)
    spot, rest = grid.right(rest, min(rest.width * 45 // 100, page.px(60)), gap)
    kit.push(page, spot, Button(name="staff:enter", label=enter, kind="main", icon="enter", is_enabled=is_ready))
    if rest.width >= page.px(KEY_MM):
        kit.push(page, rest, Button(name="staff:key: ", label=page.t("space")))


def _key(page: StaffPage, rect: Rect, name: str, sign: str) -> None:
    palette = page.palette
    page.fill(rect, palette.card, page.sizes.radius, 0.25, palette.edge)
    page.target(name, rect, is_staff=True)
    page.written(
        grid.padded(rect, page.px(0.5), page.px(0.5)), sign, page.sizes.value, on=palette.card, align=Align.CENTRE
    )


def pad(page: StaffPage, area: Rect, *, has_minus: bool = False) -> None:
    """Ten digits and delete, in four rows."""
    gap = page.px(2.2)
    height = min(page.px(20), (area.height - gap * 3) // 4)
    area = grid.centred(area, min(area.width, page.px(96)), height * 4 + gap * 3)
    spots = grid.rows(area, 4, gap)
    for digits, row in zip(DIGITS, spots, strict=False):
        for digit, spot in zip(digits, grid.columns(row, 3, gap), strict=True):
            _key(page, spot, f"staff:key:{digit}", digit)
    left, middle, right = grid.columns(spots[3], 3, gap)
    if has_minus:
        _key(page, left, "staff:key:-", "-")
    _key(page, middle, "staff:key:0", "0")
    kit.push(page, right, Button(name="staff:delete", label="", icon="backspace"))


def beside_pad(page: StaffPage, area: Rect, buttons: list[Button], *, has_minus: bool = False) -> Rect:
    """A pad at the right (portrait: below), `buttons` at the foot of the rest; what is left for words comes back."""
    area = Rect(area.x, area.y, area.width, page.look.height - page.px(page.sizes.bezel) - area.y)
    gap = page.px(4)
    if page.is_portrait:
        right, left = grid.bottom(area, area.height * 52 // 100, gap)
    else:
        right, left = grid.right(area, area.width * 45 // 100, gap)
    pad(page, right, has_minus=has_minus)
    row, left = grid.bottom(left, page.px(max(kit.TOUCH_MM, min(20.0, page.height_mm * 0.16))), page.px(kit.GAP_MM))
    for button, spot in zip(buttons, grid.columns(row, max(1, len(buttons)), page.px(3)), strict=False):
        kit.push(page, spot, button)
    return left


def complaint(page: StaffPage) -> str:
    """What was wrong with what was typed."""
    desk, now_s = page.desk, page.view.now_s
    if desk.wait_until_s > now_s:
        return page.t("wait", s=math.ceil(desk.wait_until_s - now_s))
    if desk.is_asking:
        return page.t("asking")
    if not desk.said or not page.words.has(desk.said):
        return ""
    return page.words(desk.said, **({"s": 0} | desk.said_values))


def number_page(page: StaffPage, title: str, now: str, told: list[str]) -> Picture:
    """A number is typed: what it is now, what it may be."""
    page.ticking(1.0)
    area = kit.begin(page, title)
    is_ready = bool(page.desk.typed_in("value").strip("-"))
    back = Button(name="staff:back", label=page.words("app.back"), icon="back")
    enter = Button(name="staff:enter", label=page.t("go_on"), kind="main", is_enabled=is_ready)
    left = beside_pad(page, area, [back, enter], has_minus=True)
    spot, left = grid.top(left, page.px(FIELD_MM), page.px(2))
    field(page, spot, "value", page.t("new_value"))
    said = complaint(page)
    lines = [page.t("now_is", value=now), *told]
    for text, colour in [(said, page.palette.red), *((each, page.palette.text) for each in lines)]:
        if not text:
            continue
        height = page.block(min(3, page.lines(text, left.width, page.sizes.body)), page.sizes.body)
        spot, left = grid.top(left, height, page.px(1.5))
        page.written(spot, text, page.sizes.body, colour=colour, lines=3)
    return page.picture()
