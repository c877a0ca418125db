"""Rules of layout, measured on pictures with the real fonts (hmi.md 6): nothing cut, nothing on top of another thing,
letters and targets large enough in millimetres, contrast, letters that no font has.

    for finding in lint(picture, look): print(finding)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from hmi.drawing import svg
from hmi.drawing.changes import around, common, overlap
from hmi.drawing.colours import contrast
from hmi.drawing.fitting import Fitted, Fitter, clean
from hmi.drawing.fonts import Fonts, line_px
from hmi.drawing.items import (
    Align,
    Bar,
    Chart,
    Code,
    Colour,
    Drawing,
    Fill,
    Icon,
    Item,
    Picture,
    Rect,
    Ring,
    Target,
    Text,
)
from hmi.drawing.qr import TooLong, modules
from hmi.view import Look

TEXT_CONTRAST = 7.0
LARGE_CONTRAST = 4.5
"""For letters of at least `LARGE_CAP_MM`, icons, rings and bars."""
LARGE_CAP_MM = 4.5
CAP_MM = 3.7
CAP_LARGE_TEXT_MM = 7.3
CAP_STAFF_MM = 2.4
TOUCH_MM = 20.0
TOUCH_STAFF_MM = 12.0
GAP_MM = 5.0
GAP_STAFF_MM = 2.0
BEZEL_MM = 8.0
QR_MM = 40.0
MODULE_MM = 0.5
"""What a telephone still reads from a hand's breadth."""
MAIN_WIDTH_MM = 60.0
MAIN = frozenset(("start", "stop", "more"))
LOW_SHARE = 0.4
"""In the low layout targets begin below that share of the height."""
WHOLE_SHARE = 0.85
"""A target that covers as much of the picture is behind the others."""
FASTEST_S = 1 / 15
MOVES_BELOW_S = 0.5
"""A picture drawn again less often shows seconds."""
SLACK_MM = 0.2
"""Whole pixels."""
STAFF_SCREENS = ("Technik", "ChargeController", "RfidReader")

fitter = Fitter(Fonts())


class Finding(msgspec.Struct, frozen=True):
    """`item`: the text, the target's name or the kind of item; `by`: how much, in words."""

    screen: str
    item: str
    what: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.screen}: {self.what}: {self.item!r}{f', {self.by}' if self.by else ''}"


def lint(picture: Picture, look: Look) -> list[Finding]:
    """All that is against the rules, in the order of the items."""
    rules = (_texts, _ground, _graphics, _codes, _on_each_other, _targets, _target_places, _motion)
    return [Finding(picture.name, *found) for rule in rules for found in rule(picture, look)]


Found = Iterator[tuple[str, str, str]]
Kind = TypeVar("Kind", Text, Code)


def is_staff(picture: Picture) -> bool:
    return picture.name.startswith(STAFF_SCREENS)


def _texts(picture: Picture, look: Look) -> Found:
    least_mm = CAP_STAFF_MM if is_staff(picture) else CAP_LARGE_TEXT_MM if look.is_large else CAP_MM
    whole = Rect(0, 0, picture.width, picture.height)
    for text in _of(picture, Text):
        fitted = fitter.fit(text)
        cap_mm = fitted.cap_px / look.px_per_mm
        if not fitted.is_whole:
            yield text.text, "text cut", f"{fitted.over_px} px too large at the least size"
        if cap_mm < least_mm - SLACK_MM:
            yield text.text, "letters too small", f"{cap_mm:.1f} mm instead of {least_mm} mm"
        if common(text.rect, whole) != text.rect:
            yield text.text, "text beyond the edge", str(text.rect)
        missing = fitter.fonts.missing(clean(text.text))
        if missing:
            yield text.text, "letters no font has", " ".join(f"U+{ord(sign):04X}" for sign in missing)
        needed = LARGE_CONTRAST if cap_mm >= LARGE_CAP_MM else TEXT_CONTRAST
        seen = contrast(text.colour, text.on)
        if seen < needed:
            yield text.text, "too little contrast", f"{seen:.1f} instead of {needed}"


