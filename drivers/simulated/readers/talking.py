"""Simulated readers that only talk: while a card lies in the field its bytes are said again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from drivers.simulated.devices import Late
from drivers.simulated.reader_field import CardField


class TalkingReader:
    """A `ByteDevice` that says `encode(number)` every `every_s` while a card lies there."""

    def __init__(self, field: CardField, encode: Callable[[bytes], bytes], every_s: float) -> None:
        self.field = field
        self.send: Callable[[bytes], None] = lambda data: None
        self._encode = encode
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None
        field.on_tap = self._tapped

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        """It hears nothing."""
        return ()

    def _tapped(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._say)  # type: ignore[assignment]

    def _say(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for number in self.field.look(loop.time()):
            self.send(self._encode(number))
        if not self.field.is_idle:
            self._timer = loop.call_later(self._every_s, self._say)
