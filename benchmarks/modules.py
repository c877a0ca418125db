"""24 power modules on one CAN bus: how busy the bus is, and what the driver takes of a core. In this process."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from benchmarks.figures import Row
from benchmarks.rig import Place
from drivers import loading
from drivers.power.bank import Bank
from drivers.simulated.can_line import CanLine
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, battery

MODULES = 24
BIT_RATE = 125_000
WORST_BITS = 160
"""Of a frame with 29-bit identifier and 8 bytes with all stuff bits that there can be, and the pause behind it."""
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("infypower", {}),
    ("infypower", {"broadcast": True}),
    ("infypower", {"model": "BEG"}),
    ("uugreenpower", {"range": "high"}),
    ("huawei", {}),
    ("winline", {}),
    ("dpm1000", {}),
    ("sinexcel", {}),
    ("mmeet", {}),
)
ORDERS_PER_S = 10
"""How often the station renews the order of each output, with another current each time."""
OUTPUTS = 6
"""Of which two ramp. With `broadcast` there is one, with all modules."""


async def module_bus(place: Place) -> list[Row]:
    """For each family in a charge of six outputs with four modules each, whose currents move all the time."""
    rows: list[Row] = []
    for driver, options in CASES if not place.is_quick else CASES[:2]:
        rows += await _measure(driver, options, 2.0 if place.is_quick else 4.0)
    return rows


async def _measure(driver: str, options: dict[str, Any], seconds: float) -> list[Row]:
    module, face = loading.load("power", driver), importlib.import_module(f"drivers.simulated.power.{driver}")
    numbers = tuple(range(1, MODULES + 1))
    bank = ModuleBank(numbers, face.RATINGS)
    outputs = 1 if options.get("broadcast") else OUTPUTS
    for number in numbers:
        bank.connect(number, f"output {number % outputs}")
        bank.attach(battery(390.0), f"output {number % outputs}")
    line = CanLine(BIT_RATE)
    line.attach(face.face(bank, DevicePart(kind="modules", name="m", driver=driver, options=options)))
    port = line.port("modules")
    settings = msgspec.convert({"port": "modules", "addresses": numbers, **options}, module.Settings)
    device: Bank = module.open_device(settings, port)
    cpu = _Cpu()
    for timed, name in ((device, "_next_round"), (device._hearing, "receive"), (device, "set_output")):
        setattr(timed, name, cpu.timed(getattr(timed, name)))
    async with port:
        task = asyncio.create_task(device.run())
        try:
            await _orders(device, outputs, 4.0)
            spent_s, seen, began_s = cpu.spent_s, len(line.seen), time.monotonic()
            await _orders(device, outputs, seconds)
            took_s = time.monotonic() - began_s
            frames_per_s = (len(line.seen) - seen) / took_s
            cpu_pct = (cpu.spent_s - spent_s) / took_s * 100
            online = sum(reading.is_active for reading in device.modules())
        finally:
            task.cancel()
            await asyncio.wait([task])
    line.close()
    name = " ".join([driver, *(f"{key} {value}" for key, value in options.items())])
    return [
        Row(
            figure=f"{MODULES} modules {name}: bus load at worst",
            values=(frames_per_s * WORST_BITS / BIT_RATE * 100,),
            unit="%",
            wished=("<", 60.0),
            beside=f"{frames_per_s:.0f} frames/s at 125 kbit/s, {online} modules give",
        ),
        Row(
            figure=f"{MODULES} modules {name}: driver's CPU",
            values=(cpu_pct,),
            unit="%",
            wished=("<", 3.0),
            beside="of one core",
        ),
    ]


async def _orders(device: Bank, outputs: int, seconds: float) -> None:
    """Orders to all outputs, of which the first two ramp as vehicles do at the beginning of a charge."""
    for step in range(int(seconds * ORDERS_PER_S)):
        for output in range(outputs):
            numbers = [number for number in range(1, MODULES + 1) if number % outputs == output]
            current_a = 100.0 + 2.0 * (step % 50) if output < 2 else 100.0
            device.set_output(numbers, 400.0, current_a, 2.0)
        await asyncio.sleep(1 / ORDERS_PER_S)


class _Cpu:
    """Processor time spent in what it has wrapped; what is called from inside is counted once."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._depth = 0

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        return partial(self._run, work)

    def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        self._depth += 1
        began_s = time.thread_time()
        try:
            return work(*args)
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.spent_s += time.thread_time() - began_s
