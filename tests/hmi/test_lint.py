from __future__ import annotations

import pytest
from msgspec.structs import replace

from hmi.drawing.colours import NIGHT
from hmi.drawing.items import Align, Code, Drawing, Fill, Icon, Item, Picture, Rect, Ring, Target, Text
from hmi.lint import lint
from hmi.view import Look

LOOK = Look(width=1280, height=800, px_per_mm=6.0, palette=NIGHT)
"""213 x 133 mm."""


def page(
    *items: Item, targets: tuple[Target, ...] = (), name: str = "MainMenuPH", frame_s: float | None = None
) -> Picture:
    return Picture(
        name=name, width=1280, height=800, background=NIGHT.background, items=items, targets=targets, frame_s=frame_s
    )


TEXT = Text(
    rect=Rect(100, 100, 600, 60), text="Начать зарядку", cap_px=24, colour=NIGHT.text, on=NIGHT.background, source="a.b"
)
START = Target(name="start", rect=Rect(60, 600, 400, 130))
BACK = Target(name="back", rect=Rect(520, 600, 130, 130))


def whats(picture: Picture, look: Look = LOOK) -> list[str]:
    return [finding.what for finding in lint(picture, look)]


def test_a_page_by_the_rules_has_no_findings() -> None:
    ring = Ring(
        rect=Rect(900, 100, 300, 300), share=0.4, width_px=20, colour=NIGHT.blue, rest=NIGHT.card, on=NIGHT.background
    )
    inside = replace(TEXT, rect=Rect(920, 220, 260, 60), text="40 %", align=Align.CENTRE)
    card = Fill(rect=Rect(80, 200, 400, 200), colour=NIGHT.card)
    on_card = replace(TEXT, rect=Rect(100, 220, 300, 60), on=NIGHT.card)
    assert lint(page(TEXT, ring, inside, card, on_card, targets=(START, BACK)), LOOK) == []


@pytest.mark.parametrize(
    "item, what",
    [
        (replace(TEXT, rect=Rect(100, 100, 100, 60)), "text cut"),
        (replace(TEXT, rect=Rect(100, 100, 600, 20)), "text cut"),
        (replace(TEXT, cap_px=20), "letters too small"),
        (replace(TEXT, rect=Rect(1000, 100, 600, 60)), "text beyond the edge"),
        (replace(TEXT, text="שלום"), "letters no font has"),
        (replace(TEXT, colour=(120, 120, 120)), "too little contrast"),
        (replace(TEXT, on=NIGHT.card), "stands on another colour than it says"),
        (Icon(rect=Rect(9, 9, 90, 90), name="home", colour=(60, 60, 70), on=NIGHT.background), "too little contrast"),
        (Icon(rect=Rect(9, 9, 90, 90), name="hmoe", colour=NIGHT.text, on=NIGHT.background), "no such drawing"),
        (Drawing(rect=Rect(9, 9, 10, 10), name="car", on=NIGHT.background), "drawing too small"),
        (Code(rect=Rect(100, 100, 200, 200), text="https://example.org"), "QR code too small"),
        (Code(rect=Rect(100, 100, 250, 250), text="https://example.org/" + "x" * 700), "QR code too fine"),
        (Code(rect=Rect(100, 100, 250, 250), text="x" * 2000), "QR code too long"),
    ],
)
def test_what_is_wrong_with_an_item_is_found(item: Item, what: str) -> None:
    assert whats(page(item)) == [what]


def test_large_letters_and_icons_need_less_contrast() -> None:
    red = replace(TEXT, colour=NIGHT.red, rect=Rect(100, 100, 800, 100))
    assert whats(page(red)) == ["too little contrast"]
    assert whats(page(replace(red, cap_px=40))) == []


def test_letters_are_larger_in_large_text_and_may_be_smaller_for_the_technician() -> None:
    assert whats(page(TEXT), replace(LOOK, is_large=True)) == ["letters too small"]
    assert whats(page(replace(TEXT, cap_px=15))) == ["letters too small"]
    assert whats(page(replace(TEXT, cap_px=15), name="TechnikMainMenuPH")) == []


def test_texts_on_each_other_are_found_by_their_ink_and_not_by_their_rectangles() -> None:
    left = replace(TEXT, rect=Rect(100, 100, 800, 60), text="Power")
    right = replace(left, text="120 kW", align=Align.RIGHT)
    assert whats(page(left, right)) == []
    assert whats(page(left, replace(right, align=Align.LEFT))) == ["on each other with '120 kW'"]
    icon = Icon(rect=Rect(110, 100, 60, 60), name="home", colour=NIGHT.text, on=NIGHT.background)
    assert whats(page(left, icon)) == ["on each other with 'home'"]


@pytest.mark.parametrize(
    "targets, what",
    [
        ((replace(BACK, rect=Rect(520, 600, 100, 130)),), "target too small"),
        ((replace(START, rect=Rect(60, 600, 200, 130)),), "main action too narrow"),
        ((START, replace(BACK, rect=Rect(470, 600, 130, 130))), "too near to 'back'"),
        ((START, replace(BACK, rect=Rect(440, 600, 130, 130))), "targets on each other: 'back'"),
        ((replace(BACK, rect=Rect(20, 600, 130, 130)),), "too near to the edge"),
        ((BACK, replace(BACK, rect=Rect(60, 100, 130, 130))), "two targets of one name"),
    ],
)
def test_what_is_wrong_with_targets_is_found(targets: tuple[Target, ...], what: str) -> None:
    assert whats(page(targets=targets)) == [what]


def test_a_target_beyond_the_edge_is_found() -> None:
    assert "target beyond the edge" in whats(page(targets=(replace(BACK, rect=Rect(1200, 600, 130, 130)),)))


def test_the_technicians_keys_may_be_smaller() -> None:
    keys = tuple(Target(name=f"staff:{n}", rect=Rect(60 + 90 * n, 300, 72, 72), is_staff=True) for n in range(3))
    assert whats(page(targets=keys)) == []


def test_a_target_behind_all_others_is_in_nobodys_way() -> None:
    assert whats(page(targets=(Target(name="touch", rect=Rect(0, 0, 1280, 800)), START))) == []


def test_the_low_layout_keeps_targets_low() -> None:
    low = replace(LOOK, is_low=True)
    assert whats(page(targets=(START,)), low) == []
    assert whats(page(targets=(replace(BACK, rect=Rect(60, 200, 130, 130)),)), low) == ["too high for the low layout"]


def test_nothing_moves_faster_than_it_may_or_when_nothing_is_to_move() -> None:
    assert whats(page(frame_s=1 / 15)) == []
    assert whats(page(frame_s=1 / 30)) == ["moves too fast"]
    assert whats(page(frame_s=1.0), replace(LOOK, moves=False)) == []
    assert whats(page(frame_s=0.1), replace(LOOK, moves=False)) == ["moves although nothing is to move"]


def test_a_finding_says_where_what_and_by_how_much() -> None:
    (finding,) = lint(page(TEXT, targets=(replace(BACK, rect=Rect(520, 600, 60, 130)),)), LOOK)
    assert str(finding) == "MainMenuPH: target too small: 'back', 10.0 x 21.7 mm instead of 20.0 mm"
