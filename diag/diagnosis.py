"""Runs the station tests, tells how far they are, keeps the last run and says what has changed since the one before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from chargepoint import whole_file
from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    DiagnosticsState,
    Finding,
    MeterState,
    Reply,
    Request,
    RunDiagnostics,
    State,
)
from diag.checks import CHECKS, WHOLE_S
from diag.checks.look import FAILED, WARNING, Check, Look, Unanswered, not_fitted, skipped
from diag.registers import Registers

log = logging.getLogger(__name__)

TOPIC = "diagnostics"
KEPT = "diagnosis.json"
LOOK_S = 5.0
MOST_FINDINGS = 600
MOST_OF_ONE = 60
"""Findings of one check."""


class Kept(msgspec.Struct, frozen=True):
    """The last run, and what was found last by `CHECK SUBJECT` (`verdict:code`), in whatever run."""

    last: DiagnosticsState = DiagnosticsState()
    found: dict[str, tuple[str, ...]] = {}


def wanted(checks: Sequence[Check], subject: str, names: Mapping[str, frozenset[str]]) -> tuple[tuple[Check, ...], str]:
    """The checks for `subject` (empty: all), and which subject alone is told of (empty: all they find).

    `names` are the devices there are, by kind. No checks: there is no such subject.
    """
    if not subject:
        return tuple(checks), ""
    by_name = tuple(check for check in checks if check.name == subject)
    if by_name:
        return by_name, ""
    kind, slash, name = subject.partition("/")
    if slash and kind in names and name not in names[kind]:
        return (), ""
    return tuple(check for check in checks if kind in check.kinds), subject if slash else ""


def verdict_of(findings: Sequence[Finding]) -> str:
    """The worst of them."""
    told = {each.verdict for each in findings}
    return FAILED if FAILED in told else WARNING if WARNING in told else "passed"


def compared(findings: Sequence[Finding], before: Mapping[str, Sequence[str]]) -> tuple[Finding, ...]:
    """With what has changed marked. What was never looked at before has not changed."""
    tested = {key.partition(" ")[0] for key in before}
    return tuple(
        replace(
            each, is_changed=each.check in tested and f"{each.verdict}:{each.code}" not in before.get(_key(each), ())
        )
        for each in findings
    )


def remembered(findings: Sequence[Finding], before: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """What is known after this run: its findings in place of older ones about the same."""
    new: dict[str, tuple[str, ...]] = {}
    for each in findings:
        new[_key(each)] = (*new.get(_key(each), ()), f"{each.verdict}:{each.code}")
    kept = {key: tuple(found) for key, found in before.items() if key not in new}
    return dict(list({**kept, **new}.items())[-MOST_FINDINGS:])


def _key(finding: Finding) -> str:
    return f"{finding.check} {finding.subject}"


class Diagnosis:
    """Serves `RunDiagnostics`; one run at a time. `states` are all of the bus; `sys` and `proc` those of the kernel."""

    def __init__(
        self,
        context: Context,
        states: StateView,
        checks: Sequence[Check] = CHECKS,
        *,
        sys: Path = Path("/sys"),
        proc: Path = Path("/proc"),
        whole_s: float = WHOLE_S,
    ) -> None:
        self._context = context
        self._checks = tuple(checks)
        self._sys, self._proc = sys, proc
        self._whole_s = whole_s
        self._view = states
        self._registers = Registers()
        self._running: asyncio.Task[None] | None = None
        self._kept = Kept()
        context.bus.serve(RunDiagnostics, self._begin)

    async def run(self) -> None:
        """Until cancelled: watches the meters' registers. A test that runs then is broken off."""
        self._kept = await asyncio.to_thread(_read, self._context.data / KEPT)
        if self._running is None:
            self._tell(self._kept.last)
        try:
            while True:
                self._registers.see(state for state in self._states().values() if isinstance(state, MeterState))
                await asyncio.sleep(LOOK_S)
        finally:
            if self._running is not None:
                self._running.cancel()
                await asyncio.gather(self._running, return_exceptions=True)

    def _states(self) -> dict[str, State]:
        found = ((topic, self._view.get(topic)) for topic in self._view.topics())
        return {topic: state for topic, state in found if state is not None}

    def _tell(self, state: DiagnosticsState) -> None:
        self._context.bus.set_state(TOPIC, state)

    async def _begin(self, request: RunDiagnostics, sender: str) -> ActionResult:
        if self._running is not None and not self._running.done():
            return ActionResult(ok=False, code="busy", text="A diagnosis runs already; wait for its end.")
        if request.with_tests and sender == "monitor":
            text = "Self-tests are begun by a person: at the station, at its web pages, or on its command line."
            return ActionResult(ok=False, code="needs_person", text=text)
        there = [check for check in self._checks if request.with_tests or not check.is_test]
        checks, alone = wanted(there, request.subject, _names(self._context))
        if not checks:
            return ActionResult(ok=False, code="unknown", text=f"There is nothing called {request.subject!r} to test.")
        begun = DiagnosticsState(
            is_running=True, subject=request.subject, begun_at=self._now(), total=len(checks), by=request.by or sender
        )
        self._tell(begun)
        self._running = asyncio.create_task(self._run(begun, checks, alone), name="diagnosis")
        return ActionResult(ok=True, code="ok", values={"total": str(len(checks))})

    def _now(self) -> Any:
        clock = self._context.clock
        return clock.now() if clock.is_set else None

    async def _run(self, state: DiagnosticsState, checks: Sequence[Check], alone: str) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._whole_s
        logs_bytes = await asyncio.to_thread(_size_of, self._context.logs)
        findings: list[Finding] = []
        for done, check in enumerate(checks):
            self._tell(replace(state, done=done, now=check.name, findings=tuple(findings)))
            begun_s = loop.time()
            found = await self._found(check, alone, end_s - begun_s, logs_bytes)
            took_ms = round(1000 * (loop.time() - begun_s))
            made = [replace(each, check=check.name, page=_page(check, each), duration_ms=took_ms) for each in found]
            findings += compared([each for each in made if alone in ("", each.subject)], self._kept.found)
            del findings[MOST_FINDINGS:]
        if alone and not findings:
            findings.append(replace(not_fitted(alone), check=checks[0].name))
        ended = replace(
            state,
            is_running=False,
            ended_at=self._now(),
            done=len(checks),
            verdict=verdict_of(findings),
            findings=tuple(findings),
        )
        self._kept = Kept(ended, remembered(findings, self._kept.found))
        try:
            await asyncio.to_thread(whole_file.write, self._context.data / KEPT, msgspec.json.encode(self._kept))
        except OSError as error:
            log.error("%s: the last diagnosis cannot be kept: %s", self._context.data / KEPT, error)
        self._tell(ended)
        bad = sum(each.verdict in (WARNING, FAILED) for each in findings)
        log.info("diagnosis of %s: %s, %d to look at", state.subject or "the station", ended.verdict, bad)

    async def _found(self, check: Check, alone: str, left_s: float, logs_bytes: int | None) -> list[Finding]:
        """What one check found. Neither its fault nor its slowness ends the others."""
        limit_s = min(check.limit_s, left_s)
        if limit_s <= 0:
            return [skipped("too_late")]
        look = Look(
            states=self._states(),
            settings=self._context.settings,
            data=self._context.data,
            now_s=asyncio.get_running_loop().time(),
            now=self._now(),
            ask_service=self._ask,
            registers=self._registers.now(),
            sys=self._sys,
            proc=self._proc,
            logs_bytes=logs_bytes,
            alone=alone,
        )
        try:
            async with asyncio.timeout(limit_s):
                return (await check.run(look))[:MOST_OF_ONE]
        except Unanswered as error:
            return [skipped("no_answer", service=error.service)]
        except TimeoutError:
            return [skipped("too_slow", s=round(limit_s))]
        except Exception as error:
            log.exception("the station test %s is broken", check.name)
            return [skipped("check_broken", error=f"{type(error).__name__}: {error}")]

    async def _ask(self, service: str, request: Request[Any], timeout_s: float) -> Reply:
        try:
            reply: Reply = await self._context.bus.call(service, request, timeout_s=timeout_s)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.info("diagnosis: %s does not answer %s: %s", service, type(request).__name__, error)
            raise Unanswered(service) from error
        return reply


def _page(check: Check, finding: Finding) -> str:
    return check.page if finding.verdict in (WARNING, FAILED) else ""


def _names(context: Context) -> dict[str, frozenset[str]]:
    found = {
        kind: frozenset(each.name for each in getattr(context.settings, kind))
        for kind in (
            "port",
            "meter",
            "modules",
            "insulation",
            "io",
            "input",
            "output",
            "sensor",
            "light",
            "ups",
            "reader",
        )
    }
    return {**found, "connector": frozenset(str(each.number) for each in context.settings.connector)}


def _size_of(folder: Path | None) -> int | None:
    """Bytes of the files below a folder; None: there is none, or nobody may look."""
    if folder is None:
        return None
    try:
        return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    except OSError:
        return None


def _read(path: Path) -> Kept:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except (OSError, msgspec.DecodeError) as error:
        log.warning("%s cannot be read, the last diagnosis is forgotten: %s", path, error)
        return Kept()
    return replace(kept, last=replace(kept.last, is_running=False, now=""))
