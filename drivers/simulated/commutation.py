"""Shared modules of a cabinet: buses joined by contactors, and the truth of what happened there. Pure; time comes in.

Buses that closed contactors join are one conductor: all modules on it give together into the outputs whose own
contactors are closed onto it. Every closing and opening is logged with current and voltage difference. What must never
be (power.md 5) is a `Sin`, with its figures: the oracle of journeys.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from drivers.interfaces import ControllerStatus
from drivers.simulated.conductors import Conductors
from drivers.simulated.controller import Controller
from drivers.simulated.feeding import load_of
from drivers.simulated.module_bank import ModuleBank, PowerModule
from drivers.simulated.parts import GroupPart, SwitchPart

S = ControllerStatus

CURRENT_TO_OPEN_A = 1.0
MATCHED_V, SAFE_V = 20.0, 60.0
ORDERED_A = 2.0
"""A module that is told to give more than this is meant to give current (Z4)."""
LOG_LENGTH = 5000
MOST_SINS = 1000
LONELY_S = 10.0
"""So long a contactor's matching may put voltage before an output that nobody uses (a ring; power.md 6, step 5)."""
TEST_S = 0.5
_TESTED = frozenset({S.C2_INSULATION_TEST, S.C3_INSULATION_OK, S.C4_PRECHARGE, S.C5_PRECHARGE_DONE})
_USED = _TESTED | {S.C6_CHARGING, S.C7_RAMP_DOWN, S.C8_SHUTDOWN}


class Relay(Protocol):
    """What drives a contactor (wiring.py)."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def moved_by(self) -> str: ...


class SwitchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One closing or opening as it really was. `why`: order, watchdog or restart of its I/O module, or fault (of the
    contactor). `current_a`: through it before it opened. `difference_v`: between its sides before it closed, `high_v`
    the higher one."""

    at_s: float
    switch: str
    closed: bool
    why: str
    current_a: float = 0.0
    difference_v: float = 0.0
    high_v: float = 0.0


class Sin(msgspec.Struct, frozen=True):
    """What must never be: when, which rule of power.md, and what in words."""

    at_s: float
    rule: str
    what: str


class _Switch:
    def __init__(self, part: SwitchPart, relay: Relay) -> None:
        self.name = part.name
        self.between = part.between
        self.relay = relay
        self.is_closed = False
        self.operations = 0


