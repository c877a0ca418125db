"""Mercury 200, 201, 203 and 206 (Incotex): single-phase meters with a protocol of their own, RS-485, 9600 8N1.

Source: public implementations (one line of descent). The address is the number printed on the meter, in four bytes;
command 27 is the energy of four tariffs (BCD, 0.01 kWh), 63 voltage 0.1 V, current 0.01 A and power 1 W (BCD).
Quirks: there is no password and no channel. It counts import only and tells no frequency.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.mercury import Ask, bcd
from drivers.interfaces import EnergyMeter, Identity, MeterReading
from drivers.meters.plausibility import Judge
from drivers.ports.port import Port

QUIET_S = 0.005
TIMEOUT_S = 0.5
ENERGY, INSTANT = b"\x27", b"\x63"


class Model(enum.StrEnum):
    M206 = "206"
    M200 = "200"
    M201 = "201"
    M203 = "203"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=1, le=0xFFFF_FFFF, description="the network number: the serial number's last digits")
    ]
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.M206


ABOUT = About(
    vendor="Incotex",
    models=tuple(f"Mercury {model}" for model in Model),
    ports=("serial",),
    lines=(Line(9600),),
    abilities=("import", "1 phase"),
    source="mercury200 of wb-mqtt-serial",
    confidence=1,
    quirks=("Its address is the number on the meter: it cannot be searched for.", "Energy in steps of 10 Wh."),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return Mercury200(settings, port)


class Mercury200:
    """One meter."""

    def __init__(self, settings: Settings, port: Port) -> None:
        self._port = port
        self._address = settings.address.to_bytes(4, "big")
        self._judge = Judge(f"meter {settings.address} on port '{port.name}'")
        self._identity = Identity(vendor="Incotex", model=f"Mercury {settings.model.value}")
        self._number = str(settings.address)

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        tariffs = await self._ask(ENERGY, 16, "energy")
        now = await self._ask(INSTANT, 7, "voltage, current, power")
        return self._judge.reading(
            energy_wh=10 * sum(bcd(tariffs[at : at + 4]) for at in range(0, 16, 4)),
            power_w=bcd(now[4:7]),
            voltage_v=[bcd(now[0:2]) / 10],
            current_a=[bcd(now[2:4]) / 100],
        )

    async def identify(self) -> Identity:
        """Its number, once it has answered. Raises NoAnswer and the like."""
        await self._ask(INSTANT, 7, "voltage, current, power")
        return structs.replace(self._identity, serial=self._number)

    async def _ask(self, command: bytes, size: int, name: str) -> bytes:
        question = Ask(self._address, command, size, name, echoed=1)
        return await self._port.ask(question, timeout_s=TIMEOUT_S, quiet_s=QUIET_S)
