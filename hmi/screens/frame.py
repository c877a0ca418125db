"""What every screen has around its content: header, Back and Home always in the same place, the main action at the
lower right (portrait: across), the line of a notice.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hmi.drawing.colours import contrast, luminance, mixed
from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import facts, grid
from hmi.screens.header import below_edge, has_no_header, has_room_for_title, header, show_large_notice, status_line
from hmi.screens.page import Page
from hmi.screens.sizes import MAIN_WIDTH_MM, TOUCH_MM
from hmi.words import OWN_NAMES

TEXT_CONTRAST = 7.0
DROPPED = ("access", "help")
"""Left out first where there is no room; both are reached by other ways, too."""
LOW_SHARE = 0.4
"""In low layout targets begin below this share of the height."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A button. `kind`: go (begins), stop (ends), main, plain. `icon` "": only words."""

    name: str
    label: str
    icon: str = ""
    kind: str = "plain"
    is_enabled: bool = True
    why: str = ""


def back(page: Page) -> Action:
    return Action(name="back", label=page.words("app.back"), icon="back")


def home(page: Page) -> Action:
    return Action(name="home", label=page.words("nav.home"), icon="home")


def help_button(page: Page) -> Action:
    return Action(name="help", label=page.words("app.help"), icon="help")


def cancel(page: Page) -> Action:
    return Action(name="cancel", label=page.words("app.cancel"), icon="no")


def languages(page: Page) -> list[Action]:
    """The way to the languages, for screens that have no way to the main menu; nothing where there is only one."""
    if len(page.view.seen.shop.languages) < 2:
        return []
    return [Action(name="language", label=page.words("app.language"), icon="language")]


def next_language(page: Page) -> list[Action]:
    """As `languages`, for what no page may cover: one touch, one language further, by its own name."""
    offered = page.view.seen.shop.languages
    if len(offered) < 2:
        return []
    now = offered.index(page.words.language) if page.words.language in offered else -1
    following = offered[(now + 1) % len(offered)]
    return [Action(name=f"language:{following}", label=OWN_NAMES[following], icon="language")]


def other_label(page: Page, number: int) -> str:
    """Of the button that leads to another connector."""
    return f"№ {number}" if page.is_large else page.words("conn.go_other", n=number)


def frame(
    page: Page,
    title: str,
    *,
    nav: Sequence[Action] | None = None,
    actions: Sequence[Action] = (),
    pages: int = 1,
    has_help: bool = True,
    has_staff: bool = False,
    colour: Colour | None = None,
    subtitle: str = "",
    has_header: bool = True,
) -> Rect:
    """Header and footer; what is between them comes back. `actions`: the main one first. `pages` > 1: a button for the
    next page. `colour` of the title."""
    buttons = [back(page), home(page)] if nav is None else list(nav)
    extra = help_button(page) if has_help and nav is None else None
    if has_header and has_room_for_title(page, title):
        area = header(page, title, has_staff=has_staff, colour=colour, subtitle=subtitle)
    else:
        area = below_edge(page)
    content = footer(page, area, buttons, list(actions), extra, pages)
    show_large_notice(page, content)
    return content


def footer(
    page: Page, area: Rect, nav: Sequence[Action], actions: Sequence[Action], extra: Action | None, pages: int
) -> Rect:
    """Back, Home (`nav`), then the next page, the actions at the right; `extra` where there is room."""
    sizes, gap = page.sizes, page.px(page.sizes.gap)
    if not nav and not actions and pages < 2:
        return Rect(area.x, area.y, area.width, area.height - page.px(sizes.top))
    area = Rect(area.x, area.y, area.width, area.height - page.px(sizes.bezel))
    below = page.px(3 if page.is_tight else 5)
    nav_height = page.px(max(TOUCH_MM, sizes.footer if not page.is_portrait else min(sizes.footer, 25.0)))
    if page.is_portrait:
        row, area = grid.bottom(area, nav_height, gap) if nav or pages > 1 else (Rect(area.x, area.bottom, 0, 0), area)
        moved: list[Action] = []
        if row.width and row.width < page.px(MAIN_WIDTH_MM) + (len(actions) - 1) * (page.px(TOUCH_MM) + gap):
            moved, actions = list(actions[1:]), actions[:1]
        if row.width:
            small = [*nav, *moved] + ([extra] if extra is not None else [])
            _small_row(page, row, small, pages)
        if actions:
            tall = page.px(max(sizes.footer, TOUCH_MM))
            lines = page.lines(actions[0].label, row.width - page.px(2.4), sizes.least)
            if lines < 9:
                tall = max(tall, page.block(lines, sizes.least) + page.px(3))
            row, area = grid.bottom(area, tall, 0)
            _wide_row(page, row, actions)
            area = Rect(area.x, area.y, area.width, area.height - below)
        elif row.width:
            area = Rect(area.x, area.y, area.width, area.height)
        return area
    row, area = grid.bottom(area, nav_height, max(gap, below))
    width = page.px(sizes.nav)
    rest = row
    if page.is_large and actions and len(nav) == 2 and rest.width - 2 * (width + gap) < page.px(MAIN_WIDTH_MM + 22):
        width = page.px(TOUCH_MM)
    for each in nav:
        spot, rest = grid.left(rest, width, gap)
        button(page, spot, each)
    if pages > 1:
        needed = page.px(MAIN_WIDTH_MM) if actions else 0
        wide = width if rest.width - width - gap >= needed else page.px(TOUCH_MM)
        spot, rest = (grid.right if not actions else grid.left)(rest, wide, gap)
        button(page, spot, next_page(page, pages))
    if extra is not None and pages < 2:
        needed = sum(_wish(page, each, i == 0) for i, each in enumerate(actions)) + gap * len(actions)
        if rest.width - width - gap >= needed:
            spot, rest = (grid.left if actions else grid.right)(rest, width, gap)
            button(page, spot, extra)
    _wide_row(page, rest, actions, is_right=True)
    if has_no_header(page) and not actions:
        status_line(page, grid.padded(rest, page.px(2) if pages > 1 else 0, 0))
    return area


