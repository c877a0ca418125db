"""Energomera CE102M, CE301, CE303 and CE308 by IEC 61107 (texts), RS-485, 9600 7E1.

Source: IEC 62056-21 and independent public implementations. All values are read without a session; GROUP fetches them
with one question. Powers are kW, energies kWh.
Quirks: characters are 7 bits with even parity: set data_bits = 7 and parity = "E" on the [[port]]. The check byte is
the sum of the bytes, not the exclusive or of the standard; `check` is for meters that keep to the standard. A meter
that does not know GROUP, or a parameter of it (E12, E17), is asked for each value by its name.
"""

from __future__ import annotations

import enum
import logging
import math
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.iec62056 import AskText, Check, group, number
from drivers.errors import BadFrame, Refused
from drivers.interfaces import EnergyMeter, Identity, MeterReading
from drivers.meters.plausibility import Judge
from drivers.ports.port import Port

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
TOTAL = 0x8
"""Bit of the total beside the phases 1, 2, 4."""
ENERGY, VOLTAGE, CURRENT, POWER, FREQUENCY = "1001", "4001", "4002", "4003", "400D"


class Model(enum.StrEnum):
    CE303 = "CE303"
    CE301 = "CE301"
    CE308 = "CE308"
    CE102M = "CE102M"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=0, le=999_999_999, description="as on the meter's display; 0: the only meter on its line")
    ] = 0
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.CE303
    check: Annotated[
        Check, Meta(description="the check byte: sum, as these meters do, or xor, as the standard says")
    ] = Check.SUM


ABOUT = About(
    vendor="Energomera",
    models=tuple(Model),
    ports=("serial",),
    lines=(Line(9600, "E", 1, 7),),
    addresses=(0,),
    abilities=("import", "1 or 3 phases", "frequency", "serial number", "recognised"),
    source="IEC 62056-21; wb-mqtt-serial, esphome-energomera-iec",
    confidence=2,
    quirks=(
        'The port needs data_bits = 7 and parity = "E".',
        "CE308 with DLMS/SPODES does not answer these texts.",
    ),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return EnergomeraMeter(settings, port)


async def recognise(port: Port, address: int) -> Identity | None:
    """By the answer to its serial number. Raises NoAnswer."""
    name = str(address) if address else ""
    try:
        found = await port.ask(AskText(name, "SNUMB()"), timeout_s=TIMEOUT_S)
    except (BadFrame, Refused):
        return None
    serial = _serial(found)
    return Identity(vendor="Energomera", model="CE30x", serial=serial) if serial else None


class EnergomeraMeter:
    """One meter. It is asked by GROUP, until it has said that it does not know that."""

    def __init__(self, settings: Settings, port: Port) -> None:
        self._port = port
        self._address = str(settings.address) if settings.address else ""
        self._check = settings.check
        self._where = f"meter {self._address or 'without address'} on port '{port.name}'"
        self._judge = Judge(self._where)
        self._identity = Identity(vendor="Energomera", model=settings.model.value)
        self._phases = 1 if settings.model is Model.CE102M else 3
        self._knows_group = True

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        if self._knows_group:
            try:
                return await self._read_group()
            except Refused as error:
                log.info("%s: asked value by value from now on: %s", self._where, error)
                self._knows_group = False
        return await self._read_singly()

    async def identify(self) -> Identity:
        """Its serial number. Raises NoAnswer and the like."""
        return structs.replace(self._identity, serial=_serial(await self._ask("SNUMB()")))

    async def _read_group(self) -> MeterReading:
        phases = (1 << self._phases) - 1
        power_mask = TOTAL if self._phases > 1 else 1
        wanted = {ENERGY: 1, VOLTAGE: phases, CURRENT: phases, POWER: power_mask, FREQUENCY: 1}
        found = await self._ask(group(wanted))
        if "GROUP" in found or not found:
            raise Refused(f"{self._where}: it does not know GROUP")
        return self._reading(
            self._numbers(found, ENERGY, 1),
            self._numbers(found, VOLTAGE, self._phases),
            self._numbers(found, CURRENT, self._phases),
            self._numbers(found, POWER, 1),
            self._numbers(found, FREQUENCY, 1),
        )

    async def _read_singly(self) -> MeterReading:
        names = (("ET0PE", 1), ("VOLTA", self._phases), ("CURRE", self._phases), ("POWEP", 1), ("FREQU", 1))
        found = [self._numbers(await self._ask(f"{name}()"), name, count) for name, count in names]
        return self._reading(*found)

    def _reading(
        self,
        energy: Sequence[float],
        voltage: Sequence[float],
        current: Sequence[float],
        power: Sequence[float],
        frequency: Sequence[float],
    ) -> MeterReading:
        return self._judge.reading(
            energy_wh=math.floor(energy[0] * 1000 + 1e-6) if math.isfinite(energy[0]) else energy[0],
            power_w=round(power[0] * 1000, 6),
            voltage_v=voltage,
            current_a=current,
            frequency_hz=frequency[0],
        )

    def _numbers(self, found: dict[str, list[str]], name: str, count: int) -> list[float]:
        """The first `count` values of `name`. A total may be followed by those of the tariffs."""
        values = found.get(name, [])
        if len(values) < count:
            raise BadFrame(f"{self._where}: {name} gives {len(values)} values, {count} were expected")
        return [number(each, f"{self._where}: {name}") for each in values[:count]]

    async def _ask(self, text: str) -> dict[str, list[str]]:
        return await self._port.ask(AskText(self._address, text, self._check), timeout_s=TIMEOUT_S)


def _serial(found: dict[str, list[str]]) -> str:
    """The number among `found`; empty for an error (E17) in its place."""
    text = (found.get("SNUMB") or [""])[0]
    return text if text.isdigit() else ""
