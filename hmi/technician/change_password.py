"""TechnikChangePassword: old, new twice; the rules stand there before anything is typed."""

from __future__ import annotations

from hmi.drawing.items import Picture, Rect
from hmi.screens import grid
from hmi.technician import kit, pads
from hmi.technician.desk import PIN_DIGITS
from hmi.technician.entering import fields_of, is_pin
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.strength import LEAST_LENGTH, strength

LABELS = {
    "password": "password",
    "old": "old_password",
    "new": "new_password",
    "again": "again_password",
    "new_pin": "new_pin",
    "again_pin": "again_pin",
}


@staff_page("TechnikChangePassword")
def picture(page: StaffPage) -> Picture:
    page.ticking(1.0)
    margin, gap = page.px(page.sizes.bezel), page.px(kit.GAP_MM)
    desk = page.desk
    is_low = page.height_mm < 110
    subtitle = page.t("must_change") if desk.must_change else ""
    of_pin = is_pin(page.view.place)
    fields = [(name, LABELS["password" if of_pin and name == "old" else name]) for name in fields_of(page.view.place)]
    area = kit.begin(page, page.t("my_pin" if of_pin else "my_password"), subtitle, has_title=not is_low)
    if is_low:
        row = grid.middle(kit.beside_title(page), page.px(pads.FIELD_MM))
    else:
        row, area = grid.top(area, page.px(pads.FIELD_MM), page.px(1.8))
    if not desk.must_change:
        spot, row = grid.left(row, page.px(pads.FIELD_MM), gap)
        kit.push(page, spot, Button(name="staff:back", label="", icon="back"))
        spot, row = grid.right(row, page.px(pads.FIELD_MM * (1.3 if is_low or page.is_portrait else 2.2)), gap)
        other = (
            Button(name="staff:show:password", label=page.t("to_password"))
            if of_pin
            else Button(name="staff:show:pin", label="PIN")
        )
        kit.push(page, spot, other)
    is_one = is_low or kit.is_slim(page)
    shown = [each for each in fields if each[0] == desk.field] if is_one else fields
    for (name, key), spot in zip(shown, grid.columns(row, max(1, len(shown)), gap), strict=False):
        label = page.t(key)
        if is_low and len(shown) == 1:
            label = f"{label}: {pads.complaint(page) or _rules(page)}"
        pads.field(page, spot, name, label, has_focus=name == desk.field, is_target=len(shown) > 1)
    if not is_low:
        spot, area = grid.top(area, page.px(12 if kit.is_slim(page) else 9), page.px(1.5))
        _meter(page, spot)
    area = Rect(area.x, area.y, area.width, page.look.height - margin - area.y)
    if not is_low:
        area = grid.middle(area, min(area.height, page.px(100)))
    is_last = desk.field == fields[-1][0]
    ready = bool(desk.typed_in(desk.field)) and not desk.is_asking
    enter = page.t("change_it" if is_last else "go_on")
    pads.keyboard(page, area, enter=enter, has_eye=True, is_ready=ready)
    return page.picture()


def _rules(page: StaffPage) -> str:
    return page.t("pin_rules", n=PIN_DIGITS) if is_pin(page.view.place) else page.t("rules", n=LEAST_LENGTH)


def _meter(page: StaffPage, rect: Rect) -> None:
    """What is wrong, or the rules; and how strong the new one is."""
    said, palette = pads.complaint(page), page.palette
    if is_pin(page.view.place):
        page.written(
            rect, said or _rules(page), page.sizes.body, colour=palette.red if said else palette.faint, lines=3
        )
        return
    bar, rest = grid.left(rect, min(rect.width // (8 if kit.is_slim(page) else 4), page.px(50)), page.px(3))
    share = strength(page.desk.typed_in("new"))
    colour = palette.red if share < 0.4 else palette.yellow if share < 0.7 else palette.green
    page.bar(grid.middle(bar, page.px(2.5)), share, colour, palette.card)
    text = said or _rules(page)
    page.written(rest, text, page.sizes.body, colour=palette.red if said else palette.faint, lines=3)
