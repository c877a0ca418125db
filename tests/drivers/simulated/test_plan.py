"""What is simulated, from the two files; and what is wrong with them, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.simulated.plan import PlanError, PortPart, of_settings, read
from tests.drivers.simulated.plans import settings

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_simulated(path: Path) -> None:
    plan = read(path)
    assert plan.file.connector and not plan.left_out


def test_a_name_of_a_serial_port_lies_beside_the_file_and_never_among_real_devices(tmp_path: Path) -> None:
    plan = of_settings(settings(), folder=tmp_path)
    assert plan.device_path(PortPart("a", device="run/a")) == tmp_path / "run/a"
    assert plan.device_path(PortPart("a", device="/run/station/a")) == Path("/run/station/a")
    assert plan.device_path(PortPart("a", device="/dev/ttyUSB0")) is None
    assert plan.device_path(PortPart("a", device="/dev/shm/run/a")) == Path("/dev/shm/run/a")
    assert plan.device_path(PortPart("a")) is None


def test_locks_are_those_of_the_connector_types_unless_said_otherwise(tmp_path: Path) -> None:
    (tmp_path / "simulation.toml").write_text(
        '[[connector]]\nnumber = 1\nlock = true\n[[meter]]\nname = "type2"\nstart_wh = 5000\n'
    )
    (tmp_path / "demo.toml").write_text(EXAMPLES[[path.name for path in EXAMPLES].index("demo.toml")].read_text())
    plan = read(tmp_path / "demo.toml", tmp_path / "simulation.toml")
    assert [plan.hardware(part).has_lock for part in plan.file.connector] == [True, True, True, True]
    assert plan.meter_extra("type2").start_wh == 5000
    plan = read(tmp_path / "demo.toml")
    assert [plan.hardware(part).has_lock for part in plan.file.connector] == [False, True, True, True]


def test_all_faults_are_said_at_once_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "station.toml").write_text(
        """
        [station]
        meter = "main"
        [[port]]
        name = "bus"
        [[connector]]
        number = 1
        type = "CCS2"
        port = "bsu"
        meter = "m"
        max_current_a = 100
        max_power_w = 50_000
        [[connector]]
        number = 2
        type = "CCS2"
        port = "bus"
        meter = "m2"
        max_current_a = 100
        max_power_w = 50_000
        [[meter]]
        name = "m"
        port = "bus"
        [[reader]]
        name = "r"
        port = "bus"
        """
    )
    (tmp_path / "simulation.toml").write_text("[[connector]]\nnumber = 9\n")
    with pytest.raises(PlanError) as caught:
        read(tmp_path / "station.toml", tmp_path / "simulation.toml")
    faults = caught.value.faults
    assert len(faults) == 5
    assert "Did you mean 'bus'?" in faults[0]
    assert "address 1 on port 'bus' is that of [[connector]] 2" in "\n".join(faults)
    assert "station.toml has no such connector" in "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "words"),
    [("[station", "is not TOML"), ("[simulation]\nbuilding_lod_w = 1\n", "building_lod_w"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "simulation.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PlanError, match=words):
        read(EXAMPLES[0], path)


def test_drivers_without_a_model_are_left_out_and_named() -> None:
    changed = settings()
    changed["reader"] = [{"name": "front", "port": "reader", "driver": "acme"}]
    plan = of_settings(changed)
    assert len(plan.left_out) == 1 and "acme" in plan.left_out[0]
