"""Cards that are being checked now, and that their drivers may want no more: Cancel in AuthWait (hmi.md 1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from chargepoint.masking import mask
from chargepoint.messages import ActionResult, CancelCard, PresentCard

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Check:
    """One card at one reader, from the moment it is held there until it is said what came of it."""

    def __init__(self, reader: str, card: str) -> None:
        self.reader, self.card = reader, card
        self.is_cancelled = False
        self._asking: asyncio.Task[Any] | None = None

    async def ask(self, question: Coroutine[Any, Any, Answer]) -> Answer | None:
        """The answer; None once nobody wants it any more. What the question raises is raised."""
        asking = self._asking = asyncio.create_task(question, name=f"a card at {self.reader}")
        if self.is_cancelled:
            asking.cancel()
        me = asyncio.current_task()
        try:
            answer = await asking
        except asyncio.CancelledError:
            if not self.is_cancelled or (me is not None and me.cancelling()):
                raise
            return None
        return None if self.is_cancelled else answer

    def cancel(self) -> None:
        self.is_cancelled = True
        if self._asking is not None:
            self._asking.cancel()


class Checks:
    """All cards that are being checked."""

    def __init__(self) -> None:
        self._open: list[Check] = []

    @contextmanager
    def of(self, request: PresentCard) -> Iterator[Check]:
        """The check of this card, as long as it lasts."""
        check = Check(request.reader, mask(request.uid))
        self._open.append(check)
        try:
            yield check
        finally:
            self._open.remove(check)

    async def cancel(self, request: CancelCard, sender: str) -> ActionResult:
        """Nothing comes of this card any more."""
        meant = [each for each in self._open if (each.reader, each.card) == (request.reader, request.card)]
        for check in meant:
            check.cancel()
        if not meant:
            return ActionResult(ok=False, code="nothing_to_cancel", text="This card is not being checked any more.")
        log.info("reader '%s': card %s is not wanted any more", request.reader, request.card)
        return ActionResult(ok=True, code="ok")
