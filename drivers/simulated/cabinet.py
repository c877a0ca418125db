"""Air in the zones of a cabinet: heaters and fans act on what its sensors measure. Pure; time comes in.

A zone goes towards the temperature outside, plus what the electronics give off; a heater warms it, a fan brings it
closer to outside and faster. Only sensors for which simulation.toml names `outside_c` take part; the others measure
what they are told.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from drivers.simulated.climate_model import ClimateModel

HEATER_K = 25.0
"""What the heaters of a zone add, once it has settled."""
LOSSES_K = 30.0
"""What the electronics add at full load without a fan; with one a fifth of it."""
STILL_S, BLOWN_S = 900.0, 180.0
"""How long the air takes for two thirds of the way, without and with a fan."""


class Zone:
    """The air around one sensor. `is_heated` and `is_blown` tell of heaters and fans, `load` is 0..1."""

    def __init__(
        self,
        sensor: ClimateModel,
        outside_c: float,
        is_heated: Callable[[], bool],
        is_blown: Callable[[], bool],
        load: Callable[[], float],
    ) -> None:
        self.outside_c = outside_c
        self._sensor = sensor
        self._is_heated, self._is_blown, self._load = is_heated, is_blown, load
        self._now_s: float | None = None

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        passed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        is_blown = self._is_blown()
        target_c = self.outside_c + LOSSES_K * self._load() * (0.2 if is_blown else 1.0)
        target_c += HEATER_K if self._is_heated() else 0.0
        share = 1.0 - math.exp(-passed_s / (BLOWN_S if is_blown else STILL_S))
        self._sensor.temperature_c += (target_c - self._sensor.temperature_c) * share
