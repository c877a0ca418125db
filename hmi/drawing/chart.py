"""Curves over the same time. A gap in the values is a gap in the curve."""

from __future__ import annotations

import pygame

from hmi.drawing import shapes
from hmi.drawing.colours import mixed
from hmi.drawing.items import Chart, Rect, Series

GRID_LINES = 4
AREA_SHARE = 0.28
"""Of the curve's colour in the area under it."""


def chart(surface: pygame.Surface, item: Chart) -> None:
    rect = item.rect
    for step in range(GRID_LINES + 1):
        y = rect.y + round((rect.height - 1) * step / GRID_LINES)
        surface.fill(item.grid, (rect.x, y, rect.width, 1))
    width_px = max(2, rect.height // 70)
    for series in item.series:
        for stretch in stretches(series, rect):
            if series.is_area and len(stretch) > 1:
                floor = rect.bottom - 1
                around = [(stretch[0][0], floor), *stretch, (stretch[-1][0], floor)]
                shapes.polygon(surface, around, mixed(item.on, series.colour, AREA_SHARE))
    for series in item.series:
        for stretch in stretches(series, rect):
            if len(stretch) == 1:
                shapes.dot(surface, stretch[0], width_px, series.colour)
            else:
                shapes.polyline(surface, stretch, series.colour, width_px, dash=series.dash)


def stretches(series: Series, rect: Rect) -> list[list[tuple[int, int]]]:
    """Points without gaps between them. Values beyond 0 to `top` are drawn at the edge."""
    steps = max(1, len(series.values) - 1)
    top = series.top if series.top > 0 else 1.0
    found: list[list[tuple[int, int]]] = [[]]
    for number, value in enumerate(series.values):
        if value is None or value != value:
            if found[-1]:
                found.append([])
            continue
        x = rect.x + round((rect.width - 1) * number / steps)
        y = rect.bottom - 1 - round((rect.height - 1) * max(0.0, min(1.0, value / top)))
        if found[-1] and found[-1][-1][0] == x:
            found[-1][-1] = (x, min(y, found[-1][-1][1]))
        else:
            found[-1].append((x, y))
    return [stretch for stretch in found if stretch]
