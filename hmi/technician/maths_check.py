"""TechnikConfirmActionMathCheckPage (G2, G3): the effect, the connectors it touches, and a sum to solve."""

from __future__ import annotations

import math

from chargepoint.guards import Guard
from hmi.drawing.items import Align, Picture
from hmi.screens import grid
from hmi.technician import kit, pads, said
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page


@staff_page("TechnikConfirmActionMathCheckPage")
def picture(page: StaffPage) -> Picture:
    page.ticking(1.0)
    check, palette, sizes = page.desk.check, page.palette, page.sizes
    area = kit.begin(page, page.t("title_confirm"))
    if check is None or check.sum is None:
        kit.end(page, area)
        return page.picture()
    arguments = dict(check.arguments)
    typed = page.desk.typed_in("sum")
    is_ready = len(typed) >= 2 and not page.desk.is_asking
    cancel = Button(name="staff:cancel", label=page.words("app.cancel"), kind="main", icon="no")
    label = said.verb(page.words, check.action, arguments)
    confirm = Button(name="staff:confirm", label=label, is_enabled=is_ready)
    left = pads.beside_pad(page, area, [confirm, cancel])
    wrong = page.words(page.desk.said) if page.desk.said and page.words.has(page.desk.said) else ""
    row, left = grid.bottom(left, page.px(11), page.px(1.5))
    question, beside = grid.left(row, row.width if not wrong else row.width * 52 // 100, page.px(2))
    page.written(question, f"{check.sum.a} + {check.sum.b} = {typed or '?'}", sizes.primary, is_bold=True)
    page.written(beside, wrong, sizes.body, colour=palette.red, lines=2, align=Align.RIGHT)
    inner = kit.panel(page, left)
    numbers = [arguments["connector"]] if arguments.get("connector") else [str(n) for n in page.view.seen.connectors]
    touched = page.t("touches", n=", ".join(numbers) or "—")
    left_s = math.ceil(check.left_s(page.view.now_s))
    about = f"{page.t('seconds_left', s=left_s)} · {page.t('tries_left', n=check.tries_left)}"
    if check.guard is Guard.G3:
        about = f"{about} · {page.t('then_password')}"
    ground = palette.card
    lines = page.lines(about, inner.width, kit.LEAST_MM)
    foot, inner = grid.bottom(inner, page.block(lines, sizes.small if lines == 1 else kit.LEAST_MM), page.px(0.5))
    page.written(foot, about, sizes.small, colour=palette.faint, on=ground, lines=lines)
    foot, inner = grid.bottom(inner, page.block(1, sizes.body), page.px(1))
    page.written(foot, touched, sizes.body, colour=palette.yellow, on=ground, is_bold=True)
    page.written(inner, said.effect(page.words, check.action, arguments), sizes.title, lines=6, on=ground)
    return page.picture()
