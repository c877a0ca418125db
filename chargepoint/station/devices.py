"""Ports and devices of the station file, built once: one owner for each port, one driver for each device."""

from __future__ import annotations

from chargepoint.config import ConnectorSettings, MeterSettings, Settings
from chargepoint.context import Context
from drivers.interfaces import ConnectorController, EnergyMeter
from drivers.loading import load
from drivers.ports.port import Port


def open_ports(context: Context) -> dict[str, Port]:
    """A port for each [[port]] that a controller or a meter uses; readers belong to the service `rfid`."""
    settings = context.settings
    used = {connector.port for connector in settings.connector} | {meter.port for meter in settings.meter}
    return {
        port.name: Port(port.name, context.wire_for(port), port.timeout_s)
        for port in settings.port
        if port.name in used
    }


def open_controller(settings: ConnectorSettings, ports: dict[str, Port]) -> ConnectorController:
    """The connector's controller. Raises UnknownDriver."""
    driver = load("controllers", settings.driver)
    controller: ConnectorController = driver.open_device(
        driver.Settings(port=settings.port, address=settings.address), ports[settings.port]
    )
    return controller


def open_meter(settings: MeterSettings, ports: dict[str, Port]) -> EnergyMeter:
    """The meter. Raises UnknownDriver."""
    driver = load("meters", settings.driver)
    meter: EnergyMeter = driver.open_device(
        driver.Settings(port=settings.port, address=settings.address), ports[settings.port]
    )
    return meter


def most_power_w(settings: Settings, meter: MeterSettings) -> float:
    """The most that can flow through a meter: its connector's power, or the whole station's."""
    for connector in settings.connector:
        if connector.meter == meter.name:
            return connector.max_power_w
    return max(settings.station.power_limit_w, sum(connector.max_power_w for connector in settings.connector))
