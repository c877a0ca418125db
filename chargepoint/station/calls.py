"""What other services may ask of the station: each request of `messages` to one short handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    AmendSession,
    BacklogSize,
    BlockConnector,
    CancelCard,
    CardChecked,
    ChainChecked,
    ChangeAvailability,
    CheckCard,
    CheckChain,
    ChooseConnector,
    ClearFault,
    ControllerPage,
    Cursor,
    Done,
    EmergencyStop,
    HistoryPage,
    JournalPage,
    NameTransaction,
    PrepareToStop,
    PresentCard,
    ReadBacklog,
    ReadController,
    ReadHistory,
    ReadJournal,
    ReadSamples,
    ReadSessions,
    SampleReply,
    SamplesPage,
    SessionsPage,
    SetEnergyLimit,
    SetFreeMode,
    SetOperatingMode,
    SetSamplingPlan,
    SetUserLimit,
    StartAtScreen,
    StartCharging,
    StopCharging,
    TakeSample,
    UnlockConnector,
)
from chargepoint.records import StationStopped
from chargepoint.station.amending import amend
from chargepoint.station.at_screen import against_unlocking
from chargepoint.station.card_check import checked_card
from chargepoint.station.cards import Desk
from chargepoint.station.connector import Phase, StopAsked
from chargepoint.station.limits import user_limit_fault
from chargepoint.station.outlet import Outlet
from chargepoint.station.recorder import Recorder
from chargepoint.station.site import Site
from chargepoint.station.user_limits import UserLimit
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import Cause, ControllerStatus, EventType, HardwareFlag, StopSource
from drivers.errors import DeviceError, Refused

log = logging.getLogger(__name__)

OK = ActionResult(ok=True, code="ok")
MOST_SEQ = 2**31 - 1
"""Controllers carry the number of a session in 32 bits."""
MOST_SAMPLE = 2**53


class Calls:
    """The station's side of the bus."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet], desk: Desk, recorder: Recorder) -> None:
        self._site = site
        self._outlets = outlets
        self._books = site.books
        self._recorder = recorder
        self._desk = desk

    def serve(self, bus: Bus) -> None:
        """Answer from now on."""
        self._bus = bus
        bus.serve(PresentCard, self._desk.present_card)
        bus.serve(StartCharging, self._desk.start_charging)
        bus.serve(ChooseConnector, self._desk.choose)
        bus.serve(CancelCard, self._desk.checks.cancel)
        bus.serve(StartAtScreen, self._desk.start_at_screen)
        bus.serve(StopCharging, self.stop_charging)
        bus.serve(SetEnergyLimit, self.set_energy_limit)
        bus.serve(NameTransaction, self.name_transaction)
        bus.serve(UnlockConnector, self.unlock)
        bus.serve(BlockConnector, self.block)
        bus.serve(SetUserLimit, self.set_user_limit)
        bus.serve(ChangeAvailability, self.change_availability)
        bus.serve(SetFreeMode, self.set_free_mode)
        bus.serve(SetOperatingMode, self.set_mode)
        bus.serve(EmergencyStop, self.emergency_stop)
        bus.serve(ClearFault, self.clear_fault)
        bus.serve(ReadController, self.read_controller)
        bus.serve(PrepareToStop, self.prepare_to_stop)
        bus.serve(ReadJournal, self.read_journal)
        bus.serve(CheckChain, self.check_chain)
        bus.serve(CheckCard, self.check_card)
        bus.serve(ReadSessions, self.read_sessions)
        bus.serve(AmendSession, self.amend_session)
        bus.serve(ReadHistory, self.read_history)
        bus.serve(ReadSamples, self.read_samples)
        bus.serve(Cursor, self.move_cursor)
        bus.serve(ReadBacklog, self.read_backlog)
        bus.serve(SetSamplingPlan, self.set_sampling_plan)
        bus.serve(TakeSample, self.take_sample)

    # ------------------------------------------------------------------------------------------------- charging

    async def stop_charging(self, request: StopCharging, sender: str) -> ActionResult:
        for outlet in self._outlets.values():
            session = outlet.session
            is_meant = (
                outlet.number == request.connector
                if request.session_id is None
                else session is not None and session.session_id == request.session_id
            )
            if is_meant and (outlet.can_be_stopped or outlet.phase is Phase.BOOKED):
                await outlet.ask(StopAsked(source=request.source, credential=request.credential))
                return OK
        if request.session_id is None and request.connector is not None and request.connector not in self._outlets:
            return _unknown(request.connector)
        return ActionResult(ok=False, code="no_session", text="No charge runs there.")

    async def set_energy_limit(self, request: SetEnergyLimit, sender: str) -> ActionResult:
        for outlet in self._outlets.values():
            if outlet.charge is not None and outlet.charge.session.session_id == request.session_id:
                await outlet.bound_energy((request.energy_limit_wh, request.source))
                return OK
        return ActionResult(ok=False, code="no_session", text="That session does not charge any more.")

    async def name_transaction(self, request: NameTransaction, sender: str) -> Done:
        for outlet in self._outlets.values():
            if outlet.session is not None and outlet.session.session_id == request.session_id:
                outlet.transaction_named(request.transaction_id, request.parent)
        return Done()

    async def unlock(self, request: UnlockConnector, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return _unknown(request.connector)
        if _charges_unlocked(outlet) and (fault := await _no_lock(outlet)):
            return ActionResult(ok=False, code="not_supported", text=fault)
        if fault := await against_unlocking(self._bus, self._site.settings.screen, outlet, sender, request.by):
            return ActionResult(ok=False, code="failed", text=fault)
        if outlet.can_be_stopped or outlet.phase is Phase.BOOKED:
            await outlet.ask(StopAsked(source=request.source))
        if not await outlet.out_of_transaction(15.0):
            return ActionResult(ok=False, code="failed", text="The charge did not end in time.")
        try:
            await outlet.controller.unlock()
        except Refused as error:
            code = "not_supported" if _has_no_lock(error) else "failed"
            return ActionResult(ok=False, code=code, text=str(error))
        except DeviceError as error:
            return ActionResult(ok=False, code="failed", text=str(error))
        self._note_deed(request.connector, "unlock", request.by)
        return OK

    # ----------------------------------------------------------------------------------- blocks and availability

    async def block(self, request: BlockConnector, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return _unknown(request.connector)
        await self._books.write(facts={f"blocked/{outlet.number}": b"1" if request.blocked else None})
        outlet.blocked = request.blocked
        outlet.set_disabled()
        self._note_deed(request.connector, "block" if request.blocked else "unblock", request.by, request.reason)
        return OK

    async def set_user_limit(self, request: SetUserLimit, sender: str) -> ActionResult:
        limits, number, limit_w = self._site.user_limits, request.connector, request.limit_w
        if number and number not in self._outlets:
            return _unknown(number)
        charging = {outlet.number for outlet in self._outlets.values() if outlet.is_taken}
        if charging and not request.while_charging:
            return ActionResult(ok=False, code="busy", text="Power limits change only while nothing charges.")
        if request.until is not None and not self._site.clock.is_set:
            return ActionResult(ok=False, code="no_time", text="The clock is not set: a limit cannot end by it.")
        if request.until is not None and request.until <= self._site.clock.now():
            return ActionResult(ok=False, code="past", text=f"{request.until:%Y-%m-%d %H:%M} UTC is over.")
        fault = "" if limit_w is None else user_limit_fault(limit_w, limits.resulting_w(number))
        if fault:
            return ActionResult(ok=False, code="above_limit", text=fault)
        try:
            limit = None if limit_w is None else UserLimit(limit_w, request.until)
            is_later = request.spares_running and bool(charging if number == 0 else number in charging)
            await limits.keep(number, limit, is_later=is_later)
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        words = "user limit " + ("none" if limit_w is None else f"{limit_w:g} W")
        words += f" until {request.until:%Y-%m-%d %H:%M} UTC" if request.until and limit else ""
        self._note_deed(number, words + (", after the charges that run" if is_later else ""), request.by or sender)
        self._site.balance()
        return ActionResult(ok=True, code="later") if is_later else OK

    async def change_availability(self, request: ChangeAvailability, sender: str) -> ActionResult:
        meant = [o for o in self._outlets.values() if request.connector in (0, o.number)]
        if not meant:
            return _unknown(request.connector)
        numbers = [outlet.number for outlet in meant] + ([0] if request.connector == 0 else [])
        await self._books.write(
            facts={f"operative/{number}": None if request.operative else b"0" for number in numbers}
        )
        if request.connector == 0:
            self._site.set_operative(request.operative)
        for outlet in meant:
            outlet.operative = request.operative
            outlet.set_disabled()
        self._note_deed(request.connector, "operative" if request.operative else "inoperative", request.by)
        is_late = not request.operative and not all(outlet.facts().is_disabled for outlet in meant)
        return ActionResult(ok=True, code="scheduled" if is_late else "ok")

    async def set_free_mode(self, request: SetFreeMode, sender: str) -> ActionResult:
        await self._site.set_free_mode(request.on)
        self._note_deed(0, f"free mode {'on' if request.on else 'off'}", request.by)
        return OK

    async def set_mode(self, request: SetOperatingMode, sender: str) -> ActionResult:
        await self._site.set_mode(request.mode)
        self._note_deed(0, f"mode {request.mode}", request.by)
        return OK

    # ---------------------------------------------------------------------------------------------- controllers

    async def emergency_stop(self, request: EmergencyStop, sender: str) -> ActionResult:
        meant = [o for o in self._outlets.values() if request.connector in (0, o.number)]
        failed = [text for text in await asyncio.gather(*map(_switch_off, meant)) if text]
        self._books.note(EventType.EMERGENCY, "command", request.by, connector=request.connector or None)
        if not meant:
            return _unknown(request.connector)
        return ActionResult(ok=not failed, code="failed" if failed else "ok", text="; ".join(failed))

    async def clear_fault(self, request: ClearFault, sender: str) -> ActionResult:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return _unknown(request.connector)
        if outlet.latched is Cause.NONE:
            return ActionResult(ok=False, code="no_fault", text="No fault is latched there.")
        await outlet.latch(Cause.NONE)
        self._note_deed(request.connector, "clear fault", request.by)
        return OK

    async def read_controller(self, request: ReadController, sender: str) -> ControllerPage:
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return ControllerPage(connector=request.connector, ok=False, text=_unknown(request.connector).text)
        try:
            return ControllerPage(
                connector=outlet.number,
                ok=True,
                identity=await outlet.controller.identify(),
                diagnosis=await outlet.controller.read_diagnosis(),
                parameters=await outlet.controller.parameters(),
            )
        except DeviceError as error:
            return ControllerPage(connector=outlet.number, ok=False, text=str(error), identity=outlet.identity)

    # ------------------------------------------------------------------------------------------------- stopping

    async def prepare_to_stop(self, request: PrepareToStop, sender: str) -> Done:
        """End all charges with a reason, take nothing new. What is not off in time ends with its lease."""
        self._site.is_stopping = True
        busy = [outlet for outlet in self._outlets.values() if outlet.in_transaction or outlet.phase is Phase.BOOKED]
        await asyncio.gather(*(self._end_charge(outlet, request) for outlet in busy))
        await self._books.write_end(StationStopped(exit_code=request.exit_code, stop_source=request.stop_source))
        await self._books.history.flush()
        return Done()

    async def _end_charge(self, outlet: Outlet, request: PrepareToStop) -> None:
        begun_s = self._site.clock.mono()
        try:
            async with asyncio.timeout(request.within_s):
                await outlet.ask(StopAsked(source=request.stop_source))
            is_over = await outlet.out_of_transaction(begun_s + request.within_s - self._site.clock.mono())
        except TimeoutError:
            is_over = False
        if not is_over:
            log.warning("connector %d: still charging; its lease ends it", outlet.number)

    # -------------------------------------------------------------------------------------------------- reading

    async def read_journal(self, request: ReadJournal, sender: str) -> JournalPage:
        journal = self._books.journal
        page = await journal.read(**msgspec.structs.asdict(request))
        return JournalPage(rows=tuple(page.rows), read_to=page.read_to, last_seq=page.last_seq)

    async def check_card(self, request: CheckCard, sender: str) -> CardChecked:
        return checked_card(self._site, request)

    async def check_chain(self, request: CheckChain, sender: str) -> ChainChecked:
        journal = self._books.journal
        return ChainChecked(entries=await journal.count_links(), broken=tuple((await journal.broken_links())[:100]))

    async def read_sessions(self, request: ReadSessions, sender: str) -> SessionsPage:
        return await self._books.journal.find_sessions(request)

    async def amend_session(self, request: AmendSession, sender: str) -> ActionResult:
        return await amend(self._books, self._outlets, request)

    async def read_history(self, request: ReadHistory, sender: str) -> HistoryPage:
        history = self._books.history
        rows, before, skip = await history.page(request.session_id, request.limit, request.before, request.skip)
        return HistoryPage(rows=tuple(rows), before=before, skip=skip)

    async def read_samples(self, request: ReadSamples, sender: str) -> SamplesPage:
        history, limit = self._books.history, min(request.limit, 500)
        durable_number = history.durable_number
        samples = await history.samples(request.after, request.session_id, limit)
        if request.session_id is None and len(samples) < limit and durable_number < history.last_number:
            with suppress(CannotRecord):
                await self._books.flush_history()
            durable_number = history.durable_number
            samples = await history.samples(request.after, None, limit)
        return SamplesPage(samples=tuple(samples), last_number=history.last_number, durable_number=durable_number)

    async def move_cursor(self, request: Cursor, sender: str) -> Done:
        """Raises ValueError for numbers that no journal or history of this station can have come to.

        They are believed where entries were lost, so that a number is never given twice.
        """
        numbers = (request.sample, request.told or 0)
        if not 0 <= request.seq <= MOST_SEQ or not all(0 <= number <= MOST_SAMPLE for number in numbers):
            raise ValueError(f"{sender} cannot have read so far: {request}")
        await self._books.journal.set_cursor(sender, request.seq)
        self._books.history.set_cursor(sender, request.sample, request.told)
        return Done()

    async def read_backlog(self, request: ReadBacklog, sender: str) -> BacklogSize:
        journal, history = self._books.journal, self._books.history
        return BacklogSize(
            entries=await journal.count(request.after_seq, request.kinds),
            samples=await history.waiting(request.after_sample),
            durable_sample=history.durable_number,
            cursor_seq=journal.cursor(sender),
            cursor_sample=history.cursor(sender),
        )

    async def set_sampling_plan(self, request: SetSamplingPlan, sender: str) -> Done:
        await self._recorder.set_plan(request.plan)
        return Done()

    async def take_sample(self, request: TakeSample, sender: str) -> SampleReply:
        return SampleReply(sample=self._recorder.values(request.connector, request.measurands, request.context))

    def _note_deed(self, connector: int, deed: str, by: str, reason: str = "") -> None:
        text = ", ".join(part for part in (by, reason) if part)
        self._books.note(EventType.REMOTE_COMMAND, deed, text, connector=connector or None)


async def _switch_off(outlet: Outlet) -> str:
    """E9 and the end of the charge; why the controller did not take it, or empty. The end is ordered all the same."""
    text = ""
    try:
        await outlet.controller.emergency_stop()
    except DeviceError as error:
        text = str(error)
    await outlet.ask(StopAsked(source=StopSource.REMOTE_CUTOFF))
    return text


def _charges_unlocked(outlet: Outlet) -> bool:
    """Whether energy flows through a cable that is not locked here: then there may be no lock at all."""
    reading = outlet.reading
    return (
        reading is not None
        and reading.status is ControllerStatus.C6_CHARGING
        and HardwareFlag.CONNECTOR_LOCKED not in reading.flags
    )


async def _no_lock(outlet: Outlet) -> str:
    """What a controller without a lock says of unlocking; "" of one that has a lock (it refuses in a charge)."""
    try:
        await outlet.controller.unlock()
    except Refused as error:
        return str(error) if _has_no_lock(error) else ""
    except DeviceError as error:
        log.debug("connector %d: whether there is a lock is not known: %s", outlet.number, error)
    return ""


def _has_no_lock(error: Refused) -> bool:
    return "no lock" in str(error).lower()


def _unknown(number: int) -> ActionResult:
    return ActionResult(ok=False, code="unknown_connector", text=f"There is no connector {number}.")
