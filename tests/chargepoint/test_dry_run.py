"""A station file tried on simulated devices, and what is said of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.rig import ONE_AC

ROOT = Path(__file__).parents[2]


def tried(text: str, folder: Path) -> dict[str, object]:
    """What the child process says."""
    done = subprocess.run(
        [sys.executable, "-m", "chargepoint.dry_run"],
        input=text.encode(), capture_output=True, cwd=folder, timeout=60, check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.realtime
def test_a_good_file_comes_up_with_its_lowest_limits_and_leaves_nothing(tmp_path: Path) -> None:
    found = tried(ONE_AC.replace("power_limit_w = 22_000", "power_limit_w = 9_000"), tmp_path)
    assert found["code"] == "ok", found
    connector = found["connectors"][0]  # type: ignore[index]
    assert (connector["limit_w"], connector["limit_source"]) == (9000, "grid")
    assert found["silent"] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.realtime
def test_a_faulty_file_is_told_by_its_faults(tmp_path: Path) -> None:
    found = tried("[station]\nname = 5\n", tmp_path)
    assert found["code"] == "faults" and found["faults"]
