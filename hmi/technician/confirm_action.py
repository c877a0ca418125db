"""TechnikConfirmActionPage (G1): the effect in one sentence, a button that names the deed; Cancel has the focus."""

from __future__ import annotations

from hmi.drawing.items import Picture
from hmi.screens import grid
from hmi.technician import kit, said
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page


@staff_page("TechnikConfirmActionPage")
def picture(page: StaffPage) -> Picture:
    check = page.desk.check
    area = kit.begin(page, page.t("title_confirm"))
    if check is None:
        kit.end(page, area)
        return page.picture()
    arguments = dict(check.arguments)
    area = kit.end(page, area, nav=[])
    row, area = grid.bottom(area, page.px(kit.SAFETY_MM), page.px(4))
    inner = kit.panel(page, grid.middle(area, min(area.height, page.px(60))))
    ground, palette = page.palette.card, page.palette
    side = min(inner.height, page.px(16))
    mark, rest = grid.left(inner, side, page.px(4))
    page.icon(grid.middle(mark, side), "info", palette.accent, ground)
    page.written(rest, said.effect(page.words, check.action, arguments), page.sizes.title, lines=5, on=ground)
    deed, cancel = grid.columns(row, 2, page.px(8))
    label = said.verb(page.words, check.action, arguments)
    kit.push(page, deed, Button(name="staff:confirm", label=label))
    kit.push(page, cancel, Button(name="staff:cancel", label=page.words("app.cancel"), kind="main", icon="no"))
    return page.picture()
