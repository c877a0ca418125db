"""The ports of a simulated station: which devices hang on which wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from drivers.loading import KIND_OF_SECTION
from drivers.simulated import faces
from drivers.simulated.bus import Bus
from drivers.simulated.can_line import CanLine
from drivers.simulated.devices import ByteDevice, CanDevice, Device, DevicePart, HttpDevice, ModbusDevice
from drivers.simulated.http_end import HttpHandler
from drivers.simulated.models import Models
from drivers.simulated.parts import PortPart
from drivers.simulated.port import BusHandler, ReaderHandler, SimulatedPort
from drivers.simulated.slcan_handler import SlcanHandler


def make_ports(models: Models, before: Callable[[], None]) -> dict[str, SimulatedPort]:
    """All ports of the plan. `before` brings the models up to date, ahead of each request."""
    plan = models.plan
    hanging = _hanging(models)
    readers = {
        part.port: models.by_kind["reader"][part.name]
        for part in plan.simulated("reader")
        if ("reader", part.driver) in faces.BUILT_IN
    }
    seed = plan.simulation.simulation.seed
    ports = {}
    for index, part in enumerate(plan.file.port):
        devices = hanging.get(part.name, [])
        modbus = {each.address: cast(ModbusDevice, device) for each, device in devices if hasattr(device, "registers")}
        others = [cast(ByteDevice, device) for _, device in devices if not hasattr(device, "registers")]
        is_line = part.kind in ("serial", "tcp")
        bus = Bus(part.name, modbus if is_line else {}, before, seed + index, [device for device in others if is_line])
        if part.kind == "can":
            ports[part.name] = _can_port(part, bus, devices, before, seed + index)
        elif part.kind == "http" and devices:
            web = HttpHandler(_Brought(cast(HttpDevice, devices[0][1]), before))
            ports[part.name] = SimulatedPort(part.name, web, bus, web=web)
        elif part.name in readers:
            reader = readers[part.name]
            ports[part.name] = SimulatedPort(part.name, ReaderHandler(reader), bus, reader=reader)
        else:
            ports[part.name] = SimulatedPort(part.name, BusHandler(bus), bus)
    return ports


def _hanging(models: Models) -> dict[str, list[tuple[DevicePart, Device]]]:
    """The faces on each port."""
    hanging: dict[str, list[tuple[DevicePart, Device]]] = {}
    for kind in KIND_OF_SECTION:
        for part in models.plan.simulated(kind):
            face = faces.find(kind, part.driver)
            if face is not None:
                device_part = part.device(kind)
                if kind == "meter" and models.plan.is_within_a_box(device_part):
                    continue
                device = face(models.of_face(kind, part.name), device_part)
                hanging.setdefault(part.port, []).append((device_part, device))
    return hanging


def _can_port(
    part: PortPart, bus: Bus, devices: list[tuple[DevicePart, Device]], before: Callable[[], None], seed: int
) -> SimulatedPort:
    line = CanLine(part.bit_rate, before=before, seed=seed)
    for _, device in devices:
        line.attach(cast(CanDevice, device))
    return SimulatedPort(part.name, SlcanHandler(line), bus, can=line)


class _Brought:
    """A web interface whose model is brought up to date before each request."""

    def __init__(self, device: HttpDevice, before: Callable[[], None]) -> None:
        self._device = device
        self._before = before

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self._before()
        return self._device.handle(method, path, query, body)
