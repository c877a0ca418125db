"""`chargepoint power serve` and `switch`: lines in, lines out, whatever comes."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.commands.power import Lines, answer_lines
from chargepoint.power.lines.json_lines import MOST_BYTES
from chargepoint.power.lines.sharing import SharingLines
from chargepoint.power.lines.station import GridLine, RulesLine, StationLine
from chargepoint.power.lines.step import ConnectorLine, FaultsLine, LimitLine, StepLine
from chargepoint.power.lines.switching import SwitchingLines
from chargepoint.power.lines.tick import BeginLine, GroupLine, OutputLine, TickLine, WantedLine
from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.simulation.scenario import Event, ScenarioFile, Socket, Vehicle
from chargepoint.power.topology import Contactor, Group, Output
from tests import power_sessions

MODULE = {"min_voltage_v": 150, "max_voltage_v": 1000, "max_current_a": 100, "max_power_w": 30_000}
STATION: dict[str, Any] = {
    "groups": [{"name": name, "ranges": [MODULE]} for name in ("M1", "M2")],
    "outputs": [{"connector": 1}, {"connector": 2}],
    "contactors": [
        {"name": f"K{group}{output}", "between": [f"M{group}", f"output {output}"]}
        for group in (1, 2)
        for output in (1, 2)
    ],
    "grid": {"power_limit_w": 50_000},
}


def talk(*lines: object, lines_of: type[Lines] = SharingLines, timing: bool = False) -> list[dict[str, Any]]:
    text = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    sink = io.BytesIO()
    answer_lines(lines_of(), io.BytesIO(b"\n".join(text)), sink, timing=timing)
    return [json.loads(line, parse_constant=_never) for line in sink.getvalue().splitlines()]


def _never(word: str) -> float:
    raise AssertionError(f"{word} is no JSON")


def car(connector: int, **more: Any) -> dict[str, Any]:
    return {"connector": connector, "voltage_v": 400, "limits": [{"name": "vehicle", "current_a": 200}], **more}


def step(*connectors: dict[str, Any], now_s: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"now_s": now_s, "connectors": list(connectors), **more}


def last(*lines: object) -> dict[str, Any]:
    return talk(STATION, *lines)[-1]


def test_the_sessions_of_the_documentation_are_what_comes_out() -> None:
    page = power_sessions.PAGE.read_text(encoding="utf-8")
    assert page == power_sessions.page(), "run: python -m tests.power_sessions"


@pytest.mark.parametrize("block", list(power_sessions.blocks()), ids=lambda block: f"{len(block)}")
def test_lines_of_the_documentation_can_be_copied(block: bytes) -> None:
    station, *answers = talk(*block.splitlines())
    assert station["ok"] and not station["warnings"]
    assert answers and all(answer["grants"] for answer in answers)


STRUCTS = (
    Group, VoltageRange, LoadPoint, Output, Contactor, StationLine, GridLine, RulesLine, StepLine, ConnectorLine,
    LimitLine, FaultsLine, BeginLine, WantedLine, TickLine, GroupLine, OutputLine, ScenarioFile, Socket, Vehicle, Event,
)  # fmt: skip


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_the_documentation_names_every_field(struct: type[msgspec.Struct]) -> None:
    page = power_sessions.PAGE.read_text(encoding="utf-8")
    for field in msgspec.structs.fields(struct):
        assert f"`{field.encode_name}`" in page or f'"{field.encode_name}"' in page, field.encode_name


def test_a_sequence_of_the_documentation_ends_with_all_that_was_wanted() -> None:
    *_, (_, answer) = power_sessions.exchange("switch")
    assert answer["done"] and not answer["missing"] and not answer["faults"]


def test_everything_is_named() -> None:
    answer = last(step(car(1), car(2)))
    assert answer["power_w"] == pytest.approx(50_000)
    assert answer["grants"]["1"]["source"] == "grid"
    for group, feed in answer["feeds"].items():
        assert feed["contactors"] == [f"K{group[1]}{feed['connector']}"]
    assert answer["contactors"] == sorted(name for feed in answer["feeds"].values() for name in feed["contactors"])


def test_the_order_of_connectors_changes_nothing() -> None:
    one, two = car(1, since_s=5), car(2, since_s=3, weight=2)
    assert last(step(one, two)) == last(step(two, one))


def test_an_answer_may_be_given_back_as_previous() -> None:
    first, second = step(car(1)), step(car(1), car(2), now_s=100.0)
    remembered = talk(STATION, first, second)
    given = talk(STATION, {**second, "previous": remembered[1]})
    assert given[1] == remembered[2]


def test_without_previous_nothing_was_closed() -> None:
    station, first, _ = talk(STATION, step(car(1)), step(car(2), previous=None))
    again = talk(STATION, step(car(2)))[1]
    assert station["ok"] and first["contactors"]
    assert talk(STATION, step(car(1)), step(car(2), previous=None))[2] == again


def test_an_output_without_any_group_gets_nothing_and_others_what_is_theirs() -> None:
    station = {"outputs": [{"connector": 1}], "grid": {"power_limit_w": 50_000}}
    limits = [{"name": "hardware", "current_a": 16}]
    answer = talk(station, step(car(1), {"connector": 2, "limits": limits}))[1]
    assert answer["grants"]["1"]["power_w"] == 0
    assert answer["grants"]["1"]["source"] == "modules"
    assert answer["grants"]["2"]["power_w"] == pytest.approx(3 * 230 * 16)


def test_null_in_a_field_of_a_connector_is_as_if_it_were_left_out() -> None:
    nulls = dict.fromkeys(("drawn_w", "asked_voltage_v", "guarantee_w", "weight", "since_s", "remaining_s"))
    assert last(step({**car(1), **nulls}, faults=None)) == last(step(car(1)))


def test_the_grid_of_a_step_counts_for_that_step_only() -> None:
    _, low, high = talk(STATION, step(car(1), grid={"power_limit_w": 10_000}), step(car(1), now_s=1.0))
    assert low["power_w"] == pytest.approx(10_000)
    assert high["power_w"] > 10_000


@pytest.mark.parametrize(
    "grid",
    [
        {"power_limit_w": None}, {"power_limit_w": -5}, {"other_loads_w": None}, {"phase_limit_a": None},
        {"phase_limit_a": [-1, 32, 32]},
    ],
)  # fmt: skip
def test_a_grid_that_cannot_be_read_gives_nothing(grid: dict[str, Any]) -> None:
    assert last(step(car(1), grid=grid))["power_w"] == 0


@pytest.mark.parametrize(
    ("limit", "power_w"),
    [
        ({"name": "user", "power_w": 12_000}, 12_000),
        ({"name": "user", "current_a": 20}, 8_000),
        ({"name": "schedule", "power_w": 12_000, "valid_until_s": 7}, 12_000),
        ({"name": "schedule", "power_w": 12_000, "valid_until_s": 5, "default_w": 6_000}, 6_000),
        ({"name": "schedule", "power_w": 12_000, "valid_until_s": 5}, 2_000),
        ({"name": "schedule", "power_w": None, "default_a": 10}, 4_000),
        ({"name": "schedule", "current_a": None}, 2_000),
        ({"name": "user", "power_w": -100}, 0),
    ],
)
def test_a_limit_is_its_value_or_its_default(limit: dict[str, Any], power_w: float) -> None:
    answer = last(step(car(1, limits=[{"name": "hardware", "current_a": 200}, limit]), now_s=5.0))
    assert answer["grants"]["1"]["power_w"] == pytest.approx(power_w)
    assert answer["grants"]["1"]["source"] == limit["name"]


def test_a_group_without_a_curve_beside_one_with_a_better_one_stays_within_the_grid() -> None:
    plain, curved = STATION["groups"]
    station = {
        **STATION,
        "groups": [
            plain,
            {**curved, "efficiency": [{"load": 0.1, "efficiency": 0.97}, {"load": 1, "efficiency": 0.97}]},
        ],
        "grid": {"power_limit_w": 10_000, "dc_efficiency": 0.9},
    }
    answer = talk(station, step(car(1), faults={"groups": ["M2"]}))[-1]
    assert answer["grants"]["1"]["power_w"] <= 9_000 + 1e-3


def test_a_late_limit_of_the_station_without_a_default_leaves_nothing() -> None:
    limit = {"name": "schedule", "power_w": 30_000, "valid_until_s": 5}
    assert last(step(car(1), now_s=4.0, limits=[limit]))["power_w"] == pytest.approx(30_000)
    assert last(step(car(1), now_s=5.0, limits=[limit]))["power_w"] == 0
    assert last(step(car(1), now_s=5.0, limits=[{**limit, "default_w": 8_000}]))["power_w"] == pytest.approx(8_000)


def test_no_power_says_which_limit_and_when() -> None:
    busy = car(1, guarantee_w=50_000, remaining_s=600)
    free = {"connector": 2, "wants_energy": False, "asked_voltage_v": 400, "floor_w": 8_000}
    answer = last(step(busy, free, no_power_for=[2], grid={"power_limit_w": 6_000}))
    assert not answer["no_power"]["2"]["ok"]
    assert answer["no_power"]["2"]["source"] == "grid"


@pytest.mark.parametrize(
    ("line", "where", "word"),
    [
        (b"nonsense", "line", "JSON"),
        (b"[1, 2]", "line", "object"),
        (b'{"now_s": 1e400}', "line", "JSON"),
        (b'{"now_s": 1e300}', "line", "large"),
        (b'{"now_s": NaN}', "now_s", "null"),
        (b'{"now_s": 0, "limits": [{"name": "grid", "power_w": -Infinity}]}', "line", "infinity"),
        (b'{"now_s": 0, "x": "\xff"}', "line", "JSON"),
        (b"# a comment", "line", "JSON"),
        (b'{"now_s": 0, "connectors": ' + b"[" * 50_000, "line", "JSON"),
        ({}, "line", "now_s"),
        ({"now_s": "now"}, "now_s", "text"),
        (step(car(1, voltage_v=-1)), "connectors[0].voltage_v", "0"),
        (step(car(0)), "connectors[0].connector", "1"),
        (step(car(1), car(1)), "connectors[1]", "twice"),
        (step(car(1, voltage_v=0)), "connectors[0]", "voltage"),
        (step(car(1, power_type="AC")), "connectors[0]", "AC"),
        (step(car(1, limits=[{"name": "user"}])), "connectors[0].limits[0]", "value"),
        (step(car(1, limits=[{"name": "user", "powr_w": 1}])), "connectors[0].limits[0]", "powr_w"),
        (step(car(1, weight=0)), "connectors[0].weight", "0"),
        (step(faults={"welded": ["K99"]}), "faults.welded", "K99"),
        (step(faults={"groups": ["M9"]}), "faults.groups", "M9"),
        (step(faults={"derating": {"M1": 2}}), "faults.derating.M1", "1"),
        (step(previous={"feeds": {"M1": {"connector": 7}}}), "previous.feeds.M1", "7"),
        (step(previous={"feeds": {"M1": {"connector": 1, "contactors": ["K22"]}}}), "previous.feeds.M1", "way"),
        (step(no_power_for=[2]), "no_power_for[0]", "connectors"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_and_changes_nothing(line: object, where: str, word: str) -> None:
    first, second = step(car(1)), step(car(1), car(2), now_s=60.0)
    answers = talk(STATION, first, line, second)
    error = answers[2]["error"]
    assert error["where"] == where
    assert word in error["why"]
    assert error["remedy"]
    assert answers[3] == talk(STATION, first, second)[2]


@pytest.mark.parametrize(
    ("line", "found", "remedy"),
    [
        (step(car(1, weigth=2)), '{"weigth":2}', "write weight"),
        (step(car(1, color=2)), '{"color":2}', "here may be: connector, wants_energy"),
        (step(faults={"modules": ["M1"]}), '{"modules":["M1"]}', "here may be: groups, derating, stuck_open, welded"),
        (step(faults={"welded": {"K11": True}}), '{"K11":true}', 'write it as ["K11"]'),
        (step(faults={"stuck_open": ["K99"]}), "K99", "K11, K12, K21, K22"),
        (step(car(1, limits={"user": 10})), '{"user":10}', 'write it as [{"name":"vehicle","current_a":200}'),
        (step(car(1, power_type="BC")), "BC", "write one of AC, DC"),
        (step(previous={"contactors": ["K11", "K12"]}), '["K11","K12"]', "name links"),
        (step(previous={"grants": {"one": {"power_w": 1}}}), '{"one":{"power_w":1}}', "correct it"),
        ({"station": STATION, "rules": {}}, "{}", "station's object"),
    ],
)
def test_a_refusal_shows_what_was_found_and_says_what_to_write(line: object, found: str, remedy: str) -> None:
    error = last(line)["error"]
    assert error["found"] == found
    assert remedy in error["remedy"]


@pytest.mark.parametrize("lines_of", [SharingLines, SwitchingLines])
def test_a_later_line_in_the_first_place_is_told_that_the_station_comes_first(lines_of: type[Lines]) -> None:
    later = step(car(1)) if lines_of is SharingLines else tick(0.0)
    for line in (later, {"from": FROM, "to": TO}) if lines_of is SwitchingLines else (later,):
        error, answer = talk(line, STATION, lines_of=lines_of)
        assert "the station's line comes first" in error["error"]["why"]
        assert answer["ok"]


@pytest.mark.parametrize(
    ("more", "where", "remedy"),
    [
        ({"contactors": [{"name": "K9", "between": ["M1", "outptu 1"]}]}, "contactors[4]", "write 'output 1'"),
        ({"contactors": [{"name": "T", "between": ["M1", "ring"]}]}, "contactors[4]", "add 'ring' to nodes"),
        ({"nodes": ["N1"]}, "nodes[0]", "take it out"),
        ({"groups": [{"name": "M9", "ranges": [MODULE]}]}, "groups[2]", "contactor"),
        ({"outputs": [{"connector": 3}]}, "outputs[2]", "contactor"),
    ],
)
def test_what_of_a_station_is_of_no_use_is_warned_of(more: dict[str, Any], where: str, remedy: str) -> None:
    station = {**STATION, **{name: [*STATION.get(name, ()), *values] for name, values in more.items()}}
    answer = talk(station)[0]
    assert answer["ok"]
    [warning] = answer["warnings"]
    assert (warning["where"], remedy in warning["remedy"]) == (where, True)
    assert talk(STATION)[0]["warnings"] == []


def test_closed_contactors_may_stand_for_what_was_there() -> None:
    first, second = step(car(1)), step(car(2), now_s=100.0)
    closed = talk(STATION, first)[1]["contactors"]
    answer = talk(STATION, {**second, "previous": {"contactors": closed}})[1]
    assert [line.split(": ")[1] for line in answer["moves"]] == ["M1 from C1 (C1 is gone)", "M2 from C1 (C1 is gone)"]


def test_no_sum_grows_by_rounding() -> None:
    groups = [{"name": f"M{each}", "ranges": [MODULE], "bus": "output 1"} for each in range(3)]
    station = {"groups": groups, "outputs": [{"connector": 1}], "grid": {"power_limit_w": 50_000}}
    answer = talk(station, step(car(1, limits=[])))[1]
    assert answer["power_w"] == answer["grants"]["1"]["power_w"] == 50_000
    assert math.fsum(feed["power_w"] for feed in answer["feeds"].values()) <= 50_000


@pytest.mark.parametrize(
    "line",
    [
        b"\xef\xbb\xbf" + json.dumps(step(car(1))).encode(),
        json.dumps(step(car(1))).encode() + b"\r",
        b"\n  \n" + json.dumps(step(car(1))).encode(),
        json.dumps(step({**car(1), "connector": 1.0}, now_s=0.0)).encode(),
        json.dumps(step(car(1, drawn_w=math.nan, guarantee_w=math.nan))).encode(),
    ],
)
def test_the_same_line_written_by_other_programs_has_the_same_answer(line: bytes) -> None:
    assert talk(STATION, line)[-1] == last(step(car(1)))


@pytest.mark.parametrize(
    "station",
    [
        {"groups": [{"name": "M1", "ranges": []}]},
        {"groups": [{"name": "M1", "ranges": [MODULE]}, {"name": "M1", "ranges": [MODULE]}]},
        {"groups": [{"name": "M1", "ranges": [{**MODULE, "min_voltag_v": 1}]}]},
        {"groups": [{"name": "M1", "ranges": [MODULE], "efficiency": [{"load": 1, "efficiency": 0}]}]},
        {"outputs": [{"connector": 1}], "exclusive": [[1, 2]]},
        {"contactors": [{"name": "K", "between": ["A", "A"]}]},
        {"grid": {"phase_voltage_v": 5}},
        {"rules": {"mode": "greedy"}},
        {"rules": {"fairness_cost_pct": -3}},
    ],
)
def test_a_station_that_cannot_be_is_refused_and_still_awaited(station: dict[str, Any]) -> None:
    error, answer, allocation = talk(station, STATION, step(car(1)))
    assert all(error["error"].values())
    assert answer["ok"]
    assert allocation["power_w"] > 0


@pytest.mark.parametrize("station", [STATION, {"station": STATION}])
def test_another_station_begins_anew(station: dict[str, Any]) -> None:
    *_, again, answer = talk(STATION, step(car(1)), station, step(car(2)))
    assert again["ok"]
    assert answer == talk(STATION, step(car(2)))[1]


def test_a_line_without_end_is_one_error_and_the_next_is_answered() -> None:
    answers = talk(STATION, b'{"now_s": 0, "x": "' + b"a" * (3 * MOST_BYTES) + b'"}', step(car(1)))
    assert "bytes" in answers[1]["error"]["found"]
    assert answers[2]["power_w"] > 0


def test_the_time_it_took_is_told_on_demand() -> None:
    assert talk(STATION, step(car(1)), timing=True)[1]["took_ms"] >= 0


TO = {"links": [{"group": "M1", "connector": 2, "power_w": 8_000}]}
FROM = [{"group": "M1", "connector": 1}]
CLOSED = {"K11": True, "K12": False, "K21": False, "K22": False}
ONE = {"stage": "charging", "voltage_v": 400, "request_v": 410, "request_a": 60, "current_a": 50, "is_closed": True}
TWO = {"stage": "preparing", "voltage_v": 0, "request_v": 600, "request_a": 2}
AT_REST = {"voltage_v": 0, "current_a": 0}


def tick(now_s: float, **more: Any) -> dict[str, Any]:
    return {
        "now_s": now_s,
        "groups": {"M1": {"voltage_v": 400, "current_a": 50, "is_on": True}, "M2": AT_REST},
        "contactors": CLOSED,
        "outputs": {"1": ONE, "2": TWO},
    } | more


def switch(*lines: object) -> list[dict[str, Any]]:
    return talk(*lines, lines_of=SwitchingLines)


def test_from_and_to_may_come_in_one_line_or_in_several() -> None:
    apart = switch(STATION, {"from": FROM}, {"to": TO}, tick(0.0))[-1]
    assert switch(STATION, {"from": FROM, "to": TO}, tick(0.0))[-1] == apart
    assert switch({"station": STATION, "from": FROM, "to": TO}, tick(0.0))[-1] == apart


def test_what_gives_power_at_the_first_tick_goes_on_before_it_is_lowered() -> None:
    *_, first, second = switch(STATION, {"from": FROM, "to": TO}, tick(0.0), tick(0.1))
    assert first["groups"]["M1"]["current_a"] == pytest.approx(50, abs=1)
    assert first["contactors"] == CLOSED
    assert 0 < second["groups"]["M1"]["current_a"] < 50
    assert [(each["group"], each["from"]["connector"], each["to"]["connector"]) for each in second["moves"]] == [
        ("M1", 1, 2)
    ]
    assert not second["done"]
    missing = {"group": "M1", "connector": 2, "contactors": ["K12"], "why": "its current falls"}
    assert second["missing"] == [missing]


@pytest.mark.parametrize(
    "to",
    [
        [{"group": "M1", "connector": 2, "power_w": 8_000}],
        {"links": [{"group": "M1", "connector": 2}], "grants": {"2": {"power_w": 8_000}}},
        {"contactors": ["K12"], "grants": {"2": {"power_w": 8_000}}},
        {"feeds": {"M1": {"connector": 2, "power_w": 8_000}}},
    ],
)
@pytest.mark.parametrize("begun", [FROM, ["K11"], {"contactors": ["K11"]}, {"links": FROM}])
def test_what_is_wanted_may_be_written_in_several_ways(to: Any, begun: Any) -> None:
    answers = switch(STATION, {"from": begun, "to": to}, tick(0.0), tick(0.1))
    assert answers[1:] == switch(STATION, {"from": FROM, "to": TO}, tick(0.0), tick(0.1))[1:]


def test_outputs_that_are_to_have_groups_without_power_are_warned_of() -> None:
    assert switch(STATION, {"to": TO})[-1]["warnings"] == []
    assert "power_w" in switch(STATION, {"to": ["K12"]})[-1]["warnings"][0]["remedy"]


def test_contactors_that_bring_no_group_to_an_output_are_not_wanted() -> None:
    ring = {
        "groups": [{"name": "M1", "ranges": [MODULE], "bus": "N1"}],
        "outputs": [{"connector": 1, "bus": "N1"}, {"connector": 2, "bus": "N2"}],
        "contactors": [{"name": "T1", "between": ["N1", "N2"]}],
        "nodes": ["N1", "N2"],
    }
    assert switch(ring, {"to": ["T1"]})[-1]["error"]["why"] == "these contactors join 'M1' to outputs [1, 2]"
    assert switch(STATION, {"to": ["K99"]})[-1]["error"]["remedy"] == "name one of K11, K12, K21, K22"


def test_a_group_without_is_on_is_as_it_was_ordered() -> None:
    said = switch(STATION, {"from": FROM, "to": TO}, *(tick(n / 10) for n in range(5)))
    groups = {"M1": {"voltage_v": 400, "current_a": 50}, "M2": AT_REST}
    assert switch(STATION, {"from": FROM, "to": TO}, *(tick(n / 10, groups=groups) for n in range(5))) == said


def test_a_setting_below_zero_is_refused() -> None:
    error = switch({**STATION, "switching": {"rise_a_per_s": -3}})[0]["error"]
    assert error["where"] == "switching.rise_a_per_s"


def test_all_is_done_when_it_has_been_at_rest_and_not_in_the_tick_of_another_wish() -> None:
    idle: dict[str, Any] = {
        "groups": {name: {"voltage_v": 0, "current_a": 0} for name in ("M1", "M2")},
        "contactors": dict.fromkeys(CLOSED, False),
        "outputs": {"1": {"stage": "idle"}, "2": {"stage": "idle"}},
    }
    ticks = [tick(place / 5, **idle) for place in range(10)]
    ticks[5] |= {"to": TO}
    ticks[8] |= {"to": TO}
    answers = switch(STATION, {"from": [], "to": {}}, *ticks)[2:]
    assert [place for place, answer in enumerate(answers) if answer["done"]] == [3, 4, 8, 9]
    assert [each["why"] for each in answers[-1]["missing"]] == ["output 2 takes no group now"]


def test_an_answer_of_serve_may_be_what_is_wanted() -> None:
    allocation = last(step(car(1)))
    begun = switch(STATION, {"to": allocation})[-1]
    assert {(each["group"], each["connector"]) for each in begun["to"]} == {
        (group, feed["connector"]) for group, feed in allocation["feeds"].items()
    }


def test_what_cannot_be_read_is_a_fault_in_time() -> None:
    silent = {"M1": {"voltage_v": None, "current_a": 50, "is_on": True}, "M2": AT_REST}
    *_, answer = switch(STATION, {"to": TO}, *(tick(n / 10, groups=silent) for n in range(30)))
    assert [(each["what"], each["name"]) for each in answer["faults"]] == [("group", "M1")]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (tick(-1.0), "now_s"),
        (tick(1.0, groups={"M9": {}}), "groups"),
        (tick(1.0, contactors={"K99": True}), "contactors"),
        (tick(1.0, outputs={"9": TWO}), "outputs"),
        (tick(1.0, outputs={"1": {**TWO, "stage": "flying"}}), "outputs.1.stage"),
        (tick(1.0, to={"links": [*TO["links"], {"group": "M1", "connector": 1}]}), "to.links[1]"),
        ({"to": {"links": [{"group": "M1", "connector": 2, "contactors": ["K11"]}]}}, "to.links[0]"),
        (tick(1.0, groups={"M1": {"voltage_v": 400}}), "groups.M1"),
        (tick(1.0, groups=[{"name": "M1"}]), "groups"),
        (tick(1.0, contactors={"K11": "closed"}), "contactors.K11"),
        (tick(1.0, outputs={"1": {"stage": "charging", "voltage_v": 400}}), "outputs.1"),
        (tick(1.0, clear=["K99"]), "clear"),
        ({"from": ["K99"], "to": TO}, "from"),
        ({"to": TO, "welded": ["K99"]}, "welded"),
        ({"station": {"groups": 1}}, "groups"),
        ({"station": STATION, "to": {"links": [{"group": "M9", "connector": 1}]}}, "to.links[0]"),
    ],
)
def test_a_tick_that_cannot_be_used_is_refused_and_changes_nothing(line: object, where: str) -> None:
    *_, refused, answer = switch(STATION, {"from": FROM, "to": TO}, tick(0.0), line, tick(0.1))
    assert refused["error"]["where"] == where
    assert answer == switch(STATION, {"from": FROM, "to": TO}, tick(0.0), tick(0.1))[-1]


def test_a_tick_before_anything_is_wanted_is_refused() -> None:
    assert "wanted" in switch(STATION, tick(0.0))[-1]["error"]["why"]


@pytest.mark.realtime
@pytest.mark.parametrize("deed", ["serve", "switch"])
def test_a_process_answers_each_line_at_once_and_ends_with_its_input(deed: str) -> None:
    command = [sys.executable, "-m", "chargepoint", "power", deed]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for line, key in ((b"nonsense", "error"), (json.dumps(STATION).encode(), "ok")):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            assert key in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(20) == 0


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
WORDS = st.sampled_from(
    [
        "connector", "connectors", "limits", "name", "current_a", "power_w", "voltage_v", "asked_voltage_v", "now_s",
        "grid", "faults", "previous", "feeds", "to", "from", "groups", "contactors", "outputs", "stage", "station",
        "weight", "floor_a", "guarantee_w", "drawn_w", "since_s", "phases", "first_phase", "welded", "M1", "K11", "1",
    ]
)  # fmt: skip
NEARLY = st.recursive(
    SCALARS | st.sampled_from(["M1", "K11", "charging", "DC", "AC", 0, 1, 2, 400, 1e12]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize("lines_of", [SharingLines, SwitchingLines])
@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_sent_each_line_has_one_answer(lines_of: type[Lines], data: st.DataObject) -> None:
    base = step(car(1), car(2), previous={"feeds": {"M1": {"connector": 1}}}, faults={"welded": ["K11"]})
    if lines_of is SwitchingLines:
        base = {
            "now_s": 1.0,
            "groups": {"M1": {"voltage_v": 400.0, "current_a": 1.0, "is_on": True}},
            "contactors": {"K11": True},
            "outputs": {"1": {"stage": "charging", "voltage_v": 400.0, "request_v": 410, "request_a": 50}},
        }
    broken = dict(base)
    broken[data.draw(st.sampled_from(sorted(base)) | WORDS)] = data.draw(NEARLY)
    lines: list[object] = [
        STATION,
        {"to": {"links": [{"group": "M1", "connector": 1, "power_w": 1000}]}},
        data.draw(st.binary(max_size=30)).replace(b"\n", b"").replace(b"\r", b"") or b"{",
        data.draw(st.dictionaries(WORDS, NEARLY | JUNK, max_size=4)),
        broken,
    ]
    lines = [line for line in lines if not isinstance(line, bytes) or line.strip()]
    answers = talk(*lines, lines_of=lines_of)
    assert len(answers) == len(lines)
    for answer in answers:
        assert "a fault of this software" not in str(answer.get("error", {}).get("why", ""))
        _all_finite(answer)


def _all_finite(data: object) -> None:
    if isinstance(data, dict):
        for value in data.values():
            _all_finite(value)
    elif isinstance(data, list):
        for value in data:
            _all_finite(value)
    elif isinstance(data, float):
        assert math.isfinite(data)
