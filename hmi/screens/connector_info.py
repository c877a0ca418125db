"""ConnectorInfo: what this connector can do, what it costs, why it cannot be used now; Start."""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorStatus
from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, large, values
from hmi.screens.facts import Known
from hmi.screens.frame import Action, frame, other_label
from hmi.screens.page import Page
from hmi.screens.parts import card, face, labelled, paragraph, power_line, status_row
from hmi.screens.statuses import FACES
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "ConnectorInfo")
    each = facts.here(view)
    title = page.words("menu.connector", n=each.number)
    actions = _actions(page, each)
    if page.is_large:
        return large.story(view, "ConnectorInfo", title, _subjects(page, each), actions=actions)
    area = frame(page, title, actions=actions, subtitle=FACES[each.type][1])
    if page.is_portrait:
        upper, lower = grid.top(area, area.height * (36 if unavailable_text(page, each) else 45) // 100, page.px(4))
        _state(page, upper, each)
        _numbers(page, lower, each)
    else:
        least_mm = 54 if unavailable_text(page, each) else 49  # some words for that are long
        left, right = grid.left(area, max(page.px(least_mm), area.width * 36 // 100), page.px(6))
        _state(page, left, each)
        _numbers(page, right, each)
    return page.picture()


def _actions(page: Page, each: Known) -> list[Action]:
    words = page.words
    price = Action(name="price", label=words("nav.price"), icon="money")
    how = Action(name="how", label=words("nav.how"), icon="info")
    if each.is_free:
        is_asked = page.view.place.fields.get("asked") == "start"
        start = Action(name="start", label=words("conn.start"), icon="start", kind="go", is_enabled=not is_asked)
        return [start] if page.is_large else [start, price] if page.is_tight else [start, how, price]
    others = facts.other_free(page.view.seen, each.number)
    if others:
        other = Action(name=f"tile:{others[0]}", label=other_label(page, others[0]), kind="main", icon="next")
        return [other] if page.is_large else [other, price]
    return [] if page.is_large else [price]


def _state(page: Page, rect: Rect, each: Known) -> None:
    """Face view of the connector and its status."""
    colour = each.look.of(page.palette)
    ground = page.palette.card
    inner = card(page, rect, strip=colour)
    word, cap = page.words(each.look.word), page.sizes.body * 1.1
    room = inner.width - page.px(cap * 2.2) - page.px(2)
    lines = min(3, page.lines(word, room, page.sizes.least, True))
    below, rest = grid.bottom(inner, page.block(max(2, lines), page.sizes.body), page.px(2))
    status_row(page, below, each, cap, ground, lines=lines)
    side = min(rest.width, rest.height, page.px(52))
    face(page, grid.centred(rest, side, side), each, ground)


def _numbers(page: Page, rect: Rect, each: Known) -> None:
    sizes, words = page.sizes, page.words
    price, rest = grid.bottom(rect, page.block(2 if page.is_portrait else 1, sizes.body) + page.px(1), page.px(1))
    lines = 2 if page.is_portrait else 1
    page.text(price, price_line(page, each), sizes.body * 1.1, is_bold=True, lines=lines, colour=page.value_colour)
    upper, lower = grid.top(rest, page.block(1, sizes.small) + page.block(1, sizes.primary) + page.px(1), page.px(3))
    power = each.max_power_w
    most = values.number(power / 1000, "kw", words, 0 if power >= 99_950 or power % 1000 < 50 else 1) if power else "—"
    why = unavailable_text(page, each)
    if page.is_tight and not page.is_portrait and not why:
        left, right = grid.left(upper, upper.width * 62 // 100, page.px(3))
        labelled(page, left, words("conn.power"), most, value_mm=sizes.primary)
        _electric(page, right, each, is_column=True)
        lower = Rect(lower.x, upper.bottom, lower.width, 0)
        return
    if why:
        paragraph(
            page, rest, why, sizes.title if not page.is_tight else sizes.body * 1.2, is_bold=not page.is_tight, most=6
        )
        return
    labelled(page, upper, words("conn.power"), most, value_mm=sizes.primary)
    if lower.height >= page.block(1, sizes.small) + page.block(1, sizes.value):
        _electric(page, grid.top(lower, page.block(1, sizes.small) + page.block(1, sizes.value) + page.px(1))[0], each)


def _electric(page: Page, rect: Rect, each: Known, is_column: bool = False) -> None:
    words = page.words
    current = values.number(each.fitted.max_current_a or None, "a", words, 0)
    volts = values.number(each.fitted.max_voltage_v or None, "v", words, 0)
    cells = [(words("conn.current"), current), (words("conn.voltage"), volts)]
    if not each.fitted.max_voltage_v:
        cells.pop()
    if is_column:
        label = page.block(1, page.sizes.small)
        row = page.block(1, page.sizes.body * 1.15)
        whole = grid.middle(rect, label + row * len(cells))
        spot, rest = grid.top(whole, label)
        page.text(spot, words("conn.at_most"), page.sizes.small, colour=page.palette.faint)
        for (_, told), where in zip(cells, grid.rows(rest, len(cells), 0), strict=True):
            page.text(where, told, page.sizes.body * 1.15, colour=page.value_colour, is_bold=True)
        return
    for (name, told), where in zip(cells, grid.columns(rect, 2, page.px(4)), strict=False):
        labelled(page, where, name, told)


def price_line(page: Page, each: Known) -> str:
    """`85 ₸ за кВт·ч`, or where the price stands."""
    tariff = facts.tariff_of(page.view.seen, each.number)
    if tariff is None:
        return page.words("price.in_app")
    if facts.is_free_of_charge(tariff):
        return page.words("price.free")
    if tariff.per_kwh:
        return page.words("price.kwh", p=values.money(tariff.per_kwh, tariff, page.words))
    if tariff.per_minute:
        return page.words("price.minute", p=values.money(tariff.per_minute, tariff, page.words))
    return page.words("price.session", p=values.money(tariff.start_fee, tariff, page.words))


def unavailable_text(page: Page, each: Known) -> str:
    """Why it cannot be used, and what next; empty where it can."""
    if each.is_free:
        return ""
    words = page.words
    status = None if each.state is None else each.state.status
    if status is ConnectorStatus.NO_POWER:
        free_s = facts.free_in_s(page.view.seen, each.number)
        told = words("conn.no_power_why")
        return f"{told}. {words('conn.free_in', t=values.duration(free_s, words))}" if free_s else f"{told}."
    if each.state is not None and each.state.awaits_update:
        return words("auth.updating")
    key = _WHY.get(status) if status is not None else "conn.why_unavailable"
    return words(key or "conn.why_unavailable")


_WHY = {
    ConnectorStatus.METER_ERROR: "conn.why_meter",
    ConnectorStatus.UPDATING: "conn.why_updating",
    ConnectorStatus.UNAVAILABLE: "conn.why_unavailable",
    ConnectorStatus.CHARGED: "conn.why_charged",
    ConnectorStatus.CHARGING: "conn.why_taken",
    ConnectorStatus.DISABLED: "block.disabled",
    ConnectorStatus.AVAILABLE: "block.reserved",
}


def _subjects(page: Page, each: Known) -> list[large.Subject]:
    """Status, or why it cannot be used; power; price."""
    words, colour = page.words, each.look.of(page.palette)
    text = unavailable_text(page, each) or words(each.look.word)
    return [
        large.Subject(text=text, icon=each.look.icon, colour=colour, is_bold=True),
        large.Subject(text=f"{FACES[each.type][1]}, {power_line(page, each)}"),
        large.Subject(text=price_line(page, each), is_bold=True),
    ]
