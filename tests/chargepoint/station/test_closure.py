"""Charges are kept from beginning for an update while there is a reason, and never for longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargepoint import slots
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.layout import Layout
from chargepoint.messages import ServiceState, UpdateState
from chargepoint.one_process import in_process_bus
from chargepoint.software_trial import TREE
from chargepoint.station.closure import LONGEST_TRIAL_S, Closure, drains
from tests.chargepoint.trees import put_on_trial


@pytest.mark.parametrize(
    ("while_charging", "allows_new", "expected"),
    [
        ("wait", "", False),
        ("drain", "", True),
        ("stop", "", False),
        ("wait", "false", True),
        ("wait", " False ", True),
        ("drain", "true", False),
        ("stop", "false", False),
        ("wait", "perhaps", False),
        ("drain", "perhaps", True),
    ],
)
def test_who_decides_whether_an_update_drains_the_station(while_charging: str, allows_new: str, expected: bool) -> None:
    assert drains(while_charging, allows_new) is expected


def layout(folder: Path) -> Layout:
    return Layout(factory=folder / "factory", slots=folder / "slots", keys=folder / "keys")


@pytest.fixture
def on_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slot `a` runs, on trial; the folder of slots."""
    place = tmp_path / "slots"
    put_on_trial(place, "1.1.0.0", monkeypatch)
    return place


def closure(folder: Path, *, does_drain: bool = True) -> Closure:
    return Closure(layout(folder), Clock("boot-1"), lambda: does_drain)


@asynccontextmanager
async def followed(closure: Closure) -> AsyncIterator[dict[str, Bus]]:
    """At work, with the bus of those it listens to."""
    async with in_process_bus("hub", "fota", "station") as buses:
        running = asyncio.create_task(closure.run(buses["station"]))
        try:
            yield buses
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def fota_is(buses: dict[str, Bus], status: str) -> None:
    state = ServiceState(name="fota", status=status, pid=1, restarts=0, since_mono_s=0.0)
    buses["hub"].set_state("service/fota", state)


async def test_a_trial_is_known_from_the_start_and_over_when_the_version_is_kept(
    tmp_path: Path, on_trial: Path
) -> None:
    found = closure(tmp_path)
    assert found.is_on_trial
    told = []
    found.changed = lambda: told.append(found.is_closed)
    async with followed(found):
        await asyncio.sleep(200)
        assert found.is_closed
        slots.keep(on_trial)
        await asyncio.sleep(1.5)
        assert told == [False]


@pytest.mark.parametrize("happens", ["nothing", "given up", "unreadable"])
async def test_a_trial_that_is_not_kept_closes_for_a_bounded_time(tmp_path: Path, on_trial: Path, happens: str) -> None:
    found = closure(tmp_path)
    if happens == "given up":
        slots.back(on_trial, "not well")
    elif happens == "unreadable":
        (on_trial / slots.STATE).write_text("{}")
        (on_trial / slots.BEFORE).unlink(missing_ok=True)
    async with followed(found):
        await asyncio.sleep(LONGEST_TRIAL_S - 5)
        assert found.is_closed
        await asyncio.sleep(10)
        assert not found.is_closed


def test_a_station_that_begins_anew_in_a_version_given_up_is_closed_still(
    tmp_path: Path, on_trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots.back(on_trial, "not well")
    assert closure(tmp_path).is_closed
    monkeypatch.setenv(TREE, str(tmp_path / "factory"))
    assert not closure(tmp_path).is_closed


def test_somebody_who_goes_back_from_a_version_that_was_kept_closes_nothing(tmp_path: Path, on_trial: Path) -> None:
    slots.keep(on_trial)
    slots.back(on_trial, "asked")
    assert not closure(tmp_path).is_closed


def test_a_version_that_start_sh_does_not_run_or_that_runs_in_the_place_of_a_trial_is_on_none(
    tmp_path: Path, on_trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tree in (tmp_path / "elsewhere", tmp_path / "factory"):
        monkeypatch.setenv(TREE, str(tree))
        assert not closure(tmp_path).is_closed
    monkeypatch.delenv(TREE)
    assert not closure(tmp_path).is_closed


async def test_a_station_drains_only_while_the_service_lives_that_says_so(tmp_path: Path) -> None:
    found = closure(tmp_path)
    due, over = UpdateState(stage="waiting", is_due=True), UpdateState(stage="checking")
    story: list[tuple[str | UpdateState, bool]] = [
        ("running", False), (UpdateState(stage="waiting"), False), (due, True), ("hung", False), ("restarting", False),
        ("starting", False), ("parked", False), ("running", True), (over, False),
    ]  # fmt: skip
    async with followed(found) as buses:
        for happens, expected in story:
            if isinstance(happens, str):
                fota_is(buses, happens)
            else:
                buses["fota"].set_state("update", happens)
            await asyncio.sleep(1)
            assert found.is_closed is expected, happens


async def test_nothing_drains_where_the_policy_is_to_wait(tmp_path: Path) -> None:
    found = closure(tmp_path, does_drain=False)
    async with followed(found) as buses:
        fota_is(buses, "running")
        buses["fota"].set_state("update", UpdateState(stage="waiting", is_due=True))
        await asyncio.sleep(1)
        assert not found.is_closed
