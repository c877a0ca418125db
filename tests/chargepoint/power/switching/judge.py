"""Judges orders and their effect on a simulated plant by the rules of switching (power.md 5, Z1 to Z12).

What is measured tells whether an order was allowed (`tick`); what truly happened tells whether the rule held
(`verdict`). A fault of the plant excuses only what nobody could know, and only for as long as it takes to know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

from chargepoint.power.measured import Announcement, GroupOrder, Measured, Orders, OutputReading, Stage, Wanted
from chargepoint.power.simulation.conductors import Island, islands
from chargepoint.power.simulation.nature import ContactorNature, Feedback, GroupNature
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.simulation.truth import Breach, Kind, Operation
from chargepoint.power.topology import Topology

ZERO_A = 1.0
MATCH_V = 20.0
DEAD_V = 60.0
BARE_F = 5e-6
"""A conductor with less than this is bare: nobody measures its voltage, and its charge harms no contact."""
STABLE_S = 0.2
OBEY_S = 1.0
DIP_S = 2.0
"""A fall that is made good within this time need not be announced."""
DIP_A, DIP_SHARE = 2.5, 0.05
"""Nor one by no more than this (the larger): load moves between the groups of an output."""
KNOW_S = 2.0
"""Within this time after a fault began its effects are nobody's sin."""

WITH_SESSION = frozenset({Stage.PREPARING, Stage.CHARGING, Stage.STOPPING})
OFF_ORDER = GroupOrder()
NO_ANNOUNCEMENT = Announcement()


class Sin(NamedTuple):
    """A rule, when it was broken, and how."""

    rule: str
    at_s: float
    text: str


class _Seen(NamedTuple):
    """What was said of something, and since when."""

    value: bool | None
    since_s: float


