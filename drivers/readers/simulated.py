"""The simulated card reader, client side: one ASCII line a card over a serial port or TCP.

Source: drivers/simulated/reader.py, which describes the line protocol. A card is 8 to 20 upper-case hexadecimal digits,
an even number of them, optionally followed by the connectors it is meant for; whatever else comes is refused, counted
and logged once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator

from msgspec import Struct

from drivers.about import About
from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardReader, Identity, ReaderHealth
from drivers.ports.wire import Wire

log = logging.getLogger(__name__)

CARD = re.compile(rb"((?:[0-9A-F]{2}){4,10})(?: ([1-9][0-9]?(?:,[1-9][0-9]?){0,63}))?")
MOST_LINE = 64
MOST_WAITING = 32
"""Cards that nobody has taken yet; the reader itself keeps what comes after."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`name` is that of the [[reader]] section, `port` that of its [[port]], for messages only."""

    name: str = "reader"
    port: str = ""


ABOUT = About(
    vendor="none",
    models=("the reader of the simulated station",),
    ports=("serial", "tcp"),
    abilities=("for demonstration and tests",),
    source="drivers/simulated/reader.py",
    confidence=2,
)


class Counters(Struct):
    """Since the device was opened: cards passed on, lines refused, bytes thrown away because no line ended."""

    cards: int = 0
    refused: int = 0
    thrown_away: int = 0


def parse(line: bytes) -> Card | None:
    """The card of one line without its line feed; None when it is not one by the grammar."""
    found = CARD.fullmatch(line) if len(line) <= MOST_LINE else None
    if found is None:
        return None
    named = found[2].decode("ascii").split(",") if found[2] else []
    return Card(found[1].decode("ascii"), tuple(dict.fromkeys(int(number) for number in named)))


class SimulatedCardReader:
    """Reads cards from its wire; each is acknowledged once it was passed on, so that none is lost."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self.name = settings.name
        self.counters = Counters()
        self._wire = wire
        self._data = b""
        self._overlong = False
        self._refusal_said = False
        self._heard_s: float | None = None

    def health(self) -> ReaderHealth:
        """It counts as there while its wire is open."""
        if self._wire.is_open:
            self._heard_s = asyncio.get_running_loop().time()
        return ReaderHealth(
            Identity(model="simulated"), self._heard_s, self.counters.cards, 0, self.counters.refused, self._wire.where
        )

    async def cards(self) -> AsyncIterator[Card]:
        """Each card once when it is put on; opens the wire, closes it at the end. Raises NoAnswer when it is lost."""
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._data, self._overlong = b"", False

        def received(data: bytes) -> None:
            for line in self._lines(data):
                if lines.qsize() < MOST_WAITING:
                    lines.put_nowait(line)

        try:
            await self._wire.open(received, lambda: lines.put_nowait(None))
            self._wire.write(b"READY\n")
            while (line := await lines.get()) is not None:
                card = parse(line)
                if card is None:
                    self._refuse(line)
                    self._wire.write(b"NO\n")
                    continue
                self.counters.cards += 1
                yield card
                self._wire.write(b"OK\n")
            raise OSError(self._wire.error)
        except OSError as error:
            raise NoAnswer(f"reader '{self.name}' ({self._wire.where}): {error}") from None
        finally:
            with contextlib.suppress(OSError):
                self._wire.close()

    def _lines(self, data: bytes) -> list[bytes]:
        """Whole lines; of one that does not end in time only a mark remains, which no card has."""
        parts = (self._data + data).split(b"\n")
        self._data = parts.pop()
        if self._overlong and parts:
            self._overlong = False
            parts[0] = b"?" + parts[0][:MOST_LINE]
        if len(self._data) > MOST_LINE:
            self.counters.thrown_away += len(self._data)
            self._data, self._overlong = b"", True
        return [part.removesuffix(b"\r") for part in parts]

    def _refuse(self, line: bytes) -> None:
        self.counters.refused += 1
        if not self._refusal_said:
            self._refusal_said = True
            log.warning(
                "reader '%s' (%s): %d bytes that are not a card were thrown away; a card is 8 to 20 upper-case "
                "hexadecimal digits. Further ones are only counted.",
                self.name,
                self._wire.where,
                len(line),
            )


def open_device(settings: Settings, wire: Wire) -> CardReader:
    """The reader at the far end of `wire`, which it opens itself."""
    return SimulatedCardReader(settings, wire)
