"""A run of station tests: told as it goes, one check never stops the others, kept, compared with the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.messages import ActionResult, DiagnosticsState, Finding, MeterState, RunDiagnostics
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from diag.checks import CHECKS, WHOLE_S
from diag.checks.look import Check, Look, Unanswered, failed, passed
from diag.diagnosis import Diagnosis, compared, remembered, wanted
from diag.registers import Registers
from drivers.interfaces import MeterReading
from tests.chargepoint.dummies import settings


async def good(_look: Look) -> list[Finding]:
    return [passed("meter/a"), passed("meter/b")]


async def bad(_look: Look) -> list[Finding]:
    return [failed("port_closed", "port/x", error="gone")]


async def broken(_look: Look) -> list[Finding]:
    raise RuntimeError("oops")


async def endless(_look: Look) -> list[Finding]:
    await asyncio.Event().wait()
    raise AssertionError


async def unanswered(_look: Look) -> list[Finding]:
    raise Unanswered("helper")


FIVE = (
    Check(name="broken", run=broken),
    Check(name="endless", run=endless, limit_s=3.0),
    Check(name="unanswered", run=unanswered),
    Check(name="bad", run=bad, kinds=("port",), page="TechnikDiagnostics"),
    Check(name="good", run=good, kinds=("meter",)),
)


@asynccontextmanager
async def diagnosing(folder: Path, checks: tuple[Check, ...], **more: Any) -> AsyncIterator[tuple[Bus, Diagnosis]]:
    async with in_process_bus("diag", "admin") as buses:
        context = Context("diag", buses["diag"], settings(), Secrets(), Clock.of_system(EARLIEST), folder)
        made = Diagnosis(context, buses["diag"].watch(""), checks, **more)
        task = asyncio.create_task(made.run())
        try:
            yield buses["admin"], made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def begin(bus: Bus, subject: str = "") -> ActionResult:
    return await bus.call("diag", RunDiagnostics(subject=subject, by="anna"))


async def ended(bus: Bus) -> tuple[DiagnosticsState, list[DiagnosticsState]]:
    """The run that goes on, up to its end, and all that was told of it."""
    told: list[DiagnosticsState] = []
    view = bus.watch("diagnostics")
    try:
        async with asyncio.timeout(200):
            async for _, state in view.changes():
                assert isinstance(state, DiagnosticsState)
                told.append(state)
                if not state.is_running and state.by:
                    return state, told
    finally:
        view.close()
    raise AssertionError("the bus ended")


async def test_a_broken_a_slow_and_an_unanswered_check_do_not_stop_the_others(tmp_path: Path) -> None:
    async with diagnosing(tmp_path, FIVE) as (bus, _):
        assert (await begin(bus)).ok
        state, _ = await ended(bus)
    assert [(each.check, each.verdict, each.code) for each in state.findings] == [
        ("broken", "skipped", "check_broken"),
        ("endless", "skipped", "too_slow"),
        ("unanswered", "skipped", "no_answer"),
        ("bad", "failed", "port_closed"),
        ("good", "passed", "ok"),
        ("good", "passed", "ok"),
    ]
    assert (state.verdict, state.done, state.total, state.by) == ("failed", 5, 5, "anna")
    assert state.findings[3].page == "TechnikDiagnostics" and not state.findings[4].page
    assert state.findings[1].duration_ms >= 3000


async def test_it_is_told_how_far_it_is_and_a_second_run_waits(tmp_path: Path) -> None:
    async with diagnosing(tmp_path, FIVE) as (bus, _):
        assert (await begin(bus)).ok
        again = await begin(bus)
        assert (again.ok, again.code) == (False, "busy")
        _, told = await ended(bus)
        assert any(each.is_running and each.now == "endless" and each.done == 1 for each in told)
        assert (await begin(bus, "nothing/like/that")).code == "unknown"
        assert (await begin(bus, "good")).ok


async def test_the_whole_run_ends_in_time_and_says_what_was_left_out(tmp_path: Path) -> None:
    slow = tuple(Check(name=f"slow{n}", run=endless, limit_s=10.0) for n in range(20))
    async with diagnosing(tmp_path, slow) as (bus, _):
        begun_s = asyncio.get_running_loop().time()
        assert (await begin(bus)).ok
        state, _ = await ended(bus)
        assert asyncio.get_running_loop().time() - begun_s <= 90.0
    assert state.findings[-1].code == "too_late" and WHOLE_S < 90.0


async def test_one_subject_or_one_check_runs_by_itself(tmp_path: Path) -> None:
    async with diagnosing(tmp_path, FIVE) as (bus, _):
        assert (await begin(bus, "meter/b")).code == "unknown"  # this station file has no such meter
        assert (await begin(bus, "meter")).ok
        state, _ = await ended(bus)
        assert [each.subject for each in state.findings] == ["meter/a", "meter/b"]
    names = {"meter": frozenset({"a", "b"})}
    assert wanted(FIVE, "meter/b", names) == ((FIVE[4],), "meter/b")
    assert wanted(FIVE, "endless", names) == ((FIVE[1],), "")
    assert wanted(FIVE, "meter/c", names)[0] == ()


async def test_the_last_run_outlives_a_restart_and_what_changed_is_marked(tmp_path: Path) -> None:
    first = (Check(name="a", run=good, kinds=("meter",)), Check(name="b", run=bad, kinds=("port",)))
    async with diagnosing(tmp_path, first) as (bus, _):
        await begin(bus)
        state, _ = await ended(bus)
        assert not any(each.is_changed for each in state.findings)

    async def mended(_look: Look) -> list[Finding]:
        return [passed("port/x")]

    second = (first[0], Check(name="b", run=mended, kinds=("port",)))
    async with diagnosing(tmp_path, second) as (bus, _):
        kept, _ = await ended(bus)
        assert kept == state
        await begin(bus)
        view = bus.watch("diagnostics")
        async with asyncio.timeout(20):
            async for _, now in view.changes():
                if isinstance(now, DiagnosticsState) and not now.is_running and now.verdict == "passed":
                    break
        assert isinstance(now, DiagnosticsState)
        assert [each.is_changed for each in now.findings] == [False, False, True]


async def test_a_damaged_record_of_the_last_run_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "diagnosis.json").write_bytes(b'{"last": {"is": "Diag')
    async with diagnosing(tmp_path, FIVE[4:]) as (bus, _):
        assert (await begin(bus)).ok
        state, _ = await ended(bus)
        assert state.verdict == "passed"


def test_findings_are_compared_by_check_and_subject() -> None:
    def of(check: str, code: str, subject: str = "") -> Finding:
        return msgspec.structs.replace(failed(code, subject), check=check)

    before = remembered([of("a", "x", "m/1"), of("a", "y", "m/1"), of("b", "z")], {})
    found = compared([of("a", "y", "m/1"), of("a", "w", "m/1"), of("a", "x", "m/2"), of("c", "x")], before)
    assert [each.is_changed for each in found] == [False, True, True, False]
    assert remembered([of("b", "q")], before)["a m/1"] == ("failed:x", "failed:y")
    assert remembered([of("b", "q")], before)["b "] == ("failed:q",)


def test_all_limits_and_names_make_sense() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert sum(check.limit_s > 9 for check in CHECKS) <= 4  # the others wait for one call at most


def meter(mono_s: float, energy_wh: int, power_w: float) -> MeterState:
    reading = MeterReading(energy_wh=energy_wh, power_w=power_w, voltage_v=None, current_a=None)
    return MeterState(name="m", connector=1, is_answering=True, reading=reading, mono_s=mono_s)


def test_a_register_that_stands_while_power_flows_is_noticed_and_one_that_fell_stays_so() -> None:
    registers = Registers()
    for n in range(61):
        registers.see([meter(n * 10.0, 1000, 22_000.0)])
    assert 3600 < registers.now()["m"].unmoved_wh < 3700
    registers.see([meter(700.0, 900, 22_000.0)])
    assert (registers.now()["m"].unmoved_wh, registers.now()["m"].fell_wh) == (0.0, 100)
    registers.see([meter(7000.0, 900, 22_000.0)])  # a gap counts nothing
    registers.see([meter(7010.0, 900, float("nan"))])
    assert (registers.now()["m"].unmoved_wh, registers.now()["m"].fell_wh) == (0.0, 100)


async def test_what_lets_a_device_act_runs_only_when_a_person_asks_for_it(tmp_path: Path) -> None:
    checks = (FIVE[4], Check(name="acts", run=good, kinds=("meter",), is_test=True))
    async with diagnosing(tmp_path, checks) as (bus, made):
        assert (await begin(bus, "acts")).code == "unknown"
        assert (await begin(bus)).ok
        state, _ = await ended(bus)
        assert {each.check for each in state.findings} == {"good"}
        asked = await bus.call("diag", RunDiagnostics(with_tests=True, by="ben"))
        assert asked.ok and asked.values == {"total": "2"}
        await asyncio.sleep(1)
        refused = await made._begin(RunDiagnostics(with_tests=True), "monitor")
        assert (refused.ok, refused.code) == (False, "needs_person")
