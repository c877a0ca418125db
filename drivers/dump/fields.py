"""Fields of a message as tables: where they stand, and how their number is put into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

UNKNOWN = "–"
"""What stands where a field says that it has no value (all ones)."""

Words = Callable[[int], str]


class Field(msgspec.Struct, frozen=True):
    """`size` bytes from byte `at` (from 0), little-endian. An empty `name` shows the words alone; words that are empty
    leave it out. `has_mark`: all ones means that there is no value."""

    at: int
    size: int
    name: str
    words: Words
    has_mark: bool = True

    def show(self, data: bytes) -> str:
        """Empty when the message is too short for it."""
        piece = data[self.at : self.at + self.size]
        if len(piece) < self.size:
            return ""
        number = int.from_bytes(piece, "little")
        is_missing = self.has_mark and number == (1 << 8 * self.size) - 1
        words = UNKNOWN if is_missing else self.words(number)
        return f"{self.name} {words}".strip() if words else ""


class Text(msgspec.Struct, frozen=True):
    """ASCII in `size` bytes from byte `at`."""

    at: int
    size: int
    name: str

    def show(self, data: bytes) -> str:
        piece = data[self.at : self.at + self.size]
        words = printable(piece.rstrip(b"\xff\0"))
        return f"{self.name} {words}" if words else ""


class Bits(msgspec.Struct, frozen=True):
    """Flags in the byte `at`: bit -> word. `none` is said when no bit is set."""

    at: int
    words: Mapping[int, str]
    none: str = ""

    def show(self, data: bytes) -> str:
        if self.at >= len(data):
            return ""
        found = [word for bit, word in self.words.items() if data[self.at] >> bit & 1]
        return ", ".join(found) or self.none


class Pairs(msgspec.Struct, frozen=True):
    """Pairs of bits, (byte, first bit) -> word: 01 is set, 10 unreliable, 00 and 11 say nothing. `none` is said when
    nothing is set."""

    words: Mapping[tuple[int, int], str]
    none: str = ""

    def show(self, data: bytes) -> str:
        found = []
        for (at, bit), word in self.words.items():
            value = data[at] >> bit & 3 if at < len(data) else 0
            if value in (1, 2):
                found.append(word if value == 1 else f"{word} (unreliable)")
        return ", ".join(found) or self.none


class Choice(msgspec.Struct, frozen=True):
    """`bits` bits of the byte `at` from bit `first`, as one of `words`; others as a number."""

    at: int
    first: int
    bits: int
    name: str
    words: Mapping[int, str]

    def show(self, data: bytes) -> str:
        if self.at >= len(data):
            return ""
        value = data[self.at] >> self.first & (1 << self.bits) - 1
        words = self.words.get(value, f"0x{value:X}")
        return f"{self.name} {words}".strip() if words else ""


class Own(msgspec.Struct, frozen=True):
    """Anything that a table cannot say."""

    words: Callable[[bytes], str]

    def show(self, data: bytes) -> str:
        return self.words(data)


Part = Field | Text | Bits | Pairs | Choice | Own


class Message(msgspec.Struct, frozen=True):
    """A kind of message: its parts in the order they are shown. `length` is the least number of bytes it has."""

    name: str
    title: str
    parts: Sequence[Part]
    length: int = 0

    def show(self, data: bytes) -> str:
        """Its parts in words."""
        found = [words for part in self.parts if (words := part.show(data))]
        if len(data) < self.length:
            found.append(f"cut short: {len(data)} of {self.length} bytes")
        return ", ".join(found)


def scaled(step: float, unit: str, offset: float = 0.0, places: int = 1) -> Words:
    """number * step + offset, in `unit`."""
    return lambda number: f"{number * step + offset:.{places}f} {unit}"


def plain(unit: str = "", offset: int = 0) -> Words:
    """A whole number."""
    return lambda number: f"{number + offset} {unit}".rstrip()


def one_of(words: Mapping[int, str]) -> Words:
    return lambda number: words.get(number, f"0x{number:02X}")


def printable(data: bytes) -> str:
    """Bytes as ASCII; what is not printable is a full stop."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
