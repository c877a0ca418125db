"""Security events of the journal, told to the central system.

Critical ones always and in order, also days later; each until it is answered, or refused for good. Others only while
they are fresh, and not many. The journal is the queue: this reads it from a cursor of its own, so a flood costs neither
memory nor an event. Source: OCA, Improved security for OCPP 1.6-J, edition 4, A04 and SecurityEventNotification.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.messages import ReadJournal
from chargepoint.records import SecurityEvent
from chargepoint.security_events import BY_NAME, REFUSED
from chargepoint.storage.database import CannotRecord
from ocpp_client.backlog import STATION
from ocpp_client.delivery import Delivery, GivenUp
from ocpp_client.facts import Facts
from ocpp_client.frames import Payload
from ocpp_client.row_time import RowTime
from ocpp_client.rpc import Rpc
from ocpp_client.schemas import format_time

log = logging.getLogger(__name__)

FACT = "security_events"
KINDS = ("SecurityEvent",)
PAGE = 200
TRIES = 50
"""Of one critical event, waits growing to half an hour: about a day of a central system that is there and fails."""
TRIES_FRESH = 3
"""Of one that is not critical; and of a critical one behind one that was given up: a central system that takes none of
them holds up neither the events nor the journal, which waits for them."""
FRESH_S = 3600.0
"""An event that is not critical is told when it is not older than this."""
BURST, EVERY_S = 20.0, 60.0
"""Events that are not critical: so many at once, then one each minute. What is over stays in the journal."""
KEEP_PLACE_S = 600.0
AWAY_S = 2.0
CLOCK_S = 1.0
MAX_INFO = 255
LOOK_BACK = timedelta(days=7)
"""When the cursor was lost with its file: what is older is taken as told."""


class Place(msgspec.Struct, frozen=True):
    """Dealt with up to `seq`; the last one told happened at `at`. `is_guess`: the file that knew it was damaged."""

    seq: int
    at: datetime | None = None
    is_guess: bool = False


class SecurityEvents:
    """See the top of this file. `is_open`: there is a link and the central system has accepted us."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        rpc: Rpc,
        facts: Facts,
        is_open: asyncio.Event,
        first_seq: int,
        was_damaged: bool,
        failed: Callable[[str, int | None, str], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._is_open = is_open
        self._facts = facts
        self._failed = failed
        self._times = RowTime(bus, clock)
        self._critical = Delivery(rpc, is_open, TRIES)
        self._fresh = Delivery(rpc, is_open, TRIES_FRESH)
        self._heard = asyncio.Event()
        kept = facts.get(FACT)
        self._place = Place(first_seq, is_guess=was_damaged)
        if kept is not None:
            self._place = _kept_place(kept) or Place(first_seq, is_guess=True)
        self._skips_until: datetime | None = None
        """After the journal began anew: what happened until then was told."""
        self._kept = None if kept is None else self._place
        self._kept_s = asyncio.get_running_loop().time()
        self._left, self._left_s = BURST, self._kept_s
        self._gave_up = False
        """A critical event was given up, and none was taken since."""
        self.told = 0
        self.left_out = 0

    @property
    def seq(self) -> int:
        """Entries of the journal up to here are not needed any more."""
        return self._place.seq

    def heard(self) -> None:
        """The journal grew."""
        self._heard.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._heard.clear()
            try:
                if self._kept is None:
                    await self._keep()  # before the other cursor moves on without link: this one begins here
                await self._is_open.wait()
                if not await self._page():
                    await self._rest()
            except (Unavailable, CallFailed, TimeoutError) as error:
                log.debug("the station cannot be asked: %s", error)
                await asyncio.sleep(AWAY_S)
            except CannotRecord as error:
                log.warning("telling security events waits until it can be recorded: %s", error)
                await asyncio.sleep(AWAY_S)

    async def _page(self) -> bool:
        """Deal with the next events; whether there may be more at once."""
        page = await self._bus.call(STATION, ReadJournal(after_seq=self._place.seq, kinds=KINDS, limit=PAGE))
        if page.last_seq < self._place.seq:
            log.error("the journal ends at row %d, before %d: it was replaced", page.last_seq, self._place.seq)
            self._skips_until = self._place.at
            self._place = Place(0, self._place.at)
            return True
        for row in page.rows:
            at = await self._times.of(row)
            if at is None:
                await asyncio.sleep(CLOCK_S)
                return True
            if isinstance(row.entry, SecurityEvent) and self._is_wanted(row.entry, at):
                await self._tell(row.entry, at)
                await self._move(row.seq, at)
            else:
                self._place = Place(row.seq, self._place.at, self._place.is_guess)
        has_more = page.read_to < page.last_seq
        self._place = Place(max(self._place.seq, page.read_to), self._place.at, self._place.is_guess and has_more)
        return has_more

    async def _rest(self) -> None:
        """Wait for the journal to grow; write down now and then how far that was."""
        if self._kept is not self._place:
            due_s = self._kept_s + KEEP_PLACE_S - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(0.0, due_s)):
                    await self._heard.wait()
            except TimeoutError:
                await self._keep()
        else:
            await self._heard.wait()

    def _is_wanted(self, event: SecurityEvent, at: datetime) -> bool:
        kind = BY_NAME.get(event.type)
        if kind is None or event.operation == REFUSED or self._was_told(at):
            return False
        if kind.is_critical:
            return True
        if (self._clock.now() - at).total_seconds() > FRESH_S or not self._has_room():
            self.left_out += 1
            return False
        return True

    def _was_told(self, at: datetime) -> bool:
        if self._place.is_guess and at < self._clock.now() - LOOK_BACK:
            return True
        return self._skips_until is not None and at <= self._skips_until

    def _has_room(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._left = min(BURST, self._left + (now_s - self._left_s) / EVERY_S)
        self._left_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    async def _tell(self, event: SecurityEvent, at: datetime) -> None:
        is_critical = BY_NAME[event.type].is_critical
        try:
            payload = security_event_payload(event, at)
            is_patient = is_critical and not self._gave_up
            await (self._critical if is_patient else self._fresh).tell("SecurityEventNotification", payload)
            self.told += 1
            self._gave_up = False
        except GivenUp as error:
            self._gave_up = self._gave_up or is_critical
            if is_critical:
                self._failed("SecurityEventNotification", None, f"{event.type}: {error}")
            else:
                log.warning("security event %s: %s", event.type, error)

    async def _move(self, seq: int, at: datetime) -> None:
        """It is answered: durable at once, so that it is told once. While the disk is full it stays in memory."""
        self._place = Place(seq, at, self._place.is_guess)
        try:
            await self._keep()
        except CannotRecord as error:
            log.warning("a security event was told, and is told again after a crash: %s", error)

    async def _keep(self) -> None:
        place = self._place
        await self._facts.keep(FACT, msgspec.json.encode(place))
        self._kept, self._kept_s = place, asyncio.get_running_loop().time()


def _kept_place(kept: bytes) -> Place | None:
    try:
        return msgspec.json.decode(kept, type=Place)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.error("ocpp.db: which security events were told cannot be read: %s", error)
        return None


def security_event_payload(event: SecurityEvent, at: datetime) -> Payload:
    """SecurityEventNotification.req; techInfo is cut to what the specification allows."""
    payload: Payload = {"type": event.type, "timestamp": format_time(at)}
    source = "" if event.source_type == "user" and event.extra else event.source  # extra names the person then
    info = ": ".join(part for part in (source, event.extra or event.operation) if part)
    if info:
        payload["techInfo"] = info[:MAX_INFO]
    return payload
