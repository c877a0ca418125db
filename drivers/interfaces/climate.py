"""Sensors of temperature and humidity."""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.interfaces.device import Identity


class ClimateReading(msgspec.Struct, frozen=True):
    """One reading of a climate sensor; None for what it does not measure. A sensor that says it has failed raises
    Implausible instead."""

    temperature_c: float | None = None
    humidity_pct: float | None = None


class ClimateSensor(Protocol):
    """A sensor of temperature, humidity or both."""

    async def identify(self) -> Identity: ...

    async def read(self) -> ClimateReading: ...
