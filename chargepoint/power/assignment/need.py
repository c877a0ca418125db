"""What the outputs need of the modules, and what an answer is. Plain data (power.md 2, H1, H2, H4)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one output is to get. All W at `voltage_v`, by which a group's power is reckoned.

    Below `floor_w` it can use nothing. `guarantee_w` (at least the floor, or 0: none) is what it gets before
    others get their floor, and before anyone gets more.
    `top_w` is the most it can use now: its cap, or its share of the grid where that is less. `rank` 0 is the first of
    those who cannot all be guaranteed or served; ranks are distinct.
    """

    connector: int
    voltage_v: float
    floor_w: float
    guarantee_w: float
    top_w: float
    weight: float = 1.0
    rank: int = 0


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What makes an assignment worth a change.

    A gain of power, or of fairness, counts only from `least_gain_w` for each group that changes hands; guarantees and
    floors are kept at any cost. `fairness_cost` 0..1 is the share of the whole power that fairness may cost.
    """

    least_gain_w: float = 2_000.0
    fairness_cost: float = 0.03


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`links`: by group the number of its link (Topology.links); groups that feed nobody are not in it.

    `power_w`: what the groups of each connector can give it together (not yet cut to what it can use).
    """

    links: Mapping[str, int] = {}
    power_w: Mapping[int, float] = {}
