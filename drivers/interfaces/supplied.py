"""DC connector controllers that leave voltage and current to power modules of the station."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec


class PowerDemand(msgspec.Struct, frozen=True):
    """What a controller without modules of its own asks of the power supply: `is_on` false is off at once."""

    is_on: bool
    voltage_v: float = 0.0
    current_a: float = 0.0


class SupplyOutput(msgspec.Struct, frozen=True):
    """What the power supply really gives: measured, and what it could give at most."""

    voltage_v: float
    current_a: float
    max_voltage_v: float
    max_current_a: float
    max_power_w: float
    temperature_c: float | None = None
    insulation_ohm: float | None = None
    is_able: bool = True


@runtime_checkable
class NeedsSupply(Protocol):
    """A DC connector controller that leaves voltage and current to power modules of the station."""

    def demand(self) -> PowerDemand:
        """What it asks for now; off when it has not been heard for as long as its protocol allows."""
        ...

    def report(self, output: SupplyOutput) -> None:
        """What the supply gives; to be told at least every 100 ms, or the controller ends the charge."""
        ...


@runtime_checkable
class HasSupplyLoop(Protocol):
    """A `NeedsSupply` that is told and asked by questions of its own, not by frames that come and go by themselves."""

    async def run_supply(self) -> None:
        """Tell it of the supply and ask what it wants, until cancelled."""
        ...