def _ground(picture: Picture, look: Look) -> Found:
    """Texts and icons stand on the colour they say they stand on."""
    for number, item in enumerate(picture.items):
        if isinstance(item, Text | Icon | Ring):
            there = _under(picture, number)
            if there is not None and there != item.on:
                yield _called(item), "stands on another colour than it says", f"{there} instead of {item.on}"


def _under(picture: Picture, number: int) -> Colour | None:
    """The colour beneath the middle of an item; None where it is not of one colour."""
    rect = picture.items[number].rect
    x, y = rect.x + rect.width // 2, rect.y + rect.height // 2
    for item in reversed(picture.items[:number]):
        if item.rect.holds(x, y):
            if isinstance(item, Fill) and item.colour is not None:
                return item.colour
            if isinstance(item, Bar | Drawing | Code):
                return None
    return picture.background


def _graphics(picture: Picture, look: Look) -> Found:
    for item in picture.items:
        if isinstance(item, Icon | Ring):
            seen = contrast(item.colour, item.on)
            if seen < LARGE_CONTRAST:
                yield _called(item), "too little contrast", f"{seen:.1f} instead of {LARGE_CONTRAST}"
        folder = svg.ICONS if isinstance(item, Icon) else svg.DRAWINGS
        if isinstance(item, Icon | Drawing):
            if item.name not in svg.names(folder):
                yield item.name, "no such drawing", folder.name
            if min(item.rect.width, item.rect.height) < 3 * look.px_per_mm:
                yield item.name, "drawing too small", f"{item.rect.width}x{item.rect.height} px"


def _codes(picture: Picture, look: Look) -> Found:
    for code in _of(picture, Code):
        side_mm = min(code.rect.width, code.rect.height) / look.px_per_mm
        if side_mm < QR_MM - SLACK_MM:
            yield code.text, "QR code too small", f"{side_mm:.1f} mm instead of {QR_MM} mm"
        try:
            module_px = min(code.rect.width, code.rect.height) // len(modules(code.text))
        except TooLong as error:
            yield code.text, "QR code too long", str(error)
            continue
        if module_px < 1 or module_px / look.px_per_mm < MODULE_MM:
            yield code.text, "QR code too fine", f"modules of {module_px} px"


def _on_each_other(picture: Picture, look: Look) -> Found:
    """Texts, icons, codes and drawings do not touch each other. A ring may have something in its middle."""
    inked = [(item, ink) for item in picture.items if (ink := _ink(item)) is not None and ink.width and ink.height]
    for at, with_at in sorted(_overlapping([ink for _, ink in inked])):
        (first, one), (second, other) = inked[at], inked[with_at]
        if not (isinstance(first, Drawing) and isinstance(second, Drawing)):
            shared = common(one, other)
            yield _called(first), f"on each other with {_called(second)!r}", f"{shared.width}x{shared.height} px"


def _overlapping(rects: list[Rect]) -> Iterator[tuple[int, int]]:
    """Places of two that overlap, the lower place first. From top to bottom: most are far from each other."""
    boxes = sorted((rect.y, rect.x, rect.bottom, rect.right, place) for place, rect in enumerate(rects))
    for number, (_, left, bottom, right, place) in enumerate(boxes):
        for other_top, other_left, _, other_right, other in itertools.islice(boxes, number + 1, None):
            if other_top >= bottom:
                break
            if other_left < right and left < other_right:
                yield min(place, other), max(place, other)


def _ink(item: Item) -> Rect | None:
    if isinstance(item, Text):
        return ink_of(item, fitter.fit(item))
    if isinstance(item, Icon | Drawing):
        if item.name not in svg.names(svg.ICONS if isinstance(item, Icon) else svg.DRAWINGS):
            return item.rect
        text = svg.source(svg.ICONS if isinstance(item, Icon) else svg.DRAWINGS, item.name)
        wide, high = svg.size_in(text, max(1, item.rect.width), max(1, item.rect.height))
        left, top = (item.rect.width - wide) // 2, (item.rect.height - high) // 2
        return Rect(item.rect.x + left, item.rect.y + top, wide, high)
    return item.rect if isinstance(item, Code | Chart) else None


