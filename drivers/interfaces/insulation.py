"""Monitors of the insulation of a DC output."""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.interfaces.device import Identity


class InsulationReading(msgspec.Struct, frozen=True):
    """One reading of an insulation monitor. `is_at_least`: the true resistance is `resistance_ohm` or more.

    `warning` and `alarm` are its own verdicts; `fault` is a fault of the monitor itself, empty when there is none.
    """

    resistance_ohm: float
    is_at_least: bool = False
    warning: bool = False
    alarm: bool = False
    fault: str = ""
    voltage_v: float | None = None
    u_plus_v: float | None = None
    u_minus_v: float | None = None


class InsulationMonitor(Protocol):
    """A monitor of the insulation of a DC output against earth."""

    async def identify(self) -> Identity: ...

    async def prepare(self, warning_ohm: float, alarm_ohm: float) -> None:
        """Set its thresholds and let it measure. Raises Refused when it keeps others."""
        ...

    async def read(self) -> InsulationReading: ...

    async def self_test(self) -> str:
        """Let it test itself, at most 30 s; the fault found, or empty."""
        ...
