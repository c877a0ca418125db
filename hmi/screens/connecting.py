"""Connecting: which connector goes where and how long there is for it; then the steps until energy flows."""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorStatus, ControllerStatus
from hmi.drawing.items import Align, Colour, Picture, Rect
from hmi.drawing.svg import DRAWINGS
from hmi.drawing.svg import names as drawings
from hmi.screens import facts, grid, large
from hmi.screens.facts import Known
from hmi.screens.frame import Action, cancel, frame, home
from hmi.screens.page import Page
from hmi.screens.parts import card, face, steps
from hmi.screens.statuses import FACES
from hmi.view import View

C = ControllerStatus
DONE_DC = {
    C.C1_CABLE_LOCK: 1,
    C.C2_INSULATION_TEST: 2,
    C.C3_INSULATION_OK: 3,
    C.C4_PRECHARGE: 3,
    C.C5_PRECHARGE_DONE: 4,
}
"""How many of the steps of a DC charge are done while its controller is in a status."""
TRAVEL_S = 2.4
"""Once from the left to the car, and a rest."""
GUN_OF_CAR, TRAVEL_OF_CAR = 0.62, 0.35
"""Width of the gun, and its way, in widths of the car."""


def picture(view: View) -> Picture:
    page = Page(view, "Connecting")
    each = facts.here(view)
    words = page.words
    is_plugged = each.state is not None and (
        each.state.status is ConnectorStatus.CHARGING
        or (each.state.reading is not None and each.state.reading.status not in (C.A_NOT_CONNECTED, C.F_UNKNOWN))
    )
    how = Action(name="how", label=words("nav.how"), icon="info")
    nav = [cancel(page), home(page)]  # home without cancelling: whose start this is may be somebody else
    nav += [] if page.is_large else [how]
    if page.is_large and not is_plugged:
        left = facts.left_s(view)
        told = [large.Subject(text=words("plug.title", n=each.number), is_bold=True, drawing=_plug_drawing(each))]
        if left is not None:
            told.append(large.Subject(text=words("plug.left", s=left), is_bold=True))
        return large.story(view, "Connecting", "", told, nav=nav, ticks=left is not None)
    if page.is_large:
        now, rows = _rows_of(page, each)
        return large.story(view, "Connecting", "", [large.Subject(text=rows[now][0], is_bold=True)], nav=nav)
    if is_plugged:
        area = frame(page, words("plug.starting"), nav=nav, has_help=False, subtitle=_name(page, each))
        _steps(page, area, each)
    else:
        title = "" if page.is_large else words("plug.title", n=each.number)
        area = frame(page, title, nav=nav, has_help=False)
        _plug(page, area, each)
    return page.picture()


def _name(page: Page, each: Known) -> str:
    return f"{page.words('menu.connector', n=each.number)} · {FACES[each.type][1]}"


