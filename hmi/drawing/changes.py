"""Which parts of a picture have to be painted again when another takes its place. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hmi.drawing.items import Item, Picture, Rect

BLEED_PX = 2
"""Soft edges and slanted letters may reach that far out of their rectangle."""
MOST_RECTS = 12


def bounds(item: Item) -> Rect:
    return item.rect.inset(-BLEED_PX)


def changed(before: Picture, after: Picture) -> list[Rect]:
    """Rectangles that hold every pixel which may differ, clipped to the picture, not overlapping. Empty: nothing."""
    whole = Rect(0, 0, after.width, after.height)
    if (before.width, before.height, before.background) != (after.width, after.height, after.background):
        return [whole]
    return merged(map(bounds, _differing(before.items, after.items)), whole)


def _differing(old: tuple[Item, ...], new: tuple[Item, ...]) -> list[Item]:
    """Items that went, came, or changed places."""
    start = 0
    while start < min(len(old), len(new)) and (old[start] is new[start] or old[start] == new[start]):
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and (old[-1 - end] is new[-1 - end] or old[-1 - end] == new[-1 - end]):
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    if len(old) == len(new):
        return [item for pair in zip(old, new, strict=True) if pair[0] != pair[1] for item in pair]
    left, come = set(old) - set(new), set(new) - set(old)
    if [item for item in old if item not in left] != [item for item in new if item not in come]:
        return [*old, *new]
    return [*left, *come]


def merged(rects: Iterable[Rect], whole: Rect) -> list[Rect]:
    """Few rectangles without overlap that cover all of `rects` inside `whole`."""
    found: list[Rect] = []
    for rect in rects:
        new = common(rect, whole)
        if not (new.width and new.height):
            continue
        overlapping = True
        while overlapping:
            overlapping = False
            for other in found:
                if overlap(new, other):
                    found.remove(other)
                    new = around(new, other)
                    overlapping = True
                    break
        found.append(new)
    if len(found) > MOST_RECTS:
        box = found[0]
        for rect in found[1:]:
            box = around(box, rect)
        return [box]
    return found


def overlap(first: Rect, second: Rect) -> bool:
    return first.x < second.right and second.x < first.right and first.y < second.bottom and second.y < first.bottom


def common(first: Rect, second: Rect) -> Rect:
    left, top = max(first.x, second.x), max(first.y, second.y)
    right, bottom = min(first.right, second.right), min(first.bottom, second.bottom)
    return Rect(left, top, max(0, right - left), max(0, bottom - top))


def around(first: Rect, second: Rect) -> Rect:
    left, top = min(first.x, second.x), min(first.y, second.y)
    return Rect(left, top, max(first.right, second.right) - left, max(first.bottom, second.bottom) - top)
