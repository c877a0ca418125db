"""ABL eMH1 (also eMH2, eMH3 followers): wall box; Modbus ASCII, 38400 8E1, address 1.

Wiring: RS-485 (RJ12 or terminals of the box, as the maker's control kit). Tethered cable or socket with its own lock.
Source: ABL, Modbus ASCII register set of the eMH1 (as cited by its users), and two public drivers.
Quirks: it begins its replies with '>' instead of ':'; it sleeps, and the first request after a pause is lost; currents
are set as duty cycle in 0.1 % (0.06 A each), 1000 is none; it has no watchdog that could be set.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs import modbus_ascii
from drivers.codecs.modbus import Carrier, Request, read_holding, write_registers
from drivers.controllers.box import Box, Finding, Letter, Look, text_of, three
from drivers.controllers.leased import LeasedBox
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port, Priority

S, C = ControllerStatus, Cause

FIRMWARE, STATE, ORDER, SETTINGS, LIMIT_AT, LIMIT, CURRENTS, SERIAL = 0x01, 0x04, 0x05, 0x0F, 3, 0x14, 0x2E, 0x50
NO_CURRENT = 1000
ENABLE_OUTLET, DISABLED = 0xA1A1, 0xE0
STEP_A = 0.06
SENSOR_BIT = 5
TIMEOUT_S = 0.5

LETTERS = {
    0xA1: Letter.A, 0xB1: Letter.B, 0xB2: Letter.B, 0xC2: Letter.C, 0xC3: Letter.C, 0xC4: Letter.C,
}  # fmt: skip
FINDINGS = {
    0xE0: Finding(S.F_UNKNOWN, C.OTHER, "its outlet is switched off"),
    0xE1: Finding(S.F_UNKNOWN, C.OTHER, "it is in its production test"),
    0xE2: Finding(S.F_UNKNOWN, C.OTHER, "it is being set up"),
    0xF1: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_WELDED, "F1: its contactor is closed although it should not be"),
    0xF2: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "F2: internal error"),
    0xF3: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "F3: DC residual current"),
    0xF5: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "F5: the lock of its socket failed"),
    0xF6: Finding(S.E2_PREPARATION, C.OTHER, "F6: the coding of the cable is out of range"),
    0xF7: Finding(S.E3_EV_FAULT, C.OTHER, "F7: the vehicle asks for ventilation"),
    0xF8: Finding(S.E1_COMMUNICATION, C.PILOT_FAULT, "F8: control pilot out of range"),
    0xF9: Finding(S.E3_EV_FAULT, C.OVERCURRENT, "F9: the vehicle takes more than offered"),
    0xFA: Finding(S.E7_OVERHEAT, C.OVERHEAT, "F10: temperature out of bounds"),
    0xFB: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, "F11: its contactor is open although it should not be"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=16, description="as set with the maker's configuration software")] = 1


ABOUT = About(
    vendor="ABL",
    models=("eMH1", "eMH2", "eMH3"),
    ports=("serial",),
    lines=(Line(38400, "E"),),
    addresses=(1,),
    abilities=("current limit", "currents (where fitted)", "faults", "serial number"),
    source="ABL eMH1, Modbus ASCII register set, by two public drivers",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "It has no watchdog that could be set: put a contactor before it, or accept the lower class.",
        "After its own start it offers all it has until it is asked, for a second or two.",
        "The first request after a pause only wakes it; the driver repeats an unanswered one once.",
        "Its line speaks Modbus ASCII: nothing else can be on it.",
        "Currents are steps of 0.06 A: 16 A becomes 15.96 A.",
    ),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(AblEmh1(port, settings.address))


class Ask:
    """A Modbus request as ASCII, for `Port.ask`."""

    def __init__(self, request: Request) -> None:
        self.device: Hashable = request.address
        self.most_bytes = modbus_ascii.MOST_BYTES
        self.reply_bytes = 11 + 4 * request.count if request.is_read else 17
        self._request = request

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return modbus_ascii.encode(self._request)

    def answer(self, data: bytes) -> tuple[int, ...] | None:
        return modbus_ascii.answer(data, self._request)

    def __str__(self) -> str:
        return str(self._request)


class AblEmh1(Box):
    fail_safe = FailSafe.NONE
    step_a = STEP_A
    most_a = 32.0

    def __init__(self, port: Port, address: int) -> None:
        self._port = port
        self._address = address
        self._has_sensor = False

    @property
    def where(self) -> str:
        return f"abl_emh1 at address {self._address} on port '{self._port.name}'"

    async def forbid(self) -> None:
        await self._write(LIMIT, NO_CURRENT)

    async def prepare(self) -> None:
        words = await self._read(FIRMWARE, 2)
        self._has_sensor = bool(words[1] >> SENSOR_BIT & 1)
        if (await self._read(STATE))[0] & 0xFF == DISABLED:
            await self._write(ORDER, ENABLE_OUTLET)

    async def allow(self, current_a: float) -> None:
        await self._write(LIMIT, round(current_a / STEP_A))

    async def look(self) -> Look:
        state = (await self._read(STATE))[0] & 0xFF
        limit = (await self._read(SETTINGS, 5))[LIMIT_AT] & 0x0FFF
        finding = FINDINGS.get(state)
        return Look(
            letter=LETTERS.get(state, Letter.F),
            findings=(finding,) if finding else (),
            is_closed=state in (0xC2, 0xC3, 0xC4, 0xF1),
            is_offered=limit != NO_CURRENT and state != 0xB1,
            held_a=0.0 if limit == NO_CURRENT else limit * STEP_A,
            current_a=await self._currents() if self._has_sensor else None,
        )

    async def _currents(self) -> tuple[float, float, float]:
        words = (await self._read(CURRENTS, 5))[2:]
        return three(0.0 if word in (NO_CURRENT, 1) else word / 10 for word in reversed(words))

    async def identify(self) -> Identity:
        firmware, hardware = await self._read(FIRMWARE, 2)
        try:
            serial = text_of(await self._read(SERIAL, 8))
        except Refused:
            serial = ""
        version = f"{firmware >> 8}.{firmware >> 4 & 15}{firmware & 15}"
        return Identity(
            vendor="ABL", model="eMH1", serial=serial, firmware_version=version, hardware_version=str(hardware >> 6 & 3)
        )

    async def diagnose(self) -> Diagnosis:
        state = (await self._read(STATE))[0] & 0xFF
        limit = (await self._read(SETTINGS, 5))[LIMIT_AT] & 0x0FFF
        return Diagnosis(
            control_pilot_duty_pct=None if limit == NO_CURRENT else limit / 10,
            findings=(FINDINGS[state].text,) if state in FINDINGS else (),
        )

    async def _read(self, start: int, count: int = 1) -> tuple[int, ...]:
        return await self._ask(read_holding(self._address, start, count), Priority.POLL)

    async def _write(self, start: int, value: int) -> None:
        await self._ask(write_registers(self._address, start, (value,)), Priority.ORDER)

    async def _ask(self, request: Request, priority: Priority) -> tuple[int, ...]:
        """Once more when nothing comes: the first request may only have woken it."""
        try:
            return await self._port.ask(Ask(request), priority=priority, timeout_s=TIMEOUT_S)
        except NoAnswer:
            return await self._port.ask(Ask(request), priority=priority, timeout_s=TIMEOUT_S)


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    box = AblEmh1(port, address)
    question = Ask(read_holding(address, STATE, 1))
    try:
        with suppress(NoAnswer):
            await port.ask(question, timeout_s=TIMEOUT_S)  # may only wake it
        state = (await port.ask(question, timeout_s=TIMEOUT_S))[0] & 0xFF
        return await box.identify() if state in LETTERS or state in FINDINGS else None
    except Refused:
        return None
