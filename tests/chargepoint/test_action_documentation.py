"""docs/service.md says what the registry has."""

from __future__ import annotations

from chargepoint import action_documentation
from chargepoint.actions import ACTIONS
from chargepoint.station.staff.report import STEP_WITHIN_S


def test_the_table_of_deeds_is_that_of_the_registry() -> None:
    text = action_documentation.FILE.read_text(encoding="utf-8")
    assert action_documentation.written(text) == text, "python -m chargepoint.action_documentation writes it anew"
    assert all(f"| `{name}" in text for name in ACTIONS)


def test_the_times_of_steps_are_those_that_are_judged() -> None:
    text = action_documentation.FILE.read_text(encoding="utf-8")
    limits = ", ".join(f"{status} {limit:.0f} s" for status, limit in STEP_WITHIN_S.items())
    assert limits in text
