"""The commutation picture: groups with their modules above, outputs below, buses as lines between, and contactors as
switches between the two buses that they join. Colours of modules are those of the operators'
documents (`power_picture.py`).
"""

from __future__ import annotations

from chargepoint.power_picture import ContactorPicture, GroupPicture, ModuleColour, ModulePicture
from chargepoint.vocabulary import Cause
from hmi.drawing.colours import BLACK, WHITE, contrast, mixed
from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import grid
from hmi.technician import buses, facts, kit
from hmi.technician.kit import StaffPage

MOST_GROUPS, MOST_CONTACTORS, MOST_OUTPUTS = 12, 8, 8
LANE_MM, SWITCH_MM, APART_MM, GROUP_LEAST_MM = 8.4, 10.5, 14.0, 14.0
"""A contactor's lane, the room it needs between two buses, buses from each other, groups at their lowest."""
NAME_AND_STATE_MM = 9.0
VALUES_WIDE_MM, VALUES_HIGH_MM = 13.0, 17.5
"""From this size on a module's box has its V, A and °C."""
ICONS = {"closed": "contactor_closed", "open": "contactor_open", "unknown": "contactor_unknown",
         "welded": "contactor_welded"}  # fmt: skip


def state_of(contactor: ContactorPicture) -> str:
    """closed, open, unknown or welded."""
    if contactor.cause is Cause.CONTACTOR_WELDED:
        return "welded"
    return "unknown" if contactor.is_closed is None else "closed" if contactor.is_closed else "open"


def commutation(page: StaffPage, rect: Rect) -> None:
    """The whole picture in `rect`."""
    power = page.view.seen.power
    assert power is not None
    gap = page.px(2.6)
    bottom, upper = grid.bottom(rect, page.px(9.5), page.px(4))
    groups = power.groups[:MOST_GROUPS]
    numbers = sorted(page.view.seen.connectors)[:MOST_OUTPUTS]
    outs = dict(zip(numbers, grid.columns(bottom, max(1, len(numbers)), gap), strict=True))
    columns = grid.columns(upper, max(1, len(groups)), gap)
    at = _buses(page, columns, outs)
    spots = buses.lanes(power.contactors, at)
    count = max((spot.lane for spot in spots), default=-1) + 1
    lane = page.px(LANE_MM)
    most = upper.height - page.px(GROUP_LEAST_MM) - page.px(3)
    if len(spots) == len(power.contactors) and spots and count * lane <= most and _is_roomy(page, spots):
        band, upper = grid.bottom(upper, count * lane, page.px(3))
        boxes = [Rect(box.x, box.y, box.width, upper.height) for box in columns]
        _wired(page, rect, band, boxes, outs, at, spots)
    else:
        boxes = _in_a_row(page, rect, upper, bottom, outs, gap)
    for group, box in zip(groups, boxes, strict=False):
        _group(page, box, group)
    for number, spot in outs.items():
        _output(page, spot, number)


