"""Touches from the kernel's input devices, without a display server. Keyboards, mice and the rest are not opened.

Source: Linux Documentation/input (event-codes, multi-touch-protocol type B), include/uapi/linux/input.h.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from hmi.panel import STUCK_S, TouchKind

log = logging.getLogger(__name__)
EVENT = struct.Struct("llHHi")
"""struct input_event: seconds, microseconds, type, code, value."""
EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
SYN_REPORT, SYN_DROPPED = 0, 3
BTN_TOUCH = 0x14A
ABS_X, ABS_Y, ABS_MT_SLOT, ABS_MT_X, ABS_MT_Y, ABS_MT_ID = 0x00, 0x01, 0x2F, 0x35, 0x36, 0x39
LOOK_AGAIN_S = 5.0
AT_ONCE = 64
"""Events read at a time."""

Raw = tuple[TouchKind, float, float]
"""Where on the panel, shares of its width and height."""


class Range(msgspec.Struct, frozen=True):
    """Of one axis: the device counts from `least` to `most`."""

    least: int
    most: int

    def share(self, value: int) -> float:
        return max(0.0, min(1.0, (value - self.least) / max(1, self.most - self.least)))


class Fingers:
    """From events to touches of the finger that came first; one that stays for `STUCK_S` (water, dirt) gives way to the
    next that comes. `now_s` of `feed`: monotonic. Pure."""

    def __init__(self, across: Range, down: Range) -> None:
        self._since_s = 0.0
        self._across = across
        self._down = down
        self._slot = 0
        self._followed: int | None = None
        """Slot of the finger; 0 for devices that know only one."""
        self._is_down = False
        self._was_down = False
        self._x = 0
        self._y = 0
        self._has_moved = False
        self._is_dropped = False

    def feed(self, type: int, code: int, value: int, now_s: float = 0.0) -> Iterator[Raw]:
        if type == EV_SYN and code == SYN_DROPPED:
            self._is_dropped = True
        elif type == EV_SYN and code == SYN_REPORT:
            yield from self._reported()
        elif self._is_dropped:
            return
        elif type == EV_KEY and code == BTN_TOUCH and self._followed is None:
            self._is_down = bool(value)
        elif type == EV_ABS:
            self._moved(code, value, now_s)

    def _moved(self, code: int, value: int, now_s: float) -> None:
        if code == ABS_MT_SLOT:
            self._slot = value
        elif code == ABS_MT_ID:
            is_stuck = self._followed is not None and now_s - self._since_s >= STUCK_S
            if value >= 0 and (is_stuck or (self._followed is None and not self._is_down)):
                self._followed, self._is_down, self._since_s = self._slot, True, now_s
                self._was_down = False
            elif value < 0 and self._slot == self._followed:
                self._followed, self._is_down = None, False
        elif code in (ABS_MT_X, ABS_MT_Y) and self._slot == self._followed:
            self._placed(code == ABS_MT_X, value)
        elif code in (ABS_X, ABS_Y) and self._followed is None:
            self._placed(code == ABS_X, value)

    def _placed(self, is_x: bool, value: int) -> None:
        if is_x:
            self._x = value
        else:
            self._y = value
        self._has_moved = True

    def _reported(self) -> Iterator[Raw]:
        where = self._across.share(self._x), self._down.share(self._y)
        if self._is_dropped:
            if self._was_down:
                yield TouchKind.LOST, *where
            self._is_dropped = self._is_down = self._was_down = False
            self._followed = None
        elif self._is_down != self._was_down:
            yield TouchKind.DOWN if self._is_down else TouchKind.UP, *where
        elif self._is_down and self._has_moved:
            yield TouchKind.MOVE, *where
        self._was_down, self._has_moved = self._is_down, False


class Screens:
    """All touch screens there are; looked for again every `LOOK_AGAIN_S` while there is none."""

    def __init__(self, monotonic: Callable[[], float], folder: Path = Path("/dev/input")) -> None:
        self._monotonic = monotonic
        self._folder = folder
        self._open: dict[int, Fingers] = {}
        self._looked_s: float | None = None

    def poll(self) -> list[Raw]:
        if not self._open:
            self._look()
        found: list[Raw] = []
        for device in list(self._open):
            found += self._read(device)
        return found

    def close(self) -> None:
        for device in self._open:
            os.close(device)
        self._open.clear()

    def _look(self) -> None:
        now_s = self._monotonic()
        if self._looked_s is not None and now_s - self._looked_s < LOOK_AGAIN_S:
            return
        is_first, self._looked_s = self._looked_s is None, now_s
        for path in sorted(self._folder.glob("event*")):
            try:
                device = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                log.debug("%s: %s", path, error)
                continue
            ranges = ranges_of(device)
            if ranges is None:
                os.close(device)
                continue
            self._open[device] = Fingers(*ranges)
            log.info("touch screen: %s", path)
        if is_first and not self._open:
            log.warning("no touch screen in %s; the service needs the group input", self._folder)

    def _read(self, device: int) -> Iterator[Raw]:
        try:
            while True:
                data = os.read(device, AT_ONCE * EVENT.size)
                for _, _, type, code, value in EVENT.iter_unpack(data[: len(data) // EVENT.size * EVENT.size]):
                    yield from self._open[device].feed(type, code, value, self._monotonic())
                if len(data) < AT_ONCE * EVENT.size:
                    return
        except BlockingIOError:
            return
        except OSError as error:
            log.warning("the touch screen went: %s", error)
            with contextlib.suppress(OSError):
                os.close(device)
            del self._open[device]
            yield TouchKind.LOST, 0.0, 0.0


def ranges_of(device: int) -> tuple[Range, Range] | None:
    """The axes of a touch screen, kept for us alone; None for any other device."""
    try:
        keys = fcntl.ioctl(device, _asks(0x20 + EV_KEY, 96), bytes(96))
        axes = fcntl.ioctl(device, _asks(0x20 + EV_ABS, 8), bytes(8))
        if not _has(keys, BTN_TOUCH):
            return None
        pair = (ABS_MT_X, ABS_MT_Y) if _has(axes, ABS_MT_X) else (ABS_X, ABS_Y)
        if not all(_has(axes, axis) for axis in pair):
            return None
        across, down = (_range(fcntl.ioctl(device, _asks(0x40 + axis, 24), bytes(24))) for axis in pair)
        fcntl.ioctl(device, 1 << 30 | 4 << 16 | ord("E") << 8 | 0x90, 1)  # EVIOCGRAB
    except OSError:
        return None
    return across, down


def _asks(number: int, size: int) -> int:
    """An ioctl number of the group E that reads `size` bytes."""
    return 2 << 30 | size << 16 | ord("E") << 8 | number


def _has(bits: bytes, number: int) -> bool:
    return bool(bits[number // 8] >> number % 8 & 1)


def _range(answer: bytes) -> Range:
    _, least, most, *_ = struct.unpack("6i", answer)
    return Range(least, most)
