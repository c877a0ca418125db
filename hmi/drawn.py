"""Pictures to the panel, only when something on them may have changed, and never none: a fault of drawing is shown."""

from __future__ import annotations

import logging
from functools import cache

from chargepoint.clock import Clock
from chargepoint.config_screen import ScreenSettings
from hmi.drawing.items import Align, Picture, Rect, Text
from hmi.look import brightness, look_of
from hmi.panel import Panel
from hmi.screens import SCREENS, reported_name
from hmi.view import Look, Place, Seen, View
from hmi.words import Words

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""A display that was lost, or a picture that failed, is tried again after so long."""
CLOCK_S = 0.5
"""How often it is looked whether a new minute has begun."""


@cache
def words_of(language: str) -> Words:
    """Texts of a language, read once."""
    return Words(language)


class Drawing:
    """What is on the panel. `picture` is the last one that was shown."""

    def __init__(self, settings: ScreenSettings, panel: Panel, clock: Clock) -> None:
        self.picture: Picture | None = None
        self._settings = settings
        self._panel = panel
        self._clock = clock
        self._is_due = True
        self._next_frame_s: float | None = None
        self._not_before_s = 0.0
        self._next_clock_s = 0.0
        self._minute: tuple[int, int] | None = None
        self._pressed = ""
        self._failing: set[str] = set()
        self.is_lost = False
        """The display takes no pictures now."""

    def due(self) -> None:
        """What is shown may have changed."""
        self._is_due = True

    def draw(self, seen: Seen, place: Place, pressed: str, now_s: float) -> str:
        """Draw if something may have changed. The name of a screen whose picture cannot be made, else nothing."""
        is_frame_due = self._next_frame_s is not None and now_s >= self._next_frame_s
        is_quiet = not self._is_due and not is_frame_due and pressed == self._pressed
        if is_quiet and self.picture is not None and now_s < self._next_clock_s:
            return ""
        self._next_clock_s = now_s + CLOCK_S
        clock = self._clock.now().astimezone() if self._clock.is_set else None
        minute = None if clock is None else (clock.hour, clock.minute)
        if self.picture is not None and not (self._is_due or is_frame_due or minute != self._minute):
            if pressed != self._pressed and now_s >= self._not_before_s:
                self._show(self.picture, pressed, now_s)
            return ""
        if now_s < self._not_before_s:
            return ""
        self._is_due, self._minute = False, minute
        look = look_of(self._settings, self._panel.size, place.access, clock)
        failed = ""
        try:
            words = words_of(place.language)
            view = View(
                seen=seen, place=place, look=look, words=words, now_s=now_s, clock=clock, pressed=pressed
            )  # fmt: skip
            picture = SCREENS[place.screen].picture(view)
        except Exception:
            failed = place.screen
            self._not_before_s = now_s + AGAIN_S if place.screen == "FatalErrorWindow" else 0.0
            self._say_once(failed)
            picture = bare(look, seen.shop.phone, "HMI-DRAW")
        else:
            self._failing.discard(place.screen)
        self._next_frame_s = None if picture.frame_s is None else now_s + max(picture.frame_s, 1 / 15)
        if picture != self.picture or pressed != self._pressed:
            self._show(picture, pressed, now_s)
        self._panel.dim(brightness(self._settings, clock, is_idle=place.screen == "ScreensaverPA"))
        return failed

    def _say_once(self, screen: str) -> None:
        if screen not in self._failing:
            self._failing.add(screen)
            log.exception("screen: the picture of %s cannot be made; the fault is shown instead", screen)

    def _show(self, picture: Picture, pressed: str, now_s: float) -> None:
        """Raises nothing: a lost display is said once, and tried again."""
        try:
            self._panel.show(picture, pressed)
        except Exception as error:
            if not self.is_lost:
                log.error("screen: %s: %s", type(error).__name__, error, exc_info=not str(error))
            self.is_lost, self._is_due, self._not_before_s = True, True, now_s + AGAIN_S
            return
        if self.is_lost:
            self.is_lost = False
            log.info("screen: the display shows pictures again")
        self.picture, self._pressed = picture, pressed


def bare(look: Look, phone: str, code: str) -> Picture:
    """What is shown when even the screen of faults cannot be drawn: the code and the phone, nothing else."""
    cap_px = look.px(10)
    colours = look.palette
    lines = [line for line in (code, phone) if line]
    items = tuple(
        Text(
            rect=Rect(0, look.height // 2 + (n - len(lines)) * 2 * cap_px, look.width, 2 * cap_px),
            text=line,
            cap_px=cap_px,
            colour=colours.text,
            on=colours.background,
            align=Align.CENTRE,
        )
        for n, line in enumerate(lines)
    )
    name = reported_name("FatalErrorWindow", look.is_portrait)
    return Picture(name=name, width=look.width, height=look.height, background=colours.background, items=items)
