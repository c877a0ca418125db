"""From what is wanted to safe single steps: the sequencer (power.md 5 and 6). Pure: no clock, no input or output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chargepoint.power.measured import (
    Measured,
    Move,
    MoveRecord,
    Orders,
    OutputFault,
    Result,
    Stage,
    Step,
    Wanted,
)
from chargepoint.power.switching import plan, set_points
from chargepoint.power.switching.book import ContactorBook, GroupBook
from chargepoint.power.switching.guard import Guard
from chargepoint.power.switching.joined_outputs import Shorts
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.start_up import adopt
from chargepoint.power.switching.state import Member, Running, Tick
from chargepoint.power.switching.steps import End, advance
from chargepoint.power.switching.wiring import Look, Residue, Wiring
from chargepoint.power.topology import Faults, Topology

DEFAULT_SETTINGS = SwitchingSettings()
USUAL_S = 0.2
"""Between two ticks. After a longer time than this, and than the time before, no more than that counts for ramps."""
_RESTED = frozenset({Result.REFUSED, Result.NOT_FALLING, Result.NOT_MATCHED, Result.NOT_CLOSED})


class Sequencer:
    """Call `tick` about ten times a second. `welded` are the latches of earlier runs (R4), `life` how often each
    contactor has been closed so far, `closings` when it was closed of late, by the clock of `tick` (R5)."""

    def __init__(
        self,
        topology: Topology,
        settings: SwitchingSettings = DEFAULT_SETTINGS,
        *,
        welded: Iterable[str] = (),
        life: Mapping[str, int] | None = None,
        closings: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.topology = topology
        self.settings = settings
        self._wiring = Wiring(topology)
        self._contactors = ContactorBook(self._wiring, settings, welded, life or {}, closings or {})
        self._groups = GroupBook(self._wiring, settings)
        self._shorts = Shorts(self._wiring, settings)
        self._members = {name: Member(name) for name in sorted(topology.groups)}
        self._residue = Residue(self._wiring, settings.bare_s)
        self._guard = Guard(topology, settings, self._wiring)
        self._levels_a: dict[int, float] = {}
        self._quiet_since_s: dict[str, float] = {}
        self._number = 0
        self._ticked_s: float | None = None
        self._elapsed_s = 0.0
        self._wanted: list[int] = []
        self._barred: Mapping[int, str] = {}
        self._seen: object = None
        self._changed_s = -math.inf

    # ------------------------------------------------------------------------------------------------- what is known

    @property
    def faults(self) -> Faults:
        """What the next allocation is to do without."""
        return Faults(
            groups=frozenset(self._groups.locked),
            stuck_open=self._contactors.unusable,
            welded=frozenset(self._contactors.welded),
        )

    @property
    def faulted_outputs(self) -> Mapping[int, OutputFault]:
        """Outputs that may give no power: joined to another one (E6)."""
        return dict(self._shorts.faulted)

    @property
    def alarms(self) -> Mapping[str, str]:
        """What is out of order, by the name of the contactor or group, in words."""
        unknown = dict.fromkeys(sorted(self._contactors.unknown), "does not report whether it is closed")
        found = {**unknown, **self._contactors.failed, **self._contactors.welded}
        return {**{f"contactor {name}": text for name, text in found.items()},
                **{f"group {name}": text for name, text in self._groups.locked.items()}}  # fmt: skip

    @property
    def life(self) -> Mapping[str, int]:
        """How often each contactor has been closed."""
        return dict(self._contactors.life)

    @property
    def closings(self) -> Mapping[str, Sequence[float]]:
        """When each contactor was closed of late: for the next one to begin with."""
        return self._contactors.closings

    @property
    def connected(self) -> Mapping[str, int]:
        """The link each group is on now."""
        return {name: each.link for name, each in self._members.items() if each.link is not None}

    @property
    def unreached(self) -> Mapping[int, str]:
        """The links that are wanted and not connected, and why. Empty: it has only just come."""
        found = {}
        for number in self._wanted:
            member = self._members[self.topology.links[number].group]
            if member.link != number:
                move = member.move
                on_its_way = move.cause or move.step.name.lower() if move is not None else member.refused
                found[number] = self._barred.get(number) or on_its_way
        return found

    def clear(self, name: str) -> bool:
        """A technician has mended the contactor or group `name`; False when nothing was kept against it."""
        was_contactor, was_group = self._contactors.clear(name), self._groups.clear(name)
        return was_contactor or was_group

    # --------------------------------------------------------------------------------------------------------- a tick

    def tick(self, wanted: Wanted, measured: Measured, now_mono_s: float) -> Orders:
        """What the plant is to be told now."""
        if unsteady := self._contactors.unsteady(measured.contactors, now_mono_s):
            contactors = {**measured.contactors, **dict.fromkeys(unsteady)}
            measured = msgspec.structs.replace(measured, contactors=contactors)
        bound = frozenset(self._shorts.suspects)
        look = Look(self._wiring, measured, bound, self._residue)
        self._residue.look(look, now_mono_s)
        is_first = self._ticked_s is None
        since_s = 0.0 if self._ticked_s is None else max(0.0, now_mono_s - self._ticked_s)
        elapsed_s, self._elapsed_s = min(since_s, max(self._elapsed_s, USUAL_S)), since_s  # a pause does not count
        self._ticked_s = now_mono_s
        self._contactors.resting = measured.resting
        self._contactors.look(look, now_mono_s)
        for member in self._members.values():
            if member.link is not None and not self._contactors.lost.isdisjoint(self._wiring.path(member.link)):
                member.link = member.move = None  # it was opening when it was taken over
        self._groups.look(look, now_mono_s)
        self._lock_behind_unknown(now_mono_s)
        if is_first:
            adopt(self._wiring, look, wanted, self._members)
            flowing = [each for each in self._members.values() if look.group_a(each.name) > self.settings.zero_a]
            for member in flowing:
                for name in () if member.link is None else self._wiring.path(member.link):
                    self._contactors.closed_since_s[name] = -math.inf
        self._shorts.look(look, self._members, self._contactors, self._groups, now_mono_s)
        tick = Tick(
            now_s=now_mono_s,
            elapsed_s=elapsed_s,
            wiring=self._wiring,
            settings=self.settings,
            look=look,
            measured=measured,
            wanted=wanted,
            contactors=self._contactors,
            groups=self._groups,
            members=self._members,
            shorted=frozenset(self._shorts.now) | frozenset(self._shorts.faulted),
            levels_a=self._levels_a,
        )
        finished = self._move(tick)
        groups = set_points.orders(tick)
        orders = Orders(
            groups=groups,
            contactors=self._switch(tick),
            outputs=set_points.announcements(tick, groups),
            moves=tuple(_shown(tick, each.move) for each in self._members.values() if each.move is not None),
            finished=tuple(finished),
        )
        welded = frozenset(name for name in self._contactors.welded if look.feedback.get(name) is not False) | bound
        orders, refusals = self._guard.check(measured, orders, now_mono_s, welded)
        if refusals:
            orders = msgspec.structs.replace(orders, refusals=refusals)
        self._remember(orders)
        return orders

    def _lock_behind_unknown(self, now_s: float) -> None:
        """A group is of no use while nobody knows of a contactor of its own whether it is closed (Z9)."""
        for name in sorted(self._contactors.unknown):
            for group in self._wiring.own_group.get(name, ()):
                text = f"stands at contactor {name}, which does not report whether it is closed"
                self._groups.lock(group, text, now_s + self.settings.back_s)

    def _remember(self, orders: Orders) -> None:
        self._contactors.ordered.update(orders.contactors)
        for name, order in orders.groups.items():
            member = self._members[name]
            member.is_on, member.told_v = order.is_on, order.voltage_v
            member.told_a = order.current_a if order.is_on else 0.0

    # ---------------------------------------------------------------------------------------------------------- moves

    def _move(self, tick: Tick) -> list[MoveRecord]:
        """Begin, turn and carry on moves; those that ended are returned."""
        goals = plan.targets(tick)
        self._barred = tick.barred
        self._wanted = sorted(number for number in tick.wanted.links if 0 <= number < len(self.topology.links))
        self._note_changes(tick)
        finished: list[MoveRecord] = []
        staying = plan.wait_for_relief(tick, goals)
        for member in self._members.values():
            goal = goals.get(member.name)
            if member.name in staying:
                continue
            if member.link is None or goal == member.link:
                member.waits_since_s = None
            if member.link is not None and member.link in tick.wanted.links:
                member.given_w = tick.wanted.links[member.link]
            if member.move is None:
                self._begin(tick, member, goal)
            elif (end := _turned(tick, member, member.move, goal)) is not None:
                finished.append(_ended(tick, member, member.move, end))
                self._begin(tick, member, goal)
        for member in self._members.values():
            move = member.move
            if move is not None and move.step is Step.CLOSE and move.joins is not None:
                tick.closing_at[self.topology.links[move.joins].connector] = member.name
        tick.waits = plan.waits(tick)
        tick.still_s = self._still_s(tick)
        for member in self._members.values():
            move = member.move
            if move is None:
                continue
            end = advance(tick, member, move)
            if end is not None:
                finished.append(_ended(tick, member, move, end))
        return finished

    def _note_changes(self, tick: Tick) -> None:
        """Whoever waited in vain tries again when something is reported or wanted that was not before."""
        stages = [output.stage for output in tick.look.outputs.values()]
        broken = (frozenset(tick.groups.locked), tick.contactors.unusable, frozenset(tick.contactors.welded))
        seen = (tick.measured.contactors, stages, tick.wanted.links, broken)
        if seen == self._seen:
            return
        self._seen, self._changed_s = seen, tick.now_s
        for member in self._members.values():
            if member.is_stuck:
                member.is_stuck, member.not_before_s = False, tick.now_s

    def _still_s(self, tick: Tick) -> float:
        """How long nothing has changed, and nothing moves but what waits for others."""
        limit_s = self.settings.take_over_s + self.settings.still_s
        for name, member in self._members.items():
            if member.move is not None and name not in tick.waits and tick.in_step_s(member.move) < limit_s:
                self._changed_s = tick.now_s
        return tick.now_s - self._changed_s

    def _begin(self, tick: Tick, member: Member, goal: int | None) -> None:
        if goal == member.link:
            return
        if tick.now_s < member.not_before_s:
            if member.link is None:
                return
            if goal is not None and tick.look.stage(self.topology.links[member.link].connector) is Stage.CHARGING:
                return
        self._number += 1
        member.refused = ""
        member.move = Running(
            number=self._number, group=member.name, leaves=member.link, joins=goal,
            begun_s=tick.now_s, since_s=tick.now_s,
        )  # fmt: skip

    # ----------------------------------------------------------------------------------------------------- contactors

    def _switch(self, tick: Tick) -> dict[str, bool]:
        """What each contactor is told: closed for whoever claims it; open when nobody does and no current is in it."""
        book, look = self._contactors, tick.look
        claimed = tick.claimed()
        orders: dict[str, bool] = {}
        opening = any(True for _ in book.opening())
        for name in book.names:
            ordered = book.ordered.get(name)
            if ordered and (name not in claimed or (name in book.failed and look.feedback.get(name) is False)):
                if look.feedback.get(name) is False or self._is_quiet(tick, name):
                    self._order(tick, name, False, look.through_a(name), 0.0)
                    opening = True
            elif self._quiet_since_s:
                self._quiet_since_s.pop(name, None)
        for member in self._members.values():
            move = member.move
            if opening or move is None or not move.closing:
                continue
            for name in move.closing:
                if book.ordered.get(name):
                    continue  # one that is welded on the way is ordered closed, too: it is not to open at last
                apart_v, highest_v = look.apart_v(name)
                is_matched = highest_v < self.settings.dead_v or apart_v <= self.settings.match_v
                if is_matched and not book.why_not_close(name, tick.now_s):
                    self._order(tick, name, True, 0.0, apart_v)
        book.take_over(claimed, tick.now_s)
        for name in book.names:
            ordered = book.ordered.get(name)
            if ordered is not None and name not in book.found_closed:
                orders[name] = ordered
        return orders

    def _is_quiet(self, tick: Tick, name: str) -> bool:
        """Whether there has been no current in a contactor, measured and ordered, for longer than measuring takes."""
        told_a = {each.name: each.told_a for each in self._members.values() if each.told_a > 0}
        if tick.look.through_a(name, told_a) > self.settings.zero_a:
            self._quiet_since_s.pop(name, None)
            return False
        since_s = self._quiet_since_s.setdefault(name, tick.now_s)
        return tick.now_s - since_s >= self.settings.quiet_s - 1e-9

    def _order(self, tick: Tick, name: str, closes: bool, current_a: float, difference_v: float) -> None:
        operation = self._contactors.order(name, closes, tick.now_s, current_a, difference_v)
        if operation is None:
            return
        for member in self._members.values():
            move = member.move
            if move is not None and (name in move.closing if closes else name in move.opened):
                move.operations.append(operation)


def _turned(tick: Tick, member: Member, move: Running, goal: int | None) -> End | None:
    """Another allocation during a move: back up to step 3; later it is finished to a stable state."""
    if goal == move.joins:
        return None
    if move.step <= Step.HAND_OVER:
        if goal == member.link:
            return End(Result.TURNED_BACK)
        move.joins = goal
        return None
    if move.step is Step.OPEN:
        move.joins = None  # open and idle; the new plan starts there
        return None
    if move.step is Step.REST:
        return End(Result.TURNED_BACK)
    is_closed = all(tick.look.is_closed(name) for name in move.closing)
    if move.step is Step.CLOSE and (is_closed or not tick.contactors.unusable.isdisjoint(move.closing)):
        return None  # it goes on to a stable state, or ends for what has failed
    return End(Result.DONE if move.step > Step.CLOSE else Result.TURNED_BACK)


def _ended(tick: Tick, member: Member, move: Running, end: End) -> MoveRecord:
    member.move, member.refused = None, end.text
    member.is_stuck = end.result is Result.REFUSED and move.step is Step.REST
    if end.result in _RESTED:
        member.not_before_s = math.inf if member.is_stuck else tick.now_s + tick.settings.retry_s
    if end.result is Result.NOT_MATCHED:
        tick.groups.lock(member.name, end.text, tick.now_s + tick.settings.retry_s)
    return MoveRecord(
        number=move.number,
        group=move.group,
        from_link=move.leaves,
        to_link=move.joins,
        from_connector=tick.connector(move.leaves),
        to_connector=tick.connector(move.joins),
        begun_mono_s=move.begun_s,
        ended_mono_s=tick.now_s,
        last_step=move.step,
        result=end.result,
        text=end.text,
        operations=tuple(move.operations),
    )


def _shown(tick: Tick, move: Running) -> Move:
    return Move(
        number=move.number,
        group=move.group,
        from_link=move.leaves,
        to_link=move.joins,
        from_connector=tick.connector(move.leaves),
        to_connector=tick.connector(move.joins),
        step=move.step,
        in_step_s=tick.in_step_s(move),
        cause=move.cause,
    )
