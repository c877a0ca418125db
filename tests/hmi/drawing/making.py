"""Short ways to make items of pictures."""

from __future__ import annotations

import pygame

from hmi.drawing.colours import NIGHT
from hmi.drawing.items import Align, Colour, Fill, Item, Picture, Rect, Target, Text

WIDE, HIGH = 480, 320
LINE = Rect(10, 10, 300, 60)
RED: Colour = (200, 30, 30)
BLUE: Colour = (30, 60, 200)


def picture(*items: Item, targets: tuple[Target, ...] = (), name: str = "MainMenuPH") -> Picture:
    return Picture(
        name=name, width=WIDE, height=HIGH, background=NIGHT.background, items=items, targets=targets, frame_s=None
    )


def fill(x: int, y: int, width: int = 60, height: int = 40, colour: Colour = RED, radius_px: int = 0) -> Fill:
    return Fill(rect=Rect(x, y, width, height), colour=colour, radius_px=radius_px)


def text(
    what: str,
    rect: Rect = LINE,
    cap_px: int = 20,
    least_cap_px: int = 0,
    lines: int = 1,
    is_bold: bool = False,
    align: Align = Align.LEFT,
    is_secret: bool = False,
    colour: Colour = NIGHT.text,
) -> Text:
    return Text(
        rect=rect,
        text=what,
        cap_px=cap_px,
        colour=colour,
        on=NIGHT.background,
        is_bold=is_bold,
        align=align,
        lines=lines,
        least_cap_px=least_cap_px,
        is_secret=is_secret,
    )


def surface() -> pygame.Surface:
    return pygame.Surface((WIDE, HIGH), 0, 32)


def at(canvas: pygame.Surface, x: int, y: int) -> Colour:
    red, green, blue, _ = canvas.get_at((x, y))
    return red, green, blue


def pixels(canvas: pygame.Surface) -> bytes:
    return pygame.image.tobytes(canvas, "RGB")


def inked(canvas: pygame.Surface, ground: Colour = NIGHT.background) -> Rect:
    """The box of all that is not `ground`."""
    mask = pygame.mask.from_threshold(canvas, ground, (1, 1, 1, 255))
    mask.invert()
    boxes = mask.get_bounding_rects()
    whole = boxes[0].unionall(boxes[1:]) if boxes else pygame.Rect(0, 0, 0, 0)
    return Rect(whole.x, whole.y, whole.width, whole.height)
