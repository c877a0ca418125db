"""One card reader of the service `rfid`: reads, presents, signals, tells its state, opens itself again.

Cards are presented one after the other, each at most for `PATIENCE_S` before the next; what the station settles later
still shows at the reader. Cards that come faster than people can hold them to it wait in one place, the newest in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.card_rules import Admission
from chargepoint.clock import Clock
from chargepoint.config import ReaderSettings
from chargepoint.masking import mask
from chargepoint.messages import ActionResult, CardOutcome, Noted, PresentCard
from chargepoint.rfid_health import SILENT_S, Health
from chargepoint.rfid_test import CHECK_S, ReaderTest
from chargepoint.vocabulary import CardReason, EventType
from drivers.errors import DeviceError
from drivers.interfaces import Card, CardReader, CardSignal, SignalsCards
from drivers.readers.numbers import RANDOM, TOO_LONG

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""A card is presented again for this long while the station is restarting; then its holder must hold it on again. And
so long the next card waits for the outcome of this one."""
ANSWER_S = 45.0
"""The station may have to ask the central system, which may take its time."""
RETRY_S = 0.1
SURE_S = 1.0
"""A reader that did not fail within this time after it was opened answers."""
REOPEN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
RESTART_S = 3.0
MAX_UID = 20
MOST_WAITING = 8
MOST_OPEN = 8
"""Cards whose outcome is still awaited while the next ones are presented."""
MOST_SIGNALS = 4
GOOD = frozenset({"started", "waiting_for_ev", "stopped", "choose", "own_session"})
"""Outcomes that sound like a yes."""


