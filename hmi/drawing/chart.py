"""Curves over the same time. A gap in the values is a gap in the curve."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pygame

from hmi.drawing import shapes
from hmi.drawing.colours import mixed
from hmi.drawing.items import Chart, Colour, Series

GRID_LINES = 4
AREA_SHARE = 0.28
"""Of the curve's colour in the area under it."""


def chart(surface: pygame.Surface, item: Chart) -> None:
    """Takes its whole rectangle: what was behind it is gone."""
    rect = item.rect
    if rect.width < 2 or rect.height < 2:
        return
    times = shapes.finer(rect.width, rect.height)
    large = pygame.Surface((rect.width * times, rect.height * times), 0, 32)
    large.fill(item.on)
    width_px = max(2.0, rect.height / 70)
    for step in range(GRID_LINES + 1):
        y = round((rect.height - 1) * step / GRID_LINES) * times
        large.fill(item.grid, (0, y, rect.width * times, times))
    curves = [(series, stretches(series, rect.width, rect.height)) for series in item.series]
    for series, found in curves:
        if series.is_area:
            for stretch in found:
                _area(large, stretch, rect.height, mixed(item.on, series.colour, AREA_SHARE), times)
    for series, found in curves:
        for stretch in found:
            pairs = list(itertools.pairwise(stretch)) or [(stretch[0], stretch[0])]
            if series.dash:
                pairs = shapes.dashes(pairs, 4 * width_px)
            shapes.strokes(large, pairs, series.colour, width_px, times, joined=not series.dash)
    surface.blit(pygame.transform.smoothscale(large, (rect.width, rect.height)), (rect.x, rect.y))


def _area(large: pygame.Surface, stretch: Sequence[shapes.Point], height: int, colour: Colour, times: int) -> None:
    if len(stretch) > 1:
        around = [(stretch[0][0], height), *stretch, (stretch[-1][0], height)]
        pygame.draw.polygon(large, colour, [(x * times, y * times) for x, y in around])


def stretches(series: Series, width: int, height: int) -> list[list[shapes.Point]]:
    """Points without gaps between them. Values beyond 0 to `top` are drawn at the edge."""
    steps = max(1, len(series.values) - 1)
    top = series.top if series.top > 0 else 1.0
    found: list[list[shapes.Point]] = [[]]
    for number, value in enumerate(series.values):
        if value is None or value != value:
            if found[-1]:
                found.append([])
            continue
        x = float(round((width - 1) * number / steps))
        y = (height - 1) * (1 - max(0.0, min(1.0, value / top)))
        if found[-1] and found[-1][-1][0] == x:
            found[-1][-1] = (x, min(y, found[-1][-1][1]))
        else:
            found[-1].append((x, y))
    return [stretch for stretch in found if stretch]
