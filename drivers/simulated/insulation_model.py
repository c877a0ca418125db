"""Insulation of a DC output as it truly is, and what a monitor makes of it. Pure; time comes in."""

from __future__ import annotations

from collections.abc import Callable

HEALTHY_OHM = 8_000_000.0
SELF_TEST_S = 3.0


class Isolation:
    """The resistance of an output to earth, and the monitor's own health.

    `voltage_v` tells the output's voltage. `is_answering`, `is_valid`: its line and its measurement work. `fault`: the
    number of a fault of its own, as its protocol has it; 0 is none. `faces` keep thresholds: they are the device's own.
    """

    def __init__(self, voltage_v: Callable[[], float] = lambda: 0.0) -> None:
        self.resistance_ohm = HEALTHY_OHM
        self.voltage_v = voltage_v
        self.is_answering = True
        self.is_valid = True
        self.is_measuring = True
        self.fault = 0
        self.delay_s = 0.0
        self.self_tests = 0
        self._tests_until_s = -1.0

    def begin_self_test(self, now_s: float) -> None:
        """It tests itself for SELF_TEST_S."""
        self.self_tests += 1
        self._tests_until_s = now_s + SELF_TEST_S

    def is_testing(self, now_s: float) -> bool:
        return now_s < self._tests_until_s

    def restart(self) -> None:
        """Its supply was away: tests are forgotten, what it keeps in its memory stays."""
        self._tests_until_s = -1.0
