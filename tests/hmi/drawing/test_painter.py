from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmi.drawing.colours import NIGHT
from hmi.drawing.fitting import ELLIPSIS
from hmi.drawing.items import (
    Align,
    Bar,
    Chart,
    Code,
    Drawing,
    Fill,
    Icon,
    Item,
    Line,
    Rect,
    Ring,
    Series,
    Target,
)
from hmi.drawing.painter import Painter
from tests.hmi.drawing.making import BLUE, RED, at, fill, inked, picture, pixels, surface, text

GROUND = NIGHT.background


def items_of_all_kinds(seed: int) -> list[Item]:
    chance = random.Random(seed)

    def rect() -> Rect:
        return Rect(
            chance.randrange(-20, 400), chance.randrange(-20, 260), chance.randrange(8, 200), chance.randrange(8, 140)
        )

    kinds: list[Item] = [
        Fill(rect=rect(), colour=RED, radius_px=12, edge_px=3, edge=BLUE),
        Fill(rect=rect(), colour=None, radius_px=300, edge_px=3, edge=BLUE, dash=True),
        text(some_text(chance), rect(), lines=2, least_cap_px=9, align=chance.choice(list(Align))),
        Icon(rect=rect(), name="reserved", colour=NIGHT.violet, on=GROUND, turn_deg=chance.choice((0, 30))),
        Drawing(rect=rect(), name="take_ccs2", on=GROUND),
        Ring(rect=rect(), share=chance.random(), width_px=9, colour=BLUE, rest=RED, on=GROUND),
        Ring(rect=rect(), share=None, width_px=5, colour=BLUE, rest=RED, on=GROUND, turn_deg=chance.randrange(360)),
        Bar(rect=rect(), share=chance.random(), colour=BLUE, rest=RED),
        line(rect(), chance),
        Chart(rect=rect(), series=(Series((1.0, None, 3.0, 2.0), 4.0, BLUE, is_area=True),), grid=RED, on=GROUND),
        Code(rect=rect(), text=f"https://example.org/{chance.randrange(3)}"),
    ]
    chance.shuffle(kinds)
    return kinds[: chance.randrange(len(kinds) + 1)]


def some_text(chance: random.Random) -> str:
    return chance.choice(("Қазақша", "Start charging now", "充电中", "150 kW", "gjpqy ÄЙ"))


def line(rect: Rect, chance: random.Random) -> Line:
    inside = rect.inset(4)
    points = tuple((chance.randint(inside.x, inside.right), chance.randint(inside.y, inside.bottom)) for _ in range(3))
    return Line(rect=rect, points=points, colour=RED, width_px=chance.randint(1, 5), dash=chance.random() < 0.5)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 11))
@settings(max_examples=40)
def test_painting_what_changed_gives_the_same_pixels_as_painting_all(first: int, second: int, kept: int) -> None:
    before = items_of_all_kinds(first)
    after = [*before[:kept], *items_of_all_kinds(second)]
    painter, anew = Painter(surface()), Painter(surface())
    painter.paint(picture(*before))
    painter.paint(picture(*after))
    anew.paint(picture(*after))
    assert pixels(painter.surface) == pixels(anew.surface)


def test_the_same_picture_paints_nothing() -> None:
    painter = Painter(surface())
    made = picture(*items_of_all_kinds(1))
    assert painter.paint(made) == [Rect(0, 0, 480, 320)]
    assert painter.paint(made) == []
    assert painter.paint(picture(*items_of_all_kinds(1))) == []


@pytest.mark.parametrize("seed", range(8))
def test_items_paint_inside_their_rectangles(seed: int) -> None:
    for item in items_of_all_kinds(seed):
        painter = Painter(surface())
        painter.paint(picture(item))
        ink, room = inked(painter.surface), item.rect.inset(-2)
        if ink.width:
            assert room.x <= ink.x and ink.right <= room.right and room.y <= ink.y and ink.bottom <= room.bottom, item


def test_a_pressed_target_looks_different_at_once_and_as_before_when_let_go() -> None:
    button = Fill(rect=Rect(100, 100, 200, 80), colour=BLUE, radius_px=20)
    made = picture(button, fill(0, 0), targets=(Target(name="start", rect=button.rect),))
    painter = Painter(surface())
    painter.paint(made)
    plain = pixels(painter.surface)
    assert painter.paint(made, "start") == [button.rect]
    assert at(painter.surface, 200, 140) != BLUE and at(painter.surface, 103, 140) != BLUE
    assert at(painter.surface, 101, 101) == GROUND, "as round as the button"
    assert painter.paint(made, "") == [button.rect]
    assert pixels(painter.surface) == plain


