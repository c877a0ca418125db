"""Transfers on CANopen that must not hold up an order, never end, or show what names a vehicle."""

from __future__ import annotations

import asyncio
import contextlib

from drivers.codecs.can import CanFrame
from drivers.errors import NoAnswer
from drivers.interfaces import FrameKind
from drivers.native.canopen import BASE
from drivers.native.objects import DIAGNOSIS
from tests.drivers.native.test_canopen import NODE, a_bench, charging

VIN = b"WDB12345678901234"


async def test_an_order_passes_all_transfers_that_wait_for_a_silent_object() -> None:
    low, high = BASE + DIAGNOSIS.start, BASE + DIAGNOSIS.start + DIAGNOSIS.registers
    async with a_bench() as bench:
        await charging(bench)
        await bench.driver.identify()

        def asks_diagnosis(frame: CanFrame) -> bool:
            index = int.from_bytes(frame.data[1:3], "little")
            return frame.can_id == 0x600 + NODE and frame.data[0] == 0x40 and low <= index < high

        bench.lose = asks_diagnosis

        async def diagnose() -> None:
            with contextlib.suppress(NoAnswer):
                await bench.driver.read_diagnosis()

        polls = [asyncio.create_task(diagnose()) for _ in range(10)]
        await asyncio.sleep(0.01)
        began_s = asyncio.get_running_loop().time()
        await bench.driver.stop()
        assert asyncio.get_running_loop().time() - began_s < 0.5
        await asyncio.gather(*polls)


async def test_what_names_a_vehicle_is_not_among_the_frames_shown() -> None:
    async with a_bench() as bench:
        await charging(bench)
        bench.outlet.controller.frames.keep(1.0, FrameKind.CCS, 0, b"VIN=" + VIN)
        seen = ""
        reading = asyncio.create_task(bench.driver.read_frames())
        while not reading.done():
            seen += "\n".join(bench.port.frames.lines())
            await asyncio.sleep(0.001)
        assert VIN in b"".join(frame.data for frame in (await reading).frames)
        assert any(frame.data[1:8] in VIN for _, frame in bench.sent(0x580) if len(frame.data) == 8)
        assert VIN[4:8].hex(" ").upper() not in seen
        await bench.driver.identify()
        assert any("00000585"[5:] + " " in line for line in bench.port.frames.lines())  # others are shown
