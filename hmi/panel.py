"""What the service needs of a display: touches in, pictures out, a copy for screenshots. The real one: `window.py`."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

import msgspec

from hmi.drawing.items import Picture, Rect

STUCK_S = 10.0
"""A touch that lasts so long is water or dirt: the next one counts in its place."""


class TouchKind(enum.StrEnum):
    DOWN = "down"
    MOVE = "move"
    UP = "up"
    LOST = "lost"
    """The finger went where it cannot be followed; nothing was meant."""


class Touch(msgspec.Struct, frozen=True):
    """One finger, in pixels of the picture (before rotation)."""

    kind: TouchKind
    x: int = 0
    y: int = 0


class Copied(Protocol):
    """A copy of what the screen showed at one moment; belongs to whoever asked."""

    def encode(self, format: str, scale: float, masked: Sequence[Rect]) -> tuple[bytes, int, int]:
        """`png` or `jpeg`, made smaller by `scale`, areas of `masked` covered: the bytes, width and height.

        Takes long; called in a thread of its own.
        """
        ...


class Panel(Protocol):
    """A display. `size` in pixels of the picture. All but `Copied.encode` is called from the event loop only."""

    @property
    def size(self) -> tuple[int, int]: ...

    def poll(self) -> Sequence[Touch]:
        """Touches since the last call, oldest first. Does not wait."""
        ...

    def show(self, picture: Picture, pressed: str = "") -> None:
        """Paint what differs from the picture before, the target `pressed` as held down. Raises whatever goes wrong."""
        ...

    def copy(self) -> Copied:
        """What is on the screen now; at most as long as one frame."""
        ...

    def dim(self, share: float) -> None:
        """Brightness of the backlight, 0.1 to 1, where it can be set."""
        ...

    def close(self) -> None: ...


class Speaker(Protocol):
    """Sounds by name: accepted, refused, ended."""

    def play(self, sound: str) -> None: ...

    def close(self) -> None: ...


class Silent:
    """No sounds."""

    def play(self, sound: str) -> None:
        return None

    def close(self) -> None:
        return None