def footer_rest(page: Page) -> Rect:
    """What is left of the next page's button in a footer that has nothing else. Landscape."""
    sizes, margin = page.sizes, page.px(page.sizes.bezel)
    height = page.px(max(TOUCH_MM, sizes.footer))
    top = page.look.height - margin - height
    return Rect(margin, top, page.look.width - 2 * margin - page.px(sizes.nav) - page.px(sizes.gap), height)


def beside_nav(page: Page) -> Rect:
    """What is left of Back and Home in a footer that has nothing else. Landscape."""
    rest = footer_rest(page)
    used = 2 * (page.px(page.sizes.nav) + page.px(page.sizes.gap))
    return Rect(rest.x + used, rest.y, page.look.width - 2 * rest.x - used, rest.height)


def beside_languages(page: Page) -> Rect:
    """What is left of the languages' button in a footer that has nothing else but the next page's. Landscape."""
    rest = footer_rest(page)
    used = page.px(page.sizes.nav) + page.px(page.sizes.gap) if languages(page) else 0
    return Rect(rest.x + used, rest.y, rest.width - used, rest.height)


def next_page(page: Page, pages: int) -> Action:
    now = facts.page_of(page.view, pages) + 1
    return Action(name="page:next", label=f"{now}/{pages}", icon="next")


def _wish(page: Page, action: Action, is_main: bool) -> int:
    """Width a button would like."""
    words = page.wide(action.label, page.sizes.button, is_bold=is_main) + page.px(13)
    icon = page.px(page.sizes.button * 3.0) if action.icon else 0
    return max(page.px(MAIN_WIDTH_MM if is_main else TOUCH_MM), words + icon)


