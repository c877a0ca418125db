"""A day simulated: who gets what, what is told and drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from chargepoint.__main__ import main
from chargepoint.commands.power_day import result, table
from chargepoint.power.lines.refusals import Refusal
from chargepoint.power.simulation.day import Day, run
from chargepoint.power.simulation.day_plant import SimulatedMachinery
from chargepoint.power.simulation.plot import svg
from chargepoint.power.simulation.scenario import read_scenario

EXAMPLES = Path(__file__).parents[4] / "examples" / "power"
MODULE = {"min_voltage_v": 150, "max_voltage_v": 1000, "max_current_a": 100, "max_power_w": 30_000}


def scenario(**more: Any) -> dict[str, Any]:
    return {
        "name": "two <outputs>",
        "begins": "08:00",
        "ends": "09:30",
        "station": {
            "groups": [{"name": name, "ranges": [MODULE]} for name in ("M1", "M2")],
            "outputs": [{"connector": 1}, {"connector": 2}],
            "contactors": [
                {"name": f"K{group}{output}", "between": [f"M{group}", f"output {output}"]}
                for group in (1, 2)
                for output in (1, 2)
            ],
        },
        "vehicles": [
            {"connector": 1, "arrives": "08:05", "battery_wh": 50_000, "soc_pct": 20, "target_soc_pct": 60},
            {"connector": 2, "arrives": "08:15", "battery_wh": 50_000, "soc_pct": 20, "target_soc_pct": 50},
        ],
        "events": [{"at": "08:20", "note": "grid <falls>", "grid": {"power_limit_w": 20_000}}],
    } | more


def day(**more: Any) -> Day:
    return run(read_scenario(scenario(**more)))


def test_vehicles_get_what_they_came_for() -> None:
    first, second = day(events=[]).visits
    assert first.energy_wh == pytest.approx(20_000, rel=0.03)
    assert second.energy_wh == pytest.approx(15_000, rel=0.03)
    assert first.waited_s == second.waited_s == 0


def test_nothing_is_more_than_the_grid_leaves() -> None:
    for sample in day().samples:
        assert sum(sample.power_w.values()) <= sample.room_w + 1e-6


def test_a_lowered_grid_takes_energy_and_is_named() -> None:
    before, after = day(events=[]), day()
    assert after.energy_wh < before.energy_wh
    assert "grid" in after.visits[0].held_s
    assert "grid" not in before.visits[0].held_s


def test_a_taken_connector_is_waited_for() -> None:
    late = {"connector": 1, "arrives": "08:06", "battery_wh": 20_000, "soc_pct": 50}
    visits = day(vehicles=[*scenario()["vehicles"], late], events=[]).visits
    waiting = next(visit for visit in visits if visit.vehicle.arrives == "08:06")
    assert waiting.plugged_s is not None
    assert waiting.plugged_s >= (visits[0].left_s or 0) > waiting.arrived_s


def test_a_limit_of_a_connector_comes_and_goes() -> None:
    limit = {"at": "08:10", "connector": 1, "limit": {"name": "user", "power_w": 5_000}}
    gone = {"at": "08:12", "connector": 1, "limit": {"name": "user"}}
    visit = day(events=[limit, gone]).visits[0]
    assert visit.held_s["user"] == pytest.approx(120, abs=5)


def test_a_day_is_the_same_each_time() -> None:
    assert result(day()) == result(day())


def test_with_the_plant_nearly_the_same_flows_and_nothing_is_done_that_may_not_be() -> None:
    data = scenario(ends="08:35")
    plain, real = run(read_scenario(data)), run(read_scenario(data), SimulatedMachinery(read_scenario(data)))
    assert real.problems == ()
    assert 0.85 * plain.energy_wh < real.energy_wh < 1.02 * plain.energy_wh


def test_a_contactor_that_does_not_close_is_worked_around() -> None:
    data = scenario(ends="08:25", events=[{"at": "08:01", "faults": {"stuck_open": ["K11"]}}])
    real = run(read_scenario(data), SimulatedMachinery(read_scenario(data)))
    assert real.problems == ()
    assert all(visit.energy_wh > 0 for visit in real.visits)


LEGEND = {
    "what the grid leaves", "waits for power", "waits for its connector", "a group of modules comes",
    "leaves for another",
}  # fmt: skip


def test_the_picture_is_xml_with_all_there_is_to_see() -> None:
    text = svg(day())
    root = ElementTree.fromstring(text)
    words = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"two <outputs>", "grid <falls>", "power into vehicles, kW", "time of day", "connector 1", "08:30"} <= words
    assert words & LEGEND == {"what the grid leaves", "a group of modules comes", "leaves for another"}
    assert "nan" not in text


def test_an_empty_day_has_a_picture_as_well_whose_legend_names_only_what_is_there() -> None:
    root = ElementTree.fromstring(svg(day(vehicles=[], events=[])))
    assert {element.text for element in root.iter()} & LEGEND == set()


def test_the_table_has_a_line_for_each_vehicle() -> None:
    lines = list(table(day()))
    assert sum(" kWh" not in line and "%" in line and ":" in line for line in lines) >= 2
    assert any(line.startswith("energy") for line in lines)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"begins": "8 am"}, "begins"),
        ({"ends": "07:00"}, "ends"),
        ({"vehicles": [{"connector": 7, "arrives": "08:00"}]}, "vehicles[0]"),
        ({"vehicles": [{"connector": 1, "arrives": "08:00", "leaves": "07:00"}]}, "vehicles[0].leaves"),
        ({"vehicles": [{"connector": 1, "arrives": "08:00", "voltage_v": [500, 400]}]}, "vehicles[0].voltage_v"),
        ({"vehicles": [{"connector": 1, "arrives": "08:00", "curve": [[50, 1], [20, 1]]}]}, "vehicles[0].curve"),
        ({"events": [{"at": "08:00", "connector": 1}]}, "events[0]"),
        ({"events": [{"at": "08:00", "faults": {"groups": ["M9"]}}]}, "events[0].faults.groups"),
        ({"station": {"groups": 1}}, "station.groups"),
        ({"station": {"outputs": [{"connector": 1}], "exclusive": [[1, 2]]}}, "station"),
        ({"vehicels": []}, "line"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(change: dict[str, Any], where: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_scenario(scenario(**change))
    assert refusal.value.problem.where == where
    assert refusal.value.problem.remedy


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: str(path.stem))
def test_the_examples_can_be_run(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    hour = int(data["begins"][:2]) + 2
    short = run(read_scenario({**data, "ends": f"{hour:02}:00"}))
    assert short.energy_wh > 0


def test_the_command_writes_figures_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture, figures = tmp_path / "day.json", tmp_path / "day.svg", tmp_path / "figures.json"
    file.write_text(json.dumps(scenario()), encoding="utf-8")
    assert main(["power", "simulate", str(file), "--plot", str(picture), "--json", str(figures)]) == 0
    assert "held down by" in capsys.readouterr().out
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert len(json.loads(figures.read_text(encoding="utf-8"))["visits"]) == 2


def test_what_of_the_station_is_of_no_use_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "day.json"
    data = scenario(ends="08:06")
    data["station"]["nodes"] = ["N1"]
    file.write_text(json.dumps(data), encoding="utf-8")
    assert main(["power", "simulate", str(file)]) == 0
    assert "station.nodes[0]: N1: no contactor is at this node" in capsys.readouterr().err


def test_what_cannot_be_drawn_or_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "day.json"
    file.write_text(json.dumps(scenario()), encoding="utf-8")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["power", "simulate", str(file), "--plot", str(tmp_path / "day.png")]) == 1
    assert "rsvg-convert" in capsys.readouterr().err
    assert main(["power", "simulate", str(file), "--plot", str(tmp_path / "day.gif")]) == 1
    assert ".svg" in capsys.readouterr().err
    file.write_text("{", encoding="utf-8")
    assert main(["power", "simulate", str(file)]) == 1
    assert "JSON" in capsys.readouterr().err
    assert main(["power", "simulate", str(tmp_path / "none.json")]) == 1
    assert main(["power", "simulate"]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["power", "simulate", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    file.write_text(json.dumps(scenario(begins="8 am")), encoding="utf-8")
    assert main(["power", "simulate", str(file)]) == 1
    assert "not a time of day" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told_before_the_day_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "day.json"
    file.write_text(json.dumps(scenario()), encoding="utf-8")
    assert main(["power", "simulate", str(file), "--json", str(tmp_path / "none" / "day.json")]) == 1
    told = capsys.readouterr()
    assert "there is no folder" in told.err
    assert not told.out


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "day.json"], ["serve", "--plot", "day.svg"], ["switch", "--switching"], ["simulate", "x", "--timing"],
        ["simulate"],
    ],
)  # fmt: skip
def test_arguments_of_another_deed_are_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", *words]) == 2
    assert words[0] in capsys.readouterr().err