def ink_of(item: Text, fitted: Fitted) -> Rect:
    """The box of what is really written."""
    fonts, cap_px = fitter.fonts, fitted.cap_px
    found: Rect | None = None
    for number, line in enumerate(fitted.lines):
        wide = fonts.width(line, cap_px, item.is_bold)
        above, below = fonts.reach(line, cap_px, item.is_bold)
        free = item.rect.width - wide
        x = item.rect.x + (0 if item.align is Align.LEFT else free // 2 if item.align is Align.CENTRE else free)
        y = item.rect.y + fitted.base_y + number * line_px(cap_px)
        box = Rect(x, y - above, wide, above + below)
        found = box if found is None else around(found, box)
    return found if found is not None else Rect(item.rect.x, item.rect.y, 0, 0)


def _targets(picture: Picture, look: Look) -> Found:
    names = [target.name for target in picture.targets]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield name, "two targets of one name", ""
    for target in picture.targets:
        least = TOUCH_STAFF_MM if target.is_staff or is_staff(picture) else TOUCH_MM
        wide_mm, high_mm = target.rect.width / look.px_per_mm, target.rect.height / look.px_per_mm
        if min(wide_mm, high_mm) < least - SLACK_MM:
            yield target.name, "target too small", f"{wide_mm:.1f} x {high_mm:.1f} mm instead of {least} mm"
        if target.name in MAIN and wide_mm < MAIN_WIDTH_MM - SLACK_MM:
            yield target.name, "main action too narrow", f"{wide_mm:.1f} mm instead of {MAIN_WIDTH_MM} mm"
    fronts = [target for target in picture.targets if not _is_behind(picture, target)]
    is_of_staff = is_staff(picture)
    for first, second in itertools.combinations(fronts, 2):
        staff = is_of_staff or first.is_staff or second.is_staff
        needed = GAP_STAFF_MM if staff else GAP_MM
        gap_mm = _gap_px(first.rect, second.rect) / look.px_per_mm
        if overlap(first.rect, second.rect):
            yield first.name, f"targets on each other: {second.name!r}", ""
        elif gap_mm < needed - SLACK_MM:
            yield first.name, f"too near to {second.name!r}", f"{gap_mm:.1f} mm instead of {needed} mm"


def _target_places(picture: Picture, look: Look) -> Found:
    whole = Rect(0, 0, picture.width, picture.height)
    for target in picture.targets:
        rect = target.rect
        if common(rect, whole) != rect:
            yield target.name, "target beyond the edge", str(rect)
        if _is_behind(picture, target):
            continue
        edge_px = min(rect.x, rect.y, picture.width - rect.right, picture.height - rect.bottom)
        if not (target.is_staff or is_staff(picture)) and edge_px / look.px_per_mm < BEZEL_MM - SLACK_MM:
            yield target.name, "too near to the edge", f"{edge_px / look.px_per_mm:.1f} mm instead of {BEZEL_MM} mm"
        if look.is_low and rect.y < LOW_SHARE * picture.height - 1 and not target.is_staff:
            yield target.name, "too high for the low layout", f"begins at {rect.y / picture.height:.0%} of the height"


def _motion(picture: Picture, look: Look) -> Found:
    if picture.frame_s is not None:
        if picture.frame_s < FASTEST_S - 0.001:
            yield picture.name, "moves too fast", f"every {picture.frame_s:.3f} s"
        if not look.moves and picture.frame_s < MOVES_BELOW_S:
            yield picture.name, "moves although nothing is to move", ""


def _is_behind(picture: Picture, target: Target) -> bool:
    return target.rect.width * target.rect.height >= WHOLE_SHARE * picture.width * picture.height


def _gap_px(first: Rect, second: Rect) -> int:
    across = max(first.x, second.x) - min(first.right, second.right)
    down = max(first.y, second.y) - min(first.bottom, second.bottom)
    return max(across, down)


def _of(picture: Picture, kind: type[Kind]) -> Iterator[Kind]:
    return (item for item in picture.items if isinstance(item, kind))


def _called(item: Item) -> str:
    if isinstance(item, Text | Code):
        return item.text
    return item.name if isinstance(item, Icon | Drawing) else type(item).__name__
