"""TechnikPcManagementPage: the computer, restarts, tests of the screen: dead pixels, colours, the grid for fingers."""

from __future__ import annotations

from hmi.drawing.items import Colour, Picture, Rect
from hmi.screens import grid
from hmi.technician import facts
from hmi.technician.forms import PATTERNS
from hmi.technician.guarded import deed
from hmi.technician.kit import Button, StaffPage, coded
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, sheet

COLOURS: dict[str, Colour] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
}
CELL_MM = 16.0


@staff_page("TechnikPcManagementPage")
def picture(page: StaffPage) -> Picture:
    pattern = page.view.place.fields.get("pattern", "")
    if pattern == "grid":
        return _grid(page)
    if pattern in COLOURS:
        page.background = COLOURS[pattern]
        page.target("staff:pattern:next", page.whole, is_staff=True)
        return page.picture()
    t = page.t
    rows = [head(t("computer")), *_machine(page)]
    supervisor = page.view.seen.supervisor
    if supervisor is not None:
        rows += [
            head(t("restarts")),
            Row(t("start_cause"), facts.named(page, "started", supervisor.start_cause.value)),
            Row(t("boots"), str(supervisor.boots)),
            Row(t("crashes"), str(supervisor.crashes), "warn" if supervisor.crashes else ""),
            Row(t("version"), supervisor.version),
        ]
    buttons = [
        Button(name=f"staff:pattern:{PATTERNS[0]}", label=t("screen_test"), icon="touch"),
        Button(name="staff:pattern:grid", label=t("touch_test"), icon="hand"),
        Button(name="staff:sound", label=t("sound_test"), icon="sound"),
        deed(page, "test_lights", connector=0),
        deed(page, "restart_network"),
        deed(page, "restart_application"),
        deed(page, "reboot"),
        deed(page, "reboot", label=t("reboot_anyway"), end_sessions=1),
        deed(page, "power_off"),
    ]
    figure = _identity if page.view.seen.shop.serial else None
    return sheet(page, t("computer"), rows, buttons, figure=figure, is_own=True, share=0.5, tile_mm=42.0)


def _identity(page: StaffPage, rect: Rect) -> None:
    """Model, serial number and version as a code, to be taken along without typing."""
    shop = page.view.seen.shop
    coded(page, rect, f"{shop.model} {shop.serial} {shop.version}".strip(), page.t("serial_code"))


def _machine(page: StaffPage) -> list[Row]:
    t, now = page.t, page.view.seen.machine
    rows = []
    if now.load is not None:
        rows.append(Row(t("load"), facts.number(page, now.load, "", 2)))
    if now.memory_total_mib:
        rows.append(Row(t("memory"), t("of", a=now.memory_free_mib, b=facts.whole(page, now.memory_total_mib, "MiB"))))
    if now.disk_total_mib:
        tone = "warn" if now.disk_free_mib * 10 < now.disk_total_mib else ""
        rows.append(Row(t("disk"), t("of", a=now.disk_free_mib, b=facts.whole(page, now.disk_total_mib, "MiB")), tone))
    if now.temperature_c is not None:
        rows.append(Row(t("temperature"), facts.number(page, now.temperature_c, "°C", 0)))
    if now.uptime_s is not None:
        rows.append(Row(t("uptime"), facts.duration(page, now.uptime_s)))
    return rows


def _grid(page: StaffPage) -> Picture:
    """Cells that turn green under the finger; the one in the middle ends it."""
    page.background = page.palette.background
    seen = set(page.view.place.fields.get("seen", "").split())
    across = max(3, int(page.width_mm // CELL_MM))
    down = max(3, int(page.height_mm // CELL_MM))
    gap = page.px(2.2)
    number = 0
    middle = (down // 2, across // 2)
    for y, row in enumerate(grid.rows(Rect(0, 0, page.look.width, page.look.height), down, gap)):
        for x, cell in enumerate(grid.columns(row, across, gap)):
            if (y, x) == middle:
                page.fill(cell, page.palette.accent)
                page.target("staff:pattern:end", cell, is_staff=True)
                page.icon(
                    grid.centred(cell, page.px(8), page.px(8)), "no", page.palette.on_accent, page.palette.accent
                )  # fmt: skip
                continue
            number += 1
            is_seen = str(number) in seen
            page.fill(cell, page.palette.green if is_seen else page.palette.card)
            page.target(f"staff:pattern:cell{number}", cell, is_staff=True)
    return page.picture()
