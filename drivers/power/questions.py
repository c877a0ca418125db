"""Questions to the modules of a bank: one each in turn for ever, and who they are when they come on line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drivers.power.family import Family
from drivers.power.module import Module
from drivers.power.wire import Wire

ABSENT_POLL_S = 1.0
FIRST_QUESTIONS_S = 1.0
MOST_FIRST_ASKS = 5


class Questions:
    """Frames leave from `ask`, after everything else a round has to say."""

    def __init__(self, family: Family, modules: Sequence[Module], wire: Wire) -> None:
        self._family = family
        self._all = modules
        self._wire = wire

    def spread(self, now_s: float) -> None:
        """Let the modules' questions begin one after another, so that the bus has the same load all the time."""
        for at, module in enumerate(self._all):
            module.poll_due_s = now_s + self._family.poll_s * at / len(self._all)

    def ask(self, now_s: float) -> None:
        """All questions that are due."""
        for module in self._all:
            if now_s < module.poll_due_s:
                continue
            is_online = module.was_online
            poll_s = self._family.poll_s if is_online else ABSENT_POLL_S
            module.poll_due_s = max(module.poll_due_s + poll_s, now_s)
            if not self._wire.send((module.questions[module.next_question],)):
                return
            module.asked(self._wire.tally(module.number), now_s)
            module.next_question = (module.next_question + 1) % len(module.questions) if is_online else 0
            if is_online and now_s >= module.first_due_s:
                module.first_asks += 1
                is_known = module.limits is not None and (
                    module.identity.serial or module.first_asks >= MOST_FIRST_ASKS
                )
                module.first_due_s = now_s + (math.inf if is_known else FIRST_QUESTIONS_S)
                if not self._wire.send(module.first_questions):
                    return