def _buses(page: StaffPage, columns: list[Rect], outs: dict[int, Rect]) -> dict[str, int]:
    """The x of each bus whose place is known."""
    power = page.view.seen.power
    assert power is not None
    over = {group.bus: box.x + box.width // 2 for group, box in zip(power.groups, columns, strict=False) if group.bus}
    under = {each.bus: outs[each.connector].x + outs[each.connector].width * 2 // 3
             for each in power.outputs if each.bus and each.connector in outs}  # fmt: skip
    found = buses.placed(over, under, power, page.px(APART_MM)) if over else {}
    return found if max(found.values(), default=0) <= columns[-1].right - page.px(1) else {}


def _is_roomy(page: StaffPage, spots: list[buses.Spot]) -> bool:
    return all(spot.room >= page.px(SWITCH_MM) for spot in spots)


def _wired(
    page: StaffPage, rect: Rect, band: Rect, boxes: list[Rect], outs: dict[int, Rect], at: dict[str, int],
    spots: list[buses.Spot],
) -> None:  # fmt: skip
    """Buses as upright lines from their group, to their output, as far as contactors reach; contactors in lanes. Green
    is power, yellow may be."""
    power, lane = page.view.seen.power, page.px(LANE_MM)
    assert power is not None
    live, perhaps = buses.energised(power), buses.energised(power, perhaps=True)
    quiet = mixed(page.palette.card, page.palette.edge, 0.8)
    green = mixed(page.palette.green, page.palette.grey, 0.7) if page.is_stale else page.palette.green
    doubt = page.palette.grey if page.is_stale else page.palette.yellow
    ends: dict[str, list[tuple[int, int]]] = {}
    for spot in spots:
        y = band.y + spot.lane * lane + lane // 2
        for bus in spot.contactor.between:
            ends.setdefault(bus, []).append((at[bus], y))
    for group, box in zip(power.groups, boxes, strict=False):
        if group.bus in at:
            ends.setdefault(group.bus, []).append((at[group.bus], box.bottom))
    for output in power.outputs:
        if output.bus in at and output.connector in outs:
            ends.setdefault(output.bus, []).append((at[output.bus], outs[output.connector].y))
    for bus, points in sorted(ends.items(), key=lambda each: each[0] in perhaps):
        x, ys = at[bus], [y for _, y in points]
        page.line(rect, ((x, min(ys)), (x, max(ys))), green if bus in live else doubt if bus in perhaps else quiet, 0.7)
    for spot in spots:
        y, one = band.y + spot.lane * lane + lane // 2, spot.contactor
        colour = green if one.is_closed and set(one.between) & live else quiet
        page.line(rect, ((spot.left, y), (spot.right, y)), colour, 0.5)
        for x in (spot.left, spot.right):
            side = page.px(1.6)
            page.fill(Rect(x - side // 2, y - side // 2, side, side), colour, 0.8)
        wide = min(spot.room - page.px(2.4), page.px(30))
        _contactor(page, Rect(spot.x - wide // 2, y - lane // 2 + page.px(0.4), wide, lane - page.px(0.8)), one)


def _in_a_row(
    page: StaffPage, rect: Rect, upper: Rect, bottom: Rect, outs: dict[int, Rect], gap: int
) -> list[Rect]:  # fmt: skip
    """Where the buses are not known, or too many for this panel: contactors in a row, and who is joined with whom."""
    power = page.view.seen.power
    assert power is not None
    contactors = power.contactors[:MOST_CONTACTORS]
    band = Rect(upper.x, upper.bottom, upper.width, 0)
    if contactors and upper.height > page.px(34):
        band, upper = grid.bottom(upper, page.px(11.5), page.px(3.5))
    groups = power.groups[:MOST_GROUPS]
    boxes = grid.columns(upper, max(1, len(groups)), gap)
    for at, (group, box) in enumerate(zip(groups, boxes, strict=True)):
        out = outs.get(group.connector)
        if out is not None:
            x, to = box.x + box.width // 2, out.x + out.width // 2 + (at - len(groups) // 2) * page.px(1.2)
            to = max(out.x + 2, min(out.right - 2, to))
            lane = band.bottom + (bottom.y - band.bottom) * (at + 1) // (len(groups) + 1)
            wire = mixed(page.palette.green, page.palette.grey, 0.7) if page.is_stale else page.palette.green
            page.line(rect, ((x, box.bottom), (x, lane), (to, lane), (to, bottom.y)), wire, 0.7)
    if band.height:
        for contactor, spot in zip(contactors, grid.columns(band, len(contactors), gap), strict=True):
            _contactor(page, spot, contactor)
    return boxes


def _output(page: StaffPage, spot: Rect, number: int) -> None:
    power, palette = page.view.seen.power, page.palette
    assert power is not None
    output = next((each for each in power.outputs if each.connector == number), None)
    is_on = output is not None and output.power_w > 0
    page.fill(spot, palette.card, page.sizes.radius, 0.5 if is_on else 0.25, palette.green if is_on else palette.edge)
    text = f"{number}: {facts.number(page, None if output is None else output.power_w / 1000, 'kW')}"
    page.written(grid.padded(spot, page.px(1), page.px(0.5)), text, page.sizes.body, on=palette.card,
                 colour=page.value_colour, is_bold=True, align=Align.CENTRE)  # fmt: skip


def _contactor(page: StaffPage, spot: Rect, contactor: ContactorPicture) -> None:
    """Its switch, its name, and how it is in words."""
    palette, sizes, state = page.palette, page.sizes, state_of(contactor)
    ground = palette.card
    colour = {"closed": palette.green, "welded": palette.red, "unknown": palette.yellow}.get(state, palette.text)
    colour = palette.faint if page.is_stale else colour
    page.fill(spot, ground, sizes.radius, 0.25, palette.edge)
    inner = grid.padded(spot, page.px(1), page.px(0.7))
    side = min(inner.height, inner.width, page.px(9))
    icon, rest = grid.left(inner, side, page.px(1.4))
    page.icon(grid.middle(icon, side), ICONS[state], colour, ground)
    if inner.height < page.px(NAME_AND_STATE_MM):
        both = f"{contactor.name} · {page.t(state)}"
        shown = both if page.wide(both, kit.LEAST_MM, True) <= rest.width else contactor.name
        if page.wide(shown, kit.LEAST_MM, True) <= rest.width:
            page.written(rest, shown, kit.LEAST_MM, colour=colour, on=ground, is_bold=True)
        return
    if rest.width < max(page.wide(page.t(state), kit.LEAST_MM), page.wide(contactor.name, kit.LEAST_MM, True)):
        return
    upper, lower = grid.top(rest, rest.height // 2, 0)
    page.written(upper, contactor.name, sizes.small, on=ground, is_bold=True)
    page.written(lower, page.t(state), kit.LEAST_MM, colour=colour, on=ground)


def _group(page: StaffPage, box: Rect, group: GroupPicture) -> None:
    palette, sizes = page.palette, page.sizes
    ground = palette.card
    colour = palette.green if group.connector else mixed(ground, palette.edge, 0.6)
    page.fill(box, ground, sizes.radius, 0.4, colour)
    inner = grid.padded(box, page.px(1.2), page.px(1))
    name, inner = grid.top(inner, page.block(1, sizes.small), page.px(0.6))
    text = f"{group.name} · {facts.number(page, group.power_w / 1000, 'kW')}"
    page.written(name, text, sizes.small, on=ground, is_bold=True, align=Align.CENTRE, colour=page.value_colour)
    count = max(1, len(group.modules))
    across = _across(page, inner, count)
    down = -(-count // across)
    gap = page.px(0.8)
    rows = grid.rows(inner, down, gap)
    for index, module in enumerate(group.modules):
        cell = grid.columns(rows[index // across], across, gap)[index % across]
        if cell.width >= 3 and cell.height >= 3:
            _module(page, grid.top(cell, min(cell.height, page.px(26)))[0], module)


def _across(page: StaffPage, inner: Rect, count: int) -> int:
    """As many columns as leave room for values; else as narrow as a number."""
    for across in range(1, count + 1):
        down = -(-count // across)
        if inner.width // across >= page.px(VALUES_WIDE_MM) and inner.height // down >= page.px(VALUES_HIGH_MM):
            return across
    return max(1, min(count, inner.width // max(1, page.px(5.5))))


def _module(page: StaffPage, cell: Rect, module: ModulePicture) -> None:
    fill = _colour(page, module.colour)
    ink = WHITE if contrast(WHITE, fill) > contrast(BLACK, fill) else BLACK
    fill = mixed(fill, BLACK if ink == WHITE else WHITE, 0.08)
    page.fill(cell, fill, 0.8, 0.25, page.palette.edge)
    inner = grid.padded(cell, page.px(0.8 if cell.width > page.px(8) else 0.2), page.px(0.5))
    values = ((module.voltage_v, "V", 0), (module.current_a, "A", 1), (module.temperature_c, "°C", 0))
    has_values = cell.height >= page.px(VALUES_HIGH_MM - 1) and cell.width >= page.px(VALUES_WIDE_MM - 1)
    if not has_values or module.colour is ModuleColour.NO_LINK:
        page.written(inner, str(module.number), kit.LEAST_MM, colour=ink, on=fill, align=Align.CENTRE, is_bold=True)
        return
    for at, (spot, text) in enumerate(
        zip(grid.rows(inner, 4, 0), [str(module.number), *(facts.number(page, *each) for each in values)], strict=True)
    ):
        page.written(spot, text, kit.LEAST_MM, colour=ink, on=fill, align=Align.CENTRE, is_bold=at == 0)


def _colour(page: StaffPage, colour: ModuleColour) -> Colour:
    palette = page.palette
    return {
        ModuleColour.UNUSED: WHITE,
        ModuleColour.CHARGING: palette.green,
        ModuleColour.NO_LINK: palette.grey,
        ModuleColour.ERROR: palette.red,
    }[colour]
