"""The configured devices as a technician sees them: who each is, whether it answers, what its wire counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from chargepoint.bus import Bus
from chargepoint.config import Settings
from chargepoint.config_drivers import fail_safe_of
from chargepoint.messages import DeviceState
from chargepoint.station.cabinet.assembly import Cabinet
from chargepoint.station.dc.assembly import DcParts
from chargepoint.station.devices import open_device
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import FailSafe
from drivers import loading
from drivers.errors import NoAnswer
from drivers.interfaces import Identity
from drivers.loading import KIND_OF_SECTION, address_of
from drivers.ports.opening import AnyPort
from drivers.ports.statistics import Exchanges

log = logging.getLogger(__name__)

SECTIONS = tuple(kind for kind in KIND_OF_SECTION if kind != "reader")
"""Sections of the station file with devices of this service; readers belong to `rfid`."""
REFRESH_S = 2.0
NOT_COUNTED = Exchanges()


class Device:
    """One configured device.

    `identify` asks it who it is (None: nothing tells); `answers` says whether its own poll hears it, None when nothing
    polls it: then its wire's counters say so. `found` is who it said it was, last; `expected` who it was before.
    """

    def __init__(
        self,
        kind: str,
        section: Any,
        port: AnyPort | None,
        identify: Callable[[], Awaitable[Identity]] | None,
        answers: Callable[[], bool] | None,
    ) -> None:
        self.kind = kind
        self.section = section
        self.name = str(section.number) if kind == "connector" else section.name
        self.driver: str = section.driver
        self.port = port
        self.address: int = _address_of(kind, section)
        self.identify = identify
        self.fail_safe = fail_safe_of(loading.load(KIND_OF_SECTION[kind], section.driver))
        self.found: Identity | None = None
        self.expected: Identity | None = None
        self.note = ""
        self._answers = answers

    def __str__(self) -> str:
        """As in `meter 'm1'`, for people."""
        return f"{self.kind} {self.name if self.kind == 'connector' else repr(self.name)}"

    @property
    def counted(self) -> Exchanges:
        """What its wire counted for it; of a port that it has for itself, all of it."""
        return counted_on(self.port, self.address, self.name)

    @property
    def is_answering(self) -> bool:
        if self._answers is not None:
            return self._answers()
        counted = self.counted
        return counted.answers > 0 and not counted.last_error

    def state(self) -> DeviceState:
        """As it is now."""
        counted = self.counted
        found, expected = self.found or Identity(), self.expected or Identity()
        is_other = bool(found.serial and expected.serial and found.serial != expected.serial)
        return DeviceState(
            kind=self.kind,
            name=self.name,
            driver=self.driver,
            port=self.section.port,
            address=self.address,
            is_answering=self.is_answering,
            identity=found,
            expected_serial=expected.serial if is_other else "",
            fail_safe=FailSafe(self.fail_safe),
            requests=counted.requests,
            answers=counted.answers,
            errors=counted.errors,
            p50_ms=counted.p50_ms,
            p99_ms=counted.p99_ms,
            last_error=counted.last_error,
            note=self.note,
        )


class DeviceStates:
    """Tells the bus of all devices each two seconds."""

    def __init__(self, bus: Bus, devices: Sequence[Device]) -> None:
        self._bus = bus
        self._devices = devices

    def tell(self) -> None:
        for device in self._devices:
            self._bus.set_state(f"device/{device.kind}/{device.name}", device.state())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.tell()
            await asyncio.sleep(REFRESH_S)


def counted_on(port: AnyPort | None, address: int, name: str) -> Exchanges:
    """The counters of the device that a port knows by its address, its name, or as the only one it has."""
    if port is None:
        return NOT_COUNTED
    for key, counted in port.devices.items():
        parts = key if isinstance(key, tuple) else (key,)
        if key in (address, name) or name in parts:
            return counted
    for key, counted in port.devices.items():
        if isinstance(key, tuple) and address in key:
            return counted
    return next(iter(port.devices.values())) if len(port.devices) == 1 else NOT_COUNTED


def devices_of(
    settings: Settings,
    ports: Mapping[str, AnyPort],
    outlets: Sequence[Outlet],
    meters: Mapping[str, MeterPoint],
    cabinet: Cabinet,
    dc_parts: DcParts,
) -> tuple[Device, ...]:
    """Every device of the station file, in its order."""
    polled: dict[tuple[str, str], Callable[[], bool]] = {}
    asked: dict[tuple[str, str], Callable[[], Awaitable[Identity]]] = {}
    for outlet in outlets:
        polled["connector", str(outlet.number)] = _answering(outlet)
        asked["connector", str(outlet.number)] = outlet.controller.identify
    for name, meter in meters.items():
        polled["meter", name] = _is_answering(meter)
        asked["meter", name] = meter.identify
    for kind, points in (("io", cabinet.points), ("sensor", cabinet.climate.sensors), ("ups", cabinet.mains.supplies)):
        for point in points:
            polled[kind, point.name] = _is_answering(point)
    for name, watch in dc_parts.watches.items():
        polled["insulation", name] = _is_answering(watch)
    for name, bank in dc_parts.banks.items():
        polled["modules", name] = _some_on_line(bank.modules)
        asked["modules", name] = _of_first(bank.modules)
    for light in settings.light:
        polled["light", light.name] = _is_open(ports[light.port])
    found = []
    for kind in SECTIONS:
        for section in getattr(settings, kind):
            name = str(section.number) if kind == "connector" else section.name
            identify = asked.get((kind, name))
            if identify is None and kind in ("io", "sensor", "insulation", "ups"):
                identify = open_device(kind, section, ports).identify
            found.append(Device(kind, section, ports.get(section.port), identify, polled.get((kind, name))))
    return tuple(found)


def _answering(outlet: Outlet) -> Callable[[], bool]:
    return lambda: outlet.is_heard


def _is_answering(point: Any) -> Callable[[], bool]:
    return lambda: bool(point.is_answering)


def _is_open(port: AnyPort) -> Callable[[], bool]:
    """Nothing comes back from a strip of lights: where its port takes them, they are believed to be there."""
    return lambda: port.is_open


def _some_on_line(modules: Callable[[], Sequence[Any]]) -> Callable[[], bool]:
    return lambda: any(module.is_online for module in modules())


def _of_first(modules: Callable[[], Sequence[Any]]) -> Callable[[], Awaitable[Identity]]:
    async def identify() -> Identity:
        """Maker and kind of the modules. Which of them is the first to answer says nothing, so no serial number."""
        online: list[Identity] = [module.identity for module in modules() if module.is_online]
        if not online:
            raise NoAnswer("no module has answered yet")
        return msgspec.structs.replace(online[0], serial="", build_date="")

    return identify


def _address_of(kind: str, section: Any) -> int:
    addresses = getattr(section, "addresses", ())
    if addresses:
        return int(addresses[0])
    return address_of(kind, section.address, section.driver) if hasattr(section, "address") else 0
