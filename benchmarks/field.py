"""The field: how fast a full line of controllers is polled, how late a status is on CAN, what a big cabinet takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks import processes
from benchmarks.figures import Row, share
from benchmarks.rig import Place, Rig
from chargepoint.demo.processes import Child
from chargepoint.messages import PortState
from drivers.errors import DeviceError
from drivers.interfaces import HardwareFlag
from drivers.native.controller import NativeController, link_to
from drivers.native.objects import STATUS
from drivers.ports.can import CanPort
from drivers.ports.can_wire import open_can_wire
from drivers.ports.port import Port
from drivers.ports.serial import SerialWire
from drivers.simulated.client import SimulationClient
from drivers.simulated.vehicle import PlugOptions

CONTROLLERS = 12
BAUD_RATE = 115_200
TURNAROUND_S = 0.002
"""What a controller takes to begin its answer."""
MIB = 1 << 20
CABINET = "cabinet-480"
SOAK_S = 600.0
SAMPLE_S = 20.0

STATION = """
[station]
name = "line"
power_limit_w = 500_000
[[port]]
name = "line"
kind = "{kind}"
device = "{device}"
baud_rate = 115_200
bit_rate = 250_000
"""
CONNECTOR = """
[[connector]]
number = {number}
type = "CCS2"
port = "line"
address = {number}
meter = "m{number}"
max_current_a = 200
max_power_w = 60_000
cable_current_a = 200
min_current_a = 5
"""


async def polls(place: Place) -> list[Row]:
    """One full poll of twelve native controllers on one line, as their connectors ask it: all at once, in turn."""
    async with place.room() as room:
        device = str(room / "line")
        child, client = await _devices(room, "serial", device)
        try:
            # a pseudo-terminal has no baud rate: each reply comes as late as the line would bring it
            characters = 8 + 5 + 2 * STATUS.registers
            line_s = characters * 10 / BAUD_RATE + TURNAROUND_S
            await client.late("line", line_s)
            async with Port("line", SerialWire(device, baud_rate=BAUD_RATE)) as port:
                controllers = [NativeController(link_to(port, number)) for number in range(1, CONTROLLERS + 1)]
                rounds = []
                for _ in range(place.pick(5, 40)):
                    began_s = time.perf_counter()
                    await asyncio.gather(*(one.read() for one in controllers))
                    rounds.append((time.perf_counter() - began_s) * 1000)
                missed = port.statistics.no_answer + port.statistics.bad_frame
        finally:
            await client.close()
            await child.end(1.0)
    wire_ms = CONTROLLERS * line_s * 1000
    return [
        Row(
            figure=f"one poll of {CONTROLLERS} native controllers, {BAUD_RATE} baud",
            values=tuple(rounds),
            unit="ms",
            wished=("<", 250.0),
            beside=f"of that {wire_ms:.0f} ms on the wire; {missed} unanswered",
        )
    ]


async def can_latency(place: Place) -> list[Row]:
    """From the closing of a contactor, by its own log, until the driver knows of it over CAN."""
    late: list[float] = []
    async with place.room() as room:
        device = str(room / "can")
        child, client = await _devices(room, "can", device)
        try:
            wire = open_can_wire(interface="slcan", channel=device, bit_rate=250_000)
            async with CanPort("line", wire) as port:
                controllers = [NativeController(link_to(port, number)) for number in range(1, CONTROLLERS + 1)]
                await asyncio.sleep(7)  # all of them boot
                for number in range(1, place.pick(3, CONTROLLERS) + 1):
                    late.append(await _closing_seen(client, controllers[number - 1], number))
        finally:
            await client.close()
            await child.end(1.0)
    return [
        Row(
            figure=f"status on CAN, {CONTROLLERS} controllers on 250 kbit/s",
            values=tuple(late),
            unit="ms",
            wished=("<", 50.0),
            beside=f"worst {max(late):.0f} ms",
        )
    ]


async def _closing_seen(client: SimulationClient, controller: NativeController, number: int) -> float:
    """ms between the truth and the reading."""
    await client.plug(number, PlugOptions(start_delay_s=0.1))
    await asyncio.sleep(1.0)
    await controller.start(number, 0, 100.0, 50_000.0, 5.0)
    end_s = time.monotonic() + 15
    renewed_s = time.monotonic()
    while True:
        try:
            reading = await controller.read()
            if HardwareFlag.OUTPUT_RELAY in reading.flags:
                seen_s = time.monotonic()
                break
        except DeviceError:
            pass
        if time.monotonic() - renewed_s > 1:
            renewed_s = time.monotonic()
            await controller.limit(100.0, 50_000.0, 5.0)
        if time.monotonic() > end_s:
            raise TimeoutError(f"controller {number} did not close")
        await asyncio.sleep(0.002)
    truth = (await client.state(50)).connector(number)
    closed_s = next(event.at_s for event in truth.contactor_log if event.closed)
    await controller.stop()
    return (seen_s - closed_s) * 1000


async def _devices(folder: Path, kind: str, device: str) -> tuple[Child, SimulationClient]:
    text = STATION.format(kind=kind, device=device)
    text += "".join(CONNECTOR.format(number=number) for number in range(1, CONTROLLERS + 1))
    text += f'[[port]]\nname = "meters"\ndevice = "{folder / "meters"}"\n'
    text += "".join(
        f'[[meter]]\nname = "m{number}"\nport = "meters"\naddress = {number}\n' for number in range(1, CONTROLLERS + 1)
    )
    file = folder / "station.toml"
    file.write_text(text)
    child = await Child.start("devices", "drivers.simulated", ["--config", str(file)], folder / "devices.log", True)
    address = await child.address()
    client = SimulationClient(str(address["control"]))
    await client.__aenter__()
    return child, client


# ------------------------------------------------------------------------------------------------------- a big cabinet


async def cabinet(place: Place) -> list[Row]:
    """Processor time and memory of the cabinet of 480 kW, idle and with twelve charges."""
    async with Rig(place, example=CABINET) as rig:
        await rig.up()
        pids = await rig.named_pids()
        await asyncio.sleep(place.pick(3, 25))
        rows = [await _processor(pids, "idle", place.pick(6, 20), None)]
        await rig.charge_all()
        await asyncio.sleep(2)
        rows.append(await _processor(pids, "twelve charges", place.pick(6, 40), 15.0))
        sizes = {name: processes.pss_bytes(pid) / MIB for name, pid in pids.items()}
        charging = await rig.charging()
        rows.append(
            Row(
                figure=f"PSS of {CABINET}, twelve charges",
                values=(sum(sizes.values()),),
                unit="MiB",
                beside=", ".join(f"{name} {size:.1f}" for name, size in sizes.items()) + f"; {charging} of 12 charge",
            )
        )
        return rows


async def _processor(pids: Mapping[str, int], when: str, seconds: float, wished: float | None) -> Row:
    loop = asyncio.get_running_loop()
    before = {name: processes.cpu_s(pid) for name, pid in pids.items()}
    began_s = loop.time()
    await asyncio.sleep(seconds)
    span_s = loop.time() - began_s
    cpu = {name: (processes.cpu_s(pid) - before[name]) / span_s * 100 for name, pid in pids.items()}
    return Row(
        figure=f"processor time of {CABINET}, {when}",
        values=(sum(cpu.values()),),
        unit="% of a core",
        wished=None if wished is None else ("<", wished),
        beside=", ".join(f"{name} {percent:.1f}" for name, percent in cpu.items()),
    )


class Sample(msgspec.Struct, frozen=True):
    """One look at the soaking cabinet."""

    at_s: float
    cpu_pct: float
    pss_mib: float
    missed: int
    charging: int


async def soak(place: Place) -> list[Row]:
    """Ten minutes of twelve charges: nothing is missed, and neither processor time nor memory grow. By name only."""
    async with Rig(place, example=CABINET) as rig:
        await rig.up()
        pids = await rig.named_pids()
        await rig.charge_all()
        await asyncio.sleep(SAMPLE_S)
        samples: list[Sample] = []
        loop = asyncio.get_running_loop()
        began_s, first = loop.time(), await _missed(rig)
        cpu_s, at_s = _cpu_s(pids), loop.time()
        while loop.time() - began_s < place.pick(60, int(SOAK_S)):
            await asyncio.sleep(SAMPLE_S)
            now_s, now_cpu_s = loop.time(), _cpu_s(pids)
            pss = sum(processes.pss_bytes(pid) for pid in pids.values()) / MIB
            charging = await rig.charging()
            missed = await _missed(rig) - first
            samples.append(Sample(now_s - began_s, (now_cpu_s - cpu_s) / (now_s - at_s) * 100, pss, missed, charging))
            cpu_s, at_s = _cpu_s(pids), loop.time()
    half = len(samples) // 2
    return [
        Row(
            figure="unanswered or damaged questions in the soak",
            values=(float(samples[-1].missed),),
            wished=("<", 1.0),
            beside=f"{samples[-1].at_s:.0f} s; at least {min(one.charging for one in samples)} of 12 charged",
        ),
        Row(
            figure="processor time in the soak",
            values=tuple(one.cpu_pct for one in samples),
            unit="% of a core",
            wished=("<", 15.0),
            beside=f"first half {_mean(samples[:half], 'cpu_pct'):.1f}, second half "
            f"{_mean(samples[half:], 'cpu_pct'):.1f}, p95 {share([one.cpu_pct for one in samples], 95):.1f}",
        ),
        Row(
            figure="growth of memory in the soak",
            values=(_mean(samples[half:], "pss_mib") - _mean(samples[:half], "pss_mib"),),
            unit="MiB",
            wished=("<", 2.0),
            beside=f"from {samples[0].pss_mib:.1f} to {samples[-1].pss_mib:.1f} MiB",
        ),
    ]


async def _missed(rig: Rig) -> int:
    async with rig.watching() as watcher:
        await rig.until(watcher, lambda: any(isinstance(one, PortState) for one in watcher.states.values()), "ports")
        await asyncio.sleep(0.5)
        ports = [one for one in watcher.states.values() if isinstance(one, PortState)]
        return sum(port.no_answer + port.bad_frame for port in ports)


def _cpu_s(pids: Mapping[str, int]) -> float:
    return sum(processes.cpu_s(pid) for pid in pids.values())


def _mean(samples: list[Sample], name: str) -> float:
    return float(sum(getattr(one, name) for one in samples)) / max(len(samples), 1)
