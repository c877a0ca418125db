"""A picture turned clockwise on its panel by 0, 90, 180 or 270 degrees: where a rectangle of it goes, and which of its
pixels a touch on the panel means. Pure."""

from __future__ import annotations

import msgspec

from hmi.drawing.items import Rect


class Rotation(msgspec.Struct, frozen=True):
    """`width` and `height` are those of the picture as people see it."""

    degrees: int
    width: int
    height: int

    @property
    def panel(self) -> tuple[int, int]:
        """Width and height of the panel's own memory."""
        return (self.height, self.width) if self.degrees % 180 else (self.width, self.height)

    def on_panel(self, rect: Rect) -> Rect:
        match self.degrees:
            case 90:
                return Rect(self.height - rect.bottom, rect.x, rect.height, rect.width)
            case 180:
                return Rect(self.width - rect.right, self.height - rect.bottom, rect.width, rect.height)
            case 270:
                return Rect(rect.y, self.width - rect.right, rect.height, rect.width)
            case _:
                return rect

    def in_picture(self, x: int, y: int) -> tuple[int, int]:
        """`x`, `y` on the panel; always inside the picture."""
        match self.degrees:
            case 90:
                x, y = y, self.height - 1 - x
            case 180:
                x, y = self.width - 1 - x, self.height - 1 - y
            case 270:
                x, y = self.width - 1 - y, x
        return max(0, min(self.width - 1, x)), max(0, min(self.height - 1, y))
