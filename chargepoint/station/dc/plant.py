"""What is measured of the station's power modules, contactors and outputs, in the words of the rules. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from chargepoint.power.measured import GroupReading, OutputReading, Stage
from chargepoint.power.switching.wiring import Wiring
from chargepoint.station.connector import Phase
from chargepoint.station.dc.supply_steps import is_usable, measured
from chargepoint.vocabulary import ControllerStatus, HardwareFlag
from drivers.interfaces import ControllerReading, ModuleReading, PowerDemand

POWERED = frozenset({Phase.STARTING, Phase.CHARGING, Phase.STOPPING})
"""Phases of a connector in which its output may have voltage."""

_STAGES = {
    ControllerStatus.C2_INSULATION_TEST: Stage.PREPARING,
    ControllerStatus.C3_INSULATION_OK: Stage.PREPARING,
    ControllerStatus.C4_PRECHARGE: Stage.PREPARING,
    ControllerStatus.C5_PRECHARGE_DONE: Stage.PREPARING,
    ControllerStatus.C6_CHARGING: Stage.CHARGING,
    ControllerStatus.C7_RAMP_DOWN: Stage.STOPPING,
    ControllerStatus.C8_SHUTDOWN: Stage.STOPPING,
    ControllerStatus.C9_CABLE_UNLOCK: Stage.STOPPING,
}


def stage_of(phase: Phase, reading: ControllerReading | None, demand: PowerDemand, *, is_well: bool) -> Stage:
    """What an output is at, as far as power matters.

    `is_well`: its controller is heard, its permission holds, and nothing keeps it from energy that does not wait for a
    ramp. A controller that asks for power while it locks its cable (C1) is at its test already.
    """
    if phase not in POWERED:
        return Stage.IDLE
    if reading is None or not is_well:
        return Stage.OFF
    if reading.status is ControllerStatus.C1_CABLE_LOCK and demand.is_on:
        return Stage.PREPARING
    stage = _STAGES.get(reading.status, Stage.OFF if reading.status.is_error else Stage.IDLE)
    if phase is Phase.STOPPING and stage is not Stage.OFF:
        return Stage.STOPPING if reading.status.is_charging else Stage.IDLE
    return stage


def group_reading(modules: Sequence[ModuleReading]) -> GroupReading:
    """The modules of a group together; one that does not answer says nothing."""
    there = [module for module in modules if module.is_online]
    able = [module for module in there if is_usable(module)]
    found = measured(there)
    return GroupReading(
        voltage_v=found.voltage_v,
        current_a=found.current_a,
        is_on=any(module.is_on for module in there),
        is_online=bool(there),
        has_fault=bool(there) and not able,
    )


def output_reading(
    stage: Stage,
    reading: ControllerReading | None,
    demand: PowerDemand,
    groups: Collection[GroupReading],
    *,
    is_heard: bool,
) -> OutputReading:
    """One output; `groups` are those joined to it for its sake: they measure its bus sooner than its controller."""
    there = [group for group in groups if group.is_online]
    heard = reading if is_heard else None
    own_v = heard.voltage_v if heard is not None and heard.is_metered else 0.0
    own_a = max(map(abs, heard.current_a)) if heard is not None and heard.is_metered else 0.0
    wanted = demand if demand.is_on and _is_sound(demand) else PowerDemand(False)
    return OutputReading(
        stage=stage,
        voltage_v=max(group.voltage_v for group in there) if there else _number(own_v),
        current_a=_number(own_a) if own_a else math.fsum(group.current_a for group in there),
        request_v=wanted.voltage_v if wanted.is_on else 0.0,
        request_a=wanted.current_a if wanted.is_on else 0.0,
        is_closed=None if heard is None else HardwareFlag.OUTPUT_RELAY in heard.flags,
    )


def joined(wiring: Wiring, contactors: Mapping[str, bool | None]) -> dict[int, frozenset[str]]:
    """By output: the groups whose terminals are joined to it now. A contactor nobody knows of counts as closed."""
    found = wiring.joined(frozenset(name for name in wiring.ends if contactors.get(name) is not False))
    return {number: frozenset(found.groups.get(found.at[bus], ())) for number, bus in wiring.output_bus.items()}


def _is_sound(demand: PowerDemand) -> bool:
    return all(math.isfinite(value) and value >= 0 for value in (demand.voltage_v, demand.current_a))


def _number(value: float) -> float:
    return value if math.isfinite(value) else 0.0
