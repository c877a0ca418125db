"""The service `rfid`: cards held to the readers are presented to `station`, one after the other (rfid_reader.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from chargepoint.config import ReaderSettings
from chargepoint.config_drivers import driver_settings
from chargepoint.context import Context
from chargepoint.messages import ActionResult, CheckReader, RestartReader, SignalReader, TestReader
from chargepoint.rfid_reader import Reader
from drivers.interfaces import CardReader, CardSignal
from drivers.loading import load

Named = TypeVar("Named", RestartReader, CheckReader, SignalReader)


async def run(context: Context) -> None:
    """Serve all [[reader]] sections until asked to stop. Raises UnknownDriver."""
    readers = {
        settings.name: Reader(settings, open_reader(context, settings), context.bus, context.clock)
        for settings in context.settings.reader
    }
    _serve(context, readers)
    tasks = [asyncio.create_task(reader.run(), name=f"reader {name}") for name, reader in readers.items()]
    context.ready()
    living = asyncio.create_task(context.beat_until_stopped(), name="beat")
    try:
        await asyncio.wait({living, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a reader's loop never ends by itself: whatever ended it ends this service
                raise RuntimeError(f"{task.get_name()} ended by itself")
        await living
    finally:
        for task in (living, *tasks):
            task.cancel()
        await asyncio.gather(living, *tasks, return_exceptions=True)


def open_reader(context: Context, settings: ReaderSettings) -> CardReader:
    """The device of a [[reader]] section. Raises UnknownDriver, msgspec.ValidationError."""
    driver = load("readers", settings.driver)
    port = next((port for port in context.settings.port if port.name == settings.port), None)
    wire = context.wire_for(port) if port is not None else None
    own = msgspec.convert(driver_settings(driver, msgspec.to_builtins(settings)), driver.Settings)
    reader: CardReader = driver.open_device(own, wire)
    return reader


def _serve(context: Context, readers: dict[str, Reader]) -> None:
    """What others may ask for."""

    def of_reader(
        deed: Callable[[Reader, Named], Awaitable[ActionResult]], code: str = "unknown_reader"
    ) -> Callable[[Named, str], Awaitable[ActionResult]]:
        async def handle(request: Named, _sender: str) -> ActionResult:
            reader = readers.get(request.name)
            return _unknown(request.name, readers, code) if reader is None else await deed(reader, request)

        return handle

    async def test(request: TestReader, _sender: str) -> ActionResult:
        if request.name and request.name not in readers:
            return _unknown(request.name, readers)
        for name, reader in readers.items():
            if request.name in ("", name):
                reader.test(request.on, request.by)
        return ActionResult(ok=True, code="ok")

    async def signal(reader: Reader, request: SignalReader) -> ActionResult:
        if request.signal not in list(CardSignal):
            known = ", ".join(CardSignal)
            return ActionResult(
                ok=False, code="bad_signal", text=f"There is no signal {request.signal[:40]!r}, only: {known}."
            )
        return await reader.signal(CardSignal(request.signal))

    async def restart(reader: Reader, request: RestartReader) -> ActionResult:
        return await reader.restart()

    async def check(reader: Reader, request: CheckReader) -> ActionResult:
        return await reader.check(request.by)

    context.bus.serve(RestartReader, of_reader(restart))
    context.bus.serve(CheckReader, of_reader(check, "no_reader"))
    context.bus.serve(SignalReader, of_reader(signal))
    context.bus.serve(TestReader, test)


def _unknown(name: str, readers: dict[str, Reader], code: str = "unknown_reader") -> ActionResult:
    known = ", ".join(readers) or "none"
    return ActionResult(ok=False, code=code, text=f"There is no reader {name[:40]!r}, only: {known}.")