class Commutation:
    """All buses of a plan. `relays` by name of the output, `banks` by name, `controllers` by bus of the output.

    Give all banks the time through one of them; call `advance` after relays have moved.
    """

    def __init__(
        self,
        switches: Sequence[SwitchPart],
        groups: Sequence[GroupPart],
        relays: Mapping[str, Relay],
        banks: Mapping[str, ModuleBank],
        controllers: Mapping[str, Controller],
    ) -> None:
        self.conductors = Conductors()
        self.switches = {part.name: _Switch(part, relays[part.output]) for part in switches if part.output in relays}
        self.log: deque[SwitchEvent] = deque(maxlen=LOG_LENGTH)
        self.sins: deque[Sin] = deque(maxlen=MOST_SINS)
        self._controllers = dict(controllers)
        self._modules = {
            group.name: [
                banks[group.modules].modules[number]
                for number in group.addresses or banks[group.modules].modules
                if number in banks[group.modules].modules
            ]
            for group in groups
            if group.modules in banks
        }
        self._bus_of = {group.name: group.bus or group.name for group in groups if group.modules in banks}
        for name in dict.fromkeys(group.modules for group in groups if group.modules in banks):
            banks[name].share(self.conductors)
            for number in banks[name].modules:
                banks[name].connect(number, f"{name}, module {number}")
        ends = [bus for switch in self.switches.values() for bus in switch.between]
        self._buses = sorted({*ends, *self._bus_of.values(), *self._controllers})
        self._root: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        self._sins_now: dict[tuple[str, str], float] = {}
        self._told: set[tuple[str, str]] = set()
        self._join()
        for bus, controller in self._controllers.items():
            controller.feed = _Tap(self, bus, controller)

    # Seen -----------------------------------------------------------------------------------------------------------

    def root(self, bus: str) -> str:
        """The conductor a bus belongs to now."""
        return self._root.get(bus, bus)

    def voltage_v(self, bus: str) -> float:
        return self.conductors.voltage_v(self.root(bus))

    def outputs_on(self, bus: str) -> list[Controller]:
        """The outputs that are closed onto the conductor of a bus."""
        root = self.root(bus)
        return [each for at, each in self._controllers.items() if self.root(at) == root and each.contactor.is_closed]

    def current_of(self, bus: str, controller: Controller) -> float:
        """What flows into an output."""
        if not controller.contactor.is_closed:
            return 0.0
        whole_a, outputs = self.conductors.current_a(self.root(bus)), self.outputs_on(bus)
        if len(outputs) == 1:
            return whole_a
        voltage_v = self.voltage_v(bus)
        takes = sum(load_of(each)(voltage_v) for each in outputs)
        return whole_a * load_of(controller)(voltage_v) / takes if takes > 0 else 0.0

    def through_a(self, name: str) -> float:
        """What flows through a closed contactor now; 0 for an open one."""
        switch = self.switches[name]
        return abs(self._flows(self.root(switch.between[0])).get(name, 0.0)) if switch.is_closed else 0.0

    # Time -----------------------------------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        """Relays have moved, contactors of outputs too: bring the conductors in line and judge."""
        for switch in self.switches.values():
            if switch.relay.is_closed != switch.is_closed:
                self._move(switch, now_s)
        self._judge(now_s)

    def _move(self, switch: _Switch, now_s: float) -> None:
        why, one, other = switch.relay.moved_by, *switch.between
        event = SwitchEvent(at_s=now_s, switch=switch.name, closed=not switch.is_closed, why=why)
        if switch.is_closed:
            event = msgspec.structs.replace(event, current_a=round(self.through_a(switch.name), 2))
        else:
            switch.operations += 1
            sides = self.voltage_v(one), self.voltage_v(other)
            event = msgspec.structs.replace(
                event, difference_v=round(abs(sides[0] - sides[1]), 2), high_v=round(max(sides), 2)
            )
        if why in ("order", "watchdog"):
            self._judge_move(switch, event, now_s)
        self.log.append(event)
        switch.is_closed = not switch.is_closed
        self._join()

    def _join(self) -> None:
        """Find the conductors; charge spreads over what was joined."""
        before = self._root
        root = {bus: bus for bus in self._buses}

        def top(bus: str) -> str:
            while root[bus] != bus:
                bus = root[bus]
            return bus

        for switch in self.switches.values():
            if switch.is_closed:
                low, high = sorted(map(top, switch.between))
                root[high] = low
        self._root = {bus: top(bus) for bus in self._buses}
        sizes = dict.fromkeys(self._buses, 1.0)
        for group, modules in self._modules.items():
            sizes[self._bus_of[group]] += len(modules)
            for module in modules:
                module.bus = self._root[self._bus_of[group]]
        old = self.conductors.voltages_v
        members = self._members = {}
        for bus, name in self._root.items():
            members.setdefault(name, []).append(bus)
        parted = {
            name: sum(sizes[bus] * old.get(before.get(bus, bus), 0.0) for bus in buses)
            / sum(sizes[bus] for bus in buses)
            for name, buses in members.items()
        }
        self.conductors.voltages_v = {
            bus: voltage_v for bus, voltage_v in old.items() if bus not in self._root
        } | parted
        self.conductors.loads = {name: self._load(buses) for name, buses in members.items()}
        self.conductors.holds = {name: self._hold(buses) for name, buses in members.items() if self._on(buses)}

    def _on(self, buses: Iterable[str]) -> list[Controller]:
        return [self._controllers[bus] for bus in buses if bus in self._controllers]

    def _load(self, buses: Sequence[str]) -> Callable[[float], float]:
        loads = [load_of(controller) for controller in self._on(buses)]
        return lambda voltage_v: sum(load(voltage_v) for load in loads)

    def _hold(self, buses: Sequence[str]) -> Callable[[], float]:
        """A vehicle's battery stands on the conductor while its output is closed."""
        outputs = self._on(buses)

        def held_v() -> float:
            closed = (each.vehicle for each in outputs if each.contactor.is_closed)
            return max((vehicle.battery_voltage_v for vehicle in closed if vehicle is not None), default=0.0)

        return held_v

    def _flows(self, root: str) -> dict[str, float]:
        """What flows through each closed contactor of a conductor: each has the same small resistance."""
        buses = [bus for bus in self._buses if self._root[bus] == root]
        closed = [each for each in self.switches.values() if each.is_closed and self._root[each.between[0]] == root]
        given = dict.fromkeys(buses, 0.0)
        for group, modules in self._modules.items():
            if self._bus_of[group] in given:
                given[self._bus_of[group]] += sum(module.current_a for module in modules)
        for bus, controller in self._controllers.items():
            if bus in given:
                given[bus] -= self.current_of(bus, controller)
        potential = _potentials(buses, [each.between for each in closed], given)
        return {each.name: potential[each.between[0]] - potential[each.between[1]] for each in closed}

    # What must not be -----------------------------------------------------------------------------------------------

    def _judge_move(self, switch: _Switch, event: SwitchEvent, now_s: float) -> None:
        if not event.closed:
            if event.current_a > CURRENT_TO_OPEN_A:
                self._sin(now_s, "Z1", f"contactor {switch.name} opened under {event.current_a:g} A ({event.why})")
            return
        if event.difference_v > MATCHED_V and event.high_v > SAFE_V:
            self._sin(
                now_s,
                "Z3",
                f"contactor {switch.name} closed on {event.difference_v:g} V ({event.high_v:g} V on one side)",
            )
        if self.root(switch.between[0]) == self.root(switch.between[1]):
            self._sin(now_s, "Z5", f"contactor {switch.name} closed both ways round")
        for bus in switch.between:
            ordered = [each for each in self._modules_on(bus) if each.is_on and each.set_current_a > ORDERED_A]
            if ordered and not self.outputs_on(bus):
                numbers = ", ".join(str(each.number) for each in ordered)
                self._sin(now_s, "Z4", f"contactor {switch.name} closed; modules {numbers} were told to give current")

    def _modules_on(self, bus: str) -> list[PowerModule]:
        root = self.root(bus)
        return [
            module
            for group, modules in self._modules.items()
            if self.root(self._bus_of[group]) == root
            for module in modules
        ]

    def _groups_on(self, root: str) -> list[str]:
        """Groups that are on, on a conductor."""
        return [
            group
            for group, modules in self._modules.items()
            if self.root(self._bus_of[group]) == root and any(module.is_on for module in modules)
        ]

    def _judge(self, now_s: float) -> None:
        found: dict[tuple[str, str], tuple[float, str]] = {}
        for root, buses in self._members.items():
            outputs = self._on(buses)
            if not outputs:
                continue
            closed = [str(each.hardware.number) for each in outputs if each.contactor.is_closed]
            if len(closed) > 1:
                found["Z5", root] = 0.0, f"outputs {' and '.join(closed)} were closed onto one conductor"
            used = [each for each in outputs if each.status in _USED or each.contactor.is_closed]
            if not used and self.conductors.voltage_v(root) > SAFE_V:
                numbers = ", ".join(str(each.hardware.number) for each in outputs)
                found["Z10", root] = LONELY_S, f"voltage before output {numbers}, which nobody used"
            tested = [each for each in outputs if each.status in _TESTED]
            on = self._groups_on(root) if tested and len(used) == 1 else []
            if len(on) > 1:
                text = f"output {tested[0].hardware.number} was tested with groups {', '.join(on)}, not with one"
                found["Z10", f"{root}: groups"] = TEST_S, text
        self._sins_now = {key: self._sins_now.get(key, now_s) for key in found}
        self._told &= set(found)
        for key, (after_s, text) in found.items():
            if key not in self._told and now_s - self._sins_now[key] >= after_s:
                self._told.add(key)
                self._sin(now_s, key[0], text)

    def _sin(self, now_s: float, rule: str, what: str) -> None:
        self.sins.append(Sin(now_s, rule, what))


