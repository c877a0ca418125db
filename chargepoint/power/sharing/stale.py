"""What grants are worth when no fresh allocation comes (power.md Z11). Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargepoint.records import Limit

HOLD_AFTER_S, GUARANTEES_AFTER_S, NOTHING_AFTER_S = 3.0, 10.0, 30.0
STALE = "stale"


def stale(
    grants: Mapping[int, Limit], held: Mapping[int, Limit], guarantees_w: Mapping[int, float], age_s: float
) -> dict[int, Limit]:
    """What connectors may have from an allocation that is `age_s` old. An age that is not a number is too old.

    Up to 3 s `grants`; then nobody rises above `held` (what was in force until then); from 10 s each falls to its
    guarantee, from 30 s to nothing.
    """
    if not math.isfinite(age_s) or age_s >= NOTHING_AFTER_S:
        return {number: Limit(0.0, 0.0, STALE) for number in grants}
    if age_s < HOLD_AFTER_S:
        return dict(grants)
    tops = {n: held[n].power_w if n in held else 0.0 for n in grants}
    if age_s >= GUARANTEES_AFTER_S:
        tops = {n: min(top_w, max(0.0, guarantees_w.get(n, 0.0))) for n, top_w in tops.items()}
    return {number: _at_most(grant, tops[number]) for number, grant in grants.items()}


def _at_most(grant: Limit, top_w: float) -> Limit:
    if grant.power_w <= top_w:
        return grant
    return Limit(grant.current_a * top_w / grant.power_w, top_w, STALE)
