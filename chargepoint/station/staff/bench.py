"""Test sessions: a charge like any other (R1), of source TECHNICIAN, within limits, while somebody is logged in.

It ends when its limits are reached, somebody stops it, or whoever began it is not there any more. After a crash or a
power cut the charge is not taken over: it ends, and its report says so.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    ReadTestReports,
    StartTest,
    StopTest,
    TestReport,
    TestReports,
)
from chargepoint.records import Credential
from chargepoint.station.asking import asked
from chargepoint.station.connector import Authorised, Phase, StopAsked
from chargepoint.station.kept_facts import decoded
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.station.staff.controllers import unknown
from chargepoint.station.staff.measuring import Test
from chargepoint.station.staff.outputs import NOBODY
from chargepoint.station.staff.presence import Presence
from chargepoint.station.staff.report import FAILED, criteria, verdict_of
from chargepoint.station.staff.reports import Reports
from chargepoint.storage.database import CannotRecord
from chargepoint.version import VERSION
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, EventType, StartSource, StopSource
from drivers.errors import DeviceError

log = logging.getLogger(__name__)

KEPT = "test/"
"""Before the number of a connector: the fact that a test runs there."""
LOOK_S = 0.5
ASKS_EACH_S = 5.0
TELLS_EACH_S = 1.0
LOCK_OPENS_WITHIN_S = 10.0
DRY_REACHED = frozenset({"C5", "C6"})
DRY_AC_LASTS_S = 10.0
"""Without energy an AC controller stays in B: so long it is looked at."""
LIMITS: dict[str, tuple[float, float]] = {
    "power_w": (500.0, math.inf),
    "duration_s": (60.0, 3600.0),
    "energy_wh": (100.0, 50_000.0),
    "voltage_v": (50.0, 1500.0),
    "current_a": (1.0, math.inf),
}
MODES = ("ev", "load", "dry")


class Bench:
    """Serves StartTest, StopTest, ReadTestReports; topic `test/N`. `begin` before the connectors decide on what was
    left, then `run`."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet], presence: Presence, bus: Bus, folder: Path) -> None:
        self._site = site
        self._outlets = outlets
        self._presence = presence
        self._bus = bus
        self._reports = Reports(folder)
        self._tests: dict[int, Test] = {}
        self._left: dict[int, StartTest] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        site.was_tested = lambda connector: connector in self._left

    def serve(self) -> None:
        """Answer from now on."""
        self._bus.serve(StartTest, self.start)
        self._bus.serve(StopTest, self.stop)
        self._bus.serve(ReadTestReports, self.read)

    async def begin(self) -> None:
        """What ran when this software ended is known before the connectors decide."""
        for key, value in (await self._site.books.journal.facts(KEPT)).items():
            request = decoded(key, value, StartTest)
            number = key.removeprefix(KEPT)
            if number.isdigit():
                self._left[int(number)] = request or StartTest(connector=int(number), by="")

    # ------------------------------------------------------------------------------------------------ start and stop

    async def start(self, request: StartTest, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        owner = self._presence.owner(sender, request.by)
        if owner is None:
            return NOBODY
        if fault := _fault(request, outlet):
            return ActionResult(ok=False, code="bad_limit", text=fault)
        if outlet.number in self._tests or outlet.number in self._left or outlet.is_tested:
            return ActionResult(ok=False, code="busy", text="A test runs there already.")
        if _is_taken(outlet):
            return ActionResult(ok=False, code="busy", text=f"Connector {outlet.number} charges; wait or stop it.")
        outlet.is_tested = True  # a block does not keep a technician out
        outlet.test_limit = _limit(request)
        begun = False
        try:
            against = await self._begun(outlet, request)
            begun = against is None
        finally:
            if not begun:
                self._let_go(outlet)
        if against is not None:
            return against
        test = Test(request, outlet.settings.type.power_type, self._site.clock.mono(), outlet.session)
        self._tests[outlet.number] = test
        name = f"test {outlet.number}"
        self._presence.hold(name, owner, lambda: self._interrupt(outlet, test, "Nobody is logged in any more."))
        self._spawn(self._follow(outlet, test, name), name)
        limits = f"{request.power_w:.0f} W, {request.duration_s:.0f} s, {request.energy_wh} Wh"
        self._note(outlet.number, "test begins", f"{request.by}: {request.mode}, {limits}")
        return ActionResult(ok=True, code="ok", text=f"The test runs ({limits}).")

    async def _begun(self, outlet: Outlet, request: StartTest) -> ActionResult | None:
        """Ask for the charge; what speaks against it."""
        try:
            await self._site.books.write(facts={f"{KEPT}{outlet.number}": msgspec.json.encode(request)})
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        refusal = await outlet.ask(
            Authorised(
                credential=Credential(request.by, CredentialType.LOGIN),
                source=StartSource.TECHNICIAN,
                basis=AuthorizationBasis.NONE,
                energy_limit_wh=request.energy_wh,
                duration_s=round(request.duration_s),
            )
        )
        if refusal is None:
            return None
        await self._forget(outlet.number)
        return ActionResult(ok=False, code=refusal.code, text=refusal.text)

    async def stop(self, request: StopTest, sender: str) -> ActionResult:
        outlet, test = self._outlets.get(request.connector), self._tests.get(request.connector)
        if outlet is None:
            return unknown(request.connector)
        if test is None:
            return ActionResult(ok=False, code="no_test", text="No test runs there.")
        await self._end(outlet, test)
        return ActionResult(ok=True, code="ok")

    def _interrupt(self, outlet: Outlet, test: Test, why: str) -> None:
        test.why_ended = test.why_ended or why
        self._spawn(self._end(outlet, test), f"end of test {outlet.number}")

    async def _end(self, outlet: Outlet, test: Test) -> None:
        if test.meant is not None and outlet.session is not test.meant:
            return
        credential = Credential(test.request.by, CredentialType.LOGIN)
        await outlet.ask(StopAsked(source=StopSource.TECHNICIAN, credential=credential))

    async def _ended(self, outlet: Outlet, test: Test) -> None:
        """Its bounds hold until the charge is really over."""
        await self._end(outlet, test)
        while not await outlet.out_of_transaction(ASKS_EACH_S):
            await self._end(outlet, test)
        self._let_go(outlet)

    def _spawn(self, work: object, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())

    # ------------------------------------------------------------------------------------------------------ following

    async def _follow(self, outlet: Outlet, test: Test, name: str) -> None:
        """Look on until the charge is over and the lock had its time; then judge."""
        asks_s = tells_s = 0.0
        try:
            while True:
                now = self._site.clock.mono()
                self._look(outlet, test, now)
                if now >= asks_s and outlet.is_heard:
                    asks_s = now + ASKS_EACH_S
                    await self._ask(outlet, test)
                if now >= tells_s:
                    tells_s = now + TELLS_EACH_S
                    self._tell(test, now)
                if test.ended_s is not None and self._is_settled(test, now):
                    break
                is_over = test.ended_s is None and test.why_ended != ""  # its stop may not have found the charge yet
                if is_over or self._is_dry_done(outlet, test, now):
                    await self._end(outlet, test)
                await asyncio.sleep(LOOK_S)
            await self._report(outlet, test)
            await self._forget(outlet.number)  # not where it is cut short: the next start has to know
        except Exception:
            log.exception("test %d: it is ended", outlet.number)
            self._spawn(self._ended(outlet, test), f"end of test {outlet.number}")
        finally:
            self._tests.pop(outlet.number, None)
            if not _is_taken(outlet):  # else its bounds hold until it is: the charge ends with this software
                self._let_go(outlet)
            self._presence.release(name)

    def _look(self, outlet: Outlet, test: Test, now: float) -> None:
        is_its_own = test.meant is None or outlet.session is test.meant  # a driver may begin while the lock opens
        if outlet.in_transaction and is_its_own:
            if test.session is None:
                test.session, test.phase = outlet.session, "running"
            elif outlet.phase is Phase.STOPPING:
                test.phase = "ending"
            test.delivered_wh = float(outlet.energy_wh)
        elif test.ended_s is None and (test.session is not None or not is_its_own or outlet.phase is not Phase.BOOKED):
            test.ended_s, test.phase = now, "ending"
            if test.session is not None:
                test.delivered_wh = float(test.session.delivered_wh)
        if outlet.reading is not None and outlet.is_heard:
            test.note(outlet.reading, outlet.meter.fresh, now)

    async def _ask(self, outlet: Outlet, test: Test) -> None:
        try:
            diagnosis = await asked(outlet.controller.read_diagnosis(), f"connector {outlet.number}")
        except DeviceError:
            diagnosis = None
        test.note_diagnosis(diagnosis, outlet.insulation())

    def _is_settled(self, test: Test, now: float) -> bool:
        """The lock has opened, or has had its time."""
        ended_s = test.ended_s if test.ended_s is not None else now
        return not test.is_locked or now - ended_s >= LOCK_OPENS_WITHIN_S

    def _is_dry_done(self, outlet: Outlet, test: Test, now: float) -> bool:
        if test.request.mode != "dry" or test.phase != "running" or test.session is None:
            return False
        started = test.session.started
        waited_s = now - started.mono_s if started is not None else 0.0
        is_ac = not outlet.settings.type.power_type.value.startswith("D")
        return test.last_step in DRY_REACHED or (is_ac and waited_s >= DRY_AC_LASTS_S)

    def _tell(self, test: Test, now: float) -> None:
        self._bus.set_state(f"test/{test.request.connector}", test.state(now))

    # -------------------------------------------------------------------------------------------------------- reports

    async def _report(self, outlet: Outlet, test: Test) -> None:
        session = test.session
        facts = test.facts(session.stop_source if session is not None else None)
        found = criteria(facts)
        verdict = "interrupted" if test.why_ended else verdict_of(found)
        if session is None:
            verdict = (test.why_ended and "interrupted") or FAILED
        report = self._report_of(outlet, test.request, verdict, test.why_ended)
        source = session.stop_source if session is not None else None
        report = msgspec.structs.replace(
            report,
            duration_s=round(facts.ended_s, 1),
            session_id=session.session_id if session is not None else 0,
            stop_source=source.value if source is not None else "",
            delivered_wh=test.delivered_wh,
            criteria=found,
            steps=tuple(test.steps),
            points=tuple(test.points),
        )
        test.report = await self._kept(report)
        test.phase = "done"
        self._tell(test, self._site.clock.mono())
        wrong = ", ".join(each.key for each in found if each.outcome == FAILED)
        self._note(outlet.number, f"test {verdict}", f"{test.request.by}: report {test.report}; {wrong or 'no faults'}")

    def _report_of(self, outlet: Outlet, request: StartTest, verdict: str, text: str) -> TestReport:
        clock, who = self._site.clock, outlet.identity
        controller = f"{who.vendor} {who.model} {who.firmware_version} {who.serial}".strip() if who is not None else ""
        versions = {
            "software": VERSION,
            "station": self._site.settings.station.name,
            "controller": " ".join(controller.split()),
            "meter": outlet.meter.name,
        }
        return TestReport(
            number=0, connector=outlet.number, mode=request.mode, login=request.by, verdict=verdict,
            at=clock.now() if clock.is_set else None, duration_s=0.0, session_id=0, stop_source="",
            power_w=request.power_w, energy_wh=request.energy_wh, delivered_wh=0.0, criteria=(), steps=(), points=(),
            versions=versions, text=text,
        )  # fmt: skip

    async def _kept(self, report: TestReport) -> int:
        """Its number; 0 when the disk does not take it."""
        try:
            return (await asyncio.to_thread(self._reports.keep, report)).number
        except OSError as error:
            log.error("the report of a test cannot be written: %s", error)
            return 0

    async def read(self, request: ReadTestReports, sender: str) -> TestReports:
        return TestReports(reports=await asyncio.to_thread(self._found, request))

    def _found(self, request: ReadTestReports) -> tuple[TestReport, ...]:
        found: list[TestReport] = []
        numbers = self._reports.numbers() if request.number is None else [request.number]
        for number in numbers:
            report = self._reports.read(number)
            if report is not None and request.connector in (None, report.connector):
                found.append(report)
            if len(found) >= request.limit:
                break
        return tuple(found)

    # ------------------------------------------------------------------------------------------------ what was left

    async def run(self) -> None:
        """See to what an earlier run left, then wait until cancelled; tests end with it."""
        try:
            for number, request in list(self._left.items()):
                await self._see_to(number, request)
            await asyncio.Event().wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _see_to(self, number: int, request: StartTest) -> None:
        outlet = self._outlets.get(number)
        if outlet is not None:
            session = outlet.session if outlet.start_source is StartSource.TECHNICIAN else None
            if session is not None and _is_taken(outlet):
                await outlet.ask(StopAsked(source=StopSource.TECHNICIAN))
                while not await outlet.out_of_transaction(60.0):
                    log.warning("connector %d: the test of before still ends", number)
            text = "The station's software or its power went away."
            report = self._report_of(outlet, request, "interrupted", text)
            if session is not None:
                source = session.stop_source.value if session.stop_source is not None else ""
                report = msgspec.structs.replace(
                    report, session_id=session.session_id, stop_source=source, delivered_wh=float(session.delivered_wh)
                )
            kept = await self._kept(report)
            self._note(number, "test interrupted", f"{request.by}: report {kept}; {text}")
        await self._forget(number)
        self._left.pop(number, None)

    # ---------------------------------------------------------------------------------------------------------- rest

    def _let_go(self, outlet: Outlet) -> None:
        outlet.is_tested, outlet.test_limit = False, None
        outlet.set_disabled()
        self._site.balance()

    async def _forget(self, number: int) -> None:
        try:
            await self._site.books.write(facts={f"{KEPT}{number}": None})
        except CannotRecord as error:
            log.warning("test %d: that it is over is not on record yet: %s", number, error)

    def _note(self, connector: int, action: str, message: str) -> None:
        self._site.books.note(EventType.TECHNICIAN_ACTION, action, message, connector=connector)


def _is_taken(outlet: Outlet) -> bool:
    """A charge runs there, or somebody is awaited."""
    return outlet.in_transaction or outlet.phase is Phase.BOOKED


def _fault(request: StartTest, outlet: Outlet) -> str:
    """Why these limits cannot be, in words; empty when they can."""
    if request.mode not in MODES:
        return f"There is no mode {request.mode[:20]!r}, only: {', '.join(MODES)}."
    most = {"power_w": outlet.settings.max_power_w, "current_a": outlet.settings.max_current_a}
    for name, (least, limit) in LIMITS.items():
        value = getattr(request, name)
        upper = min(limit, most.get(name, limit))
        if value is not None and not least <= value <= upper:
            return f"{name} = {value:g} is not within {least:g} to {upper:g}."
    return ""


def _limit(request: StartTest) -> NamedLimit:
    """The most that the charge may have: nothing at all where no energy is to flow."""
    if request.mode == "dry":
        return NamedLimit("session", current_a=0.0, power_w=0.0)
    return NamedLimit("session", current_a=request.current_a, power_w=request.power_w)
