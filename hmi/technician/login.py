"""TechnikLoginPage: who wants in; or who is let in from afar, and by whom."""

from __future__ import annotations

from hmi.drawing.items import Picture, Rect
from hmi.screens import grid
from hmi.technician import kit, pads
from hmi.technician.kit import Button, StaffPage
from hmi.view import View


def picture(view: View) -> Picture:
    page = StaffPage(view, "TechnikLoginPage")
    if view.place.fields.get("way") == "grant":
        return _granted(page)
    return typing_page(page, page.t("title_login"), "login", page.t("login"), page.t("go_on"))


def typing_page(page: StaffPage, title: str, name: str, label: str, enter: str) -> Picture:
    """One field and a keyboard. The field stands in the header of small panels."""
    page.ticking(1.0)
    is_secret = name != "login"
    is_ready = bool(page.desk.typed_in(name)) and page.desk.wait_until_s <= page.view.now_s and not page.desk.is_asking
    margin, gap = page.px(page.sizes.bezel), page.px(kit.GAP_MM)
    is_low = page.height_mm < 110
    area = kit.begin(page, title, has_title=not is_low)
    back = Button(name="staff:back", label="", icon="back")
    said = pads.complaint(page)
    if is_low:
        row = kit.beside_title(page)
        if not page.view.place.staff:
            row, spot = grid.right(row, row.width * 60 // 100, gap)
            page.written(spot, title, page.sizes.title, lines=2, is_bold=True)
        spot, row = grid.left(grid.middle(row, page.px(pads.FIELD_MM)), page.px(pads.FIELD_MM), gap)
        kit.push(page, spot, back)
        pads.field(page, row, name, said or label)
    else:
        row, area = grid.top(area, page.px(pads.FIELD_MM), page.px(2))
        spot, row = grid.left(row, page.px(pads.FIELD_MM), gap)
        kit.push(page, spot, back)
        pads.field(page, row, name, said or label)
    area = Rect(area.x, area.y, area.width, page.look.height - margin - area.y)
    if not is_low:
        area = grid.middle(area, min(area.height, page.px(110)))
    pads.keyboard(page, area, enter=enter, has_eye=is_secret, is_ready=is_ready)
    return page.picture()


def _granted(page: StaffPage) -> Picture:
    page.ticking(1.0)
    area = kit.begin(page, page.t("title_grant"))
    area = kit.end(page, area, nav=[Button(name="staff:back", label=page.words("app.cancel"), icon="no")])
    grant = page.view.seen.grant
    if grant is None:
        return page.picture()
    left = max(0, round(grant.until_mono_s - page.view.now_s))
    spot = grid.centred(area, min(area.width, page.px(120)), min(area.height, page.px(64)))
    upper, lower = grid.top(spot, spot.height - page.px(26), page.px(4))
    text = page.t("granted", login=grant.login, by=grant.by, s=left)
    page.written(upper, text, page.sizes.title, lines=4)
    enter = Button(
        name="staff:enter", label=page.t("enter"), kind="main", icon="enter", is_enabled=not page.desk.is_asking
    )
    kit.push(page, grid.top(lower, page.px(kit.SAFETY_MM))[0], enter)
    return page.picture()
