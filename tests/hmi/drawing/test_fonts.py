from __future__ import annotations

import pytest

from hmi.drawing.fonts import Fonts, line_px
from hmi.drawing.items import Align, Rect
from hmi.drawing.painter import Painter
from hmi.words import OWN_NAMES, catalogue
from tests.hmi.drawing.making import inked, picture, surface, text

FONTS = Fonts()


@pytest.mark.parametrize("language", sorted(OWN_NAMES))
def test_the_fonts_have_every_letter_of_the_texts(language: str) -> None:
    texts = [*OWN_NAMES.values()]
    for value in catalogue(language).values():
        texts += [value] if isinstance(value, str) else value.values()
    assert FONTS.missing("".join(texts)) == ""


def test_the_fonts_have_kazakh_letters_money_and_signs() -> None:
    assert FONTS.missing("әғқңөұүһі ӘҒҚҢӨҰҮҺІ ₸₽¥€$ №℃Ω°µ·×−±≈≤≥ ←↑→↓ ✓✗ …—–«»„“”’") == ""
    assert FONTS.missing("aש") == "ש"


@pytest.mark.parametrize("cap_px", range(12, 110, 7))
@pytest.mark.parametrize("is_bold", [False, True])
def test_capitals_are_as_high_as_asked(cap_px: int, is_bold: bool) -> None:
    painter = Painter(surface())
    painter.paint(picture(text("H", Rect(20, 20, 200, 200), cap_px=cap_px, is_bold=is_bold)))
    assert abs(inked(painter.surface).height - cap_px) <= 1


@pytest.mark.parametrize("what", ["Жарық, gy Ё", "最高 150 kW", "→ 5 ≥ 3"])
@pytest.mark.parametrize("align", list(Align))
def test_ink_stays_where_the_measures_say(what: str, align: Align) -> None:
    rect = Rect(40, 40, 380, 80)
    painter = Painter(surface())
    painter.paint(picture(text(what, rect, cap_px=24, align=align)))
    ink, width = inked(painter.surface), FONTS.width(what, 24)
    left = {Align.LEFT: 40, Align.CENTRE: 40 + (380 - width) // 2, Align.RIGHT: 420 - width}[align]
    assert left - 2 <= ink.x and ink.right <= left + width + 2
    assert rect.y <= ink.y and ink.bottom <= rect.bottom


def test_lines_stand_apart_so_that_nothing_touches() -> None:
    _, below = FONTS.reach("gjpqyщҚҢ,", 40)
    above, _ = FONTS.reach("ÄЁЙÅ", 40)
    assert above + below <= line_px(40)
