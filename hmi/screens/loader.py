"""LoaderWindow: the station starts: services, controllers, server; after a minute what hangs, and whom to call."""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorFlag, LinkState
from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import grid, large
from hmi.screens.frame import frame
from hmi.screens.page import Page
from hmi.screens.parts import phone_row, steps
from hmi.view import View

HANGS_AFTER_S = 60.0


def picture(view: View) -> Picture:
    page = Page(view, "LoaderWindow")
    sizes, palette, words = page.sizes, page.palette, page.words
    rows = _rows(page)
    hangs = view.now_s - view.place.since_s > HANGS_AFTER_S
    area = frame(page, "", nav=[], has_help=False)
    now = next((text for text, state in rows if state in ("now", "failed")), "")
    if page.is_large:
        text = words("load.hangs", what=now) if hangs and now else words("app.loading")
        told = [large.Subject(text=text, is_bold=True)]
        return large.story(view, "LoaderWindow", "", [*told, *large.contact(page, "")] if hangs else told, nav=[])
    version, area = grid.bottom(area, page.block(1, sizes.small), page.px(1))
    shop = view.seen.shop
    text = " · ".join(each for each in (shop.model, shop.version) if each)
    page.text(version, text, sizes.small, colour=palette.faint, align=Align.CENTRE)
    if hangs:
        below, area = grid.bottom(area, page.px(10 if page.is_tight else 14), page.px(1))
        phone_row(page, below, align=Align.CENTRE)
    if page.is_portrait:
        upper, lower = grid.top(area, area.height * 45 // 100, page.px(6))
    else:
        upper, lower = grid.left(area, area.width * 40 // 100, page.px(8))
    _mark(page, upper)
    inset = 0 if not page.is_portrait or page.is_tight else lower.width // 10
    lower = grid.padded(lower, inset, 0)
    head = words("load.hangs", what=now) if hangs and now else words("app.loading")
    lines = min(3, page.lines(head, lower.width, sizes.title * 0.9, True))
    title = page.block(lines, sizes.title * 0.9)
    room = min(lower.height - title, page.px(13) * len(rows))
    whole = grid.middle(lower, title + page.px(2) + room) if not page.is_portrait else lower
    spot, rest = grid.top(whole, title, page.px(2))
    page.text(spot, head, sizes.title * 0.9, is_bold=True, lines=lines)
    steps(page, grid.top(rest, room)[0], rows, most_mm=13.0)
    return page.picture()


def _mark(page: Page, rect: Rect) -> None:
    """A bolt in a ring that turns."""
    side = min(rect.width, rect.height, page.px(64)) * 9 // 10
    ring = grid.centred(rect, side, side)
    page.ring(ring, None, max(2.4, side / page.px(16)), page.palette.accent)
    inner = side * 48 // 100
    page.icon(grid.centred(ring, inner, inner), "bolt", page.palette.accent)


def _rows(page: Page) -> list[tuple[str, str]]:
    """Steps and how far they are."""
    view, words = page.view, page.words
    seen = view.seen
    running = [each for each in seen.services.values() if each.status == "running"]
    has_station = seen.station is not None
    wanted = len(seen.shop.connectors) or len(seen.connectors)
    ready = [each for each in seen.connectors.values() if ConnectorFlag.INITIALIZING not in each.flags]
    rows = [(words("load.services", n=len(running), of=len(seen.services)), has_station)]
    rows.append((words("load.controllers", n=len(ready), of=wanted), has_station and len(ready) >= wanted))
    if seen.shop.has_server:
        online = seen.link is not None and seen.link.state is LinkState.ONLINE
        rows.append((words("load.server"), online))
    found: list[tuple[str, str]] = []
    before = True
    for text, is_done in rows:
        found.append((text, "done" if is_done else "now" if before else "next"))
        before = before and is_done
    return found
