"""SmartEVSE-3 as a node of a master, which is this station: Modbus RTU, 9600 8N1, node addresses 2..8.

Wiring: RS-485 A and B; in its menu set the load balancing ("PWR SHARE") to Node 1..7, which are addresses 2..8, and its
start to "Switch: disabled".
Source: SmartEVSE-3 firmware (public source), files modbus.cpp and main.cpp.
Quirks: a node asks its master before it offers current (states 4 and 6) and stops when it has not heard the currents
of register 0020h for 11 s. Masters broadcast those to address 9, for all nodes; here each node is told its own, at its
own address, which the firmware takes the same way and does not answer. Writing 0 currents makes it end the charge.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Request, encode_request, read_input, write_registers
from drivers.controllers.box import Finding, Letter, Look, bits, signed, three
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port, Priority

S, C = ControllerStatus, Cause

STATE, WORDS = 0x0000, 0x0B
ERRORS, CURRENT, ACCESS, MOST, PHASES, REAL, TEMPERATURE = 1, 2, 5, 7, 8, 9, 10
SERIAL = 0x000B
BALANCED, NODES = 0x0020, 8
EV_METER = 0x0108
ASKS_B, B_OK, ASKS_C, C_OK = 4, 5, 6, 7
NODE_TIME_OUT_S = 11.0

LETTERS = {
    0: Letter.A, 1: Letter.B, 2: Letter.C, 3: Letter.D, 4: Letter.B, 5: Letter.B, 6: Letter.C, 7: Letter.C,
    8: Letter.B, 9: Letter.B, 10: Letter.C, 11: Letter.B, 12: Letter.B, 13: Letter.B, 14: Letter.B,
}  # fmt: skip
CLOSED = (2, 7, 10)
OFFERED = (1, 2, 3, 5, 6, 7)

ERROR_BITS = {
    2: Finding(S.E7_OVERHEAT, C.OVERHEAT, "too hot inside"),
    4: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "residual current"),
    5: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "self-test of the residual current monitor failed"),
    6: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "test of its inputs and outputs failed"),
    7: Finding(S.E6_ELECTROMECHANICAL, C.OTHER, "its program memory is damaged"),
}
HINT_BITS = {
    0: Finding(S.F_UNKNOWN, C.NONE, "less than 6 A are available"),
    1: Finding(S.F_UNKNOWN, C.NONE, "it had not heard its master"),
    3: Finding(S.F_UNKNOWN, C.NONE, "its vehicle meter does not answer"),
}
"""What a technician wants to know; none of it keeps it from charging."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=2, le=8, description='"Node 1" of its menu is 2, "Node 7" is 8')] = 2


ABOUT = About(
    vendor="Stegen Electronics",
    models=("SmartEVSE-3",),
    ports=("serial",),
    lines=(Line(9600),),
    addresses=(2, 3, 4, 5, 6, 7, 8),
    abilities=("current limit in 0.1 A", "temperature", "faults", "serial number", "own watchdog"),
    source="SmartEVSE-3 firmware, modbus.cpp",
    confidence=1,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "It opens when it has heard nothing for 11 s, which is longer than the lease of 5 s and cannot be changed.",
        "Set it to Node (load balancing) in its menu; as a stand-alone device it is a Modbus master itself.",
        "Its plug lock works by itself.",
        "Do not put another SmartEVSE master on the same line.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(SmartEvse(port, settings.address))


class SmartEvse(ModbusBox):
    family = "smartevse"
    fail_safe = FailSafe.OPENS
    opens_after_s = NODE_TIME_OUT_S
    keep_alive_s = NODE_TIME_OUT_S / 4
    step_a = 0.1
    quiet_s = 0.05

    def __init__(self, port: Port, address: int) -> None:
        super().__init__(port, address)
        self._told_a = 0.0
        self._has_meter = False

    async def forbid(self) -> None:
        """No access, which it acknowledges, and no current, which it does not."""
        self._told_a = 0.0
        await self.write(ACCESS, 0)
        await self.keep_alive()

    async def prepare(self) -> None:
        words = await self.inputs(STATE, WORDS)
        self.most_a = float(words[MOST]) if 6 <= words[MOST] <= 80 else 16.0
        try:
            self._has_meter = (await self.holding(EV_METER))[0] != 0
        except Refused:
            self._has_meter = False

    async def allow(self, current_a: float) -> None:
        self._told_a = current_a
        await self.keep_alive()
        await self.write(ACCESS, 1)

    async def keep_alive(self) -> None:
        """Its row of the table of currents; nobody answers."""
        request = currents(self.address, self.address, round(self._told_a * 10))
        frame = encode_request(request, self.port.wire.carrier)
        await self.port.tell(frame, device=self.address, priority=Priority.ORDER, quiet_s=self.quiet_s)

    async def look(self) -> Look:
        words = await self.inputs(STATE, WORDS)
        state = words[STATE]
        if self._told_a > 0 and state in (ASKS_B, ASKS_C):
            await self.write(STATE, (B_OK if state == ASKS_B else C_OK, words[ERRORS] & ~1))
        real_a = words[REAL] / 10
        phases = min(max(words[PHASES], 1), 3)
        return Look(
            letter=LETTERS.get(state, Letter.F),
            findings=bits(words[ERRORS] & ~sum(1 << bit for bit in HINT_BITS), ERROR_BITS),
            is_closed=state in CLOSED,
            is_offered=state in OFFERED and words[CURRENT] > 0,
            limit_a=words[CURRENT] / 10 if state in (1, 2) and words[CURRENT] else None,
            current_a=three(real_a if phase < phases else 0.0 for phase in range(3)) if self._has_meter else None,
        )

    async def identify(self) -> Identity:
        try:
            serial = (await self.inputs(SERIAL))[0]
        except Refused:
            serial = 0
        return Identity(vendor="Stegen Electronics", model="SmartEVSE-3", serial=str(serial) if serial else "")

    async def diagnose(self) -> Diagnosis:
        words = await self.inputs(STATE, WORDS)
        errors = words[ERRORS]
        return Diagnosis(
            module_temperature_c=float(signed(words[TEMPERATURE])),
            findings=tuple(finding.text for finding in bits(errors, ERROR_BITS | HINT_BITS)),
        )


def currents(address: int, node: int, deciamperes: int) -> Request:
    """The table of currents with a value for the node at address `node`, to `address` (9: all nodes)."""
    return write_registers(address, BALANCED, [deciamperes if at == node else 0 for at in range(1, NODES + 1)])


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    if not 2 <= address <= 8:
        return None
    try:
        words = await port.exchange(read_input(address, STATE, WORDS))
    except Refused:
        return None
    is_one = words[STATE] in LETTERS and words[ACCESS] <= 1 and 6 <= words[MOST] <= 80 and 1 <= words[PHASES] <= 3
    return await SmartEvse(port, address).identify() if is_one else None
