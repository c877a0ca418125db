"""Options that drivers of modules share, and limits that modules do not tell: by the data sheet or the installer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from drivers.interfaces import ModuleLimits

Broadcast = Annotated[
    bool, Meta(description="there are no other modules on this bus: tell all together where they get the same")
]
MaxVoltage = Annotated[
    Annotated[float, Meta(gt=0, le=1500)] | None, Meta(description="highest voltage by the module's data sheet, V")
]
MinVoltage = Annotated[
    Annotated[float, Meta(ge=0, le=1500)] | None, Meta(description="lowest voltage by the module's data sheet, V")
]
MaxCurrent = Annotated[
    Annotated[float, Meta(gt=0, le=500)] | None, Meta(description="highest current by the module's data sheet, A")
]
MaxPower = Annotated[
    Annotated[float, Meta(gt=0, le=200_000)] | None, Meta(description="rated power by the module's data sheet, W")
]


def rated(
    usual: ModuleLimits,
    max_voltage_v: float | None,
    min_voltage_v: float | None,
    max_current_a: float | None,
    max_power_w: float | None,
) -> ModuleLimits:
    """`usual`, with what the installer gave in its place."""
    return ModuleLimits(
        max_voltage_v=usual.max_voltage_v if max_voltage_v is None else max_voltage_v,
        min_voltage_v=usual.min_voltage_v if min_voltage_v is None else min_voltage_v,
        max_current_a=usual.max_current_a if max_current_a is None else max_current_a,
        max_power_w=usual.max_power_w if max_power_w is None else max_power_w,
    )
