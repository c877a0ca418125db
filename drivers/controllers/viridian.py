"""Viridian EPC 2 Plus and OBO Bettermann Ion: pilot controllers; Modbus RTU, 19200 8E1, address 101.

Wiring: RS-485; the controller switches its contactor itself. It has no meter.
Source: OBO Ion manual, Modbus register map (its numbers 40001.. are registers from 0 here); a public driver.
Quirks: without data for the time of 40029 it advertises the current of 40031, which is set to 0 here, so it opens.
Its lock register (40005) is not used: no public source says which value locks.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.controllers.box import Finding, Letter, Look, bits, duty_pct
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port

S, C = ControllerStatus, Cause

SWITCH, CURRENT, STATE, AFTER_POWER_LOSS, ERRORS, ADVERTISED = 5, 6, 11, 13, 14, 16
WATCHDOG, SAFE_CURRENT, MOST = 28, 30, 44
OFF, ON = 0, 1

LETTERS = {0: Letter.A, 1: Letter.B, 2: Letter.C, 3: Letter.D, 4: Letter.F}
ERROR_BITS = {
    0: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "self-test of the residual current monitor failed"),
    1: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "DC residual current"),
    2: Finding(S.E3_EV_FAULT, C.DIODE_FAULT, "the vehicle's pilot diode is missing"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="Modbus address (register 40024)")] = 101
    watchdog_s: Annotated[float, Meta(ge=1, le=60, description="it opens when it has heard nothing for this long")] = (
        5.0
    )


ABOUT = About(
    vendor="Viridian / OBO Bettermann",
    models=("EPC 2 Plus", "Ion Basic"),
    ports=("serial", "tcp"),
    lines=(Line(19200, "E"),),
    addresses=(101,),
    abilities=("current limit", "faults", "own watchdog"),
    source="OBO Bettermann Ion, Modbus register map",
    confidence=1,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "It opens when it has heard nothing for watchdog_s (5 s; register 40029), plus its own reaction.",
        "Its plug lock works by itself; it cannot be locked or unlocked from here.",
        "It is left switched off after a power cut (register 40014).",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(Viridian(port, settings.address, settings.watchdog_s))


class Viridian(ModbusBox):
    family = "viridian"
    fail_safe = FailSafe.OPENS
    writes_single = True
    most_a = 32.0

    def __init__(self, port: Port, address: int, watchdog_s: float = 5.0) -> None:
        super().__init__(port, address)
        self.opens_after_s = watchdog_s
        self._watchdog_ms = round(watchdog_s * 1000)

    async def forbid(self) -> None:
        await self.write(SWITCH, OFF)

    async def prepare(self) -> None:
        await self.ensure(SAFE_CURRENT, 0, "the current without us")
        await self.ensure_time_out(WATCHDOG, self._watchdog_ms, 1000)
        await self.ensure(AFTER_POWER_LOSS, OFF, "the state after a power cut")
        most = (await self.holding(MOST))[0]
        self.most_a = float(most) if 6 <= most <= 80 else 32.0

    async def allow(self, current_a: float) -> None:
        await self.write(CURRENT, round(current_a))
        await self.write(SWITCH, ON)

    async def look(self) -> Look:
        words = await self.holding(SWITCH, ADVERTISED - SWITCH + 1)
        state, switch = words[STATE - SWITCH], words[0]
        advertised = words[ADVERTISED - SWITCH]
        return Look(
            letter=LETTERS.get(state, Letter.F),
            findings=bits(words[ERRORS - SWITCH] & 0xFF, ERROR_BITS),
            is_offered=switch == ON and advertised > 0,
            held_a=float(words[CURRENT - SWITCH]) if switch == ON else 0.0,
            limit_a=float(advertised) if switch == ON and advertised else None,
        )

    async def identify(self) -> Identity:
        await self.holding(STATE)
        return Identity(vendor="Viridian", model="EPC 2 Plus")

    async def diagnose(self) -> Diagnosis:
        words = await self.holding(SWITCH, ADVERTISED - SWITCH + 1)
        advertised = words[ADVERTISED - SWITCH]
        return Diagnosis(
            control_pilot_duty_pct=duty_pct(advertised) if advertised else None,
            findings=tuple(finding.text for finding in bits(words[ERRORS - SWITCH] & 0xFF, ERROR_BITS)),
        )


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    box = Viridian(port, address)
    try:
        words = await box.holding(SWITCH, ADVERTISED - SWITCH + 1)
        watchdog_ms = (await box.holding(WATCHDOG))[0]
        most = (await box.holding(MOST))[0]
    except Refused:
        return None
    is_one = (
        words[0] <= 2
        and words[STATE - SWITCH] in LETTERS
        and max(words[CURRENT - SWITCH], words[ADVERTISED - SWITCH]) <= 80
        and (watchdog_ms == 0 or 1000 <= watchdog_ms <= 60_000)
        and 6 <= most <= 80
    )
    return Identity(vendor="Viridian", model="EPC 2 Plus") if is_one else None
