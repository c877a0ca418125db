"""The plant of a simulated day: modules and contactors that move as slowly as real ones, and their sequencer. Pure.

The plant lives through every tenth of a second after something has changed; while nothing moves, it is left alone and
vehicles get what they may.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargepoint.power.measured import Announcement, Orders, Stage, Wanted
from chargepoint.power.sharing.words import Allocation
from chargepoint.power.simulation.day import Visit
from chargepoint.power.simulation.nature import ContactorNature, GroupNature, Vehicle
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.simulation.scenario import Scenario, time_of_day
from chargepoint.power.simulation.truth import Kind
from chargepoint.power.switching import Sequencer
from chargepoint.power.topology import NO_FAULTS, Faults

TICK_S = 0.1
QUIET_S = 3.0
"""So long nothing may move before the plant is left alone."""
CHANGED_W, CHANGED_SHARE = 2_000.0, 0.1
"""A grant that changed by so much since the plant was left alone wakes it."""
STEADY_A = 0.2
NEVER = 2.0
"""A state of charge that no battery has: the day says when a vehicle asks less."""
MOST_PROBLEMS = 20
BRIEF_S = 0.5
"""What was over sooner is not told: an output is idle for a tick or two before its matrix opens."""

WAKING_S = 2.0
"""Batteries have gone on while the plant was left alone: their currents find themselves anew."""


class SimulatedMachinery:
    """`problems`: what the plant did that no plant may do, with the time of day."""

    def __init__(self, scenario: Scenario) -> None:
        self.problems: list[str] = []
        self.operations = 0
        self._plant = Plant(scenario.topology)
        self._sequencer = Sequencer(scenario.topology)
        self._topology = scenario.topology
        self._said: set[tuple[str, tuple[str, ...], float]] = set()
        self._orders = Orders()
        self._quiet_s = 0.0
        self._is_asleep = True
        self._woken_s = 0.0
        self._key: object = None
        self._woken_w: dict[int, float] = {}
        self._broken: Faults = NO_FAULTS

    @property
    def faults(self) -> Faults:
        """What the sequencer has found out of order."""
        return self._sequencer.faults

    def see(self, answer: Allocation, visits: Mapping[int, Visit], now_s: float, broken: Faults) -> None:
        """A new allocation; what is broken from now on."""
        asking = frozenset(n for n, visit in visits.items() if visit.asks_since_s() <= now_s and not _is_over(visit))
        links = tuple(sorted((name, feed.link) for name, feed in answer.feeds.items()))
        grants_w = {n: grant.power_w for n, grant in answer.grants.items() if n in self._topology.outputs}
        key = (asking, links, broken)
        is_other = any(
            abs(power_w - self._woken_w.get(n, 0.0)) > max(CHANGED_W, CHANGED_SHARE * self._woken_w.get(n, 0.0))
            for n, power_w in grants_w.items()
        )
        if key != self._key or is_other:
            self._quiet_s, self._key, self._woken_w = 0.0, key, grants_w
        if broken != self._broken:
            self._break(broken)
        for number in self._topology.outputs:
            self._attend(number, visits.get(number) if number in asking else None)

    def is_settled(self) -> bool:
        """Nothing has moved for some time."""
        return self._quiet_s >= QUIET_S

    def follow(self, answer: Allocation, now_s: float, span_s: float) -> dict[int, float]:
        """Let `span_s` pass: the mean W into each vehicle at an output; empty: as it may."""
        if self.is_settled():
            self._is_asleep = True
            return {}
        if self._is_asleep:
            self._is_asleep, self._woken_s = False, self._plant.now_s
        wanted = Wanted(
            links={feed.link: feed.power_w for feed in answer.feeds.values()},
            grants={
                number: Announcement(current_a=grant.current_a, power_w=grant.power_w)
                for number, grant in answer.grants.items()
                if number in self._topology.outputs
            },
        )
        plant = self._plant
        energy_ws = dict.fromkeys(self._topology.outputs, 0.0)
        offset_s = now_s - plant.now_s
        for _ in range(max(1, round(span_s / TICK_S))):
            before = self._orders
            self._orders = self._sequencer.tick(wanted, plant.measured(), plant.now_s)
            plant.step(TICK_S, self._orders)
            for number in energy_ws:
                energy_ws[number] += max(0.0, plant.output_w(number)) * TICK_S
            self._quiet_s = 0.0 if self._moves(before) else self._quiet_s + TICK_S
        self.operations = len(plant.truth.operations)
        self._note(offset_s)
        return {number: energy / max(span_s, TICK_S) for number, energy in energy_ws.items()}

    def _moves(self, before: Orders) -> bool:
        stages = (self._plant.outlet(number).stage for number in self._topology.outputs)
        return (
            bool(self._orders.moves)
            or self._orders.contactors != before.contactors
            or any(stage in (Stage.PREPARING, Stage.STOPPING) for stage in stages)
            or any(
                name not in before.groups or abs(order.current_a - before.groups[name].current_a) > STEADY_A
                for name, order in self._orders.groups.items()
            )
        )

    def _attend(self, number: int, visit: Visit | None) -> None:
        """The session of the plant as that of the day."""
        outlet = self._plant.outlet(number)
        if visit is None:
            self._plant.stop(number)
            return
        empty_v, full_v = visit.vehicle.voltage_v
        bus_v = visit.vehicle.bus_v(visit.soc_pct)
        vehicle = Vehicle(
            battery_v=empty_v,
            rise_v=full_v - empty_v,
            request_v=full_v * 1.05,
            request_a=visit.demand_w() / bus_v,
            capacity_wh=visit.vehicle.battery_wh,
            soc=visit.soc_pct / 100,
            taper_from=NEVER,
            least_a=-1.0,
        )
        if outlet.stage is Stage.IDLE:
            self._plant.start(number, vehicle)
        elif outlet.stage in (Stage.PREPARING, Stage.CHARGING):
            self._plant.change_vehicle(number, vehicle)
        outlet.soc = visit.soc_pct / 100

    def _break(self, broken: Faults) -> None:
        for name in self._topology.groups:
            if (name in broken.groups) != (name in self._broken.groups):
                self._plant.change_group(name, GroupNature(has_fault=name in broken.groups))
        for name in self._topology.contactors:
            nature = ContactorNature(is_stuck_open=name in broken.stuck_open, is_welded=name in broken.welded)
            was = (name in self._broken.stuck_open, name in self._broken.welded)
            if was != (nature.is_stuck_open, nature.is_welded):
                self._plant.change_contactor(name, nature)
                if was != (False, False):
                    self._sequencer.clear(name)
        self._broken = broken

    def _note(self, offset_s: float) -> None:
        """Put breaches into words, each once."""
        for breach in self._plant.truth.everything():
            key = (breach.kind.value, breach.who, breach.from_s)
            is_waking = breach.kind is Kind.FAST_RISE and breach.from_s < self._woken_s + WAKING_S
            if key in self._said or breach.lasted_s < BRIEF_S or is_waking:
                continue
            self._said.add(key)
            if len(self.problems) < MOST_PROBLEMS:
                who = f" at {', '.join(breach.who)}" if breach.who else ""
                at = time_of_day(breach.from_s + offset_s)
                self.problems.append(f"{at} {breach.kind.value}{who}, {breach.worst:.1f}")
            elif math.isfinite(breach.worst) and not self.problems[-1].startswith("..."):
                self.problems.append("... and more")


def _is_over(visit: Visit) -> bool:
    return visit.finished_s is not None or visit.left_s is not None
