"""What the faces of Modbus meters share: values as registers, and a device that answers by a table of them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue
from drivers.simulated.meter import Meter


class Words(dict[int, int]):
    """Registers by address. `swapped`: the low word comes first where the device sends the high one, and back."""

    def __init__(self, swapped: bool = False) -> None:
        super().__init__()
        self._swapped = swapped

    def real(self, address: int, value: float) -> None:
        """A float over two registers, high word first."""
        self._put(address, list(struct.unpack(">HH", struct.pack(">f", value))), self._swapped)

    def whole(
        self,
        address: int,
        value: float,
        step: float = 1.0,
        count: int = 2,
        *,
        missing: int = 0,
        low_first: bool = False,
    ) -> None:
        """A whole number of `step`s over `count` registers; `missing` for what is not a number."""
        number = missing if math.isnan(value) else round(value / step)
        number &= (1 << 16 * count) - 1
        words = [number >> 16 * at & 0xFFFF for at in reversed(range(count))]
        self._put(address, words, self._swapped is not low_first)

    def text(self, address: int, count: int, text: str) -> None:
        """Characters, filled up with zeros."""
        data = text.encode("ascii").ljust(2 * count, b"\0")[: 2 * count]
        self._put(address, [int.from_bytes(data[at : at + 2], "big") for at in range(0, 2 * count, 2)], False)

    def _put(self, address: int, words: list[int], turned: bool) -> None:
        self.update(enumerate(reversed(words) if turned else words, address))


class TableFace:
    """A Modbus meter that answers from `words`. `functions` are those it knows, `most` registers it gives at once.

    Between the values of one map it gives zeros, as devices do; `ranges` (first and behind-the-last address) are its
    maps, outside of which there is nothing. None: there is nothing but the values.
    """

    def __init__(
        self,
        model: Meter,
        words: Callable[[], Words],
        *,
        functions: Collection[Function],
        most: int = 125,
        ranges: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        self.model = model
        self._words = words
        self._functions = frozenset(functions)
        self._most = most
        self._ranges = ranges

    @property
    def registers(self) -> TableFace:
        return self

    @property
    def answers(self) -> bool:
        return not self.model.silent

    @property
    def delay_s(self) -> float:
        return self.model.delay_s

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        """Raises IllegalFunction, IllegalValue for too many, IllegalAddress outside of its maps."""
        if function not in self._functions:
            raise IllegalFunction
        if count > self._most:
            raise IllegalValue
        words = self._words()
        if self._ranges is None:
            if any(at not in words for at in range(start, start + count)):
                raise IllegalAddress
        elif not any(low <= start and start + count <= high for low, high in self._ranges):
            raise IllegalAddress
        return [words.get(at, 0) for at in range(start, start + count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        """Nothing can be written here, but in sessions of meters that sign."""
        raise IllegalFunction