def test_a_target_that_is_off_does_not_look_pressed() -> None:
    made = picture(targets=(Target(name="start", rect=Rect(0, 0, 100, 100), is_enabled=False),))
    painter = Painter(surface())
    painter.paint(made)
    assert painter.paint(made, "start") == []


def test_what_cannot_be_drawn_is_a_frame_and_the_rest_is_drawn(caplog: pytest.LogCaptureFixture) -> None:
    painter = Painter(surface())
    bad = Icon(rect=Rect(10, 10, 50, 50), name="nothing", colour=RED, on=GROUND)
    painter.paint(picture(bad, Code(rect=Rect(100, 100, 90, 90), text="x" * 3000), fill(300, 200)))
    painter.paint(picture(bad, fill(300, 200), fill(20, 200)))
    assert at(painter.surface, 310, 210) == RED
    assert inked(painter.surface).x == 10
    assert len(caplog.records) == 2 and "icons/nothing.svg" in caplog.text


def test_secrets_are_covered_in_a_copy_and_only_there() -> None:
    def painted(secret: str) -> tuple[bytes, bytes]:
        painter = Painter(surface())
        painter.paint(picture(text(secret, is_secret=True), fill(300, 200)))
        return pixels(painter.surface), pixels(painter.masked_copy())

    (shown, copied), (other_shown, other_copied) = painted("1234"), painted("987654")
    assert copied == other_copied
    assert len({shown, other_shown, copied}) == 3


def test_another_surface_is_painted_whole() -> None:
    painter = Painter(surface())
    made = picture(fill(10, 10))
    painter.paint(made)
    painter.move_to(surface())
    assert painter.paint(made) == [Rect(0, 0, 480, 320)]
    assert at(painter.surface, 20, 20) == RED


def test_the_cache_stays_within_its_bytes() -> None:
    painter = Painter(surface(), cache_bytes=300_000)
    for number in range(200):
        painter.paint(picture(text(f"{number} kW", cap_px=40), text(f"{number} %", Rect(10, 100, 300, 60), cap_px=30)))
        assert painter.cache.held_bytes <= 300_000
    made = painter.cache.made
    painter.paint(picture())
    painter.paint(picture(text("199 kW", cap_px=40)))
    assert painter.cache.made == made, "the last ones are still there"


def test_ten_thousand_signs_end_in_an_ellipsis() -> None:
    painter = Painter(surface())
    item = text("9" * 10_000, Rect(40, 40, 200, 60))
    painter.paint(picture(item))
    assert painter.fit(item).lines[-1].endswith(ELLIPSIS)
    assert inked(painter.surface).right <= 242


@pytest.mark.parametrize("share, filled", [(0.0, 0), (0.25, 1), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_a_ring_is_filled_clockwise_from_the_top(share: float, filled: int) -> None:
    painter = Painter(surface())
    ring = Ring(rect=Rect(100, 50, 200, 200), share=share, width_px=20, colour=BLUE, rest=RED, on=GROUND)
    painter.paint(picture(ring))
    around = ((264, 86), (264, 214), (136, 214), (136, 86))  # north-east, south-east, south-west, north-west
    seen = [at(painter.surface, x, y) for x, y in around]
    assert seen == [BLUE] * filled + [RED] * (4 - filled)
    assert at(painter.surface, 200, 150) == GROUND


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.4, 1.0, 7.0])
def test_a_bar_is_filled_by_its_share(share: float) -> None:
    painter = Painter(surface())
    painter.paint(picture(Bar(rect=Rect(100, 100, 200, 20), share=share, colour=BLUE, rest=RED)))
    blue = sum(at(painter.surface, x, 110) == BLUE for x in range(100, 300))
    assert blue == pytest.approx(200 * max(0, min(1, share)), abs=12)


def test_a_chart_has_gaps_where_there_were_no_values() -> None:
    painter = Painter(surface())
    series = Series((5.0, 5.0, None, None, 5.0, 5.0), 10.0, BLUE)
    painter.paint(picture(Chart(rect=Rect(0, 0, 400, 200), series=(series,), grid=GROUND, on=GROUND)))
    line = [at(painter.surface, x, 100) == BLUE for x in (20, 70, 120, 200, 280, 330, 380)]
    assert line == [True, True, False, False, False, True, True]


def test_not_a_number_in_a_chart_is_a_gap() -> None:
    painter = Painter(surface())
    series = Series((float("nan"), float("inf"), -5.0, None), 0.0, BLUE)
    painter.paint(picture(Chart(rect=Rect(0, 0, 400, 200), series=(series,), grid=RED, on=GROUND)))
    assert painter.picture is not None
