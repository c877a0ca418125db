"""What a port counts, of itself and of each device on it; kept small, whatever happens on the wire."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterator

import msgspec

from drivers.codecs.can import CanFrame
from drivers.errors import DeviceError, NoAnswer, Refused

LATENCIES = 256
"""So many answers the latencies are told of."""
FRAMES = 32
"""So many frames are kept for people to look at."""
MOST_DEVICES = 512
"""Devices that are counted one by one; a search over all addresses is not to fill the memory."""
MOST_SHOWN = 64
"""Bytes of a frame that are shown."""


class Exchanges(msgspec.Struct):
    """Counters of questions since the port was made.

    `answers` counts good replies with values, `refused` those that say no; requests = answers + refused + no_answer +
    bad_frame (+ the one under way). `causes`: strays and bad frames by kind (`drivers.codecs.modbus.Fault`).
    `last_error` is empty while the last question was answered. `latencies_s` are of the last 256 answers, from the
    begin of the question to the end of the answer.
    """

    requests: int = 0
    answers: int = 0
    refused: int = 0
    no_answer: int = 0
    bad_frame: int = 0
    last_error: str = ""
    last_answer_mono_s: float | None = None
    causes: dict[str, int] = {}
    latencies_s: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=LATENCIES))

    def count(self, cause: str) -> None:
        self.causes[cause] = self.causes.get(cause, 0) + 1

    @property
    def errors(self) -> dict[str, int]:
        """What went wrong, by kind, without what never happened."""
        return {kind: number for kind, number in self._errors() if number}

    def _errors(self) -> Iterator[tuple[str, int]]:
        yield "no answer", self.no_answer
        yield "refused", self.refused
        yield from self.causes.items()

    @property
    def p50_ms(self) -> float | None:
        """Half of the last answers came within this; None before the first."""
        return self._share_ms(0.5)

    @property
    def p99_ms(self) -> float | None:
        """99 of 100 of the last answers came within this; None before the first."""
        return self._share_ms(0.99)

    def _share_ms(self, share: float) -> float | None:
        if not self.latencies_s:
            return None
        in_order = sorted(self.latencies_s)
        return round(1000 * in_order[min(int(share * len(in_order)), len(in_order) - 1)], 3)


class Statistics(Exchanges):
    """Of a whole port. `skipped`: not asked, because the asker had gone. `late`: answers that came after their time.
    `lost`: how often the wire broke."""

    skipped: int = 0
    late: int = 0
    lost: int = 0

    def _errors(self) -> Iterator[tuple[str, int]]:
        yield from Exchanges._errors(self)
        yield from (("late", self.late), ("lost", self.lost))


class Devices(dict[Hashable, Exchanges]):
    """Counters by device; one that was never asked has none."""

    def of(self, device: Hashable) -> Exchanges:
        """The counters of a device, to count on. Those of one too many are thrown away."""
        found = self.get(device)
        if found is None:
            found = Exchanges()
            if len(self) < MOST_DEVICES:
                self[device] = found
        return found


class Tally:
    """One question on the counters of its port and of its device."""

    __slots__ = ("_both",)

    def __init__(self, port: Exchanges, device: Exchanges) -> None:
        self._both = (port, device)
        port.requests += 1
        device.requests += 1

    def answered(self, asked_s: float, now_s: float) -> None:
        for counted in self._both:
            counted.answers += 1
            counted.last_error = ""
            counted.last_answer_mono_s = now_s
            counted.latencies_s.append(now_s - asked_s)

    def failed(self, error: DeviceError) -> None:
        """It was refused, came damaged, or not at all."""
        for counted in self._both:
            if isinstance(error, NoAnswer):
                counted.no_answer += 1
            elif isinstance(error, Refused):
                counted.refused += 1
            else:
                counted.bad_frame += 1
            counted.last_error = str(error)

    def left(self) -> None:
        """Who asked did not wait for the answer: it tells nothing of the device."""
        for counted in self._both:
            counted.requests -= 1

    def count(self, cause: str) -> None:
        """What was seen beside an answer, or instead of one."""
        for counted in self._both:
            counted.count(cause)


class Frames:
    """The last frames of a port with their times."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, bool, object]] = deque(maxlen=FRAMES)
        self._hidden_until_s = -math.inf

    def sent(self, at_s: float, frame: object, *, is_private: bool = False) -> None:
        """`frame`: bytes, text, a CanFrame, or its fields as a tuple (which costs less). Of what may name a vehicle or
        a person is kept how long it was."""
        self._kept.append((at_s, True, _length(frame) if is_private else frame))

    def received(self, at_s: float, frame: object, *, is_private: bool = False) -> None:
        """As `sent`; nothing is kept of what is empty."""
        if frame:
            is_hidden = is_private or at_s < self._hidden_until_s
            self._kept.append((at_s, False, _length(frame) if is_hidden else frame))

    def hide_until(self, at_s: float) -> None:
        """What comes until then may be a late answer of that kind."""
        self._hidden_until_s = at_s

    def lines(self) -> tuple[str, ...]:
        """Oldest first, each as `12.345 > 01 03 00 00 00 02 C4 0B` (`>` sent, `<` received)."""
        return tuple(f"{at_s:.3f} {'>' if is_sent else '<'} {_text(frame)}" for at_s, is_sent, frame in self._kept)


def _length(frame: object) -> object:
    return f"({len(frame)} bytes, not shown)" if isinstance(frame, bytes) else frame


def _text(frame: object) -> str:
    if isinstance(frame, tuple):
        return str(CanFrame(*frame))
    if not isinstance(frame, bytes):
        return str(frame)
    more = f" … ({len(frame)} bytes)" if len(frame) > MOST_SHOWN else ""
    return frame[:MOST_SHOWN].hex(" ").upper() + more
