from __future__ import annotations

import pytest

from hmi.drawing import qr
from hmi.drawing.items import Code, Rect
from hmi.drawing.painter import Painter
from tests.hmi.drawing.making import at, picture, surface
from tests.hmi.drawing.qr_reader import read


@pytest.mark.parametrize(
    "what",
    [
        "a",
        "https://example.org/s/KZ-ALA-0001/2",
        "https://зарядка.example/қазақша?станция=1&коннектор=2",
        "https://example.org/" + "x" * 150,
    ],
)
def test_a_code_says_what_it_was_made_of(what: str) -> None:
    canvas = qr.drawn(what, 300)
    shown = canvas.convert(32)
    assert read(shown) == what


def test_a_code_on_a_dark_picture_is_dark_on_white_with_its_quiet_zone() -> None:
    painter = Painter(surface())
    painter.paint(picture(Code(rect=Rect(100, 50, 250, 200), text="https://example.org")))
    rows = qr.modules("https://example.org")
    quiet = 200 // len(rows) * qr.QUIET
    left = 100 + 25
    assert all(at(painter.surface, left + step, 60) == (255, 255, 255) for step in range(200))
    assert all(at(painter.surface, left + step, 150) == (255, 255, 255) for step in range(quiet))
    part = painter.surface.subsurface((left, 50, 200, 200))
    assert read(part) == "https://example.org"


def test_a_text_that_makes_no_readable_code_is_refused() -> None:
    with pytest.raises(qr.TooLong, match="at most"):
        qr.modules("x" * 2000)
