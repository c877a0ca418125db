"""The board's own display memory (`/dev/fb0`), without a display server and without a graphics driver.

SDL's kmsdrm needs OpenGL ES; where the board has no graphics processor that is some 65 MiB of a compiler and slow. The
text console is told to leave the screen alone, and its keyboard is muted, until `close`.

Source: Linux include/uapi/linux/fb.h, kd.h.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from pathlib import Path

import msgspec
import pygame

DEVICE = Path("/dev/fb0")
CONSOLE = Path("/dev/tty0")
FBIOGET_VSCREENINFO, FBIOGET_FSCREENINFO = 0x4600, 0x4602
KDSETMODE, KDSKBMODE, KDGKBMODE = 0x4B3A, 0x4B45, 0x4B44
KD_TEXT, KD_GRAPHICS, K_OFF = 0, 1, 4
COLOURS = (16, 8, 0)
"""Where red, green and blue begin in a pixel."""


class Unsuitable(Exception):
    """The display memory is of a kind we do not write."""


class Shape(msgspec.Struct, frozen=True):
    """Pixels that are seen, those before them in memory, and bytes from one row to the next."""

    width: int
    height: int
    left: int
    top: int
    rows: int
    pitch: int


def shape_of(variable: bytes, fixed: bytes) -> Shape:
    """From fb_var_screeninfo (160 bytes) and fb_fix_screeninfo (80 bytes, 64 bit). Raises Unsuitable."""
    width, height, _, rows, left, top, depth, _ = struct.unpack_from("8I", variable)
    colours = tuple(struct.unpack_from("I", variable, 32 + 12 * number)[0] for number in range(3))
    (pitch,) = struct.unpack_from("I", fixed, 48)
    if depth != 32 or colours != COLOURS:
        raise Unsuitable(f"{depth} bits for a pixel, colours at {colours}; we write 32 bits, colours at {COLOURS}")
    if pitch % 4 or pitch < 4 * width or rows < height + top:
        raise Unsuitable(f"{width}x{height} pixels with {pitch} bytes for a row and {rows} rows")
    return Shape(width, height, left, top, rows, pitch)


class Board:
    """Open display memory; `surface` is what is seen."""

    def __init__(self, device: Path | None = None, console: Path | None = None) -> None:
        """Raises OSError, Unsuitable."""
        handle = os.open(device or DEVICE, os.O_RDWR | os.O_CLOEXEC)
        try:
            shape = shape_of(
                fcntl.ioctl(handle, FBIOGET_VSCREENINFO, bytes(160)),
                fcntl.ioctl(handle, FBIOGET_FSCREENINFO, bytes(80)),
            )
            self._memory = mmap.mmap(handle, shape.pitch * shape.rows)
        finally:
            os.close(handle)
        self.surface = seen(self._memory, shape)
        self._console = -1
        self._keyboard = -1
        with contextlib.suppress(OSError):  # a board without a console has none to silence
            self._console = os.open(console or CONSOLE, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            (self._keyboard,) = struct.unpack("i", fcntl.ioctl(self._console, KDGKBMODE, bytes(4)))
            fcntl.ioctl(self._console, KDSETMODE, KD_GRAPHICS)
            fcntl.ioctl(self._console, KDSKBMODE, K_OFF)

    def close(self) -> None:
        self.surface.fill((0, 0, 0))
        if self._console >= 0:
            with contextlib.suppress(OSError):
                if self._keyboard >= 0:
                    fcntl.ioctl(self._console, KDSKBMODE, self._keyboard)
                fcntl.ioctl(self._console, KDSETMODE, KD_TEXT)
            os.close(self._console)
            self._console = -1


def seen(memory: mmap.mmap, shape: Shape) -> pygame.Surface:
    """A surface on the memory itself: what is drawn there is on the display."""
    whole = pygame.image.frombuffer(memory, (shape.pitch // 4, shape.rows), "BGRA")
    return whole.subsurface((shape.left, shape.top, shape.width, shape.height))
