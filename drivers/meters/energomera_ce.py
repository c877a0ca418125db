"""Energomera CE102 by the CE protocol (SLIP), RS-485, 9600 8N1.

Source: public implementations (one line of descent). Values are whole numbers, high byte first: voltage 0.01 V, current
0.01 A, power 0.001 W; the energy's number stands behind three bytes of date, low byte first, 0.01 kWh.
Quirks: only the single-phase CE102 is known well enough; how CE301M, CE306 and CE307 give their phases is not.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.slip import AskCe
from drivers.errors import BadFrame, Refused
from drivers.interfaces import EnergyMeter, Identity, MeterReading
from drivers.meters.plausibility import Judge
from drivers.ports.port import Port

TIMEOUT_S = 1.0
PING, SERIAL, ENERGY, VOLTAGE, CURRENT, POWER = 0x0001, 0x011A, 0x012F, 0x0180, 0x0181, 0x0182
ALL_TARIFFS = b"\x00\x00"


class Model(enum.StrEnum):
    CE102 = "CE102"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=0xFFFF, description="often the serial number's last digits")]
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.CE102
    password: Annotated[int, Meta(ge=0, le=0xFFFF_FFFF, description="of the user level")] = 0


ABOUT = About(
    vendor="Energomera",
    models=tuple(Model),
    ports=("serial",),
    lines=(Line(9600),),
    abilities=("import", "1 phase", "recognised"),
    source="energomera_ce of wb-mqtt-serial, esphome-energomera-ce",
    confidence=1,
    quirks=("CE102M speaks another protocol: driver energomera.", "Energy in steps of 10 Wh."),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return CeMeter(settings, port)


async def recognise(port: Port, address: int) -> Identity | None:
    """By the answer to a ping. Raises NoAnswer."""
    try:
        await port.ask(AskCe(address, PING, "ping"), timeout_s=TIMEOUT_S)
    except (BadFrame, Refused):
        return None
    return Identity(vendor="Energomera", model=Model.CE102.value)


class CeMeter:
    """One meter."""

    def __init__(self, settings: Settings, port: Port) -> None:
        self._settings = settings
        self._port = port
        self._where = f"meter {settings.address} on port '{port.name}'"
        self._judge = Judge(self._where)
        self._identity = Identity(vendor="Energomera", model=settings.model.value)

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        energy = await self._ask(ENERGY, "energy", ALL_TARIFFS)
        if len(energy) not in (4, 7):
            raise BadFrame(f"{self._where}: an energy of {len(energy)} bytes")
        power, voltage, current = [
            int.from_bytes(await self._ask(command, name), "big")
            for command, name in ((POWER, "power"), (VOLTAGE, "voltage"), (CURRENT, "current"))
        ]
        return self._judge.reading(
            energy_wh=10 * int.from_bytes(energy[-4:], "little"),
            power_w=power / 1000,
            voltage_v=[voltage / 100],
            current_a=[current / 100],
        )

    async def identify(self) -> Identity:
        """Its serial number, when it tells it. Raises NoAnswer and the like."""
        await self._ask(PING, "ping")
        try:
            serial = await self._ask(SERIAL, "serial number", b"\x00")
        except Refused:
            return self._identity
        text = serial.decode("ascii", errors="replace").strip("\0 ")
        return structs.replace(self._identity, serial=text if text.isalnum() else serial.hex().upper())

    async def _ask(self, command: int, name: str, data: bytes = b"") -> bytes:
        question = AskCe(self._settings.address, command, name, data, self._settings.password)
        return await self._port.ask(question, timeout_s=TIMEOUT_S)
