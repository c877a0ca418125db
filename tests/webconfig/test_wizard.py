"""The first-run wizard: its rules, and a walk through its pages on a hub with a real household."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chargepoint.messages import ActionResult, Discover, DiscoveryState, StationState
from chargepoint.vocabulary import LogicalStatus, OperatingMode, TechnicalStatus
from tests.webconfig.bench import Bench
from webconfig.wizard.checks import findings
from webconfig.wizard.hint import step_to_do
from webconfig.wizard.steps import (
    DONE,
    HIDDEN_KEY,
    NAMES,
    STEP_KEY,
    STEPS,
    after,
    changes_of,
    reached,
    step_named,
    where_to_go_on,
)
from webconfig.wizard.supply import AMPACITY_A, NotASupply, Supply, proposed

STATION = """
[station]
name = "test-1"
power_limit_w = 11_000

[[port]]
name = "bus"
device = "/dev/null"

[[connector]]
number = 1
type = "TYPE2"
port = "bus"
meter = "m"
max_current_a = 16
max_power_w = 11_000
cable_current_a = 16

[[meter]]
name = "m"
port = "bus"
address = 2
"""


LINE = Supply(section_mm2=16.0, length_m=20.0, breaker_a=63.0, earthing="TN-S")


def test_the_least_of_breaker_cable_drop_and_allotment_is_proposed() -> None:
    assert (proposed(LINE).phase_a, proposed(LINE).cause) == (63.0, "breaker")
    large = proposed(replace(LINE, breaker_a=100.0))
    assert (large.cause, large.warnings) == ("cable", ("breaker_above_cable",))
    far = proposed(replace(LINE, length_m=400.0))
    assert far.cause == "drop" and far.drop_percent <= 5.0
    assert far.phase_a == math.floor(0.05 * 230 / (0.0225 * 400 / 16) * 10) / 10
    allotted = proposed(replace(LINE, allotted_kw=22.0))
    assert (allotted.cause, allotted.power_w) == ("allotted", 21900.0)
    assert "tn_c" in proposed(replace(LINE, earthing="TN-C")).warnings


@given(
    st.sampled_from(sorted(AMPACITY_A)),
    st.floats(0, 2000),
    st.floats(1, 4000),
    st.sampled_from([1, 3]),
    st.integers(1, 6),
    st.none() | st.floats(0.1, 10_000),
)
def test_no_proposal_is_above_any_of_its_bounds(
    section: float, length: float, breaker: float, phases: int, parallel: int, allotted: float | None
) -> None:
    found = proposed(
        Supply(
            section_mm2=section, length_m=length, breaker_a=breaker, earthing="TN-S", phases=phases,
            parallel=parallel, allotted_kw=allotted,
        )
    )  # fmt: skip
    assert found.phase_a <= breaker and found.phase_a <= AMPACITY_A[section] * parallel
    assert found.drop_percent <= 5.01
    assert found.power_w <= found.phase_a * 230 * phases
    assert allotted is None or found.power_w <= allotted * 1000


@pytest.mark.parametrize(
    "field, value",
    [
        ("section_mm2", 3.0),
        ("length_m", math.nan),
        ("breaker_a", -1.0),
        ("earthing", "X"),
        ("phases", 2),
        ("parallel", 0),
    ],
)
def test_what_is_no_supply_is_named(field: str, value: object) -> None:
    with pytest.raises(NotASupply) as told:
        proposed(replace(LINE, **{field: value}))
    assert told.value.field == field


def test_going_back_never_loses_how_far_somebody_was() -> None:
    assert [after(name) for name in NAMES] == [*NAMES[1:], DONE]
    assert reached("server", "identity") == "server"
    assert reached("", "language") == "password"
    assert reached(DONE, "identity") == DONE
    assert where_to_go_on("a step of another version") == "language"
    assert {step.name for step in STEPS if not step.can_skip} == {"password", "supply", "apply", "summary"}


def test_nobody_is_reminded_of_what_is_finished_or_not_wanted() -> None:
    assert step_to_do({}) == NAMES[0]
    assert step_to_do({STEP_KEY: "supply"}) == "supply"
    assert step_to_do({STEP_KEY: DONE}) == step_to_do({STEP_KEY: "supply", HIDDEN_KEY: "1"}) == ""


def test_only_what_differs_goes_into_the_draft() -> None:
    step = step_named("identity")
    assert step is not None
    given = {"station.name": "st-9", "station.vendor": "Maker", "ocpp.url": "wss://evil", "csrf": "x"}
    assert changes_of(step, given, {"station.vendor": "Maker", "station.name": "st-1"}) == {"station.name": "st-9"}


def test_a_silent_station_is_a_fault_and_faults_come_first() -> None:
    assert [one.key for one in findings({}, 100.0)] == ["no_station"]
    station = StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=False, connectors=(1,), power_limit_w=11_000.0, power_w=0.0,
    )  # fmt: skip
    found = findings({"station": station}, 100.0)
    assert [one.key for one in found[:2]] == ["connector_silent", "cannot_record"]
    assert [one.outcome for one in found] == sorted(
        (one.outcome for one in found), key=["bad", "warning", "good"].index
    )


@pytest.mark.realtime
async def test_an_installer_walks_through_and_comes_back_tomorrow(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(STATION, encoding="utf-8")
    asked: list[Discover] = []

    def discover(request: Discover) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok")

    async with Bench(tmp_path, config=file, answers={"discovery": {Discover: discover}}) as bench:
        client = await bench.log_in("admin")
        assert (await client.get("/wizard")).headers["Location"] == "/wizard/language"
        for name in NAMES:
            page = await client.get(f"/wizard/{name}")
            assert page.status == 200, (name, page.text[:500])
            assert "wizard." not in page.text.replace("/wizard.", ""), name  # a text that is missing shows its key
        made = await client.post("/wizard/password", {"do": "recovery"})
        assert made.status == 200 and "<code>" in made.text
        assert (await client.post("/wizard/password", {"do": "skip"})).status == 422
        done = await client.post("/wizard/identity", {"station.name": "st-9", "station.vendor": "Maker"})
        assert done.headers["Location"] == "/wizard/network", done.text[:800]
        assert 'value="st-9"' in (await client.get("/wizard/identity")).text
        bad = await client.post("/wizard/identity", {"station.name": "no blanks here"})
        assert bad.status == 422 and "no blanks" in bad.text
        found = await client.post("/wizard/hardware", {"do": "search", "hosts": "10.0.0.9:502, gw"})
        assert found.status == 303 and asked[0].hosts == ("10.0.0.9:502", "gw")
        bench.buses["discovery"].set_state(
            "discovery", DiscoveryState(lines=("found: <b>x</b>",), found=1, proposal=STATION)
        )
        reckoned = await client.post(
            "/wizard/supply",
            {
                "do": "reckon",
                "section_mm2": "16",
                "length_m": "20",
                "breaker_a": "63",
                "earthing": "TN-C",
                "phases": "3",
            },
        )
        assert 'value="43400"' in reckoned.text and "PEN" in reckoned.text
        wrong = await client.post("/wizard/supply", {"do": "reckon", "section_mm2": "16", "length_m": "far"})
        assert wrong.status == 422 and 'aria-invalid="true"' in wrong.text
        saved = await client.post("/wizard/supply", {"station.power_limit_w": "43400"})
        assert saved.headers["Location"] == "/wizard/access"
        assert "43400" in (await client.get("/wizard/apply")).text
        report = await client.get("/wizard/report")
        assert "st-9" in report.text and "16 mm²" in report.text
        assert (await client.post("/wizard/summary")).status == 422  # there is no station, and nobody says he knows
        assert "&lt;b&gt;" in (await client.get("/wizard/hardware")).text
        again = await bench.log_in("admin")
        assert (await again.get("/wizard")).headers["Location"] == "/wizard/access"
        home = (await again.get("/")).text
        assert 'href="/wizard/access">Go on' in home and "Step 8 of 13" in home
        assert 'href="/config/difference">Draft not applied' in home
        assert (await again.post("/wizard/summary", {"anyway": "1"})).headers["Location"] == "/"
        assert 'id="wizard"' not in (await again.get("/")).text
        other = await bench.log_in("oleg")
        assert "Draft not applied" not in (await other.get("/")).text
        refused = await other.get("/wizard")
        assert refused.status == 403 and '<nav class="menu"' in refused.text, "a problem is told in the frame"
