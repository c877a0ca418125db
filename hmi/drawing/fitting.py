"""How a text is laid into its rectangle: broken between words, drawn smaller where it must be, cut with an ellipsis
only when even the least size is too large. Pure, apart from what the fonts measure.

Text comes from anywhere (card numbers, names of vehicles, messages of a server): `clean` makes of it what can be shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict

import msgspec

from hmi.drawing.fonts import STAND_IN, Fonts, line_px
from hmi.drawing.items import Text

LONGEST = 1_000
"""More signs than that are not even measured."""
HELD_FITS = 600
ELLIPSIS = "…"
NO_BREAK = "\u00a0"
NOT_FIRST = frozenset("，。！？）】》、；：…”’％,.!?:;)]}%»")
NOT_LAST = frozenset("（【《“‘([{«№")
UNIT_AFTER_FIGURE = re.compile(r"(?<=\d) (?=[^\W\d_/·%]{1,3}(?:[·/]\w+)?\b|%)")
SHOWN_CONTROLS = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


class Fitted(msgspec.Struct, frozen=True):
    """`lines` as drawn with capitals `cap_px` high; `base_y` of the first, from the top of the rectangle.

    `is_whole`: nothing was cut. `over_px`: by how much the widest line or the block is too large at the least size."""

    cap_px: int
    lines: tuple[str, ...]
    base_y: int
    is_whole: bool = True
    over_px: int = 0


def clean(text: str) -> str:
    """Control signs, marks of direction and the like become visible stand-ins; white space becomes single blanks."""
    text = text[: LONGEST + 1]
    if text.isascii() and text.isprintable():
        return text
    shown = (
        " " if sign in "\t\n\r" else STAND_IN if unicodedata.category(sign) in SHOWN_CONTROLS else sign for sign in text
    )
    return "".join(shown)


def pieces(text: str) -> list[str]:
    """What may not be broken, each with the blanks behind it: words, Chinese characters with their punctuation."""
    found: list[str] = []
    for word in re.findall(r"\S+\s*|\s+", UNIT_AFTER_FIGURE.sub(NO_BREAK, text).replace(NO_BREAK, "\ue000")):
        start = 0
        for at in range(1, len(word)):
            if _may_break(word[at - 1], word[at]):
                found.append(word[start:at])
                start = at
        found.append(word[start:])
    return [piece.replace("\ue000", NO_BREAK) for piece in found]


def _may_break(before: str, after: str) -> bool:
    """Between two signs of one word: beside Chinese characters, but not before or behind most punctuation."""
    is_beside = _is_wide(before) or _is_wide(after)
    return is_beside and not after.isspace() and after not in NOT_FIRST and before not in NOT_LAST


def _is_wide(sign: str) -> bool:
    return "\u2e80" <= sign <= "\u9fff" or "\uff00" <= sign <= "\uffef"


class Fitter:
    """Fits texts and remembers the last ones."""

    def __init__(self, fonts: Fonts) -> None:
        self.fonts = fonts
        self._fits: OrderedDict[tuple[str, int, int, int, int, int, bool], Fitted] = OrderedDict()

    def fit(self, item: Text) -> Fitted:
        least = min(item.least_cap_px or item.cap_px, item.cap_px)
        shape = (item.rect.width, item.rect.height, item.cap_px, least, item.lines, item.is_bold)
        key = (item.text[: LONGEST + 1], *shape)
        found = self._fits.get(key)
        if found is not None:
            self._fits.move_to_end(key)
            return found
        found = self._fit(clean(item.text).strip(), *shape)
        self._fits[key] = found
        if len(self._fits) > HELD_FITS:
            self._fits.popitem(last=False)
        return found

    def _fit(self, text: str, width: int, height: int, cap_px: int, least_px: int, most: int, is_bold: bool) -> Fitted:
        parts = pieces(text)
        size = max(1, cap_px)
        while True:
            lines = self._broken(parts, width, size, is_bold)
            if len(lines) <= most and len(text) <= LONGEST and self._over(lines, width, height, size, is_bold) <= 0:
                if len(lines) > 1:
                    lines = self._balanced(parts, lines, width, size, is_bold)
                return Fitted(size, tuple(lines), self._base_y(lines, height, size, is_bold))
            if size <= least_px or size <= 1:
                break
            size = max(least_px, 1, size - max(1, size // 20))
        over = self._over(lines, width, height, size, is_bold)
        if len(lines) > most:
            over = max(over, sum(self.fonts.width(line, size, is_bold) for line in lines[most:]))
        room = 1 + max(0, height - size * 3 // 2) // line_px(size)
        lines = self._cut(parts, width, max(1, min(most, room)), size, is_bold)
        return Fitted(size, tuple(lines), self._base_y(lines, height, size, is_bold), is_whole=False, over_px=over)

    def _broken(self, parts: list[str], width: int, cap_px: int, is_bold: bool) -> list[str]:
        """As many parts on a line as find room; one that is wider than the line stands alone."""
        lines: list[str] = []
        line, taken = "", 0
        for part in parts:
            bare = self.fonts.width(part.rstrip(), cap_px, is_bold)
            if line and taken + bare > width:
                lines.append(line.rstrip())
                line, taken = "", 0
            line += part
            taken += self.fonts.width(part, cap_px, is_bold)
        return [*lines, line.rstrip()]

    def _balanced(self, parts: list[str], lines: list[str], width: int, cap_px: int, is_bold: bool) -> list[str]:
        """The same number of lines, about equally long."""
        low, high = max(self.fonts.width(part.rstrip(), cap_px, is_bold) for part in parts), width
        while high - low > 4:
            middle = (low + high) // 2
            tried = self._broken(parts, middle, cap_px, is_bold)
            if len(tried) <= len(lines):
                lines, high = tried, middle
            else:
                low = middle
        return lines

    def _over(self, lines: list[str], width: int, height: int, cap_px: int, is_bold: bool) -> int:
        wide = max(self.fonts.width(line, cap_px, is_bold) for line in lines) - width
        above = self.fonts.reach(lines[0], cap_px, is_bold)[0]
        below = self.fonts.reach(lines[-1], cap_px, is_bold)[1]
        return max(wide, above + (len(lines) - 1) * line_px(cap_px) + below - height)

    def _base_y(self, lines: list[str], height: int, cap_px: int, is_bold: bool) -> int:
        """The capitals stand in the middle, so that neighbours of one height share their base line."""
        rest = (len(lines) - 1) * line_px(cap_px)
        above = self.fonts.reach(lines[0], cap_px, is_bold)[0]
        below = self.fonts.reach(lines[-1], cap_px, is_bold)[1]
        base = (height - cap_px - rest) // 2 + cap_px
        return max(above, min(base, height - rest - below))

    def _cut(self, parts: list[str], width: int, most: int, cap_px: int, is_bold: bool) -> list[str]:
        """At most `most` lines; parts wider than a line broken anywhere; an ellipsis where something is missing."""
        narrow: list[str] = []
        for part in parts:
            narrow += self._chopped(part, width, cap_px, is_bold)
        lines = self._broken(narrow, width, cap_px, is_bold)
        if len(lines) <= most:
            return lines
        last = " ".join(lines[most - 1 :])
        room = width - self.fonts.width(ELLIPSIS, cap_px, is_bold)
        return [*lines[: most - 1], self._chopped(last, room, cap_px, is_bold)[0].rstrip() + ELLIPSIS]

    def _chopped(self, part: str, width: int, cap_px: int, is_bold: bool) -> list[str]:
        if self.fonts.width(part.rstrip(), cap_px, is_bold) <= width:
            return [part]
        found, taken = [""], 0
        for sign in part:
            wide = self.fonts.width(sign, cap_px, is_bold)
            if found[-1] and taken + wide > width:
                found.append("")
                taken = 0
            found[-1] += sign
            taken += wide
        return found
