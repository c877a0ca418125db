"""The transactions of one connector: begun, resumed and ended on record, with what the meter says (R7, R12, R13)."""

from __future__ import annotations

import msgspec

from chargepoint.records import Session
from chargepoint.station.charge import Charge, EnergyLimit
from chargepoint.station.connector import Authorised, FaultRaised, StopAsked
from chargepoint.station.metering import ESTIMATE_AT_MOST_S
from chargepoint.station.meters import MeterPoint
from chargepoint.station.site import Site
from chargepoint.vocabulary import EventType, StopSource
from drivers.interfaces import ControllerReading


class LastRegister(msgspec.Struct, frozen=True):
    """The meter's register at the end; an estimate where it `is_metered` not."""

    energy_wh: int
    is_metered: bool


class Transactions:
    """Those of the connector `number`, measured by `meter`. What runs is the `Charge` that it gives, not keeps."""

    def __init__(self, number: int, meter: MeterPoint, site: Site) -> None:
        self._number = number
        self._meter = meter
        self._site = site
        self._books = site.books
        self._clock = site.clock

    async def begin(self, session: Session, authorised: Authorised) -> Charge:
        """Begin one on record. Raises CannotRecord; then nothing has begun."""
        who, reservations = authorised.presented or authorised.credential, self._site.reservations
        used = reservations.still_used(authorised.reservation_id, self._number, who)
        authorised = msgspec.structs.replace(authorised, reservation_id=None if used is None else used.reservation_id)
        schedule, schedules = authorised.schedule, self._site.schedules
        if schedule is not None:
            schedule = msgspec.structs.replace(schedule, connector=self._number, session_id=session.session_id)
        await self._books.start_transaction(
            session,
            authorised,
            self._meter.begin(),
            is_offline=self._site.is_offline,
            waits_for_vehicle=self._site.waits_for_vehicle,
            keeps_cable=self._site.keeps_cable,
            price=self._site.tariffs.price_at_start(self._number),
            also=schedules.facts_at_begin(schedule),
        )
        schedules.begun(schedule)
        reservations.used(used)
        return self._charge(session, authorised.energy_limit_wh)

    async def resume(self, session: Session, *, same_boot: bool) -> Charge:
        """Go on after a restart; `same_boot`: the power was not off since it began."""
        await self._resume_meter(session, same_boot)
        charge = self._charge(session, session.ordered_energy_wh)
        bound = await self._books.kept_bound(session)
        if bound is not None:
            charge.lower_energy_limit(bound)
        return charge

    async def bound_energy(self, charge: Charge, limit: EnergyLimit) -> None:
        """One more bound, kept so that it also holds after a restart. Raises CannotRecord."""
        await self._books.keep_bound(charge.session, charge.lower_energy_limit(limit))

    def end_waits(self, charge: Charge | None, *, same_boot: bool) -> bool:
        """Whether the end waits a while for the meter, and for its signed record where it signs."""
        signing = self._meter.signing
        is_signed = signing is None or charge is None or signing.has_ended(charge.session)
        return self._waits_for_meter(same_boot) or not is_signed

    async def last_register(self, charge: Charge, reading: ControllerReading | None) -> LastRegister:
        """The last meter reading, or where there is none an estimate marked as such."""
        kept_wh = await self._books.last_energy_wh(charge.session.session_id)
        return LastRegister(*await charge.last_register(reading, kept_wh))

    async def end(self, charge: Charge, stop: StopAsked | FaultRaised, register: LastRegister) -> None:
        """End it on record. Raises CannotRecord; then it has not ended."""
        session, meter = charge.session, self._meter
        stopper = stop.credential if isinstance(stop, StopAsked) else None
        gone = self._site.schedules.facts_at_end(session.session_id)
        is_signed = charge.is_end_sampled and meter.end_record is not None
        if meter.end_record is not None and not is_signed:  # no value to go with it: it is kept here
            self._books.note(
                EventType.DEVICE_STATE, "SignedRecord", meter.end_record.decode(errors="replace"),
                error=f"meter '{meter.name}': the signed record could not be told with the end: no reading",
                connector=self._number, session_id=session.session_id,
            )  # fmt: skip
        await self._books.stop_transaction(
            session, stop.source, stopper, register.energy_wh, not register.is_metered, gone, is_signed=is_signed
        )
        if meter.signing is not None:
            await meter.signing.finished()
        self._site.schedules.ended(session.session_id)

    def _charge(self, session: Session, limit_wh: int | None) -> Charge:
        limit = None if limit_wh is None else (limit_wh, StopSource.ENERGY_LIMIT)
        return Charge(session, self._meter, self._clock, limit)

    def _waits_for_meter(self, same_boot: bool) -> bool:
        """After a power cut the end of a transaction waits a while for the meter: better than a guess."""
        if self._meter.energy_wh is not None and same_boot:
            return False
        patience_s = self._site.settings.station.meter_lost_delay_s
        return self._meter.reading is None and self._meter.silent_for() < patience_s

    async def _resume_meter(self, session: Session, same_boot: bool) -> None:
        """Go on from the register on record. What the meter says now is believed as far as it can be true.

        After a power cut that is at most the energy of the time that no history row covers (R13): more is another
        meter's (R12). A history that was damaged says nothing about that.
        """
        start_wh = session.meter_start_wh
        if start_wh is None or session.started is None or (not same_boot and self._books.history.damage):
            return
        kept_wh = await self._books.last_energy_wh(session.session_id)
        since = session.started.mono_s if same_boot else self._clock.mono() - ESTIMATE_AT_MOST_S
        self._meter.resume(start_wh + kept_wh, since)
