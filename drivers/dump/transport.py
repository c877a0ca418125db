"""J1939 transport protocol as GB/T 27930 uses it: messages of more than 8 bytes, put together again.

One transfer for each pair of addresses. Whatever goes wrong on the way is said; nothing of it raises or grows.
"""

from __future__ import annotations

import msgspec

CONNECT, DATA = 0xEC00, 0xEB00
RTS, CTS, END, BAM, ABORT = 16, 17, 19, 32, 255
MOST_BYTES = 1785
MOST_OPEN = 8
SILENT_MS = 1250
"""Longest pause between two packets (T2 of J1939-21)."""

Pair = tuple[int, int]
"""Source and destination address."""


class Transfer(msgspec.Struct):
    """A message on its way. `pieces` are its packets by number."""

    group: int
    size: int
    packets: int
    heard_ms: int
    pieces: dict[int, bytes] = {}

    @property
    def missing(self) -> list[int]:
        return [number for number in range(1, self.packets + 1) if number not in self.pieces]

    def data(self) -> bytes:
        return b"".join(self.pieces[number] for number in sorted(self.pieces))[: self.size]


class Heard(msgspec.Struct, frozen=True):
    """What came of a frame. `group` is that of the transfer it belongs to, where one is known; `data` the whole message
    when it is complete now."""

    words: str
    group: int | None = None
    number: int = 0
    data: bytes | None = None


class Reassembly:
    """All transfers of one session."""

    def __init__(self) -> None:
        self._open: dict[Pair, Transfer] = {}

    def connect(self, pair: Pair, data: bytes, now_ms: int) -> Heard:
        """A frame of group CONNECT."""
        if len(data) < 8:
            return Heard(f"damaged: {len(data)} bytes")
        kind, group = data[0], int.from_bytes(data[5:8], "little")
        size = int.from_bytes(data[1:3], "little")
        back = pair[1], pair[0]
        if kind in (RTS, BAM):
            return self._begin(pair, "RTS" if kind == RTS else "BAM", group, size, data[3], now_ms)
        if kind == CTS:
            told = f"CTS {data[1]} packets from {data[2]}" if data[1] else "CTS wait"
            return Heard(told + ("" if back in self._open else ", of no transfer known"), group)
        if kind == END:
            return self._end(back, group, size)
        if kind == ABORT:
            known = self._open.pop(back, None) or self._open.pop(pair, None)
            return Heard(f"abort, reason {data[1]}", known.group if known else group)
        return Heard(f"unknown control {kind}", group)

    def data(self, pair: Pair, data: bytes, now_ms: int) -> Heard:
        """A frame of group DATA."""
        if len(data) < 2:
            return Heard(f"damaged: {len(data)} bytes")
        number, transfer = data[0], self._open.get(pair)
        if transfer is None:
            return Heard(f"packet {number} of no transfer known", None, number)
        if now_ms - transfer.heard_ms > SILENT_MS:
            del self._open[pair]
            late_s = (now_ms - transfer.heard_ms) / 1000
            return Heard(f"packet {number} came {late_s:.1f} s late, transfer given up", transfer.group, number)
        transfer.heard_ms = now_ms
        if not 1 <= number <= transfer.packets:
            return Heard(f"packet {number} of only {transfer.packets}", transfer.group, number)
        expected = transfer.missing[0]
        note = ""
        if number in transfer.pieces:
            note = " again"
        elif number != expected:
            note = f", {expected} is missing"
        transfer.pieces[number] = data[1:8].ljust(7, b"\xff")
        words = f"packet {number} of {transfer.packets}{note}"
        if transfer.missing:
            return Heard(words, transfer.group, number)
        del self._open[pair]
        return Heard(words, transfer.group, number, transfer.data())

    def _begin(self, pair: Pair, word: str, group: int, size: int, packets: int, now_ms: int) -> Heard:
        words = f"{word} {size} bytes in {packets} packets"
        left = self._open.pop(pair, None)
        if left is not None:
            words += f", the transfer before lacks {_numbers(left.missing)}"
        if not 9 <= size <= MOST_BYTES or packets != (size + 6) // 7:
            return Heard(words + ": cannot be", group)
        if len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[pair] = Transfer(group, size, packets, now_ms, {})
        return Heard(words, group)

    def _end(self, pair: Pair, group: int, size: int) -> Heard:
        left = self._open.pop(pair, None)
        words = f"end of message, {size} bytes"
        if left is not None:
            words += f", but {_numbers(left.missing)} not heard"
        return Heard(words, group)


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"packets {shown}" + (" …" if len(numbers) > 5 else "")
