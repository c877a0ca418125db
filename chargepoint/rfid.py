"""The service `rfid`: cards held to the readers are presented to `station`, in order, none dropped.

A reader hands over its next card only when the one before was dealt with, so nothing piles up here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.config import ReaderSettings
from chargepoint.context import Context
from chargepoint.masking import mask
from chargepoint.messages import ActionResult, CardOutcome, Noted, PresentCard, ReaderState, RestartReader
from chargepoint.vocabulary import EventType
from drivers.errors import DeviceError
from drivers.interfaces import Card, CardReader
from drivers.loading import load

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""A card is presented again for this long while the station is restarting; then its holder must hold it on again."""
RETRY_S = 0.1
SURE_S = 1.0
"""A reader that did not fail within this time after it was opened answers."""
REOPEN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
RESTART_S = 3.0
MAX_UID = 20


async def run(context: Context) -> None:
    """Serve all [[reader]] sections until asked to stop. Raises UnknownDriver."""
    readers = {
        settings.name: Reader(settings, open_reader(context, settings), context.bus)
        for settings in context.settings.reader
    }

    async def restart(request: RestartReader, _sender: str) -> ActionResult:
        reader = readers.get(request.name)
        if reader is None:
            known = ", ".join(readers) or "none"
            return ActionResult(
                ok=False, code="unknown_reader", text=f"There is no reader {request.name[:40]!r}, only: {known}."
            )
        return await reader.restart()

    context.bus.serve(RestartReader, restart)
    tasks = [asyncio.create_task(reader.run(), name=f"reader {name}") for name, reader in readers.items()]
    context.ready()
    living = asyncio.create_task(context.beat_until_stopped(), name="beat")
    try:
        await asyncio.wait({living, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a reader's loop never ends by itself: whatever ended it ends this service
                raise RuntimeError(f"{task.get_name()} ended by itself")
        await living
    finally:
        for task in (living, *tasks):
            task.cancel()
        await asyncio.gather(living, *tasks, return_exceptions=True)


def open_reader(context: Context, settings: ReaderSettings) -> CardReader:
    """The device of a [[reader]] section. Raises UnknownDriver."""
    driver = load("readers", settings.driver)
    port = next((port for port in context.settings.port if port.name == settings.port), None)
    wire = context.wire_for(port) if port is not None else None
    reader: CardReader = driver.open_device(driver.Settings(name=settings.name, port=settings.port), wire)
    return reader


class Reader:
    """One card reader: reads, presents, tells its state (topic `reader/NAME`), opens itself again."""

    def __init__(self, settings: ReaderSettings, device: CardReader, bus: Bus) -> None:
        self._settings = settings
        self._device = device
        self._bus = bus
        self._reading: asyncio.Task[None] | None = None
        self._answers = asyncio.Event()
        self._cards = 0
        self._error = "not opened yet"

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            cards_before = self._cards
            self._reading = asyncio.create_task(self._read(), name=f"cards of {self._settings.name}")
            try:
                await asyncio.wait({self._reading})
            finally:
                self._reading.cancel()
            was_answering = self._answers.is_set()
            self._answers.clear()
            if self._reading.cancelled():  # restart was asked
                failures = 0
                continue
            error = self._reading.exception()
            if error is not None and not isinstance(error, DeviceError):
                raise error
            failures = 0 if was_answering or self._cards > cards_before else failures
            self._tell(str(error or "the driver ended"))
            await asyncio.sleep(REOPEN_S[min(failures, len(REOPEN_S) - 1)])
            failures += 1

    async def restart(self) -> ActionResult:
        """Close and open it again; ok when it then answers."""
        log.info("reader '%s': restart asked", self._settings.name)
        self._answers.clear()
        if self._reading is not None:
            self._reading.cancel()
        try:
            async with asyncio.timeout(RESTART_S):
                await self._answers.wait()
        except TimeoutError:
            return ActionResult(ok=False, code="no_answer", text=f"The reader does not answer: {self._error}")
        return ActionResult(ok=True, code="ok", text="The reader answers.")

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
                            self._tell("")
                        is_first = False
                    card = await coming
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.gather(coming, return_exceptions=True)
                self._cards += 1
                self._tell("")
                await self._present(card)
        except StopAsyncIteration:
            return
        finally:
            if (close := getattr(cards, "aclose", None)) is not None:
                await close()

    async def _present(self, card: Card) -> None:
        """Tell the station. What becomes of the card it tells everybody itself."""
        shown = f"card {mask(card.uid)} at reader '{self._settings.name}'"
        if not 0 < len(card.uid) <= MAX_UID:
            log.warning("%s: a number of %d characters is none; refused", shown, len(card.uid))
            return
        request = PresentCard(
            reader=self._settings.name,
            uid=card.uid,
            connectors=card.connectors or self._settings.connectors,
        )
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while True:
            try:
                outcome: CardOutcome = await self._bus.call("station", request, timeout_s=PATIENCE_S)
                log.info("%s: %s", shown, outcome.outcome)
                return
            except Unavailable as error:
                # held on again it might stop what it has just started: only a card that never arrived is told again
                if error.maybe_done or loop.time() + RETRY_S >= until_s or self._bus.closed.is_set():
                    self._note_lost(shown, str(error))
                    return
                await asyncio.sleep(RETRY_S)
            except (CallFailed, TimeoutError) as error:
                self._note_lost(shown, str(error))
                return

    def _note_lost(self, shown: str, error: str) -> None:
        log.error("%s: the station did not take it: %s", shown, error)
        self._bus.publish(
            Noted(event_type=EventType.DEVICE_STATE, action="Error", message=f"{shown}: not taken", error=error)
        )

    def _tell(self, error: str) -> None:
        is_answering = not error
        was_answering = self._answers.is_set()
        if is_answering:
            self._answers.set()
        else:
            self._answers.clear()
        if is_answering != was_answering or error != self._error:
            name = self._settings.name
            if is_answering and not was_answering:
                log.info("reader '%s': answers", name)
            elif error != self._error:
                log.warning("reader '%s': does not answer: %s", name, error)
            if was_answering != is_answering:
                action = "Success" if is_answering else "Error"
                message = f"reader '{name}' {'answers' if is_answering else 'does not answer'}"
                self._bus.publish(Noted(event_type=EventType.DEVICE_STATE, action=action, message=message, error=error))
        self._error = error
        self._bus.set_state(
            f"reader/{self._settings.name}",
            ReaderState(name=self._settings.name, is_answering=is_answering, cards=self._cards, error=error),
        )