def _plug(page: Page, area: Rect, each: Known) -> None:
    """The connector on its way to the car, and the time that is left."""
    sizes, palette, view = page.sizes, page.palette, page.view
    left = facts.left_s(view)
    if left is not None:
        page.ticking(1.0)
        total = facts.number_field(view, "timeout_s") or max(1.0, (view.place.until_s or 0.0) - view.place.since_s)
        share = max(0.0, min(1.0, left / max(1.0, total)))
        if page.is_portrait:
            spot, area = grid.bottom(area, min(page.px(58), area.height * 45 // 100), page.px(4))
        else:
            spot, area = grid.right(area, min(area.height, area.width * 30 // 100), page.px(6))
        side = min(spot.width, spot.height)
        ring = grid.centred(spot, side, side)
        page.ring(ring, round(share, 3), max(2.4, side / page.px(13)), palette.accent)
        cap = sizes.primary
        number = grid.centred(ring, side * 8 // 10, page.block(1, cap))
        page.text(number, str(left), cap, is_bold=True, align=Align.CENTRE)
        under = Rect(ring.x + side // 5, number.bottom - page.px(2), side * 3 // 5, page.block(1, sizes.small))
        if under.bottom < ring.bottom - page.px(2.5):
            page.text(under, page.words("unit.seconds"), sizes.small, colour=palette.faint, align=Align.CENTRE)
    _way(page, area, each)


def _way(page: Page, area: Rect, each: Known) -> None:
    """The gun on its way to the car; the face of the connector, to tell it from the others."""
    palette, sizes = page.palette, page.sizes
    inner = card(page, area, strip=palette.green)
    ground = palette.card
    side = page.px(13 if page.is_tight else 20)
    line, rest = grid.bottom(inner, max(side, page.block(1, sizes.body)), page.px(2))
    mark, words = grid.left(line, side, page.px(3))
    face(page, grid.middle(mark, side), each, ground, palette.green)
    name = _name(page, each)
    lines = 1 if page.wide(name, sizes.least, True) <= words.width else 2
    page.text(words, name, sizes.body * 1.15, on=ground, is_bold=True, lines=lines)
    share = 1.0
    if page.look.moves:
        page.moving()
        share = min(1.0, (page.view.now_s % TRAVEL_S) / TRAVEL_S * 1.4)
    _gun_and_car(page, rest, FACES[each.type][0], 1.0 - (1.0 - share) ** 2, ground)


def _gun_and_car(page: Page, rect: Rect, kind: str, share: float, ground: Colour) -> None:
    """Both to scale; `share` of the way is done. Points and proportions: `hmi/drawings/README.md`."""
    car = int(min(rect.width / (0.98 + 0.98 * GUN_OF_CAR + TRAVEL_OF_CAR), rect.height * 320 / 180))
    high = car * 180 // 320
    gun = int(car * GUN_OF_CAR)
    whole = grid.centred(rect, int(car * (0.98 + 0.98 * GUN_OF_CAR + TRAVEL_OF_CAR)), high)
    place = Rect(whole.right - car, whole.y, car, high)
    page.drawing(place, "car", ground)
    name = f"gun_{kind}" if f"gun_{kind}" in drawings(DRAWINGS) else "gun_type2"
    x = place.x + round(0.02 * car - 0.98 * gun - (1.0 - share) * TRAVEL_OF_CAR * car)
    y = place.y + round(0.53 * high - 0.37 * gun * 120 / 200)
    page.drawing(Rect(x, y, gun, gun * 120 // 200), name, ground)


def _steps(page: Page, area: Rect, each: Known) -> None:
    """What is done, what is being done."""
    _, rows = _rows_of(page, each)
    if page.is_portrait or page.is_tight:
        steps(page, area, rows, most_mm=16.0)
        return
    left, right = grid.left(area, area.width * 34 // 100, page.px(8))
    inner = card(page, left, strip=page.palette.green)
    side = min(inner.width, inner.height) * 3 // 4
    face(page, grid.centred(inner, side, side), each, page.palette.card)
    steps(page, right, rows, most_mm=15.0)


def _rows_of(page: Page, each: Known) -> tuple[int, list[tuple[str, str]]]:
    """Which step it is at, and the steps with how far they are."""
    words = page.words
    status = None if each.state is None or each.state.reading is None else each.state.reading.status
    if each.is_dc:
        names = ["plug.car", "plug.lock", "plug.check", "plug.precharge", "plug.flows"]
        now = DONE_DC.get(status, 1) if status is not None else 1
        now = 4 if status is C.C6_CHARGING else now
    else:
        names = ["plug.car", "plug.agree", "plug.flows"]
        now = 2 if status is C.C6_CHARGING else 1
    rows = [(words(key), "done" if at < now else "now" if at == now else "next") for at, key in enumerate(names)]
    return now, rows


def _plug_drawing(each: Known) -> str:
    name = f"plug_{FACES[each.type][0]}"
    return name if name in drawings(DRAWINGS) else "plug_type2"
