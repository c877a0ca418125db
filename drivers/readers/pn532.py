"""NXP PN532 by its serial interface (HSU): 13.56 MHz cards of ISO 14443 A, 115200 8N1.

Source: NXP UM0701-02 and public drivers; frames with two check sums. It is woken, told to work without a security
module, and asked for cards again and again, each time with a bounded number of tries, so that an empty field answers,
too: that answer is the sign that the reader is there.

Quirks: boards have a switch or solder jumpers for the interface: set them to HSU. It has neither light nor buzzer.
After a dip of its supply it is asleep: it is woken again by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs import pn532
from drivers.codecs.modbus import Carrier
from drivers.codecs.pn532 import Command, Frame, Frames, Mark
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Card, CardReader, Identity
from drivers.ports.port import Port
from drivers.ports.wire import Wire
from drivers.readers.numbers import (
    PARTIAL,
    ByteOrder,
    ByteOrderOption,
    Family,
    Form,
    FormOption,
    Writing,
    card_of,
    refused,
)
from drivers.readers.polled import PolledReader

ACK_S = 0.1
"""The chip acknowledges within 15 ms; adapters add some more."""
ANSWER_S = 1.5
TRIES = 3
NACKS = 2
GONE_AFTER_S = 0.5
CHIPS = {0x32: "PN532"}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "reader"
    port: str = ""
    byte_order: ByteOrderOption = ByteOrder.NORMAL
    form: FormOption = Form.HEX
    poll_s: Annotated[float, Meta(ge=0.05, le=2, description="pause between two looks for a card")] = 0.2


ABOUT = About(
    vendor="NXP",
    models=("PN532 boards by UART",),
    ports=("serial", "tcp"),
    lines=(Line(115200),),
    abilities=("ISO 14443 A", "4, 7 and 10 bytes", "several cards at once noticed", "recognised"),
    source="NXP UM0701-02; nfcpy, Adafruit and EVerest drivers",
    confidence=2,
    quirks=("set the board's switch to HSU (UART)", "it has neither light nor buzzer"),
    is_modbus=False,
)


def open_device(settings: Settings, wire: Wire) -> CardReader:
    """The reader at the far end of `wire`, which it opens itself."""
    return Pn532Reader(settings, wire)


class _AskFirmware:
    """The question by which the chip is known."""

    device = "pn532"

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return pn532.WAKE_UP + pn532.encode(bytes((Command.GET_FIRMWARE_VERSION,)))

    def answer(self, data: bytes) -> Identity | None:
        for found in Frames().feed(data):
            if isinstance(found, Frame) and found.data[:1] == bytes((Command.GET_FIRMWARE_VERSION + 1,)):
                return identity_of(found.data[1:])
        return None

    def __str__(self) -> str:
        return "firmware of a PN532"


async def recognise(port: Port, address: int) -> Identity | None:
    """By its firmware version. Raises NoAnswer."""
    try:
        return await port.ask(_AskFirmware(), timeout_s=0.3)
    except (BadFrame, Refused):
        return None


def identity_of(data: bytes) -> Identity:
    """Of the answer to GET_FIRMWARE_VERSION: chip, version, revision, abilities. Raises BadFrame."""
    if len(data) < 3:
        raise BadFrame("a firmware version that is cut short")
    return Identity(
        vendor="NXP", model=CHIPS.get(data[0], f"PN5{data[0]:02X}"), firmware_version=f"{data[1]}.{data[2]}"
    )


class Pn532Reader(PolledReader[Frame | Mark]):
    """One reader, polled by us."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        super().__init__(settings.name, wire, identity=Identity(), poll_s=settings.poll_s, gone_after_s=GONE_AFTER_S)
        self._writing = Writing(settings.byte_order, settings.form)
        self._frames = Frames()
        self._is_field_off = False

    def _cut(self, data: bytes) -> Iterable[Frame | Mark]:
        return self._frames.feed(data)

    def _forget(self) -> None:
        self._frames.clear()

    async def _set_up(self) -> None:
        """Wake it and set it up. Raises DeviceError."""
        self._clear()
        self._write(pn532.WAKE_UP)
        await self._command(Command.SAM_CONFIGURATION, pn532.SAM_NORMAL)
        self._identity = identity_of(await self._command(Command.GET_FIRMWARE_VERSION))
        await self._command(Command.RF_CONFIGURATION, pn532.FEW_RETRIES)

    async def _recover(self) -> None:
        await self._set_up()

    async def _look(self) -> tuple[Card, ...]:
        """The cards in the field now. Raises DeviceError."""
        if self._is_field_off:
            await self._command(Command.RF_CONFIGURATION, pn532.FIELD_ON)
            self._is_field_off = False
        answer = await self._command(Command.IN_LIST_PASSIVE_TARGET, pn532.poll_type_a(2))
        try:
            found = pn532.decode_targets(answer)
        except ValueError as error:
            raise BadFrame(str(error)) from None
        if found:  # let go, and without power for a moment: a card that was put to sleep would not answer again
            await self._command(Command.IN_RELEASE, pn532.RELEASE_ALL)
            await self._command(Command.RF_CONFIGURATION, pn532.FIELD_OFF)
            self._is_field_off = True
        return tuple(self._card(target) for target in found)

    def _card(self, target: pn532.Target) -> Card:
        card = card_of(target.number, self._writing, Family.ISO14443A, pn532.kind_of(target))
        return card if target.is_whole else refused(card, PARTIAL)

    async def _command(self, command: Command, data: bytes = b"") -> bytes:
        """The data of the chip's answer. Raises NoAnswer, BadFrame."""
        frame = pn532.encode(bytes((command,)) + data)
        for _ in range(TRIES):
            self._clear()
            self._write(frame)
            if await self._next_within(ACK_S) is Mark.ACK:
                return await self._answer(command)
        raise NoAnswer(f"{command.name} is not acknowledged")

    async def _answer(self, command: Command) -> bytes:
        for _ in range(NACKS + 1):
            found = await self._next_within(ANSWER_S)
            if isinstance(found, Frame) and found.sender == pn532.CHIP and found.data[:1] == bytes((command + 1,)):
                return found.data[1:]
            if found is None:
                self._write(pn532.ACK)  # what it still works on is not wanted any more
                raise NoAnswer(f"{command.name} is not answered")
            if found is Mark.ERROR:
                raise BadFrame(f"{command.name} is not understood")
            self._write(pn532.NACK)  # say it again
        raise BadFrame(f"{command.name}: damaged answers")

    async def _next_within(self, within_s: float) -> Frame | Mark | None:
        """What comes next; None when nothing does. Raises NoAnswer when the wire is lost."""
        try:
            async with asyncio.timeout(within_s):
                return await self._next()
        except TimeoutError:
            return None

    def _clear(self) -> None:
        self._frames.clear()
        super()._clear()
