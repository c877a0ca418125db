"""The frames a simulated controller keeps for a session dump: a ring with numbers, a reader's position and losses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from drivers.interfaces import FrameKind, VehicleFrame

DEPTH = 1024
REPEAT_S = 1.0
"""A frame that says what the last one of its identifier said is kept again only after this long."""


class FrameRing:
    """Frames in order, numbered from 1; what is not taken in time is overwritten."""

    def __init__(self) -> None:
        self.next_number = 1
        self.lost = 0
        self.taken = 0
        self._frames: deque[VehicleFrame] = deque(maxlen=DEPTH)
        self._said: dict[tuple[FrameKind, int], tuple[bytes, float]] = {}

    def keep(self, at_s: float, kind: FrameKind, can_id: int, data: bytes, *, also_again: bool = False) -> None:
        """A frame passed. `also_again`: keep it although its data are those of the last one."""
        said = self._said.get((kind, can_id))
        if not also_again and said is not None and said[0] == data and at_s - said[1] < REPEAT_S:
            return
        self._said[kind, can_id] = data, at_s
        if len(self._frames) == DEPTH and self._oldest >= self.taken:
            self.lost += 1
        self._frames.append(VehicleFrame(round(at_s * 1000) & 0xFFFF_FFFF, kind, can_id, data))
        self.next_number += 1

    def take(self, number: int) -> None:
        """All frames below `number` were read. A number that is still to come is of an earlier life, and ignored."""
        if number <= self.next_number:
            self.taken = number

    def batch(self) -> tuple[int, Iterable[VehicleFrame]]:
        """The number of the first frame that was not taken and is still there, and the frames from it on."""
        first = max(self._oldest, self.taken)
        return first, islice(self._frames, first - self._oldest, None)

    @property
    def _oldest(self) -> int:
        return self.next_number - len(self._frames)
