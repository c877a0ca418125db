"""Meter values that the central system refused for good: kept, shown, and told when somebody asks for it (R10).

They stay in the station's history, which forgets none that a cursor has not passed; here are only the ranges of their
numbers. They hold back nothing, not even the StopTransaction of their own session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from chargepoint.bus import Bus
from chargepoint.messages import ReadSamples
from chargepoint.records import Sample
from ocpp_client.backlog import SAMPLE_PAGE, STATION
from ocpp_client.rpc import NoAnswer, Refused, Unsendable
from ocpp_client.store import Store
from ocpp_client.store_rows import AsideRange

log = logging.getLogger(__name__)

MOST_RANGES = 2000
"""More are not kept: the oldest is given up then, and that is said."""
SAVE_EVERY = 50


class Teller(Protocol):
    """What is needed of the one who tells; see `outbox.Teller`."""

    async def tell_sample(self, sample: Sample, *, is_late: bool = False) -> None: ...


OnFailure = Callable[[int, int, str], None]
"""Hears session, connector and a sentence for people."""


class SetAside:
    """All ranges of a store. Methods that change one return when that is durable."""

    def __init__(self, bus: Bus, store: Store, teller: Teller, on_failure: OnFailure) -> None:
        self._bus = bus
        self._store = store
        self._teller = teller
        self._on_failure = on_failure
        self._wanted: list[AsideRange] = []

    @property
    def samples(self) -> int:
        """How many meter values are set aside."""
        return sum(one.samples for one in self._store.aside)

    @property
    def has_work(self) -> bool:
        """Whether some are to be told again."""
        return bool(self._wanted)

    async def add(self, new: AsideRange) -> None:
        """Set a range aside. One that goes on where another of its session ends becomes part of that."""
        for known in self._store.aside:
            if known.session_id == new.session_id and known.up_to == new.after and known not in self._wanted:
                known.up_to, known.samples, known.error = new.up_to, known.samples + new.samples, new.error
                await self._store.save_aside(known)
                return
        if len(self._store.aside) >= MOST_RANGES:
            oldest = self._store.aside[0]
            text = f"{oldest.samples} meter values set aside are given up: more than {MOST_RANGES} ranges are kept"
            self._on_failure(oldest.session_id, oldest.connector, text)
            await self._drop(oldest)
        self._store.aside.append(new)
        await self._store.save_aside(new)

    def resend(self, session_id: int | None = None) -> set[int]:
        """Tell them again, of one session or of all; the sessions concerned."""
        wanted = [one for one in self._store.aside if session_id in (None, one.session_id)]
        self._wanted += [one for one in wanted if one not in self._wanted]
        return {one.session_id for one in wanted}

    async def step(self) -> None:
        """One page of what is wanted again. Raises LinkLost and what the bus raises."""
        one = self._wanted[0]
        reply = await self._bus.call(
            STATION, ReadSamples(after=one.after, session_id=one.session_id, limit=min(SAVE_EVERY, SAMPLE_PAGE))
        )
        samples = [sample for sample in reply.samples if sample.number <= one.up_to]
        for sample in samples:
            try:
                await self._teller.tell_sample(sample, is_late=True)
            except (Refused, NoAnswer, Unsendable) as error:
                one.error = str(error)
                self._wanted.remove(one)
                await self._store.save_aside(one)
                self._on_failure(
                    one.session_id, one.connector, f"{one.samples} meter values are refused again: {error}"
                )
                return
            one.after, one.samples = sample.number, max(0, one.samples - 1)
        if samples:
            await self._store.save_aside(one)
        else:
            await self._drop(one)
            log.info("session %d: meter values that were set aside are told", one.session_id)

    async def _drop(self, one: AsideRange) -> None:
        if one in self._wanted:
            self._wanted.remove(one)
        self._store.aside.remove(one)
        await self._store.drop_aside(one)
