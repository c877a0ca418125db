"""The only file that opens a display: pictures go to it, touches come from it, nothing else of a keyboard, a mouse
wheel or a game pad is even heard (H111).

`[screen] video` chooses how: `kmsdrm` draws on the board's own output without a desktop, `framebuffer` the same where
there is no graphics processor (`board.py`, `evdev.py`; the others are SDL's), `x11` in a window (over the whole display
when that has the picture's size), `headless` in memory. When the X server goes, the process ends with it
and is started again; any other loss is said, and the display is tried again every `RETRY_S`.
"""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from chargepoint.config_screen import ScreenSettings
from chargepoint.heap import give_back
from hmi.board import Board, Unsuitable
from hmi.drawing.items import Picture, Rect
from hmi.drawing.painter import Painter
from hmi.evdev import Screens
from hmi.panel import STUCK_S, Touch, TouchKind
from hmi.rotation import Rotation

log = logging.getLogger(__name__)
RETRY_S = 5.0
DRIVERS = {"kmsdrm": "kmsdrm", "x11": "x11", "headless": "dummy"}
HINTS = {
    "SDL_TOUCH_MOUSE_EVENTS": "0",  # a finger is not told a second time as a mouse
    "SDL_MOUSE_TOUCH_EVENTS": "0",
    "SDL_NO_SIGNAL_HANDLERS": "1",  # SIGTERM belongs to the service
    "SDL_VIDEO_ALLOW_SCREENSAVER": "0",
    "SDL_VIDEO_X11_WMCLASS": "chargepoint",
}
HEARD = (
    pygame.FINGERDOWN,
    pygame.FINGERMOTION,
    pygame.FINGERUP,
    pygame.MOUSEBUTTONDOWN,
    pygame.MOUSEMOTION,
    pygame.MOUSEBUTTONUP,
    pygame.WINDOWEXPOSED,
    pygame.WINDOWLEAVE,
    pygame.WINDOWFOCUSLOST,
)
HINTS_OF = {
    "x11": {"SDL_FRAMEBUFFER_ACCELERATION": "0"}  # pixels by shared memory; by OpenGL it loads 65 MiB of a compiler
}
FINGERS = {
    pygame.FINGERDOWN: TouchKind.DOWN,
    pygame.FINGERMOTION: TouchKind.MOVE,
    pygame.FINGERUP: TouchKind.UP,
    pygame.MOUSEBUTTONDOWN: TouchKind.DOWN,
    pygame.MOUSEMOTION: TouchKind.MOVE,
    pygame.MOUSEBUTTONUP: TouchKind.UP,
}
MOUSE = -1
"""Number of the finger that a mouse stands for."""
BACKLIGHT = Path("/sys/class/backlight")
MASK = (90, 90, 90)


class DisplayLost(Exception):
    """There is no display now; it is tried again."""


