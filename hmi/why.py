"""Why a car is charged as fast as it is, of what the screen sees; the rules are `chargepoint/why.py`. Pure."""

from __future__ import annotations

from chargepoint import why
from hmi.view import Moments, Seen


def why_key(seen: Seen, number: int) -> str:
    """The catalogue key of the line; empty while no energy flows, or nothing is known of it."""
    recent_w = seen.charts.get(number, Moments()).power_w
    return why.why_key(seen.connectors, number, seen.climate, seen.power, recent_w)