class _Tap:
    """What a conductor really gives to one output."""

    def __init__(self, commutation: Commutation, bus: str, controller: Controller) -> None:
        self._commutation = commutation
        self._bus = bus
        self._controller = controller

    def voltage_v(self) -> float:
        return self._commutation.voltage_v(self._bus)

    def current_a(self) -> float:
        return self._commutation.current_of(self._bus, self._controller)


def _potentials(nodes: Sequence[str], edges: Sequence[tuple[str, str]], given: Mapping[str, float]) -> dict[str, float]:
    """Potentials at which `given` flows in at each node, over edges of 1 ohm; the first node is 0."""
    place = {node: index for index, node in enumerate(nodes[1:])}
    size = len(place)
    rows = [[0.0] * size + [given[node]] for node in nodes[1:]]
    for one, other in edges:
        for here, there in ((one, other), (other, one)):
            if here in place:
                rows[place[here]][place[here]] += 1.0
                if there in place:
                    rows[place[here]][place[there]] -= 1.0
    for index, row in enumerate(rows):  # a weakly dominant matrix: no pivoting needed
        if row[index] < 1e-12:
            continue
        for lower in rows[index + 1 :]:
            share = lower[index] / row[index]
            if share:
                for column in range(index, size + 1):
                    lower[column] -= share * row[column]
    found = [0.0] * size
    for index in range(size - 1, -1, -1):
        row = rows[index]
        rest = row[size] - sum(row[column] * found[column] for column in range(index + 1, size))
        found[index] = rest / row[index] if row[index] > 1e-12 else 0.0
    return {nodes[0]: 0.0} | {node: found[index] for node, index in place.items()}
