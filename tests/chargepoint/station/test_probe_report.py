"""The judgement of test sessions, criterion by criterion; meters that cannot be true; reports on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.messages import TestReport, TestStep
from chargepoint.station.staff import reports
from chargepoint.station.staff.meters import findings
from chargepoint.station.staff.report import Facts, criteria, deviation_pct, verdict_of
from chargepoint.station.staff.reports import Reports
from chargepoint.vocabulary import PowerType, StopSource
from drivers.interfaces import MeterReading

PATH = tuple(TestStep(status, at) for status, at in (("B1", 0.0), ("C2", 2.0), ("C4", 8.0), ("C6", 10.0), ("B2", 60.0)))
GOOD = Facts(
    mode="ev", power_type=PowerType.DC, steps=PATH, ended_s=62.0, has_lock=True, stop_source=StopSource.ENERGY_LIMIT,
    is_locked_at_end=False, meter_wh=1000.0, module_wh=1005.0, insulation_ohm=500_000.0, highest_v=400.0, first_c=20.0,
    highest_c=31.0,
)  # fmt: skip


def judged(**changes: Any) -> dict[str, str]:
    return {each.key: each.outcome for each in criteria(msgspec.structs.replace(GOOD, **changes))}


def test_a_good_test_passes() -> None:
    found = criteria(GOOD)
    assert verdict_of(found) == "passed"
    assert {each.key: each.outcome for each in found} == {
        "reached": "passed", "times": "passed", "errors": "passed", "ended": "passed", "deviation": "passed",
        "insulation": "passed", "temperature": "passed", "voltage": "skipped", "current": "skipped", "lock": "passed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "outcome", "changes"),
    [
        ("deviation", "passed", {"meter_wh": 1020.0, "module_wh": 1000.0}),
        ("deviation", "failed", {"meter_wh": 1021.0, "module_wh": 1000.0}),
        ("deviation", "failed", {"meter_wh": 0.0, "module_wh": 1000.0}),
        ("deviation", "skipped", {"meter_wh": 5.0, "module_wh": 10.0}),
        ("deviation", "skipped", {"meter_wh": None}),
        ("insulation", "passed", {"insulation_ohm": 200_000.0}),
        ("insulation", "warning", {"insulation_ohm": 199_999.0}),
        ("insulation", "warning", {"insulation_ohm": 40_000.0}),
        ("insulation", "failed", {"insulation_ohm": 39_999.0}),
        ("insulation", "skipped", {"insulation_ohm": None}),
        ("insulation", "skipped", {"power_type": PowerType.AC}),
        ("errors", "failed", {"steps": (*PATH, TestStep("E6", 61.0))}),
        ("times", "failed", {"steps": (TestStep("C2", 0.0), TestStep("C6", 41.0))}),
        ("times", "failed", {"steps": (TestStep("C1", 0.0),), "ended_s": 11.0}),
        ("reached", "failed", {"steps": PATH[:3]}),
        ("reached", "failed", {"steps": ()}),
        ("reached", "passed", {"mode": "dry", "steps": (TestStep("C5", 9.0),)}),
        ("reached", "failed", {"mode": "dry", "steps": (TestStep("C2", 9.0),)}),
        ("reached", "passed", {"mode": "dry", "power_type": PowerType.AC, "steps": (TestStep("B", 9.0),)}),
        ("ended", "passed", {"stop_source": StopSource.TECHNICIAN}),
        ("ended", "failed", {"stop_source": StopSource.CONNECTOR_ERROR}),
        ("ended", "failed", {"stop_source": None}),
        ("temperature", "failed", {"highest_c": 51.0}),
        ("temperature", "failed", {"first_c": 60.0, "highest_c": 71.0}),
        ("temperature", "skipped", {"first_c": None}),
        ("lock", "failed", {"is_locked_at_end": True}),
        ("lock", "skipped", {"has_lock": False}),
        ("voltage", "passed", {"mode": "load", "wanted_v": 400.0, "measured_v": 392.0}),
        ("voltage", "failed", {"mode": "load", "wanted_v": 400.0, "measured_v": 391.0}),
        ("voltage", "failed", {"mode": "load", "wanted_v": 400.0, "measured_v": None}),
        ("current", "failed", {"mode": "load", "wanted_a": 10.0, "measured_a": float("nan")}),
    ],
)  # fmt: skip
def test_each_criterion(key: str, outcome: str, changes: dict[str, Any]) -> None:
    assert judged(**changes)[key] == outcome


def test_the_verdict_is_the_worst() -> None:
    assert verdict_of(criteria(msgspec.structs.replace(GOOD, insulation_ohm=60_000.0))) == "warning"
    bad = msgspec.structs.replace(GOOD, insulation_ohm=60_000.0, is_locked_at_end=True)
    assert verdict_of(criteria(bad)) == "failed"


@pytest.mark.parametrize(("meter", "modules"), [(None, 100.0), (100.0, None), (float("nan"), 100.0), (1.0, 0.0)])
def test_nothing_is_compared_with_what_is_not_there(meter: float | None, modules: float | None) -> None:
    assert deviation_pct(meter, modules) is None


# --------------------------------------------------------------------------------------------------------- meters


def reading(**changes: Any) -> MeterReading:
    known = MeterReading(
        energy_wh=1000, power_w=6900.0, voltage_v=(230.0, 231.0, 229.0), current_a=(10.0, 10.0, 10.0), frequency_hz=50.0
    )
    return msgspec.structs.replace(known, **changes)


@pytest.mark.parametrize(
    ("wrong", "readings"),
    [
        ("", [reading()] * 5),
        ("answers", [reading()] * 4),
        ("answers", []),
        ("energy", [reading(), reading(energy_wh=999), reading(), reading(), reading()]),
        ("energy", [reading(), reading(energy_wh=90_000), *[reading(energy_wh=90_000)] * 3]),
        ("voltage", [reading(voltage_v=(230.0, 0.0, 229.0), power_w=4590.0)] * 5),
        ("current", [reading(current_a=(500.0, 10.0, 10.0))] * 5),
        ("power", [reading(power_w=60_000.0)] * 5),
        ("power", [reading(power_w=20_000.0)] * 5),
        ("power", [reading(power_w=float("nan"))] * 5),
        ("frequency", [reading(frequency_hz=0.0)] * 5),
        ("", [reading(voltage_v=None, current_a=None, frequency_hz=None)] * 5),
    ],
)
def test_meters_are_believed_as_far_as_they_can_be_true(wrong: str, readings: list[MeterReading]) -> None:
    found = findings(readings, 5, PowerType.AC, 3, 22_000.0)
    assert [each.check for each in found if each.ok is False] == ([wrong] if wrong else [])


# -------------------------------------------------------------------------------------------------------- on disk


def a_report() -> TestReport:
    return TestReport(
        number=0, connector=1, mode="ev", login="boris", verdict="passed", at=datetime(2026, 5, 4, tzinfo=UTC),
        duration_s=60.0, session_id=7, stop_source="ENERGY_LIMIT", power_w=5000.0, energy_wh=1000, delivered_wh=1000.0,
        criteria=criteria(GOOD), steps=PATH, points=(), versions={"software": "1"},
    )  # fmt: skip


def test_reports_are_numbered_kept_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_REPORTS", 3)
    kept = Reports(tmp_path / "tests")
    assert kept.numbers() == []
    assert [kept.keep(a_report()).number for _ in range(5)] == [1, 2, 3, 4, 5]
    assert kept.numbers() == [5, 4, 3]
    assert Reports(tmp_path / "tests").read(5) == msgspec.structs.replace(a_report(), number=5)
    (tmp_path / "tests" / "000004.json").write_bytes(b"{")
    assert kept.read(4) is None
    assert kept.read(1) is None
    assert kept.keep(a_report()).number == 6
