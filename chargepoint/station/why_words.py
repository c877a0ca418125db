"""Why a connector gets what it gets, as a key and its values for screens (`OutputPicture.why_key`). Pure."""

from __future__ import annotations

from chargepoint.power.sharing.reasons import NAMED_WITHIN_W, VEHICLE
from chargepoint.records import Limit

Told = tuple[str, dict[str, str]]
NOTHING: Told = ("", {})


def held(cause: str) -> Told:
    """Something of the cabinet or the mains forbids energy."""
    return "held", {"source": cause}


def unasked(has_no_power: bool, source: str) -> Told:
    """Of a connector that asks for no energy. `source`: the limit that would leave a newcomer without."""
    return ("no_power", {"source": source}) if has_no_power else NOTHING


def rests(starts_per_minute: int) -> Told:
    """Its contactor has been switched often."""
    return "rests", {"n": str(starts_per_minute)}


def given(grant: Limit, cap: Limit) -> Told:
    """Of a connector that asks for energy, by what the sharing of power gave it."""
    if not grant.power_w > 0:
        return "nothing", {"source": grant.source}
    if grant.source == VEHICLE and grant.power_w < cap.power_w - NAMED_WITHIN_W:
        return "vehicle", {}
    if grant.power_w >= cap.power_w - NAMED_WITHIN_W:
        return "cap", {"source": cap.source}
    return "limit", {"source": grant.source}
