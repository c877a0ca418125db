"""TechnikModules: the commutation picture: groups of modules, contactors between them, what goes to which connector."""

from __future__ import annotations

from chargepoint.messages import ModulesState
from chargepoint.power_picture import ModuleColour
from hmi.drawing.colours import BLACK, WHITE, contrast, mixed
from hmi.drawing.items import Align, Colour, Picture, Rect
from hmi.screens import grid
from hmi.technician import facts, kit, wordings
from hmi.technician.guarded import deed, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

MOST_GROUPS = 12


@staff_page("TechnikModules")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or "power"
    tabs = [shows(page, part, f"part_{part}", "power") for part in ("power", "contactors", "modules_list")]
    power = page.view.seen.power
    if show == "modules_list":
        return sheet(page, page.t("modules"), _modules(page), _buttons(page), tabs=tabs)
    if power is None or not (power.groups or power.outputs or power.contactors):
        rows = [line(page.t("no_modules"))]
        return sheet(page, page.t("modules"), rows, _buttons(page), tabs=tabs)
    if show == "contactors":
        return sheet(page, page.t("modules"), _contactors(page), _repairs(page), tabs=tabs)
    rows = [
        Row(t_output(page, output.connector), f"{facts.number(page, output.power_w / 1000, 'kW')} · {output.why}")
        for output in power.outputs
    ]
    rows += [Row(page.t("move", group=move.group), move.why or f"{move.from_connector} → {move.to_connector}", "warn")
             for move in power.moves]  # fmt: skip
    figure = _picture if power.groups else None
    return sheet(page, page.t("modules"), rows, tabs=tabs, figure=figure, is_figure_first=True)


def t_output(page: StaffPage, number: int) -> str:
    return page.words("menu.connector", n=number)


def _colour(page: StaffPage, colour: ModuleColour) -> Colour:
    palette = page.palette
    return {
        ModuleColour.UNUSED: palette.text,
        ModuleColour.CHARGING: palette.green,
        ModuleColour.NO_LINK: palette.grey,
        ModuleColour.ERROR: palette.red,
    }[colour]


def _picture(page: StaffPage, rect: Rect) -> None:
    """A box for each group with its modules, and a line to the connector it feeds."""
    power = page.view.seen.power
    assert power is not None
    palette, sizes = page.palette, page.sizes
    groups = power.groups[:MOST_GROUPS]
    numbers = sorted(page.view.seen.connectors)[:8]
    gap = page.px(3)
    bottom, upper = grid.bottom(rect, page.px(8), page.px(max(5.0, rect.height / page.look.px_per_mm * 0.22)))
    boxes = grid.columns(upper, max(1, len(groups)), gap)
    outs = dict(zip(numbers, grid.columns(bottom, max(1, len(numbers)), gap), strict=True))
    for number, spot in outs.items():
        page.fill(spot, palette.card, sizes.radius, 0.3, palette.edge)
        output = next((each for each in power.outputs if each.connector == number), None)
        text = f"{number}: {facts.number(page, None if output is None else output.power_w / 1000, 'kW')}"
        page.written(grid.padded(spot, page.px(1), page.px(0.5)), text, sizes.body, on=palette.card, align=Align.CENTRE)
    for at, (group, box) in enumerate(zip(groups, boxes, strict=True)):
        ground = palette.card
        colour = palette.green if group.connector else mixed(ground, palette.edge, 0.6)
        out = outs.get(group.connector)
        if out is not None:
            lane = box.bottom + (bottom.y - box.bottom) * (at + 1) // (len(groups) + 1)
            x, to = box.x + box.width // 2, out.x + out.width // 2 + (at - len(groups) // 2) * page.px(0.8)
            to = max(out.x + 2, min(out.right - 2, to))
            page.line(rect, ((x, box.bottom), (x, lane), (to, lane), (to, bottom.y)), palette.green, 0.6)
        page.fill(box, ground, sizes.radius, 0.4, colour)
        inner = grid.padded(box, page.px(1.2), page.px(1))
        name, inner = grid.top(inner, page.block(1, sizes.small), 0)
        page.written(name, group.name, sizes.small, on=ground, is_bold=True, align=Align.CENTRE)
        watts, inner = grid.top(inner, page.block(1, sizes.small), page.px(0.6))
        page.written(watts, facts.number(page, group.power_w / 1000, "kW"), sizes.small, on=ground, align=Align.CENTRE,
                     colour=page.value_colour)  # fmt: skip
        count = max(1, len(group.modules))
        across = max(1, min(count, inner.width // max(1, page.px(4.5))))
        down = -(-count // across)
        for index, module in enumerate(group.modules):
            row = grid.rows(inner, down, page.px(0.6))[index // across]
            cell = grid.columns(row, across, page.px(0.6))[index % across]
            cell = grid.top(cell, min(cell.height, page.px(7)))[0]
            if cell.width < 3 or cell.height < 3:
                continue
            fill = _colour(page, module.colour)
            ink = WHITE if contrast(WHITE, fill) > contrast(BLACK, fill) else BLACK
            fill = mixed(fill, BLACK if ink == WHITE else WHITE, 0.08)
            page.fill(cell, fill, 0.6)
            page.written(cell, str(module.number), kit.LEAST_MM, colour=ink, on=fill, align=Align.CENTRE)


def _contactors(page: StaffPage) -> list[Row]:
    power, t = page.view.seen.power, page.t
    assert power is not None
    rows = [head(t("part_contactors"))]
    for each in power.contactors:
        said = t("closed") if each.is_closed else t("unknown") if each.is_closed is None else t("open")
        tone = "bad" if each.cause.value != "none" and each.cause.name != "NONE" else "good" if each.is_closed else ""
        rows.append(Row(f"{each.name} ({each.between[0]} – {each.between[1]})", f"{said} · {each.operations}", tone))
    return rows if len(rows) > 1 else [line(t("no_contactors"))]


def _repairs(page: StaffPage) -> list[Button]:
    power = page.view.seen.power
    assert power is not None
    wrong = [each for each in power.contactors if each.cause.name != "NONE"]
    return [deed(page, "clear_output", name=each.output) for each in wrong]


def _modules(page: StaffPage) -> list[Row]:
    t = page.t
    rows: list[Row] = []
    for bank in facts.of_kind(page, ModulesState):
        rows.append(head(bank.name))
        for module in bank.modules:
            values = [facts.number(page, module.voltage_v, "V", 0), facts.number(page, module.current_a, "A"),
                      facts.number(page, module.temperature_c, "°C", 0)]  # fmt: skip
            tone = "bad" if module.has_fault else "old" if not module.is_online else "good" if module.is_on else ""
            said = " · ".join(values) if module.is_online else t("silent")
            told = [said, *(wordings.phrase(page.words, each) for each in module.alarms)]
            rows.append(Row(t("module", n=module.number), " · ".join(told), tone))
    return rows or [line(t("no_modules"))]


def _buttons(page: StaffPage) -> list[Button]:
    buttons: list[Button] = []
    for bank in facts.of_kind(page, ModulesState):
        buttons.append(deed(page, "reboot_module_controller", name=bank.name))
        for module in bank.modules:
            label = f"{page.t('module', n=module.number)}: "
            for action, key in (
                ("exclude_module", "exclude"),
                ("include_module", "include"),
                ("identify_module", "identify"),
            ):
                buttons.append(
                    deed(page, action, label=label + page.t(key), name=bank.name, number=module.number)
                )  # fmt: skip
    return buttons
