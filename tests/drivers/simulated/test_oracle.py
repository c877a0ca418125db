"""The oracle over truth logs sees each thing that must not be."""

from __future__ import annotations

import msgspec
import pytest

from drivers.simulated.contactor import ContactorEvent
from drivers.simulated.oracle import violations

CLOSING = ContactorEvent(
    at_s=10.0,
    connector=1,
    closed=True,
    cause="start",
    session_ref=7,
    lease_left_s=4.0,
    vehicle_connected=True,
    vehicle_asks=True,
    status="C5",
    fault="",
    precheck_done=True,
    limit_current_a=100.0,
    limit_power_w=50_000.0,
    current_a=0.0,
    voltage_v=400.0,
    boot_count=1,
    session_energy_wh=0.0,
)
OPENING = msgspec.structs.replace(
    CLOSING, at_s=50.0, closed=False, cause="stop", status="C8", session_energy_wh=9.0, permission_ended_s=49.2
)


def test_a_good_session_is_without_violation() -> None:
    assert violations([CLOSING, OPENING, CLOSING]) == []
    assert violations([CLOSING, OPENING], lambda event: event.session_ref == 7) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vehicle_asks": False}, "no vehicle asked"),
        ({"vehicle_connected": False}, "no vehicle asked"),
        ({"session_ref": 0}, "without a start order"),
        ({"lease_left_s": 0.0}, "without a living lease"),
        ({"precheck_done": False}, "self-check"),
        ({"fault": "E3"}, "with faults E3"),
        ({"status": "E9"}, "in status E9"),
    ],
)
def test_each_missing_condition_of_a_closing_is_named(change: dict[str, object], words: str) -> None:
    found = violations([msgspec.structs.replace(CLOSING, **change)])
    assert len(found) == 1 and words in found[0] and found[0].startswith("connector 1 at 10.000 s, closing")


def test_a_closing_without_a_durable_transaction_is_named() -> None:
    assert "reference 7" in violations([CLOSING], lambda event: False)[0]


@pytest.mark.parametrize(
    ("change", "words"), [({"current_a": 20.0}, "under 20 A"), ({"permission_ended_s": 40.0}, "10.00 s after the end")]
)
def test_an_opening_under_current_or_too_late_is_named(change: dict[str, object], words: str) -> None:
    assert words in violations([CLOSING, msgspec.structs.replace(OPENING, **change)])[0]
    assert violations([CLOSING, msgspec.structs.replace(OPENING, current_a=20.0, is_emergency=True)]) == []


def test_closings_and_openings_take_turns() -> None:
    assert "closed already" in violations([CLOSING, CLOSING])[0]
    assert "open already" in violations([OPENING])[0]
