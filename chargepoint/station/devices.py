"""Ports and devices of the station file, built once: one owner for each port, one driver for each device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chargepoint.config import ConnectorSettings, MeterSettings, Settings
from chargepoint.config_drivers import KINDS, driver_settings
from chargepoint.context import Context
from drivers.interfaces import ConnectorController, EnergyMeter
from drivers.loading import load
from drivers.ports.opening import AnyPort, port_on


def open_ports(context: Context) -> dict[str, AnyPort]:
    """A port for each [[port]] that a device uses; those of readers belong to the service `rfid`."""
    settings = context.settings
    used = {section.port for kind in KINDS if kind != "reader" for section in getattr(settings, kind)}
    return {port.name: port_on(port, context.wire_for(port)) for port in settings.port if port.name in used}


def open_controller(settings: ConnectorSettings, ports: Mapping[str, AnyPort]) -> ConnectorController:
    """The connector's controller. Raises UnknownDriver."""
    controller: ConnectorController = _open("connector", settings, ports)
    return controller


def open_meter(settings: MeterSettings, ports: Mapping[str, AnyPort]) -> EnergyMeter:
    """The meter. Raises UnknownDriver."""
    meter: EnergyMeter = _open("meter", settings, ports)
    return meter


def _open(kind: str, settings: ConnectorSettings | MeterSettings, ports: Mapping[str, AnyPort]) -> Any:
    driver = load(KINDS[kind], settings.driver)
    own = msgspec.convert(driver_settings(driver, msgspec.to_builtins(settings)), driver.Settings)
    return driver.open_device(own, ports[settings.port] if settings.port else None)


def most_power_w(settings: Settings, meter: MeterSettings) -> float:
    """The most that can flow through a meter: its connector's power, or the whole station's."""
    for connector in settings.connector:
        if connector.meter == meter.name:
            return connector.max_power_w
    return max(settings.station.power_limit_w, sum(connector.max_power_w for connector in settings.connector))
