"""What is remembered of the meters' registers while the service runs: whether they move, whether one fell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chargepoint.messages import MeterState
from diag.checks.look import Register

LONGEST_S = 60.0
"""Over a longer gap nothing is counted."""


class Registers:
    """Fed with what each meter was last heard to say."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, int, Register]] = {}

    def see(self, states: Iterable[MeterState]) -> None:
        """Take the newest readings. A power that is no number counts nothing."""
        for state in states:
            if state.reading is None or not state.is_answering:
                continue
            energy_wh, power_w = state.reading.energy_wh, state.reading.power_w
            known = self._known.get(state.name)
            if known is None:
                self._known[state.name] = (state.mono_s, energy_wh, Register())
                continue
            at_s, before_wh, kept = known
            passed_s = state.mono_s - at_s
            if passed_s <= 0:
                continue
            unmoved_wh = kept.unmoved_wh
            if energy_wh != before_wh:
                unmoved_wh = 0.0
            elif 0 < power_w < 1e7 and passed_s <= LONGEST_S:
                unmoved_wh += power_w * passed_s / 3600
            fell_wh = max(kept.fell_wh, before_wh - energy_wh, 0)
            self._known[state.name] = (state.mono_s, energy_wh, Register(unmoved_wh, fell_wh))

    def now(self) -> Mapping[str, Register]:
        return {name: kept for name, (_, _, kept) in self._known.items()}
