"""DZG GSH01 and AST DC650: direct-current meters that sign sessions (OCMF); RS-485, 115200 8N1, SLIP frames.

Source: a public driver made with the makers' document. Numbers are low byte first: 0.01 V, mA, 0.01 W, 0.1 Wh. Several
commands go into one frame, so one exchange fetches a reading.
Quirks: start while a session runs is silently ignored; the record of the last session can be had again and again. The
session's clock needs to be set before it begins. Power counts towards the vehicle; its sign is that of the current,
which is told without one.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.slip import AskParts, Part
from drivers.errors import BadFrame, Refused
from drivers.interfaces import EnergyMeter, Identity, MeterReading, SessionReference
from drivers.meters.plausibility import DC, Judge
from drivers.ports.port import Port, Priority

CURRENT, VOLTAGE, DEVICE_POWER, DEVICE_IMPORT = 0x0131, 0x0132, 0x0138, 0x0170
START, STOP, LAST_RECORD, SERIAL, FIRMWARE, TYPE, CLOCK, STATUS = (
    0x1501, 0x1502, 0x1521, 0x4111, 0x4114, 0x4113, 0x4135, 0x4137,
)  # fmt: skip
RUNS = 1 << 17
"""Bit of the status word: a session runs."""
NO_USER, USER = 0, 1
NO_TYPE, LOCAL = 0, 71
TEXT = 40
TIMEOUT_S = 1.1
RECORD_WITHIN_S = 5.0
ASK_AGAIN_S = 0.2


class Model(enum.StrEnum):
    GSH01 = "GSH01"
    DC650 = "DC650"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=0, le=255, description="as set on the meter; 255: the only meter on its line")] = (
        255
    )
    model: Annotated[Model, Meta(description="GSH01 of DZG or DC650 of AST")] = Model.GSH01


ABOUT = About(
    vendor="DZG, AST",
    models=tuple(Model),
    ports=("serial",),
    lines=(Line(115200),),
    addresses=(255, 0),
    abilities=("import", "direct current", "serial number", "signed sessions", "recognised"),
    source="EVerest, modules DZG_GSH01 and AST_DC650",
    confidence=1,
    quirks=("The record's identification holds the transaction's name and the card's number (40 characters).",),
    is_modbus=False,
)

_VENDORS = {Model.GSH01: "DZG", Model.DC650: "AST"}


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return SlipMeter(settings, port)


async def recognise(port: Port, address: int) -> Identity | None:
    """By the device's type, which it tells as text. Raises NoAnswer."""
    question = AskParts(address, (Part(TYPE), Part(SERIAL)), "device type", frozenset((TYPE, SERIAL)))
    try:
        kind, serial = await port.ask(question, timeout_s=TIMEOUT_S)
    except (BadFrame, Refused):
        return None
    name = kind.split(b"\0")[0].decode("ascii", errors="replace").strip()
    vendor = "AST" if "650" in name else "DZG"
    return Identity(vendor=vendor, model=name or Model.GSH01.value, serial=_serial(serial))


class SlipMeter:
    """One meter."""

    def __init__(self, settings: Settings, port: Port) -> None:
        self._address = settings.address
        self._port = port
        self._where = f"meter at address {settings.address} on port '{port.name}'"
        self._judge = Judge(self._where, DC)
        self._identity = Identity(vendor=_VENDORS[settings.model], model=settings.model.value)

    async def read(self) -> MeterReading:
        """All values anew, with one exchange. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        asked = (Part(VOLTAGE), Part(CURRENT), Part(DEVICE_POWER), Part(DEVICE_IMPORT))
        *short, long = await self._ask(asked, "values")
        voltage, current, power = [self._number(each, 4) for each in short]
        energy = self._number(long, 8)
        return self._judge.reading(
            energy_wh=energy // 10,
            power_w=power / 100,
            voltage_v=[voltage / 100],
            current_a=[current / 1000],
        )

    async def identify(self) -> Identity:
        """Serial number and version. Raises NoAnswer and the like."""
        optional = frozenset((SERIAL, FIRMWARE))
        serial, firmware = await self._ask((Part(SERIAL), Part(FIRMWARE)), "serial number", optional)
        version = firmware.split(b"\0")[0].decode("ascii", errors="replace").strip()
        return structs.replace(self._identity, serial=_serial(serial), firmware_version=version)

    async def begin_session(self, reference: SessionReference) -> None:
        """See `SignsSessions`."""
        if await self._runs():
            (record,) = await self._ask((Part(LAST_RECORD),), "record", frozenset((LAST_RECORD,)))
            if reference.transaction.encode() in record:
                return  # it is this one: the meter tells the record of a running session, too
            await self._ask((Part(STOP),), "end a session that was left running", order=True)
        seconds = 0
        if reference.at is not None:
            seconds = int(reference.at.timestamp())
            await self._ask((Part(CLOCK, _clock(seconds)),), "set the clock", order=True)
        has_user = bool(reference.client)
        head = _clock(seconds) + bytes((USER if has_user else NO_USER, LOCAL if has_user else NO_TYPE))
        await self._ask((Part(START, head + _name(reference)),), "begin a session", order=True)

    async def end_session(self, reference: SessionReference) -> bytes:
        """See `SignsSessions`."""
        if await self._runs():
            await self._ask((Part(STOP),), "end the session", order=True)
        give_up_s = asyncio.get_running_loop().time() + RECORD_WITHIN_S
        while True:
            (record,) = await self._ask((Part(LAST_RECORD),), "record", frozenset((LAST_RECORD,)))
            record = record.split(b"\0")[0]
            if reference.transaction.encode() in record and not await self._runs():
                return record
            if asyncio.get_running_loop().time() > give_up_s:
                raise Refused(f"{self._where}: its last record is not of session {reference.transaction}")
            await asyncio.sleep(ASK_AGAIN_S)

    async def _runs(self) -> bool:
        (status,) = await self._ask((Part(STATUS),), "status")
        return bool(self._number(status, 8) & RUNS)

    def _number(self, data: bytes, size: int) -> int:
        if len(data) != size:
            raise BadFrame(f"{self._where}: a value of {len(data)} bytes, it has {size}")
        return int.from_bytes(data, "little")

    async def _ask(
        self, parts: tuple[Part, ...], name: str, optional: frozenset[int] = frozenset(), *, order: bool = False
    ) -> tuple[bytes, ...]:
        is_private = any(part.number in (START, LAST_RECORD) for part in parts)
        question = AskParts(self._address, parts, name, optional, order, is_private=is_private)
        priority = Priority.ORDER if order else Priority.POLL
        return await self._port.ask(question, priority=priority, timeout_s=TIMEOUT_S)


def _clock(seconds: int) -> bytes:
    """Seconds of UTC and the distance to local time in quarters of an hour: always UTC."""
    return seconds.to_bytes(4, "little") + b"\0"


def _name(reference: SessionReference) -> bytes:
    text = " ".join(part for part in (reference.transaction, reference.client) if part)
    return text.encode("ascii", errors="replace")[:TEXT].ljust(TEXT, b"\0")


def _serial(data: bytes) -> str:
    return str(int.from_bytes(data[:4], "little")) if len(data) >= 4 else ""
