"""Small services for tests of launcher and hub, and `python -m tests.chargepoint.dummies DATA JSON` to launch them.

JSON: {"services": {NAME: {"entry": function below, ...fields of Service}}}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from chargepoint import process
from chargepoint.config import Secrets, Settings, StationSettings
from chargepoint.context import Context
from chargepoint.data_lock import Refusal, data_lock
from chargepoint.launcher import Launcher, Options
from chargepoint.messages import ActionResult, Done, Noted, PrepareToStop, PrivilegedDeed
from chargepoint.restarts import RestartRule
from chargepoint.services import Service, World

BEAT_S = 0.1
QUICK = RestartRule(delays_s=(0.0, 0.1, 0.1, 0.1), settled_s=5.0, parked_after=4, parked_s=600.0)


def settings() -> Settings:
    return Settings(station=StationSettings(name="dummy", power_limit_w=1000.0), port=(), connector=())


def world(data: Path, services: tuple[Service, ...], **more: Any) -> World:
    return World(**{"settings": settings(), "secrets": Secrets(), "data": data, "services": services, **more})


def service(name: str, function: str = "steady", **fields: Any) -> Service:
    return Service(name, f"{__name__}:{function}", **{"restart": QUICK, **fields})


def write_down(context: Context, what: str) -> None:
    """A line in a diary that all dummies of a data directory share."""
    with (context.data.parent / "diary").open("a", encoding="utf-8") as diary:
        diary.write(f"{context.name} {what}\n")


async def steady(context: Context) -> None:
    """Lives and beats until asked to stop."""
    context.ready()
    while not context.stopping.is_set():
        context.beat()
        try:
            async with asyncio.timeout(BEAT_S):
                await context.stopping.wait()
        except TimeoutError:
            pass
    write_down(context, "stopped")


async def obliging(context: Context) -> None:
    """As `steady`, and does at once what it is asked for."""

    async def oblige(request: PrivilegedDeed, sender: str) -> ActionResult:
        write_down(context, f"obliged {sender}: {request.name}")
        await asyncio.sleep(float(request.arguments.get("takes_s", 0.0)))
        return ActionResult(ok=True, code="ok", text=request.name)

    context.bus.serve(PrivilegedDeed, oblige)
    await steady(context)


async def hungry(context: Context) -> None:
    """Wants more memory than there is."""
    raise MemoryError


async def station(context: Context) -> None:
    """As `steady`, and prepares to stop."""

    async def prepare(request: PrepareToStop, _sender: str) -> Done:
        write_down(context, f"prepared {request.stop_source} {request.exit_code}")
        return Done()

    context.bus.serve(PrepareToStop, prepare)
    notes = context.bus.subscribe(Noted)

    async def keep_notes() -> None:
        async for note in notes:
            write_down(context, f"noted {note.event_type} {note.action} {note.message}")

    keeping = asyncio.create_task(keep_notes())
    await steady(context)
    keeping.cancel()


async def crash(context: Context) -> None:
    """Dies as soon as it is ready."""
    context.ready()
    await asyncio.sleep(0.01)
    raise RuntimeError("as it is made to")


async def stuck(context: Context) -> None:
    """Lives, but its work does not go on."""
    context.ready()
    context.beat()
    await asyncio.sleep(3600.0)


async def blocked(context: Context) -> None:
    """Does not even run its loop any more once it is asked to stop."""
    context.ready()
    while not context.stopping.is_set():
        context.beat()
        await asyncio.sleep(BEAT_S)
    time.sleep(3600.0)


async def tells_secrets(context: Context) -> None:
    """Writes down how much of a secret it was given."""
    write_down(context, f"knows {len(context.secrets.ocpp_authorization_key)} characters")
    await steady(context)


async def silent(context: Context) -> None:
    """Never gets ready."""
    await asyncio.sleep(3600.0)


async def deaf(context: Context) -> None:
    """Works, and does not stop when asked."""
    context.ready()
    while True:
        context.beat()
        await asyncio.sleep(BEAT_S)


async def slow_to_prepare(context: Context) -> None:
    """As `station`, but its charges take a second to end."""

    async def prepare(_request: PrepareToStop, _sender: str) -> Done:
        await asyncio.sleep(1.0)
        return Done()

    context.bus.serve(PrepareToStop, prepare)
    await steady(context)


async def hog(context: Context) -> None:
    """Takes memory without end."""
    context.ready()
    taken = []
    while True:
        context.beat()
        taken.append(bytearray(16 << 20))
        await asyncio.sleep(0.01)


async def garbage(context: Context) -> None:
    """Speaks no frames, once ready."""
    context.ready()
    await asyncio.sleep(0.1)
    os.write(context.bus._socket.fileno(), b"\xff" * 100)
    await asyncio.sleep(3600.0)


def main() -> int:
    data = Path(sys.argv[1])
    rows = json.loads(sys.argv[2])["services"]
    services = []
    for name, fields in rows.items():
        fields = {"restart": msgspec.to_builtins(QUICK), **fields, "name": name}
        fields["entry"] = f"tests.chargepoint.dummies:{fields['entry']}"
        services.append(msgspec.convert(fields, Service))
    process.start_logging("launcher", "info", None)
    try:
        with data_lock(data):
            return Launcher(world(data, tuple(services)), Options()).run()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
