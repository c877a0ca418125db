"""A bank of simulated power modules on a CAN bus, and the driver that commands it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import msgspec

from drivers import loading
from drivers.codecs.can import CanFrame
from drivers.interfaces import ModuleReading, PowerModules
from drivers.power.wire import Bus
from drivers.simulated.can_line import CanLine
from drivers.simulated.conductors import Load
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, PowerModule, Ratings, battery
from drivers.simulated.power.bank_face import BankFace

V, A = 400.0, 60.0


class Case(msgspec.Struct, frozen=True):
    """A driver, with options; what its devices can."""

    driver: str
    options: dict[str, Any] = {}
    ratings: dict[str, float] = {}

    def __str__(self) -> str:
        return "-".join([self.driver, *(str(value) for value in self.options.values())])


CASES = (
    Case("infypower"),
    Case("infypower", {"model": "BEG"}),
    Case("uugreenpower"),
    Case("huawei"),
    Case("winline"),
    Case("dpm1000"),
    Case("sinexcel"),
    Case("mmeet"),
)
TOGETHER = (
    Case("infypower", {"broadcast": True}),
    Case("infypower", {"group": 3}),
    Case("uugreenpower", {"broadcast": True}),
    Case("huawei", {"broadcast": True}),
    Case("winline", {"broadcast": True}),
    Case("winline", {"group": 5}),
    Case("dpm1000", {"broadcast": True}),
    Case("mmeet", {"broadcast": True}),
)


class Rig:
    """Modules `numbers` behind one conductor with a battery; `modules` is the driver, running inside `async with`."""

    def __init__(self, case: Case, numbers: Sequence[int] = (1, 2, 3), *, load: Load | None = None) -> None:
        self.case = case
        driver = loading.load("power", case.driver)
        face = importlib.import_module(f"drivers.simulated.power.{case.driver}")
        ratings: Ratings = msgspec.structs.replace(face.RATINGS, **case.ratings)
        self.bank = ModuleBank(numbers, ratings, load=battery(390.0) if load is None else load)
        part = DevicePart(
            kind="modules", name="m", driver=case.driver, addresses=tuple(numbers), options=dict(case.options)
        )
        self.face: BankFace = face.face(self.bank, part)
        self.line = CanLine(125_000)
        self.line.attach(self.face)
        self.port = self.line.port("modules")
        settings = msgspec.convert({"port": "modules", "addresses": tuple(numbers), **case.options}, driver.Settings)
        bus: Bus = self.port
        self.modules: PowerModules = driver.open_device(settings, bus)
        self.numbers = tuple(numbers)
        self.driver = driver
        self._run: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Rig:
        await self.port.open()
        self._run = asyncio.create_task(self.modules.run())
        await asyncio.sleep(2.5)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.stop()
        await self.port.close()
        self.line.close()

    async def stop(self) -> None:
        """The driver's task ends; what went wrong in it fails the test."""
        self.forget()
        task, self._run = self._run, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def start(self) -> None:
        """The driver's task runs again."""
        self._run = asyncio.create_task(self.modules.run())

    def order(self, voltage_v: float = V, current_a: float = A, numbers: Sequence[int] | None = None) -> None:
        """Order and renew it each second until `forget`."""
        self.forget()

        async def renew() -> None:
            while True:
                self.modules.set_output(self.numbers if numbers is None else numbers, voltage_v, current_a, 3.0)
                await asyncio.sleep(1.0)

        self._renewal = asyncio.create_task(renew())

    def forget(self) -> None:
        """Renew no more."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    async def charge(self, voltage_v: float = V, current_a: float = A) -> None:
        """Until all give."""
        self.order(voltage_v, current_a)
        await asyncio.sleep(7.5)

    def truth(self, number: int) -> PowerModule:
        return self.bank.modules[number]

    def reading(self, number: int) -> ModuleReading:
        return next(each for each in self.modules.modules() if each.number == number)

    def sent(self, since_s: float = 0.0) -> list[tuple[float, CanFrame]]:
        """What the driver sent: nodes' frames go to the controller."""
        return [(at_s, frame) for at_s, frame in self.line.seen if at_s >= since_s and self._is_ours(frame)]

    def _is_ours(self, frame: CanFrame) -> bool:
        return bool(list(self.face._words.addressed(frame, self.bank.modules.values())))
