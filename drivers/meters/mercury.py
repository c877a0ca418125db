"""Mercury 230, 231, 233, 234 and 236 (Incotex): three-phase meters with a protocol of their own, RS-485, 9600 8N1.

Source: Incotex, exchange protocol of Mercury 230 and its successors (2019), and independent public implementations.
Quirks: the meter answers only within a channel, which is opened with a password and closes by itself after four
minutes without a question or when the meter was switched on anew (status 5): then it is opened again and the question
repeated. Address 0 means any: for one meter alone on its line. Some meters take the password as numbers, some as
characters. Mercury 234 may be delivered with DLMS instead: such a one does not answer here.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.mercury import Ask, energy_wh, instants, serial_number
from drivers.errors import BadFrame, Refused
from drivers.interfaces import EnergyMeter, Identity, MeterReading
from drivers.meters.plausibility import Judge
from drivers.ports.port import Port

QUIET_S = 0.005
TIMEOUT_S = 0.5
USER = 1


class Model(enum.StrEnum):
    M230 = "230"
    M231 = "231"
    M233 = "233"
    M234 = "234"
    M236 = "236"


class PasswordAs(enum.StrEnum):
    NUMBERS = "numbers"
    CHARACTERS = "characters"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=0, le=240, description="often the last digits of the serial number; 0: the only meter on its line")
    ] = 0
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.M230
    password: Annotated[str, Meta(pattern="^[0-9]{6}$", description="of the user level; six digits")] = "111111"  # noqa: S105
    password_as: Annotated[
        PasswordAs, Meta(description="how the meter wants the password: its digits as numbers or as characters")
    ] = PasswordAs.NUMBERS
    more_values: Annotated[
        bool, Meta(description="read power factor and frequency, too: two requests more for each reading")
    ] = False


ABOUT = About(
    vendor="Incotex",
    models=tuple(f"Mercury {model}" for model in Model),
    ports=("serial",),
    lines=(Line(9600),),
    addresses=(0,),
    abilities=("import", "export", "3 phases", "frequency", "power factor", "serial number", "recognised"),
    source="Incotex, exchange protocol of Mercury 230 (2019); mercury236, wb-mqtt-serial",
    confidence=2,
    quirks=(
        "If the channel is refused although the password is right, set password_as the other way.",
        "Mercury 234 with DLMS/SPODES does not answer this protocol.",
        "Four to six requests make a reading: at 9600 baud about 0.3 s. Give it a line of its own.",
    ),
    is_modbus=False,
)

VOLTAGE = (b"\x08\x16\x11", 9, "voltage")
CURRENT = (b"\x08\x16\x21", 9, "current")
POWER = (b"\x08\x16\x00", 12, "power")
POWER_FACTOR = (b"\x08\x16\x30", 12, "power factor")
FREQUENCY = (b"\x08\x16\x40", 3, "frequency")
ENERGY = (b"\x05\x00\x00", 16, "energy since reset")
SERIAL = (b"\x08\x00", 7, "serial number")


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return MercuryMeter(settings, port)


async def recognise(port: Port, address: int) -> Identity | None:
    """By a good answer to the test question, which needs no channel. Raises NoAnswer."""
    try:
        await port.ask(Ask(bytes((address,)), b"\x00", 1, "test"), timeout_s=TIMEOUT_S, quiet_s=QUIET_S)
    except (BadFrame, Refused):
        return None
    return Identity(vendor="Incotex", model="Mercury 230")


class MercuryMeter:
    """One meter. Values of a reading are asked for one after another."""

    def __init__(self, settings: Settings, port: Port) -> None:
        self._settings = settings
        self._port = port
        self._address = bytes((settings.address,))
        self._where = f"meter at address {settings.address} on port '{port.name}'"
        self._judge = Judge(self._where)
        self._identity = Identity(vendor="Incotex", model=f"Mercury {settings.model.value}")

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        energy = await self._ask(*ENERGY)
        imported, exported = energy_wh(energy[0:4]), energy_wh(energy[4:8])
        power = instants(await self._ask(*POWER))
        voltage = instants(await self._ask(*VOLTAGE))
        current = instants(await self._ask(*CURRENT))
        factor = frequency = None
        if self._settings.more_values:
            factor = instants(await self._ask(*POWER_FACTOR))[0] / 1000
            frequency = instants(await self._ask(*FREQUENCY))[0] / 100
        return self._judge.reading(
            energy_wh=float("nan") if imported is None else imported,
            energy_export_wh=exported,
            power_w=power[0] / 100,
            voltage_v=[each / 100 for each in voltage],
            current_a=[each / 1000 for each in current],
            power_factor=factor,
            frequency_hz=frequency,
        )

    async def identify(self) -> Identity:
        """Its serial number. Raises NoAnswer and the like."""
        return structs.replace(self._identity, serial=serial_number(await self._ask(*SERIAL)))

    async def _ask(self, body: bytes, size: int, name: str) -> bytes:
        """Ask within the channel; open it when it is closed, once."""
        question = Ask(self._address, body, size, name)
        found = await self._port.ask(question, timeout_s=TIMEOUT_S, quiet_s=QUIET_S)
        if not found:
            await self._open()
            found = await self._port.ask(question, timeout_s=TIMEOUT_S, quiet_s=QUIET_S)
        if not found:
            raise Refused(f"{self._where}: {name}: its channel does not stay open")
        return found

    async def _open(self) -> None:
        """Raises Refused when the meter does not take the password."""
        password = self._settings.password
        numbers = bytes(int(digit) for digit in password)
        secret = numbers if self._settings.password_as is PasswordAs.NUMBERS else password.encode("ascii")
        question = Ask(self._address, bytes((1, USER)) + secret, 1, "open the channel")
        try:
            await self._port.ask(question, timeout_s=TIMEOUT_S, quiet_s=QUIET_S)
        except Refused as error:
            raise Refused(f"{error}. Check password and password_as.") from None
