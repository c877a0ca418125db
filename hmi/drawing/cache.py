"""Rendered pieces of a picture, the longest unused thrown away first, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import pygame


class Cache:
    """Surfaces by what they show. One larger than a quarter of `max_bytes` is made anew each time."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self.made = 0
        """How many surfaces had to be made so far."""
        self._surfaces: OrderedDict[Hashable, pygame.Surface] = OrderedDict()

    def __len__(self) -> int:
        return len(self._surfaces)

    def get(self, key: Hashable, make: Callable[[], pygame.Surface]) -> pygame.Surface:
        found = self._surfaces.get(key)
        if found is not None:
            self._surfaces.move_to_end(key)
            return found
        surface = make()
        self.made += 1
        size = bytes_of(surface)
        if size <= self.max_bytes // 4:
            self._surfaces[key] = surface
            self.held_bytes += size
            while self.held_bytes > self.max_bytes:
                self.held_bytes -= bytes_of(self._surfaces.popitem(last=False)[1])
        return surface

    def clear(self) -> None:
        self._surfaces.clear()
        self.held_bytes = 0


def bytes_of(surface: pygame.Surface) -> int:
    return surface.get_pitch() * surface.get_height()
