"""The reservations of the station: taken, kept over restarts, used up, over in time. Rules: `reservations.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import ActionResult, CancelReservation, Reservation, Reserve
from chargepoint.records import Credential
from chargepoint.station.access import RESERVED_TEXT
from chargepoint.station.bookkeeping import RESERVATION, Books, fact_of_reservation
from chargepoint.station.kept_facts import decoded
from chargepoint.station.reservations import ANY, Place, answer_to, ended, fault_of, is_for, is_over, keeping, used_by
from chargepoint.station.status import Refusal
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

LOOK_S = 1.0

RESERVED = Refusal("reserved", RESERVED_TEXT)

_TEXTS = {
    "occupied": "The connector is not free, or kept for somebody already.",
    "faulted": "The connector has a fault.",
    "unavailable": "The connector is out of service.",
    "unknown_connector": "There is no such connector.",
    "expired": "The reservation would be over already.",
    "invalid": "The idTag or the end of the reservation cannot be used.",
}


class Reservations:
    """All reservations. `places` gives the connectors as they are now; it is set once these are there."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self.places: Callable[[], Sequence[Place]] = tuple
        self.changed: Callable[[], None] = lambda: None
        self.claimed: Callable[[], AbstractSet[int | None]] = frozenset
        """The reservations by which somebody is awaited at a connector already; set with `places`."""
        self.keeps_all: Callable[[], bool] = lambda: False
        """Whether connectors are free for those only who have reserved (an update drains the station)."""
        self._books = books
        self._clock = clock
        self._all: dict[int, Reservation] = {}
        self._out_since: dict[int, float] = {}
        self._one = asyncio.Lock()
        """One is taken or cancelled at a time; charges that use one do not wait for that."""

    async def load(self) -> None:
        """Take over what earlier runs kept."""
        for key, value in (await self._books.journal.facts(RESERVATION)).items():
            reservation = decoded(key, value, Reservation)
            if reservation is not None and not fault_of(reservation):
                self._all[reservation.reservation_id] = reservation

    # --------------------------------------------------------------------------------------------------- questions

    @property
    def valid(self) -> tuple[Reservation, ...]:
        """Those that hold now. While the time is not known none ends before it must be over."""
        now = self._clock.now()
        return tuple(each for each in self._all.values() if not is_over(each, now))

    def of(self, number: int) -> Reservation | None:
        """What keeps this connector from others now."""
        return next(iter(self._keeping(number)), None)

    def _keeping(self, number: int) -> tuple[Reservation, ...]:
        valid = self.valid
        return keeping(number, self.places(), valid, keeps_all=self.keeps_all()) if valid else ()

    def holds_open(self, number: int) -> bool:
        """Whether somebody who is not there yet may begin at this connector while the others are closed."""
        valid = self.valid
        if not valid:
            return False
        claimed = self.claimed()
        return any(each.connector in (ANY, number) and each.reservation_id not in claimed for each in valid)

    def against(self, number: int, credential: Credential) -> Refusal | None:
        """Why this credential may not charge at this connector although it is free."""
        kept = self._keeping(number)
        return None if not kept or any(is_for(each, credential) for each in kept) else RESERVED

    def used_by(self, number: int, credential: Credential) -> int | None:
        """The id of the reservation that a start of this credential at this connector uses up."""
        valid = self.valid
        used = used_by(credential, number, self.places(), valid, keeps_all=self.keeps_all()) if valid else None
        return None if used is None else used.reservation_id

    def asks_for_group(self, numbers: Sequence[int]) -> bool:
        """Whether the group of a credential may decide at one of these connectors."""
        return any(each.parent and each.connector in (0, *numbers) for each in self.valid)

    def still_used(self, reservation_id: int | None, number: int, credential: Credential) -> Reservation | None:
        """The one with this id, when it holds and means this connector and credential now that the charge begins."""
        reservation = self._all.get(reservation_id) if reservation_id is not None else None
        if reservation is None or is_over(reservation, self._clock.now()):
            return None
        return reservation if reservation.connector in (0, number) and is_for(reservation, credential) else None

    # ------------------------------------------------------------------------------------------------------ changes

    async def reserve(self, request: Reserve, sender: str) -> ActionResult:
        """Durable before the answer (R24). Raises CannotRecord."""
        async with self._one:
            return await self._reserve(request)

    async def _reserve(self, request: Reserve) -> ActionResult:
        wanted = request.reservation
        fault = fault_of(wanted)
        code: str = "invalid" if fault else answer_to(wanted, self.places(), self.valid, self._clock.now())
        if code == "ok" and self.keeps_all():
            code = "unavailable"
        if code == "ok":
            before = self._all.get(wanted.reservation_id)
            self._all[wanted.reservation_id] = wanted  # at once: while it is being kept nobody else begins there
            try:
                await self._books.write(facts={fact_of_reservation(wanted.reservation_id): msgspec.json.encode(wanted)})
            except CannotRecord:
                self._put_back(wanted, before)
                raise
            code = await self._look_again(wanted)
        self.changed()
        text = f"{wanted.reservation_id} until {wanted.expires_at:%Y-%m-%d %H:%M:%S}: {code}"
        self._note(wanted.connector, "reserve", f"{text}, {request.by}" if request.by else text)
        return ActionResult(ok=code == "ok", code=code, text=_TEXTS.get(code, ""))

    def _put_back(self, wanted: Reservation, before: Reservation | None) -> None:
        if self._all.get(wanted.reservation_id) is not wanted:
            return  # used, cancelled or replaced meanwhile
        self._drop(wanted)
        if before is not None:
            self._all[before.reservation_id] = before

    async def _look_again(self, wanted: Reservation) -> str:
        """Somebody may have taken the connector while the reservation was being written down."""
        is_claimed = any(place.claims == wanted.reservation_id for place in self.places())
        if is_claimed or self._all.get(wanted.reservation_id) is not wanted:
            return "ok"  # its holder is there, or it was used or replaced meanwhile
        code = answer_to(wanted, self.places(), self.valid, self._clock.now())
        if code != "ok":
            await self._remove(wanted)
        return code

    async def cancel(self, request: CancelReservation, sender: str) -> ActionResult:
        """Durable before the answer (R24). Raises CannotRecord."""
        async with self._one:
            reservation = self._all.get(request.reservation_id)
            if reservation is None or is_over(reservation, self._clock.now()):
                return ActionResult(ok=False, code="unknown_reservation", text="There is no such reservation.")
            await self._remove(reservation)
        self.changed()
        self._note(reservation.connector, "cancel reservation", f"{request.reservation_id}, {request.by}")
        return ActionResult(ok=True, code="ok")

    async def _remove(self, reservation: Reservation) -> None:
        await self._books.write(facts={fact_of_reservation(reservation.reservation_id): None})
        self._drop(reservation)

    def _drop(self, reservation: Reservation) -> None:
        """Forget this one; not another that has taken its id while the disk was waited for."""
        if self._all.get(reservation.reservation_id) is reservation:
            del self._all[reservation.reservation_id]

    def used(self, reservation: Reservation | None) -> None:
        """A charge has begun with it; that it is gone is on record already."""
        if reservation is not None:
            self._drop(reservation)
            self.changed()

    async def run(self) -> None:
        """End what has expired, and what a fault or a closure ends (OCPP 1.6, 5.13); runs until cancelled."""
        while True:
            try:
                await self._end_what_is_over()
            except CannotRecord as error:
                log.debug("reservations that are over are forgotten later: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _end_what_is_over(self) -> None:
        now, all_now = self._clock.now(), tuple(self._all.values())
        lost = ended(all_now, self.places(), self._out_s()) if all_now else []
        for reservation in all_now:
            if is_over(reservation, now) or reservation in lost:
                if self._all.get(reservation.reservation_id) is not reservation:
                    continue  # cancelled, used or replaced while another one was being forgotten
                await self._remove(reservation)
                why = "out of order" if reservation in lost else "its time is over"
                self._note(reservation.connector, "reservation ended", f"{reservation.reservation_id}, {why}")
                self.changed()

    def _out_s(self) -> dict[int, float]:
        """For how long each connector has been in a state that may end its reservation."""
        mono_s = self._clock.mono()
        out = {place.number for place in self.places() if place.ends_after_s is not None}
        self._out_since = {number: self._out_since.get(number, mono_s) for number in out}
        return {number: mono_s - since for number, since in self._out_since.items()}

    def _note(self, connector: int, deed: str, text: str) -> None:
        log.info("connector %d: %s %s", connector, deed, text)
        self._books.note(EventType.REMOTE_COMMAND, deed, text, connector=connector or None)
