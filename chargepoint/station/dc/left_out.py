"""A bank of power modules, less those that a technician has left out: they are told nothing but off.

For everybody else they have a fault, so that nobody counts on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from drivers.interfaces import ModuleReading, PowerModules

SAID = "left out by a technician"


class ChosenModules:
    """`inner` without those in `left_out`. Everything else is the bank's own business."""

    def __init__(self, inner: PowerModules) -> None:
        self.inner = inner
        self.fail_safe = inner.fail_safe
        self.silent_off_s = inner.silent_off_s
        self.left_out: frozenset[int] = frozenset()

    def leave_out(self, numbers: frozenset[int]) -> None:
        """These and no others from now on; they go off at once."""
        self.left_out = numbers
        if numbers:
            self.inner.switch_off(sorted(numbers))

    async def run(self) -> None:
        """As the bank itself."""
        await self.inner.run()

    def modules(self) -> tuple[ModuleReading, ...]:
        """All of them; who is left out has a fault, so that nobody counts on it."""
        found = self.inner.modules()
        if not self.left_out:
            return found
        return tuple(_faulty(each) if each.number in self.left_out else each for each in found)

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        """As the bank itself, for those that are not left out. Raises ValueError as it does."""
        chosen = [number for number in modules if number not in self.left_out]
        if chosen:
            self.inner.set_output(chosen, voltage_v, current_a, valid_for_s)

    def switch_off(self, modules: Sequence[int]) -> None:
        """As the bank itself: off is for all."""
        self.inner.switch_off(modules)


def _faulty(module: ModuleReading) -> ModuleReading:
    return msgspec.structs.replace(module, has_fault=True, alarms=(*module.alarms, SAID))
