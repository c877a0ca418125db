"""`python -m chargepoint.dry_run`: what a station would be with another station file, tried on simulated devices.

A child process of whoever wants to know: the text of the file comes by standard input, the findings go as JSON to
standard output. No device, no port and no file of the station is touched: it works in the folder it is started in,
which is its own. It takes at most 400 MB of address space and 10 s of processor time, and ends itself after 20 s.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import msgspec

CPU_S = 10
WITHIN_S = 20.0
"""By the clock: on an idle computer it takes some 3 s, on a busy one the station comes first."""
MEMORY_BYTES = 400 << 20
LARGEST_BYTES = 1 << 20
SETTLE_S = 2.5
"""So long the station runs before its limits are read."""


class ConnectorFound(msgspec.Struct, frozen=True):
    """What a connector came up with. Powers in W; `limit_source` is the cause of the lowest limit."""

    number: int
    type: str
    status: str
    is_answering: bool
    hardware_w: float
    limit_w: float | None = None
    limit_source: str = ""


class Findings(msgspec.Struct, frozen=True):
    """`code`: ok, faults, failed (it did not come up: `text`), too_long. `took_s` is the time until it was up."""

    code: str
    text: str = ""
    faults: tuple[tuple[str, str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    took_s: float = 0.0
    station: str = ""
    power_limit_w: float = 0.0
    connectors: tuple[ConnectorFound, ...] = ()
    ports: int = 0
    devices: int = 0
    silent: tuple[str, ...] = ()
    """Simulated devices that did not answer: the drivers could not speak to them."""


def find(text: str, folder: Path) -> Findings:
    """The findings about a text; `folder` is for the files of the station that is tried."""
    from chargepoint.config import ConfigError, Secrets, load

    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    try:
        settings = load(path)
    except ConfigError as error:
        rows = tuple((each.key, each.found, each.reason, each.remedy) for each in error.faults)
        return Findings("faults", str(error.faults[0]), faults=rows)
    from chargepoint.commands.check import warnings

    told = tuple(warnings(settings, Secrets()))[:50]
    try:
        found = asyncio.run(asyncio.wait_for(_try(text, folder), WITHIN_S))
    except TimeoutError:
        return Findings("too_long", f"It did not come up within {WITHIN_S:.0f} s.", warnings=told)
    except Exception as error:  # whatever the assembly says: that is what is asked for
        return Findings("failed", f"{type(error).__name__}: {error}"[:500], warnings=told)
    return msgspec.structs.replace(found, warnings=told)


async def _try(text: str, folder: Path) -> Findings:
    from chargepoint.config import PortSettings, Secrets, Settings
    from chargepoint.config_text import loads
    from chargepoint.messages import ConnectorState, DeviceState, PortState, ServiceState, StationState
    from chargepoint.one_process import House
    from chargepoint.services import STATION, World
    from drivers.ports.opening import AnyWire, LocalDevice
    from drivers.simulated.plan import of_settings
    from drivers.simulated.station import SimulatedStation

    document = loads(text)
    document["ocpp"] = {}  # nobody is dialled
    settings = msgspec.convert(document, Settings)
    simulated = SimulatedStation(of_settings(document))
    begun_s = time.monotonic()

    def wire_for(port: PortSettings) -> AnyWire:
        wire = simulated.wire_for(port)
        return LocalDevice(str(folder / "nothing")) if wire == LocalDevice(port.device) else wire  # never the real one

    world = World(settings, Secrets(), folder / "data", services=(STATION,), wire_for=wire_for)
    try:
        async with House(world) as house:
            admin = house.connect("admin")
            running = asyncio.create_task(admin.run(), name="admin")
            view = admin.watch("")
            numbers = [each.number for each in settings.connector]
            while not (
                isinstance(view.get("station"), StationState)
                and all(isinstance(view.get(f"connector/{number}"), ConnectorState) for number in numbers)
            ):
                service = view.get("service/station")
                if isinstance(service, ServiceState) and service.status in ("parked", "restarting"):
                    raise RuntimeError(f"the service station is {service.status}: its start failed")
                await asyncio.sleep(0.05)
            took_s = time.monotonic() - begun_s
            await asyncio.sleep(SETTLE_S)
            states = [view.get(topic) for topic in view.topics()]
            station = view.get("station")
            devices = [each for each in states if isinstance(each, DeviceState)]
            found = Findings(
                "ok",
                took_s=round(took_s, 2),
                station=settings.station.name,
                power_limit_w=station.power_limit_w if isinstance(station, StationState) else 0.0,
                connectors=tuple(
                    _connector(
                        each, settings.connector_settings(each.number).max_power_w, settings.station.power_limit_w
                    )
                    for each in states
                    if isinstance(each, ConnectorState)
                ),
                ports=sum(isinstance(each, PortState) for each in states),
                devices=len(devices),
                silent=tuple(each.name for each in devices if not each.is_answering)[:20],
            )
            admin.close()
            await running
            return found
    finally:
        simulated.close()


def _connector(state: object, hardware_w: float, grid_w: float) -> ConnectorFound:
    """Its lowest limit alone, the grid connection's included: what others charge meanwhile is not known."""
    from chargepoint.messages import ConnectorState

    assert isinstance(state, ConnectorState)
    limit = state.limit
    if limit is not None and limit.power_w > grid_w:
        limit = msgspec.structs.replace(limit, power_w=grid_w, source="grid")
    return ConnectorFound(
        state.number,
        state.type.value,
        state.status.value,
        state.reading is not None,
        hardware_w,
        limit.power_w if limit is not None else None,
        limit.source if limit is not None else "",
    )


def bounded() -> None:
    """This process from now on: little memory, little time, last in the queue."""
    for what, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))
    os.nice(10)


def main() -> int:
    """Standard input to findings at standard output."""
    import logging

    bounded()
    logging.disable(logging.CRITICAL)
    content = sys.stdin.buffer.read(LARGEST_BYTES + 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="dry-run-") as folder:
        found = find(text, Path(folder))
        sys.stdout.buffer.write(msgspec.json.encode(found))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
