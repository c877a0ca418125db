"""A native controller without power modules of its own: the station commands them (capability STATION_SUPPLY).

Ten times a second it is told what the modules give, and says what it asks of them: docs/protocol/README.md.
"""

from __future__ import annotations

import asyncio
import logging
import math

from drivers.errors import DeviceError
from drivers.interfaces import PowerDemand, SupplyOutput
from drivers.native.controller import NativeController
from drivers.native.link import Link
from drivers.native.registers import Value

log = logging.getLogger(__name__)

STEP_S = 0.1
HEARD_WITHIN_S = 0.4
"""A demand older than this is none: the modules go off (power.md, Z11)."""
NOTHING = SupplyOutput(0.0, 0.0, 0.0, 0.0, 0.0, is_able=False)


class SuppliedController(NativeController):
    """As any native controller, and `NeedsSupply`. `run_supply` must be running for it to charge."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._demand = PowerDemand(False)
        self._heard_s = -math.inf
        self._output = NOTHING
        self._is_silent = False

    def demand(self) -> PowerDemand:
        """What it asks for now; off when it has not said so for 0.4 s."""
        is_late = asyncio.get_running_loop().time() - self._heard_s > HEARD_WITHIN_S
        return PowerDemand(False) if is_late else self._demand

    def report(self, output: SupplyOutput) -> None:
        """What the supply gives, to be told with the next exchange."""
        self._output = output

    async def run_supply(self) -> None:
        """Tell and ask until cancelled. A controller that does not answer has asked for nothing."""
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                values = await self._link.supply(_told(self._output))
            except DeviceError as error:
                if not self._is_silent:
                    log.debug("%s", error)
                self._is_silent = True
            else:
                self._is_silent = False
                self._demand = _asked(values)
                self._heard_s = asyncio.get_running_loop().time()
            spent_s = asyncio.get_running_loop().time() - began_s
            await asyncio.sleep(max(STEP_S - spent_s, STEP_S / 4))


def _told(output: SupplyOutput) -> dict[str, Value]:
    """The supply block. What could be given is rounded down; 0 W says that nothing can be expected (E8), so modules
    that have only not been heard yet are told as 1 W."""
    power_w = max(output.max_power_w, 1.0) if output.is_able else 0.0
    return {
        "supply_voltage": _whole(output.voltage_v * 1000),
        "supply_current": _whole(output.current_a * 1000),
        "supply_max_current": _whole(output.max_current_a * 1000),
        "supply_max_power": _whole(power_w),
        "supply_max_voltage": _whole(output.max_voltage_v * 1000),
        "supply_temperature": None if output.temperature_c is None else round(output.temperature_c * 10),
    }


def _whole(value: float) -> int:
    return min(max(math.floor(value + 1e-6), 0), 0xFFFF_FFFF)


def _asked(values: dict[str, Value]) -> PowerDemand:
    return PowerDemand(
        is_on=values["demand_on"] == 1,
        voltage_v=int(values["demand_voltage"] or 0) / 1000,
        current_a=int(values["demand_current"] or 0) / 1000,
    )
