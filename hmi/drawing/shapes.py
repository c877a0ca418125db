"""Areas, rings, lines with soft edges, drawn by the processor without numpy.

What is round or slanted is drawn two to four times as large on a surface of its own and made small again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pygame

from hmi.drawing.cache import Cache
from hmi.drawing.items import Bar, Colour, Fill, Line, Rect, Ring

Point = tuple[float, float]
Draw = Callable[[pygame.Surface, int], None]
"""Draws on a surface that is so many times larger than what is wanted."""


def finer(width: int, height: int) -> int:
    """How many times larger an area is drawn first: large ones less, for they take time and memory.

    Powers of two: with others pygame's making small again loses a hundredth of the brightness."""
    return 4 if width * height <= 200**2 else 2


def softened(width: int, height: int, colour: Colour, draw: Draw, times: int = 0) -> pygame.Surface:
    """What `draw` makes in `colour` on nothing, with soft edges; `times` 0: as fine as the size allows."""
    times = times or finer(width, height)
    large = pygame.Surface((width * times, height * times), pygame.SRCALPHA, 32)
    large.fill((*colour, 0))
    draw(large, times)
    return pygame.transform.smoothscale(large, (width, height))


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
        dashed_frame(surface, rect, item.edge, radius, item.edge_px, cache)
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


def dashed_frame(surface: pygame.Surface, rect: Rect, colour: Colour, radius: int, edge: int, cache: Cache) -> None:
    """Dashes along the sides, begun and ended by half a gap; the corners are whole."""
    dash = 4 * edge
    for length, is_across in ((rect.width - 2 * radius, True), (rect.height - 2 * radius, False)):
        number = max(1, round(length / (2 * dash)))
        for step in range(number):
            start = radius + round(length * (step + 0.25) / number)
            long = round(length / number / 2)
            for far in (False, True):
                if is_across:
                    box = (rect.x + start, rect.bottom - edge if far else rect.y, long, edge)
                else:
                    box = (rect.right - edge if far else rect.x, rect.y + start, edge, long)
                surface.fill(colour, box)
    if radius:
        made = cache.get(("hoop", radius, edge, colour), lambda: disc(radius, min(edge, radius), colour))
        _corners(surface, rect, radius, made)


def _corners(surface: pygame.Surface, rect: Rect, radius: int, made: pygame.Surface) -> None:
    for across, x in ((0, rect.x), (radius, rect.right - radius)):
        for down, y in ((0, rect.y), (radius, rect.bottom - radius)):
            surface.blit(made, (x, y), (across, down, radius, radius))


def disc(radius: int, width: int, colour: Colour) -> pygame.Surface:
    """A disc (or a hoop `width` wide) with soft edges on nothing, twice `radius` wide."""

    def draw(surface: pygame.Surface, times: int) -> None:
        middle = (radius * times, radius * times)
        pygame.draw.circle(surface, colour, middle, radius * times)
        if width < radius:
            pygame.draw.circle(surface, (*colour, 0), middle, (radius - width) * times)

    return softened(2 * radius, 2 * radius, colour, draw)


def shade(surface: pygame.Surface, rect: Rect, colour: Colour, alpha: int, radius: int) -> None:
    """Mixes `colour` into what is there; `alpha` 0 to 255."""
    if rect.width <= 0 or rect.height <= 0:
        return
    veil = pygame.Surface((rect.width, rect.height), pygame.SRCALPHA, 32)
    pygame.draw.rect(veil, (*colour, alpha), (0, 0, rect.width, rect.height), border_radius=radius)
    surface.blit(veil, (rect.x, rect.y))


def ring(surface: pygame.Surface, item: Ring, cache: Cache) -> None:
    """The filled part has round ends."""
    outer = min(item.rect.width, item.rect.height) // 2
    if outer < 2:
        return
    width = max(1, min(item.width_px, outer))
    corner = item.rect.x + item.rect.width // 2 - outer, item.rect.y + item.rect.height // 2 - outer
    surface.blit(cache.get(("hoop", outer, width, item.rest), lambda: disc(outer, width, item.rest)), corner)
    sweep = 90.0 if item.share is None else 360.0 * max(0.0, min(1.0, item.share))
    if sweep > 0:
        key = ("arc", outer, width, item.turn_deg % 360, sweep, item.colour)
        box = arc_box(outer, width, item.turn_deg, sweep)
        made = cache.get(key, lambda: arc(outer, width, item.turn_deg, sweep, item.colour, box))
        surface.blit(made, (corner[0] + box.x, corner[1] + box.y))


