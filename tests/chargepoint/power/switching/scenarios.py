"""Random plants, and what happens to them: data that a property test draws, and that can be written down."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import msgspec
from hypothesis import strategies as st

from chargepoint.power.measured import Stage, Wanted
from chargepoint.power.simulation.nature import (
    ContactorNature,
    Feedback,
    GroupNature,
    Surroundings,
    Vehicle,
)
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.switching.sequencer import Sequencer
from chargepoint.power.topology import Topology
from tests.chargepoint.power.simulation import topologies
from tests.chargepoint.power.switching.driving import Drive, is_tree

TOPOLOGIES: dict[str, Callable[[], Topology]] = {
    "full 2x3": lambda: topologies.matrix(2, 3),
    "full 3x4": lambda: topologies.matrix(3, 4),
    "half 4x6": lambda: topologies.half(4, 6),
    "ring 3": lambda: topologies.ring(3),
    "ring 4": lambda: topologies.ring(4),
    "ring 6": lambda: topologies.ring(6),
    "chain 3": lambda: topologies.ring(3, is_closed=False),
    "switched ring 3": lambda: topologies.switched_ring(3),
    "fixed 2": lambda: topologies.fixed(2),
}

CARS = (
    Vehicle(battery_v=380, rise_v=10, request_v=430, request_a=120),
    Vehicle(battery_v=350, rise_v=10, request_v=410, request_a=50),
    Vehicle(battery_v=720, rise_v=10, request_v=800, request_a=150),
    Vehicle(battery_v=610, rise_v=10, request_v=690, request_a=80, obeys=False),
    Vehicle(battery_v=400, rise_v=10, request_v=450, request_a=90, capacity_wh=150, soc=0.6),
)

HONEST = (
    ContactorNature(),
    ContactorNature(close_s=0.02, open_s=0.02),
    ContactorNature(close_s=0.3, open_s=0.3, feedback_s=0.05),
    ContactorNature(close_s=0.1, bounce_s=0.015),
    ContactorNature(feedback_s=0.25),
)
BAD = (
    ContactorNature(is_stuck_open=True),
    ContactorNature(is_welded=True),
    ContactorNature(feedback=Feedback.ALWAYS_OPEN),
    ContactorNature(feedback=Feedback.ALWAYS_CLOSED),
    ContactorNature(feedback=Feedback.MISSING),
    ContactorNature(falls_after_s=4),
    ContactorNature(close_s=2.0, open_s=2.0),
)
STEADY = (GroupNature(), GroupNature(start_s=1.0, latency_s=0.15, rise_a_per_s=30, fall_a_per_s=60, volts_per_s=400))
SICK = (
    GroupNature(is_silent=True),
    GroupNature(is_silent=True, silence_limit_s=None),
    GroupNature(delivers=0.0),
    GroupNature(delivers=0.4),
    GroupNature(has_fault=True),
)
SURROUNDINGS = (
    Surroundings(),
    Surroundings(delay_s=0.1),
    Surroundings(delay_s=0.2, noise_v=2, noise_a=0.2),
)


class Event(msgspec.Struct, frozen=True):
    """After `gap_s` something happens: to the `who`-th of its kind; `how` picks the way, or seeds what is wanted."""

    gap_s: float
    what: str
    who: int = 0
    how: int = 0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    topology: str
    surroundings: int = 0
    contactors: tuple[tuple[int, int], ...] = ()
    """(which, how honest)"""
    groups: tuple[tuple[int, int], ...] = ()
    tick_s: float = 0.1
    grid_w: float = 80_000.0
    events: tuple[Event, ...] = ()


ORDERLY = ("want", "want", "start", "start", "stop", "request")
FAULTY = (*ORDERLY, "off", "contactor", "contactor", "group", "drop", "force", "repair", "restart", "age", "feeder")

HURTING = (*ORDERLY, "contactor", "contactor", "group", "drop", "force", "repair")


def scenarios(whats: tuple[str, ...], *, most: int = 8) -> st.SearchStrategy[Scenario]:
    """A plant whose parts differ, and up to `most` events. It begins with cars that come and get something."""
    small = st.integers(0, 11)
    events = st.builds(
        Event,
        gap_s=st.sampled_from((0.0, 0.1, 0.3, 0.7, 1.5, 4.0, 9.0, 20.0)),
        what=st.sampled_from(whats),
        who=small,
        how=st.integers(0, 40),
    )
    first = st.lists(small, min_size=1, max_size=3).map(lambda them: tuple(Event(0.0, "start", n, n) for n in them))
    return st.builds(
        lambda name, around, contacts, modules, tick_s, begin, wish, then: Scenario(
            topology=name,
            surroundings=around,
            contactors=tuple(contacts),
            groups=tuple(modules),
            tick_s=tick_s,
            events=(*begin, Event(0.1, "want", 0, wish), *then),
        ),
        st.sampled_from(sorted(TOPOLOGIES)),
        st.integers(0, len(SURROUNDINGS) - 1),
        st.lists(st.tuples(small, st.integers(0, len(HONEST) - 1)), max_size=3),
        st.lists(st.tuples(small, st.just(1)), max_size=1),
        st.sampled_from((0.1, 0.1, 0.2, 0.05)),
        first,
        st.integers(0, 40),
        st.lists(events, max_size=most),
    )


class Play:
    """Plays a scenario."""

    def __init__(self, scenario: Scenario, make: Callable[[Topology, Sequencer | None], Sequencer]) -> None:
        topology = TOPOLOGIES[scenario.topology]()
        self.topology = topology
        self.scenario = scenario
        self.names = sorted(topology.contactors)
        self.groups = sorted(topology.groups)
        self.connectors = sorted(topology.outputs)
        self.contactor_at_first = {
            self._of(self.names, which): HONEST[how] for which, how in scenario.contactors if self.names
        }
        self.group_at_first = {self._of(self.groups, which): STEADY[how] for which, how in scenario.groups}
        self.plant = Plant(
            topology,
            contactors=self.contactor_at_first,
            groups=self.group_at_first,
            surroundings=SURROUNDINGS[scenario.surroundings],
            grid_w=scenario.grid_w,
        )
        allowance = self.plant.truth.allowance
        self.plant.truth.allowance = msgspec.structs.replace(
            allowance,
            lag_s=allowance.lag_s + 2 * scenario.tick_s + self.plant.surroundings.delay_s,
            fall_a_per_s=60.0 if scenario.groups else 100.0,
            above_a=allowance.above_a + (20 * scenario.tick_s if scenario.groups else 0.0),
            stair_a=allowance.stair_a + 40 * scenario.tick_s,
        )
        self.drive = Drive(self.plant, make, tick_s=scenario.tick_s)
        self.hurt: set[str] = set()
        """Parts that have been made bad."""

    @staticmethod
    def _of(names: list[str], which: int) -> str:
        return names[which % len(names)]

    def play(self) -> None:
        for event in self.scenario.events:
            self.run(event.gap_s)
            self.happen(event)

    def run(self, seconds: float) -> None:
        """Time passes; an allocation once a second leaves out whoever no longer charges."""
        left_s = seconds
        while left_s > 1e-6:
            self.forget_idle()
            self.drive.run(min(left_s, 1.0))
            left_s -= 1.0

    def forget_idle(self) -> None:
        drive = self.drive
        active = {n for n in self.connectors if self._is_active(n)}
        bus_of = {self.topology.bus_of_output[n]: n for n in self.connectors if self._is_in_use(n)}
        links = {
            n: w
            for n, w in drive.wanted.links.items()
            if (connector := self.topology.links[n].connector) in active
            and all(bus_of.get(bus, connector) == connector for bus in self.topology.links[n].buses)
        }
        if len(links) != len(drive.wanted.links):
            grants = {n: each for n, each in drive.wanted.grants.items() if n in active}
            drive.wanted = Wanted(links=links, grants=grants, age_s=drive.wanted.age_s)

    def happen(self, event: Event) -> None:
        plant, drive = self.plant, self.drive
        connector = self.connectors[event.who % len(self.connectors)]
        match event.what:
            case "want":
                self.want(event.how)
            case "start":
                is_free = not any(self._is_in_use(n) for n in plant.joined_outputs(connector))
                if plant.outlet(connector).stage is Stage.IDLE and is_free:
                    plant.start(connector, CARS[event.how % len(CARS)])
            case "stop":
                plant.stop(connector)
            case "request":
                vehicle = plant.outlet(connector).vehicle
                if vehicle is not None:
                    ask_a = (5.0, 20.0, 60.0, 150.0)[event.how % 4]
                    plant.change_vehicle(connector, msgspec.structs.replace(vehicle, request_a=ask_a))
            case "off":
                if plant.outlet(connector).stage is Stage.OFF:
                    plant.release(connector)
                else:
                    plant.off(connector)
            case "contactor" if self.names:
                name = self._of(self.names, event.who)
                self.hurt.add(name)
                plant.change_contactor(name, BAD[event.how % len(BAD)])
            case "group":
                name = self._of(self.groups, event.who)
                self.hurt.add(name)
                plant.change_group(name, SICK[event.how % len(SICK)])
            case "drop" if self.names:
                name = self._of(self.names, event.who)
                self.hurt.add(name)
                plant.drop(name)
            case "force" if self.names:
                name = self._of(self.names, event.who)
                self.hurt.add(name)
                plant.force_closed(name)
            case "repair":
                self.repair()
            case "restart":
                drive.restart()
            case "age":
                drive.age((0.0, 4.0, 12.0, 35.0)[event.how % 4])
            case _:
                pass

    def repair(self) -> None:
        """Everything is a good part again."""
        for name in self.names:
            self.plant.change_contactor(name, self.contactor_at_first.get(name, ContactorNature()))
        for name in self.groups:
            self.plant.change_group(name, self.group_at_first.get(name, GroupNature()))

    def want(self, seed: int, avoid: frozenset[str] = frozenset()) -> None:
        """A random allocation that keeps H1, H3, H4 and H6, without the groups and contactors of `avoid` and whatever
        those contactors touch."""
        spoilt = {bus for name in avoid & set(self.names) for bus in self.topology.contactors[name].between}
        topology, draw = self.topology, random.Random(seed)
        active = [n for n in self.connectors if self._is_active(n)]
        owner: dict[str, int] = {topology.bus_of_output[n]: n for n in self.connectors if self._is_in_use(n)}
        chosen: dict[int, float] = {}
        left_w = self.scenario.grid_w * 0.9
        groups = list(self.groups)
        draw.shuffle(groups)
        for group in groups:
            if group in avoid:
                continue
            able = [
                n
                for n in topology.links_of_group[group]
                if topology.links[n].connector in active
                and spoilt.isdisjoint(topology.links[n].buses)
                and all(owner.get(b, topology.links[n].connector) == topology.links[n].connector
                        for b in topology.links[n].buses)
                and is_tree(topology, [*self._same(chosen, n), n])
            ]  # fmt: skip
            if not able or draw.random() < 0.2:
                continue
            number = draw.choice(able)
            connector = topology.links[number].connector
            vehicle = self.plant.outlet(connector).vehicle
            if vehicle is None:
                continue
            each_w = min(topology.groups[group].power_w(vehicle.request_v) * draw.choice((0.3, 0.7, 1.0, 1.0)), left_w)
            if each_w < 2_000:
                continue
            left_w -= each_w
            chosen[number] = each_w
            owner.update(dict.fromkeys(topology.links[number].buses, connector))
        age_s = self.drive.wanted.age_s
        self.drive.want(chosen)
        self.drive.age(age_s)

    def _same(self, chosen: dict[int, float], number: int) -> list[int]:
        return [n for n in chosen if self.topology.links[n].connector == self.topology.links[number].connector]

    def _is_in_use(self, connector: int) -> bool:
        return self.plant.outlet(connector).stage is not Stage.IDLE

    def _is_active(self, connector: int) -> bool:
        return self.plant.outlet(connector).stage in (Stage.PREPARING, Stage.CHARGING)

    def spoilt(self) -> frozenset[str]:
        """Parts that have been made bad, or that the sequencer holds for bad."""
        known = self.drive.sequencer.faults
        return frozenset(self.hurt | known.groups | known.stuck_open | known.welded)

    def renew(self, connectors: Iterable[int]) -> None:
        """Sessions that a fault has ended: the cars leave and come again."""
        for connector in connectors:
            self.plant.stop(connector)
        left = [n for n in connectors if self.plant.outlet(n).stage is Stage.STOPPING]
        self.drive.run(30, until=lambda: all(self.plant.outlet(n).stage is Stage.IDLE for n in left))
        self.run(2)
        for connector in left:
            if self.plant.outlet(connector).stage is Stage.IDLE:
                self.plant.start(connector, CARS[connector % 4])

    def missing_at_outputs(self) -> list[str]:
        """What is not as wanted at outputs that are wanted; other contactors may be as they are."""
        needed = {name for n in self.drive.wanted.links for name in self.topology.links[n].contactors}
        return [each for each in self.drive.missing() if each.startswith("output") or each.split()[0] in needed]

    def settle_outputs(self, seconds: float) -> bool:
        """Runs until the wanted outputs are as they are wanted."""
        end_s = self.plant.now_s + seconds
        while self.plant.now_s < end_s:
            self.forget_idle()
            if not self.missing_at_outputs():
                return True
            self.drive.run(1.0)
        return False

    def settle(self, seconds: float) -> float | None:
        """Runs with a constant allocation until it is reached: the seconds that took, None when it was not."""
        start_s = self.plant.now_s
        while self.plant.now_s - start_s < seconds:
            self.forget_idle()
            if self.drive.run(1.0, until=self.drive.is_reached) is not None:
                return self.plant.now_s - start_s
        return None
