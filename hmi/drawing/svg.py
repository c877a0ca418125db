"""Icons and drawings from their files (`hmi/icons`, `hmi/drawings`), in any size, without blur.

`#000` in a file is the colour of an icon, or in a drawing black or white, whichever is seen on its ground; `#fff` is
what it stands on. All other colours of a drawing are its own.
"""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import pygame

from hmi.drawing.colours import luminance
from hmi.drawing.items import Colour

ICONS = Path(__file__).parent.parent / "icons"
DRAWINGS = Path(__file__).parent.parent / "drawings"
VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
INSIDE = re.compile(r"(<svg[^>]*>)(.*)(</svg>)", re.DOTALL)


INK = re.compile(r"#000\b|#fff\b")
DARK_INK: Colour = (27, 37, 54)
LIGHT_INK: Colour = (226, 233, 243)


class NoSuchDrawing(Exception):
    """There is no file of this name."""


@cache
def source(folder: Path, name: str) -> str:
    """Raises NoSuchDrawing."""
    path = folder / f"{name}.svg"
    if not name.replace("_", "").isalnum() or not path.is_file():
        raise NoSuchDrawing(f"{folder.name}/{name}.svg")
    return path.read_text(encoding="utf-8")


@cache
def names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.svg")))


def proportions(text: str) -> tuple[float, float]:
    """Width and height of what is drawn, in its own units."""
    found = VIEW_BOX.search(text)
    assert found is not None, "every drawing begins its viewBox at 0 0"
    return float(found[1]), float(found[2])


def size_in(text: str, width: int, height: int) -> tuple[int, int]:
    """As large as fits, at least one pixel."""
    across, down = proportions(text)
    scale = min(width / across, height / down)
    return max(1, round(across * scale)), max(1, round(down * scale))


def icon(name: str, width: int, height: int, colour: Colour, on: Colour, turn_deg: int = 0) -> pygame.Surface:
    """Raises NoSuchDrawing."""
    text = _coloured(source(ICONS, name), colour, on)
    if turn_deg % 360:
        across, down = proportions(text)
        turn = f'<g transform="rotate({turn_deg % 360} {across / 2} {down / 2})">'
        text = INSIDE.sub(lambda found: f"{found[1]}{turn}{found[2]}</g>{found[3]}", text)
    return _rendered(text, width, height)


def drawing(name: str, width: int, height: int, on: Colour) -> pygame.Surface:
    """Raises NoSuchDrawing."""
    ink = DARK_INK if luminance(on) > 0.3 else LIGHT_INK
    return _rendered(_coloured(source(DRAWINGS, name), ink, on), width, height)


def _coloured(text: str, colour: Colour, on: Colour) -> str:
    return INK.sub(lambda found: _code(colour if found[0] == "#000" else on), text)


def _rendered(text: str, width: int, height: int) -> pygame.Surface:
    return pygame.image.load_sized_svg(io.BytesIO(text.encode()), size_in(text, width, height))


def _code(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
