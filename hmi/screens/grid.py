"""Cutting rectangles into rows and columns."""

from __future__ import annotations

from hmi.drawing.items import Rect


def top(rect: Rect, height: int, gap: int = 0) -> tuple[Rect, Rect]:
    """The upper `height` and what is below it and the gap."""
    height = min(height, rect.height)
    rest = max(0, rect.height - height - gap)
    return Rect(rect.x, rect.y, rect.width, height), Rect(rect.x, rect.bottom - rest, rect.width, rest)


def bottom(rect: Rect, height: int, gap: int = 0) -> tuple[Rect, Rect]:
    """The lower `height` and what is above it and the gap."""
    height = min(height, rect.height)
    rest = max(0, rect.height - height - gap)
    return Rect(rect.x, rect.bottom - height, rect.width, height), Rect(rect.x, rect.y, rect.width, rest)


def left(rect: Rect, width: int, gap: int = 0) -> tuple[Rect, Rect]:
    """The left `width` and what is right of it and the gap."""
    width = min(width, rect.width)
    rest = max(0, rect.width - width - gap)
    return Rect(rect.x, rect.y, width, rect.height), Rect(rect.right - rest, rect.y, rest, rect.height)


def right(rect: Rect, width: int, gap: int = 0) -> tuple[Rect, Rect]:
    """The right `width` and what is left of it and the gap."""
    width = min(width, rect.width)
    rest = max(0, rect.width - width - gap)
    return Rect(rect.right - width, rect.y, width, rect.height), Rect(rect.x, rect.y, rest, rect.height)


def columns(rect: Rect, count: int, gap: int) -> list[Rect]:
    """`count` equal columns."""
    whole = rect.width - gap * (count - 1)
    edges = [rect.x + round(i * whole / count) + i * gap for i in range(count)]
    ends = [rect.x + round((i + 1) * whole / count) + i * gap for i in range(count)]
    return [Rect(x, rect.y, end - x, rect.height) for x, end in zip(edges, ends, strict=True)]


def rows(rect: Rect, count: int, gap: int) -> list[Rect]:
    """`count` equal rows."""
    whole = rect.height - gap * (count - 1)
    edges = [rect.y + round(i * whole / count) + i * gap for i in range(count)]
    ends = [rect.y + round((i + 1) * whole / count) + i * gap for i in range(count)]
    return [Rect(rect.x, y, rect.width, end - y) for y, end in zip(edges, ends, strict=True)]


def centred(rect: Rect, width: int, height: int) -> Rect:
    """A rectangle of this size in the middle, no larger than `rect`."""
    width, height = min(width, rect.width), min(height, rect.height)
    return Rect(rect.x + (rect.width - width) // 2, rect.y + (rect.height - height) // 2, width, height)


def middle(rect: Rect, height: int) -> Rect:
    """As wide as `rect`, `height` high, in the middle of its height."""
    return centred(rect, rect.width, height)


def square(rect: Rect) -> Rect:
    """The largest square in the middle."""
    side = min(rect.width, rect.height)
    return centred(rect, side, side)


def padded(rect: Rect, across: int, down: int) -> Rect:
    return Rect(rect.x + across, rect.y + down, max(0, rect.width - 2 * across), max(0, rect.height - 2 * down))


def moved(rect: Rect, dx: int, dy: int) -> Rect:
    return Rect(rect.x + dx, rect.y + dy, rect.width, rect.height)
