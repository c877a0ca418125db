"""Questions of the station to whoever stands at the screen (`ConfirmOnScreen`): one at a time, always answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from chargepoint.messages import ActionResult, ConfirmOnScreen
from hmi.flow.words import ConfirmAsked, ConfirmOver, Event

LEEWAY_S = 2.0
"""Beyond the time the dialog stays: then the question is taken back here."""

TEXTS = {
    "yes": "Confirmed at the screen.",
    "no": "Refused at the screen.",
    "no_answer": "Nobody answered at the screen.",
    "busy": "The screen shows something that cannot be covered now.",
}


class Questions:
    """`happens` takes events to the flow, which answers by `answered`."""

    def __init__(self, happens: Callable[[Event], None], confirm_s: float) -> None:
        self._happens = happens
        self._confirm_s = confirm_s
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[str]] = {}

    async def ask(self, request: ConfirmOnScreen, sender: str) -> ActionResult:
        """yes, or no, no_answer, busy. Silence is never yes."""
        if self._waiting:
            return _result("busy")
        number = next(self._numbers)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._happens(ConfirmAsked(number, request.question, request.connector, request.is_local))
            async with asyncio.timeout(self._confirm_s + LEEWAY_S):
                return _result(await answer)
        except TimeoutError:
            return _result("no_answer")
        finally:
            del self._waiting[number]
            self._happens(ConfirmOver(number))

    def answered(self, number: int, code: str) -> None:
        """The driver's answer; one that comes too late counts for nothing."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(code)


def _result(code: str) -> ActionResult:
    return ActionResult(ok=code == "yes", code=code, text=TEXTS.get(code, ""))
