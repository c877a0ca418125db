"""Uninterruptible supplies."""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.interfaces.device import Identity


class SupplyReading(msgspec.Struct, frozen=True):
    """The station's uninterruptible supply. `is_low`: it asks for an orderly shutdown now."""

    on_battery: bool
    is_low: bool
    charge_pct: float | None = None
    runtime_s: float | None = None
    needs_battery: bool = False


class UninterruptibleSupply(Protocol):
    """A UPS, or a power-fail signal with a buffer behind it."""

    async def identify(self) -> Identity: ...

    async def read(self) -> SupplyReading: ...
