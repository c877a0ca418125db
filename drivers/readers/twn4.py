"""Elatec TWN4 by USB (CDC): cards of 125 kHz and 13.56 MHz, by its simple protocol or its standard output.

Source: public clients; not checked against the maker's manual. With the simple protocol (firmware of that name) it
is asked for cards, lights up and sounds; with the standard firmware it says each number once as a line.

Quirks: firmware and protocol are chosen with the maker's tool; `protocol` must say the same. Type codes, lights and the
question for its version are from memory: a version that it does not tell is left out. There is no check sum.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs import twn4
from drivers.codecs.modbus import Carrier
from drivers.codecs.wiegand import Lines, Sends
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Card, CardReader, CardSignal, Identity
from drivers.ports.port import Port
from drivers.ports.wire import Wire
from drivers.readers.listening import ListeningReader
from drivers.readers.numbers import ByteOrder, ByteOrderOption, Family, Form, FormOption, Writing, card_of
from drivers.readers.polled import MISSES, PolledReader

log = logging.getLogger(__name__)

ANSWER_S = 0.5
TONE_S = 1.5
"""A tone is answered when it is over."""
POLL_S = 0.1
GONE_AFTER_S = 0.6
LISTENED_GONE_AFTER_S = 1.5

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


class Twn4Reader(PolledReader[bytes]):
    """One reader with the simple protocol, polled by us."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        super().__init__(
            settings.name,
            wire,
            identity=Identity(vendor="Elatec", model="TWN4"),
            poll_s=POLL_S,
            gone_after_s=GONE_AFTER_S,
        )
        self._settings = settings
        self._writing = Writing(settings.byte_order, settings.form)
        self._data = b""
        self._turn = asyncio.Lock()
        self._has_lights = settings.lights

    def _cut(self, data: bytes) -> Iterable[bytes]:
        parts = (self._data + data).replace(b"\n", b"").split(b"\r")
        self._data = parts.pop()[-twn4.MOST_LINE :]
        return (part[: twn4.MOST_LINE + 1] for part in parts)

    def _forget(self) -> None:
        self._data = b""

    async def signal(self, signal: CardSignal) -> None:
        """Light and tones. Raises NoAnswer, Refused."""
        pins = LIGHTS.get(signal)
        if self._has_lights:
            await self._order(twn4.LIGHTS_OUT)
            if pins is not None:
                await self._order(twn4.light(pins))
        for tone in TONES[signal] if self._settings.sound else ():
            await self._order(tone)

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
        self._heard_s = self._now_s()
        if self._has_lights:
            try:
                await self._order(twn4.LIGHTS_SET_UP)
                await self._order(twn4.LIGHTS_OUT)
            except Refused as error:
                log.info("%s: no lights: %s", self._where, error)
                self._has_lights = False

    async def _look(self) -> tuple[Card, ...]:
        """The card that lies there, if one does: it tells no more. Raises DeviceError."""
        answer = await self._ask(twn4.SEARCH_TAG, ANSWER_S)
        try:
            tag = twn4.decode_tag(answer)
        except ValueError as error:
            self._refused += 1
            raise BadFrame(str(error)) from None
        if tag is None:
            return ()
        family, kind = FAMILIES.get(tag.type, (Family.OTHER, f"type {tag.type:02X}"))
        return (card_of(tag.number, self._writing, family, kind),)

    async def _order(self, command: bytes) -> None:
        answer = await self._ask(command, TONE_S)
        if answer[:1] != b"\x00":
            raise Refused(f"{self._where}: {command.hex(' ')} is answered with {answer[:1].hex() or 'nothing'}")

    async def _ask(self, command: bytes, within_s: float) -> bytes:
        """One question at a time. Raises NoAnswer."""
        async with self._turn:
            self._clear()
            self._write(twn4.encode(command))
            try:
                async with asyncio.timeout(within_s):
                    while True:
                        answer = twn4.decode(await self._next())
                        if answer is not None:
                            return answer
                        self._refused += 1
            except TimeoutError:
                raise NoAnswer("no answer") from None
