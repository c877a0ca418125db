"""Why a connector gets what it gets, as a key for screens with own texts."""

from __future__ import annotations

import pytest

from chargepoint.records import Limit
from chargepoint.station import why_words

CAP = Limit(current_a=200.0, power_w=80_000.0, source="configured")


def grant(power_w: float, source: str) -> Limit:
    return Limit(current_a=power_w / 400, power_w=power_w, source=source)


@pytest.mark.parametrize(
    "given, told",
    [
        (grant(80_000, "configured"), ("cap", {"source": "configured"})),
        (grant(40_000, "modules"), ("limit", {"source": "modules"})),
        (grant(40_000, "grid"), ("limit", {"source": "grid"})),
        (grant(40_000, "vehicle"), ("vehicle", {})),
        (grant(0, "exclusive_set"), ("nothing", {"source": "exclusive_set"})),
    ],
)
def test_who_asks_for_energy_is_told_what_holds_it(given: Limit, told: why_words.Told) -> None:
    assert why_words.given(given, CAP) == told


def test_a_cap_that_the_vehicle_sets_is_its_cap_and_power_that_is_no_number_is_none() -> None:
    cap = grant(20_000, "vehicle")
    assert why_words.given(cap, cap) == ("cap", {"source": "vehicle"})
    assert why_words.given(grant(float("nan"), "grid"), CAP) == ("nothing", {"source": "grid"})


def test_who_asks_for_nothing_is_told_only_that_there_would_be_no_power() -> None:
    assert why_words.unasked(False, "grid") == ("", {})
    assert why_words.unasked(True, "grid") == ("no_power", {"source": "grid"})


def test_what_forbids_energy_and_how_often_a_contactor_may_close_are_told() -> None:
    assert why_words.held("too_cold") == ("held", {"source": "too_cold"})
    assert why_words.rests(3) == ("rests", {"n": "3"})
