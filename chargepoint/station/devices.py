"""Ports and devices of the station file, built once: one owner for each port, one driver for each device."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from chargepoint.config import ConnectorSettings, MeterSettings, Settings
from chargepoint.config_drivers import driver_settings
from chargepoint.config_types import Section
from chargepoint.context import Context
from drivers.interfaces import ConnectorController, EnergyMeter, Parts
from drivers.loading import KIND_OF_SECTION, load
from drivers.ports.opening import AnyPort, port_on


def open_ports(context: Context) -> dict[str, AnyPort]:
    """A port for each [[port]] that a device uses; those of readers belong to the service `rfid`."""
    settings = context.settings
    used = {section.port for kind in KIND_OF_SECTION if kind != "reader" for section in getattr(settings, kind)}
    return {port.name: port_on(port, context.wire_for(port)) for port in settings.port if port.name in used}


def open_controller(
    settings: ConnectorSettings, ports: Mapping[str, AnyPort], parts: Parts | None = None
) -> ConnectorController:
    """The connector's controller; `parts` for one that is made of other devices. Raises UnknownDriver."""
    controller: ConnectorController = open_device("connector", settings, ports, parts)
    return controller


def open_meter(settings: MeterSettings, ports: Mapping[str, AnyPort]) -> EnergyMeter:
    """The meter. Raises UnknownDriver."""
    meter: EnergyMeter = open_device("meter", settings, ports)
    return meter


def open_device(kind: str, settings: Section, ports: Mapping[str, AnyPort], parts: Parts | None = None) -> Any:
    """The device of a section of kind `kind` (a key of KIND_OF_SECTION), as its driver makes it.

    A driver whose `open_device` takes `parts` gets the station's other devices. Raises UnknownDriver.
    """
    section = msgspec.to_builtins(settings)
    driver = load(KIND_OF_SECTION[kind], section["driver"])
    own = msgspec.convert(driver_settings(driver, section), driver.Settings)
    port = ports[section["port"]] if section["port"] else None
    if "parts" in inspect.signature(driver.open_device).parameters:
        return driver.open_device(own, port, parts)
    return driver.open_device(own, port)


def most_power_w(settings: Settings, meter: MeterSettings) -> float:
    """The most that can flow through a meter: its connector's power, or the whole station's."""
    for connector in settings.connector:
        if connector.meter == meter.name:
            return connector.max_power_w
    return max(settings.station.power_limit_w, sum(connector.max_power_w for connector in settings.connector))