class Window:
    """A display that may come and go. See `hmi.panel.Panel`. From one thread only."""

    def __init__(
        self, settings: ScreenSettings, title: str = "", monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.rotation = Rotation(settings.rotation, settings.width_px, settings.height_px)
        self._video = settings.video
        self._title = title or "chargepoint"
        self._monotonic = monotonic
        self._tried_s: float | None = None
        self._display: pygame.Surface | None = None
        self._painter: Painter | None = None
        self._board: Board | None = None
        self._screens: Screens | None = None
        self._finger: int | None = None
        self._down_s = 0.0
        self._share = 1.0

    @property
    def size(self) -> tuple[int, int]:
        return self.rotation.width, self.rotation.height

    @property
    def painter(self) -> Painter | None:
        """None before the first opening."""
        return self._painter

    @property
    def is_open(self) -> bool:
        return self._display is not None

    def open(self) -> None:
        """Raises DisplayLost, which says what is the matter and what to look at."""
        give_back()
        try:
            self._display = self._of_board() if self._video == "framebuffer" else self._of_sdl()
        except (pygame.error, OSError, Unsuitable) as error:
            self.close()
            raise DisplayLost(
                f"[screen] video = {self._video!r}, {self.rotation.panel[0]}x{self.rotation.panel[1]}: {error}. "
                + ADVICE[self._video]
            ) from error
        if self._display.get_size() != self.rotation.panel:
            log.error(
                "[screen] says %dx%d, the display is %dx%d: pictures are scaled and slow; correct width_px, height_px",
                *self.rotation.panel,
                *self._display.get_size(),
            )
        canvas = self._display if self._is_direct else pygame.Surface(self.size, 0, self._display)
        if self._painter is None:
            self._painter = Painter(canvas)
        else:
            self._painter.move_to(canvas)
        self._finger = None

    def show(self, picture: Picture, pressed: str = "") -> None:
        """Paint what differs from the picture before; the target `pressed` is shown as held down.

        Raises DisplayLost while there is no display."""
        if self._display is None:
            self._open_again()
        assert self._painter is not None and self._display is not None
        dirty = self._painter.paint(picture, pressed)
        if not dirty:
            return
        try:
            self._bring(dirty)
        except pygame.error as error:
            self.close()
            raise DisplayLost(f"the display was lost: {error}; tried again in {RETRY_S:.0f} s") from error

    def poll(self) -> Sequence[Touch]:
        """Touches since the last call, of the finger that came first; others are ignored until it is gone."""
        if self._display is None:
            return ()
        if self._screens is not None:
            return [self._from_share(*raw) for raw in self._screens.poll()]
        touches: list[Touch] = []
        for event in pygame.event.get():
            if event.type in FINGERS:
                touch = self._touch(event)
                if touch is not None:
                    touches.append(touch)
            elif event.type == pygame.WINDOWEXPOSED:
                pygame.display.flip()
            elif self._finger == MOUSE:
                self._finger = None
                touches.append(Touch(TouchKind.LOST))
        return touches

    def copy(self) -> Shot:
        """What is on the screen, secrets covered. Raises DisplayLost."""
        if self._painter is None:
            raise DisplayLost("nothing has been shown yet")
        return Shot(self._painter.masked_copy())

    def dim(self, share: float) -> None:
        """Where the kernel knows a backlight and we may write to it; silently nothing elsewhere."""
        share = max(0.1, min(1.0, share))
        if share == self._share or self._video == "headless":
            return
        self._share = share
        for light in BACKLIGHT.glob("*"):
            try:
                most = int((light / "max_brightness").read_text(encoding="ascii"))
                (light / "brightness").write_text(str(max(1, round(most * share))), encoding="ascii")
            except (OSError, ValueError) as error:
                log.debug("backlight %s: %s", light.name, error)

    def close(self) -> None:
        self._display = None
        if self._screens is not None:
            self._screens.close()
            self._screens = None
        if self._board is not None:
            self._board.close()
            self._board = None
        pygame.display.quit()

    def _of_sdl(self) -> pygame.Surface:
        """Raises pygame.error."""
        os.environ.update({**HINTS, **HINTS_OF.get(self._video, {})})
        os.environ["SDL_VIDEODRIVER"] = DRIVERS[self._video]
        pygame.display.init()
        pygame.event.set_blocked(None)
        pygame.event.set_allowed(HEARD)
        display = pygame.display.set_mode(self.rotation.panel, self._flags(), 32)
        pygame.display.set_caption(self._title)
        pygame.mouse.set_visible(self._video == "x11" and not display.get_flags() & pygame.NOFRAME)
        return display

    def _of_board(self) -> pygame.Surface:
        """Raises OSError, Unsuitable."""
        self._board = Board()
        self._screens = Screens(self._monotonic)
        return self._board.surface

    @property
    def _is_direct(self) -> bool:
        """Whether the painter may work on the display's own surface; not where every stroke would be seen."""
        assert self._display is not None
        return self._board is None and self.rotation.degrees == 0 and self._display.get_size() == self.rotation.panel

    def _flags(self) -> int:
        if self._video == "kmsdrm":
            return pygame.FULLSCREEN
        if self._video == "x11" and self.rotation.panel in pygame.display.get_desktop_sizes():
            return pygame.NOFRAME
        return 0

    def _open_again(self) -> None:
        now_s = self._monotonic()
        if self._tried_s is not None and now_s - self._tried_s < RETRY_S:
            raise DisplayLost(f"no display; tried again {RETRY_S:.0f} s after the last time")
        self._tried_s = now_s
        self.open()
        log.info("screen: %s, %dx%d, turned by %d", self._video, *self.size, self.rotation.degrees)

    def _bring(self, dirty: list[Rect]) -> None:
        """From the painter's surface to the display, where these are two."""
        assert self._painter is not None and self._display is not None
        canvas = self._painter.surface
        if canvas is self._display:
            pygame.display.update([(rect.x, rect.y, rect.width, rect.height) for rect in dirty])
            return
        boxes: list[pygame.Rect] = []
        if self._display.get_size() != self.rotation.panel:
            turned = pygame.transform.rotate(canvas, -self.rotation.degrees)
            self._display.blit(pygame.transform.scale(turned, self._display.get_size()), (0, 0))
            dirty, boxes = [], [self._display.get_rect()]
        for rect in dirty:
            part = canvas.subsurface((rect.x, rect.y, rect.width, rect.height))
            target = self.rotation.on_panel(rect)
            self._display.blit(pygame.transform.rotate(part, -self.rotation.degrees), (target.x, target.y))
            boxes.append(pygame.Rect(target.x, target.y, target.width, target.height))
        if self._board is None:
            pygame.display.update(boxes)

    def _from_share(self, kind: TouchKind, across: float, down: float) -> Touch:
        """`across`, `down`: shares of the panel."""
        wide, high = self.rotation.panel
        return Touch(kind, *self.rotation.in_picture(int(across * wide), int(down * high)))

    def _touch(self, event: pygame.Event) -> Touch | None:
        kind = FINGERS[event.type]
        is_finger = event.type in (pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP)
        if not is_finger and kind is not TouchKind.MOVE and event.button != 1:
            return None
        finger = event.finger_id if is_finger else MOUSE
        if kind is TouchKind.DOWN:
            now_s = self._monotonic()
            if self._finger is not None and now_s - self._down_s < STUCK_S:
                return None
            self._finger, self._down_s = finger, now_s
        elif finger != self._finger:
            return None
        if kind is TouchKind.UP:
            self._finger = None
        assert self._display is not None
        if is_finger:
            return self._from_share(kind, event.x, event.y)
        wide, high = self._display.get_size()
        return self._from_share(kind, (event.pos[0] + 0.5) / wide, (event.pos[1] + 0.5) / high)


class Shot:
    """What the screen showed at one moment."""

    def __init__(self, surface: pygame.Surface) -> None:
        self._surface = surface

    def encode(self, format: str, scale: float, masked: Sequence[Rect]) -> tuple[bytes, int, int]:
        """`png` or `jpeg`, made smaller by `scale` (0.1 to 1): the bytes, width and height. Raises ValueError."""
        if format not in ("png", "jpeg"):
            raise ValueError(f"format {format!r}: there are png and jpeg")
        surface = self._surface
        for rect in masked:
            surface.fill(MASK, (rect.x, rect.y, rect.width, rect.height))
        scale = max(0.1, min(1.0, scale))
        if scale < 1:
            wide, high = surface.get_size()
            surface = pygame.transform.smoothscale(surface, (max(1, round(wide * scale)), max(1, round(high * scale))))
        out = io.BytesIO()
        pygame.image.save(surface, out, f"screen.{format}")
        return out.getvalue(), *surface.get_size()


ADVICE = {
    "kmsdrm": "The service needs Debian's libgbm1, libegl1 and libgl1-mesa-dri, /dev/dri/card0 and the input devices "
    "(groups video, render and input), and nothing else may hold the display.",
    "framebuffer": "The service needs /dev/fb0 with 32 bits for a pixel, the input devices and the console "
    "(groups video, input and tty).",
    "x11": "There must be a display server, and DISPLAY must name it.",
    "headless": "",
}
