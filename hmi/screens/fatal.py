"""FatalErrorWindow: fault of the terminal: code, plain words, phone, QR with station and code; running charges."""

from __future__ import annotations

from hmi.drawing.items import Picture
from hmi.screens import facts, grid, large, message
from hmi.screens.frame import frame
from hmi.screens.page import Page
from hmi.screens.parts import progress
from hmi.view import View

TEXTS = {"HMI-BUS": "fatal.bus", "HMI-STATION": "fatal.station", "HMI-DRAW": "fatal.draw"}


def picture(view: View) -> Picture:
    page = Page(view, "FatalErrorWindow")
    words, palette = page.words, page.palette
    code = view.place.fields.get("code", "HMI")
    link = message.support_link(page, code) or f"{view.seen.shop.station_name} {code}"
    told = words(TEXTS.get(code, "fatal.other"))
    left = facts.left_s(view)
    again = words("fatal.retry", s=left) if left is not None else ""
    if left is not None:
        page.ticking(1.0)
    running = [f"{words('menu.connector', n=each.number)}: {progress(page, each)}" for each in facts.running(view.seen)]
    if page.is_large:
        texts = [words("fatal.title"), told, words("err.code", code=code), *running]
        subjects = [large.Subject(text=text, icon="warning", colour=palette.red) for text in texts]
        return large.story(view, "FatalErrorWindow", "", [*subjects, *large.contact(page, link)], nav=[])
    pages = message.pages_of(page, link)
    area = frame(page, words("fatal.title"), nav=[], pages=pages, has_help=False, colour=palette.red)
    if running and not facts.page_of(view, pages):
        lines = min(3, len(running))
        spot, area = grid.bottom(area, page.block(lines, page.sizes.body), page.px(2))
        for text, row in zip(running, grid.rows(spot, lines, 0), strict=False):
            page.text(row, text, page.sizes.body, colour=palette.faint)
    note = " · ".join(each for each in (words("err.code", code=code), again) if each)
    message.normal(page, area, "warning", palette.red, told, [], note, link)
    return page.picture()
