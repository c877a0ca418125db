from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi.drawing.fitting import ELLIPSIS, Fitter, clean, pieces
from hmi.drawing.fonts import STAND_IN, Fonts
from hmi.drawing.items import Rect
from tests.hmi.drawing.making import text

FITTER = Fitter(Fonts())


def wide(rect_px: int, high_px: int = 200) -> Rect:
    return Rect(0, 0, rect_px, high_px)


def test_what_fits_keeps_its_size_and_its_line() -> None:
    fitted = FITTER.fit(text("Start charging", wide(400), cap_px=20))
    assert (fitted.cap_px, fitted.lines, fitted.is_whole) == (20, ("Start charging",), True)


def test_what_does_not_fit_is_broken_between_words() -> None:
    fitted = FITTER.fit(text("Отключите кабель и попробуйте снова", wide(260), cap_px=20, lines=3))
    assert fitted.is_whole and len(fitted.lines) > 1
    assert " ".join(fitted.lines) == "Отключите кабель и попробуйте снова"


def test_lines_of_a_broken_text_are_about_equally_long() -> None:
    fitted = FITTER.fit(text("one two three four five six seven eight", wide(360), cap_px=20, lines=2))
    widths = [FITTER.fonts.width(line, 20) for line in fitted.lines]
    assert len(widths) == 2 and min(widths) > 0.75 * max(widths)


def test_what_does_not_fit_is_drawn_smaller_but_not_below_the_least_size() -> None:
    fitted = FITTER.fit(text("Зарядталды, кабельді ажыратыңыз", wide(300), cap_px=30, least_cap_px=12))
    assert fitted.is_whole and 12 <= fitted.cap_px < 30
    too_long = FITTER.fit(text("Зарядталды, кабельді ажыратыңыз", wide(100), cap_px=30, least_cap_px=25))
    assert (too_long.cap_px, too_long.is_whole) == (25, False) and too_long.over_px > 0
    assert too_long.lines[-1].endswith(ELLIPSIS)


def test_a_block_that_is_too_high_is_drawn_smaller() -> None:
    fitted = FITTER.fit(text("one two three four", wide(120, 60), cap_px=20, least_cap_px=8, lines=4))
    assert fitted.is_whole and fitted.cap_px < 20


def test_chinese_is_broken_anywhere_but_before_its_punctuation() -> None:
    assert pieces("电池接近充满，速度降低") == ["电", "池", "接", "近", "充", "满，", "速", "度", "降", "低"]
    assert pieces("请拨打 +7 701（急停）")[2:] == ["打 ", "+7 ", "701", "（急", "停）"]


@pytest.mark.parametrize(
    "what, kept",
    [
        ("до 150 кВт", "150\u00a0кВт"),
        ("1 кВт·ч", "1\u00a0кВт·ч"),
        ("20 % left", "20\u00a0%"),
        ("30 s left", "30\u00a0s"),
    ],
)
def test_a_number_stays_with_its_unit(what: str, kept: str) -> None:
    assert kept in "".join(pieces(what))
    assert any(kept in piece for piece in pieces(what))


def test_capitals_stand_in_the_middle_whatever_hangs_below() -> None:
    bases = {FITTER.fit(text(what, wide(200, 60), cap_px=20)).base_y for what in ("Hop", "Hat", "gjq", "ЙЁ")}
    assert bases == {40}


HOSTILE = (
    "\x00\x1b[31mred\x07",
    "\u202egnp.exe\u202c",
    "\u2066a\u2069\u200f\u200b",
    "<script>alert(1)</script>",
    "{phone} %s %(x)s {0.__class__}",
    "\ud800\udfff",
    "e" + "\u0301" * 300,
    "שלום مرحبا नमस्ते 😀",
    "A" * 10_000,
    "слово " * 2_000,
    "中" * 10_000,
    "",
    " ",
    "\n\n\t",
    "\u00a0" * 50,
)


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text_is_shown_as_text_and_stays_in_its_rectangle(what: str) -> None:
    fitted = FITTER.fit(text(what, wide(300, 90), cap_px=20, least_cap_px=12, lines=3))
    assert len(fitted.lines) <= 3
    for line in fitted.lines:
        assert FITTER.fonts.width(line, fitted.cap_px) <= 300
        assert not any(ord(sign) < 32 or sign in "\u202e\u202c\u2066\u2069\u200f\u200b" for sign in line)


def test_marks_of_direction_and_control_signs_are_seen() -> None:
    assert clean("a\u202eb\x1bc\nd") == f"a{STAND_IN}b{STAND_IN}c d"


@given(st.text(max_size=60), st.integers(1, 300), st.integers(1, 80), st.integers(1, 4))
def test_any_text_in_any_rectangle_is_laid_out(what: str, width: int, height: int, lines: int) -> None:
    fitted = FITTER.fit(text(what, Rect(0, 0, width, height), cap_px=16, least_cap_px=8, lines=lines))
    assert 1 <= len(fitted.lines) <= lines
    if fitted.is_whole:
        assert all(FITTER.fonts.width(line, fitted.cap_px) <= width for line in fitted.lines)
