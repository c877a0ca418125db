"""A station file with one device of each kind, and the drivers for them, opened as the station opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from chargepoint.config_devices import PortSettings
from chargepoint.config_drivers import driver_settings
from drivers.loading import KIND_OF_SECTION, load
from drivers.ports.opening import AnyPort, port_on, wire_of
from drivers.simulated.plan import Plan, of_settings
from drivers.simulated.station import SimulatedStation


def document() -> dict[str, Any]:
    return {
        "station": {"name": "whole", "meter": "main"},
        "port": [
            {"name": "line", "device": "run/line", "baud_rate": 115_200},
            {"name": "bus", "kind": "can", "interface": "slcan", "device": "run/bus", "bit_rate": 125_000},
            {"name": "web", "kind": "http", "host": "127.0.0.1", "port": 0},
            {"name": "supply", "kind": "tcp", "host": "127.0.0.1", "port": 0},
            {"name": "chip", "kind": "gpio", "device": "/dev/gpiochip9"},
            {"name": "strip", "kind": "spi", "device": "/dev/spidev9.0"},
        ],
        "connector": [
            {
                "number": 1, "type": "TYPE2", "port": "line", "address": 5, "meter": "main", "max_current_a": 32,
                "max_power_w": 22_080, "cable_current_a": 32, "contactor": "K1",
            },
            {
                "number": 2, "type": "CCS2", "port": "bus", "address": 20, "meter": "dc", "max_current_a": 100,
                "max_power_w": 60_000, "cable_current_a": 100, "insulation": "earth",
            },
            {
                "number": 3, "type": "SCHUKO", "driver": "socket", "meter": "house", "max_current_a": 16,
                "max_power_w": 3680, "cable_current_a": 16, "phases": 1, "options": {"relay": "R3", "lid": "lid3"},
            },
        ],
        "meter": [
            {"name": "main", "port": "line", "address": 1},
            {"name": "dc", "port": "line", "address": 2, "driver": "dzg"},
            {"name": "signed", "port": "web", "driver": "lem"},
            {"name": "house", "port": "line", "address": 12_345_678, "driver": "mercury_200"},
        ],
        "modules": [{"name": "bank", "driver": "infypower", "port": "bus", "addresses": [0, 1]}],
        "insulation": [{"name": "earth", "driver": "bender_isocha", "port": "line", "address": 3}],
        "io": [
            {"name": "relays", "driver": "icpdas", "port": "line", "address": 7},
            {"name": "pins", "driver": "gpio", "port": "chip", "options": {"inputs": [4], "outputs": [17]}},
        ],
        "input": [
            {"name": "stop", "function": "emergency_stop", "io": "relays", "channel": 0},
            {"name": "K1 closed", "function": "contactor_feedback", "io": "relays", "channel": 1},
            {"name": "lid3", "function": "lid", "io": "relays", "channel": 2},
            {"name": "door", "function": "door", "io": "pins", "channel": 0},
        ],
        "output": [
            {"name": "K1", "function": "contactor", "io": "relays", "channel": 0, "feedback": "K1 closed"},
            {"name": "R3", "function": "socket", "io": "relays", "channel": 1},
            {"name": "fan", "function": "fan", "io": "pins", "channel": 0, "zone": "front"},
        ],
        "sensor": [{"name": "front", "zone": "front", "driver": "xy_md02", "port": "line", "address": 9}],
        "light": [
            {"name": "bar", "driver": "spi_ws281x", "port": "strip", "pixels": 8},
            {"name": "strip", "driver": "adalight", "port": "line", "pixels": 4},
        ],
        "ups": [{"name": "ups", "port": "supply"}],
    }  # fmt: skip


def plan(folder: Path = Path()) -> Plan:
    return of_settings(document(), folder=folder)


def port_settings(name: str, **changed: object) -> PortSettings:
    found = next(port for port in document()["port"] if port["name"] == name)
    return msgspec.convert({**found, "timeout_s": 1.0, **changed}, PortSettings)


def port_in_process(simulation: SimulatedStation, name: str) -> AnyPort:
    """A port on the simulated wire, in this event loop."""
    settings = port_settings(name)
    return port_on(settings, simulation.wire_for(settings))


def real_port(name: str, **where: object) -> AnyPort:
    """A port on a real wire to a simulation in another process."""
    settings = port_settings(name, **where)
    return port_on(settings, wire_of(settings))


def device(kind: str, name: str, port: AnyPort) -> Any:
    """The driver of a section, on its port."""
    key = "number" if kind == "connector" else "name"
    section = next(each for each in document()[kind] if str(each[key]) == name)
    section = {"driver": "native" if kind == "connector" else "eastron", **section}
    if kind == "ups":
        section = {**section, "driver": "nut", "options": {"name": name}}
    driver = load(KIND_OF_SECTION[kind], section["driver"])
    return driver.open_device(msgspec.convert(driver_settings(driver, section), driver.Settings), port)
