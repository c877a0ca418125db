"""How the groups of one connector share its power: equal load, the fewest losses, spare ones parked (power.md 2). Pure.

Without an efficiency curve all carry the same share of what they can give. With one, those that are not needed are
parked (0 W, contactor closed) where that saves enough; who carries power goes on carrying it (hysteresis).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chargepoint.power.modules import efficiency_at
from chargepoint.power.topology import Group

WORTH_SWITCHING = 0.005
"""Modules are started or parked for a saving of at least this share of the power."""


def split(
    power_w: float, able_w: Mapping[str, float], groups: Mapping[str, Group], active: frozenset[str]
) -> dict[str, float]:
    """W of each group in `able_w` (name -> the most it can give here), together `power_w` or all they can.

    `active`: those that carry power now.
    """
    if power_w <= 0:
        return dict.fromkeys(able_w, 0.0)
    names = sorted(able_w)
    if not any(groups[name].efficiency for name in names):
        return _evenly(power_w, names, able_w)
    best, best_w = _evenly(power_w, names, able_w), 0.0
    kept = [name for name in names if name in active]
    is_first = True
    for chosen in (kept, *_choices(names, able_w, groups, active)):
        if not chosen or sum(able_w[name] for name in chosen) < power_w:
            continue
        loads = _evenly(power_w, chosen, able_w)
        taken_w = sum(input_w(groups[name], load_w) for name, load_w in loads.items())
        if is_first or taken_w < best_w - (WORTH_SWITCHING * power_w if kept else 1e-6):
            best, best_w, is_first = loads, taken_w, False
    return {name: best.get(name, 0.0) for name in names}


def input_w(group: Group, power_w: float, losses: float = 1.0) -> float:
    """What a group takes for `power_w`: by its curve, otherwise `losses` (W of the grid for each W)."""
    if power_w <= 0:
        return 0.0
    if not group.efficiency:
        return power_w * losses
    rated_w = group.modules * max(each.max_power_w for each in group.ranges)
    return power_w / max(0.1, efficiency_at(group.efficiency, power_w / rated_w))


def _choices(
    names: Sequence[str], able_w: Mapping[str, float], groups: Mapping[str, Group], active: frozenset[str]
) -> list[list[str]]:
    """One, two, ... of them: the better ones at half load first, of equal ones those that carry power already."""

    def rank(name: str) -> tuple[float, bool, str]:
        half_w = able_w[name] / 2
        return (round(input_w(groups[name], half_w) / half_w, 6) if half_w > 0 else 9.0, name not in active, name)

    ranked = sorted(names, key=rank)
    return [ranked[:count] for count in range(1, len(ranked) + 1)]


def _evenly(power_w: float, names: Sequence[str], able_w: Mapping[str, float]) -> dict[str, float]:
    """The same share of what each can give; together exactly `power_w` as far as floats can."""
    total_w = sum(able_w[name] for name in names)
    if total_w <= 0:
        return dict.fromkeys(names, 0.0)
    share = min(1.0, power_w / total_w)
    return {name: able_w[name] * share for name in names}
