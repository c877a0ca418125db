"""How busy the polls keep a serial wire: an estimate for the installer, before anything is connected. Pure."""

from __future__ import annotations

import msgspec

from chargepoint.config import PortSettings, Settings
from drivers.loading import load
from drivers.meters.registers import Registers, spans
from drivers.native.objects import RENEWAL_S, STATUS

TURNAROUND_S = 0.005
"""What a device takes to begin its answer, at best."""
SILENCE_CHARACTERS = 3.5
"""Before and after each frame (Modbus over serial line, 2.5.1.1)."""
WARNING_SHARE = 0.8
"""Above this a late answer or a repeated order makes polls wait for one another."""


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer, `per_second` times; `pause_s` is what the device wants between frames besides."""

    request_bytes: int
    reply_bytes: int
    per_second: float
    pause_s: float = 0.0


CONTROLLER = (
    Exchange(8, 5 + 2 * STATUS.registers, 2.0),
    Exchange(19, 8, 1 / RENEWAL_S),  # limits and lease, five registers
)
METER = (Exchange(8, 5 + 2 * 80, 1.0),)
"""Of a meter whose driver does not say which registers it reads."""
IO_ROUND = (Exchange(8, 6, 1.0), Exchange(8, 6, 1.0))
"""Inputs and outputs of an I/O module; the next round begins `IO_PAUSE_S` after the end of one."""
IO_PAUSE_S = 0.1
INSULATION = (Exchange(8, 5 + 2 * 20, 1.0),)
SENSOR = (Exchange(8, 9, 0.2),)


def meter_exchanges(driver: str) -> tuple[Exchange, ...]:
    """What one reading each second of a meter takes, by the table of its driver."""
    registers = getattr(load("meters", driver), "REGISTERS", None)
    if not isinstance(registers, Registers):
        return METER
    return tuple(
        Exchange(8, 5 + 2 * count, 1.0, pause_s=registers.quiet_s)
        for _, count in spans(registers.all(), registers.most)
    )


def wire_share(port: PortSettings, exchanges: tuple[Exchange, ...]) -> float:
    """The share of the time of a serial wire that these exchanges take, 1.0 = all."""
    character_s = (1 + 8 + (port.parity != "N") + port.stop_bits) / port.baud_rate
    return sum(
        each.per_second
        * (character_s * (each.request_bytes + each.reply_bytes + 2 * SILENCE_CHARACTERS) + TURNAROUND_S + each.pause_s)
        for each in exchanges
    )


def poll_load(settings: Settings) -> dict[str, float]:
    """Name of each serial port with devices that are polled -> its share."""
    found: dict[str, float] = {}
    for port in settings.port:
        if port.kind != "serial":
            continue
        exchanges = CONTROLLER * sum(connector.port == port.name for connector in settings.connector)
        for meter in settings.meter:
            if meter.port == port.name:
                exchanges += meter_exchanges(meter.driver)
        exchanges += INSULATION * sum(monitor.port == port.name for monitor in settings.insulation)
        exchanges += SENSOR * sum(sensor.port == port.name for sensor in settings.sensor)
        round_s = wire_share(port, IO_ROUND)
        modules = sum(io.port == port.name for io in settings.io)
        share = wire_share(port, exchanges) + modules * round_s / (round_s + IO_PAUSE_S)
        if share:
            found[port.name] = share
    return found
