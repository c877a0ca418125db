"""Small CAN nodes for tests."""

from __future__ import annotations

from collections.abc import Callable

from drivers.codecs.can import CanFrame


class Node:
    """Answers a frame of identifier `asked` with the same data backwards under `asked` + 1, and tells the time under
    `asked` + 2 every `every_s`."""

    send: Callable[[CanFrame], None]

    def __init__(self, asked: int, every_s: float = 0.0) -> None:
        self.asked, self.every_s = asked, every_s
        self.is_mute = False
        self.heard = 0
        self._due_s = 0.0

    def received(self, frame: CanFrame, now_s: float) -> None:
        if frame.can_id == self.asked and not self.is_mute:
            self.heard += 1
            self.send(CanFrame(self.asked + 1, frame.data[::-1], frame.is_extended))

    def advance(self, now_s: float) -> None:
        if self.every_s and now_s >= self._due_s and not self.is_mute:
            self._due_s = now_s + self.every_s
            self.send(CanFrame(self.asked + 2, b"\1"))


def backwards_from(asked: int) -> Callable[[CanFrame], bytes | None]:
    """What `Node` answers to `asked`."""
    return lambda frame: frame.data[::-1] if frame.can_id == asked + 1 else None
