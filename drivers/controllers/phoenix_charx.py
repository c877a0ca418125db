"""Phoenix Contact CHARX control modular (SEC-3xxx, with further modules): Modbus TCP, port 502, unit 1.

Wiring: network; one controller serves up to 48 connectors, `options = { connector = 2 }` says which.
Source: Phoenix Contact, CHARX SEC manual UM EN CHARX SEC (register areas), and a public driver.
Quirks: set "release charging" of the connector to Modbus on its web page. No time-out of its own for this interface is
documented: it goes on as it was told when nobody talks to it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.controllers.box import Finding, Letter, Look, signed, text_of, three, u32
from drivers.controllers.leased import LeasedBox
from drivers.controllers.modbus_box import ModbusBox
from drivers.errors import Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, FailSafe, Identity, VehicleData
from drivers.ports.port import Port

NAME, NAME_WORDS, SOFTWARE, SOFTWARE_WORDS, CONNECTORS = 100, 10, 110, 4, 114
METER, VOLTAGES, METER_WORDS, EVCC, EVCC_WORDS, STATE, RELEASE, MOST = 112, 232, 22, 265, 10, 299, 300, 301
SPAN = 1000
NO_METER = (0, 0xFFFF)

FAULTS = {
    Letter.E: Finding(ControllerStatus.E3_EV_FAULT, Cause.PILOT_FAULT, "state E: fault at the pilot or the vehicle"),
    Letter.F: Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.OTHER, "state F: the connector is not available"),
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="Modbus unit: 1 or 255")] = 1
    connector: Annotated[int, Meta(ge=1, le=48, description="which connector of the controller it is")] = 1


ABOUT = About(
    vendor="Phoenix Contact",
    models=("CHARX SEC-3000", "CHARX SEC-3050", "CHARX SEC-3100", "CHARX SEC-3150", "CHARX SEC-1000"),
    ports=("tcp",),
    addresses=(1, 255),
    abilities=("current limit", "meter values", "vehicle's identifier"),
    source="Phoenix Contact, UM EN CHARX SEC; a public driver",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "No watchdog is documented for Modbus: put a contactor before it, or accept the lower class.",
        "Set the release of the connector to Modbus on its web page, otherwise register 300 has no effect.",
        "States E and F are all that it tells of faults.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return LeasedBox(Charx(port, settings.address, settings.connector))


class Charx(ModbusBox):
    family = "phoenix_charx"
    fail_safe = FailSafe.NONE
    most_a = 80.0

    def __init__(self, port: Port, address: int, connector: int = 1) -> None:
        super().__init__(port, address)
        self._base = connector * SPAN
        self._connector = connector
        self._has_meter = False

    @property
    def where(self) -> str:
        return f"{super().where}, connector {self._connector}"

    async def forbid(self) -> None:
        await self.write(self._base + RELEASE, (0, 0))

    async def prepare(self) -> None:
        count = (await self.holding(CONNECTORS))[0]
        if self._connector > count:
            raise Refused(f"{self.where}: it has {count} connectors")
        self._has_meter = (await self.holding(self._base + METER))[0] not in NO_METER

    async def allow(self, current_a: float) -> None:
        await self.write(self._base + RELEASE, (1, round(current_a)))

    async def look(self) -> Look:
        state, release, most = await self.holding(self._base + STATE, 3)
        letter, digit = chr(state >> 8), chr(state & 0xFF)
        found = Letter(letter) if letter in Letter.__members__ else Letter.F
        is_offered = release == 1 and most > 0 and digit != "1"
        look = Look(
            letter=found,
            findings=(FAULTS[found],) if found in FAULTS else (),
            is_offered=is_offered,
            held_a=float(most) if release == 1 else 0.0,
        )
        return await self._with_meter(look) if self._has_meter else look

    async def _with_meter(self, look: Look) -> Look:
        words = await self.holding(self._base + VOLTAGES, METER_WORDS)
        values = [_i32(words, at) / 1000 for at in range(0, 14, 2)]
        high, low = u32(words, 18), u32(words, 20)
        return Look(
            letter=look.letter,
            findings=look.findings,
            is_offered=look.is_offered,
            held_a=look.held_a,
            voltage_v=max(values[0:3]),
            current_a=three(abs(value) for value in values[3:6]),
            power_w=values[6],
            energy_wh=float(high << 32 | low),
        )

    async def identify(self) -> Identity:
        name = text_of(await self.holding(NAME, NAME_WORDS))
        software = text_of(await self.holding(SOFTWARE, SOFTWARE_WORDS))
        return Identity(vendor="Phoenix Contact", model=name or "CHARX", firmware_version=software)

    async def vehicle(self) -> VehicleData:
        return VehicleData(uid=text_of(await self.holding(self._base + EVCC, EVCC_WORDS, is_private=True))[:20])


def _i32(words: tuple[int, ...], at: int) -> int:
    return signed(words[at]) * 0x1_0000 + words[at + 1]


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of these. Raises NoAnswer."""
    box = Charx(port, address)
    try:
        identity = await box.identify()
        state = (await box.holding(SPAN + STATE))[0]
    except Refused:
        return None
    return identity if chr(state >> 8) in Letter.__members__ and identity.firmware_version[:1].isdigit() else None
