"""A picture in the making: items and targets are added, lengths are in mm or pixels, then `picture()`."""

from __future__ import annotations

import math

from hmi.drawing.colours import contrast, mixed
from hmi.drawing.items import (
    Align,
    Bar,
    Chart,
    Code,
    Colour,
    Drawing,
    Fill,
    Icon,
    Item,
    Line,
    Picture,
    Rect,
    Ring,
    Series,
    Target,
    Text,
)
from hmi.screens import measure, reported_name
from hmi.screens.sizes import sizes_of
from hmi.view import View

STALE_S = 5.0
"""What was heard so long ago is shown as old."""
FRAME_S = 1 / 12
SMALL_CONTRAST, LARGE_CONTRAST, LARGE_LETTERS_MM = 7.0, 4.5, 4.6


def legible(colour: Colour, on: Colour, text: Colour, least_mm: float) -> Colour:
    """`colour`, with as much of the colour of text in it as letters of this size need to be read on `on`."""
    needed = SMALL_CONTRAST if least_mm < LARGE_LETTERS_MM else LARGE_CONTRAST
    for tenth in range(10):
        shown = mixed(colour, text, tenth / 10)
        if contrast(shown, on) >= needed:
            return shown
    return text if contrast(text, on) >= contrast(colour, on) else colour


