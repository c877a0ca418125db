"""What the station shows: retained states of connectors, meters, ports and the whole, told when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import ConnectorState, MeterState, PortState, SessionSummary, StationState
from chargepoint.records import Session
from chargepoint.station import why_words
from chargepoint.station.cabinet.assembly import Cabinet
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.outlet_state import STILL_TEXT
from chargepoint.station.permission import MAX_STARTS_PER_MINUTE
from chargepoint.station.power import PowerSharing
from chargepoint.station.price import so_far
from chargepoint.station.session import session_state
from chargepoint.station.site import Site
from chargepoint.station.status import CLOSED, Facts, connector_status, suspended_by
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, LogicalStatus, SessionFlag, TechnicalStatus
from drivers.interfaces import ControllerReading
from drivers.ports.opening import AnyPort

REFRESH_S = 2.0
"""Each state is told at least this often, so that a reader can tell live from old (R34)."""
LEAST_GAP_S = 0.2
"""And not more often than this, however much changes."""

_BROKEN = frozenset({ConnectorStatus.ERROR, ConnectorStatus.UNAVAILABLE, ConnectorStatus.METER_ERROR})


class Shown:
    """Tells the bus how things are."""

    def __init__(
        self,
        bus: Bus,
        site: Site,
        outlets: Sequence[Outlet],
        meters: Mapping[str, MeterPoint],
        ports: Mapping[str, AnyPort],
        sharing: PowerSharing,
        cabinet: Cabinet,
    ) -> None:
        self._bus = bus
        self._site = site
        self._outlets = outlets
        self._meters = meters
        self._ports = ports
        self._sharing = sharing
        self._cabinet = cabinet
        self._wake = asyncio.Event()
        self._told: dict[int, ConnectorState] = {}

    def soon(self) -> None:
        """Something may have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Tell changes soon and everything each two seconds; runs until cancelled."""
        next_all = 0.0
        while True:
            now = self._site.clock.mono()
            is_all = now >= next_all
            if is_all:
                next_all = now + REFRESH_S
            self._tell_connectors(is_all)
            if is_all:
                self._tell_rest()
            self._wake.clear()
            await asyncio.sleep(LEAST_GAP_S)
            try:
                async with asyncio.timeout(max(0.0, next_all - self._site.clock.mono())):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _tell_connectors(self, is_all: bool) -> None:
        for outlet in self._outlets:
            state = self.connector(outlet)
            # readings ride along with what readers act on, and with the refresh
            key = msgspec.structs.replace(state, reading=None, reading_mono_s=0.0, meter=None, meter_mono_s=0.0)
            if is_all or self._told.get(outlet.number) != key:
                self._told[outlet.number] = key
                self._bus.set_state(f"connector/{outlet.number}", state)

    def connector(self, outlet: Outlet) -> ConnectorState:
        """How one connector is now."""
        facts, reading = outlet.facts(), outlet.reading
        idle_s = outlet.charge.idle_s if outlet.charge is not None else 0.0
        is_error = facts.status.is_error and reading is not None
        grant = outlet.grant if outlet.wants_energy else None
        reservation = self._site.reservations.of(outlet.number)
        return ConnectorState(
            number=outlet.number,
            type=outlet.settings.type,
            status=connector_status(facts),
            flags=facts.flags | (ConnectorFlag.RESERVED if reservation is not None else ConnectorFlag(0)),
            operative=not facts.is_disabled,
            cause=_cause(facts, reading if is_error else None),
            vendor_error_code=facts.status.value if is_error else "",
            reading=reading if not facts.link_lost else None,
            reading_mono_s=outlet.reading_mono_s,
            meter=outlet.meter.reading,
            meter_mono_s=outlet.meter.mono_s,
            session=self._summary(outlet),
            limit=outlet.cap,
            grant=grant,
            why=self.why(outlet),
            vehicle=outlet.vehicle,
            suspended_by=suspended_by(facts, grant.power_w if grant is not None else 0.0, idle_s),
            waiting_for_ev=outlet.holder is not None and not outlet.in_transaction,
            reservation=reservation,
            is_tested=outlet.is_tested,
            awaits_update=outlet.awaits_update,
        )

    def why(self, outlet: Outlet) -> str:
        """Why it gets what it gets, for people."""
        hold = self._site.holds.of(outlet.number)
        if hold is not None:
            return hold.text
        if outlet.is_in_boot_loader:
            return STILL_TEXT
        if outlet.awaits_update:
            return CLOSED.text
        if not outlet.wants_energy:
            return outlet.no_power_why if outlet.no_power else ""
        if outlet.permission.rests_s > 0:
            return f"its contactor rests: at most {MAX_STARTS_PER_MINUTE} starts a minute"
        reason = self._sharing.allocation.reasons.get(outlet.number, "")
        heat = self._cabinet.climate.now.why
        return f"{reason}: {heat}" if "climate" in reason and heat else reason

    def why_told(self, outlet: Outlet) -> why_words.Told:
        """The same by key, for screens with own texts."""
        hold = self._site.holds.of(outlet.number)
        if hold is not None:
            return why_words.held(hold.cause)
        if not outlet.wants_energy:
            return why_words.unasked(outlet.no_power, outlet.no_power_source)
        if outlet.permission.rests_s > 0:
            return why_words.rests(MAX_STARTS_PER_MINUTE)
        return why_words.given(outlet.grant, outlet.cap)

    def _summary(self, outlet: Outlet) -> SessionSummary | None:
        session = outlet.session
        if session is None:
            return None
        now = self._site.clock.mono()
        same_boot = not outlet.is_of_earlier_boot(session)
        begun = session.started or session.created
        until = session.stopped.mono_s if session.stopped is not None else now
        elapsed_s = max(0.0, until - begun.mono_s) if same_boot else 0.0
        price = session.price
        if price is not None and session.stopped is None:
            price = so_far(price, outlet.energy_wh, elapsed_s)
        return SessionSummary(
            session_id=session.session_id,
            state=session_state(session, now - session.created.mono_s if same_boot else 0.0),
            start_source=session.start_source,
            starter=session.starter or outlet.holder,
            is_transaction=outlet.in_transaction,
            energy_wh=outlet.energy_wh,
            elapsed_s=round(elapsed_s),
            soc_start_pct=session.soc_start_pct,
            cost=price,
            ended_mono_s=_ended_mono_s(session, self._site.clock),
            stop_source=session.stop_source,
        )

    def _tell_rest(self) -> None:
        for name, meter in self._meters.items():
            state = MeterState(
                name=name, connector=meter.connector, is_answering=meter.is_answering, reading=meter.reading,
                mono_s=meter.mono_s, energy_wh=meter.energy_wh,
            )  # fmt: skip
            self._bus.set_state(f"meter/{name}", state)
        for name, port in self._ports.items():
            self._bus.set_state(f"port/{name}", port_state(name, port))
        self._cabinet.tell_all()
        self._bus.set_state("station", self._station())

    def _station(self) -> StationState:
        site = self._site
        statuses = [outlet.status for outlet in self._outlets]
        broken = [status in _BROKEN for status in statuses]
        technical = TechnicalStatus.OK
        if all(broken):
            technical = TechnicalStatus.NOT_WORKING
        elif any(broken) or self._cabinet.is_lacking or not all(meter.is_answering for meter in self._meters.values()):
            technical = TechnicalStatus.WARNING
        can_record = site.books.journal.can_record
        logical = site.logical if site.operative and can_record else LogicalStatus.OUT_OF_SERVICE
        power_w = sum(outlet.reading.power_w for outlet in self._outlets if outlet.reading is not None)
        return StationState(
            technical=technical,
            logical=logical,
            mode=site.mode,
            operative=site.operative,
            free_mode=site.free_mode,
            can_record=can_record,
            connectors=tuple(outlet.number for outlet in self._outlets),
            power_limit_w=site.settings.station.power_limit_w,
            power_w=power_w,
            cause=site.holds.cause_of_all([outlet.number for outlet in self._outlets]),
            activated=SessionFlag.TerminalNotActivated not in site.books.flags_of_new(),
        )


def _ended_mono_s(session: Session, clock: Clock) -> float | None:
    """When its transaction ended, by this boot's clock; over a reboot by wall time, as far as that is known."""
    stopped = session.stopped
    if stopped is None:
        return None
    if stopped.boot_id == clock.boot_id:
        return stopped.mono_s
    if stopped.at is None or not clock.is_set:
        return None
    return float(round(clock.mono() - max(0.0, (clock.now() - stopped.at).total_seconds())))


def port_state(name: str, port: AnyPort) -> PortState:
    """How a port is now."""
    counted = port.statistics
    return PortState(
        name=name,
        kind=port.kind,
        is_open=port.is_open,
        requests=counted.requests,
        answers=counted.answers,
        no_answer=counted.no_answer,
        bad_frame=counted.bad_frame,
        error=port.error,
        errors=counted.errors,
        p50_ms=counted.p50_ms,
        p99_ms=counted.p99_ms,
        frames=port.frames.lines(),
        load_pct=getattr(port, "load_pct", None),
    )


def _cause(facts: Facts, failing: ControllerReading | None) -> str:
    """Why it is out of order: what the cabinet says, else its controller, else what is latched."""
    if facts.hold is not None and facts.hold.stops:
        return facts.hold.cause
    return facts.latched.value if failing is None else failing.cause.value
