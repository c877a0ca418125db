"""Every simulated device that can be recognised, alone on its wire: its own driver finds it, before all others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers import discovery
from drivers.discovery import Candidate, Found, LookingPort
from drivers.ports.wire import Wire
from drivers.simulated import faces
from drivers.simulated.plan import of_settings
from drivers.simulated.station import SimulatedStation

SECTIONS = {"controllers": "connector", "meters": "meter", "io": "io", "climate": "sensor", "insulation": "insulation"}
UNSURE = frozenset({"meters.acrel", "meters.chint", "meters.dzg"})
"""Meters that tell nothing of themselves and have plausible values everywhere: a table of another may fit, too."""
OPTIONS = {"io.icpdas": {"model": "M-7055"}, "meters.acrel": {"model": "ADL3000"}}
REST: dict[str, Any] = {"max_current_a": 32, "max_power_w": 22_000, "cable_current_a": 32, "type": "TYPE2"}


def simulated(*, is_modbus: bool) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for kind in ("serial", "tcp"):
        for driver in discovery.candidates(kind, tuple(SECTIONS)):
            if driver.about.is_modbus is is_modbus and faces.find(SECTIONS[driver.kind], driver.name) is not None:
                found.setdefault(driver.full_name, driver)
    return list(found.values())


def station_with(driver: Candidate, address: int, port_kind: str) -> SimulatedStation:
    section: dict[str, Any] = {"driver": driver.name, "port": "bus", "address": address}
    section["options"] = OPTIONS.get(driver.full_name, {})
    place = {"device": "bus"} if port_kind == "serial" else {"host": "127.0.0.1", "port": 0}
    document: dict[str, Any] = {
        "station": {"name": "s", "power_limit_w": 22_000},
        "port": [{"name": "bus", "kind": port_kind, **place}, {"name": "other", "device": "other"}],
        "meter": [{"name": "m", "driver": "eastron", "port": "other", "address": 1}],
        "connector": [{"number": 1, "driver": "native", "port": "other", "address": 2, "meter": "m", **REST}],
    }
    name = SECTIONS[driver.kind]
    if name == "connector":
        document["connector"] = [{"number": 1, "meter": "m", **REST, **section}]
    elif name == "meter":
        document["meter"].append({"name": "it", **section})
    else:
        document[name] = [{"name": "it", **({"zone": "front"} if name == "sensor" else {}), **section}]
    return SimulatedStation(of_settings(document))


@pytest.mark.parametrize("driver", simulated(is_modbus=True), ids=lambda driver: driver.full_name)
async def test_a_device_is_found_by_its_own_driver(driver: Candidate) -> None:
    port_kind = "serial" if "serial" in driver.about.ports else "tcp"
    address = driver.about.addresses[0] if driver.about.addresses else 7
    station = station_with(driver, address, port_kind)
    try:
        wire = station.wire_for(station.plan.file.port[0])
        assert isinstance(wire, Wire)
        async with LookingPort("bus", wire) as port:
            found = await discovery.look_at("bus", port, discovery.candidates(port_kind), address)
    finally:
        station.close()
    assert isinstance(found, Found)
    if driver.full_name in UNSURE:
        assert found.driver in {name.partition(".")[2] for name in UNSURE}
    else:
        assert (found.kind, found.driver) == (driver.kind, driver.name), found


async def passing(station: SimulatedStation) -> None:
    """Some devices speak without being asked."""
    while True:
        station.advance()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("driver", simulated(is_modbus=False), ids=lambda driver: driver.full_name)
async def test_a_device_of_another_protocol_is_found_as_it_is_delivered(driver: Candidate) -> None:
    line = driver.about.lines[0]
    address = driver.about.addresses[0] if driver.about.addresses else 7
    station, found = station_with(driver, address, "serial"), list[Found]()
    drivers = [each for each in discovery.candidates("serial") if line in each.about.lines]
    try:
        wire = station.wire_for(station.plan.file.port[0])
        assert isinstance(wire, Wire)
        async with LookingPort("bus", wire) as port:
            time = asyncio.create_task(passing(station))
            await discovery.search_bus("bus", port, drivers, (1, 2), found.append, line)
            time.cancel()
    finally:
        station.close()
    if not driver.about.addresses:
        return  # its address is its serial number, which nobody can guess
    assert [(each.kind, each.driver, each.address) for each in found] == [(driver.kind, driver.name, address)]