def _angles(start_deg: float, sweep_deg: float) -> list[float]:
    steps = max(2, math.ceil(sweep_deg / 2))
    return [math.radians(start_deg + sweep_deg * step / steps) for step in range(steps + 1)]


def arc_box(outer: int, width: int, start_deg: float, sweep_deg: float) -> Rect:
    """What of the square around a hoop this part of it covers, its round ends included."""
    middle, half = (outer, outer), width / 2
    points = [_at(middle, outer - half, angle) for angle in _angles(start_deg, sweep_deg)]
    across, down = [x for x, _ in points], [y for _, y in points]
    left, top = (max(0, math.floor(min(values) - half) - 2) for values in (across, down))
    right, bottom = (min(2 * outer, math.ceil(max(values) + half) + 2) for values in (across, down))
    return Rect(left, top, right - left, bottom - top)


def arc(outer: int, width: int, start_deg: float, sweep_deg: float, colour: Colour, box: Rect) -> pygame.Surface:
    """Part of a hoop, clockwise from the top, with round ends; only its `box`: a turning one is made many times."""

    def draw(surface: pygame.Surface, times: int) -> None:
        far, near = outer * times - 0.5, (outer - width) * times
        middle = (far - box.x * times, far - box.y * times)
        if sweep_deg >= 360:
            pygame.draw.circle(surface, colour, middle, far)
            pygame.draw.circle(surface, (*colour, 0), middle, near)
            return
        angles = _angles(start_deg, sweep_deg)
        rim = [_at(middle, far, angle) for angle in angles]
        rim += [_at(middle, near, angle) for angle in reversed(angles)]
        pygame.draw.polygon(surface, colour, rim)
        for angle in (angles[0], angles[-1]):
            pygame.draw.circle(surface, colour, _at(middle, (far + near) / 2, angle), (far - near) / 2)

    return softened(box.width, box.height, colour, draw, finer(2 * outer, 2 * outer))


def _at(middle: Point, radius: float, angle: float) -> Point:
    return middle[0] + radius * math.sin(angle), middle[1] - radius * math.cos(angle)


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
    """Lines along the edges of the screen are drawn as they are, slanted ones softly."""
    if len(points) < 2:
        return
    pairs = list(itertools.pairwise(points))
    if dash:
        pairs = dashes(pairs, max(6.0, 3.0 * width_px))
    if all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairs):
        for start, end in pairs:
            _straight(surface, start, end, colour, width_px)
        return
    left, top = math.floor(min(x for x, _ in points)) - width_px, math.floor(min(y for _, y in points)) - width_px
    right, bottom = math.ceil(max(x for x, _ in points)) + width_px, math.ceil(max(y for _, y in points)) + width_px

    def draw(large: pygame.Surface, times: int) -> None:
        moved = [((x1 - left, y1 - top), (x2 - left, y2 - top)) for (x1, y1), (x2, y2) in pairs]
        strokes(large, moved, colour, width_px, times, joined=not dash)

    surface.blit(softened(right - left, bottom - top, colour, draw), (left, top))


def strokes(
    surface: pygame.Surface,
    pairs: Sequence[tuple[Point, Point]],
    colour: Colour,
    width_px: float,
    times: int,
    *,
    joined: bool = True,
) -> None:
    """Straight pieces on a surface `times` as large as wanted, with round ends where they are `joined`."""
    half = width_px * times / 2
    for (x1, y1), (x2, y2) in pairs:
        start, end = ((x1 + 0.5) * times, (y1 + 0.5) * times), ((x2 + 0.5) * times, (y2 + 0.5) * times)
        long = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
        dx, dy = (end[1] - start[1]) / long * half, (start[0] - end[0]) / long * half
        rim = [(x + side * dx, y + side * dy) for (x, y), side in ((start, 1), (end, 1), (end, -1), (start, -1))]
        pygame.draw.polygon(surface, colour, rim)
        if joined:
            for middle in (start, end):
                pygame.draw.circle(surface, colour, middle, half)


def _straight(surface: pygame.Surface, start: Point, end: Point, colour: Colour, width_px: int) -> None:
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


def dot(surface: pygame.Surface, middle: Point, radius: float, colour: Colour) -> None:
    pygame.draw.aacircle(surface, colour, (round(middle[0]), round(middle[1])), max(1, int(radius)))
