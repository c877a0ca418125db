"""`chargepoint power simulate`: reads a scenario, runs its day, prints a table, writes the picture and the figures."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.power.lines.json_lines import parse, plain
from chargepoint.power.lines.refusals import Refusal
from chargepoint.power.lines.station import doubts
from chargepoint.power.simulation.day import Day, Visit, run
from chargepoint.power.simulation.plot import svg
from chargepoint.power.simulation.scenario import Scenario, read_scenario, time_of_day

CONVERTER = "rsvg-convert"
CONVERT_WITHIN_S = 60.0


class CannotDo(Exception):
    """It cannot be done; the text says why to people."""


def simulate(scenario_file: Path, plot: Path | None, figures: Path | None, switching: bool) -> int:
    """Exit status 0 or 1."""
    try:
        scenario = load(scenario_file)
        for doubt in doubts(scenario.topology):
            print(
                f"{scenario_file}: station.{doubt.where}: {doubt.found}: {doubt.why}; {doubt.remedy}", file=sys.stderr
            )
        for target in filter(None, (plot, figures)):
            if not target.parent.is_dir():
                raise CannotDo(f"{target}: there is no folder {target.parent}; make it, or name another")
        draw = None if plot is None else _drawer(plot)
        began = time.perf_counter()
        day = run(scenario, _machinery(scenario) if switching else None)
        took_s = time.perf_counter() - began
        for line in table(day):
            print(line)
        print(f"\n{day.calls} allocations in {took_s:.1f} s")
        if plot is not None and draw is not None:
            draw(svg(day), plot)
        if figures is not None:
            figures.write_bytes(msgspec.json.format(msgspec.json.encode(plain(result(day))), indent=1) + b"\n")
    except (CannotDo, OSError) as error:
        print(f"chargepoint power: {error}", file=sys.stderr)
        return 1
    return 0


def load(path: Path) -> Scenario:
    """A scenario file. Raises CannotDo."""
    try:
        return read_scenario(parse(path.read_bytes(), "file", "correct it; docs/power.md describes each field"))
    except FileNotFoundError as error:
        raise CannotDo(f"{path}: there is no such file; some scenarios are in examples/power") from error
    except OSError as error:
        raise CannotDo(f"{path}: it cannot be read ({error.strerror})") from error
    except Refusal as refusal:
        found = refusal.problem
        raise CannotDo(f"{path}: {found.where}: {found.found}: {found.why}; {found.remedy}") from refusal


def table(day: Day) -> Iterator[str]:
    """The day in lines for people."""
    if day.scenario.name:
        yield day.scenario.name
        yield ""
    rows: list[Sequence[str]] = [
        ("vehicle", "at", "arrived", "began", "left", "charge", "kWh", "waited", "held down by")
    ]
    rows += [_row(visit) for visit in day.visits]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            word.rjust(width) if column in (1, 6, 7) else word.ljust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield ""
    yield f"energy            {day.energy_wh / 1000:.1f} kWh into {sum(v.energy_wh > 0 for v in day.visits)} vehicles"
    waited_s = math.fsum(visit.waited_s for visit in day.visits)
    yield f"waited for power  {waited_s / 60:.1f} min in sum"
    yield f"groups moved      {len(day.switches)} times, {day.contactor_changes} contactor operations"
    held: dict[str, float] = {}
    for visit in day.visits:
        for name, held_s in visit.held_s.items():
            held[name] = held.get(name, 0.0) + held_s
    yield f"what held down    {_held(held, 6)}"
    for problem in day.problems:
        yield f"not allowed       {problem}"


def result(day: Day) -> dict[str, Any]:
    """The day in figures for programs. Times in s since midnight."""
    return {
        "name": day.scenario.name,
        "energy_wh": day.energy_wh,
        "contactor_operations": day.contactor_changes,
        "allocations": day.calls,
        "visits": [
            {
                "name": visit.vehicle.name,
                "connector": visit.connector,
                "arrived_s": visit.arrived_s,
                "plugged_s": visit.plugged_s,
                "finished_s": visit.finished_s,
                "left_s": visit.left_s,
                "energy_wh": visit.energy_wh,
                "soc_pct": visit.soc_pct,
                "waited_s": visit.waited_s,
                "held_s": visit.held_s,
            }
            for visit in day.visits
        ],
        "switches": [msgspec.structs.asdict(switch) for switch in day.switches],
        "samples": [
            {"at_s": each.at_s, "power_w": each.power_w, "room_w": each.room_w, "waiting": sorted(each.waiting)}
            for each in day.samples
        ],
        "problems": list(day.problems),
    }


def _row(visit: Visit) -> Sequence[str]:
    def clock(at_s: float | None) -> str:
        return "-" if at_s is None else time_of_day(at_s)

    return (
        visit.vehicle.name or "vehicle",
        str(visit.connector),
        time_of_day(visit.arrived_s),
        clock(visit.plugged_s),
        clock(visit.left_s),
        f"{visit.vehicle.soc_pct:.0f}→{visit.soc_pct:.0f} %",
        f"{visit.energy_wh / 1000:.1f}",
        f"{visit.waited_s / 60:.1f} min" if visit.waited_s else "",
        _held(visit.held_s, 3),
    )


def _held(held_s: dict[str, float], most: int) -> str:
    """The limits that held for longest, with their shares of the time."""
    total_s = math.fsum(held_s.values())
    ranked = sorted(held_s.items(), key=lambda item: (-item[1], item[0]))[:most]
    return ", ".join(
        f"{name or 'nothing'} {100 * each_s / total_s:.0f} %" for name, each_s in ranked if each_s >= 0.01 * total_s
    )


def _machinery(scenario: Scenario) -> Any:
    from chargepoint.power.simulation.day_plant import SimulatedMachinery

    return SimulatedMachinery(scenario)


def _drawer(path: Path) -> Any:
    """What writes the picture by the ending of its name. Raises CannotDo."""
    if path.suffix == ".svg":
        return lambda text, target: target.write_text(text, encoding="utf-8")
    if path.suffix != ".png":
        raise CannotDo(f"--plot {path}: a picture ends in .svg or .png")
    found = shutil.which(CONVERTER)
    if found is None:
        raise CannotDo(
            f"--plot {path}: a .png needs the program {CONVERTER}, which is not installed "
            "(Debian: apt install librsvg2-bin); an .svg needs nothing"
        )

    def convert(text: str, target: Path) -> None:
        try:
            subprocess.run(
                [found, "--format=png", "--zoom=1.5", f"--output={target}", "/dev/stdin"],
                input=text.encode(),
                check=True,
                capture_output=True,
                timeout=CONVERT_WITHIN_S,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise CannotDo(f"--plot {target}: {CONVERTER} could not draw it: {error}") from error

    return convert
