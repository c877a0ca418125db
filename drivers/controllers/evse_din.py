"""EVSE-DIN and EVSE-WB (simpleEVSE): a control pilot board with one relay output; Modbus RTU, 9600 8N1, address 1.

Wiring: RS-485 A and B; the board's relay output switches the contactor's coil. It has no meter and no plug lock.
Source: EVSE-WB/DIN manual of its maker with the register list 1000..1007 and 2000..2017; checked against two public
drivers.
Quirks: Modbus is off as delivered (register 2001, set with the programming button); it needs 200 ms between requests;
it has no watchdog; as delivered it offers 32 A after each start of its own, so register 2000 is set to 0 here.
"""

from __future__ import annotations

import logging
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.controllers.box import PROXIMITY_OHM, Finding, Letter, Look, Setting, duty_pct
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity, VehicleData
from drivers.ports.port import Port

log = logging.getLogger(__name__)

CONFIGURED, ACTUAL, VEHICLE, CABLE, SWITCH, FIRMWARE, PILOT = range(1000, 1007)
RCD = 1007
BOOT_CURRENT, OPTIONS = 2000, 2005
HUNDREDTHS_BIT = 7
HUNDREDTHS_FROM_FIRMWARE = 17

LETTERS = {1: Letter.A, 2: Letter.B, 3: Letter.C, 4: Letter.D, 5: Letter.E}
FAILURE = Finding(
    ControllerStatus.E3_EV_FAULT, Cause.DIODE_FAULT, "failure of the pilot (the vehicle's diode, or out of range)"
)
RESIDUAL = Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.RESIDUAL_CURRENT, "its residual current sensor tripped")


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="Modbus address, register 2001 of the board")] = 1


ABOUT = About(
    vendor="EVSE-WB / simpleEVSE",
    models=("EVSE-DIN", "EVSE-WB"),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("current limit", "cable rating", "faults"),
    source="EVSE-WB/DIN manual, registers 1000..1007 and 2000..2017",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "It has no watchdog: put a contactor before it whose I/O module has one, or accept the lower class.",
        "Modbus is off as delivered: switch it on with the board's programming procedure (register 2001).",
        "It offers 32 A after each start of its own; the driver sets register 2000 (current after boot) to 0.",
        "It needs 200 ms between requests: give it a line of its own, or few neighbours.",
        "Its failure state does not say what failed; register 1007 (firmware dependent) tells the residual current.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(EvseDin(port, settings.address))


class EvseDin(ModbusBox):
    family = "evse_din"
    fail_safe = FailSafe.NONE
    quiet_s = 0.2
    timeout_s = 1.0
    settings = (
        Setting("minimum_current", 2002, 5, 13, "A", "least current it offers"),
        Setting("analog_input", 2003, 0, 1, "", "0: its analog input does not limit the current, 1: it does"),
        Setting("button_current", 2004, 0, 80, "A", "current that its push button sets, 0: the button does nothing"),
    )

    def __init__(self, port: Port, address: int) -> None:
        super().__init__(port, address)
        self._per_a = 1
        self._boots_with = 0

    async def forbid(self) -> None:
        await self.write(CONFIGURED, 0)

    async def prepare(self) -> None:
        """Whole amperes or hundredths; nothing after a start of its own; switched on, with nothing to offer."""
        now = await self.holding(CONFIGURED, 7)
        kept = await self.holding(BOOT_CURRENT, OPTIONS - BOOT_CURRENT + 1)
        is_fine = now[FIRMWARE - CONFIGURED] >= HUNDREDTHS_FROM_FIRMWARE and kept[-1] >> HUNDREDTHS_BIT & 1
        self._per_a, self.step_a = (100, 0.01) if is_fine else (1, 1.0)
        self._boots_with = kept[0]
        if kept[0]:
            try:
                await self.ensure(BOOT_CURRENT, 0, "the current after a start of its own")
                self._boots_with = 0
            except Refused as error:
                log.warning("%s", error)
        if now[SWITCH - CONFIGURED] & 1:
            await self.write(SWITCH, 0)

    async def allow(self, current_a: float) -> None:
        await self.write(CONFIGURED, round(current_a * self._per_a))

    async def look(self) -> Look:
        words = await self.holding(CONFIGURED, 7)
        state = words[2]
        findings: tuple[Finding, ...] = ()
        if state == 5:
            findings = (await self._failure(),)
        return Look(
            letter=LETTERS.get(state, Letter.F),
            findings=findings,
            is_closed=state in (3, 4),
            is_offered=words[6] == 2,
            held_a=words[0] / self._per_a,
            limit_a=float(words[3]) if words[3] else None,
        )

    async def _failure(self) -> Finding:
        try:
            return RESIDUAL if (await self.holding(RCD))[0] else FAILURE
        except Refused:  # firmware without this register
            return FAILURE

    async def identify(self) -> Identity:
        firmware = (await self.holding(FIRMWARE))[0]
        return Identity(vendor="EVSE-WB", model="EVSE-DIN", firmware_version=str(firmware))

    async def vehicle(self) -> VehicleData:
        cable_a = (await self.holding(CABLE))[0]
        return VehicleData(cable_current_a=float(cable_a) if cable_a else None)

    async def diagnose(self) -> Diagnosis:
        words = await self.holding(CONFIGURED, 7)
        findings: tuple[str, ...] = ("it offers current by itself after its own start",) if self._boots_with else ()
        if words[2] == 5:
            findings += ((await self._failure()).text,)
        return Diagnosis(
            control_pilot_duty_pct=duty_pct(words[1] / self._per_a) if words[6] == 2 else None,
            proximity_ohm=PROXIMITY_OHM.get(words[3]),
            findings=findings,
        )


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    box = EvseDin(port, address)
    try:
        words = await box.holding(CONFIGURED, 7)
    except Refused:
        return None
    is_one = (
        words[0] <= 8000 and words[2] in LETTERS and words[3] <= 80 and 1 <= words[5] <= 99 and words[6] in (1, 2, 3)
    )
    return Identity(vendor="EVSE-WB", model="EVSE-DIN", firmware_version=str(words[5])) if is_one else None
