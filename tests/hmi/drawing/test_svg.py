from __future__ import annotations

import pygame
import pytest

from chargepoint.vocabulary import ConnectorStatus
from hmi.drawing import svg
from hmi.drawing.colours import NIGHT, SUN

BLACK, GREEN = (0, 0, 0), (0, 200, 80)
FACES = ("ccs2", "chademo", "gbt_dc", "gbt_ac", "type2", "type1", "socket")


def ink(image: pygame.Surface) -> pygame.Mask:
    return pygame.mask.from_surface(image, 127)


def test_every_status_and_every_connector_has_its_drawings() -> None:
    assert {status.value.lower() for status in ConnectorStatus} | {"reserved"} <= set(svg.names(svg.ICONS))
    assert set(FACES) <= set(svg.names(svg.ICONS))
    wanted = {f"{deed}_{face}" for deed in ("take", "plug", "gun") for face in FACES}
    assert wanted | {"car", "emergency_reset", "hang_back", "unplug"} <= set(svg.names(svg.DRAWINGS))


@pytest.mark.parametrize("name", svg.names(svg.ICONS))
def test_icons_stay_inside_their_frame_and_are_of_one_colour(name: str) -> None:
    image = svg.icon(name, 96, 96, GREEN, BLACK)
    assert image.get_size() == (96, 96)
    drawn = ink(image)
    assert 0.03 < drawn.count() / 96**2 < 0.9
    for step in range(96):
        for spot in ((step, 0), (step, 95), (0, step), (95, step)):
            assert image.get_at(spot).a < 128, f"touches the frame at {spot}"
    seen = {tuple(image.get_at((x, y)))[:3] for x in range(96) for y in range(96) if image.get_at((x, y)).a == 255}
    assert all(min(blue, green) <= green and red <= 2 for red, green, blue in seen)


def test_shapes_of_statuses_are_told_apart_without_colour() -> None:
    names = [*(status.value.lower() for status in ConnectorStatus), "reserved"]
    masks = {name: ink(svg.icon(name, 48, 48, GREEN, BLACK)) for name in names}
    for number, first in enumerate(names):
        for second in names[number + 1 :]:
            both = masks[first].overlap_area(masks[second], (0, 0))
            either = masks[first].count() + masks[second].count() - both
            assert both / either < 0.72, (first, second)


@pytest.mark.parametrize("name", svg.names(svg.DRAWINGS))
@pytest.mark.parametrize("on", [NIGHT.background, SUN.background], ids=["night", "sun"])
def test_drawings_are_seen_on_dark_and_on_light(name: str, on: tuple[int, int, int]) -> None:
    image = svg.drawing(name, 240, 180, on)
    wide, high = image.get_size()
    assert max(wide / 240, high / 180) == pytest.approx(1, abs=0.02)
    assert ink(image).count() > 0.05 * wide * high


def test_a_turned_icon_is_the_same_turned() -> None:
    plain = ink(svg.icon("back", 64, 64, GREEN, BLACK))
    turned = ink(pygame.transform.rotate(svg.icon("back", 64, 64, GREEN, BLACK, turn_deg=90), 90))
    assert plain.overlap_area(turned, (0, 0)) > 0.97 * plain.count()


@pytest.mark.parametrize("name", ["nothing", "../icons/back", "back.svg", ""])
def test_a_drawing_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(svg.NoSuchDrawing):
        svg.icon(name, 10, 10, GREEN, BLACK)


@pytest.mark.parametrize("path", [*svg.ICONS.glob("*.svg"), *svg.DRAWINGS.glob("*.svg")], ids=lambda path: path.stem)
def test_files_hold_shapes_only(path: object) -> None:
    from pathlib import Path

    assert isinstance(path, Path)
    text = path.read_text(encoding="utf-8")
    assert 'viewBox="0 0 ' in text and len(text) < 12_000
    for word in ("<script", "<image", "<text", "<use", "href", "style=", "<!DOCTYPE"):
        assert word not in text
