"""Bender CC612 and CC613 charge controllers (also inside wall boxes of many names): Modbus TCP, port 502 (503 for a
second connector), any unit.

Wiring: network; contactor, lock, residual current monitor and meter hang on the controller.
Source: Bender, Modbus TCP server of the charge controller (register set "Ebee/Bender"); a public driver.
Quirks: in its web configuration set the register set to Bender and the energy management input to Modbus; its own OCPP
link must not start charges (set it to free charging). Registers of two words have the high word first, but the error
codes have the low one first. 0xFFFFFFFF stands for a value it does not have.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.controllers.box import Finding, Letter, Look, text_of, three, u32
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity, VehicleData
from drivers.ports.port import Port

FIRMWARE, OCPP_STATE, ERRORS, ERROR_WORDS, PROTOCOL, STATE, AVAILABLE = 100, 104, 105, 8, 120, 122, 124
SAFE_CURRENT, WATCHDOG, MOST, RELAY, MODEL, MODEL_WORDS = 131, 132, 133, 140, 142, 10
METER, METER_WORDS, SMART, EVCC, EVCC_WORDS, LIMIT = 212, 16, 740, 741, 6, 1000
NOTHING, NO_WORD = 0xFFFF_FFFF, 0xFFFF
OCPP_FAULTED = 8

LETTERS = {1: Letter.A, 2: Letter.B, 3: Letter.C, 4: Letter.D, 5: Letter.E}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="Modbus unit; it answers to any")] = 255
    watchdog_s: Annotated[int, Meta(ge=2, le=60, description="it opens when it has heard nothing for this long")] = 5


ABOUT = About(
    vendor="Bender",
    models=("CC612", "CC613"),
    ports=("tcp",),
    addresses=(255,),
    abilities=("current limit", "meter values", "contactor state", "faults", "vehicle's identifier", "own watchdog"),
    source="Bender charge controller, Modbus TCP server, register set Bender",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "It opens when it has heard nothing for watchdog_s (5 s; registers 131 and 132), plus its own reaction.",
        "Its own OCPP client and card reader must let every vehicle charge: this station decides by the limit.",
        "A second connector answers on the next port number (503).",
        "What the bits of its error codes mean is not published with the register list: they are told as numbers.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(BenderCc(port, settings.address, settings.watchdog_s))


class BenderCc(ModbusBox):
    family = "bender_cc"
    fail_safe = FailSafe.OPENS

    def __init__(self, port: Port, address: int, watchdog_s: int = 5) -> None:
        super().__init__(port, address)
        self.opens_after_s = float(watchdog_s)
        self._watchdog_s = watchdog_s
        self._has_meter = True
        self._has_relay = True

    async def forbid(self) -> None:
        await self.write(LIMIT, 0)

    async def prepare(self) -> None:
        await self.ensure(SAFE_CURRENT, 0, "the current without us")
        await self.ensure_time_out(WATCHDOG, self._watchdog_s, 1)
        await self.ensure(AVAILABLE, 1, "availability")
        most = (await self.holding(MOST))[0]
        self.most_a = float(most) if 6 <= most <= 80 else 80.0

    async def allow(self, current_a: float) -> None:
        await self.write(LIMIT, round(current_a))

    async def look(self) -> Look:
        ocpp, *errors = await self.holding(OCPP_STATE, 1 + ERROR_WORDS)
        state = (await self.holding(STATE))[0]
        held = (await self.holding(LIMIT))[0]
        relay = await self._relay()
        letter = LETTERS.get(state, Letter.F)
        findings: tuple[Finding, ...] = ()
        if letter is Letter.E or (ocpp == OCPP_FAULTED and any(errors)):
            text = "; ".join(_codes(errors)) or "state E"
            findings = (Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.OTHER, text),)
        current_a, voltage_v, power_w, energy_wh = await self._metered()
        return Look(
            letter=letter,
            findings=findings,
            is_closed=None if relay is None else relay != 0,
            is_offered=held > 0,
            held_a=float(held),
            current_a=current_a,
            voltage_v=voltage_v,
            power_w=power_w,
            energy_wh=energy_wh,
        )

    async def _relay(self) -> int | None:
        if not self._has_relay:
            return None
        try:
            relay = (await self.holding(RELAY))[0]
        except Refused:  # an older register set
            self._has_relay = False
            return None
        return None if relay == NO_WORD else relay

    async def _metered(self) -> tuple[tuple[float, float, float] | None, float | None, float | None, float | None]:
        """Currents, voltage, power and energy of its meter; None for what it does not have now."""
        if not self._has_meter:
            return None, None, None, None
        try:
            words = await self.holding(METER, METER_WORDS)
        except Refused:
            self._has_meter = False
            return None, None, None, None
        values = [u32(words, at) for at in range(0, METER_WORDS, 2)]
        if NOTHING in values[:3]:
            return None, None, None, None
        volts = [value for value in values[5:8] if value != NOTHING]
        return (
            three(value / 1000 for value in values[:3]),
            float(max(volts, default=0)) or None,
            None if values[4] == NOTHING else float(values[4]),
            None if values[3] == NOTHING else float(values[3]),
        )

    async def identify(self) -> Identity:
        firmware = text_of(await self.holding(FIRMWARE, 2))
        protocol = (await self.holding(PROTOCOL))[0]
        try:
            model = text_of(await self.holding(MODEL, MODEL_WORDS))
        except Refused:
            model = ""
        return Identity(
            vendor="Bender", model=model or "CC612/CC613", firmware_version=firmware, protocol_version=protocol
        )

    async def vehicle(self) -> VehicleData:
        try:
            if (await self.holding(SMART))[0] != 1:
                return VehicleData()
            return VehicleData(uid=text_of(await self.holding(EVCC, EVCC_WORDS, is_private=True)))
        except Refused:
            return VehicleData()

    async def diagnose(self) -> Diagnosis:
        errors = await self.holding(ERRORS, ERROR_WORDS)
        return Diagnosis(findings=_codes(errors))


def _codes(words: list[int] | tuple[int, ...]) -> tuple[str, ...]:
    """Four error codes of two words, low word first; those that are not 0."""
    codes = [words[at] | words[at + 1] << 16 for at in range(0, ERROR_WORDS, 2)]
    return tuple(f"error code {n} = 0x{code:08X}" for n, code in enumerate(codes, 1) if code not in (0, NOTHING))


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    box = BenderCc(port, address)
    try:
        identity = await box.identify()
        state = (await box.holding(STATE))[0]
    except Refused:
        return None
    return identity if state in LETTERS and identity.firmware_version[:1].isdigit() else None