def _small_row(page: Page, row: Rect, buttons: list[Action], pages: int) -> None:
    """Buttons of the lowest row in portrait: as wide as their number allows, Back and Home first."""
    gap = page.px(page.sizes.gap)
    if pages > 1:
        buttons = [*buttons, next_page(page, pages)]
    least = page.px(TOUCH_MM)
    fit = max(1, (row.width + gap) // (least + gap))
    while len(buttons) > fit:
        named = [each.name for each in buttons]
        buttons.pop(next((named.index(name) for name in DROPPED if name in named), len(buttons) - 1))
    width = (row.width - gap * (4 - 1)) // 4 if row.width >= 4 * least + 3 * gap else (row.width - gap * 2) // 3
    if len(buttons) > 3:
        width = (row.width - gap * (len(buttons) - 1)) // len(buttons)
    rest = row
    for at, each in enumerate(buttons):
        is_last = at == len(buttons) - 1 and at > 1
        spot, rest = (grid.right if is_last else grid.left)(rest, max(least, width), gap)
        button(page, spot, each)


def _wide_row(page: Page, row: Rect, actions: Sequence[Action], is_right: bool = False) -> None:
    """The main action (first) at the right, the others left of it."""
    gap = page.px(page.sizes.gap)
    if not actions:
        return
    if not is_right:  # portrait: across
        if len(actions) == 1:
            button(page, row, actions[0], is_wide=True)
            return
        others = len(actions) - 1
        least = page.px(TOUCH_MM)
        main = max(page.px(MAIN_WIDTH_MM), row.width * 3 // 5)
        if row.width - main < others * least + others * gap:
            main = row.width - others * (least + gap)
        spot, rest = grid.right(row, main, gap)
        button(page, spot, actions[0], is_wide=True)
        for each, place in zip(actions[1:], grid.columns(rest, others, gap), strict=True):
            button(page, place, each, is_wide=place.width > page.px(34))
        return
    least = page.px(TOUCH_MM)
    fit = 1 + max(0, row.width - page.px(MAIN_WIDTH_MM)) // (least + gap)
    actions = actions[:fit]
    wishes = [_wish(page, each, i == 0) for i, each in enumerate(actions)]
    total = sum(wishes) + gap * (len(wishes) - 1)
    if total > row.width:
        small = [max(least, page.px(page.sizes.nav) - 1) for _ in wishes[1:]]
        if sum(small) + gap * len(small) + wishes[0] > row.width:
            small = [least for _ in small]
        wishes = [row.width - sum(small) - gap * len(small), *small]
        spare = wishes[0] - max(page.px(MAIN_WIDTH_MM), _wish(page, actions[0], True))
        if spare > 0 and len(wishes) > 1:
            wishes = [wishes[0] - spare, *(each + spare // len(small) for each in small)]
    elif len(wishes) == 1 and page.is_large:
        wishes = [row.width]
    rest = row
    for each, wide in zip(actions, wishes, strict=True):
        spot, rest = grid.right(rest, wide, gap)
        button(page, spot, each, is_wide=spot.width > page.px(34))


def button(page: Page, rect: Rect, action: Action, *, is_wide: bool = False, on: Colour | None = None) -> None:
    """A button with its icon beside (`is_wide`) or above its words; without words where they find no room."""
    palette, sizes = page.palette, page.sizes
    ground, ink = {
        "go": (palette.green, palette.on_accent),
        "stop": (palette.red, palette.on_red),
        "main": (palette.accent, palette.on_accent),
    }.get(action.kind, (palette.card, palette.text))
    if contrast(ground, ink) < TEXT_CONTRAST:
        ground = mixed(ground, (0, 0, 0) if luminance(ink) > 0.5 else (255, 255, 255), 0.1)
    is_plain = ground == palette.card
    if not action.is_enabled:
        ground, ink, is_plain = page.background if on is None else on, palette.faint, True
    edge = 0.35 if is_plain else 0.0
    page.fill(rect, ground, sizes.radius, edge, palette.edge, is_dashed=not action.is_enabled)
    page.target(action.name, rect, is_enabled=action.is_enabled, why=action.why)
    inner = grid.padded(rect, page.px(0.5 if page.is_large else 3.0 if is_wide else 1.5), page.px(1.2))
    is_bold = not is_plain
    if is_wide:
        _beside(page, inner, action, ink, ground, is_bold)
    else:
        _above(page, inner, action, ink, ground)


def _beside(page: Page, inner: Rect, action: Action, ink: Colour, ground: Colour, is_bold: bool) -> None:
    cap = page.sizes.button
    side = min(inner.height, page.px(cap * 2.3))
    gap = page.px(cap * 0.7)
    room = inner.width - (side + gap if action.icon else 0)
    one_line = page.wide(action.label, cap, is_bold) <= room
    if action.icon and (one_line or page.lines(action.label, room, cap, is_bold) <= 2):
        wide = page.wide(action.label, cap, is_bold) if one_line else room
        whole = grid.centred(inner, min(inner.width, side + gap + wide + 2), inner.height)
        spot, rest = grid.left(whole, side, gap)
        page.icon(grid.middle(spot, side), action.icon, ink, ground)
        page.text(
            rest, action.label, cap, colour=ink, on=ground, is_bold=is_bold, lines=1 if one_line else 2,
            align=Align.LEFT,
        )  # fmt: skip
        return
    if is_bold and page.lines(action.label, inner.width, page.sizes.least, True) > 2:
        is_bold = False
    most = 1
    if page.wide(action.label, cap, is_bold) > inner.width:
        most = max(n for n in (2, 3, 4) if n == 2 or page.block(n, page.sizes.least) <= inner.height)
    page.text(inner, action.label, cap, colour=ink, on=ground, is_bold=is_bold, lines=most, align=Align.CENTRE)


def _above(page: Page, inner: Rect, action: Action, ink: Colour, ground: Colour) -> None:
    cap = page.sizes.small
    if not action.icon:
        lines = 1 if page.wide(action.label, page.sizes.button) <= inner.width else 2
        page.text(inner, action.label, page.sizes.button, colour=ink, on=ground, align=Align.CENTRE, lines=lines)
        return
    least = page.sizes.least
    room = inner.height - page.block(1, least)
    fits = page.wide(action.label, least) <= inner.width and room >= page.px(7)
    if not fits:
        side = min(inner.width, inner.height, page.px(14 if page.is_large else 12))
        page.icon(grid.centred(inner, side, side), action.icon, ink, ground)
        return
    cap = page.alike([action.label], Rect(0, 0, inner.width, inner.height), cap)
    words = page.block(1, cap)
    side = min(inner.height - words, inner.width, page.px(12))
    whole = grid.middle(inner, side + words)
    spot, rest = grid.top(whole, side)
    page.icon(grid.centred(spot, side, side), action.icon, ink, ground)
    page.text(rest, action.label, cap, colour=ink, on=ground, align=Align.CENTRE)


def low(page: Page, area: Rect) -> tuple[Rect | None, Rect]:
    """In low layout, what of `area` is too high for targets, and the rest; else None and all of it.

    Where the rest would not hold a target (large text on a small wide panel), all of it: reachable at all comes first.
    """
    edge = round(page.look.height * LOW_SHARE) + 1
    needed = page.px(30.0 if page.is_large else TOUCH_MM)
    if not page.look.is_low or area.y >= edge or area.bottom - edge < needed:
        return None, area
    upper, lower = grid.top(area, edge - area.y)
    return upper, lower
