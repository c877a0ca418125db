"""A simulated strip behind a serial controller that takes whole frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.codecs.lights import colours_of
from drivers.simulated.devices import Late
from drivers.simulated.strip_model import StripModel

MOST_BYTES = 16_384
Decode = Callable[[bytes], tuple[bytes, bytes] | None]


class SerialController:
    """A `ByteDevice`: frames in, nothing out."""

    def __init__(self, model: StripModel, order: str, decode: Decode) -> None:
        self.model = model
        self.send: Callable[[bytes], None] = lambda data: None
        self._order = order
        self._decode = decode
        self._data = b""

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        self._data = (self._data + data)[-MOST_BYTES:]
        try:
            while (found := self._decode(self._data)) is not None:
                shown, self._data = found
                self.model.show(colours_of(shown, self._order))
        except ValueError:
            self.model.damaged += 1
            self._data = b""
        return []
