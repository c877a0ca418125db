"""Dold RN 5893: insulation monitor of a DC output, Modbus RTU.

Wiring: L(+) and L(-) to the output, both PE terminals to earth on separate wires (it watches them), RS485 A/B. The
address is set on the device; its driver elsewhere takes 30.
Source: EVerest, module DoldRN5893 (register numbers of Dold's data sheet: input 30001.., 32001.., holding 40001..,
42001..).
Quirks: resistance in steps of 100 ohm, FFFF is more than 2 Mohm; a resistance counts only in a measuring state.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.about import About, Line
from drivers.codecs.modbus import Request, read_holding, read_input, write_register, write_registers
from drivers.errors import BadFrame, DeviceError, Implausible, NoAnswer, Refused
from drivers.interfaces import Identity, InsulationMonitor, InsulationReading
from drivers.ports.port import Port

FAULT, VALUES = 0, 2000
"""Input registers 30001 (fault, state) and 32001 (resistance, -, voltage)."""
CONTROL, PARAMETERS, PARAMETER_COUNT = 0, 2000, 11
"""Holding registers 40001 and 42001."""
ALARM_AT, WARNING_AT = 5, 6
"""Places of the thresholds among the parameters, in kohm."""
START_TEST = 1 << 4
LEAST_KOHM, MOST_KOHM = 1, 2000
MOST_OHM = 2_000_000.0
SELF_TEST_S = 30.0
BEGINS_WITHIN_S = 5.0
LOOK_S = 0.5

INITIALISING, MEASURING, ERROR, SELF_TEST, ADVANCED_TEST, STOPPED, ALARM, WARNING = range(8)
FAULTS = {
    1: "broken wire at L(+) or L(-)",
    2: "broken wire at PE1 or PE2",
    3: "internal fault found in the self test",
    4: "its potentiometers are set wrongly",
    9: "fault of its Modbus",
    10: "checksum of its memory",
    11: "internal communication fault",
    12: "internal fault",
}
NO_VALUE = {
    INITIALISING: "it is still starting",
    SELF_TEST: "it tests itself",
    ADVANCED_TEST: "it tests itself",
    STOPPED: "its measurement is switched off",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the device")] = 30


ABOUT = About(
    vendor="Dold",
    models=("RN 5893",),
    ports=("serial", "tcp"),
    lines=(Line(9600, "E"), Line(9600)),
    addresses=(30,),
    abilities=("resistance", "voltage", "thresholds", "self test", "broken wires"),
    source="EVerest, module DoldRN5893",
    confidence=1,
    quirks=(
        "address and serial settings are set on the device; those given here are not confirmed by the maker's manual",
        "its thresholds are written only when they differ, since its memory wears",
        "it cannot be recognised: it tells nothing of itself",
    ),
)


def open_device(settings: Settings, port: Port) -> InsulationMonitor:
    """The monitor; nothing is asked yet."""
    return Rn5893(port, settings.address)


class Rn5893:
    """The monitor at `address` of `port`."""

    def __init__(self, port: Port, address: int) -> None:
        self._port = port
        self._address = address

    async def identify(self) -> Identity:
        """What is known of the kind, once it has answered. Raises as all that follow."""
        await self._ask(read_input(self._address, FAULT, 2))
        return Identity(vendor="Dold", model="RN 5893")

    async def prepare(self, warning_ohm: float, alarm_ohm: float) -> None:
        """Thresholds (rounded up to kohm), measurement on."""
        parameters = list(await self._ask(read_holding(self._address, PARAMETERS, PARAMETER_COUNT)))
        wanted = parameters[:]
        for at, ohm in ((ALARM_AT, alarm_ohm), (WARNING_AT, warning_ohm)):
            wanted[at] = math.ceil(ohm / 1000 - 1e-9)
            if not LEAST_KOHM <= wanted[at] <= MOST_KOHM:
                raise Refused(self._text(f"a threshold of {wanted[at]} kohm: it can be {LEAST_KOHM}..{MOST_KOHM}"))
        if wanted != parameters:
            await self._ask(write_registers(self._address, PARAMETERS, wanted))
            kept = await self._ask(read_holding(self._address, PARAMETERS, PARAMETER_COUNT))
            if (kept[ALARM_AT], kept[WARNING_AT]) != (wanted[ALARM_AT], wanted[WARNING_AT]):
                raise Refused(self._text(f"it kept the thresholds {kept[ALARM_AT]} and {kept[WARNING_AT]} kohm"))
        _, state = await self._ask(read_input(self._address, FAULT, 2))
        if state == STOPPED:
            await self._ask(write_register(self._address, CONTROL, 0))

    async def read(self) -> InsulationReading:
        """Raises Implausible in a state without a value, BadFrame for a state that it does not have."""
        fault, state = await self._ask(read_input(self._address, FAULT, 2))
        if not fault and state in NO_VALUE:
            raise Implausible(self._text(f"{NO_VALUE[state]} and has no value"))
        if state > WARNING:
            raise BadFrame(self._text(f"state {state}: it has none of that number"))
        resistance, _, voltage = await self._ask(read_input(self._address, VALUES, 3))
        text = FAULTS.get(fault, f"fault {fault}") if fault else ("error state" if state == ERROR else "")
        return InsulationReading(
            resistance_ohm=MOST_OHM if resistance == 0xFFFF else resistance * 100.0,
            is_at_least=resistance == 0xFFFF,
            warning=state == WARNING,
            alarm=state == ALARM,
            fault=text,
            voltage_v=float(voltage) if voltage not in (0, 0xFFFF) else None,
        )

    async def self_test(self) -> str:
        """At most 30 s. Raises NoAnswer and the like when the order itself fails.

        However it ends, the order is taken back: else no later test would begin.
        """
        await self._ask(write_register(self._address, CONTROL, 0))  # one that stands from before
        try:
            await self._ask(write_register(self._address, CONTROL, START_TEST))
            return await self._tested()
        finally:
            with suppress(DeviceError):
                await self._ask(write_register(self._address, CONTROL, 0))

    async def _tested(self) -> str:
        now = asyncio.get_running_loop().time
        begun, was_testing = now(), False
        while now() - begun < SELF_TEST_S:
            await asyncio.sleep(LOOK_S)
            try:
                fault, state = await self._ask(read_input(self._address, FAULT, 2))
            except (NoAnswer, BadFrame):
                continue
            if state == SELF_TEST:
                was_testing = True
            elif was_testing or fault:
                return FAULTS.get(fault, f"fault {fault}") if fault else ""
            elif now() - begun > BEGINS_WITHIN_S:
                return "the self test did not begin"
        return f"the self test did not end within {SELF_TEST_S:.0f} s"

    async def _ask(self, request: Request) -> tuple[int, ...]:
        return await self._port.exchange(request)

    def _text(self, what: str) -> str:
        return f"RN 5893 at address {self._address} on port '{self._port.name}': {what}"
