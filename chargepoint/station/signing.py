"""Signed sessions of a meter, carried along the transactions of its connector and never in their way (R12).

The meter's session begins when the transaction is on record, and power waits a moment for it; it ends when power is
off, and the transaction's end waits a moment for the signed record, which then stands in its last sample. What does not
come in time is noted and missing: nothing is made up in its place. That a session was begun is on record, so that a
restart of this software finds it again; the meter knows it by its name.
"""

from __future__ import annotations

import asyncio
import enum
import logging

from chargepoint.clock import Clock
from chargepoint.records import Session
from chargepoint.station.asking import asked
from chargepoint.station.bookkeeping import Books
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType
from drivers.errors import DeviceError, Refused
from drivers.interfaces import SessionReference, SignsSessions

log = logging.getLogger(__name__)

BEGIN_WITHIN_S = 5.0
"""Power waits so long for the meter's session to begin."""
END_WITHIN_S = 15.0
"""And the end of a transaction so long for the signed record."""
ASK_AGAIN_S = 0.5
REFUSALS = 3
"""A meter that has just been switched on, or is busy, refuses as one does that cannot: so often it is asked."""
FACT = "signing/"


class Step(enum.Enum):
    """How far the meter's session is."""

    NONE = "no session"
    BEGINNING = "is asked to begin"
    RUNS = "runs, or may run"
    FAILED = "was refused"
    ENDING = "is asked to end"
    ENDED = "has ended, with a record or without"


class Signing:
    """The signed sessions of the meter `name` at `connector`. `run` must be running."""

    def __init__(self, name: str, connector: int, meter: SignsSessions, station: str, books: Books, clock: Clock):
        self.record: bytes | None = None
        """The signed record of the session that has ended last, until the next begins."""
        self.step = Step.NONE
        self._name = name
        self._connector = connector
        self._meter = meter
        self._station = station
        self._books = books
        self._clock = clock
        self._session: Session | None = None
        self._until_s = 0.0
        self._wake = asyncio.Event()

    @property
    def is_beginning(self) -> bool:
        """Whether power should still wait for the meter."""
        return self.step is Step.BEGINNING and self._clock.mono() < self._until_s

    def begin(self, session: Session) -> None:
        """The transaction of `session` is on record: let the meter begin."""
        self.record = None
        self._go(Step.BEGINNING, session, BEGIN_WITHIN_S)

    async def resume(self, session: Session) -> None:
        """A transaction goes on that an earlier run of this software began."""
        try:
            kept = await self._books.journal.fact(self._fact)
        except CannotRecord:
            kept = None
        if kept == b"%d" % session.session_id:
            self._session, self.step = session, Step.RUNS
        else:
            self.begin(session)

    def has_ended(self, session: Session) -> bool:
        """Power is off: let the meter end, and say whether that is done, or has been waited for long enough."""
        if self.step is Step.FAILED:
            return True
        if self.step not in (Step.ENDING, Step.ENDED):
            self.record = None
            self._go(Step.ENDING, session, END_WITHIN_S)
        return self.step is Step.ENDED or self._clock.mono() >= self._until_s

    async def finished(self) -> None:
        """The end of the transaction is on record."""
        if self.step is Step.ENDING:
            self.step = Step.ENDED  # too late: what comes now belongs to nothing
        await self._keep(None)

    async def run(self) -> None:
        """Talk to the meter when there is something to say; runs until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.step is Step.BEGINNING:
                await self._begin()
            if self.step is Step.ENDING:
                await self._end()

    # ------------------------------------------------------------------------------------------------------ inside

    def _go(self, step: Step, session: Session, within_s: float) -> None:
        self.step, self._session = step, session
        self._until_s = self._clock.mono() + within_s
        self._wake.set()

    async def _begin(self) -> None:
        session, refusals = self._session, 0
        while session is not None and self._is_at(Step.BEGINNING, session):
            try:
                await asked(self._meter.begin_session(self._reference(session)), f"meter '{self._name}'")
            except DeviceError as error:
                refusals += isinstance(error, Refused)
                if not self._is_at(Step.BEGINNING, session):
                    return
                if refusals >= REFUSALS:
                    self._fail(session, "it does not begin its signed session", error)
                    self.step = Step.FAILED
                elif self._clock.mono() >= self._until_s:
                    self._fail(session, "it does not say whether its signed session has begun", error)
                    self.step = Step.RUNS
                else:
                    await asyncio.sleep(ASK_AGAIN_S)
                continue
            log.info("meter '%s': signed session %s begins", self._name, self._reference(session).transaction)
            if self._session is session:
                await self._keep(b"%d" % session.session_id)
            if self._is_at(Step.BEGINNING, session):
                self.step = Step.RUNS

    async def _end(self) -> None:
        session, refusals = self._session, 0
        while session is not None and self._is_at(Step.ENDING, session):
            try:
                record = await asked(self._meter.end_session(self._reference(session)), f"meter '{self._name}'")
            except DeviceError as error:
                refusals += isinstance(error, Refused)
                is_over = refusals >= REFUSALS or self._clock.mono() >= self._until_s
                if is_over and self._session is session:
                    self._fail(session, "there is no signed record of this transaction", error)
                    self.step = Step.ENDED
                    return
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            if self._is_at(Step.ENDING, session):
                log.info(
                    "meter '%s': signed record of session %d, %d bytes", self._name, session.session_id, len(record)
                )
                self.record, self.step = record, Step.ENDED
            return

    def _is_at(self, step: Step, session: Session) -> bool:
        """Whether this is still what is to be done: while the meter is asked, the next transaction may have begun."""
        return self.step is step and self._session is session

    def _reference(self, session: Session) -> SessionReference:
        return SessionReference(
            transaction=f"{session.created.boot_id[:8]}-{session.session_id}",
            evse=f"{self._station}-{self._connector}",
            client=session.starter.value if session.starter is not None else "",
            at=self._clock.now() if self._clock.is_set else None,
        )

    def _fail(self, session: Session, what: str, error: DeviceError) -> None:
        text = f"meter '{self._name}': {what}: {error}"
        log.warning("%s", text)
        self._books.note(
            EventType.DEVICE_STATE, "Error", error=text, connector=self._connector, session_id=session.session_id
        )

    @property
    def _fact(self) -> str:
        return f"{FACT}{self._connector}"

    async def _keep(self, value: bytes | None) -> None:
        try:
            await self._books.write(facts={self._fact: value})
        except CannotRecord as error:
            log.debug("meter '%s': that its session was begun is not on record: %s", self._name, error)
