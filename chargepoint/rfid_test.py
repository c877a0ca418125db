"""A reader under test: its cards mean nothing to the station and are shown in all their forms instead."""

from __future__ import annotations

import asyncio
import logging

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, CardTested
from drivers.interfaces import Card
from drivers.readers.numbers import all_forms

log = logging.getLogger(__name__)

TEST_S = 60.0
CHECK_S = 10.0
WANTED = 3
HEAD = ("number", "kind", "ms")


class ReaderTest:
    """Of one reader. It ends by itself, whatever becomes of whoever began it."""

    def __init__(self, name: str, bus: Bus) -> None:
        self._name = name
        self._bus = bus
        self._until_s = float("-inf")
        self._count = 0
        self._checking: list[Card] | None = None
        self._enough = asyncio.Event()

    @property
    def is_on(self) -> bool:
        return self._checking is not None or asyncio.get_running_loop().time() < self._until_s

    def turn(self, on: bool, by: str) -> None:
        """For a minute from now, or off at once."""
        if on and not self.is_on:
            self._count = 0
            log.warning("reader '%s': tested by '%s': cards start and stop nothing", self._name, by)
        elif not on and self.is_on:
            log.info("reader '%s': test ended by '%s'", self._name, by)
        self._until_s = asyncio.get_running_loop().time() + TEST_S if on else float("-inf")

    def end_in_time(self) -> None:
        """Say that it has ended by itself."""
        if self._until_s > float("-inf") and not self.is_on:
            self._until_s = float("-inf")
            log.info("reader '%s': test ended after %d s", self._name, TEST_S)

    def take(self, card: Card) -> None:
        """A card was read."""
        self._count += 1
        if self._checking is not None:
            self._checking.append(card)
            if sum(not each.refusal for each in self._checking) >= WANTED:
                self._enough.set()
        self._bus.publish(
            CardTested(
                reader=self._name,
                uid=card.uid,
                kind=card.kind,
                refusal=card.refusal,
                forms=all_forms(card.number or _bytes_of(card.uid)),
                read_ms=card.read_ms,
                count=self._count,
            )
        )

    async def check(self, by: str, within_s: float) -> ActionResult:
        """Wait for three good readings."""
        if self._checking is not None:
            return ActionResult(ok=False, code="busy", text="This reader is being tested already.")
        log.warning("reader '%s': tested by '%s' for %d s: cards start and stop nothing", self._name, by, within_s)
        self._checking, self._count = [], 0
        self._enough.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._enough.wait()
        except TimeoutError:
            pass
        finally:
            read, self._checking = self._checking, None
        good = sum(not card.refusal for card in read)
        rows = (HEAD, *(_row(card) for card in read))
        return ActionResult(
            ok=good >= WANTED,
            code="ok" if good >= WANTED else "failed",
            text=f"{good} good readings of {WANTED}.",
            values={"good": str(good), "wanted": str(WANTED)},
            table=rows,
        )


def _row(card: Card) -> tuple[str, str, str]:
    return card.uid or card.refusal, card.kind, "" if card.read_ms is None else f"{card.read_ms:g}"


def _bytes_of(uid: str) -> bytes:
    try:
        return bytes.fromhex(uid)
    except ValueError:
        return b""
