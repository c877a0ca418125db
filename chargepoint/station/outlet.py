"""One connector at work: polls its controller, hands what happens to the rules, carries out what they say.

Everything that is wanted of a connector is an event in its one inbox (style.md 2): no locks, no re-entry. The
permission to let energy flow is a lease which this loop renews each second; when the loop dies, the controller opens
by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from chargepoint.config import ConnectorSettings
from chargepoint.records import Limit, Session
from chargepoint.station.charge import Charge, EnergyLimit
from chargepoint.station.connector import (
    Authorised,
    Do,
    EvConnected,
    Event,
    EvFinished,
    EvLeft,
    EvUnplugged,
    FaultRaised,
    LeaseEnded,
    OrderFailed,
    Phase,
    PowerIsOff,
    StopAsked,
    WaitedTooLong,
    step,
)
from chargepoint.station.inbox import Inbox
from chargepoint.station.meters import MeterPoint
from chargepoint.station.orders import Orders
from chargepoint.station.outlet_state import SILENT_AFTER_S, OutletState
from chargepoint.station.permission import StartFailed
from chargepoint.station.polls import events_of, power_is_off, with_meter
from chargepoint.station.recovery import Fate, recover
from chargepoint.station.session import note_reading, note_vehicle, start_error_flags
from chargepoint.station.site import Site
from chargepoint.station.status import Refusal, why_no_start
from chargepoint.station.status_notes import StatusNotes
from chargepoint.station.transactions import Transactions
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import (
    Cause,
    ControllerStatus,
    EventType,
    HardwareFlag,
    StartSource,
    StopSource,
)
from drivers.errors import DeviceError
from drivers.interfaces import AssumesVehicle, ConnectorController, ControllerReading

log = logging.getLogger(__name__)

POLL_S = 0.5
SILENT_POLL_S = 2.0
ANSWERS_WITHIN_S = 0.3
"""A controller of a session that was left unfinished is waited for so long before the other connectors work."""
OBEYS_STOP_WITHIN_S = 10.0
GIVEN_UP_AFTER_S = 600.0
"""A transaction of a controller that never opens by itself waits so long for it, or for its meter, to say that it is
over."""
IDLE_FOR_S = 10.0
"""The meter of a silent one must have seen nothing for so long: a vehicle may be about to begin."""
LINGERS_S = 1.0
"""So long the end of a charge is shown whose vehicle was unplugged in it (OCPP 1.6, 4.9: Finishing)."""

IDENTITY_EACH_S = 2.0
TELLS_VEHICLE = frozenset(
    {ControllerStatus.B_CONNECTED, ControllerStatus.C3_INSULATION_OK, ControllerStatus.C6_CHARGING}
)
"""A vehicle has said more of itself by then."""

RELEASE_CABLE = frozenset(
    {
        StopSource.LOCAL,
        StopSource.OCPP_REMOTE,
        StopSource.OCPP_UNLOCK,
        StopSource.REMOTE_COMMAND,
        StopSource.TECHNICIAN,
    }
)
"""Who ends a charge in one of these ways may have the cable, too, also when the vehicle is away."""

_SOURCE_OF: dict[type[Event], StopSource] = {
    EvFinished: StopSource.EV_CHARGED,
    EvLeft: StopSource.STATUS_CHANGE,
    OrderFailed: StopSource.START_FAILED,
}


class Outlet(OutletState):
    """The connector with `settings.number`. `run` must be running for anything to happen."""

    def __init__(self, settings: ConnectorSettings, controller: ConnectorController, meter: MeterPoint, site: Site):
        super().__init__(settings, controller, meter, site)
        self.beat_mono_s = 0.0
        self.on_plugged: Callable[[Outlet], None] = lambda outlet: None
        """A car was plugged in, and nobody is authorised yet."""
        self.on_idle_vehicle: Callable[[Outlet], None] = lambda outlet: None
        """A vehicle is plugged in and nobody is authorised; at each poll."""
        self.on_transaction_begin: Callable[[Outlet], None] = lambda outlet: None
        self.on_transaction_end: Callable[[Outlet], None] = lambda outlet: None
        self._inbox = Inbox(settings.number)
        self._orders = Orders(settings.number, self.permission, self._books, self._clock)
        self._transactions = Transactions(settings.number, meter, site)
        self._next_poll = 0.0
        self._not_recorded = ""
        self._booked_since = 0.0
        self._stop: StopAsked | FaultRaised | None = None
        self._stop_since = 0.0
        self._idle_since: float | None = None
        """Since when the meter of a silent controller that was told to stop sees no current."""
        self._undecided: Session | None = None
        self._status_notes = StatusNotes(settings.number, self._books)
        self._phase_changed = asyncio.Event()
        self._next_identity_s = 0.0

    # -------------------------------------------------------------------------------------------------- wishes

    async def ask(self, event: Event) -> Refusal | None:
        """Put a wish into the inbox and wait until it was handled; what speaks against it, or None."""
        return await self._inbox.ask(event)

    async def out_of_transaction(self, timeout_s: float) -> bool:
        """Wait until no transaction runs here; False when it takes longer than `timeout_s`."""
        deadline = self._clock.mono() + timeout_s
        while self.in_transaction:
            self._phase_changed.clear()
            left = deadline - self._clock.mono()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(left):
                    await self._phase_changed.wait()
            except TimeoutError:
                return not self.in_transaction
        return True

    def set_grant(self, grant: Limit) -> None:
        """A new grant from the sharing of power; the loop sends a changed one at once."""
        self.permission.grant = grant
        if self.wants_energy and self.permission.differs and not self.permission.is_pending:
            self._next_poll = 0.0
            self._inbox.wake()

    async def bound_energy(self, limit: EnergyLimit) -> None:
        """One more bound of the running charge, kept so that it also holds after a restart. Raises CannotRecord."""
        if self.charge is not None:
            await self._transactions.bound_energy(self.charge, limit)

    # ------------------------------------------------------------------------------------------------- recovery

    async def recover(self, session: Session | None) -> None:
        """Decide on a session that was left unfinished; to be called once, before `run`.

        The first lease renewal of an adopted charge leaves at once. A controller that does not answer at once is waited
        for in `run`: it must not hold up its neighbours, whose leases run.
        """
        if session is None:
            await self._first_reading(0.0)
            return
        self.session = session
        if session.started is None:
            self._set_phase(Phase.PLUGGED)
        else:
            self._set_phase(Phase.STARTING if session.stopped is None else Phase.CHARGED)
        reading = await self._first_reading(ANSWERS_WITHIN_S)
        if reading is None:
            self._undecided = session
        else:
            await self._decide(session, reading)

    async def _decide_late(self, session: Session) -> None:
        """Decide on what was left when its controller answers, or when it has been silent as long as is allowed."""
        reading = await self._first_reading(self._site.settings.station.link_lost_delay_s)
        self._undecided = None
        await self._decide(session, reading)

    async def _decide(self, session: Session, reading: ControllerReading | None) -> None:
        hold = self.hold
        verdict = recover(
            session,
            reading,
            same_boot=not self.is_of_earlier_boot(session),
            may_resume=self._site.settings.station.resume_after_restart,
            ignore_flag=self.settings.ignore_ev_connected,
            is_latched=self.latched is not Cause.NONE,
            held_by=hold.source if hold is not None and hold.stops else None,
            is_test=session.start_source is StartSource.TECHNICIAN and self._site.was_tested(self.number),
        )
        self._set_phase(verdict.phase if verdict.fate is not Fate.FINISH else Phase.CHARGED)
        if session.started is not None and session.stopped is None:
            same_boot = not self.is_of_earlier_boot(session)
            self.charge = await self._transactions.resume(session, same_boot=same_boot)
            self.permission.count_from_now()
            self._stop_since = self._clock.mono()
            if verdict.stop_source is None and self.meter.signing is not None:
                await self.meter.signing.resume(session)
        if verdict.stop_source is not None:
            is_wish = verdict.stop_source is session.stop_source
            self._stop = StopAsked(source=verdict.stop_source, credential=session.stopper if is_wish else None)
        elif verdict.fate is Fate.ADOPT and reading is not None:
            self.permission.adopt(Limit(reading.limit_current_a, reading.limit_power_w, "restart"))
            await self._renew()
        elif verdict.fate is Fate.RESUME:
            self._site.balance()
            self.permission.ask_start()
            await self._order_start()
        elif verdict.fate is Fate.FINISH:
            await self._handle(EvLeft())
        text = f"session {session.session_id}: {verdict.fate.value}"
        log.info("connector %d: %s", self.number, text)
        self._books.note(
            EventType.CONNECTOR_INIT, verdict.fate.name.lower(), text, connector=self.number,
            session_id=session.session_id,
        )  # fmt: skip

    async def _first_reading(self, patience_s: float) -> ControllerReading | None:
        started = self._clock.mono()
        while True:
            self.beat_mono_s = self._clock.mono()
            try:
                self.reading = await self.controller.read()
            except DeviceError as error:
                if not self._hearing.is_silent:
                    self._hearing.note_silence(started)
                    log.warning("connector %d: %s", self.number, error)
                if self._clock.mono() - started >= patience_s:
                    return None
                await asyncio.sleep(min(POLL_S, max(0.05, patience_s)))
            else:
                self.reading_mono_s = self._clock.mono()
                self._hearing.forget()
                await self._meet(has_restarted=False)
                return self.reading

    # ---------------------------------------------------------------------------------------------- the one loop

    async def run(self) -> None:
        """Poll, decide, order; runs until cancelled. Polls that last longer than their rhythm alternate with wishes."""
        if self._undecided is not None:
            await self._decide_late(self._undecided)
        is_turn_of_poll = True
        while True:
            self.beat_mono_s = self._clock.mono()
            wait = self._next_poll - self._clock.mono()
            if wait <= 0.001 and (is_turn_of_poll or self._inbox.is_empty):
                is_turn_of_poll = False
                await self._poll()
                self._site.changed()
                continue
            wish = await self._inbox.take(wait)
            if wish is None:
                continue
            is_turn_of_poll = True
            refusal = None if wish.event is None else await self._handle(wish.event)
            if not wish.answer.done():
                wish.answer.set_result(refusal)
            self._site.changed()

    async def _poll(self) -> None:
        self._next_poll = self._clock.mono() + POLL_S
        if self.is_written:
            self._hearing.forget()
            self._show()
            return
        await self._renew()
        try:
            now = with_meter(await self.controller.read(), self.meter.fresh)
        except DeviceError as error:
            self.polls.append(False)
            await self._on_silence(error)
            return
        self.polls.append(True)
        before, self.reading = self.reading, now
        self.reading_mono_s = self._clock.mono()
        self._site.measured()
        if self._hearing.is_silent:
            self._on_answer()
        await self._on_reading(before, now)

    async def _on_silence(self, error: DeviceError) -> None:
        now = self._clock.mono()
        self._hearing.note_silence(self.reading_mono_s or now)
        if self.link_lost:
            if self._status_notes.has_known:
                log.warning("connector %d: %s", self.number, error)
            self._show()
            if self.can_be_stopped:
                await self._handle(FaultRaised(source=StopSource.UNAVAILABLE))
        if self.phase is Phase.STOPPING and (self.permission.has_run_out or self._is_off_unheard()):
            # nobody renewed for so long that the controller has opened by itself (R2)
            await self._handle(PowerIsOff())
        if not self.in_transaction:
            self._next_poll = now + SILENT_POLL_S
        await self._check_waits()

    def _is_off_unheard(self) -> bool:
        """Whether a silent controller that never opens by itself delivers nothing: by the meter, or it is given up."""
        if self.permission.opens_by_itself:
            return False
        now, meter = self._clock.mono(), self.meter.fresh
        if meter is None or meter.current_a is None:
            return now - self._stop_since > GIVEN_UP_AFTER_S
        is_idle = max(abs(value) for value in meter.current_a) <= 1.0
        self._idle_since = (self._idle_since or now) if is_idle else None
        return self._idle_since is not None and now - self._idle_since >= IDLE_FOR_S

    def _on_answer(self) -> None:
        silent_s = self._hearing.note_answer()
        self._idle_since = None
        if silent_s > SILENT_AFTER_S:
            log.info("connector %d: controller answers again after %.0f s", self.number, silent_s)

    async def _on_reading(self, before: ControllerReading | None, now: ControllerReading) -> None:
        if before is None or before.boot_count != now.boot_count:
            await self._meet(before is not None)
        self.is_rebooting = self.is_rebooting and now.status is ControllerStatus.F_UNKNOWN
        events = events_of(
            self.phase,
            before,
            now,
            self._session_ref,
            is_permitted=not self.permission.is_pending,
            ignore_flag=self.settings.ignore_ev_connected,
        )
        for event in events:
            await self._handle(event)
        if self.can_be_stopped and self._is_unknown_for_long(now):
            await self._handle(FaultRaised(source=StopSource.UNAVAILABLE))
        if self.phase is Phase.STOPPING and (power_is_off(now) or self._is_idle_weld(now)):
            await self._handle(PowerIsOff())
        has_lingered = self._lingers_until > 0 and now.status is not ControllerStatus.A_NOT_CONNECTED
        if self.phase is Phase.CHARGED and (now.status is ControllerStatus.A_NOT_CONNECTED or has_lingered):
            await self._handle(EvLeft())
            if has_lingered and now.status.is_connected:  # another vehicle came while the end of the charge was shown
                await self._handle(EvConnected())
        await self._check_weld(now)
        self._fold(now)
        await self._read_vehicle(before, now)
        self._show()
        await self._check_waits()

    def _is_unknown_for_long(self, now: ControllerReading) -> bool:
        """A controller that answers, yet does not know its own status (F), is as good as silent."""
        return self._hearing.unknown_for_s(now.status) > self._site.settings.station.link_lost_delay_s

    @property
    def _session_ref(self) -> int:
        return self.session.session_id if self.session is not None and self.in_transaction else 0

    async def _meet(self, has_restarted: bool) -> None:
        """The controller answers for the first time, or again after a restart of its own: learn who it is."""
        try:
            self.identity = await self.controller.identify()
        except DeviceError as error:
            log.warning("connector %d: %s", self.number, error)
            return
        text = f"{self.identity.vendor} {self.identity.model} {self.identity.firmware_version}".strip()
        self._books.note(
            EventType.CONNECTOR_INIT, "Success", f"{text}{', restarted' if has_restarted else ''}",
            connector=self.number,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------ rules and deeds

    async def _handle(self, event: Event) -> Refusal | None:
        """One event: what the rules say, carried out in order. What cannot be recorded does not happen (R7, R27)."""
        if await self._is_settled(event):
            return None
        if isinstance(event, EvLeft) and self.wants_energy and self.session and self.session.waits_for_vehicle:
            event = EvUnplugged()
        if isinstance(event, Authorised):
            facts, is_test = self.facts(), self.is_tested and event.source is StartSource.TECHNICIAN
            facts = msgspec.structs.replace(facts, is_disabled=facts.is_disabled and not is_test)
            refusal = why_no_start(facts) or self._kept_from(event)
            if refusal is not None:
                return refusal
            who = event.presented or event.credential
            used = self._site.reservations.used_by(self.number, who)
            self._authorised = event = msgspec.structs.replace(event, reservation_id=used)
            self._is_beginning = True
        elif isinstance(event, EvConnected) and self.phase is Phase.BOOKED:
            refusal = self._why_not_now()
            if refusal is not None:
                await self._handle(FaultRaised(source=StopSource.START_FAILED))
                return refusal
        elif isinstance(event, LeaseEnded) and self._site.is_stopping:
            event = StopAsked(source=StopSource.UNAVAILABLE)
        elif isinstance(event, LeaseEnded) and self.latched is not Cause.NONE:
            event = FaultRaised(source=StopSource.CONNECTOR_ERROR)
        elif isinstance(event, PowerIsOff) and self.phase is Phase.STOPPING and self._end_waits():
            return None
        try:
            return await self._take(event)
        finally:
            self._is_beginning = False

    async def _take(self, event: Event) -> Refusal | None:
        """What the rules say of an event that counts."""
        before = self.phase
        after, todo = step(before, event)
        if after is before and not todo:
            return None
        self._remember(event, after)
        if after in (Phase.STOPPING, Phase.AWAY):
            self._set_phase(after)  # from now on nobody renews, whatever comes of the stop order
        is_new_stop = after is Phase.STOPPING and after is not before
        try:
            if is_new_stop:  # both at once: neither a silent controller nor a slow disk holds up the other
                await asyncio.gather(*(self._carry_out(do) for do in todo), self._keep_stop())
            for do in () if is_new_stop else todo:
                await self._carry_out(do)
        except CannotRecord as error:
            text = f"{type(event).__name__} not carried out: {error}"
            log.log(
                logging.DEBUG if text == self._not_recorded else logging.ERROR, "connector %d: %s", self.number, text
            )
            self._not_recorded = text
            if self.session is None:
                self._set_phase(Phase.EMPTY)
            return Refusal("not_recorded", str(error))
        self._not_recorded = ""
        self._set_phase(after)
        if after is not before:
            session = self.session.session_id if self.session else 0
            log.info("connector %d: %s -> %s, %s, session %d", self.number, before.name, after.name, event, session)
        self._site.balance()
        if Do.ALLOW_POWER in todo:
            self.permission.ask_start()
            await self._order_start()
        if isinstance(event, EvConnected) and after is Phase.PLUGGED:
            self.on_plugged(self)
        return None

    def _set_phase(self, phase: Phase) -> None:
        if phase is not self.phase:
            is_again = phase is Phase.STARTING and self.phase in (Phase.CHARGING, Phase.AWAY)
            self._resumes_from = self.phase if is_again else Phase.EMPTY
            self.phase = phase
            self._phase_changed.set()
            if phase is not Phase.CHARGED:
                self._lingers_until = 0.0
            if phase is Phase.EMPTY:
                self.vehicle = None
                self._authorised = None
                self.set_disabled()

    def _remember(self, event: Event, after: Phase) -> None:
        if after is Phase.BOOKED and isinstance(event, Authorised):
            self._booked_since = self._clock.mono()
            if isinstance(self.controller, AssumesVehicle):
                self.controller.assume_vehicle()
        if self.phase is Phase.BOOKED and after is Phase.EMPTY and self.session is not None:
            timed_out = isinstance(event, WaitedTooLong)
            self.session.stop_source = StopSource.CONNECT_TIMEOUT if timed_out else getattr(event, "source", None)
        if after is Phase.AWAY:
            self._stop_since = self._clock.mono()
        if after is Phase.STOPPING and self.phase is not Phase.STOPPING:
            self._stop_since = self._clock.mono()
            if self.phase is Phase.STARTING and self.session is not None and self.reading is not None:
                self.session.start_errors |= start_error_flags(self.reading.cause)
            if isinstance(event, StopAsked | FaultRaised):
                self._stop = event
            else:
                self._stop = StopAsked(source=_SOURCE_OF[type(event)])

    async def _keep_stop(self) -> None:
        """Why it ends, on record: a restart before power is off must neither go on with the charge nor forget why."""
        session, stop = self.session, self._stop
        if session is None or stop is None:
            return
        session.stop_source = stop.source
        session.stopper = stop.credential if isinstance(stop, StopAsked) else None
        try:
            await self._books.save_session(session)
        except CannotRecord as error:
            log.warning("connector %d: that it stops is not on record yet: %s", self.number, error)

    def _why_not_now(self) -> Refusal | None:
        """Why a booked start cannot go on although its vehicle came: as for any start, the booking itself apart."""
        return why_no_start(msgspec.structs.replace(self.facts(), phase=Phase.PLUGGED))

    def _kept_from(self, start: Authorised) -> Refusal | None:
        """Whether a reservation keeps this connector from who wants to start."""
        return self._site.reservations.against(self.number, start.presented or start.credential)

    def _end_waits(self) -> bool:
        """The end of a transaction waits a while for the meter, and for its signed record where it signs."""
        same_boot = self.session is None or not self.is_of_earlier_boot(self.session)
        return self._transactions.end_waits(self.charge, same_boot=same_boot)

    async def _is_settled(self, event: Event) -> bool:
        """Whether an event about a vehicle or a cable that is away leaves everything as it is, for now."""
        if isinstance(event, EvConnected):
            return self.phase is Phase.AWAY and not self._may_go_on()
        if isinstance(event, EvLeft):
            return (self.lingers and self._is_empty) or self.holds_cable
        if isinstance(event, StopAsked) and self.holds_cable:
            await self._release_cable()
            return True
        return False

    @property
    def _is_empty(self) -> bool:
        return self.reading is not None and self.reading.status is ControllerStatus.A_NOT_CONNECTED

    def _may_go_on(self) -> bool:
        """Whether the open transaction of a vehicle that is back may have energy again; asked at each poll."""
        reading = self.reading
        is_off = reading is not None and reading.status.is_connected and power_is_off(reading)
        return is_off and self._why_no_energy() is None

    def _why_no_energy(self) -> Refusal | None:
        """What speaks against energy in a transaction that is on record: as for any start (R1).

        A full disk and a block wait for its end.
        """
        facts = msgspec.structs.replace(self.facts(), phase=Phase.PLUGGED, can_record=True, is_disabled=False)
        return why_no_start(facts)

    async def _release_cable(self) -> None:
        """Unlock what was kept locked after the vehicle had gone."""
        try:
            await self.controller.unlock()
        except DeviceError as error:
            log.warning("connector %d: the cable is not released: %s", self.number, error)

    async def _carry_out(self, do: Do) -> None:
        books = self._books
        if do is Do.CREATE_SESSION:
            self.session = await books.create_session(self.settings)
            return
        session = self.session
        if do is Do.FORBID_POWER:
            await self._orders.stop(self._session_ref)
            return
        if session is None:
            return
        if do is Do.START_TRANSACTION:
            await self._begin_transaction(session)
        elif do is Do.STOP_TRANSACTION and self.charge is not None:
            await self._end_transaction(self.charge)
        elif do is Do.FINISH_SESSION:
            await books.finish_session(session)
            self.session = None

    async def _begin_transaction(self, session: Session) -> None:
        if self._authorised is None:
            raise CannotRecord("nobody is authorised")
        self.charge = await self._transactions.begin(session, self._authorised)
        self._authorised = None
        self.on_transaction_begin(self)
        if self.meter.signing is not None:
            self.meter.signing.begin(session)

    async def _end_transaction(self, charge: Charge) -> None:
        """The last meter reading, or where there is none an estimate marked as such; then the record."""
        session = charge.session
        register = await self._transactions.last_register(charge, self.reading)
        if self.reading is not None:
            charge.note(self.reading, self.phase)
        if self.link_lost:
            session.final_status = ControllerStatus.F_UNKNOWN
        session.last_limit = self.permission.sent
        if register.is_metered and not charge.is_end_sampled:
            charge.is_end_sampled = True  # once, however often the end has to be tried on a full disk
            self.on_transaction_end(self)
        stop = self._stop or StopAsked(source=StopSource.OTHER)
        await self._transactions.end(charge, stop, register)
        self._stop = self.charge = None
        if self._is_empty and stop.source is StopSource.STATUS_CHANGE:
            self._lingers_until = self._clock.mono() + LINGERS_S
        if self._is_empty and session.keeps_cable and stop.source in RELEASE_CABLE:
            await self._release_cable()

    # ------------------------------------------------------------------------------------- orders to the controller

    async def _order_start(self) -> None:
        """Permit energy; the transaction is on record."""
        if self.session is None or not self.wants_energy:
            return
        if self.meter.signing is not None and self.meter.signing.is_beginning:
            return  # it stays due
        if self.permission.is_turn and self._why_no_energy() is not None:
            return  # not now that its turn has come, after a rest perhaps; it stays due until the charge ends
        try:
            await self._orders.start(self.session)
        except StartFailed as error:
            self.session.start_errors |= error.flag
            await self._handle(OrderFailed())

    async def _renew(self) -> None:
        """Keep the permission alive; while stopping, insist on the stop."""
        if self._insists_on_stop and self._clock.mono() - self._stop_since > POLL_S:
            await self.permission.withdraw()
        elif self.wants_energy and self.permission.is_pending:
            await self._order_start()
        elif self.wants_energy and not self.facts().is_held:
            await self.permission.renew(early_s=POLL_S / 4)

    @property
    def _insists_on_stop(self) -> bool:
        is_off = self.is_heard and self.reading is not None and power_is_off(self.reading)
        return self.phase is Phase.STOPPING or (self.phase is Phase.AWAY and not is_off)

    # ------------------------------------------------------------------------------------------------- watching

    async def _check_waits(self) -> None:
        """What time alone brings about."""
        now = self._clock.mono()
        if self.phase is Phase.BOOKED and now - self._booked_since >= self._site.connection_timeout_s:
            await self._handle(WaitedTooLong())
        elif self.phase is Phase.PLUGGED and self.session is not None:
            start = self._site.without_asking(self.settings.plug_and_charge)
            if start is None:
                self.on_idle_vehicle(self)
            elif why_no_start(self.facts()) is None and self._kept_from(start) is None:
                await self._handle(start)
        elif self.can_be_stopped and self.charge is not None:
            settings = self._site.settings
            ends = self.charge.why_end(settings.station, settings.power)
            stop = ends or self._site.user_limit_reached(self.charge.session)
            if stop is not None:
                await self._handle(stop)

    async def _check_weld(self, now: ControllerReading) -> None:
        """A contactor that does not open is a fault which stays until a technician clears it (R4)."""
        disobeys = (
            self.phase in (Phase.STOPPING, Phase.AWAY)
            and self._clock.mono() - max(self._stop_since, self._hearing.heard_since) > OBEYS_STOP_WITHIN_S
            and (HardwareFlag.OUTPUT_RELAY in now.flags or max(abs(value) for value in now.current_a) > 1.0)
        )
        if self.latched is Cause.NONE and (disobeys or now.cause is Cause.CONTACTOR_WELDED):
            await self.latch(Cause.CONTACTOR_WELDED)
            if self.can_be_stopped:
                await self._handle(FaultRaised(source=StopSource.CONNECTOR_ERROR))

    def _is_idle_weld(self, now: ControllerReading) -> bool:
        """Known to be welded, yet nothing flows: the transaction is over, though its contactor will never say so."""
        is_known = self.latched is Cause.CONTACTOR_WELDED and not now.status.is_charging
        return is_known and max(abs(value) for value in now.current_a) <= 1.0

    async def latch(self, cause: Cause) -> None:
        """Set (or with NONE clear) the latched fault, durably."""
        self.latched = cause
        self._books.note(EventType.CONNECTOR_STATE, "Latched", error=cause.value, connector=self.number)
        self._site.changed()
        try:
            key, value = f"latched/{self.number}", None if cause is Cause.NONE else cause.value.encode()
            await self._books.write(facts={key: value, f"{ASIDE}{key}": None})
        except CannotRecord as error:
            log.error("connector %d: %s is latched, but cannot be kept now: %s", self.number, cause, error)

    def _fold(self, now: ControllerReading) -> None:
        """What a reading adds to the session's record."""
        if self.charge is not None:
            self.charge.note(now, self.phase, is_offered=self.grant.power_w > 0)
        elif self.session is not None:
            note_reading(self.session, now)

    async def _read_vehicle(self, before: ControllerReading | None, now: ControllerReading) -> None:
        """Vehicle data once negotiation gave them, and again when energy begins to flow."""
        if self.session is None:
            return
        has_changed = before is not None and before.status is not now.status and now.status in TELLS_VEHICLE
        if not has_changed and not self._awaits_identity():
            return
        try:
            self.vehicle = await self.controller.read_vehicle()
        except DeviceError as error:
            log.debug("connector %d: vehicle data: %s", self.number, error)
            return
        note_vehicle(self.session, self.vehicle)

    def _awaits_identity(self) -> bool:
        """Whether a vehicle that may charge by who it is has not said it yet: it is asked every few seconds."""
        is_known = self.vehicle is not None and bool(self.vehicle.uid)
        if is_known or self.phase is not Phase.PLUGGED or not self._site.asks_vehicles:
            return False
        now = self._clock.mono()
        if now < self._next_identity_s:
            return False
        self._next_identity_s = now + IDENTITY_EACH_S
        return True

    def _show(self) -> None:
        """Note a change of status, controller's and connector's, in the operation log."""
        self._status_notes.note(self.facts(), self.session.session_id if self.session else None)
