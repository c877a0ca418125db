"""OpenEVSE: charge controller with contactor, RAPI over its serial port, 115200 8N1 (old boards 9600).

Wiring: serial (TTL, or its USB adapter); the line is the controller's alone. A WiFi module must not sit on it, too.
Source: OpenEVSE firmware, rapi_proc.h, rapi_proc.cpp and J1772EvseController.cpp.
Quirks: it says lines unasked (its start, its changes of state); its heartbeat supervision falls to a current, never to
nothing (0 becomes its least current, 6 A); after its own start it charges by itself unless its boot lock is on; a
missed heartbeat is acknowledged only while it sleeps, because that sets its greatest current.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.about import Line as SerialLine
from drivers.codecs import rapi
from drivers.codecs.modbus import Carrier
from drivers.codecs.rapi import CheckSum, Line
from drivers.controllers.box import LEAST_A, Box, Finding, Letter, Look, duty_pct
from drivers.controllers.leased import LeasedBox
from drivers.errors import BadFrame, Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port, Priority

S, C = ControllerStatus, Cause

TIMEOUT_S = 0.5
SAFE_A = 6
ACKNOWLEDGED = 165
SLEEPS = (0xFE, 0xFF)
NO_SENSOR = -2560
CHARGING, CONNECTED, LOCKED_AT_BOOT = 0x0040, 0x0100, 0x4000

LETTERS = {1: Letter.A, 2: Letter.B, 3: Letter.C, 4: Letter.D}
FINDINGS = {
    0x05: Finding(S.E3_EV_FAULT, C.DIODE_FAULT, "the vehicle's pilot diode is missing"),
    0x06: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "residual current"),
    0x07: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "protective earth is missing"),
    0x08: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_WELDED, "its relay is stuck closed"),
    0x09: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "self-test of the residual current monitor failed"),
    0x0A: Finding(S.E7_OVERHEAT, C.OVERHEAT, "too hot inside"),
    0x0B: Finding(S.E3_EV_FAULT, C.OVERCURRENT, "the vehicle takes more than offered"),
    0x0E: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, "its relay does not close"),
    0x0F: Finding(S.E2_PREPARATION, C.OTHER, "proximity pilot shorted"),
    0x10: Finding(S.E2_PREPARATION, C.OTHER, "proximity pilot: no resistor"),
    0x11: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "its memory of settings is damaged"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    check_sum: Annotated[CheckSum, Meta(description="form of check sum of our lines; sum for firmware before 2.0")] = (
        CheckSum.XOR
    )
    watchdog_s: Annotated[
        int, Meta(ge=3, le=60, description="it falls to 6 A when it has heard no heartbeat for this long")
    ] = 5


ABOUT = About(
    vendor="OpenEVSE",
    models=("OpenEVSE", "OpenEVSE Plus", "emonEVSE"),
    ports=("serial",),
    lines=(SerialLine(115200), SerialLine(9600)),
    abilities=(
        "current limit",
        "current and voltage",
        "energy",
        "temperatures",
        "plug lock",
        "faults",
        "serial number",
    ),
    source="OpenEVSE firmware (public source): rapi_proc.h, J1772EvseController.cpp",
    confidence=2,
    fail_safe=FailSafe.SAFE_CURRENT,
    quirks=(
        "Without us it falls to 6 A after watchdog_s (5 s), it does not open: put a contactor before it whose I/O "
        "module has a watchdog, or accept the lower class.",
        "Its boot lock is switched on where its firmware has one; without, it charges by itself after its own start.",
        "It measures one current: on three phases the connector needs a meter of its own.",
    ),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(OpenEvse(port, settings.check_sum, settings.watchdog_s))


class Ask:
    """One command, for `Port.ask`; the answer is its `OK` or `NK` line. Unasked lines around it go to `on_unasked`."""

    device: Hashable = "openevse"
    reply_bytes = rapi.MOST_BYTES

    def __init__(self, command: str, form: CheckSum, on_unasked: Callable[[Line], None]) -> None:
        self.command = command
        self._form = form
        self._on_unasked = on_unasked

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return rapi.encode(self.command, self._form)

    def answer(self, data: bytes) -> Line | None:
        lines, rest = rapi.unasked(data)
        found = rapi.reply(rest)
        if found is not None:
            for line in lines:
                self._on_unasked(line)
        return found

    def __str__(self) -> str:
        return f"RAPI ${self.command}"


class OpenEvse(Box):
    fail_safe = FailSafe.SAFE_CURRENT

    def __init__(self, port: Port, form: CheckSum = CheckSum.XOR, watchdog_s: int = 5) -> None:
        self._port = port
        self._form = form
        self._starts = 0
        self.opens_after_s = float(watchdog_s)
        self.keep_alive_s = watchdog_s / 4
        self._has_boot_lock = True
        self._is_forbidden = False
        self._rest = b""
        port.on_unasked = self._unasked

    @property
    def where(self) -> str:
        return f"openevse on port '{self._port.name}'"

    async def forbid(self) -> None:
        """Asleep: the vehicle is told to stop first, then its relay opens.

        In a fault it is off by itself, and sleep would hide which: then it is sent to sleep when the fault is over.
        """
        self._is_forbidden = True
        if _hex(await self._known("GS"), 0) not in FINDINGS:
            await self._order("FS")

    async def prepare(self) -> None:
        """Heartbeat supervision and boot lock; a heartbeat that was missed is acknowledged while it sleeps."""
        await self._order(f"SY {round(self.opens_after_s)} {SAFE_A}")
        await self._order(f"SY {ACKNOWLEDGED}")
        self._has_boot_lock = (await self._ask("FF L 1")).kind == "OK"
        if self._has_boot_lock:
            await self._order("SB")
        found = await self._ask("GC")
        if found.kind == "OK" and len(found.words) >= 2 and all(word.isdigit() for word in found.words):
            least_a, most_a = float(found.words[0]), float(found.words[-1])
            if LEAST_A <= least_a <= most_a <= Box.most_a:  # else it is the late answer to another question
                self.least_a, self.most_a = least_a, most_a

    async def allow(self, current_a: float) -> None:
        """First the current, which must not be more than asked, then awake."""
        wanted = round(current_a)
        found = await self._ask(f"SC {wanted} V", Priority.ORDER)
        held = _number(found, 0)
        if held > wanted:
            raise Refused(f"{self.where}: {wanted} A were written, and it offers {held} A")
        self._is_forbidden = False
        await self._order("FE")

    async def keep_alive(self) -> None:
        """A heartbeat. Another time-out in the answer than the one that was set: it has started anew."""
        found = await self._ask("SY", Priority.ORDER)
        if found.words and found.words[0].isdigit() and int(found.words[0]) != round(self.opens_after_s):
            self._starts += 1

    async def look(self) -> Look:
        found = await self._known("GS")
        if self._is_forbidden and _hex(found, 0) not in (*SLEEPS, *FINDINGS):
            await self._order("FS")
            found = await self._known("GS")
        state, pilot = _hex(found, 0), _hex(found, 2) if len(found.words) > 2 else _hex(found, 0)
        flags = _hex(found, 3) if len(found.words) > 3 else None
        if flags is not None and flags & LOCKED_AT_BOOT:
            self._starts += 1  # it locks itself at each start; the line that tells of the start may have been lost
        held = _number(await self._known("GE"), 0)
        milliamperes, millivolts = (_number(found, at) for found in (await self._known("GG"),) for at in (0, 1))
        asleep = state in SLEEPS
        finding = FINDINGS.get(state)
        amperes = max(milliamperes, 0) / 1000
        return Look(
            letter=LETTERS.get(pilot if asleep else state, Letter.F),
            findings=(finding,) if finding else (),
            is_closed=None if flags is None else bool(flags & CHARGING),
            is_connected=None if flags is None else bool(flags & CONNECTED),
            is_offered=not asleep,
            held_a=0.0 if asleep else None if finding else float(held),
            boot=self._starts,
            current_a=(amperes, 0.0, 0.0) if milliamperes >= 0 else None,
            voltage_v=millivolts / 1000 if millivolts > 0 else None,
            power_w=amperes * millivolts / 1000 if milliamperes >= 0 and millivolts > 0 else None,
            energy_wh=_number(await self._known("GU"), 0) / 3600,
        )

    async def identify(self) -> Identity:
        found = await self._known("GV")
        number = await self._ask("GI")
        return Identity(
            vendor="OpenEVSE",
            model="OpenEVSE",
            serial=number.words[0] if number.kind == "OK" and number.words else "",
            firmware_version=found.words[0] if found.words else "",
        )

    async def diagnose(self) -> Diagnosis:
        state = _hex(await self._known("GS"), 0)
        temperatures = await self._ask("GP")
        told = [int(word) for word in temperatures.words if word.lstrip("-").isdigit()] + [NO_SENSOR] * 3
        clock, ambient, infrared = (None if value <= NO_SENSOR else value / 10 for value in told[:3])
        held = _number(await self._known("GE"), 0)
        findings: tuple[str, ...] = (FINDINGS[state].text,) if state in FINDINGS else ()
        if not self._has_boot_lock:
            findings += ("it has no boot lock: after its own start it charges by itself until it is asked",)
        return Diagnosis(
            control_pilot_duty_pct=duty_pct(held) if state not in SLEEPS else None,
            t1_c=ambient,
            t2_c=infrared,
            module_temperature_c=clock,
            findings=findings,
        )

    async def lock(self) -> None:
        await self._turn_lock("1")

    async def unlock(self) -> None:
        await self._turn_lock("0")

    async def _turn_lock(self, value: str) -> None:
        for parameter in ("M", value):
            if (await self._ask(f"S5 {parameter}", Priority.ORDER)).kind != "OK":
                raise self.cannot("be told to lock or unlock its plug")

    async def reboot(self) -> bool:
        await self._order("FR")
        return True

    async def set_clock(self, at: datetime) -> None:
        """Its clock has no zone: it gets the time as `at` has it."""
        await self._order(f"S1 {at.year % 100} {at.month} {at.day} {at.hour} {at.minute} {at.second}")

    async def _order(self, command: str) -> Line:
        found = await self._ask(command, Priority.ORDER)
        if found.kind != "OK":
            raise Refused(f"{self.where}: ${command}: it says no")
        return found

    async def _known(self, command: str) -> Line:
        found = await self._ask(command)
        if found.kind != "OK":
            raise Refused(f"{self.where}: ${command}: it does not know this question")
        return found

    async def _ask(self, command: str, priority: Priority = Priority.POLL) -> Line:
        return await self._port.ask(Ask(command, self._form, self._line), priority=priority, timeout_s=TIMEOUT_S)

    def _unasked(self, data: bytes) -> None:
        """What came while nothing was asked, in whatever pieces."""
        lines, rest = rapi.unasked(self._rest + data)
        self._rest = rest.rpartition(b"\r")[2][-rapi.MOST_BYTES :]
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        """Of what it says unasked only its start matters: everything else is looked at anyway."""
        if line.kind == "AB":
            self._starts += 1


def _number(line: Line, at: int) -> int:
    """Raises BadFrame."""
    try:
        return int(line.words[at])
    except (IndexError, ValueError):
        raise BadFrame(f"RAPI: no number {at + 1} in {' '.join((line.kind, *line.words))!r}") from None


def _hex(line: Line, at: int) -> int:
    """Raises BadFrame."""
    try:
        return int(line.words[at], 16)
    except (IndexError, ValueError):
        raise BadFrame(f"RAPI: no hexadecimal number {at + 1} in {' '.join((line.kind, *line.words))!r}") from None


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these (it has no address). Raises NoAnswer."""
    try:
        found = await port.ask(Ask("GV", CheckSum.XOR, lambda line: None), timeout_s=TIMEOUT_S)
    except (Refused, BadFrame):
        return None
    if found.kind != "OK" or len(found.words) < 2:
        return None
    return Identity(vendor="OpenEVSE", model="OpenEVSE", firmware_version=found.words[0])
