"""Messages about updates and uploads, durable and told in order, one after the other.

Each is on disk before whoever wished it told hears of success, so it outlives this service and days without link. A
message the central system does not take is given up after some tries: a status is worth less than those behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import msgspec

from chargepoint.storage.database import CannotRecord, Database, Statement
from ocpp_client.delivery import Delivery, GivenUp
from ocpp_client.facts import Facts
from ocpp_client.frames import Payload
from ocpp_client.rpc import Rpc

log = logging.getLogger(__name__)

MAX_NOTICES = 500
"""Beyond this the oldest goes: the last states are those that count (R19)."""
TRIES = 5


class Notice(msgspec.Struct, frozen=True):
    number: int
    action: str
    payload: Payload


class Notices:
    """The table `notices` of ocpp.db, held in memory."""

    def __init__(self, facts: Facts, database: Database, notices: list[Notice], last: int = 0) -> None:
        """`last` is the highest number in the table."""
        self._facts = facts
        self._database = database
        self._waiting = deque(notices)
        self._last = last
        self._wake = asyncio.Event()
        self._held = 0
        self._lock = asyncio.Lock()

    @classmethod
    async def load(cls, database: Database, facts: Facts) -> Notices:
        rows = await database.read("SELECT number, action, payload FROM notices ORDER BY number")
        notices = []
        for number, action, payload in rows:
            try:
                notices.append(Notice(number, action, msgspec.json.decode(payload, type=Payload)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                log.error("ocpp.db: %s %d that was to be told cannot be read: %s", action, number, error)
        return cls(facts, database, notices, last=rows[-1][0] if rows else 0)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def add(self, action: str, payload: Payload, facts: dict[str, bytes | None] | None = None) -> None:
        """Will be told; durable, together with `facts`, when this returns. Raises CannotRecord."""
        async with self._lock:  # numbers are given in the order of the queue
            notice = Notice(self._last + 1, action, payload)
            statements: list[Statement] = [
                (
                    "INSERT INTO notices (number, action, payload) VALUES (?, ?, ?)",
                    (notice.number, action, msgspec.json.encode(payload)),
                )
            ]
            too_many = list(self._waiting)[: max(0, len(self._waiting) + 1 - MAX_NOTICES)]
            if too_many:
                statements.append(("DELETE FROM notices WHERE number <= ?", (too_many[-1].number,)))
            await self._facts.keep_all(facts or {}, also=tuple(statements))
            self._last = notice.number
            self._waiting.append(notice)
            for old in too_many:
                self._drop(old)
                log.error("more than %d notices wait; %s %s is dropped", MAX_NOTICES, old.action, old.payload)
        self._wake.set()

    def hold(self) -> Callable[[], None]:
        """Nothing is told until what is given was called: an answer is to leave before what follows from it."""
        self._held += 1
        is_held = True

        def release() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._held -= 1
                self._wake.set()

        return release

    async def run(self, rpc: Rpc, is_open: asyncio.Event, failed: Callable[[str, int | None, str], None]) -> None:
        """Tell what waits, until cancelled. `failed` hears of what was given up."""
        delivery = Delivery(rpc, is_open, TRIES)
        while True:
            self._wake.clear()
            if not self._waiting or self._held:
                await self._wake.wait()
                continue
            notice = self._waiting[0]
            try:
                await delivery.tell(notice.action, notice.payload)
            except GivenUp as error:
                failed(notice.action, None, f"{notice.payload.get('status', '')}: {error}")
            await self._done(notice)

    async def _done(self, notice: Notice) -> None:
        """Forget it. While the disk takes nothing this goes on in memory: a crash then repeats it."""
        self._drop(notice)
        try:
            await self._database.write([("DELETE FROM notices WHERE number = ?", (notice.number,))])
        except CannotRecord as error:
            log.warning("%s was told, and is told again after a restart: %s", notice.action, error)

    def _drop(self, notice: Notice) -> None:
        if self._waiting and self._waiting[0] is notice:
            self._waiting.popleft()
