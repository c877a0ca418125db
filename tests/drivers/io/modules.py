"""The I/O modules of all drivers as the tests see them: the driver, its simulated side, and how many channels."""

from __future__ import annotations

import asyncio
import importlib
from types import ModuleType
from typing import Any

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.interfaces import DigitalIO
from drivers.loading import load
from drivers.ports.port import Port
from drivers.simulated.devices import DevicePart
from drivers.simulated.io_model import IoModel
from drivers.simulated.wire import Line
from tests.drivers.wires import attach


class Kind(msgspec.Struct, frozen=True):
    """A module to be tested."""

    driver: str
    options: dict[str, Any]
    inputs: int
    outputs: int
    carrier: Carrier = Carrier.RTU

    def __str__(self) -> str:
        return f"{self.driver} {self.options.get('model', '')}".strip()


KINDS = (
    Kind("waveshare", {"model": "IO 8CH"}, 8, 8),
    Kind("waveshare", {"model": "Relay"}, 0, 8),
    Kind("adam", {"model": "WP8028"}, 8, 8),
    Kind("adam", {"model": "WP8025"}, 0, 8),
    Kind("icpdas", {"model": "M-7055"}, 8, 8),
    Kind("icpdas", {"model": "M-7053"}, 16, 0),
    Kind("icpdas", {"model": "tM-P3R3", "counters": True}, 3, 3),
    Kind("moxa", {"model": "E1214", "counters": True}, 6, 6, Carrier.TCP),
    Kind("moxa", {"model": "E1210"}, 16, 0, Carrier.TCP),
    Kind("wirenboard", {"model": "WB-MR6C", "counters": True}, 7, 6),
    Kind("wirenboard", {"model": "WBIO-DI-WD-14", "slot": 2, "counters": True}, 14, 0),
)
SWITCHING = tuple(kind for kind in KINDS if kind.outputs)
WATCHED = tuple(kind for kind in SWITCHING if kind.driver in ("icpdas", "wirenboard"))


class Bench:
    """One module on a wire of its own, at address 1."""

    def __init__(self, kind: Kind, model: IoModel, address: int = 1) -> None:
        self.kind = kind
        self.model = model
        self.line = Line(kind.carrier)
        self.port: Port = self.line.port()
        self.driver: ModuleType = load("io", kind.driver)
        part = DevicePart(kind="io", name="io", driver=kind.driver, port="bus", address=address, options=kind.options)
        self.face = importlib.import_module(f"drivers.simulated.io.{kind.driver}").face(model, part)
        attach(self.line, address, self.face)
        settings = msgspec.convert({"port": "bus", "address": 1, **kind.options}, self.driver.Settings)
        self.device: DigitalIO = self.driver.open_device(settings, self.port)

    async def __aenter__(self) -> Bench:
        await self.port.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.port.close()
        self.line.close()


def bench(kind: Kind, **more: Any) -> Bench:
    """A bench whose model goes by the loop's time."""
    return Bench(kind, IoModel(clock=asyncio.get_running_loop().time), **more)
