"""What the cabinet remembers over restarts and updates: latched inputs, contactors out of order, their operations (R4).

Everything is written at once and tried until it is. Closings are few (one a charge), and how many there were of late
must not be forgotten by a restart, or a contactor would be operated too often (R5).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.clock import Clock
from chargepoint.station.bookkeeping import Books
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.safety import LATCH
from chargepoint.station.kept_facts import decoded, read_word
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import Cause

log = logging.getLogger(__name__)

RETRY_S = 60.0
FAULT, OPERATIONS = "output_fault/", "operations/"
"""Before the name of an output."""

Facts = dict[str, bytes | None]


class Operations(msgspec.Struct, frozen=True):
    """Closings for life, and the last ones (monotonic seconds of that boot)."""

    count: int = 0
    boot_id: str = ""
    closings: tuple[float, ...] = ()


class CabinetFacts:
    """The facts of inputs and contactors. A damaged one counts as the worst: a technician has to look."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self.latched: set[str] = set()
        """Names of inputs."""
        self._clearing: set[str] = set()
        """Those of which the end is being written."""
        self._books = books
        self._clock = clock
        self._is_changed = asyncio.Event()
        self._changed: dict[str, Contactor] = {}
        self._waiting: dict[str, bytes | None] = {}
        """What is not on disk yet: of each fact the last word."""
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, facts: Mapping[str, bytes], inputs: Iterable[str], contactors: Iterable[Contactor]) -> None:
        """Take over what earlier runs kept."""
        self.latched = {name for name in inputs if f"{LATCH}{name}" in facts or f"{ASIDE}{LATCH}{name}" in facts}
        for contactor in contactors:
            contactor.cause = _fault_in(facts, contactor.name)
            key = f"{OPERATIONS}{contactor.name}"
            kept = decoded(key, facts.get(key), Operations) or Operations()
            contactor.operations = max(0, kept.count)
            is_this_boot = kept.boot_id == self._clock.boot_id
            contactor.remember_closings(kept.closings, self._clock.mono(), is_this_boot=is_this_boot)

    def latch(self, name: str) -> None:
        """This input stops its connectors from now on."""
        if name not in self.latched or name in self._clearing:
            self._clearing.discard(name)
            self.latched.add(name)
            self.keep(f"{LATCH}{name}", b"1")

    async def unlatch(self, name: str) -> None:
        """A technician has seen to it. Raises CannotRecord; then, and when it is active again, it stays latched."""
        self._clearing.add(name)
        await self._write_now(_without(f"{LATCH}{name}"))
        if name in self._clearing:
            self._clearing.discard(name)
            self.latched.discard(name)

    def broke_down(self, contactor: Contactor) -> None:
        """It is out of order from now on."""
        self.keep(f"{FAULT}{contactor.name}", contactor.cause.value.encode())

    async def mended(self, contactor: Contactor, is_new: bool) -> None:
        """A technician has seen to it; a new one begins its life. Raises CannotRecord."""
        facts = _without(f"{FAULT}{contactor.name}")
        if is_new:
            facts |= _without(f"{OPERATIONS}{contactor.name}")
        await self._write_now(facts)
        if is_new:
            contactor.operations = 0
            self._changed.pop(contactor.name, None)

    def operated(self, contactor: Contactor) -> None:
        """It was closed once more."""
        self._changed[contactor.name] = contactor
        self._is_changed.set()

    async def keep_operations(self) -> None:
        """Write what was counted; what the disk does not take waits for the next time."""
        changed, self._changed = self._changed, {}
        if not changed:
            return
        facts: Facts = {
            f"{OPERATIONS}{name}": msgspec.json.encode(Operations(each.operations, self._clock.boot_id, each.closings))
            for name, each in changed.items()
        }
        try:
            await self._books.write(facts=facts)
        except CannotRecord as error:
            self._changed = changed | self._changed
            log.debug("operations of contactors are written later: %s", error)

    async def run(self) -> None:
        """Keep operations until cancelled."""
        while True:
            await self._is_changed.wait()
            self._is_changed.clear()
            await self.keep_operations()
            if self._changed:  # the disk did not take it
                await asyncio.sleep(RETRY_S)
                self._is_changed.set()

    def cancel(self) -> None:
        """End what is still being tried."""
        for task in self._tasks:
            task.cancel()

    def keep(self, key: str, value: bytes | None) -> None:
        """Write a fact (None: it is over) without waiting for the disk: who found it has to switch off first."""
        self._waiting[key] = value
        task = asyncio.get_running_loop().create_task(self._write(key), name="facts of the cabinet")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, key: str) -> None:
        while key in self._waiting:
            value = self._waiting[key]
            try:
                await self._books.write(facts={key: value})
            except CannotRecord as error:
                log.error("%s cannot be kept now: %s", key, error)
                await asyncio.sleep(RETRY_S)
            else:
                if self._waiting.get(key, b"") == value:
                    self._waiting.pop(key, None)

    async def _write_now(self, facts: Facts) -> None:
        """Raises CannotRecord; what waited for the disk goes on waiting then, else it is out of date."""
        waited = {key: self._waiting.pop(key) for key in facts if key in self._waiting}
        try:
            await self._books.write(facts=facts)
        except CannotRecord:
            for key in waited.keys() - self._waiting.keys():
                self.keep(key, waited[key])
            raise


def _without(key: str) -> Facts:
    return {key: None, f"{ASIDE}{key}": None}


def _fault_in(facts: Mapping[str, bytes], name: str) -> Cause:
    """What is latched of an output. One that cannot be read is as if it were welded."""
    key = f"{FAULT}{name}"
    if key in facts:
        return read_word(key, facts[key], Cause) or Cause.CONTACTOR_WELDED
    return Cause.CONTACTOR_WELDED if f"{ASIDE}{key}" in facts else Cause.NONE
