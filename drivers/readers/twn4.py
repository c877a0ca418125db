"""Elatec TWN4 by USB (CDC): cards of 125 kHz and 13.56 MHz, by its simple protocol or its standard output.

Source: public clients; not checked against the maker's manual. With the simple protocol (firmware of that name) it
is asked for cards, lights up and sounds; with the standard firmware it says each number once as a line.

Quirks: firmware and protocol are chosen with the maker's tool; `protocol` must say the same. Type codes, lights and the
question for its version are from memory: a version that it does not tell is left out. There is no check sum.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import AsyncIterator
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs import twn4
from drivers.codecs.modbus import Carrier
from drivers.codecs.wiegand import Lines, Sends
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.interfaces import Card, CardReader, CardSignal, Identity, ReaderHealth
from drivers.ports.port import Port
from drivers.ports.wire import Wire
from drivers.readers.listening import ListeningReader
from drivers.readers.numbers import ByteOrder, ByteOrderOption, Family, Form, FormOption, Writing, card_of, key_of
from drivers.readers.presence import Presence

log = logging.getLogger(__name__)

ANSWER_S = 0.5
TONE_S = 1.5
"""A tone is answered when it is over."""
MISSES = 3
POLL_S = 0.1
GONE_AFTER_S = 0.6
LISTENED_GONE_AFTER_S = 1.5
MOST_LINES = 16

FAMILIES: dict[int, tuple[Family, str]] = {
    0x40: (Family.EM4100, "EM4102"),
    0x49: (Family.OTHER, "HID Prox"),
    0x80: (Family.ISO14443A, "ISO 14443 A"),
    0x81: (Family.ISO14443B, "ISO 14443 B"),
    0x82: (Family.ISO15693, "ISO 15693"),
    0x85: (Family.FELICA, "FeliCa"),
}
"""Type code -> family and its name."""


class Protocol(enum.StrEnum):
    SIMPLE = "simple"
    STANDARD = "standard"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "reader"
    port: str = ""
    protocol: Annotated[
        Protocol, Meta(description="its firmware: simple protocol (asked by us), or standard (a line for each card)")
    ] = Protocol.SIMPLE
    byte_order: ByteOrderOption = ByteOrder.NORMAL
    form: FormOption = Form.HEX
    sound: Annotated[bool, Meta(description="simple protocol: tones say what came of a card")] = True
    lights: Annotated[bool, Meta(description="simple protocol: its red and green light (pins 0 and 1) say so")] = True


ABOUT = About(
    vendor="Elatec",
    models=("TWN4 MultiTech", "TWN3 with ASCII output"),
    ports=("serial", "tcp"),
    lines=(Line(115200), Line(9600)),
    abilities=("125 kHz and 13.56 MHz", "lights", "tones", "recognised"),
    source="public clients of the simple protocol",
    confidence=0,
    quirks=(
        "the option protocol must be that of its firmware",
        "not checked against the maker's manual: try one card of each kind",
    ),
    is_modbus=False,
)

TONES: dict[CardSignal, tuple[bytes, ...]] = {
    CardSignal.WAIT: (twn4.beep(2400, 40, 10),),
    CardSignal.ACCEPTED: (twn4.beep(2400, 120, 40), twn4.beep(3000, 160, 10)),
    CardSignal.REFUSED: (twn4.beep(900, 150, 80),) * 3,
}
LIGHTS = {CardSignal.ACCEPTED: twn4.GREEN, CardSignal.REFUSED: twn4.RED}


def open_device(settings: Settings, wire: Wire) -> CardReader:
    """The reader at the far end of `wire`, which it opens itself."""
    if settings.protocol is Protocol.SIMPLE:
        return Twn4Reader(settings, wire)
    return ListeningReader(
        settings.name,
        wire,
        Lines(Sends.HEX),
        identity=Identity(vendor="Elatec", model="TWN4"),
        family=Family.OTHER,
        writing=Writing(settings.byte_order, settings.form),
        gone_after_s=LISTENED_GONE_AFTER_S,
    )


class _AskVersion:
    """The question by which it is known."""

    device = "twn4"

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return twn4.encode(twn4.GET_VERSION)

    def answer(self, data: bytes) -> Identity | None:
        for line in data.split(b"\r")[:-1]:
            version = twn4.decode_version(twn4.decode(line.strip(b"\n")) or b"")
            if version.startswith("TWN"):
                return identity_of(version)
        return None

    def __str__(self) -> str:
        return "version of a TWN4"


async def recognise(port: Port, address: int) -> Identity | None:
    """By its version text. Raises NoAnswer."""
    try:
        return await port.ask(_AskVersion(), timeout_s=0.3)
    except (BadFrame, Refused):
        return None


def identity_of(version: str) -> Identity:
    """Of a text such as `TWN4/B1.50/NCF3.40/PRS1.04`."""
    model, _, rest = version.partition("/")
    return Identity(vendor="Elatec", model=model or "TWN4", firmware_version=rest)


class Twn4Reader:
    """One reader with the simple protocol, polled by us."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self.name = settings.name
        self._settings = settings
        self._wire = wire
        self._writing = Writing(settings.byte_order, settings.form)
        self._where = f"reader '{settings.name}' ({wire.where})"
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._data = b""
        self._turn = asyncio.Lock()
        self._identity = Identity(vendor="Elatec", model="TWN4")
        self._presence = Presence(GONE_AFTER_S)
        self._heard_s: float | None = None
        self._polls = self._errors = self._refused = 0
        self._has_lights = settings.lights

    def health(self) -> ReaderHealth:
        return ReaderHealth(
            identity=self._identity,
            heard_s=self._heard_s,
            polls=self._polls,
            errors=self._errors,
            refused=self._refused,
            place=self._wire.where,
        )

    async def cards(self) -> AsyncIterator[Card]:
        """Each card once when it is put on; opens the wire, closes it at the end. Raises NoAnswer when it is lost, or
        answers no more."""
        loop = asyncio.get_running_loop()
        self._data = b""
        try:
            try:
                await self._wire.open(self._received, lambda: self._lines.put_nowait(None))
            except OSError as error:
                raise NoAnswer(f"{self._where}: {error}") from None
            await self._set_up()
            misses = 0
            while True:
                begun_s = loop.time()
                try:
                    tag = await self._look()
                except DeviceError as error:
                    self._errors += 1
                    misses += 1
                    if misses >= MISSES or not self._wire.is_open:
                        raise NoAnswer(f"{self._where}: {error}") from None
                    continue
                misses = 0
                card = self._new(tag, round(1000 * (loop.time() - begun_s), 1))
                if card is not None:
                    yield card
                await asyncio.sleep(POLL_S)
        finally:
            with contextlib.suppress(OSError):
                self._wire.close()

    async def signal(self, signal: CardSignal) -> None:
        """Light and tones. Raises NoAnswer, Refused."""
        pins = LIGHTS.get(signal)
        if self._has_lights:
            await self._order(twn4.LIGHTS_OUT)
            if pins is not None:
                await self._order(twn4.light(pins))
        for tone in TONES[signal] if self._settings.sound else ():
            await self._order(tone)

    def _new(self, tag: twn4.Tag | None, read_ms: float) -> Card | None:
        now_s = asyncio.get_running_loop().time()
        if tag is None:
            self._presence.seen((), now_s)
            return None
        family, kind = FAMILIES.get(tag.type, (Family.OTHER, f"type {tag.type:02X}"))
        card = card_of(tag.number, self._writing, family, kind, read_ms)
        return card if self._presence.seen((key_of(card),), now_s) else None

    async def _set_up(self) -> None:
        """Its version, where it tells one, and its lights. Raises NoAnswer."""
        for _ in range(MISSES):
            try:
                version = twn4.decode_version(await self._ask(twn4.GET_VERSION, ANSWER_S))
                break
            except NoAnswer as error:
                self._errors += 1
                last = error
        else:
            raise NoAnswer(f"{self._where}: {last}")
        if version:
            self._identity = identity_of(version)
        self._heard_s = asyncio.get_running_loop().time()
        if self._has_lights:
            try:
                await self._order(twn4.LIGHTS_SET_UP)
                await self._order(twn4.LIGHTS_OUT)
            except Refused as error:
                log.info("%s: no lights: %s", self._where, error)
                self._has_lights = False

    async def _look(self) -> twn4.Tag | None:
        self._polls += 1
        answer = await self._ask(twn4.SEARCH_TAG, ANSWER_S)
        try:
            tag = twn4.decode_tag(answer)
        except ValueError as error:
            self._refused += 1
            raise BadFrame(str(error)) from None
        self._heard_s = asyncio.get_running_loop().time()
        return tag

    async def _order(self, command: bytes) -> None:
        answer = await self._ask(command, TONE_S)
        if answer[:1] != b"\x00":
            raise Refused(f"{self._where}: {command.hex(' ')} is answered with {answer[:1].hex() or 'nothing'}")

    async def _ask(self, command: bytes, within_s: float) -> bytes:
        """One question at a time. Raises NoAnswer."""
        async with self._turn:
            while not self._lines.empty():
                if self._lines.get_nowait() is None:
                    raise NoAnswer(self._wire.error)
            try:
                self._wire.write(twn4.encode(command))
            except OSError as error:
                raise NoAnswer(str(error)) from None
            try:
                async with asyncio.timeout(within_s):
                    while True:
                        line = await self._lines.get()
                        if line is None:
                            raise NoAnswer(self._wire.error)
                        answer = twn4.decode(line)
                        if answer is not None:
                            return answer
                        self._refused += 1
            except TimeoutError:
                raise NoAnswer("no answer") from None

    def _received(self, data: bytes) -> None:
        parts = (self._data + data).replace(b"\n", b"").split(b"\r")
        self._data = parts.pop()[-twn4.MOST_LINE :]
        for part in parts:
            if self._lines.qsize() < MOST_LINES:
                self._lines.put_nowait(part[: twn4.MOST_LINE + 1])
