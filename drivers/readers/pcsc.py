"""Readers of the PC/SC service (pcscd): ACS ACR122U, ACR1252 and relatives, HID Omnikey, and others that do the same.

Source: PC/SC part 3 (number of a card: `FF CA 00 00 00`, kinds of cards by their ATR); pyscard; ACS's manuals for
lights and buzzers. Cards are waited for by SCardGetStatusChange in a thread of its own; a card counts once until it was
taken away.

Quirks: needs pcscd and the package pyscard (extra `readers`). Without a card, lights and buzzer of an ACR122U, and
always those of the newer ones, are reached only when the driver of the PC/SC service allows escape commands (option
ifdDriverOptions 0x0001 of libccid). A reader in the hands of another program cannot be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from msgspec import Meta, Struct

from drivers.about import About
from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardReader, CardSignal, ReaderHealth
from drivers.readers.numbers import ByteOrder, ByteOrderOption, Form, FormOption, Writing
from drivers.readers.pcsc_signals import Model
from drivers.readers.pcsc_watch import Watch

SILENT_S = 10.0
"""A PC/SC service that lets a question of half a second wait this long hangs."""
END_S = 3.0
MOST_WAITING = 32


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "reader"
    port: str = ""
    reader: Annotated[
        str, Meta(min_length=1, description="name of the reader at the PC/SC service, with * and ?, as `ACS ACR122U*`")
    ] = "*"
    model: Annotated[
        Model, Meta(description="for lights and buzzer: auto goes by the reader's name; plain leaves them alone")
    ] = Model.AUTO
    keep_beep: Annotated[
        bool, Meta(description="leave the reader's own tone at each card on (ACR122U, ACR1252 and relatives)")
    ] = False
    byte_order: ByteOrderOption = ByteOrder.NORMAL
    form: FormOption = Form.HEX


ABOUT = About(
    vendor="ACS, HID and others",
    models=("ACR122U", "ACR1251, ACR1252, ACR1255, ACR1281, ACR1552", "every PC/SC reader of contactless cards"),
    ports=(),
    abilities=("ISO 14443, FeliCa, ISO 15693", "kind of card", "lights and buzzer of ACS readers", "recognised"),
    source="PC/SC part 3; pyscard; ACS manuals and public code",
    confidence=2,
    quirks=(
        "needs pcscd and the package pyscard: pip install chargepoint[readers]; it has no [[port]]",
        "where the system asks polkit who may use readers, the station's account has to be allowed",
        "two [[reader]] sections need patterns (option reader) that fit different readers",
        "lights and buzzer: escape commands must be allowed in the driver of the PC/SC service (libccid: "
        "ifdDriverOptions 0x0001); of an ACR122U they work without that while a card lies there",
        "proven with pcscd and a virtual reader; lights and buzzer by their published bytes alone",
    ),
    is_modbus=False,
)


def scard() -> Any:
    """The functions of the PC/SC service. Raises NoAnswer when the package is not installed."""
    try:
        from smartcard import scard as functions
    except ImportError as error:
        raise NoAnswer(
            f"driver pcsc needs the package pyscard ({error}). Install the extra `readers`: "
            "pip install 'chargepoint[readers]'"
        ) from None
    return functions


def present_readers() -> tuple[str, ...]:
    """Names of all readers at the PC/SC service of this machine. Blocks. Raises NoAnswer."""
    functions = scard()
    result, context = functions.SCardEstablishContext(functions.SCARD_SCOPE_SYSTEM)
    if result != functions.SCARD_S_SUCCESS:
        raise NoAnswer(str(functions.SCardGetErrorMessage(result)))
    try:
        result, names = functions.SCardListReaders(context, [])
    finally:
        functions.SCardReleaseContext(context)
    return tuple(sorted(names)) if result == functions.SCARD_S_SUCCESS else ()


def open_device(settings: Settings, wire: object = None) -> CardReader:
    """The reader; the PC/SC service is asked when cards are wanted."""
    return PcscReader(settings)


class PcscReader:
    """One reader. Each run of `cards` has a thread; the next one waits until that of the one before has ended."""

    def __init__(self, settings: Settings, functions: Any = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._functions = functions
        self._watch: Watch | None = None
        self._thread: threading.Thread | None = None
        self._before = ReaderHealth()

    def health(self) -> ReaderHealth:
        watch = self._watch
        if watch is None:
            return self._before
        return ReaderHealth(
            identity=watch.identity,
            heard_s=watch.heard_s if watch.heard_s is not None else self._before.heard_s,
            polls=self._before.polls + watch.polls,
            errors=self._before.errors + watch.errors,
            refused=self._before.refused + watch.refused,
            place=watch.name or self._settings.reader,
        )

    async def signal(self, signal: CardSignal) -> None:
        """Hand it to the thread. Readers without lights and buzzer do nothing."""
        if self._watch is not None:
            self._watch.signal(signal)

    async def cards(self) -> AsyncIterator[Card]:
        """Each card once when it is put on. Raises NoAnswer when the service or the reader is gone."""
        loop = asyncio.get_running_loop()
        await self._before_ended()
        functions = self._functions or scard()
        waiting: asyncio.Queue[Card | str] = asyncio.Queue()

        def put(item: Card | str) -> None:
            if isinstance(item, str) or waiting.qsize() < MOST_WAITING:
                waiting.put_nowait(item)

        def tell(item: Card | str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before the thread
                loop.call_soon_threadsafe(put, item)

        watch = Watch(
            functions,
            pattern=self._settings.reader,
            model=self._settings.model,
            keeps_own_beep=self._settings.keep_beep,
            writing=Writing(self._settings.byte_order, self._settings.form),
            tell=tell,
            lost=tell,
        )
        self._before, self._watch = self.health(), watch
        begun_s = time.monotonic()
        self._thread = threading.Thread(target=watch.run, name=f"PC/SC {self.name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # the process may have no more
            self._thread = None
            raise NoAnswer(f"reader '{self.name}': {error}") from None
        try:
            while True:
                try:
                    async with asyncio.timeout(SILENT_S / 4):
                        item = await waiting.get()
                except TimeoutError:
                    if time.monotonic() - (watch.heard_s or begun_s) > SILENT_S:
                        raise NoAnswer(f"reader '{self.name}': pcscd does not answer any more") from None
                    continue
                if isinstance(item, str):
                    raise NoAnswer(f"reader '{self.name}': {item or 'stopped'}")
                yield item
        finally:
            watch.stop()

    async def _before_ended(self) -> None:
        """Raises NoAnswer while the thread before hangs, so that there is never more than one."""
        begun_s = time.monotonic()
        while self._thread is not None and self._thread.is_alive():
            if time.monotonic() - begun_s > END_S:
                raise NoAnswer(f"reader '{self.name}': a question to pcscd is still not answered")
            await asyncio.sleep(0.05)
