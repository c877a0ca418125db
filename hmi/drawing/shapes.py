"""Areas, rings, lines with soft edges, drawn by the processor without numpy.

Round corners come from discs that were drawn four times as large and made small again, kept in the cache; polygons get
their soft edge from SDL_gfx.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pygame
import pygame.gfxdraw

from hmi.drawing.cache import Cache
from hmi.drawing.items import Bar, Colour, Fill, Line, Rect, Ring

FINER = 4
Point = tuple[float, float]


def fill(surface: pygame.Surface, item: Fill, cache: Cache) -> None:
    rect = item.rect
    radius = max(0, min(item.radius_px, rect.width // 2, rect.height // 2))
    if item.edge_px and item.colour is not None and not item.dash:
        area(surface, rect, item.edge, radius, cache)
        area(surface, rect.inset(item.edge_px), item.colour, max(0, radius - item.edge_px), cache)
        return
    if item.colour is not None:
        area(surface, rect, item.colour, radius, cache)
    if item.edge_px and item.dash:
        polyline(surface, outline(rect.inset((item.edge_px + 1) // 2), radius), item.edge, item.edge_px, dash=True)
    elif item.edge_px:
        frame(surface, rect, item.edge, radius, item.edge_px, cache)


def area(surface: pygame.Surface, rect: Rect, colour: Colour, radius: int, cache: Cache) -> None:
    """A filled rectangle with round corners."""
    if not radius:
        surface.fill(colour, (rect.x, rect.y, rect.width, rect.height))
        return
    surface.fill(colour, (rect.x + radius, rect.y, rect.width - 2 * radius, rect.height))
    surface.fill(colour, (rect.x, rect.y + radius, radius, rect.height - 2 * radius))
    surface.fill(colour, (rect.right - radius, rect.y + radius, radius, rect.height - 2 * radius))
    _corners(surface, rect, radius, cache.get(("disc", radius, colour), lambda: disc(radius, radius, colour)))


def frame(surface: pygame.Surface, rect: Rect, colour: Colour, radius: int, edge: int, cache: Cache) -> None:
    """Only the edge of a rectangle, `edge` wide, inside it."""
    wide, high = rect.width - 2 * radius, rect.height - 2 * radius
    surface.fill(colour, (rect.x + radius, rect.y, wide, edge))
    surface.fill(colour, (rect.x + radius, rect.bottom - edge, wide, edge))
    surface.fill(colour, (rect.x, rect.y + radius, edge, high))
    surface.fill(colour, (rect.right - edge, rect.y + radius, edge, high))
    if radius:
        made = cache.get(("hoop", radius, edge, colour), lambda: disc(radius, min(edge, radius), colour))
        _corners(surface, rect, radius, made)


def _corners(surface: pygame.Surface, rect: Rect, radius: int, made: pygame.Surface) -> None:
    for across, x in ((0, rect.x), (radius, rect.right - radius)):
        for down, y in ((0, rect.y), (radius, rect.bottom - radius)):
            surface.blit(made, (x, y), (across, down, radius, radius))


def disc(radius: int, width: int, colour: Colour) -> pygame.Surface:
    """A disc (or a hoop `width` wide) with soft edges on nothing, twice `radius` wide."""
    fine = pygame.Surface((2 * radius * FINER, 2 * radius * FINER), pygame.SRCALPHA, 32)
    fine.fill((*colour, 0))
    middle = (radius * FINER, radius * FINER)
    pygame.draw.circle(fine, colour, middle, radius * FINER)
    if width < radius:
        pygame.draw.circle(fine, (*colour, 0), middle, (radius - width) * FINER)
    return pygame.transform.smoothscale(fine, (2 * radius, 2 * radius))


def shade(surface: pygame.Surface, rect: Rect, colour: Colour, alpha: int, radius: int) -> None:
    """Mixes `colour` into what is there; `alpha` 0 to 255."""
    if rect.width <= 0 or rect.height <= 0:
        return
    veil = pygame.Surface((rect.width, rect.height), pygame.SRCALPHA, 32)
    pygame.draw.rect(veil, (*colour, alpha), (0, 0, rect.width, rect.height), border_radius=radius)
    surface.blit(veil, (rect.x, rect.y))


def ring(surface: pygame.Surface, item: Ring, cache: Cache) -> None:
    """What is inside the ring is painted with `on`. The filled part has round ends."""
    side = min(item.rect.width, item.rect.height)
    outer = side // 2
    if outer < 2:
        return
    width = max(1, min(item.width_px, outer))
    x, y = item.rect.x + item.rect.width // 2, item.rect.y + item.rect.height // 2
    hoop = cache.get(("hoop", outer, width, item.rest), lambda: disc(outer, width, item.rest))
    surface.blit(hoop, (x - outer, y - outer))
    if item.share is None:
        start, sweep = float(item.turn_deg), 90.0
    else:
        start, sweep = float(item.turn_deg), 360.0 * max(0.0, min(1.0, item.share))
    if sweep >= 360.0:
        full = cache.get(("hoop", outer, width, item.colour), lambda: disc(outer, width, item.colour))
        surface.blit(full, (x - outer, y - outer))
    elif sweep > 0:
        arc(surface, (x - 0.5, y - 0.5), outer - 0.5, width - 1.0, start, sweep, item.colour)


def arc(
    surface: pygame.Surface, middle: Point, outer: float, width: float, start: float, sweep: float, colour: Colour
) -> None:
    """Part of a hoop, clockwise from the top; degrees."""
    inner, mean = outer - width, outer - width / 2
    steps = max(2, math.ceil(sweep / 360 * max(24.0, outer)))
    angles = [math.radians(start + sweep * step / steps) for step in range(steps + 1)]
    rim = [_at(middle, outer, angle) for angle in angles]
    rim += [_at(middle, inner, angle) for angle in reversed(angles)]
    polygon(surface, rim, colour)
    for angle in (angles[0], angles[-1]):
        dot(surface, _at(middle, mean, angle), width / 2, colour)


def _at(middle: Point, radius: float, angle: float) -> Point:
    return middle[0] + radius * math.sin(angle), middle[1] - radius * math.cos(angle)


def polygon(surface: pygame.Surface, points: Sequence[Point], colour: Colour) -> None:
    """Filled, with soft edges; at least three points."""
    whole = [(round(x), round(y)) for x, y in points]
    pygame.gfxdraw.filled_polygon(surface, whole, colour)
    pygame.gfxdraw.aapolygon(surface, whole, colour)


def dot(surface: pygame.Surface, middle: Point, radius: float, colour: Colour) -> None:
    x, y, around = round(middle[0]), round(middle[1]), max(1, round(radius))
    pygame.draw.aacircle(surface, colour, (x, y), around)


def bar(surface: pygame.Surface, item: Bar, cache: Cache) -> None:
    rect = item.rect
    radius = min(rect.width, rect.height) // 2
    area(surface, rect, item.rest, radius, cache)
    filled = round(rect.width * max(0.0, min(1.0, item.share)))
    if filled:
        part = Rect(rect.x, rect.y, max(filled, min(rect.width, 2 * radius)), rect.height)
        area(surface, part, item.colour, radius, cache)


def line(surface: pygame.Surface, item: Line) -> None:
    polyline(surface, item.points, item.colour, item.width_px, dash=item.dash)


def polyline(
    surface: pygame.Surface, points: Sequence[Point], colour: Colour, width_px: int, *, dash: bool = False
) -> None:
    pairs = list(itertools.pairwise(points))
    if dash:
        pairs = dashes(pairs, max(6.0, 3.0 * width_px))
    for (x1, y1), (x2, y2) in pairs:
        if width_px <= 1 or x1 == x2 or y1 == y2:
            _straight(surface, (x1, y1), (x2, y2), colour, width_px)
            continue
        long = math.hypot(x2 - x1, y2 - y1)
        dx, dy = (y2 - y1) / long * width_px / 2, (x1 - x2) / long * width_px / 2
        polygon(surface, [(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)], colour)
    if width_px > 2 and not dash:
        for x, y in points:
            dot(surface, (x, y), width_px / 2 - 0.5, colour)


def _straight(surface: pygame.Surface, start: Point, end: Point, colour: Colour, width_px: int) -> None:
    if start[0] != end[0] and start[1] != end[1]:
        pygame.draw.aaline(surface, colour, start, end)
        return
    left, top = round(min(start[0], end[0])), round(min(start[1], end[1]))
    wide, high = round(abs(end[0] - start[0])), round(abs(end[1] - start[1]))
    half = width_px // 2
    if start[1] == end[1]:
        surface.fill(colour, (left, top - half, max(1, wide), width_px))
    else:
        surface.fill(colour, (left - half, top, width_px, max(1, high)))


def dashes(pairs: Sequence[tuple[Point, Point]], long_px: float) -> list[tuple[Point, Point]]:
    """Pieces of a way, `long_px` long, with gaps two thirds of that; the rhythm goes on around corners."""
    found: list[tuple[Point, Point]] = []
    gap = long_px * 2 / 3
    on, left = True, long_px
    for (x1, y1), (x2, y2) in pairs:
        whole = math.hypot(x2 - x1, y2 - y1)
        done = 0.0
        while whole - done > 0.01:
            step = min(left, whole - done)
            if on:
                a, b = done / whole, (done + step) / whole
                found.append(((x1 + (x2 - x1) * a, y1 + (y2 - y1) * a), (x1 + (x2 - x1) * b, y1 + (y2 - y1) * b)))
            done += step
            left -= step
            if left <= 0.01:
                on = not on
                left = long_px if on else gap
    return found


def outline(rect: Rect, radius: int) -> list[Point]:
    """The way around a rectangle with round corners, closed."""
    points: list[Point] = []
    right, bottom = rect.right - 1, rect.bottom - 1
    corners = (
        (right - radius, rect.y + radius, 0),
        (right - radius, bottom - radius, 90),
        (rect.x + radius, bottom - radius, 180),
        (rect.x + radius, rect.y + radius, 270),
    )
    for x, y, start in corners:
        points += [_at((x, y), radius, math.radians(start + step * 15)) for step in range(7)]
    return [*points, points[0]]
