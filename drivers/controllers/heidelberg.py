"""Heidelberg Energy Control (also sold as Amperfied and Walther basicEVO): wall box; Modbus RTU, 19200 8E1.

Wiring: RS-485 terminals of the box, address by DIP switch S4 (1..15), box set to follower. Tethered cable, no lock.
Source: Heidelberg (Amperfied), Energy Control Modbus register table 2021-02-22; the same table in the manual of
Walther basicEVO PRO.
Quirks: it falls asleep when nothing is told to it (register 258 keeps it awake); it counts VAh, not Wh; without a
telegram for the time of register 257 it takes the current of register 262, which is set to 0 here, so it opens.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.controllers.box import Finding, Letter, Look, signed, three, u32
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port

LAYOUT, STATE, CURRENTS, TEMPERATURE, VOLTAGES, EXTERN_LOCK, POWER, ENERGY = 4, 5, 6, 9, 10, 13, 14, 17
MOST, LEAST, SOFTWARE = 100, 101, 203
WATCHDOG, STANDBY, REMOTE_LOCK, CURRENT, SAFE_CURRENT = 257, 258, 259, 261, 262
AWAKE, UNLOCKED = 4, 1
WITH_ENERGY = 0x107
"""Register layout from which on power and both energies are there."""

LETTERS = {2: Letter.A, 3: Letter.A, 4: Letter.B, 5: Letter.B, 6: Letter.C, 7: Letter.C, 8: Letter.C}
FINDINGS = {
    9: Finding(ControllerStatus.E3_EV_FAULT, Cause.PILOT_FAULT, "state E: the vehicle's pilot is shorted"),
    10: Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.OTHER, "state F: the box is not available"),
    11: Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.OTHER, "error; its own lamps say which"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=15, description="as set on DIP switch S4")] = 1
    watchdog_s: Annotated[float, Meta(ge=2, le=60, description="it opens when it has heard nothing for this long")] = (
        5.0
    )


ABOUT = About(
    vendor="Heidelberg / Amperfied",
    models=("Energy Control", "basicEVO PRO"),
    ports=("serial", "tcp"),
    lines=(Line(19200, "E"),),
    addresses=(1,),
    abilities=("current limit in 0.1 A", "currents and voltages", "energy (VAh)", "temperature", "own watchdog"),
    source="Heidelberg Energy Control, Modbus register table 2021-02-22",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "It opens when it has heard nothing for watchdog_s (5 s; register 257), plus its own reaction.",
        "Standby is switched off (register 258), otherwise it does not answer after a while.",
        "Its energy is apparent (VAh): use a meter of its own for billing.",
        "State F also shows when its external lock input is open (register 13).",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(Heidelberg(port, settings.address, settings.watchdog_s))


class Heidelberg(ModbusBox):
    family = "heidelberg"
    fail_safe = FailSafe.OPENS
    step_a = 0.1
    most_a = 16.0

    def __init__(self, port: Port, address: int, watchdog_s: float = 5.0) -> None:
        super().__init__(port, address)
        self.opens_after_s = watchdog_s
        self._watchdog_ms = round(watchdog_s * 1000)
        self._layout = 0

    async def forbid(self) -> None:
        await self.write(CURRENT, 0)

    async def prepare(self) -> None:
        """Awake, its watchdog and the current without us, then unlocked; its bounds as set by DIP switches."""
        await self.ensure(STANDBY, AWAKE, "standby")
        await self.ensure(SAFE_CURRENT, 0, "the current without us")
        await self.ensure_time_out(WATCHDOG, self._watchdog_ms, 1000)
        await self.ensure(REMOTE_LOCK, UNLOCKED, "the remote lock")
        self._layout = (await self.inputs(LAYOUT))[0]
        most, least = await self.inputs(MOST, 2)
        self.most_a, self.least_a = float(most or 16), float(max(least, 6))

    async def allow(self, current_a: float) -> None:
        await self.write(CURRENT, round(current_a * 10))

    async def look(self) -> Look:
        has_energy = self._layout >= WITH_ENERGY
        words = await self.inputs(LAYOUT, 15 if has_energy else 10)
        state = words[STATE - LAYOUT]
        held = (await self.holding(CURRENT))[0]
        volts = words[VOLTAGES - LAYOUT : EXTERN_LOCK - LAYOUT]
        currents = three(word / 10 for word in words[CURRENTS - LAYOUT : TEMPERATURE - LAYOUT])
        finding = FINDINGS.get(state)
        if state == 10 and not words[EXTERN_LOCK - LAYOUT]:
            finding = Finding(finding.status, finding.cause, "its external lock input is open") if finding else None
        return Look(
            letter=LETTERS.get(state, Letter.F),
            findings=(finding,) if finding else (),
            is_closed=state in (7, 8),
            is_offered=state in (5, 7, 8),
            held_a=held / 10,
            current_a=currents,
            voltage_v=float(max(volts)),
            power_w=float(words[POWER - LAYOUT])
            if has_energy
            else sum(a * v for a, v in zip(currents, volts, strict=True)),
            energy_wh=float(u32(words, ENERGY - LAYOUT)) if has_energy else None,
        )

    async def identify(self) -> Identity:
        layout = (await self.inputs(LAYOUT))[0]
        try:
            software = (await self.inputs(SOFTWARE))[0]
        except Refused:  # layout before 1.0.5
            software = 0
        return Identity(
            vendor="Heidelberg",
            model="Energy Control",
            firmware_version=str(software) if software else "",
            hardware_version=f"layout {layout >> 8}.{layout >> 4 & 15}.{layout & 15}",
        )

    async def diagnose(self) -> Diagnosis:
        words = await self.inputs(LAYOUT, 10)
        state, is_locked = words[STATE - LAYOUT], not words[EXTERN_LOCK - LAYOUT]
        findings: tuple[str, ...] = (FINDINGS[state].text,) if state in FINDINGS else ()
        if is_locked:
            findings += ("its external lock input is open",)
        return Diagnosis(t1_c=signed(words[TEMPERATURE - LAYOUT]) / 10, findings=findings)


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    if not 1 <= address <= 15:
        return None
    box = Heidelberg(port, address)
    try:
        words = await box.inputs(LAYOUT, 10)
        most, least = await box.inputs(MOST, 2)
    except Refused:
        return None
    is_one = 0x100 <= words[0] <= 0x1FF and 1 <= words[1] <= 11 and 6 <= least <= most <= 16
    return await box.identify() if is_one else None
