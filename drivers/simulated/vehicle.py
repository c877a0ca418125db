"""Vehicles as a charging station sees them: what they ask for, what they take, when they stop and leave.

Pure models: time comes in as `step(dt_s)`, nothing here reads a clock or a wire. All energy a connector delivers
ends in the battery (no losses on board), so that the vehicle's own books are the truth for the station's.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

NotNegative = Annotated[float, Meta(ge=0, le=10_000_000)]
Positive = Annotated[float, Meta(gt=0, le=10_000_000)]
Percent = Annotated[float, Meta(ge=0, le=100)]

FULL_MARGIN_PCT = 1e-6
TAPER_FROM_PCT = 60.0
TAPER_END_SHARE = 0.12
"""Share of its full current that a DC vehicle still asks for just before its target."""
DEFAULT_AC_CURRENT_A = 32.0
DEFAULT_DC_CURRENT_A = 200.0
GBT_TEMPERATURE_C = 27.0


class PlugOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a vehicle comes, charges and goes.

    `current_a` is the most it takes (per phase for AC; None: 32 A AC, 200 A DC). `start_delay_s` is the time from
    plugging in until it asks for energy. `cable_current_a` is the cable's rating as coded by its PP resistor (AC
    socket only). `leave_after_s` counts from plugging in, `leave_after_finish_s` from the end of charging.
    `overdraw_a` makes an AC vehicle take that much more than it is offered, and never stop by itself.
    """

    plug_delay_s: NotNegative = 0.0
    start_delay_s: NotNegative = 1.0
    current_a: NotNegative | None = None
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    soc_pct: Percent = 20.0
    target_soc_pct: Percent = 100.0
    capacity_wh: Positive = 60_000.0
    max_power_w: Positive | None = None
    battery_v: Annotated[float, Meta(ge=150, le=950)] = 400.0
    vin: Annotated[str, Meta(max_length=20, pattern=r"^[\x20-\x7e]*$")] = ""
    cable_current_a: Positive | None = None
    leave_after_s: NotNegative | None = None
    leave_after_finish_s: NotNegative | None = None
    diode_fault_after_s: NotNegative | None = None
    stop_after_wh: Positive | None = None
    at_full: Literal["stop", "hold"] = "stop"
    overdraw_a: NotNegative = 0.0


class Vehicle:
    """One vehicle at one connector. `energy_wh` is what it has received, to the last fraction."""

    def __init__(self, options: PlugOptions, *, is_dc: bool) -> None:
        self.options = options
        self.is_dc = is_dc
        self.age_s = 0.0
        self.energy_wh = 0.0
        self.soc_pct = options.soc_pct
        self.paused = False
        self.pilot_paused = False
        self.flap_hz = 0.0
        self.finished = False
        """It ended the charge by itself: full, enough, or its driver stopped it."""

    def step(self, dt_s: float) -> None:
        """Let `dt_s` pass."""
        self.age_s += dt_s

    def absorb(self, energy_wh: float) -> None:
        """Take energy in; the vehicle ends the charge when it has what it came for."""
        self.energy_wh += energy_wh
        self.soc_pct += energy_wh / self.options.capacity_wh * 100
        if self.options.at_full == "stop" and (self._is_full or self._has_enough):
            self.finished = True

    @property
    def asks(self) -> bool:
        """It is ready and asks for energy (pilot state C, or its DC protocol's ready)."""
        if self.finished or self.pilot_paused or self.age_s < self.options.start_delay_s:
            return False
        return not self.flap_hz or int(self.age_s * 2 * self.flap_hz) % 2 == 0

    @property
    def requests_energy(self) -> bool:
        """It asks, and for more than nothing."""
        return self.asks and self.wished_current_a > 0

    @property
    def wished_current_a(self) -> float:
        """What it would take now without any limit of the station: per phase for AC."""
        if self.paused or not self.asks or self._is_full or self._has_enough:
            return 0.0
        default_a = DEFAULT_DC_CURRENT_A if self.is_dc else DEFAULT_AC_CURRENT_A
        full_a = default_a if self.options.current_a is None else self.options.current_a
        if not self.is_dc:
            return full_a
        if self.options.max_power_w is not None:
            full_a = min(full_a, self.options.max_power_w / self.battery_voltage_v)
        return full_a * self._taper

    def taken_current_a(self, offered_a: float, *, voltage_v: float) -> float:
        """What an AC vehicle takes per phase of `offered_a`; below 6 A nothing (IEC 61851-1, annex A)."""
        if offered_a < 6.0 - 1e-9:
            return 0.0
        wished_a = self.wished_current_a
        if self.options.max_power_w is not None:
            wished_a = min(wished_a, self.options.max_power_w / (voltage_v * self.options.phases))
        return min(offered_a, wished_a) + (self.options.overdraw_a if wished_a > 0 else 0.0)

    @property
    def battery_voltage_v(self) -> float:
        """Open-circuit voltage: falls and rises with the charge, 90..106 % of the nominal voltage."""
        return self.options.battery_v * (0.90 + 0.16 * min(self.soc_pct, 100.0) / 100)

    @property
    def highest_voltage_v(self) -> float:
        """What it allows at most."""
        return self.options.battery_v * 1.1

    @property
    def temperature_c(self) -> float:
        """Battery temperature: a few kelvin up with the energy taken."""
        return GBT_TEMPERATURE_C + 12 * (1 - math.exp(-self.energy_wh / self.options.capacity_wh * 3))

    def remaining_s(self, power_w: float) -> float | None:
        """Time to its target at `power_w`; None when nothing flows."""
        if power_w <= 0:
            return None
        return max(self.options.target_soc_pct - self.soc_pct, 0.0) / 100 * self.options.capacity_wh / power_w * 3600

    def next_change_s(self) -> float:
        """Time until something changes by itself in a vehicle to which nothing flows; infinity when nothing will."""
        if self.flap_hz:
            half_s = 1 / (2 * self.flap_hz)
            return max(half_s - self.age_s % half_s, 1e-4)
        wait_s = self.options.start_delay_s - self.age_s
        return wait_s if wait_s > 0 else math.inf

    @property
    def _is_full(self) -> bool:
        return self.soc_pct >= self.options.target_soc_pct - FULL_MARGIN_PCT

    @property
    def _has_enough(self) -> bool:
        return self.options.stop_after_wh is not None and self.energy_wh >= self.options.stop_after_wh - 1e-6

    @property
    def _taper(self) -> float:
        """Share of the full current at this state of charge: flat to 60 %, then falling to 12 % at 100 %."""
        if self.soc_pct <= TAPER_FROM_PCT:
            return 1.0
        over = (min(self.soc_pct, 100.0) - TAPER_FROM_PCT) / (100 - TAPER_FROM_PCT)
        return 1.0 - over * (1 - TAPER_END_SHARE)
