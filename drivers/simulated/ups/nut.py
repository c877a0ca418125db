"""The other side of drivers/ups/nut.py: an upsd with one supply. Written lines only: VER, GET VAR, LIST UPS."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.simulated.devices import Device, DevicePart, Late
from drivers.simulated.ups_model import UpsModel

MOST_LINE = 512
VERSION = "Network UPS Tools upsd 2.8.0 - simulated"


def face(model: UpsModel, part: DevicePart) -> Device:
    """The server; its supply is called as the section of the station file."""
    return Upsd(model, part.name or model.name)


class Upsd:
    """A `ByteDevice`."""

    def __init__(self, model: UpsModel, name: str) -> None:
        self.model = model
        self.name = name
        self.send: Callable[[bytes], None] = lambda data: None
        self._line = b""

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-MOST_LINE:]
        if self.model.silent:
            return []
        return [Late(self._said(line.decode("utf-8", "replace").split()).encode() + b"\n") for line in lines]

    def _said(self, words: list[str]) -> str:
        match words:
            case ["VER"]:
                return VERSION
            case ["GET", "VAR", name, variable]:
                return self._variable(name, variable)
            case ["LIST", "UPS"]:
                return f'BEGIN LIST UPS\nUPS {self.name} "simulated"\nEND LIST UPS'
            case ["GET", *_] | ["LIST", *_]:
                return "ERR INVALID-ARGUMENT"
        return "ERR UNKNOWN-COMMAND"

    def _variable(self, name: str, variable: str) -> str:
        if name != self.name:
            return "ERR UNKNOWN-UPS"
        if self.model.stale:
            return "ERR DATA-STALE"
        value = self._values().get(variable)
        return "ERR VAR-NOT-SUPPORTED" if value is None else f'VAR {name} {variable} "{value}"'

    def _values(self) -> dict[str, str]:
        model = self.model
        status = "OL CHRG" if model.mains else "OB DISCHRG"
        status += " LB" * model.is_low + " RB" * model.replace_battery
        return {
            "ups.status": status,
            "battery.charge": f"{model.charge_pct:.0f}",
            "battery.runtime": f"{model.runtime_s:.0f}",
            "device.mfr": "Simulated",
            "device.model": "UPS 1000",
            "device.serial": model.serial,
        }
