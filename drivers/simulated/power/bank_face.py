"""What all faces of a bank of power modules have in common: one node on the bus that speaks for all its modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from drivers.codecs.can import CanFrame
from drivers.simulated.module_bank import ModuleBank, ModuleFault, PowerModule


class Words(Protocol):
    """How one family says it."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        """Those whom a frame of the controller means; none when it is not one of this family."""
        ...

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        """What the module does and says; `is_alone`: the frame means this module only."""
        ...


class BankFace:
    """A CanDevice. Every frame of the controller that means a module keeps that module awake. To what means several
    nobody answers."""

    def __init__(self, bank: ModuleBank, words: Words) -> None:
        self.send: Callable[[CanFrame], None] = _nowhere
        self.bank = bank
        self._words = words

    def received(self, frame: CanFrame, now_s: float) -> None:
        self.bank.advance(now_s)
        modules = self.bank.modules.values()
        meant = list(self._words.addressed(frame, modules))
        for module in meant:
            if not module.is_hearing:
                continue
            module.hear()
            for reply in self._words.answer(module, frame, len(meant) == 1):
                if module.is_answering and len(meant) == 1:
                    self.send(reply)
                    if ModuleFault.DUPLICATE in module.faults:
                        self.send(self._of_the_other(reply))

    def advance(self, now_s: float) -> None:
        self.bank.advance(now_s)

    def _of_the_other(self, reply: CanFrame) -> CanFrame:
        """What the second module at the same address answers."""
        other = getattr(self._words, "of_the_other", None)
        return reply if other is None else other(reply)


def _nowhere(_frame: CanFrame) -> None:
    """Before the bus has taken the device in."""
