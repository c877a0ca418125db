"""Whether the station's own supply is good: asked before a controller's firmware is written.

Said by a UPS, an input for failed mains, the meter of the whole station, and the kernel of the board. What is not
fitted or does not answer says nothing, and holds nothing up.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

from chargepoint.station.cabinet.mains import Mains
from chargepoint.station.meters import MeterPoint

LOW_SHARE = 0.85
"""Of the nominal voltage: below it the mains are not what EN 50160 promises. Only the highest phase is looked at, as a
meter may have phases that are not wired."""
KERNEL = Path("/sys")
ALARMS = "class/hwmon/hwmon*/in0_lcrit_alarm"
"""The kernel's alarm of a Raspberry Pi that is fed with less than 4.63 V."""


class Supply:
    """`sys`: of the kernel."""

    def __init__(self, mains: Mains, meter: MeterPoint | None, phase_voltage_v: float, sys: Path = KERNEL) -> None:
        self._mains = mains
        self._meter = meter
        self._nominal_v = phase_voltage_v
        self._sys = sys

    async def why_low(self) -> str:
        """Why nothing may hang on this supply now, for people; empty: nothing speaks against it."""
        why = self._mains.why_lost()
        if why:
            return f"{why[0].upper()}{why[1:]}; wait until mains are back."
        voltage_v = self._voltage_v()
        if voltage_v is not None and voltage_v < LOW_SHARE * self._nominal_v:
            return f"The meter of the station says {voltage_v:.0f} V; wait until mains are good."
        if await asyncio.to_thread(is_board_low, self._sys):
            return "The computer's own supply is too low; see to its power supply first."
        return ""

    def _voltage_v(self) -> float | None:
        """The highest phase; None: not known."""
        meter = self._meter
        if meter is None or not meter.is_answering or meter.reading is None:
            return None
        told = [each for each in meter.reading.voltage_v or () if each is not None and math.isfinite(each)]
        return max(told, default=None)


def is_board_low(sys: Path = KERNEL) -> bool:
    """Whether the kernel's alarm is raised now. False where there is none. Reads files: not in the event loop."""
    for file in sorted(sys.glob(ALARMS))[:8]:
        try:
            if file.read_text(encoding="ascii").strip() not in ("", "0"):
                return True
        except (OSError, ValueError):
            continue
    return False
