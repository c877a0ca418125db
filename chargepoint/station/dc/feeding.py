"""All groups of power modules of the station at work: one loop, ten times a second.

What is measured goes to the sequencer (`chargepoint/power/switching`), with what the sharing of power wants; what it
orders goes out: to the modules as a lease of half a second, to the contactors as a lease of their own, to the vehicles
as the most they may have. What the modules measure goes back to the controllers. When this loop, a connector's loop or
this program dies, modules and contactors go off by themselves: they are told nothing more.

The sequencer's orders for the groups of an output are bounded once more here, by the demand of its controller, its
grant and its permission as they are now (`supply_steps.py`): this can only take away.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping

import msgspec

from chargepoint.clock import Clock
from chargepoint.power.allocation import Feed
from chargepoint.power.measured import Announcement, GroupOrder, Measured, MoveRecord, Orders, Wanted
from chargepoint.power.switching import Sequencer, SwitchingSettings, explained
from chargepoint.power.switching.wiring import Wiring
from chargepoint.power.topology import Faults, Topology
from chargepoint.records import Limit
from chargepoint.station.cabinet.safety import Hold
from chargepoint.station.dc.coils import Coil, feedback
from chargepoint.station.dc.fed import Fed
from chargepoint.station.dc.group import Group
from chargepoint.station.dc.moves import hold_of, key_of
from chargepoint.station.dc.plant import POWERED, joined, output_reading, stage_of
from chargepoint.station.dc.supply_steps import OFF, SetPoint
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause

log = logging.getLogger(__name__)

STEP_S = 0.1
FIRST_WORD_S = 3.0
"""So long after the start modules that were not heard yet are not missing."""
DEAD_A = 0.5
"""Less than this is no current."""
SETTINGS = SwitchingSettings(slack_a=20.0)
"""What modules say of their current is up to a second old: they are let rise so far beyond it."""
NOBODY = Wanted(age_s=math.inf)


class Feeding:
    """The loop. `run` must be running, beside the `run` of each bank.

    `wanted` is asked at each step; `changed` is called when groups or contactors become able or unable, `announced`
    with a connector that is to be told of less.
    """

    def __init__(
        self,
        topology: Topology,
        groups: Mapping[str, Group],
        feds: Mapping[int, Fed],
        coils: Mapping[str, Coil],
        clock: Clock,
    ) -> None:
        self.topology = topology
        self.groups = groups
        self.feds = feds
        self.coils = coils
        self.measured = Measured()
        self.orders = Orders()
        self.wanted: Callable[[], Wanted] = lambda: NOBODY
        self.changed: Callable[[], None] = lambda: None
        self.announced: Callable[[Outlet], None] = lambda outlet: None
        self.stepped: Callable[[float], None] = lambda now: None
        """Called after each step, for those who show it."""
        self.granted: Callable[[Outlet], Limit] = lambda outlet: outlet.grant
        """What the sharing of power gives a connector, whatever its vehicle was told of it so far."""
        self.moved: Callable[[MoveRecord], None] = lambda move: None
        self.alarmed: Callable[[str, str], None] = lambda action, text: None
        """A line for the operation log: `Success` or `Error`, and the text."""
        self.hold: Callable[[str, Hold | None], object] = lambda key, hold: None
        self._sequencer: Sequencer | None = None
        self._clock = clock
        self._begun_s = self._stepped_s = clock.mono()
        self._health: object = None
        self._causes: dict[str, Cause] = {}
        self._held: set[int] = set()
        self._alarms: set[str] = set()
        self._refusals: frozenset[str] = frozenset()
        self._wiring = Wiring(topology)
        self._joined: dict[int, frozenset[str]] = {}
        self._owners: dict[str, int] = {}

    async def run(self) -> None:
        """Step ten times a second until cancelled; then all modules are told off."""
        try:
            while True:
                self.step()
                await asyncio.sleep(STEP_S)
        finally:
            for group in self.groups.values():
                group.modules.switch_off(group.place.numbers)

    # ---------------------------------------------------------------------------------------------------------- a step

    def step(self) -> None:
        """Look, decide, tell."""
        now = self._clock.mono()
        elapsed_s, self._stepped_s = now - self._stepped_s, now
        self._look()
        if not self.is_waiting:
            wanted = self._wanted()
            if self._sequencer is None:
                self._take_over(wanted, now)
            self._clear_mended()
            self.orders = self.sequencer.tick(wanted, self.measured, now)
            self._owners = self._owned()
            told = self._bounded(self.orders.groups, elapsed_s)
            for name, group in self.groups.items():
                group.carry_out(told[name], now)
            for name, coil in self.coils.items():
                coil.order(self.orders.contactors.get(name), now)
            self._announce(self.orders.outputs)
            self._tell_faults()
            self._tell_alarms()
            for move in self.orders.finished:
                self.moved(move)
        for fed in self.feds.values():
            fed.controller.report(fed.output(self._is_beginning))
        self._note_health()
        self.stepped(now)

    @property
    def sequencer(self) -> Sequencer:
        """It begins with what the cabinet has kept: welds, and how often each contactor has closed."""
        if self._sequencer is None:
            welded = [name for name, coil in self.coils.items() if coil.cause is Cause.CONTACTOR_WELDED]
            life = {name: coil.contactor.operations for name, coil in self.coils.items()}
            self._sequencer = Sequencer(self.topology, SETTINGS, welded=welded, life=life)
            self._causes = {name: coil.cause for name, coil in self.coils.items()}
        return self._sequencer

    def _take_over(self, wanted: Wanted, now: float) -> None:
        """What runs goes on as it is, before anything is changed (Z12)."""
        self.sequencer.tick(explained(self.topology, wanted, self.measured), self.measured, now)
        for fed in self.feds.values():
            fed.take_over()

    def _clear_mended(self) -> None:
        """A contactor that a technician has seen to counts again."""
        for name, coil in self.coils.items():
            before, self._causes[name] = self._causes.get(name, Cause.NONE), coil.cause
            if before is not Cause.NONE and coil.cause is Cause.NONE:
                self.sequencer.clear(name)

    def _tell_faults(self) -> None:
        """What does not open, or not close, is latched until a technician has seen to it (R4); outputs that are joined
        to another get no power (E6)."""
        for name in self.sequencer.faults.welded:
            if name in self.coils:
                self.coils[name].break_down(Cause.CONTACTOR_WELDED)
        for name in self.sequencer.faults.stuck_open:
            if name in self.coils and self.coils[name].has_not_closed and self.coils[name].is_closed is False:
                self.coils[name].break_down(Cause.CONTACTOR_FAILED)
        faulted = self.sequencer.faulted_outputs
        for number, fault in faulted.items():
            self._held.add(number)
            self.hold(key_of(number), hold_of(number, fault))
        for number in self._held - faulted.keys():
            self._held.discard(number)
            self.hold(key_of(number), None)

    def _tell_alarms(self) -> None:
        """What is out of order among the groups that move and their contactors, once."""
        alarms = self.sequencer.alarms if self.topology.is_switched else {}
        for name, text in alarms.items():
            if name not in self._alarms:
                self.alarmed("Error", f"{name} {text}")
        for name in self._alarms - alarms.keys():
            self.alarmed("Success", f"{name} is well again")
        self._alarms = set(alarms)
        refusals = frozenset(self.orders.refusals)
        for text in sorted(refusals - self._refusals):
            log.warning("modules: taken out of the orders: %s", text)
        self._refusals = refusals

    def _look(self) -> None:
        modules = {group.place.bank: group.modules for group in self.groups.values()}
        banks = {name: bank.modules() for name, bank in modules.items()}
        readings = {name: group.look(banks[group.place.bank]) for name, group in self.groups.items()}
        contactors = feedback(self.coils)
        found = joined(self._wiring, contactors)
        self._joined = {number: found[number] & self.groups.keys() for number in self.feds}
        for number, fed in self.feds.items():
            fed.look([group for name, group in sorted(self.groups.items()) if self._is_of(name, number)])
        outputs = {}
        for number, fed in self.feds.items():
            outlet = fed.outlet
            stage = stage_of(outlet.phase, outlet.reading, fed.demand, is_well=fed.is_well)
            outputs[number] = output_reading(
                stage,
                outlet.reading,
                fed.demand,
                [readings[group.name] for group in fed.groups],
                is_heard=outlet.is_heard,
            )
        resting = frozenset(name for name, coil in self.coils.items() if coil.contactor.rests_s(self._stepped_s) > 0)
        self.measured = Measured(groups=readings, contactors=contactors, outputs=outputs, resting=resting)

    def _wanted(self) -> Wanted:
        """What the sharing of power wants; a group that is wired to its output for good is always there."""
        wanted = self.wanted()
        links = dict(wanted.links)
        for number, fed in self.feds.items():
            if fed.fixed is not None and fed.outlet.phase in POWERED:
                link = self.topology.link(fed.fixed.name, number)
                if link is not None:
                    links.setdefault(link, 0.0)
        return msgspec.structs.replace(wanted, links=links)

    def _is_of(self, name: str, number: int) -> bool:
        """Whether a group is joined to an output, and for its sake. Before the first orders nobody knows more."""
        fed = self.feds[number]
        if fed.fixed is not None:
            return fed.fixed.name == name
        is_its = self._owners.get(name) == number if self._sequencer is not None else fed.is_live
        return is_its and name in self._joined[number]

    def _owned(self) -> dict[str, int]:
        """By group: the connector that it is for, by fixed wiring or by the sequencer."""
        links = self.topology.links
        owners = {name: links[link].connector for name, link in self.sequencer.connected.items()}
        owners |= {fed.fixed.name: number for number, fed in self.feds.items() if fed.fixed is not None}
        return {name: number for name, number in owners.items() if number in self.feds}

    @property
    def _is_beginning(self) -> bool:
        return self._clock.mono() - self._begun_s < FIRST_WORD_S

    @property
    def is_waiting(self) -> bool:
        """Modules that move were not heard yet: nothing is ordered, so that what runs can be taken over as it is."""
        return (
            self.topology.is_switched
            and self._is_beginning
            and not all(reading.is_online for reading in self.measured.groups.values())
        )

    def _bounded(self, ordered: Mapping[str, GroupOrder], elapsed_s: float) -> dict[str, GroupOrder]:
        """The orders for all groups, within what each output may have now (the least of the two).

        A group that is joined to nothing, or is only on its way, has no current (Z4); one that is joined to the output
        of another connector that charges is off (Z5).
        """
        told: dict[str, GroupOrder] = {}
        for name, group in self.groups.items():
            order = ordered.get(name, GroupOrder())
            owner = self._owners.get(name)
            if order.is_on and any(
                name in names and number != owner and self.feds[number].is_live
                for number, names in self._joined.items()
            ):
                order = GroupOrder()
            if order.is_on and (owner is None or group not in self.feds[owner].groups):
                order = GroupOrder(is_on=True, voltage_v=order.voltage_v)
            told[name] = order
        for fed in self.feds.values():
            self._bound(fed, told, elapsed_s)
        return told

    def _bound(self, fed: Fed, told: dict[str, GroupOrder], elapsed_s: float) -> None:
        most = fed.bounded(self.granted(fed.outlet), elapsed_s)
        on = {group.name: told[group.name] for group in fed.groups if told[group.name].is_on}
        total_a = math.fsum(order.current_a for order in on.values())
        if not most.is_on:
            on = dict.fromkeys(on, GroupOrder())
        share = min(1.0, most.current_a / total_a) if total_a > 0 else 1.0
        voltage_v = 0.0
        for name, order in on.items():
            if order.is_on:
                voltage_v = max(voltage_v, min(order.voltage_v, most.voltage_v))
                current_a = order.current_a if share == 1.0 else order.current_a * share
                order = GroupOrder(is_on=True, voltage_v=min(order.voltage_v, most.voltage_v), current_a=current_a)
            told[name] = order
        is_on = any(order.is_on for order in on.values())
        fed.point = SetPoint(True, voltage_v, min(total_a, most.current_a)) if is_on else OFF

    def _announce(self, outputs: Mapping[int, Announcement]) -> None:
        """Less is told to the vehicle at once (Z8), more with the next sharing of power."""
        for number, fed in self.feds.items():
            before, fed.announced = fed.announced, outputs.get(number)
            new = fed.announced
            if new is not None and (before is None or new.current_a < before.current_a or new.power_w < before.power_w):
                self.announced(fed.outlet)

    # ------------------------------------------------------------------------------------ for the sharing of power

    def limits_of(self, outlet: Outlet) -> tuple[NamedLimit, ...]:
        """What the modules wired to a connector allow. Not heard yet: as an unreadable limit."""
        fed = self.feds.get(outlet.number)
        if fed is None or fed.fixed is None:
            return ()
        can = fed.able((fed.fixed,))
        if not can.count and self._is_beginning:
            return (NamedLimit("modules", current_a=math.nan),)
        power_w = min(can.max_power_w, fed.fixed.left_w)
        return (NamedLimit("modules", current_a=can.max_current_a, power_w=power_w),)

    def faults(self) -> Faults:
        """Groups that move and cannot give, or not all; contactors that a technician has to see to."""
        unable, derating = set[str](), dict[str, float]()
        fixed = {fed.fixed.name for fed in self.feds.values() if fed.fixed is not None}
        for name, group in self.groups.items():
            if name in fixed:
                continue
            if not group.is_able:
                if not self._is_beginning:
                    unable.add(name)
                continue
            if self._is_beginning and not group.is_told:
                continue
            share = group.share(self.topology.groups[name])
            if share < 1.0:
                derating[name] = share
        causes = {name: coil.cause for name, coil in self.coils.items()}
        broken = {name for name, cause in causes.items() if cause not in (Cause.NONE, Cause.CONTACTOR_WELDED)}
        welded = {name for name, cause in causes.items() if cause is Cause.CONTACTOR_WELDED}
        if self._sequencer is not None:
            latched = self._sequencer.faults
            unable |= latched.groups - fixed
            broken |= latched.stuck_open
            welded |= latched.welded
        return Faults(
            groups=frozenset(unable),
            derating=derating,
            stuck_open=frozenset(broken | welded),  # the sequencer takes no way over a weld: no group is to count on it
            welded=frozenset(welded),
        )

    def announced_to(self, outlet: Outlet) -> Announcement | None:
        """The most that a vehicle whose modules move may be told now; None: as granted."""
        fed = self.feds.get(outlet.number)
        return None if fed is None or fed.fixed is not None else fed.announced

    def found(self) -> dict[str, Feed]:
        """What is really closed, and for whom: what the sharing of power begins with (Z12)."""
        contactors = feedback(self.coils)
        feeds: dict[str, Feed] = {}
        for name in self.groups:
            for number in self.topology.links_of_group.get(name, ()):
                link = self.topology.links[number]
                fed = self.feds.get(link.connector)
                is_closed = all(contactors.get(each) is True for each in link.contactors)
                if is_closed and fed is not None and fed.outlet.in_transaction:
                    feeds[name] = Feed(connector=link.connector, link=number, since_mono_s=self._begun_s)
                    break
        return feeds

    def _note_health(self) -> None:
        for group in self.groups.values():
            group.note_absent(self._is_beginning)
        health = self.faults()
        if health != self._health:
            self._health = health
            self.changed()
