"""One connector as others see it: what is known of it now, and what is set from outside. Its work is in `outlet.py`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from chargepoint.config import ConnectorSettings
from chargepoint.records import Credential, Limit, Session
from chargepoint.station.cabinet.safety import Hold
from chargepoint.station.charge import Charge
from chargepoint.station.connector import IN_TRANSACTION, Authorised, Phase
from chargepoint.station.hearing import Hearing
from chargepoint.station.kept_facts import decoded, read_word
from chargepoint.station.limits import NamedLimit
from chargepoint.station.meters import MeterPoint
from chargepoint.station.permission import NO_GRANT, Permission
from chargepoint.station.reservations import Place, place_of
from chargepoint.station.site import Site
from chargepoint.station.status import Facts, connector_status
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import (
    Cause,
    ConnectorFlag,
    ConnectorStatus,
    ControllerStatus,
    HardwareFlag,
    StartSource,
)
from drivers.interfaces import ConnectorController, ControllerReading, Identity, InsulationReading, VehicleData

STARTS = "starts/"
"""Before the number of a connector: a fact with the boot, and when its contactor was operated last in it."""
POLLS_KEPT = 100
STILL_TEXT = (
    "Its controller is in its boot loader: an update did not end there. Its contactor is open; update it again."
)
SILENT_AFTER_S = 3.0
"""An idle controller that has not answered for this long is without link."""


class OutletState:
    """What is known of the connector with `settings.number`."""

    def __init__(self, settings: ConnectorSettings, controller: ConnectorController, meter: MeterPoint, site: Site):
        self.settings = settings
        self.number = settings.number
        self.controller = controller
        self.meter = meter
        self.phase = Phase.EMPTY
        self.session: Session | None = None
        self.charge: Charge | None = None
        """The running transaction."""
        self.reading: ControllerReading | None = None
        self.reading_mono_s = 0.0
        self.identity: Identity | None = None
        self.vehicle: VehicleData | None = None
        self.permission = Permission(settings, controller, site.clock)
        self.cap = NO_GRANT
        self.no_power = False
        self.no_power_why = ""
        self.no_power_source = ""
        """Why a vehicle that came now would get no power; empty while it would."""
        self.transaction_id: int | None = None
        """The central system's name for the running transaction, once it has told one."""
        self.operative = True
        self.blocked = False
        self.latched = Cause.NONE
        self.is_rebooting = False
        self.is_updating = False
        """Firmware is being written to its controller, or to the module controller that feeds it."""
        self.is_written = False
        """Its own controller gets firmware: it cannot be asked anything, and is not polled."""
        self.is_in_boot_loader = False
        """Its controller waits for firmware, and nobody writes any."""
        self.temperature_c: float | None = None
        """Hottest plug temperature that the controller last told; None without a sensor."""
        self.insulation: Callable[[], InsulationReading | None] = lambda: None
        """The last good reading of its own insulation monitor, None without one."""
        self.polls: deque[bool] = deque(maxlen=POLLS_KEPT)
        """Whether each of the last polls was answered."""
        self.is_tested = False
        """A technician's test session is asked for here, or runs."""
        self.test_limit: NamedLimit | None = None
        """The most that such a session may have."""
        self._site = site
        self._books = site.books
        self._clock = site.clock
        self._hearing = Hearing(site.clock)
        self._is_disabled = False
        self._authorised: Authorised | None = None
        self._is_beginning = False
        """Somebody was let in here; that is on its way to the disk."""
        self._lingers_until = 0.0
        self._resumes_from = Phase.EMPTY

    def facts(self) -> Facts:
        """All that decides status and starts, now."""
        return Facts(
            phase=self.phase,
            reading=self.reading,
            link_lost=self.link_lost,
            meter_lost=self.meter_lost,
            flags=self.flags,
            is_disabled=self._is_disabled and not (self.is_tested and self.is_taken),
            latched=self.latched,
            no_power=self.no_power,
            can_record=self._books.journal.can_record,
            is_stopping=self._site.is_stopping,
            resumes_from=self._resumes_from,
            holds_cable=self.holds_cable or self.lingers,
            hold=self.hold,
            is_closed=self.is_closed,
        )

    @property
    def is_closed(self) -> bool:
        """Whether no charge may begin because the software is being updated. What was begun is never touched."""
        return not self.is_taken and self._site.is_closed_to(self.number)

    @property
    def awaits_update(self) -> bool:
        """It is UPDATING because the station's software is, and nobody writes to its controller. A lost link or meter,
        and the end of a charge whose vehicle is still there, are shown instead."""
        is_free = self.phase in (Phase.EMPTY, Phase.PLUGGED) and not self.is_updating
        return is_free and self.is_closed and not self.link_lost and not self.meter_lost

    @property
    def hold(self) -> Hold | None:
        """What keeps this connector from energy beside its own faults."""
        return self._site.holds.of(self.number)

    @property
    def status(self) -> ConnectorStatus:
        return connector_status(self.facts())

    @property
    def flags(self) -> ConnectorFlag:
        """Software flags (statuses.md 10)."""
        flags = ConnectorFlag(0)
        for holds, flag in (
            (self.blocked, ConnectorFlag.BLOCKED),
            (self.link_lost, ConnectorFlag.NO_LINK),
            (self.reading is None, ConnectorFlag.INITIALIZING),
            (self.is_rebooting, ConnectorFlag.REBOOTING),
            (self.is_updating or self.awaits_update, ConnectorFlag.UPDATING),
            (self.phase is Phase.BOOKED, ConnectorFlag.WAITING_EV),
            (self.settings.ignore_ev_connected, ConnectorFlag.IGNORE_EV_CONNECTED),
        ):
            if holds:
                flags |= flag
        return flags

    @property
    def link_lost(self) -> bool:
        """Silent for longer than a poll or two; a running charge is given the configured delay."""
        delay = self._site.settings.station.link_lost_delay_s if self.in_transaction else SILENT_AFTER_S
        return self._hearing.is_silent and self._hearing.silent_for_s > delay

    @property
    def is_heard(self) -> bool:
        """Whether the last poll was answered: `reading` is of now."""
        return self.reading is not None and not self._hearing.is_silent

    @property
    def meter_lost(self) -> bool:
        if self.in_transaction:
            return self.meter.silent_for() > self._site.settings.station.meter_lost_delay_s
        return self.meter.is_silent

    def is_of_earlier_boot(self, session: Session) -> bool:
        """Whether the power was off since it was created."""
        return session.created.boot_id != self._clock.boot_id

    @property
    def in_transaction(self) -> bool:
        return self.phase in IN_TRANSACTION

    @property
    def is_taken(self) -> bool:
        """A transaction runs, or its vehicle is awaited."""
        return self.in_transaction or self.phase is Phase.BOOKED

    @property
    def wants_energy(self) -> bool:
        """Whether the sharing of power has to count with this connector."""
        return self.phase in (Phase.STARTING, Phase.CHARGING)

    @property
    def can_be_stopped(self) -> bool:
        """A transaction is open, and nobody has ended it yet."""
        return self.in_transaction and self.phase is not Phase.STOPPING

    @property
    def lingers(self) -> bool:
        """The vehicle was unplugged in its charge just now: people and the central system see the end of it first."""
        return self.phase is Phase.CHARGED and self._clock.mono() < self._lingers_until

    @property
    def holds_cable(self) -> bool:
        """The charge is over and its vehicle away, but its cable stays locked until somebody may have it."""
        session, reading = self.session, self.reading
        return (
            self.phase is Phase.CHARGED
            and session is not None
            and session.keeps_cable
            and reading is not None
            and reading.status is ControllerStatus.A_NOT_CONNECTED
            and HardwareFlag.CONNECTOR_LOCKED in reading.flags
        )

    @property
    def holder(self) -> Credential | None:
        """Who this connector is taken by: the starter of a transaction, or who is authorised and awaited."""
        if self.phase is Phase.BOOKED and self._authorised is not None:
            return self._authorised.credential
        return self.session.starter if self.session is not None and self.in_transaction else None

    @property
    def card_holder(self) -> Credential | None:
        """Whose card may end what runs or waits here: the holder's, or in free mode the one that was shown."""
        if self.phase is Phase.BOOKED and self._authorised is not None:
            return self._authorised.presented or self._authorised.credential
        if self.session is None or not (self.in_transaction or self.holds_cable):
            return None
        return self.session.presented or self.session.starter

    @property
    def claims(self) -> int | None:
        """The reservation by which somebody is awaited here."""
        is_awaited = self._is_beginning or self.phase is Phase.BOOKED
        return self._authorised.reservation_id if is_awaited and self._authorised else None

    @property
    def place(self) -> Place:
        """This connector as reservations see it."""
        place = place_of(self.number, self.facts(), self.claims)
        return msgspec.structs.replace(place, state="occupied") if self._is_beginning else place

    @property
    def start_source(self) -> StartSource | None:
        """How its holder began, or is about to begin."""
        if self.phase is Phase.BOOKED and self._authorised is not None:
            return self._authorised.source
        return self.session.start_source if self.session is not None else None

    @property
    def energy_wh(self) -> int:
        """Energy of the running or last transaction so far, by the meter."""
        if self.charge is not None:
            return self.charge.energy_wh
        return self.session.delivered_wh if self.session is not None else 0

    @property
    def grant(self) -> Limit:
        """What the sharing of power gives this connector now."""
        return self.permission.grant

    def transaction_named(self, transaction_id: int, parent: str) -> None:
        """The central system has named the transaction, and perhaps the group of its starter."""
        self.transaction_id = transaction_id
        session = self.session
        if parent and session is not None and session.starter is not None:
            session.starter = msgspec.structs.replace(session.starter, parent=parent)

    def restore(self, facts: dict[str, bytes]) -> None:
        """Take over what earlier runs kept of this connector."""
        self.operative = facts.get(f"operative/{self.number}", b"1") == b"1"
        self.blocked = facts.get(f"blocked/{self.number}", b"") == b"1"
        self.latched = self._latched_in(facts)
        key = f"{STARTS}{self.number}"
        boot_id, starts = decoded(key, facts.get(key), tuple[str, tuple[float, ...]]) or ("", ())
        self.permission.remember_starts(starts if boot_id == self._clock.boot_id else ())
        self.set_disabled()

    def _latched_in(self, facts: dict[str, bytes]) -> Cause:
        """What is latched. One that cannot be read is as if its contactor were welded: a technician has to look."""
        key = f"latched/{self.number}"
        if key in facts:
            return read_word(key, facts[key], Cause) or Cause.CONTACTOR_WELDED
        return Cause.CONTACTOR_WELDED if f"{ASIDE}{key}" in facts else Cause.NONE

    def set_disabled(self) -> None:
        """Block and availability may have changed: in force at once while idle, else on the return to A."""
        wanted = self.blocked or not self.operative or not self._site.operative or self._site.is_closed
        idle = self.phase is Phase.EMPTY
        if not wanted or idle:
            self._is_disabled = wanted
        self._site.changed()
