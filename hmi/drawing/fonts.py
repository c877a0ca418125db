"""The packaged fonts (`hmi/fonts`), sized by the height of a capital letter.

Latin and Cyrillic come from Noto Sans, arrows and signs from two fonts beside it, Chinese characters from Noto Sans SC;
each is opened when the first of its signs is to be drawn. `pygame.freetype` rather than `pygame.font`: one open file
for all sizes (with 40 sizes 2 MB instead of 10) and half the time for a line.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pygame.freetype

FOLDER = Path(__file__).parent.parent / "fonts"
LATIN, CHINESE, MATHS, SYMBOLS = range(4)
SIGNS = ("NotoSansMath-Regular.ttf", "NotoSansSymbols2-Regular.ttf")
FILES = {
    False: ("NotoSans-Regular.ttf", "NotoSansSC-Regular.otf", *SIGNS),
    True: ("NotoSans-Bold.ttf", "NotoSansSC-Bold.otf", *SIGNS),
}
CAP_OF_EM = 0.714  # of Noto Sans
LINE_OF_CAP = 1.8
"""From one base line to the next, in heights of a capital letter."""
STAND_IN = "\ufffd"
"""Drawn for what no font has."""
FIRST_CHINESE = "\u2e80"
HELD_GLYPHS = 30_000


class Glyph(NamedTuple):
    """`face`: a place in `FILES`, None: in no font. Pixels; `top` above, `bottom` below the base line."""

    face: int | None
    advance: int
    top: int
    bottom: int


@cache
def faces(is_bold: bool, number: int) -> pygame.freetype.Font:
    """An open font; opened once in a process."""
    if not pygame.freetype.get_init():
        pygame.freetype.init(cache_size=128)
    face = pygame.freetype.Font(str(FOLDER / FILES[is_bold][number]), size=32)
    face.origin = True
    face.antialiased = True
    return face


@cache
def em_size(cap_px: int) -> float:
    """The font size at which a capital H is `cap_px` high, to the pixel where the hints of the font allow it."""
    size = max(4.0, cap_px / CAP_OF_EM)
    for step in (0.0, 0.5, -0.5, 1.0, -1.0):
        if _signed(_metrics(faces(False, LATIN), "H", size + step)[3]) == cap_px:
            return size + step
    return size


class Fonts:
    """What the signs of a text measure. Not for several threads."""

    def __init__(self) -> None:
        self._glyphs: dict[tuple[str, int, bool], Glyph] = {}
        self._advances: dict[tuple[int, bool], dict[str, int]] = {}
        """By size and weight, so that the sum of a text is quick: layouts ask for the widths of thousands."""

    def glyph(self, sign: str, cap_px: int, is_bold: bool) -> Glyph:
        key = (sign, cap_px, is_bold)
        found = self._glyphs.get(key)
        if found is None:
            if len(self._glyphs) >= HELD_GLYPHS:
                self._glyphs.clear()
                self._advances.clear()
            found = self._glyphs[key] = _measured(sign, cap_px, is_bold)
        return found

    def width(self, text: str, cap_px: int, is_bold: bool = False) -> int:
        advances = self._advances.get((cap_px, is_bold), {})
        try:
            return sum(map(advances.__getitem__, text))
        except KeyError:
            advances.update((sign, self.glyph(sign, cap_px, is_bold).advance) for sign in set(text))
            self._advances[cap_px, is_bold] = advances
            return sum(map(advances.__getitem__, text))

    def reach(self, text: str, cap_px: int, is_bold: bool = False) -> tuple[int, int]:
        """How far the ink goes above and below the base line."""
        glyphs = [self.glyph(sign, cap_px, is_bold) for sign in set(text)]
        return max((one.top for one in glyphs), default=0), max((one.bottom for one in glyphs), default=0)

    def missing(self, text: str) -> str:
        """The signs of `text` that no font has."""
        return "".join(sorted(sign for sign in set(text) if self.glyph(sign, 20, False).face is None))

    def runs(self, text: str, cap_px: int, is_bold: bool) -> list[tuple[pygame.freetype.Font, str, int]]:
        """Pieces of one font each, with their width; what no font has is drawn as `STAND_IN`."""
        runs: list[tuple[int, str, int]] = []
        for sign in text:
            face, advance, _, _ = self.glyph(sign, cap_px, is_bold)
            shown = STAND_IN if face is None else sign
            if runs and runs[-1][0] == (face or LATIN):
                runs[-1] = (runs[-1][0], runs[-1][1] + shown, runs[-1][2] + advance)
            else:
                runs.append((face or LATIN, shown, advance))
        return [(faces(is_bold, face), piece, width) for face, piece, width in runs]


def line_px(cap_px: int) -> int:
    """From one base line to the next."""
    return round(cap_px * LINE_OF_CAP)


def _measured(sign: str, cap_px: int, is_bold: bool) -> Glyph:
    size = em_size(cap_px)
    is_chinese = sign >= FIRST_CHINESE and sign != STAND_IN
    for number in (CHINESE, LATIN) if is_chinese else (LATIN, MATHS, SYMBOLS):
        metrics = faces(is_bold, number).get_metrics(sign, size=size)
        if metrics and metrics[0] is not None:
            _, _, low, high, advance, _ = metrics[0]
            return Glyph(number, round(advance), max(0, _signed(high)), max(0, -_signed(low)))
    stand_in = _metrics(faces(is_bold, LATIN), STAND_IN, size)
    return Glyph(None, round(stand_in[4]), max(0, _signed(stand_in[3])), max(0, -_signed(stand_in[2])))


def _metrics(face: pygame.freetype.Font, sign: str, size: float) -> tuple[int, int, int, int, float, float]:
    (metrics,) = face.get_metrics(sign, size=size)
    assert metrics is not None, f"the font lacks {sign!r}"
    return metrics


def _signed(value: int) -> int:
    """pygame gives coordinates below 0 as if they were unsigned."""
    return value - 2**32 if value >= 2**31 else value
