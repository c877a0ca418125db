"""Model of a strip of addressable lights: it keeps the last frame, so that tests and the demonstration can look at it.
Pure."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.interfaces import Rgb

DARK: Rgb = (0, 0, 0)


class StripModel:
    """A strip of `pixels` lights. Colours beyond its end are lost, as on a real one."""

    def __init__(self, name: str = "", pixels: int = 60) -> None:
        self.name = name
        self.pixels = pixels
        self.frame: tuple[Rgb, ...] = (DARK,) * pixels
        self.shown = 0
        """Frames shown since it was made."""
        self.damaged = 0
        """Frames that were not taken: wrong check sum, too short."""

    def show(self, colours: Sequence[Rgb]) -> None:
        """Take a frame; lights for which there is no colour keep theirs, as on a real strip."""
        taken = tuple(colours[: self.pixels])
        self.frame = taken + self.frame[len(taken) :]
        self.shown += 1
