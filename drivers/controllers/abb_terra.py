"""ABB Terra AC: wall box; Modbus RTU (RS-485) or TCP, firmware 1.6.5 or newer, address 1.

Wiring: RS-485 or network; set to "controlled by Modbus" with the TerraConfig app, charging allowed with ChargerSync.
Source: ABB, TACWB Modbus communication, document 10M1003 (RTU and TCP/IP), and public drivers of it.
Quirks: without a request for its communication time-out it stops the session by itself. Register 4105h (start and stop
of a session) is never written: a stopped session can only be allowed again with the app. Writing 0 to the socket lock
(4103h) while it charges ends the session, too; the write is answered only when the latch has moved, after a second.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import read_holding, write_register
from drivers.controllers.box import Finding, Letter, Look, bits, three, u32
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port, Priority

S, C = ControllerStatus, Cause

START, WORDS = 0x4000, 0x22
SERIAL, FIRMWARE, MOST, ERRORS, SOCKET, STATE, LIMIT, CURRENTS, VOLTAGES, POWER, ENERGY, TIME_OUT = (
    0, 4, 6, 8, 10, 12, 14, 16, 22, 28, 30, 32,
)  # fmt: skip
SET_LIMIT, SET_LOCK, SET_TIME_OUT = 0x4100, 0x4103, 0x4106
LOCK_TIMEOUT_S = 3.0
PLUGGED, LOCKED, WITH_VEHICLE = 0x001, 0x010, 0x100
STOPPED = 5

LETTERS = {0: Letter.A, 1: Letter.B, 2: Letter.B, 3: Letter.C, 4: Letter.C}
OUR_SILENCE_BIT = 14
ERROR_BITS = {
    1: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "residual current"),
    2: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "protective earth is missing, or phase and neutral are swapped"),
    3: Finding(S.E4_SHUTDOWN, C.OVERVOLTAGE, "mains voltage too high"),
    4: Finding(S.E4_SHUTDOWN, C.OTHER, "mains voltage too low"),
    5: Finding(S.E3_EV_FAULT, C.OVERCURRENT, "the vehicle takes more than offered"),
    6: Finding(S.E3_EV_FAULT, C.OVERCURRENT, "the vehicle takes much more than offered"),
    7: Finding(S.E7_OVERHEAT, C.OVERHEAT, "too hot inside"),
    10: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, "the power relay is in the wrong position"),
    11: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "its boards do not talk to each other"),
    12: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "the plug is not locked or unlocked"),
    13: Finding(S.E4_SHUTDOWN, C.OTHER, "a phase is missing"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="Modbus address as set with the app")] = 1
    watchdog_s: Annotated[
        int, Meta(ge=5, le=60, description="it stops the charge when it has heard nothing for this long")
    ] = 10


ABOUT = About(
    vendor="ABB",
    models=("Terra AC wallbox",),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(19200), Line(115200)),
    addresses=(1,),
    abilities=("current limit in mA", "meter values", "plug lock", "faults", "serial number", "own watchdog"),
    source="ABB, TACWB Modbus communication, 10M1003",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "It stops the session when it has heard nothing for watchdog_s (10 s; register 4106h): longer than the lease.",
        "Allow charging once with the ChargerSync app; the driver never writes register 4105h, which would undo that.",
        "Its energy counts the session only: it cannot be the connector's meter.",
        "With more current than it can give it tells its own, lower limit.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(AbbTerra(port, settings.address, settings.watchdog_s))


class AbbTerra(ModbusBox):
    family = "abb_terra"
    fail_safe = FailSafe.OPENS
    step_a = 0.001
    most_a = 32.0
    holds_less = True

    def __init__(self, port: Port, address: int, watchdog_s: int = 10) -> None:
        super().__init__(port, address)
        self.opens_after_s = float(watchdog_s)
        self._watchdog_s = watchdog_s

    async def forbid(self) -> None:
        await self.write(SET_LIMIT, (0, 0))

    async def prepare(self) -> None:
        await self.ask(write_register(self.address, SET_TIME_OUT, self._watchdog_s), Priority.ORDER)
        words = await self._all()
        self.settle_time_out(words[TIME_OUT], self._watchdog_s, 1, "4020h")
        most_a = u32(words, MOST) / 1000
        self.most_a = most_a if 6 <= most_a <= 80 else 32.0

    async def allow(self, current_a: float) -> None:
        milliamperes = round(current_a * 1000)
        await self.write(SET_LIMIT, (milliamperes >> 16, milliamperes & 0xFFFF))

    async def look(self) -> Look:
        words = await self._all()
        socket, held = u32(words, SOCKET), u32(words, LIMIT) / 1000
        state = words[STATE + 1] >> 8 & 0x7F
        if state == STOPPED:
            letter = Letter.B if socket >= (PLUGGED | WITH_VEHICLE) else Letter.A
        else:
            letter = LETTERS.get(state, Letter.F)
        return Look(
            letter=letter,
            findings=_findings(u32(words, ERRORS)),
            is_closed=state == 4,
            is_offered=state in (2, 4) and held > 0,
            is_locked=bool(socket & LOCKED),
            is_connected=bool(socket & WITH_VEHICLE) or None,
            held_a=held,
            current_a=three(u32(words, CURRENTS + at) / 1000 for at in (0, 2, 4)),
            voltage_v=max(u32(words, VOLTAGES + at) / 10 for at in (0, 2, 4)),
            power_w=float(u32(words, POWER)),
            energy_wh=float(u32(words, ENERGY)),
        )

    async def _all(self) -> tuple[int, ...]:
        return await self.ask(read_holding(self.address, START, WORDS))

    async def identify(self) -> Identity:
        return _identity(await self._all())

    async def diagnose(self) -> Diagnosis:
        errors = u32(await self._all(), ERRORS)
        return Diagnosis(findings=tuple(finding.text for finding in _findings(errors)))

    async def lock(self) -> None:
        await self._turn_lock(1)

    async def unlock(self) -> None:
        await self._turn_lock(0)

    async def _turn_lock(self, value: int) -> None:
        """It answers when the latch has moved."""
        request = write_register(self.address, SET_LOCK, value)
        await self.port.exchange(request, priority=Priority.ORDER, timeout_s=LOCK_TIMEOUT_S)


def _findings(errors: int) -> tuple[Finding, ...]:
    """That it had not heard us (bit 14) is no fault of it."""
    return bits(errors & ~(1 << OUR_SILENCE_BIT), ERROR_BITS)


def _identity(words: tuple[int, ...]) -> Identity:
    serial = "".join(f"{word:04X}" for word in words[SERIAL : SERIAL + 4])
    version = words[FIRMWARE] >> 8, words[FIRMWARE] & 0xFF, words[FIRMWARE + 1] >> 8
    return Identity(
        vendor="ABB",
        model="Terra AC",
        serial=serial if serial.strip("0") else "",
        firmware_version=".".join(map(str, version)),
    )


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    try:
        words = await port.exchange(read_holding(address, START, WORDS))
    except Refused:
        return None
    is_one = 6000 <= u32(words, MOST) <= 80_000 and words[STATE + 1] >> 8 & 0x7F <= STOPPED and words[FIRMWARE]
    return _identity(words) if is_one else None
