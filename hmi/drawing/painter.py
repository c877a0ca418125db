"""Paints pictures on a surface, and only what differs from the one before.

    painter = Painter(window.canvas)
    window.show(painter.paint(picture, pressed="start"))

Nothing in a picture stops the painter: what cannot be drawn becomes an empty frame and is said once.
"""

from __future__ import annotations

import logging

import pygame

from hmi.drawing import chart, qr, shapes, svg
from hmi.drawing.cache import Cache
from hmi.drawing.changes import bounds, changed, common, merged, overlap
from hmi.drawing.colours import BLACK, WHITE, luminance
from hmi.drawing.fitting import Fitted, Fitter
from hmi.drawing.fonts import Fonts, em_size, line_px
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
    Picture,
    Rect,
    Ring,
    Target,
    Text,
)

log = logging.getLogger(__name__)
CACHE_BYTES = 8 * 2**20
PRESSED_ALPHA = 70
MARGIN_PX = 2
"""Around a rendered line, for letters that lean out."""


class Painter:
    """Holds what is on `surface` now. Not for several threads."""

    def __init__(self, surface: pygame.Surface, cache_bytes: int = CACHE_BYTES) -> None:
        self.surface = surface
        self.cache = Cache(cache_bytes)
        self.fitter = Fitter(Fonts())
        self.picture: Picture | None = None
        self._pressed = ""
        self._said: set[str] = set()

    def paint(self, picture: Picture, pressed: str = "") -> list[Rect]:
        """Brings `picture` on the surface, the target named `pressed` shown as held down. What had to be painted."""
        before, was_pressed = self.picture, self._pressed
        whole = Rect(0, 0, picture.width, picture.height)
        if before is None:
            dirty = [whole]
        else:
            dirty = changed(before, picture) if before is not picture else []
            held = {_target(before, was_pressed), _target(picture, pressed)}
            if len(held) > 1:
                dirty = merged([*dirty, *(target.rect for target in held if target)], whole)
        self._pressed = pressed
        self.picture = None  # nobody knows what is on the surface if painting fails
        for rect in dirty:
            self._repaint(picture, rect)
        self.picture = picture
        return dirty

    def move_to(self, surface: pygame.Surface) -> None:
        """The surface is another one (the display was opened anew): the next picture is painted whole."""
        self.surface = surface
        self.picture = None

    def masked_copy(self) -> pygame.Surface:
        """What is on the surface, secrets (`Text.is_secret`) painted over."""
        copy = self.surface.copy()
        for item in self.picture.items if self.picture else ():
            if isinstance(item, Text) and item.is_secret:
                copy.fill(item.on, _box(bounds(item)))
                dot = max(2, item.cap_px // 4)
                for number in range(6):
                    middle = (item.rect.x + dot * (2 + 3 * number), item.rect.y + item.rect.height // 2)
                    shapes.dot(copy, middle, dot, item.colour)
        return copy

    def fit(self, item: Text) -> Fitted:
        """How `item` is laid into its rectangle."""
        return self.fitter.fit(item)

    def _repaint(self, picture: Picture, rect: Rect) -> None:
        self.surface.set_clip(_box(rect))
        self.surface.fill(picture.background)
        for item in picture.items:
            if overlap(bounds(item), rect):
                try:
                    self._draw(item, rect)
                except (svg.NoSuchDrawing, qr.TooLong, pygame.error, ValueError) as error:
                    self._say(f"{picture.name}: {type(item).__name__} cannot be drawn: {error}")
                    shapes.frame(self.surface, item.rect, (128, 128, 128), 0, 1, self.cache)
        held = _target(picture, self._pressed)
        if held is not None and overlap(held.rect, rect):
            self._draw_pressed(picture, held)
        self.surface.set_clip(None)

    def _draw(self, item: Item, clip: Rect) -> None:
        match item:
            case Fill():
                shapes.fill(self.surface, item, self.cache)
            case Text():
                self._draw_text(item, clip)
            case Icon():
                size = (item.rect.width, item.rect.height)
                key = ("icon", item.name, size, item.colour, item.on, item.turn_deg)
                made = self.cache.get(key, lambda: svg.icon(item.name, *size, item.colour, item.on, item.turn_deg))
                self._draw_middle(made, item.rect)
            case Drawing():
                size = (item.rect.width, item.rect.height)
                made = self.cache.get(
                    ("drawing", item.name, size, item.on), lambda: svg.drawing(item.name, *size, item.on)
                )
                self._draw_middle(made, item.rect)
            case Ring():
                shapes.ring(self.surface, item, self.cache)
            case Bar():
                shapes.bar(self.surface, item, self.cache)
            case Line():
                shapes.line(self.surface, item)
            case Chart():
                chart.chart(self.surface, item)
            case Code():
                side = min(item.rect.width, item.rect.height)
                made = self.cache.get(("code", item.text, side), lambda: qr.drawn(item.text, side))
                self._draw_middle(made, item.rect)

    def _draw_middle(self, made: pygame.Surface, rect: Rect) -> None:
        wide, high = made.get_size()
        self.surface.blit(made, (rect.x + (rect.width - wide) // 2, rect.y + (rect.height - high) // 2))

    def _draw_text(self, item: Text, clip: Rect) -> None:
        fitted = self.fitter.fit(item)
        if not any(fitted.lines):
            return
        fonts, bold = self.fitter.fonts, item.is_bold
        above = fonts.reach(fitted.lines[0], fitted.cap_px, bold)[0] + MARGIN_PX
        key = ("text", fitted.lines, fitted.cap_px, bold, item.colour, item.align)
        made = self.cache.get(key, lambda: self._lettering(item, fitted, above))
        wide, left = made.get_width() - 2 * MARGIN_PX, item.rect.x
        if item.align is Align.CENTRE:
            left += (item.rect.width - wide) // 2
        elif item.align is Align.RIGHT:
            left += item.rect.width - wide
        inside = common(bounds(item), clip)
        self.surface.set_clip(_box(inside))
        self.surface.blit(made, (left - MARGIN_PX, item.rect.y + fitted.base_y - above))
        self.surface.set_clip(_box(clip))

    def _lettering(self, item: Text, fitted: Fitted, above: int) -> pygame.Surface:
        fonts, cap_px, bold = self.fitter.fonts, fitted.cap_px, item.is_bold
        widths = [fonts.width(line, cap_px, bold) for line in fitted.lines]
        below = fonts.reach(fitted.lines[-1], cap_px, bold)[1] + MARGIN_PX
        high = above + (len(widths) - 1) * line_px(cap_px) + below
        surface = pygame.Surface((max(widths) + 2 * MARGIN_PX, high), pygame.SRCALPHA, 32)
        surface.fill((*item.colour, 0))
        for number, (line, width) in enumerate(zip(fitted.lines, widths, strict=True)):
            x = MARGIN_PX
            if item.align is not Align.LEFT:
                x += (max(widths) - width) // (2 if item.align is Align.CENTRE else 1)
            y = above + number * line_px(cap_px)
            for face, piece, wide in fonts.runs(line, cap_px, bold):
                face.render_to(surface, (x, y), piece, item.colour, size=em_size(cap_px))
                x += wide
        return surface

    def _draw_pressed(self, picture: Picture, target: Target) -> None:
        """A veil as round as the area the target stands on, and an edge."""
        radius, under = 0, picture.background
        for item in picture.items:
            if isinstance(item, Fill) and item.rect == target.rect:
                radius, under = item.radius_px, item.colour or under
        radius = min(radius, target.rect.width // 2, target.rect.height // 2)
        veil = WHITE if luminance(under) < 0.3 else BLACK
        shapes.shade(self.surface, target.rect, veil, PRESSED_ALPHA, radius)
        edge = max(3, min(9, min(target.rect.width, target.rect.height) // 24))
        shapes.frame(self.surface, target.rect, veil, radius, edge, self.cache)

    def _say(self, what: str) -> None:
        if what not in self._said and len(self._said) < 100:
            self._said.add(what)
            log.warning("%s", what)


def _target(picture: Picture, name: str) -> Target | None:
    if not name:
        return None
    return next((target for target in picture.targets if target.name == name and target.is_enabled), None)


def _box(rect: Rect) -> tuple[int, int, int, int]:
    return rect.x, rect.y, rect.width, rect.height
