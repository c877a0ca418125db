"""Readers that only talk: whatever comes over the wire is a number or none. What they say is a `Decoder`'s matter."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from drivers.errors import NoAnswer
from drivers.interfaces import Card, Identity, ReaderHealth
from drivers.ports.wire import Wire
from drivers.readers.numbers import Family, Writing, card_of, key_of
from drivers.readers.presence import Presence

log = logging.getLogger(__name__)

MOST_WAITING = 32
"""Cards that nobody has taken yet; more are counted only."""


class Decoder(Protocol):
    """The pure half: bytes in, numbers out, an empty one for whatever is none."""

    def feed(self, data: bytes, now_s: float) -> Iterable[bytes]: ...


class ListeningReader:
    """A reader that tells each number, perhaps again and again while the card lies there."""

    def __init__(
        self,
        name: str,
        wire: Wire,
        decoder: Decoder,
        *,
        identity: Identity,
        family: Family,
        writing: Writing,
        gone_after_s: float,
    ) -> None:
        self.name = name
        self._wire = wire
        self._decoder = decoder
        self._identity = identity
        self._family = family
        self._writing = writing
        self._presence = Presence(gone_after_s)
        self._heard_s: float | None = None
        self._refused = self._numbers = self._errors = 0
        self._refusal_said = False

    def health(self) -> ReaderHealth:
        """Such a reader says nothing of itself: it counts as there while its wire is open."""
        if self._wire.is_open:
            self._heard_s = asyncio.get_running_loop().time()
        return ReaderHealth(
            identity=self._identity,
            heard_s=self._heard_s,
            polls=self._numbers,
            errors=self._errors,
            refused=self._refused,
            place=self._wire.where,
        )

    async def cards(self) -> AsyncIterator[Card]:
        """Each card once when it is put on; opens the wire, closes it at the end. Raises NoAnswer when it is lost."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[Card | None] = asyncio.Queue()

        def received(data: bytes) -> None:
            for number in self._decoder.feed(data, loop.time()):
                card = self._card(number, loop.time())
                if card is not None and waiting.qsize() < MOST_WAITING:
                    waiting.put_nowait(card)

        try:
            await self._wire.open(received, lambda: waiting.put_nowait(None))
            while (card := await waiting.get()) is not None:
                yield card
            raise OSError(self._wire.error)
        except OSError as error:
            self._errors += 1
            raise NoAnswer(f"reader '{self.name}' ({self._wire.where}): {error}") from None
        finally:
            with contextlib.suppress(OSError):
                self._wire.close()

    def _card(self, number: bytes, now_s: float) -> Card | None:
        if not number:
            self._refuse()
            return None
        self._numbers += 1
        card = card_of(number, self._writing, self._family)
        return card if self._presence.heard(key_of(card), now_s) else None

    def _refuse(self) -> None:
        self._refused += 1
        if not self._refusal_said:
            self._refusal_said = True
            log.warning(
                "reader '%s' (%s): bytes that are no card were thrown away. Are its line settings and options right? "
                "Further ones are only counted.",
                self.name,
                self._wire.where,
            )
