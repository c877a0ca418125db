"""One end of the bus as the hub sees it: reads a peer's frames in small portions, so that no peer holds up another."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Protocol

import msgspec

from chargepoint import frames
from chargepoint.frames import BadFrames, Cutter, Outbox

FRAMES_PER_TURN = 32
"""Taken from one peer before the others have their turn."""
FRAME_COST_BYTES = 256
"""What a frame counts besides its length."""
SHORTEST_PAUSE_S = 0.001
MAX_KEPT_EVENTS = 256


class Pace(msgspec.Struct, frozen=True):
    """What one peer may send: `bytes_per_s` on average, `burst_bytes` at once; a frame counts 256 and its length."""

    bytes_per_s: float = 8e6
    burst_bytes: float = 4e6


class KeptEvent(msgspec.Struct, frozen=True, eq=False):
    """`number` grows in the order in which such events are sent to the service they are kept for."""

    number: int
    name: str
    sender: str
    body: msgspec.Raw


class Owner(Protocol):
    """What a peer tells the exchange it belongs to."""

    def take(self, peer: Peer, body: bytes) -> None:
        """One frame's body. Raises BadFrames when it is none."""

    def end(self, peer: Peer, cause: str, is_fault: bool = False) -> None:
        """The peer is to be closed: it has gone, or (`is_fault`) what it sends are no frames."""


class Peer:
    """A socket with a name, and what the exchange remembers of it.

    `open_calls` are its own; `called_s` is when it was last asked, or answered (the loop's time). `is_leaving`: it was
    asked to end and gets no more calls.
    """

    def __init__(self, name: str, sock: socket.socket, owner: Owner, pace: Pace | None) -> None:
        self.name = name
        self.is_gone = False
        self.outbox = Outbox(sock, lambda cause: owner.end(self, cause))
        self.events: set[str] = set()
        self.prefixes: set[str] = set()
        self.untaken: deque[KeptEvent] = deque(maxlen=MAX_KEPT_EVENTS)
        self.open_calls = 0
        self.called_s = 0.0
        self.is_leaving = False
        self.refusals: dict[str, int] = {}
        self._socket = sock
        self._owner = owner
        self._pace = pace
        self._cutter = Cutter()
        self._credit_bytes = pace.burst_bytes if pace is not None else 0.0
        self._credit_at_s = 0.0
        self._is_reading = False
        self._continuation: asyncio.Handle | None = None
        sock.setblocking(False)

    def begin(self) -> None:
        self._credit_at_s = asyncio.get_running_loop().time()
        self._read(True)

    def close(self) -> None:
        """Read and send nothing more. What stands in the outbox is lost."""
        self.is_gone = True
        self._read(False)
        if self._continuation is not None:
            self._continuation.cancel()
        self.outbox.close()
        self._socket.close()

    def watches(self, topic: str) -> bool:
        return any(topic.startswith(prefix) for prefix in self.prefixes)

    def _read(self, wish: bool) -> None:
        if self._is_reading == wish:
            return
        self._is_reading = wish
        loop = asyncio.get_running_loop()
        if wish:
            loop.add_reader(self._socket.fileno(), self._readable)
        else:
            loop.remove_reader(self._socket.fileno())

    def _readable(self) -> None:
        try:
            data = self._socket.recv(frames.READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._owner.end(self, f"cannot be read from ({error})")
            return
        if not data:
            self._owner.end(self, "")
            return
        self._cutter.feed(data)
        self._work()

    def _work(self) -> None:
        """Take at most a turn's worth of frames; what is left waits until the others had theirs."""
        self._continuation = None
        spent_bytes, taken = 0, 0
        try:
            while taken < FRAMES_PER_TURN and (body := self._cutter.next()) is not None:
                taken += 1
                spent_bytes += len(body) + FRAME_COST_BYTES
                self._owner.take(self, body)
                if self.is_gone:
                    return
        except BadFrames as error:
            self._owner.end(self, str(error), is_fault=True)
            return
        self._go_on(self._pause_s(spent_bytes), has_more=taken == FRAMES_PER_TURN)

    def _go_on(self, pause_s: float, has_more: bool) -> None:
        """Read on at once, or later: when frames may be left, or when the peer has used up its credit."""
        loop = asyncio.get_running_loop()
        if pause_s > SHORTEST_PAUSE_S:
            self._read(False)
            self._continuation = loop.call_later(pause_s, self._work)
        elif has_more:
            self._read(False)
            self._continuation = loop.call_soon(self._work)
        else:
            self._read(True)

    def _pause_s(self, spent_bytes: int) -> float:
        if self._pace is None:
            return 0.0
        now_s = asyncio.get_running_loop().time()
        earned = (now_s - self._credit_at_s) * self._pace.bytes_per_s
        self._credit_bytes = min(self._pace.burst_bytes, self._credit_bytes + earned) - spent_bytes
        self._credit_at_s = now_s
        return max(0.0, -self._credit_bytes / self._pace.bytes_per_s)
