"""A simulated card reader: taps wait in a queue until whoever listens has acknowledged them. One text line each.

    station -> reader   READY            it listens now; a tap that was not acknowledged is said again
    reader  -> station  04A2B3C4D5E680   a card, or with the connectors it is meant for: 04A2B3C4D5E680 1,3
    station -> reader   OK               taken
    station -> reader   NO               refused: not a card by the grammar; it is not said again

Lines end with a line feed and are ASCII of at most 64 bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

MOST_WAITING = 10_000
MOST_LINE = 64


class Tap(msgspec.Struct, frozen=True):
    """A card held to the reader; `connectors` is empty when the tap names none."""

    uid: str
    connectors: tuple[int, ...] = ()

    @property
    def line(self) -> bytes:
        named = " " + ",".join(str(number) for number in self.connectors) if self.connectors else ""
        return f"{self.uid}{named}\n".encode("ascii", "replace")


class SimulatedReader:
    """The reader's side of the line: no I/O of its own, `send` puts bytes on the wire."""

    def __init__(self, name: str, connectors: tuple[int, ...] = ()) -> None:
        self.name = name
        self.connectors = connectors
        self.waiting: deque[Tap] = deque()
        self.is_listened_to = False
        self.taken = 0
        self.refused = 0
        self.is_powered = True
        self._said = False
        self._data = b""
        self._send: Callable[[bytes], None] | None = None

    def tap(self, uid: str, connectors: tuple[int, ...] = ()) -> None:
        """Hold a card to it. Raises OverflowError when 10,000 taps wait already."""
        if len(self.waiting) >= MOST_WAITING:
            raise OverflowError(f"reader '{self.name}': {MOST_WAITING} taps wait and nobody listens")
        self.waiting.append(Tap(uid, connectors))
        self._say()

    def opened(self, send: Callable[[bytes], None]) -> None:
        """A wire is there; nobody listens until READY comes."""
        self._send = send
        self.closed_off()

    def closed_off(self) -> None:
        """Whoever listened is gone."""
        self.is_listened_to = self._said = False
        self._data = b""

    def received(self, data: bytes) -> None:
        """Bytes from the station."""
        if not self.is_powered:
            return
        self._data = (self._data + data)[-MOST_LINE * 4 :]
        while b"\n" in self._data:
            line, self._data = self._data.split(b"\n", 1)
            self._heard(line.strip())

    def _heard(self, line: bytes) -> None:
        if line == b"READY":
            self.is_listened_to = True
            self._said = False
        elif line in (b"OK", b"NO") and self._said and self.waiting:
            self.waiting.popleft()
            self._said = False
            self.taken += line == b"OK"
            self.refused += line == b"NO"
        self._say()

    def _say(self) -> None:
        """One tap at a time: the next one after the answer."""
        if self._send is None or not self.waiting or self._said or not self.is_listened_to or not self.is_powered:
            return
        self._said = True
        self._send(self.waiting[0].line)
