"""A small station of two connectors, three meters and a reader, as a plan."""

from __future__ import annotations

from drivers.simulated.plan import Plan, SimulationFile, SimulationPart, of_settings


def settings(kind: str = "serial") -> dict[str, object]:
    wires = {"kind": kind, "host": "127.0.0.1", "port": 0}
    return {
        "station": {"name": "test", "meter": "main", "vendor": "not read here"},
        "port": [
            {"name": "controllers", "device": "run/controllers", **wires},
            {"name": "meters", "device": "run/meters", **wires},
            {"name": "reader", "device": "run/reader", **wires},
        ],
        "connector": [
            connector(1, "CCS2", "dc", max_current_a=200, max_power_w=60_000),
            connector(2, "TYPE2", "ac", max_current_a=32, max_power_w=22_080),
        ],
        "meter": [
            {"name": "main", "port": "meters", "address": 10},
            {"name": "dc", "port": "meters", "address": 1},
            {"name": "ac", "port": "meters", "address": 2},
        ],
        "reader": [{"name": "front", "port": "reader"}],
    }


def connector(number: int, kind: str, meter: str, **more: object) -> dict[str, object]:
    return {"number": number, "type": kind, "port": "controllers", "address": number, "meter": meter, **more}


def plan(kind: str = "serial", **simulation: object) -> Plan:
    return of_settings(settings(kind), SimulationFile(simulation=SimulationPart(**simulation)))  # type: ignore[arg-type]
