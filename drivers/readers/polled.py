"""Readers that are asked again and again what lies on them. What is asked, and how, is each reader's own."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from typing import Generic, TypeVar

from msgspec.structs import replace

from drivers.errors import DeviceError, NoAnswer
from drivers.interfaces import Card, Identity, ReaderHealth
from drivers.ports.wire import Wire
from drivers.readers.numbers import PARTIAL, SEVERAL, key_of, nobody
from drivers.readers.presence import Presence

MISSES = 3
"""Looks that fail in a row before a reader counts as gone."""
MOST_WAITING = 64
"""Items that came in and nobody has taken; more are thrown away."""

Item = TypeVar("Item")
"""What the bytes of the wire are cut into: a frame, a line."""


class PolledReader(ABC, Generic[Item]):
    """A reader on a wire of its own, looked at every `poll_s`; a card away for `gone_after_s` counts anew."""

    def __init__(self, name: str, wire: Wire, *, identity: Identity, poll_s: float, gone_after_s: float) -> None:
        self.name = name
        self._wire = wire
        self._where = f"reader '{name}' ({wire.where})"
        self._poll_s = poll_s
        self._items: asyncio.Queue[Item | None] = asyncio.Queue()
        self._identity = identity
        self._presence = Presence(gone_after_s)
        self._heard_s: float | None = None
        self._polls = self._errors = self._refused = 0

    @abstractmethod
    def _cut(self, data: bytes) -> Iterable[Item]:
        """What is whole, with these bytes. Raises nothing."""

    @abstractmethod
    def _forget(self) -> None:
        """Nothing of what was cut so far counts any more."""

    @abstractmethod
    async def _set_up(self) -> None:
        """Make it ready, and learn who it is. Raises DeviceError."""

    @abstractmethod
    async def _look(self) -> tuple[Card, ...]:
        """All cards that lie there now. Raises DeviceError."""

    async def _recover(self) -> None:
        """After a look that failed, before the next. Raises DeviceError, which is not counted."""

    def health(self) -> ReaderHealth:
        return ReaderHealth(
            identity=self._identity,
            heard_s=self._heard_s,
            polls=self._polls,
            errors=self._errors,
            refused=self._refused,
            place=self._wire.where,
        )

    async def cards(self) -> AsyncIterator[Card]:
        """Each card once when it is put on; opens the wire, closes it at the end. Raises NoAnswer when it is lost, or
        answers no more."""
        try:
            await self._open()
            misses = 0
            while True:
                begun_s = self._now_s()
                self._polls += 1
                try:
                    found = await self._look()
                except DeviceError as error:
                    self._errors += 1
                    misses += 1
                    if misses >= MISSES or not self._wire.is_open:
                        raise NoAnswer(f"{self._where}: {error}") from None
                    with contextlib.suppress(DeviceError):
                        await self._recover()
                    continue
                misses = 0
                self._heard_s = self._now_s()
                for card in self._new(found):
                    yield replace(card, read_ms=round(1000 * (self._heard_s - begun_s), 1))
                await asyncio.sleep(self._poll_s)
        finally:
            with contextlib.suppress(OSError):
                self._wire.close()

    async def _open(self) -> None:
        """Raises NoAnswer, DeviceError."""
        self._forget()
        try:
            await self._wire.open(self._received, lambda: self._items.put_nowait(None))
        except OSError as error:
            raise NoAnswer(f"{self._where}: {error}") from None
        await self._set_up()

    def _new(self, cards: tuple[Card, ...]) -> list[Card]:
        """Those newly put on. Several at once are refused all together."""
        keys = {key_of(card): card for card in cards}
        new = self._presence.seen(tuple(keys), self._now_s())
        self._refused += sum(keys[key].refusal == PARTIAL for key in new)
        if len(cards) > 1:
            return [nobody(SEVERAL)] if new else []
        return [keys[key] for key in new]

    # ------------------------------------------------------------------------------------------------ the wire

    def _received(self, data: bytes) -> None:
        for item in self._cut(data):
            if self._items.qsize() < MOST_WAITING:
                self._items.put_nowait(item)

    def _write(self, data: bytes) -> None:
        """Raises NoAnswer when the wire is lost."""
        try:
            self._wire.write(data)
        except OSError as error:
            raise NoAnswer(str(error)) from None

    async def _next(self) -> Item:
        """What comes next, however long that takes. Raises NoAnswer when the wire is lost."""
        item = await self._items.get()
        if item is None:
            raise NoAnswer(self._wire.error)
        return item

    def _clear(self) -> None:
        """Forget what came unasked. Raises NoAnswer when the wire is lost."""
        while not self._items.empty():
            if self._items.get_nowait() is None:
                raise NoAnswer(self._wire.error)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