class Reader:
    """A card reader and its loops."""

    def __init__(self, settings: ReaderSettings, device: CardReader, bus: Bus, clock: Clock) -> None:
        self._settings = settings
        self._device = device
        self._bus = bus
        self._health = Health(settings, device, bus, clock)
        self._test = ReaderTest(settings.name, bus)
        self._admission = Admission()
        self._waiting: deque[Card] = deque()
        self._late: Card | None = None
        self._came = asyncio.Event()
        self._presented: dict[str, asyncio.Task[None]] = {}
        self._signals: asyncio.Queue[CardSignal] = asyncio.Queue(MOST_SIGNALS)
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._keep_open, self._present_all, self._signal_all, self._watch):
                    group.create_task(work(), name=f"reader {self._settings.name}: {work.__name__.strip('_')}")
        finally:
            for task in self._presented.values():
                task.cancel()
            await asyncio.gather(*self._presented.values(), return_exceptions=True)

    # --------------------------------------------------------------------------------------------- what is asked

    async def restart(self) -> ActionResult:
        """Close and open it again; ok when it then answers."""
        log.info("reader '%s': restart asked", self._settings.name)
        self._health.answers.clear()
        if self._reading is not None:
            self._reading.cancel()
        try:
            async with asyncio.timeout(RESTART_S):
                await self._health.answers.wait()
        except TimeoutError:
            return ActionResult(ok=False, code="no_answer", text=f"The reader does not answer: {self._health.error}")
        return ActionResult(ok=True, code="ok", text="The reader answers.")

    def test(self, on: bool, by: str) -> None:
        """Cards mean nothing for a minute, or again what they mean."""
        self._test.turn(on, by)
        self._tell_health()

    async def check(self, by: str) -> ActionResult:
        """Three good readings within 10 s."""
        if not self._health.answers.is_set():
            return ActionResult(ok=False, code="no_reader", text=f"The reader does not answer: {self._health.error}")
        self._health.tell(is_tested=True)
        try:
            return await self._test.check(by, CHECK_S)
        finally:
            self._tell_health()

    async def signal(self, signal: CardSignal) -> ActionResult:
        """Show it now."""
        if not isinstance(self._device, SignalsCards):
            return ActionResult(ok=False, code="no_sound", text="This reader has neither lights nor sound.")
        if not self._health.answers.is_set():
            return ActionResult(ok=False, code="no_answer", text=f"The reader does not answer: {self._health.error}")
        try:
            await self._device.signal(signal)
        except DeviceError as error:
            return ActionResult(ok=False, code="no_answer", text=str(error))
        return ActionResult(ok=True, code="ok")

    # --------------------------------------------------------------------------------------------------- reading

    async def _keep_open(self) -> None:
        failures = 0
        while True:
            cards_before = self._health.cards
            self._reading = asyncio.create_task(self._read(), name=f"cards of {self._settings.name}")
            try:
                await asyncio.wait({self._reading})
            finally:
                self._reading.cancel()
            was_answering = self._health.answers.is_set()
            self._health.answers.clear()
            if self._reading.cancelled():  # restart was asked
                failures = 0
                continue
            error = self._reading.exception()
            if error is not None and not isinstance(error, DeviceError):
                raise error
            failures = 0 if was_answering or self._health.cards > cards_before else failures
            self._health.set(str(error or "the driver ended"))
            self._tell_health()
            await asyncio.sleep(REOPEN_S[min(failures, len(REOPEN_S) - 1)])
            failures += 1

    async def _read(self) -> None:
        cards: AsyncIterator[Card] = aiter(self._device.cards())
        is_first = True
        try:
            while True:
                coming: asyncio.Future[Card] = asyncio.ensure_future(anext(cards))
                try:
                    if is_first:
                        await asyncio.wait({coming}, timeout=SURE_S)
                        if not coming.done() or coming.exception() is None:
                            self._health.set("")
                            self._tell_health()
                        is_first = False
                    card = await coming
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.gather(coming, return_exceptions=True)
                self._health.cards += 1
                self._health.set("")
                self._arrived(card)
                self._tell_health()
        except StopAsyncIteration:
            return
        finally:
            if (close := getattr(cards, "aclose", None)) is not None:
                await close()

    def _arrived(self, card: Card) -> None:
        """A card was read: it is presented in its turn, or waits as the newest of those that came too fast."""
        if self._test.is_on:
            self._test.take(card)
            return
        if not card.refusal and not 0 < len(card.uid) <= MAX_UID:
            log.warning("%s: a number of %d characters is none; refused", self._shown(card), len(card.uid))
            card = Card(uid="", connectors=card.connectors, refusal=TOO_LONG)
        now_s = asyncio.get_running_loop().time()
        if self._is_known(card):
            return
        if self._late is None and len(self._waiting) < MOST_WAITING and not self._admission.ready_in_s(now_s):
            self._admission.take(now_s)
            self._waiting.append(card)
        else:
            if self._late is not None:
                self._hold_back(1)
            self._late = card
        self._came.set()

    def _is_known(self, card: Card) -> bool:
        """Whether this very card is waiting or being checked already."""
        waiting = [*self._waiting, *(() if self._late is None else (self._late,))]
        return bool(card.uid) and (card.uid in self._presented or any(each.uid == card.uid for each in waiting))

    def _hold_back(self, number: int) -> None:
        if number and not self._health.held_back:
            log.warning(
                "reader '%s': cards come faster than people hold them to it; only the newest is checked. Further ones "
                "are only counted.",
                self._settings.name,
            )
        self._health.held_back += number

    # ------------------------------------------------------------------------------------------------ presenting

    async def _present_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._admission.is_slow and self._waiting:
                newest = self._late or self._waiting[-1]
                self._hold_back(len(self._waiting) - (self._late is None))
                self._waiting.clear()
                self._late = newest
            if self._waiting:
                await self._in_turn(self._waiting.popleft())
            elif self._late is not None:
                wait_s = self._admission.ready_in_s(loop.time())
                if wait_s:
                    await asyncio.sleep(wait_s)
                self._admission.take(loop.time())
                card, self._late = self._late, None
                await self._in_turn(card)
            else:
                self._came.clear()
                await self._came.wait()

    async def _in_turn(self, card: Card) -> None:
        """Present it; of one that takes longer than people wait in line the outcome comes later."""
        task = asyncio.create_task(self._present(card), name=f"a card of {self._settings.name}")
        key = card.uid or f"refused {id(task)}"
        self._presented[key] = task
        task.add_done_callback(lambda done: self._presented.pop(key, None))
        await asyncio.wait({task}, timeout=PATIENCE_S + RETRY_S)
        while len(self._presented) >= MOST_OPEN:
            await asyncio.wait(set(self._presented.values()), return_when=asyncio.FIRST_COMPLETED)

    async def _present(self, card: Card) -> None:
        """Tell the station. What becomes of the card it tells everybody itself."""
        shown = self._shown(card)
        request = PresentCard(
            reader=self._settings.name,
            uid=card.uid,
            connectors=card.connectors or self._settings.connectors,
            refusal=reason_of(card),
            text=card.refusal,
        )
        self._show(CardSignal.WAIT)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while True:
            try:
                outcome: CardOutcome = await self._bus.call("station", request, timeout_s=ANSWER_S)
            except Unavailable as error:
                # held on again it might stop what it has just started: only a card that never arrived is told again
                if error.maybe_done or loop.time() + RETRY_S >= until_s or self._bus.closed.is_set():
                    self._note_lost(shown, str(error))
                    return
                await asyncio.sleep(RETRY_S)
            except (CallFailed, TimeoutError) as error:
                self._note_lost(shown, str(error))
                return
            else:
                log.info("%s: %s", shown, outcome.outcome)
                if not card.refusal and outcome.outcome != "cancelled":  # nobody has learnt what it is good for
                    self._admission.settled(loop.time(), is_refused=outcome.outcome == "refused")
                self._show(CardSignal.ACCEPTED if outcome.outcome in GOOD else CardSignal.REFUSED)
                return

    def _note_lost(self, shown: str, error: str) -> None:
        log.error("%s: the station did not take it: %s", shown, error)
        self._show(CardSignal.REFUSED)
        self._bus.publish(
            Noted(event_type=EventType.DEVICE_STATE, action="Error", message=f"{shown}: not taken", error=error)
        )

    def _shown(self, card: Card) -> str:
        return f"card {mask(card.uid) or 'without a number'} at reader '{self._settings.name}'"

    # --------------------------------------------------------------------------------------- signals and health

    def _show(self, signal: CardSignal) -> None:
        if isinstance(self._device, SignalsCards) and not self._signals.full():
            self._signals.put_nowait(signal)

    async def _signal_all(self) -> None:
        while True:
            signal = await self._signals.get()
            device = self._device
            if isinstance(device, SignalsCards):
                try:
                    await device.signal(signal)
                except DeviceError as error:
                    log.debug("reader '%s': signal %s not shown: %s", self._settings.name, signal, error)

    async def _watch(self) -> None:
        """Look after the reader once a second: one that says nothing although it is polled is opened again."""
        while True:
            await asyncio.sleep(1.0)
            self._test.end_in_time()
            self._tell_health()
            silent_s = self._health.silent_s
            if silent_s is not None and silent_s > SILENT_S and self._health.answers.is_set():
                self._health.set(f"nothing heard of it for {silent_s:.0f} s")
                if self._reading is not None:
                    self._reading.cancel()

    def _tell_health(self) -> None:
        self._health.tell(is_tested=self._test.is_on)


def reason_of(card: Card) -> CardReason:
    """The word for screens that says why nobody may be authorised by a card."""
    if not card.refusal:
        return CardReason.NONE
    return CardReason.RANDOM if card.refusal == RANDOM else CardReason.UNREADABLE
