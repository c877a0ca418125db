"""The electrical side of one connector: voltage, current, power and energy that really flow. Pure; time is a step."""

from __future__ import annotations

RISE_A_PER_S = 20.0
FALL_A_PER_S = 100.0
"""Normal ramps (power.md, Z7)."""
VOLTAGE_V_PER_S = 1000.0
SAFE_VOLTAGE_V = 60.0


class Output:
    """What flows: `voltage_v` (AC: phase to neutral), `current_a` per phase, `phases` in use, energy so far.

    `energy_wh` is everything ever delivered, `session_wh` since the last start order; neither ever falls but for the
    session's reset.
    """

    def __init__(self, *, is_direct: bool = False) -> None:
        self.is_direct = is_direct
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.phases = 1
        self.energy_wh = 0.0
        self.session_wh = 0.0

    @property
    def power_w(self) -> float:
        return self.voltage_v * self.current_a * self.phases

    @property
    def currents_a(self) -> tuple[float, float, float]:
        """Per phase L1, L2, L3; DC: (I, 0, 0)."""
        used = [self.current_a if phase < self.phases else 0.0 for phase in range(3)]
        return (used[0], used[1], used[2])

    @property
    def has_voltage(self) -> bool:
        """There is dangerous voltage at the output."""
        return self.voltage_v > SAFE_VOLTAGE_V

    def move_voltage(self, target_v: float, dt_s: float) -> None:
        """Let the voltage go towards its target."""
        self.voltage_v = _towards(self.voltage_v, target_v, VOLTAGE_V_PER_S * dt_s, VOLTAGE_V_PER_S * dt_s)

    def flow(self, target_a: float, fall_a_per_s: float, dt_s: float) -> float:
        """Ramp the current towards `target_a` for `dt_s`; the energy that flowed meanwhile, in Wh."""
        before_a = self.current_a
        self.current_a = _towards(before_a, target_a, RISE_A_PER_S * dt_s, fall_a_per_s * dt_s)
        energy_wh = self.voltage_v * (before_a + self.current_a) / 2 * self.phases * dt_s / 3600
        self.energy_wh += energy_wh
        self.session_wh += energy_wh
        return energy_wh

    def follow(self, voltage_v: float, current_a: float, dt_s: float) -> float:
        """What others feed in now flows; the energy of `dt_s` in Wh."""
        before_w = self.voltage_v * self.current_a
        self.voltage_v, self.current_a = voltage_v, current_a
        energy_wh = (before_w + voltage_v * current_a) / 2 * dt_s / 3600
        self.energy_wh += energy_wh
        self.session_wh += energy_wh
        return energy_wh

    def interrupt(self) -> None:
        """The path is broken: no current from now on."""
        self.current_a = 0.0


def _towards(value: float, target: float, up: float, down: float) -> float:
    if target > value:
        return min(value + up, target)
    return max(value - down, target)