class Judge:
    """Give it each tick before the plant is stepped; ask `verdict` at the end.

    `slack_s`: how much later than the plant the orders can be (tick and delay of measuring).
    """

    def __init__(self, topology: Topology, plant: Plant, *, slack_s: float = 0.25, noise_v: float = 0.0) -> None:
        self.topology = topology
        self.plant = plant
        self.sins: list[Sin] = []
        self.disturbed: list[tuple[float, str]] = []
        """When something outside of the orders happened: a fault began or ended, an emergency stop; and to what."""
        self._slack_s = slack_s
        self._margin_v = 1.0 + 2 * noise_v
        self._between = {name: each.between for name, each in topology.contactors.items()}
        self._reported: dict[str, _Seen] = {}
        self._ordered: dict[str, _Seen] = {}
        self._last_groups: Mapping[str, GroupOrder] = {}
        self._last_contactors: dict[str, bool] = {name: plant.is_closed(name) for name in topology.contactors}
        self._last_stages: dict[int, Stage] = {}
        self._natures: dict[str, GroupNature | ContactorNature] = {}
        self._silences: dict[tuple[str, float], tuple[float, float]] = {}
        """Of each silence of a group: from when to when."""
        self._silent_since_s: dict[str, float] = {}
        self._stale_since_s: float | None = None
        self._restarted_s = -1e9
        self._restarts_s: list[float] = []
        self._lowered: dict[int, tuple[float, float, float]] = {}
        """Outputs whose current falls without a word: when it began, what the car was told, what it had."""
        self._last_sin_s: dict[tuple[str, ...], float] = {}

    def restart(self, now_s: float) -> None:
        """A new sequencer takes over: it need not remember what the old one had ordered."""
        self._restarted_s = now_s
        self._restarts_s.append(now_s)

    def tick(self, now_s: float, wanted: Wanted, measured: Measured, orders: Orders) -> None:
        """Orders about to be sent, with what was known."""
        self._watch(now_s, measured)
        contactors = {**self._last_contactors, **orders.contactors}
        for name, value in measured.contactors.items():
            if name not in self._reported or self._reported[name].value is not value:
                self._reported[name] = _Seen(value, now_s)
        for name, closed in contactors.items():
            if name not in self._ordered or self._ordered[name].value is not closed:
                self._ordered[name] = _Seen(closed, now_s)
        groups = {**self._last_groups, **orders.groups}
        self._break_before_make(now_s, measured, contactors)
        self._matched_by_measurement(now_s, measured, contactors)
        self._current_after_closed(now_s, measured, groups)
        self._told_first(now_s, measured, groups, orders)
        self._disobedience(now_s, wanted, groups)
        self._stale(now_s, wanted, groups)
        self._one_prepares(now_s, measured, groups)
        self._last_contactors, self._last_groups = contactors, groups

    def verdict(self) -> list[Sin]:
        """All sins, those by the truth as well, in the order of time."""
        found = list(self.sins)
        found += [sin for each in self.plant.truth.operations if (sin := self._operation(each)) is not None]
        found += [sin for each in self.plant.truth.everything() if (sin := self._breach(each)) is not None]
        found += self._too_often()
        return sorted(found, key=lambda each: each.at_s)

    # By what was measured.

    def _sin(self, rule: str, at_s: float, text: str) -> None:
        """The same again at the next ticks is one sin."""
        words = rule, *text.split()[:2]
        if at_s - self._last_sin_s.get(words, -1e9) > 1.0:
            self.sins.append(Sin(rule, at_s, text))
        self._last_sin_s[words] = at_s

    def _break_before_make(self, now_s: float, measured: Measured, contactors: Mapping[str, bool]) -> None:
        """Z2: nothing closes while what must be open, and would be on its conductor, is not reported open."""
        for name, closed in contactors.items():
            if not closed or self._last_contactors.get(name, False):
                continue
            coming = {each for each, ordered in contactors.items() if ordered}
            joined = self._island(measured, self._between[name][0], also=coming)
            for other in joined.contactors:
                late_s = now_s - self._ordered[other].since_s
                if other != name and not contactors[other] and late_s < OBEY_S:
                    self._sin("Z2", now_s, f"{name} ordered to close while {other} is to open and not reported open")
            outputs = self._counted(measured, joined)
            if len(outputs) > 1:
                self._sin("Z5", now_s, f"{name} ordered to close though that joins outputs {outputs}")

    def _matched_by_measurement(self, now_s: float, measured: Measured, contactors: Mapping[str, bool]) -> None:
        """Z3 by what could be seen when the order went out; buses nobody measures count as dead."""
        for name, closed in contactors.items():
            if not closed or self._last_contactors.get(name, False) or measured.contactors.get(name) is not False:
                continue
            sides = [self._measured_v(measured, self._island(measured, bus)) for bus in self._between[name]]
            if abs(sides[0] - sides[1]) > MATCH_V + self._margin_v and max(sides) > DEAD_V + self._margin_v:
                self._sin("Z3", now_s, f"{name} ordered to close between {sides[0]:.0f} and {sides[1]:.0f} V")

    def _current_after_closed(self, now_s: float, measured: Measured, groups: Mapping[str, GroupOrder]) -> None:
        """Z4: a set-point rises only when the way to one output has been reported closed for a while."""
        for name, order in groups.items():
            before = self._last_groups.get(name, OFF_ORDER)
            before_a = before.current_a if before.is_on else 0.0
            if not order.is_on or order.current_a <= max(before_a + 1e-6, 0.01) or now_s <= self._restarted_s + 1e-9:
                continue
            stable = {
                each
                for each, said in self._reported.items()
                if said.value is True and now_s - said.since_s >= STABLE_S - 1e-6
            }
            island = self._island(measured, self.topology.bus_of_group[name], only=stable)
            outputs = self._counted(measured, island)
            if len(outputs) != 1:
                self._sin(
                    "Z4", now_s, f"{name} gets {order.current_a:.1f} A with no stable way to one output {outputs}"
                )
            elif measured.outputs[outputs[0]].stage not in (Stage.PREPARING, Stage.CHARGING):
                self._sin("Z10", now_s, f"{name} raised at output {outputs[0]} that asks for nothing")

    def _told_first(self, now_s: float, measured: Measured, groups: Mapping[str, GroupOrder], orders: Orders) -> None:
        """Z8: nobody gets less without having been told."""
        for number, (at_s, told_a, before_a) in list(self._lowered.items()):
            reading = measured.outputs[number]
            if now_s - at_s > DIP_S:
                del self._lowered[number]
                if reading.stage is Stage.CHARGING and reading.current_a < self._dipped(
                    min(before_a, reading.request_a)
                ):
                    self._sin("Z8", at_s, f"output {number} lowered to {reading.current_a:.0f} A, told {told_a:.0f} A")
        if self._is_disturbed(now_s - KNOW_S, now_s) or now_s - self._restarted_s < KNOW_S:
            self._lowered.clear()
            return
        for number, reading in measured.outputs.items():
            if reading.stage is not Stage.CHARGING or reading.current_a < 5:
                continue
            sum_a = self._sum_a(measured, number, groups)
            before_a = self._sum_a(measured, number, self._last_groups)
            told = orders.outputs.get(number, self.plant.outlet(number).announced)
            told_a = min(told.current_a, told.power_w / max(reading.voltage_v, 1.0))
            falls = sum_a < self._dipped(min(before_a, reading.current_a)) and reading.request_a > reading.current_a - 2
            if falls and told_a > reading.current_a - 1:
                self._lowered.setdefault(number, (now_s, told_a, reading.current_a))

    def _dipped(self, current_a: float) -> float:
        """Where ticks are slow, load moves in larger steps."""
        return current_a - max(DIP_A, DIP_SHARE * current_a, 10 * self._slack_s)

    def _disobedience(self, now_s: float, wanted: Wanted, groups: Mapping[str, GroupOrder]) -> None:
        """Z9: groups at a contactor that does not obey get no current."""
        for name, ordered in self._ordered.items():
            said = self._reported.get(name)
            if said is None or said.value is ordered.value:
                continue
            since_s = max(said.since_s, ordered.since_s, self._restarted_s)
            if now_s - since_s <= OBEY_S + self._slack_s:
                continue
            if ordered.value and said.value is False and now_s - since_s > OBEY_S + 2 * self._slack_s:
                self._sin("Z9", now_s, f"{name} still ordered to close though it does not obey")
            for group, bus in self.topology.bus_of_group.items():
                is_own = bus in self._between[name] and bus not in self.topology.bus_of_output.values()
                if said.value is True and any(name in self.topology.links[n].contactors for n in wanted.links):
                    continue  # welded on the way it is wanted: of use, and reported
                if is_own and bus not in self.topology.installed.nodes:
                    order = groups.get(group, OFF_ORDER)
                    falls = order.current_a < self._last_groups.get(group, OFF_ORDER).current_a
                    if order.is_on and order.current_a > 0 and not falls:
                        self._sin("Z9", now_s, f"{group} has {order.current_a:.0f} A though {name} does not obey")

    def _stale(self, now_s: float, wanted: Wanted, groups: Mapping[str, GroupOrder]) -> None:
        """Z11: after 30 s without an allocation there is no current."""
        total_a = sum(each.current_a for each in groups.values() if each.is_on)
        if wanted.age_s <= 30:
            self._stale_since_s = None
            return
        self._stale_since_s = now_s if self._stale_since_s is None else self._stale_since_s
        if now_s - self._stale_since_s > 10 and total_a > 0.1:
            self._sin("Z11", now_s, "set-points above 0 A though the allocation is older than 30 s")

    def _one_prepares(self, now_s: float, measured: Measured, groups: Mapping[str, GroupOrder]) -> None:
        """Z10: an output that prepares gets at most 2 A from one group."""
        for number, reading in measured.outputs.items():
            island = self._island(measured, self.topology.bus_of_output[number])
            is_way = any(measured.outputs[n].is_closed for n in self._outputs(island) if n != number)
            if reading.stage is Stage.PREPARING and not is_way:  # joined to another one: that is Z5
                given = [groups[name].current_a for name in self._at(measured, number) if name in groups]
                if sum(each > 0.01 for each in given) > 1 or sum(given) > 2.01:
                    self._sin("Z10", now_s, f"output {number} prepares with {[round(each, 1) for each in given]} A")

    # By the truth.

    def _operation(self, done: Operation) -> Sin | None:
        if self._is_hidden(done):
            return None
        figures = f"{done.contactor} at {done.current_a:.1f} A, {done.difference_v:.0f} V apart"
        slow_s = self.plant.contactor_nature(done.contactor).open_s + self._slack_s
        is_struck = self._is_disturbed(done.at_s - slow_s, done.at_s)  # between the order and the contacts
        if done.cause == "order" and not done.closed and done.current_a > ZERO_A + 0.1 and not is_struck:
            return Sin("Z1", done.at_s, f"opened under current: {figures}")
        if done.cause == "bounce" and not done.closed and done.current_a > 5:
            return Sin("Z4", done.at_s, f"current while it still bounced: {figures}")
        if done.least_f < BARE_F:
            return None
        is_matched = done.difference_v <= MATCH_V + self._margin_v or done.highest_v <= DEAD_V + self._margin_v
        if (
            done.cause == "order"
            and done.closed
            and not is_matched
            and not self._is_disturbed(done.at_s - 1 - self._slack_s, done.at_s)
        ):
            return Sin("Z3", done.at_s, f"closed unmatched: {figures}, highest {done.highest_v:.0f} V")
        return None

    def _is_hidden(self, done: Operation) -> bool:
        """Whether it opened under a current that nobody could see: its group silent, its feedback open all the time."""
        is_lying = self.plant.contactor_nature(done.contactor).feedback is Feedback.ALWAYS_OPEN
        return is_lying and any(from_s <= done.at_s <= to_s + 1 for from_s, to_s in self._silences.values())

    def _too_often(self) -> list[Sin]:
        """R5: three operations per minute."""
        closings: dict[str, list[float]] = {}
        found = []
        for each in self.plant.truth.operations:
            if each.closed and each.cause == "order":
                times = closings.setdefault(each.contactor, [])
                times.append(each.at_s)
                if len(times) > 3 and times[-1] - times[-4] < 60:
                    found.append(Sin("R5", each.at_s, f"{each.contactor} closed for the fourth time within 60 s"))
        return found

    def _breach(self, breach: Breach) -> Sin | None:
        rule, grace_s, needs_excuse = _RULES[breach.kind]
        if any(breach.from_s - 1 <= to_s and from_s <= breach.to_s for from_s, to_s in self._silences.values()):
            return None
        if breach.kind is Kind.FAST_RISE and any(at_s <= breach.from_s <= at_s + DIP_S for at_s in self._restarts_s):
            return None  # what is measured at a start is late: it may have just been lowered
        is_fault = self._is_at_fault(breach)
        if breach.kind is Kind.OVER_REQUEST and self._is_between_batteries(breach):
            return None
        if is_fault and (needs_excuse or breach.lasted_s <= KNOW_S + self._slack_s):
            return None
        if breach.lasted_s <= grace_s + (self._slack_s if grace_s else 0.0):
            return None
        text = f"{breach.kind.value} {', '.join(breach.who)} for {breach.lasted_s:.2f} s, worst {breach.worst:.1f}"
        return Sin(rule, breach.from_s, f"{text} {' '.join(breach.contactors)}".strip())

    def _is_at_fault(self, breach: Breach) -> bool:
        """Whether a fault of the plant explains how the breach began."""
        if self._is_disturbed(breach.from_s - KNOW_S, breach.from_s + 1e-6):
            return True
        if breach.kind in (Kind.TWO_OUTPUTS, Kind.LOOP, Kind.CONNECTED, Kind.UNASKED):
            last = self._last_closing(breach)
            if last is not None and last.cause == "fault":
                return True
            natures = [self.plant.contactor_nature(name) for name in breach.contactors]
            if any(each.feedback is Feedback.ALWAYS_OPEN for each in natures):
                return True
            return breach.kind is Kind.CONNECTED and any(
                each.is_welded or each.feedback is not Feedback.HONEST for each in natures
            )
        return False

    def _is_between_batteries(self, breach: Breach) -> bool:
        """Whether outputs were joined by a fault then: what flows from battery to battery nobody has ordered."""
        return any(
            each.kind is Kind.TWO_OUTPUTS and each.from_s <= breach.to_s and breach.from_s <= each.to_s
            and not set(breach.who).isdisjoint(each.who) and self._is_at_fault(each)
            for each in self.plant.truth.everything()
        )  # fmt: skip

    def _last_closing(self, breach: Breach) -> Operation | None:
        found = [
            each
            for each in self.plant.truth.operations
            if each.closed and each.contactor in breach.contactors and each.at_s <= breach.from_s + 1e-6
        ]
        return found[-1] if found else None

    # What is known.

    def _watch(self, now_s: float, measured: Measured) -> None:
        """Keeps the times at which the plant changed by itself."""
        natures: dict[str, GroupNature | ContactorNature] = {
            **{name: self.plant.group_nature(name) for name in self.topology.groups},
            **{name: self.plant.contactor_nature(name) for name in self.topology.contactors},
        }
        if self._natures:
            self.disturbed += [(now_s, name) for name, each in natures.items() if self._natures[name] != each]
        self._natures = natures
        for name in self.topology.groups:
            if not self.plant.group_nature(name).is_silent:
                self._silent_since_s.pop(name, None)
                continue
            since_s = self._silent_since_s.setdefault(name, now_s)
            self._silences[name, since_s] = since_s, now_s
        stages = {number: each.stage for number, each in measured.outputs.items()}
        for number, stage in stages.items():
            if stage is Stage.OFF and self._last_stages.get(number) is not Stage.OFF:
                self.disturbed.append((now_s, f"output {number}"))
        self._last_stages = stages
        known = {at_s for at_s, _ in self.disturbed}
        for each in reversed(self.plant.truth.operations):
            if each.at_s < now_s - 1:
                break
            if each.cause == "fault" and each.at_s not in known:
                self.disturbed.append((each.at_s, each.contactor))

    def _is_disturbed(self, from_s: float, to_s: float) -> bool:
        return any(from_s <= at_s <= to_s for at_s, _ in self.disturbed)

    def _island(
        self, measured: Measured, bus: str, *, also: Set[str] = frozenset(), only: Set[str] | None = None
    ) -> Island:
        """What is joined with a bus by feedback; an unknown one counts as closed, unless only `only` may be."""
        if only is None:
            only = {name for name in self._between if measured.contactors.get(name) is not False}
        closed = {name: self._between[name] for name in only | also}
        return next(each for each in islands(self.topology.buses, closed) if bus in each.buses)

    def _outputs(self, island: Island) -> list[int]:
        return sorted(number for number, bus in self.topology.bus_of_output.items() if bus in island.buses)

    def _counted(self, measured: Measured, island: Island) -> list[int]:
        """Outputs on a conductor, without those out of use that the ways of others lead through."""
        return [
            number
            for number in self._outputs(island)
            if measured.outputs[number].stage in WITH_SESSION or not self._is_through(number)
        ]

    def _is_through(self, number: int) -> bool:
        bus = self.topology.bus_of_output[number]
        return any(bus in link.buses and link.connector != number for link in self.topology.links)

    def _at(self, measured: Measured, number: int) -> list[str]:
        """The groups on the conductor of an output, by feedback."""
        island = self._island(measured, self.topology.bus_of_output[number])
        return [name for name, bus in self.topology.bus_of_group.items() if bus in island.buses]

    def _sum_a(self, measured: Measured, number: int, groups: Mapping[str, GroupOrder]) -> float:
        orders = [groups.get(name, OFF_ORDER) for name in self._at(measured, number)]
        return sum(each.current_a for each in orders if each.is_on)

    def _measured_v(self, measured: Measured, island: Island) -> float:
        found = [
            reading.voltage_v
            for name, reading in measured.groups.items()
            if self.topology.bus_of_group[name] in island.buses and reading.is_online
        ]
        readings: dict[int, OutputReading] = dict(measured.outputs)
        found += [readings[number].voltage_v for number in self._outputs(island)]
        return max(found, default=0.0)


_RULES: dict[Kind, tuple[str, float, bool]] = {
    # rule, seconds that are forgiven, whether a fault excuses it for good
    Kind.TWO_OUTPUTS: ("Z5", 0.0, True),
    Kind.LOOP: ("ring", 0.0, True),
    Kind.UNASKED: ("Z10", 0.5, False),
    Kind.CONNECTED: ("Z10", 10.0, True),
    Kind.MANY_PREPARE: ("Z10", 0.5, False),
    Kind.OVER_REQUEST: ("Z7", 0.0, False),
    Kind.FAST_RISE: ("Z7", 0.0, False),
    Kind.OVER_GRID: ("Z6", 0.3, False),
}
