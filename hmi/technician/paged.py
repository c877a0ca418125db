"""What covers any page of the service menu: the warning before the log-out, what is left behind on leaving."""

from __future__ import annotations

from collections.abc import Callable

from chargepoint.messages import TechnicianState
from chargepoint.preconditions import leftovers
from hmi.drawing.items import Picture
from hmi.screens import grid
from hmi.technician import kit, said
from hmi.technician.entering import MENU
from hmi.technician.guarded import deed
from hmi.technician.kit import Button, StaffPage
from hmi.technician.sheet import Row, line, sheet
from hmi.technician.times import WARNED_FOR_S
from hmi.view import View


def staff_page(name: str) -> Callable[[Callable[[StaffPage], Picture]], Callable[[View], Picture]]:
    """Makes `picture(view)` of what draws the page itself. Who is not logged in sees nothing of it."""

    def with_name(draw: Callable[[StaffPage], Picture]) -> Callable[[View], Picture]:
        def picture(view: View) -> Picture:
            page = StaffPage(view, name)
            if not view.place.staff or view.place.desk is None:
                return page.picture()
            if view.place.desk.warned_s is not None:
                return warning(page)
            if view.place.desk.is_leaving and name == MENU:
                return leaving(page)
            return draw(page)

        return picture

    return with_name


def warning(page: StaffPage) -> Picture:
    """He will be logged out unless he touches something."""
    warned_s = page.desk.warned_s or 0.0
    left = max(0, round(warned_s + WARNED_FOR_S - page.view.now_s))
    page.ticking(1.0)
    area = kit.begin(page, page.t("warned"))
    area = kit.end(page, area, nav=[])
    spot = grid.centred(area, min(area.width, page.px(110)), min(area.height, page.px(52)))
    upper, lower = grid.top(spot, page.px(22), page.px(4))
    page.written(upper, page.t("warned_for", s=left), page.sizes.title, lines=2, is_bold=True)
    kit.push(page, grid.top(lower, page.px(kit.SAFETY_MM))[0],
             Button(name="staff:stay", label=page.t("stay"), kind="main"))  # fmt: skip
    return page.picture()


def leaving(page: StaffPage) -> Picture:
    """What stays blocked, out of service or in test when he goes, and how to take it back."""
    states, words = page.view.seen.states, page.words
    rows: list[Row] = [line(page.t("leaving_hint"))]
    buttons = [Button(name="staff:leave", label=page.t("log_out"), kind="main", icon="log_out"),
               Button(name="staff:stay", label=page.t("stay"))]  # fmt: skip
    for state in states.values():
        if isinstance(state, TechnicianState):
            rows += [line(page.t("left_forced", what=what), "warn") for what in state.forced]
    for each in leftovers(states):
        rows.append(line(said.filled(words, each.key, each.arguments, each.text), "warn"))
        if each.undo:
            buttons.append(deed(page, each.undo, **each.arguments))
    return sheet(page, page.t("leaving"), rows, buttons, nav=[])
