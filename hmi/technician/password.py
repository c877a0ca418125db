"""TechnikPasswordPage: the password of a login, the PIN of a card, one's own password again before a grave deed."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture
from hmi.screens import grid
from hmi.technician import kit, pads, said
from hmi.technician.desk import PIN_DIGITS
from hmi.technician.kit import Button, StaffPage
from hmi.technician.login import typing_page
from hmi.view import View


def picture(view: View) -> Picture:
    page = StaffPage(view, "TechnikPasswordPage")
    way = view.place.fields.get("way", "")
    if way == "pin":
        return _pin(page)
    if way == "prove":
        check = page.desk.check
        title = "" if check is None else said.verb(page.words, check.action, dict(check.arguments))
        return typing_page(page, title, "prove", page.t("own_password"), page.t("do_it"))
    title = page.desk.typed_in("login") or page.t("password")
    return typing_page(page, title, "password", page.t("password"), page.t("enter"))


def _pin(page: StaffPage) -> Picture:
    page.ticking(1.0)
    area = kit.begin(page, page.t("title_pin"))
    typed = page.desk.typed_in("pin")
    is_ready = len(typed) == PIN_DIGITS and not page.desk.is_asking and page.desk.wait_until_s <= page.view.now_s
    back = Button(name="staff:back", label=page.words("app.cancel"), icon="no")
    enter = Button(name="staff:enter", label=page.t("enter"), kind="main", icon="enter", is_enabled=is_ready)
    left = pads.beside_pad(page, area, [back, enter])
    spot, rest = grid.top(grid.middle(left, min(left.height, page.px(40))), page.px(16), page.px(3))
    ground = page.palette.card
    page.fill(spot, ground, page.sizes.radius, 0.5, page.palette.accent)
    shown = typed if page.desk.is_shown else f"{pads.DOT * len(typed)}{'_' * (PIN_DIGITS - len(typed))}"
    page.written(
        grid.padded(spot, page.px(2), page.px(1)), " ".join(shown), page.sizes.primary, on=ground, align=Align.CENTRE,
        is_bold=True, is_secret=True,
    )  # fmt: skip
    words = pads.complaint(page) or page.t("pin_hint")
    colour = page.palette.red if pads.complaint(page) and not page.desk.is_asking else page.palette.faint
    page.written(rest, words, page.sizes.body, colour=colour, lines=3, align=Align.CENTRE)
    return page.picture()
