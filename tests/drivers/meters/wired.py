"""Every meter we drive, with its simulated other side on the real protocol."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from drivers.interfaces import EnergyMeter
from drivers.loading import load
from drivers.ports.http import HttpPort
from drivers.ports.port import Port
from drivers.simulated.devices import DevicePart
from drivers.simulated.http_end import HttpEnd
from drivers.simulated.meter import Meter, Readout
from drivers.simulated.wire import Line

AC = Readout((230.2, 229.8, 231.0), (10.5, 10.6, 10.7), (2417.0, 2435.0, 2471.0), 1_234_567.0, 252.0)
DC = Readout((400.5, 0.0, 0.0), (125.5, 0.0, 0.0), (50_260.0, 0.0, 0.0), 1_234_567.0, 252.0)


class Known(Meter):
    """A meter whose values are given, each phase its own."""

    def __init__(self, ac: Readout = AC, dc: Readout = DC) -> None:
        super().__init__("m", [], serial=12_345_678)
        self.ac, self.dc = ac, dc

    def read(self) -> Readout:
        return super().read() if self.nan else self.ac

    def read_direct(self) -> Readout:
        return super().read_direct() if self.nan else self.dc


class Case(msgspec.Struct, frozen=True):
    """One model. `step_wh` is its energy's resolution; `phases` 0: it measures neither voltage nor current."""

    driver: str
    model: str
    address: int = 1
    step_wh: int = 1
    phases: int = 3
    exports: bool = True
    direct: bool = False
    options: dict[str, Any] = {}
    step_v: float = 0.1

    def __str__(self) -> str:
        return f"{self.driver}-{self.model}" + "".join(f"-{value}" for value in self.options.values())


CASES = (
    Case("eastron", "SDM630"),
    Case("eastron", "SDM72D-M-v2"),
    Case("eastron", "SDM72D-M", phases=0),
    Case("eastron", "SDM230", phases=1),
    Case("eastron", "SDM120", phases=1),
    Case("carlo_gavazzi", "EM24", step_wh=100),
    Case("carlo_gavazzi", "EM330", step_wh=100),
    Case("carlo_gavazzi", "EM340", step_wh=100),
    Case("carlo_gavazzi", "ET340", step_wh=100),
    Case("carlo_gavazzi", "EM530", step_wh=100),
    Case("carlo_gavazzi", "EM540", step_wh=100),
    Case("carlo_gavazzi", "EM24_E1", step_wh=100),
    Case("carlo_gavazzi", "EM580"),
    Case("schneider", "iEM3155"),
    Case("schneider", "iEM3255"),
    Case("schneider", "iEM3150", exports=False),
    Case("abb", "B21", step_wh=10, phases=1),
    Case("abb", "B23", step_wh=10),
    Case("abb", "B24", step_wh=10),
    Case("acrel", "ADW300", step_wh=10),
    Case("acrel", "ADL3000", step_wh=10),
    Case("acrel", "ADL3000", step_wh=400, options={"ratio": 40}),
    Case("acrel", "DTSD1352", step_wh=10),
    Case("acrel", "DDSY1352", step_wh=10, phases=1, exports=False),
    Case("acrel", "DJSF1352-RN", direct=True),
    Case("chint", "DTSU666"),
    Case("chint", "DTSU666", options={"numbers": "plain", "energy_at": 0x401E}),
    Case("dzg", "DVH4013"),
    Case("iskra", "WM3M4C", address=33, step_wh=10),
    Case("iskra", "WM3M4", address=33, step_wh=10),
    Case("lem", "DCBM 400", direct=True),
    Case("gsh01", "GSH01", address=7, exports=False, direct=True),
    Case("gsh01", "DC650", address=255, exports=False, direct=True),
    Case("mercury", "230", address=45),
    Case("mercury", "236", address=0, options={"password_as": "characters", "more_values": True}),
    Case("mercury_200", "206", address=12_345_678, step_wh=10, phases=1, exports=False),
    Case("energomera", "CE303", address=211, exports=False),
    Case("energomera", "CE308", address=0, exports=False, options={"check": "xor"}),
    Case("energomera", "CE102M", address=211, phases=1, exports=False),
    Case("bender_cc", "CC613", address=255, exports=False, step_v=1.0),
    Case("phoenix_charx", "CHARX SEC", exports=False, options={"connector": 2}),
    Case("energomera_ce", "CE102", address=100, step_wh=10, phases=1, exports=False),
)
SIGNING = tuple(
    case
    for case in CASES
    if (case.driver, case.model)
    in (("carlo_gavazzi", "EM580"), ("iskra", "WM3M4C"), ("lem", "DCBM 400"), ("gsh01", "GSH01"), ("gsh01", "DC650"))
)


class Wired(msgspec.Struct):
    """A meter, what answers it, and the wire between them."""

    meter: EnergyMeter
    model: Meter
    face: Any
    line: Line | None
    end: HttpEnd | None
    port: Port | HttpPort

    def detach(self) -> None:
        """Nobody answers any more."""
        if self.line is not None:
            self.line.devices.clear()
            self.line.byte_devices.clear()
        if self.end is not None:
            self.end.served.is_silent = True


def open_meter(case: Case, port: Any, address: int | None = None) -> EnergyMeter:
    """The driver of a case, as station.toml would name it."""
    driver = load("meters", case.driver)
    given: dict[str, Any] = {"port": port.name, "model": case.model, **case.options}
    if case.driver != "lem":
        given["address"] = case.address if address is None else address
    meter: EnergyMeter = driver.open_device(msgspec.convert(given, driver.Settings), port)
    return meter


@contextlib.asynccontextmanager
async def wired(case: Case, model: Meter | None = None) -> AsyncIterator[Wired]:
    """The meter of a case on its wire."""
    model = model or Known()
    options = {"model": case.model, **case.options}
    part = DevicePart(kind="meter", name="m", driver=case.driver, address=case.address, options=options)
    face = importlib.import_module(f"drivers.simulated.meters.{case.driver}").face(model, part)
    if hasattr(face, "handle"):
        end = HttpEnd(face)
        end.start()
        try:
            async with end.port("meters") as http:
                yield Wired(open_meter(case, http), model, face, None, end, http)
        finally:
            end.close()
        return
    line = Line()
    if hasattr(face, "registers"):
        line.attach(case.address, face.registers)
    else:
        line.attach_bytes(face)
    async with line.port("meters") as port:
        yield Wired(open_meter(case, port), model, face, line, None, port)
