"""Lights: strips of them, and the one of a controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

Rgb = tuple[int, int, int]
"""Red, green, blue, 0..255 each."""


class LightStrip(Protocol):
    """Addressable lights in a row. `pixels` is how many there are."""

    pixels: int

    async def show(self, colours: Sequence[Rgb]) -> None:
        """Show these, the first pixel first; missing ones are dark. Raises NoAnswer when nothing takes them."""
        ...


@runtime_checkable
class HasLight(Protocol):
    """A connector controller with a light of its own."""

    async def show_light(self, colour: Rgb) -> None:
        """Show this colour until told otherwise. Raises as all orders."""
        ...
