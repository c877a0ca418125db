"""What a picture consists of: frozen values in pixels, compared with those of the picture before, so that only what
changed is painted again (`painter.py`), and looked through by the layout rules (`lint.py`). No pygame here.

Colours are (red, green, blue), 0 to 255. Rectangles are in pixels of the picture as people see it (before rotation).
"""

from __future__ import annotations

import enum

import msgspec

Colour = tuple[int, int, int]


class Rect(msgspec.Struct, frozen=True, array_like=True):
    """`x`, `y`: left upper corner; `width`, `height` at least 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def inset(self, by: int) -> Rect:
        return Rect(self.x + by, self.y + by, max(0, self.width - 2 * by), max(0, self.height - 2 * by))

    def holds(self, x: int, y: int) -> bool:
        return self.x <= x < self.right and self.y <= y < self.bottom


class Align(enum.StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Fill(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A filled area with round corners, and an edge when `edge_px` is not 0. `colour` None: only the edge."""

    rect: Rect
    colour: Colour | None
    radius_px: int = 0
    edge_px: int = 0
    edge: Colour = (0, 0, 0)
    dash: bool = False
    """The edge is dashed."""


class Text(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Text inside `rect`, at most `lines` lines, broken between words. `cap_px` is the height of a capital letter,
    which stands in the middle of `rect`. It is drawn smaller down to `least_cap_px` first (0: not at all); only
    what is still too long ends in an ellipsis. `on` is the colour it stands on (contrast is checked against it).
    `is_secret`: masked in screenshots. `source`: catalogue key, or "" for a value."""

    rect: Rect
    text: str
    cap_px: int
    colour: Colour
    on: Colour
    is_bold: bool = False
    align: Align = Align.LEFT
    lines: int = 1
    least_cap_px: int = 0
    is_secret: bool = False
    source: str = ""


class Icon(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A drawing of `hmi/icons/NAME.svg` in one colour, holes in the colour `on`, as large as fits. `turn_deg`: turned
    clockwise."""

    rect: Rect
    name: str
    colour: Colour
    on: Colour
    turn_deg: int = 0


class Drawing(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A drawing of `hmi/drawings/NAME.svg` in its own colours (instructions, guns, cars), as large as fits; what is
    dark in it on light is light on dark."""

    rect: Rect
    name: str
    on: Colour


class Ring(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A ring filled clockwise from the top by `share` (0 to 1; None: a quarter that turns with `turn_deg`)."""

    rect: Rect
    share: float | None
    width_px: int
    colour: Colour
    rest: Colour
    on: Colour
    turn_deg: int = 0


class Bar(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A horizontal bar filled from the left by `share` (0 to 1)."""

    rect: Rect
    share: float
    colour: Colour
    rest: Colour


class Line(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A line through `points` (absolute pixels), for pictures of wiring and marks of charts."""

    rect: Rect
    points: tuple[tuple[int, int], ...]
    colour: Colour
    width_px: int = 1
    dash: bool = False


class Series(msgspec.Struct, frozen=True):
    """One curve of a chart: `values` at equal steps of time, None where there was none; `top` is the axis' end."""

    values: tuple[float | None, ...]
    top: float
    colour: Colour
    dash: bool = False
    is_area: bool = False


class Chart(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Curves over the same time, grid lines behind, on `on`. Labels are `Text` items beside it."""

    rect: Rect
    series: tuple[Series, ...]
    grid: Colour
    on: Colour


class Code(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A QR code of `text`, level M, quiet zone of 4 modules, dark on white in every theme."""

    rect: Rect
    text: str


Item = Fill | Text | Icon | Drawing | Ring | Bar | Line | Chart | Code


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a finger does something. `name` is what the touch means (`start`, `back`, `tile:2`), unique in a picture.

    A target that is not `is_enabled` takes no touch; `why` says why not. `is_staff`: the technician's smaller size.
    """

    name: str
    rect: Rect
    is_enabled: bool = True
    is_staff: bool = False
    why: str = ""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A whole screen. `name` is the reported one (statuses.md 16). `frame_s`: the picture wants to be drawn again after
    so many seconds because something on it moves (not below 1/15); None: only when what it shows has changed."""

    name: str
    width: int
    height: int
    background: Colour
    items: tuple[Item, ...]
    targets: tuple[Target, ...] = ()
    frame_s: float | None = None
