"""The simulated plant: every group, contactor and output of a topology, and time that passes (power.md 5 and 6).

    plant = Plant(topology)
    plant.start(1, Vehicle(battery_v=380))
    while plant.now_s < 60:
        plant.step(0.1, sequencer.tick(wanted, plant.measured(), plant.now_s))
    plant.truth.operations, plant.truth.everything()

Same calls, same answers: noise is drawn from `Surroundings.seed`.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from chargepoint.power.measured import GroupReading, Measured, Orders, OutputReading, Stage
from chargepoint.power.simulation.conductors import Island, balance, flows, islands
from chargepoint.power.simulation.contact import Contact, Move
from chargepoint.power.simulation.converter import Converter
from chargepoint.power.simulation.nature import (
    ContactorNature,
    ControllerNature,
    GroupNature,
    Surroundings,
    Vehicle,
)
from chargepoint.power.simulation.outlet import Outlet
from chargepoint.power.simulation.truth import Allowance, Kind, Operation, Truth
from chargepoint.power.topology import Topology

R = TypeVar("R", GroupReading, OutputReading)


class Plant:
    """Parts not named in `groups`, `contactors`, `outputs` are good ones; contactors in `closed` are so from the start.

    Time is `now_s`, from 0. `grid_w` is what all may take together.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        groups: Mapping[str, GroupNature] | None = None,
        contactors: Mapping[str, ContactorNature] | None = None,
        outputs: Mapping[int, ControllerNature] | None = None,
        surroundings: Surroundings | None = None,
        allowance: Allowance | None = None,
        closed: Iterable[str] = (),
        grid_w: float = math.inf,
    ) -> None:
        self.topology = topology
        self.surroundings = surroundings or Surroundings()
        self.truth = Truth(allowance or Allowance())
        self.now_s = 0.0
        at_start = set(closed)
        self._between = {name: each.between for name, each in topology.contactors.items()}
        self._contacts = {
            name: Contact((contactors or {}).get(name) or ContactorNature(), is_closed=name in at_start)
            for name in topology.contactors
        }
        self._converters = {
            name: Converter(group, (groups or {}).get(name) or GroupNature()) for name, group in topology.groups.items()
        }
        self._outlets = {
            number: Outlet((outputs or {}).get(number) or ControllerNature()) for number in topology.outputs
        }
        self._voltage_v = dict.fromkeys(topology.buses, 0.0)
        self._injected_a = dict.fromkeys(topology.buses, 0.0)
        self._groups_at: dict[str, list[str]] = {}
        for name, bus in topology.bus_of_group.items():
            self._groups_at.setdefault(bus, []).append(name)
        self._output_at = {bus: number for number, bus in topology.bus_of_output.items()}
        self._through = frozenset(
            number
            for bus, number in self._output_at.items()
            if any(bus in link.buses and link.connector != number for link in topology.links)
        )
        """Outputs whose conductor is a way for others while they are out of use (a ring)."""
        self._islands: list[Island] = []
        self._regroup()
        self._grid_w = grid_w
        self._grid_before_w = grid_w
        self._grid_since_s = -math.inf
        self._random = random.Random(self.surroundings.seed)
        self._history: deque[tuple[float, Measured]] = deque()
        self._remember()

    def step(self, dt_s: float, orders: Orders) -> None:
        """The orders are sent now, then `dt_s` passes. What is not named in them goes on as it was ordered last."""
        self._send(orders)
        end_s = self.now_s + dt_s
        while end_s - self.now_s > 1e-9:
            self._move_contacts()
            soon_s = min((each.next_s for each in self._contacts.values()), default=math.inf)
            self._pass(max(min(end_s, soon_s, self.now_s + self.surroundings.step_s) - self.now_s, 1e-3))
        self._move_contacts()
        self._remember()

    def measured(self) -> Measured:
        """What the station knows of the plant now: late and noisy by `surroundings`, lied to by some feedback."""
        until_s = self.now_s - self.surroundings.delay_s + 1e-9
        while len(self._history) > 1 and self._history[1][0] <= until_s:
            self._history.popleft()
        return self._history[0][1]

    # What happens to the plant from outside.

    def start(self, connector: int, vehicle: Vehicle) -> None:
        """A vehicle is plugged in and may charge. Raises ValueError when the output is not idle."""
        self._outlets[connector].start(vehicle, self.now_s)
        self._remember()

    def stop(self, connector: int) -> None:
        """The session ends in order."""
        self._outlets[connector].stop(self.now_s)
        self._remember()

    def off(self, connector: int) -> None:
        """Emergency stop of one output: its own contactor opens at once."""
        self._outlets[connector].off(self.now_s)
        self._remember()

    def release(self, connector: int) -> None:
        """The emergency stop is over."""
        self._outlets[connector].release(self.now_s)
        self._remember()

    def change_vehicle(self, connector: int, vehicle: Vehicle) -> None:
        """The vehicle wants otherwise from now on."""
        self._outlets[connector].change(vehicle)

    def change_group(self, group: str, nature: GroupNature) -> None:
        """A group fails, or is repaired."""
        self._converters[group].change(nature)

    def change_contactor(self, contactor: str, nature: ContactorNature) -> None:
        """A contactor fails, or is repaired."""
        self._contacts[contactor].change(nature, self.now_s)

    def drop(self, contactor: str) -> None:
        """A contactor opens by itself, and stays so until it is ordered to open and to close again."""
        self._carry_out([(contactor, move) for move in [self._contacts[contactor].drop(self.now_s)] if move])

    def force_closed(self, contactor: str) -> None:
        """A contactor closes by itself."""
        self._carry_out([(contactor, move) for move in [self._contacts[contactor].force_closed(self.now_s)] if move])

    @property
    def grid_w(self) -> float:
        return self._grid_w

    @grid_w.setter
    def grid_w(self, limit_w: float) -> None:
        self._grid_before_w, self._grid_w, self._grid_since_s = self._grid_w, limit_w, self.now_s

    # What is true.

    def is_closed(self, contactor: str) -> bool:
        """The main contacts."""
        return self._contacts[contactor].is_closed

    def contactor_nature(self, contactor: str) -> ContactorNature:
        """How a contactor behaves now."""
        return self._contacts[contactor].nature

    def group_nature(self, group: str) -> GroupNature:
        """How a group behaves now."""
        return self._converters[group].nature

    def voltage_v(self, bus: str) -> float:
        return self._voltage_v[bus]

    def current_a(self, contactor: str) -> float:
        """Through a contactor, from the first of its buses to the second."""
        return self._currents().get(contactor, 0.0)

    def group_current_a(self, group: str) -> float:
        return self._converters[group].current_a

    def outlet(self, connector: int) -> Outlet:
        """The controller and vehicle of an output (to look at)."""
        return self._outlets[connector]

    def output_w(self, connector: int) -> float:
        """Into the vehicle."""
        return self._outlets[connector].current_a * self._voltage_v[self.topology.bus_of_output[connector]]

    def input_w(self) -> float:
        """What all groups take from the grid together."""
        return sum(
            each.input_w(self._voltage_v[self.topology.bus_of_group[name]]) for name, each in self._converters.items()
        )

    def joined_outputs(self, connector: int) -> tuple[int, ...]:
        """The other outputs on the conductor of an output."""
        bus = self.topology.bus_of_output[connector]
        joined = next(each for each in self._islands if bus in each.buses)
        found = {self._output_at[each] for each in joined.buses if each in self._output_at}
        return tuple(sorted(found - {connector}))

    def groups_of(self, connector: int) -> tuple[str, ...]:
        """The groups on the conductor of an output."""
        bus = self.topology.bus_of_output[connector]
        joined = next(each for each in self._islands if bus in each.buses)
        return tuple(sorted(name for each in joined.buses for name in self._groups_at.get(each, ())))

    # How time passes.

    def _send(self, orders: Orders) -> None:
        for name, order in sorted(orders.groups.items()):
            self._converters[name].order(order, self.now_s)
        for name, closed in sorted(orders.contactors.items()):
            self._contacts[name].order(closed, self.now_s)
        for number, announcement in sorted(orders.outputs.items()):
            self._outlets[number].tell(announcement, self.now_s)

    def _move_contacts(self) -> None:
        moves = [
            (name, move)
            for name, each in self._contacts.items()
            if each.next_s <= self.now_s + 1e-9
            for move in each.moves(self.now_s)
        ]
        self._carry_out(moves)

    def _carry_out(self, moves: list[tuple[str, Move]]) -> None:
        """Contacts have moved: put on record what they did, and find what is joined now."""
        if not moves:
            return
        currents = self._currents()
        for name, move in sorted(moves, key=lambda each: (each[1].at_s, each[0])):
            one_v, other_v = (self._voltage_v[bus] for bus in self._between[name])
            self.truth.operations.append(
                Operation(
                    at_s=move.at_s,
                    contactor=name,
                    closed=move.closed,
                    cause=move.cause,
                    current_a=0.0 if move.closed else abs(currents.get(name, 0.0)),
                    difference_v=abs(one_v - other_v) if move.closed else 0.0,
                    highest_v=max(one_v, other_v),
                    least_f=min(self._joined_f(bus) for bus in self._between[name]),
                )
            )
            self._regroup()

    def _regroup(self) -> None:
        """Conductors as they are joined now; those that have just been joined share their charge."""
        closed = {name: self._between[name] for name, each in self._contacts.items() if each.is_closed}
        self._islands = islands(self._voltage_v, closed)
        for island in self._islands:
            if len(island.buses) > 1:
                capacities = [self._capacitance_f(bus) for bus in island.buses]
                charge = sum(c * self._voltage_v[bus] for c, bus in zip(capacities, island.buses, strict=True))
                self._voltage_v.update(dict.fromkeys(island.buses, charge / sum(capacities)))

    def _pass(self, dt_s: float) -> None:
        self.truth.begin(self.now_s)
        for island in self._islands:
            self._settle(island, dt_s)
        for number, outlet in self._outlets.items():
            outlet.step(self._voltage_v[self.topology.bus_of_output[number]], self.now_s, dt_s)
            request_a = outlet.request_a()
            if outlet.stage in (Stage.CHARGING, Stage.STOPPING):
                self.truth.current(number, outlet.current_a, request_a, dt_s)
        is_lowered = self._grid_w < self._grid_before_w
        if not is_lowered or self.now_s >= self._grid_since_s + self.truth.allowance.grid_lag_s:
            self._grid_before_w = self._grid_w
        limit_w = max(self._grid_w, self._grid_before_w)
        above_w = self.input_w() - limit_w * (1 + self.truth.allowance.grid_share) - self.truth.allowance.grid_w
        if above_w > 0:
            self.truth.note(Kind.OVER_GRID, (), above_w)
        self.truth.finish()
        self.now_s += dt_s

    def _settle(self, island: Island, dt_s: float) -> None:
        """The voltage and the currents of one conductor after `dt_s`."""
        before_v = self._voltage_v[island.buses[0]]
        groups = [name for bus in island.buses for name in self._groups_at.get(bus, ())]
        sources = [self._converters[name].source(before_v, self.now_s, dt_s) for name in groups]
        outlets = [(bus, self._outlets[self._output_at[bus]]) for bus in island.buses if bus in self._output_at]
        batteries = [(bus, outlet, found) for bus, outlet in outlets if (found := outlet.battery) is not None]
        capacities = {bus: self._capacitance_f(bus) for bus in island.buses}
        leaks = {bus: self._leak_s(bus) for bus in island.buses}
        after_v, given = balance(
            before_v,
            sum(capacities.values()),
            sum(leaks.values()),
            sources,
            [found for _, _, found in batteries],
            dt_s,
        )
        slope = (after_v - before_v) / dt_s
        for bus in island.buses:
            self._voltage_v[bus] = after_v
            self._injected_a[bus] = -capacities[bus] * slope - leaks[bus] * after_v
        for name, current_a in zip(groups, given, strict=True):
            self._converters[name].current_a = current_a
            self._injected_a[self.topology.bus_of_group[name]] += current_a
        for _, outlet in outlets:
            outlet.current_a = 0.0
        for bus, outlet, found in batteries:
            outlet.current_a = (after_v - found.emf_v) / found.ohm
            self._injected_a[bus] -= outlet.current_a
        if outlets:
            self._judge(island, [self._output_at[bus] for bus, _ in outlets], groups, after_v)

    def _judge(self, island: Island, outputs: list[int], groups: list[str], voltage_v: float) -> None:
        """Rules of one conductor (Z5, Z10)."""
        who = tuple(str(number) for number in sorted(outputs))
        note, closed = self.truth.note, island.contactors
        in_use = {n for n in outputs if self._outlets[n].stage not in (Stage.IDLE, Stage.OFF)}
        counted = [number for number in sorted(outputs) if number in in_use or number not in self._through]
        if len(counted) > 1:
            note(Kind.TWO_OUTPUTS, tuple(map(str, counted)), voltage_v, closed)
        if island.has_loop:
            note(Kind.LOOP, who, voltage_v, closed)
        alive = [name for name in groups if self._converters[name].is_on]
        for number in outputs:
            stage = self._outlets[number].stage
            if number in self._through and (stage is Stage.IDLE or in_use - {number}):
                continue
            if stage in (Stage.IDLE, Stage.OFF) and alive:
                note(Kind.UNASKED, (str(number),), voltage_v, closed)
            elif stage in (Stage.IDLE, Stage.OFF) and groups and closed:
                note(Kind.CONNECTED, (str(number),), voltage_v, closed)
            elif stage is Stage.PREPARING and alive:
                given_a = sum(self._converters[name].current_a for name in alive)
                if len(alive) > 1 or given_a > self.truth.allowance.prepare_a:
                    note(Kind.MANY_PREPARE, (str(number),), given_a, closed)

    def _capacitance_f(self, bus: str) -> float:
        found_f = sum(self._converters[name].capacitance_f for name in self._groups_at.get(bus, ()))
        if bus in self._output_at:
            found_f += self._outlets[self._output_at[bus]].nature.capacitance_f
        return found_f + self.surroundings.stray_f

    def _joined_f(self, bus: str) -> float:
        """The capacitance of the conductor that a bus belongs to."""
        return sum(
            self._capacitance_f(each) for island in self._islands if bus in island.buses for each in island.buses
        )

    def _leak_s(self, bus: str) -> float:
        """1/ohm to nowhere."""
        leak_s = self.surroundings.stray_f / self.surroundings.stray_s
        for name in self._groups_at.get(bus, ()):
            converter = self._converters[name]
            leak_s += converter.capacitance_f / converter.nature.bleed_s
        if bus in self._output_at:
            outlet = self._outlets[self._output_at[bus]]
            leak_s += outlet.leak_s + outlet.nature.capacitance_f / self.surroundings.stray_s
        return leak_s

    def _currents(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for island in self._islands:
            if island.contactors:
                found.update(flows(island, self._between, self._injected_a))
        return found

    def _remember(self) -> None:
        """What could be measured at this instant."""
        while len(self._history) > 1 and self._history[1][0] < self.now_s - self.surroundings.delay_s - 1e-9:
            self._history.popleft()
        surroundings, draw = self.surroundings, self._random.uniform

        def voltage_v(bus: str) -> float:
            noise_v = draw(-surroundings.noise_v, surroundings.noise_v) if surroundings.noise_v else 0.0
            return max(self._voltage_v[bus] + noise_v, 0.0)

        def noise_a() -> float:
            return draw(-surroundings.noise_a, surroundings.noise_a) if surroundings.noise_a else 0.0

        self._history.append(
            (
                self.now_s,
                Measured(
                    groups={
                        name: _noisy(each.reading(voltage_v(self.topology.bus_of_group[name])), noise_a())
                        for name, each in self._converters.items()
                    },
                    contactors={name: each.feedback(self.now_s) for name, each in self._contacts.items()},
                    outputs={
                        number: _noisy(each.reading(voltage_v(self.topology.bus_of_output[number])), noise_a())
                        for number, each in self._outlets.items()
                    },
                ),
            )
        )


def _noisy(reading: R, noise_a: float) -> R:
    if not noise_a or not reading.current_a:
        return reading
    return msgspec.structs.replace(reading, current_a=reading.current_a + noise_a)