class Page:
    """Collects one picture. Not kept between two pictures."""

    def __init__(self, view: View, name: str) -> None:
        self.view = view
        self.look = view.look
        self.words = view.words
        self.palette = view.look.palette
        self.sizes = sizes_of(view.look)
        self.name = name
        self.background = self.palette.background
        self.frame_s: float | None = None
        self.is_full = False
        """What is still added is not shown: a notice has taken its place."""
        self._items: list[Item] = []
        self._targets: list[Target] = []

    @property
    def is_large(self) -> bool:
        return self.look.is_large

    @property
    def is_portrait(self) -> bool:
        return self.look.is_portrait

    @property
    def is_stale(self) -> bool:
        """Nothing was heard of the station for so long that its values are shown as old."""
        return self.view.seen.age_s >= STALE_S

    @property
    def width_mm(self) -> float:
        return self.look.width / self.look.px_per_mm

    @property
    def height_mm(self) -> float:
        return self.look.height / self.look.px_per_mm

    @property
    def is_tight(self) -> bool:
        """A panel of about 7 inch."""
        return min(self.width_mm, self.height_mm) < 110

    @property
    def whole(self) -> Rect:
        return Rect(0, 0, self.look.width, self.look.height)

    @property
    def value_colour(self) -> Colour:
        """Of values of the station: grey when they are old."""
        return self.palette.faint if self.is_stale else self.palette.text

    def px(self, mm: float) -> int:
        """Pixels that are at least so many mm."""
        return math.ceil(mm * self.look.px_per_mm - 0.01)

    def floor(self, mm: float) -> int:
        """Pixels that are at most so many mm."""
        return math.floor(mm * self.look.px_per_mm + 0.01)

    def block(self, lines: int, cap_mm: float) -> int:
        """Height in which so many lines find room."""
        return measure.block_px(lines, self.px(cap_mm))

    def wide(self, text: str, cap_mm: float, is_bold: bool = False) -> int:
        """Width of a line."""
        return measure.width_px(text, self.px(cap_mm), is_bold)

    def lines(self, text: str, width: int, cap_mm: float, is_bold: bool = False) -> int:
        """Lines it takes in this width."""
        return measure.lines_needed(text, width, self.px(cap_mm), is_bold)

    def alike(self, texts: list[str], rect: Rect, cap_mm: float, lines: int = 1, is_bold: bool = False) -> float:
        """One height of capitals (mm) for all `texts`, each in a rectangle as large as `rect`."""
        least = self.px(self.sizes.least)
        cap = measure.fit_cap(texts, rect.width, rect.height, self.px(cap_mm), least, lines, is_bold)
        return cap / self.look.px_per_mm

    def text(
        self,
        rect: Rect,
        text: str,
        cap_mm: float,
        *,
        colour: Colour | None = None,
        on: Colour | None = None,
        is_bold: bool = False,
        align: Align = Align.LEFT,
        lines: int = 1,
        least_mm: float | None = None,
        is_secret: bool = False,
        source: str = "",
    ) -> None:
        if not text:
            return
        cap = self.px(cap_mm)
        least = self.sizes.least if least_mm is None else least_mm
        ground = self.background if on is None else on
        self._add(
            Text(
                rect=rect,
                text=text,
                cap_px=cap,
                colour=legible(self.palette.text if colour is None else colour, ground, self.palette.text, least),
                on=ground,
                is_bold=is_bold,
                align=align,
                lines=lines,
                least_cap_px=min(cap, self.px(least)),
                is_secret=is_secret,
                source=source,
            )
        )

    def fill(
        self,
        rect: Rect,
        colour: Colour | None,
        radius_mm: float = 0.0,
        edge_mm: float = 0.0,
        edge: Colour = (0, 0, 0),
        is_dashed: bool = False,
    ) -> None:
        self._add(
            Fill(
                rect=rect,
                colour=colour,
                radius_px=self.px(radius_mm),
                edge_px=max(1, self.px(edge_mm)) if edge_mm else 0,
                edge=edge,
                dash=is_dashed,
            )
        )

    def icon(
        self, rect: Rect, name: str, colour: Colour | None = None, on: Colour | None = None, turn_deg: int = 0
    ) -> None:
        self._add(
            Icon(
                rect=rect,
                name=name,
                colour=self.palette.text if colour is None else colour,
                on=self.background if on is None else on,
                turn_deg=turn_deg,
            )
        )

    def drawing(self, rect: Rect, name: str, on: Colour | None = None) -> None:
        self._add(Drawing(rect=rect, name=name, on=self.background if on is None else on))

    def ring(
        self,
        rect: Rect,
        share: float | None,
        width_mm: float,
        colour: Colour,
        rest: Colour | None = None,
        on: Colour | None = None,
    ) -> None:
        """A ring; without `share` it turns, where things may move."""
        turn = 0
        if share is None and self.look.moves:
            turn = round(self.view.now_s * 240) % 360 // 6 * 6
            self.moving()
        ground = self.background if on is None else on
        quiet = mixed(ground, colour, 0.22) if rest is None else rest
        self._add(
            Ring(
                rect=rect,
                share=share,
                width_px=self.px(width_mm),
                colour=colour,
                rest=quiet,
                on=ground,
                turn_deg=turn,
            )
        )

    def bar(self, rect: Rect, share: float, colour: Colour, rest: Colour) -> None:
        self._add(Bar(rect=rect, share=max(0.0, min(1.0, share)), colour=colour, rest=rest))

    def line(self, rect: Rect, points: tuple[tuple[int, int], ...], colour: Colour, width_mm: float = 0.3) -> None:
        self._add(Line(rect=rect, points=points, colour=colour, width_px=max(1, self.px(width_mm))))

    def chart(self, rect: Rect, series: tuple[Series, ...], on: Colour | None = None) -> None:
        ground = self.background if on is None else on
        grid = mixed(ground, self.palette.edge, 0.45)
        self._add(Chart(rect=rect, series=series, grid=grid, on=ground))

    def code(self, rect: Rect, text: str) -> None:
        self._add(Code(rect=rect, text=text))

    def target(self, name: str, rect: Rect, *, is_enabled: bool = True, is_staff: bool = False, why: str = "") -> None:
        if self.is_full:
            return
        self._targets.append(Target(name=name, rect=rect, is_enabled=is_enabled, is_staff=is_staff, why=why))

    def moving(self, frame_s: float = FRAME_S) -> None:
        """It is drawn anew after so long because something moves; not where nothing is to move."""
        if not self.look.moves:
            return
        self.frame_s = frame_s if self.frame_s is None else min(self.frame_s, frame_s)

    def ticking(self, every_s: float = 1.0) -> None:
        """A number on it counts; also where nothing moves."""
        self.frame_s = every_s if self.frame_s is None else min(self.frame_s, every_s)

    def _add(self, item: Item) -> None:
        if not self.is_full:
            self._items.append(item)

    def picture(self) -> Picture:
        return Picture(
            name=reported_name(self.name, self.is_portrait),
            width=self.look.width,
            height=self.look.height,
            background=self.background,
            items=tuple(self._items),
            targets=tuple(self._targets),
            frame_s=self.frame_s,
        )
