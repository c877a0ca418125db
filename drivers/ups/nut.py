"""Network UPS Tools: the server `upsd`, text lines over TCP port 3493; every supply that NUT has a driver for.

Source: Network UPS Tools, developer guide, chapter Network protocol information, and the list of variable names:
ups.status (OL on line, OB on battery, LB low battery, RB replace battery, FSD forced shutdown: its output is about to
be cut, whatever the mains, which counts as an empty battery), battery.charge in
percent, battery.runtime in seconds. Only GET is used; reading needs no user name.

Quirks: `upsd` must listen where the station can reach it (LISTEN in upsd.conf, 127.0.0.1 as delivered). Data that upsd
calls stale are no reading. A status that says neither OL nor OB (WAIT, OFF, empty) says nothing about the mains.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs.modbus import Carrier
from drivers.errors import Implausible, NoAnswer, Refused
from drivers.interfaces import FailSafe, Identity, SupplyReading, UninterruptibleSupply
from drivers.ports.port import Port

NAME = "^[A-Za-z0-9._-]+$"
SILENT = frozenset({"DATA-STALE", "DRIVER-NOT-CONNECTED"})
"""upsd answers, the supply behind it does not."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`name` is that of the [[ups]] section."""

    port: str
    name: Annotated[str, Meta(pattern=NAME, description="what upsd calls it, in brackets in ups.conf")] = "ups"


ABOUT = About(
    vendor="Network UPS Tools",
    models=("every supply NUT has a driver for",),
    ports=("tcp",),
    abilities=("mains or battery", "low battery", "charge", "remaining time", "serial number"),
    source="Network UPS Tools, developer guide, network protocol information",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "name of the section is the name in ups.conf; upsd.conf must let the station in (LISTEN)",
        "tested against a real upsd with dummy-ups, too",
    ),
    is_modbus=False,
)


class Said(Struct, frozen=True):
    """A variable's text, or the word of upsd's error. Both empty: the supply does not have this variable."""

    text: str = ""
    error: str = ""


class Variable:
    """A question for one variable."""

    def __init__(self, ups: str, name: str) -> None:
        self.device: Hashable = ups
        self._ups, self._name = ups, name
        self._line = re.compile(rf'VAR {re.escape(ups)} {re.escape(name)} "((?:[^"\\]|\\.)*)"')

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return f"GET VAR {self._ups} {self._name}\n".encode()

    def answer(self, data: bytes) -> Said | None:
        for line in data.split(b"\n")[:-1]:
            text = line.decode("utf-8", "replace").strip()
            found = self._line.fullmatch(text)
            if found is not None:
                return Said(text=re.sub(r"\\(.)", r"\1", found.group(1)))
            if text.startswith("ERR "):
                word = text.split()[1]
                return Said() if word == "VAR-NOT-SUPPORTED" else Said(error=word)
        return None

    def __str__(self) -> str:
        return f"{self._name} of {self._ups!r}"


def open_device(settings: Settings, port: Port) -> UninterruptibleSupply:
    """The supply; nothing is asked yet."""
    return NutSupply(port, settings.name)


class NutSupply:
    """A supply `name` of the upsd at the other end of `port`."""

    def __init__(self, port: Port, name: str) -> None:
        self._port = port
        self._name = name

    async def identify(self) -> Identity:
        """As far as the supply tells. Raises NoAnswer, Refused."""
        vendor, model, serial, firmware = [
            await self._text(name) for name in ("device.mfr", "device.model", "device.serial", "ups.firmware")
        ]
        return Identity(vendor=vendor, model=model, serial=serial, firmware_version=firmware)

    async def read(self) -> SupplyReading:
        """Raises NoAnswer when upsd or the supply behind it is silent, Refused, or Implausible for a status that says
        nothing about the mains."""
        status = await self._text("ups.status")
        words = status.split()
        is_forced = "FSD" in words
        if not is_forced and ("OL" in words) == ("OB" in words):
            raise Implausible(
                f"supply {self._name!r} on port '{self._port.name}': its status {status!r} does not say whether the "
                "mains are there"
            )
        return SupplyReading(
            on_battery="OB" in words or is_forced,
            is_low="LB" in words or is_forced,
            charge_pct=await self._number("battery.charge", 100.0),
            runtime_s=await self._number("battery.runtime", math.inf),
            needs_battery="RB" in words,
        )

    async def _text(self, variable: str) -> str:
        said = await self._port.ask(Variable(self._name, variable))
        if not said.error:
            return said.text
        where = f"supply {self._name!r} on port '{self._port.name}'"
        if said.error in SILENT:
            raise NoAnswer(f"{where}: upsd has lost it ({said.error}): look at its driver and its cable")
        if said.error == "UNKNOWN-UPS":
            raise Refused(f"{where}: upsd does not know that name; take the one in brackets in its ups.conf")
        raise Refused(f"{where}: upsd says {said.error}")

    async def _number(self, variable: str, most: float) -> float | None:
        """None when it is missing or no number of its kind."""
        text = await self._text(variable)
        try:
            number = float(text) if text else None
        except ValueError:
            return None
        return number if number is not None and math.isfinite(number) and 0 <= number <= most else None


async def recognise(port: Port, address: int) -> Identity | None:
    """By the version upsd tells; what its supplies are called is for a person to say."""
    version = await port.ask(Version())
    return Identity(vendor="Network UPS Tools", model=version) if version else None


class Version:
    """What answers here: upsd tells its version."""

    device: Hashable = "upsd"

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return b"VER\n"

    def answer(self, data: bytes) -> str | None:
        line, end, _ = data.partition(b"\n")
        if not end:
            return None
        text = line.decode("utf-8", "replace")
        return text.strip()[:64] if "Network UPS Tools" in text else ""

    def __str__(self) -> str:
        return "version of upsd"
