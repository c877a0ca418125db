"""Phoenix Contact EV Charge Control: Basic (EV-CC-AC1-M3-...-SER, Modbus RTU) and EM-CP-PP-ETH (Modbus TCP).

Wiring: Basic: RS-485, 9600 8N1 (19200 by switch S1), address by switch S2; contactor, lock and residual current
monitor hang on the controller. It has no meter.
Source: Phoenix Contact, manual 106377_en_04 EV Charge Control Basic, table 9-2; for EM-CP-PP-ETH a public driver.
Quirks: registers 4000, 4001 and 4002 say who may enable, who says that it is available and who locks: only with
4000 = 3 the coil 20000 counts. The maker lists 24000 among holding registers, some firmware has it among input ones.
The manual counts the bits of the error word 24025 up to 16 in a word of 16 bits; here they are taken as from 0, and
the word itself is told, too. It has no watchdog.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.controllers.box import PROXIMITY_OHM, Finding, Letter, Look, Setting, bits, text_of
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity, VehicleData
from drivers.ports.port import Port

S, C = ControllerStatus, Cause

STATE, CABLE, DUTY, OFFERED, ERRORS, MOST = 24000, 24001, 24002, 24003, 24025, 22000
BY_ENABLE, BY_AVAILABLE, BY_LOCK = 4000, 4001, 4002
ENABLE, AVAILABLE, LOCK, RESTART = 20000, 20001, 20002, 21000
FROM_COIL, AVAILABLE_FROM_COIL, AVAILABLE_FROM_INPUT, LOCK_AUTOMATIC = 3, 2, 1, 0
ORDER_NAME, SERIAL, SERIAL_WORDS, VERSIONS = 1000, 1021, 6, 1029
SHORTED = 0xFFFF

ETH_STATE, ETH_ENABLE, ETH_MOST = 100, 400, 300

ERROR_BITS = {
    2: Finding(S.E2_PREPARATION, C.OTHER, "a 13 A cable is rejected"),
    3: Finding(S.E2_PREPARATION, C.OTHER, "proximity pilot out of range"),
    4: Finding(S.E1_COMMUNICATION, C.PILOT_FAULT, "control pilot out of range"),
    5: Finding(S.F_UNKNOWN, C.OTHER, "state F: said not to be available"),
    6: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "the plug is not locked"),
    7: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "the plug is not unlocked"),
    8: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "the lock was lost while locked"),
    11: Finding(S.E3_EV_FAULT, C.OTHER, "the vehicle asks for ventilation and is rejected"),
    12: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, "contactor"),
    13: Finding(S.E3_EV_FAULT, C.DIODE_FAULT, "the vehicle's pilot diode is missing"),
    15: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "residual current"),
}


class Model(enum.StrEnum):
    BASIC = "EV-CC-AC1-M3"
    ETH = "EM-CP-PP-ETH"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=1, le=255, description="Basic: as set on switch S2 (factory 1); EM-CP-PP-ETH: 180")
    ] = 1
    model: Annotated[Model, Meta(description="which of the two register maps it has")] = Model.BASIC


ABOUT = About(
    vendor="Phoenix Contact",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(19200)),
    addresses=(1, 180),
    abilities=("current limit", "cable rating", "plug lock", "faults", "serial number", "restart"),
    source="Phoenix Contact, manual 106377_en_04 EV Charge Control Basic, table 9-2",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "It has no watchdog: put a contactor before it whose I/O module has one, or accept the lower class.",
        "The driver sets register 4000 (enabled by Modbus), and 4001 and 4002 where the switches allow it.",
        "With switch S1/DIP 3 off it locks the plug by itself; it cannot be locked or unlocked from here then.",
        "EM-CP-PP-ETH: set its enabling to Modbus on its web page; it tells no faults here (one public source).",
        "How the bits of its error word are counted is not certain: the word itself stands in the message.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    kind = EmCpPpEth if settings.model is Model.ETH else EvChargeControl
    return LeasedBox(kind(port, settings.address))


class EvChargeControl(ModbusBox):
    """EV Charge Control Basic."""

    family = "phoenix_ev_cc"
    fail_safe = FailSafe.NONE
    writes_single = True
    most_a = 63.0
    settings = (
        Setting("contactor_monitoring", 4006, 0, 1, "", "0: off, 1: by an auxiliary contact on input CCR"),
        Setting("contactor_delay", 4007, 0, 5000, "ms", "from switching off until the contactor is checked"),
        Setting("ventilation", 4010, 0, 1, "", "1: vehicles that ask for ventilation may charge"),
        Setting("residual_current", 4011, 0, 4, "", "monitor on input XR: 0 none, 1 with reset and test, 2 with test, "
                "3 with reset, 4 neither"),
    )  # fmt: skip

    def __init__(self, port: Port, address: int) -> None:
        super().__init__(port, address)
        self._as_inputs = False

    async def forbid(self) -> None:
        await self.write_coil(ENABLE, False)

    async def prepare(self) -> None:
        await self.ensure(BY_ENABLE, FROM_COIL, "who enables")
        if (await self.holding(BY_AVAILABLE))[0] == AVAILABLE_FROM_INPUT:
            await self.ensure(BY_AVAILABLE, AVAILABLE_FROM_COIL, "who says that it is available")
        await self.write_coil(AVAILABLE, True)
        self.locks_by_order = (await self.holding(BY_LOCK))[0] != LOCK_AUTOMATIC
        if self.locks_by_order:
            await self.ensure(BY_LOCK, FROM_COIL, "who locks")

    async def allow(self, current_a: float) -> None:
        await self.write(MOST, round(current_a))
        await self.write_coil(ENABLE, True)

    async def look(self) -> Look:
        state, cable, _, offered = await self._status(STATE, 4)
        errors = (await self._status(ERRORS, 1))[0]
        enable, _, locked = await self.coils(ENABLE, 3)
        held = (await self.holding(MOST))[0]
        letter, digit = _letter(state)
        return Look(
            letter=letter,
            findings=_findings(errors, cable),
            is_offered=digit == "2",
            is_locked=bool(locked) if self.locks_by_order else None,
            held_a=float(held) if enable else 0.0,
            limit_a=float(offered) if digit == "2" and offered else None,
        )

    async def _status(self, start: int, count: int) -> tuple[int, ...]:
        """Function 03, and 04 for firmware that has them there."""
        if not self._as_inputs:
            try:
                return await self.holding(start, count)
            except Refused:
                self._as_inputs = True
        return await self.inputs(start, count)

    async def identify(self) -> Identity:
        name = text_of(await self.inputs(ORDER_NAME, 16))
        serial = text_of(await self.inputs(SERIAL, SERIAL_WORDS))
        year, day, hardware, hardware_version, firmware, version, minor = await self.inputs(1027, 7)
        return Identity(
            vendor="Phoenix Contact",
            model=name or Model.BASIC,
            serial=serial,
            firmware_version=f"{_letter_number(firmware)}.{version}.{minor}",
            hardware_version=f"{_letter_number(hardware)}.{hardware_version}",
            build_date=f"{year:04X}-{day >> 8:02X}-{day & 0xFF:02X}" if year else "",
        )

    async def vehicle(self) -> VehicleData:
        cable = (await self._status(CABLE, 1))[0]
        return VehicleData(cable_current_a=float(cable) if cable in PROXIMITY_OHM else None)

    async def diagnose(self) -> Diagnosis:
        state, cable, duty, _ = await self._status(STATE, 4)
        errors = (await self._status(ERRORS, 1))[0]
        is_on = _letter(state)[1] == "2"
        return Diagnosis(
            control_pilot_duty_pct=float(duty) if is_on else None,
            proximity_ohm=0 if cable == SHORTED else PROXIMITY_OHM.get(cable),
            findings=tuple(finding.text for finding in _findings(errors, cable)),
        )

    async def lock(self) -> None:
        await self._turn_lock(True)

    async def unlock(self) -> None:
        await self._turn_lock(False)

    async def _turn_lock(self, on: bool) -> None:
        if not self.locks_by_order:
            raise self.cannot("be told to lock or unlock its plug (switch S1/DIP 3 is off: it does so by itself)")
        await self.write_coil(LOCK, on)

    async def reboot(self) -> bool:
        await self.write_coil(RESTART, True)
        return True


class EmCpPpEth(ModbusBox):
    """EM-CP-PP-ETH: an older board on Modbus TCP with a map of its own."""

    family = "phoenix_ev_cc"
    fail_safe = FailSafe.NONE
    writes_single = True
    most_a = 63.0

    async def forbid(self) -> None:
        await self.write_coil(ETH_ENABLE, False)

    async def allow(self, current_a: float) -> None:
        await self.write(ETH_MOST, round(current_a))
        await self.write_coil(ETH_ENABLE, True)

    async def look(self) -> Look:
        state = (await self.inputs(ETH_STATE))[0] & 0xFF
        enable = (await self.coils(ETH_ENABLE))[0]
        held = (await self.holding(ETH_MOST))[0]
        letter = _letters(chr(state))
        return Look(
            letter=letter,
            is_offered=bool(enable),
            held_a=float(held) if enable else 0.0,
        )

    async def identify(self) -> Identity:
        await self.inputs(ETH_STATE)
        return Identity(vendor="Phoenix Contact", model=Model.ETH)


def _letters(text: str) -> Letter:
    return Letter(text) if text in Letter.__members__ else Letter.F


def _letter(word: int) -> tuple[Letter, str]:
    """`C2`: the letter, and 2 when current is offered."""
    return _letters(chr(word >> 8)), chr(word & 0xFF)


def _letter_number(word: int) -> str:
    letter = chr(word >> 8) if 0x20 < word >> 8 < 0x7F else ""
    return f"{letter}{word & 0xFF}"


def _findings(errors: int, cable: int) -> tuple[Finding, ...]:
    found = bits(errors, ERROR_BITS)
    if found:
        first = found[0]
        found = (Finding(first.status, first.cause, f"{first.text} (error word 0x{errors:04X})"), *found[1:])
    if cable == SHORTED and not found:
        found = (Finding(S.E2_PREPARATION, C.OTHER, "proximity pilot shorted to earth"),)
    return found


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is an EV Charge Control Basic. Raises NoAnswer."""
    if address > 247:
        return None
    try:
        identity = await EvChargeControl(port, address).identify()
    except Refused:
        return None
    return identity if identity.model.startswith(("EV-CC", "EM-EV-CC")) else None
