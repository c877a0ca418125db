"""What groups are told at a tick, and what vehicles are told they may have (power.md 6 steps 2, 3, 7 to 9; Z7, Z8)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargepoint.power.measured import Announcement, GroupOrder, OutputReading, Stage, Step
from chargepoint.power.switching.ramps import LEAST_VOLTAGE_V, Ceiling, Share, divide, sound
from chargepoint.power.switching.state import Member, Running, Tick
from chargepoint.power.switching.steps import hurries, is_late, matching

OFF = GroupOrder()
_LEAVING = (Step.HAND_OVER, Step.OPEN)


def orders(tick: Tick) -> dict[str, GroupOrder]:
    """What each group is to do now. Groups at no output are off, or go to the voltage they are to be joined at."""
    found: dict[str, GroupOrder] = {}
    at: dict[int, list[Member]] = {}
    for member in tick.members.values():
        connector = tick.connector(member.link)
        if connector is not None:
            at.setdefault(connector, []).append(member)
            continue
        found[member.name] = OFF
    found.update(_matching(tick, found))
    above_w = {connector: _above_w(tick, connector, members) for connector, members in at.items()}
    for connector, members in at.items():
        others_w = sum(value for number, value in above_w.items() if number != connector)
        found.update(_output(tick, connector, members, others_w))
    for connector, members in at.items():
        if connector in tick.shorted:
            found.update((member.name, OFF) for member in members)
    for place, outputs in tick.look.surely.outputs.items():
        if any(number in tick.shorted for number in outputs):
            found.update((name, OFF) for name in tick.look.surely.groups.get(place, ()))
    return found


def _matching(tick: Tick, idle: dict[str, GroupOrder]) -> dict[str, GroupOrder]:
    """Groups at no output that go to the voltage they are to be joined at; idle ones on the same conductor help."""
    levels: dict[int, float] = {}
    found = {}
    for name in idle:
        member = tick.members[name]
        move = member.move
        if move is not None and name not in tick.groups.locked:
            voltage_v = matching(tick, member, move)
            place = tick.look.place(tick.wiring.group_bus[name])
            if voltage_v is not None and not _is_at_another(tick, move, place):
                found[name] = GroupOrder(is_on=True, voltage_v=_within(tick, member, voltage_v))
                connector = tick.connector(move.joins)
                if connector is not None and tick.look.stage(connector) is Stage.CHARGING:
                    levels[place] = voltage_v
    for name in idle if levels else ():
        place = tick.look.place(tick.wiring.group_bus[name])
        if place not in levels or name in found:
            continue
        outputs = tick.look.joined.outputs.get(place, ())
        if name not in tick.groups.locked and all(_is_way(tick, number) for number in outputs):
            found[name] = GroupOrder(is_on=True, voltage_v=_within(tick, tick.members[name], levels[place]))
    return found


def _is_way(tick: Tick, connector: int) -> bool:
    """Whether an output is a way for others now: out of use, and its own contactor open."""
    is_through = tick.wiring.output_bus[connector] in tick.wiring.through
    return is_through and not tick.look.is_powered(connector) and tick.look.outputs[connector].is_closed is not True


def _is_at_another(tick: Tick, move: Running, place: int) -> bool:
    """Whether the conductor of a group that is to be joined elsewhere is that of an output which may not have voltage.

    An output that ways lead through (a node of a ring) has none behind its open contactor while it is out of use.
    """
    others = (n for n in tick.look.joined.outputs.get(place, ()) if n != tick.connector(move.joins))
    return any(not _is_way(tick, number) for number in others)


def grant(tick: Tick, connector: int) -> Announcement:
    """What a connector may have by the allocation, as far as that is still to be believed (Z11)."""
    given = tick.wanted.grants.get(connector, Announcement())
    power_w, age_s = sound(given.power_w), tick.wanted.age_s
    if age_s > tick.settings.zero_after_s or math.isnan(age_s):
        power_w = 0.0
    elif age_s > tick.settings.guarantees_after_s:
        power_w = min(power_w, sound(tick.wanted.guarantees_w.get(connector, 0.0)))
    return Announcement(current_a=sound(given.current_a) if power_w > 0 else 0.0, power_w=power_w)


def announcements(tick: Tick, told: Mapping[str, GroupOrder]) -> dict[int, Announcement]:
    """The most each vehicle may have: its grant, as far as the groups that stay at its output can give it. Of one that
    still comes up as much as it is `told` counts."""
    found = {}
    for connector in tick.look.outputs:
        stage = tick.look.stage(connector)
        if stage not in (Stage.PREPARING, Stage.CHARGING) or connector in tick.shorted:
            found[connector] = Announcement()
            continue
        may = grant(tick, connector)
        if stage is Stage.CHARGING:
            voltage_v = power_voltage(tick.look.outputs[connector])
            able_a = able_w = 0.0
            there = [each for each in tick.members.values() if tick.connector(each.link) == connector]
            is_left = any(_is_going(each) for each in there)
            late = any(is_late(tick, each) for each in there)
            for member in there:
                most_a = 0.0
                if _is_counted(tick, member, is_left) and not late:
                    most_a = _most_a(tick, member, voltage_v)
                elif not _is_going(member):
                    most_a = told[member.name].current_a
                able_a += most_a
                able_w += most_a * voltage_v
            may = Announcement(current_a=min(may.current_a, able_a), power_w=min(may.power_w, able_w))
        found[connector] = may
    return found


def power_voltage(output: OutputReading) -> float:
    """The voltage by which W are A."""
    if math.isfinite(output.voltage_v) and output.voltage_v >= LEAST_VOLTAGE_V:
        return output.voltage_v
    return max(sound(output.request_v), LEAST_VOLTAGE_V)


def _is_counted(tick: Tick, member: Member, is_left: bool) -> bool:
    """Whether a vehicle may count on a group: it does not leave, and has come up, or takes over from one that leaves
    (`is_left`)."""
    move = member.move
    is_staying = move is None or move.step in (Step.PLAN, Step.TELL) or (is_left and move.step is Step.RAISE)
    return is_staying and member.name not in tick.groups.locked


def _is_going(member: Member) -> bool:
    """Whether a group leaves, or is about to."""
    return member.move is not None and member.move.leaves == member.link and member.move.step <= Step.OPEN


def _leaves(member: Member) -> bool:
    return member.move is not None and member.move.leaves == member.link and member.move.step in _LEAVING


def _most_a(tick: Tick, member: Member, voltage_v: float) -> float:
    """What a group may give at its output by the allocation and its modules."""
    if member.link is None:
        return 0.0
    kept_w = member.given_w if member.waits_since_s is not None else 0.0
    given_w = sound(tick.wanted.links.get(member.link, kept_w))
    group = tick.wiring.topology.groups[member.name]
    return min(given_w, group.power_w(voltage_v)) / voltage_v


def _above_w(tick: Tick, connector: int, members: list[Member]) -> float:
    """How much more than its grant an output takes (Z6): others may not rise into it yet."""
    voltage_v = power_voltage(tick.look.outputs[connector])
    may = grant(tick, connector)
    may_w = min(may.power_w, may.current_a * voltage_v)
    taken_a = max(sum(tick.look.group_a(each.name) for each in members), sum(each.told_a for each in members))
    above_w = taken_a * voltage_v - may_w
    is_much = above_w > max(200.0, 0.02 * may_w) and tick.look.stage(connector) is not Stage.PREPARING
    return above_w if is_much else 0.0


def _output(tick: Tick, connector: int, members: list[Member], others_w: float) -> dict[str, GroupOrder]:
    """The groups of one output."""
    level_a = tick.levels_a.pop(connector, None)
    output, stage = tick.look.outputs[connector], tick.look.stage(connector)
    request_v, request_a = sound(output.request_v), sound(output.request_a)
    if stage in (Stage.IDLE, Stage.OFF) or connector in tick.shorted or not math.isfinite(request_v):
        return {member.name: OFF for member in members}
    if stage is Stage.STOPPING and request_v <= 0 and all(member.told_a <= 0 for member in members):
        return {member.name: OFF for member in members}
    voltage_v = power_voltage(output)
    may = grant(tick, connector)
    granted_a = min(may.current_a, may.power_w / voltage_v)
    rises_to_a = (min(may.power_w, may.current_a * voltage_v) - others_w) / voltage_v
    settings = tick.settings
    active = members
    is_gentle = stage is Stage.PREPARING or not tick.look.is_output_closed(connector)
    if stage is Stage.PREPARING:
        active = [_first(tick, members)]
    if is_gentle:
        request_a = min(request_a, settings.gentle_a)
        granted_a = rises_to_a = settings.gentle_a
    if stage is Stage.STOPPING:
        granted_a = 0.0
    if tick.wanted.age_s > settings.hold_after_s and not is_gentle:
        rises_to_a = 0.0
    in_hurry = any(hurries(tick, member) for member in members)
    shares = [_share(tick, member, voltage_v, is_gentle and member in active, in_hurry) for member in members]
    ceiling = Ceiling(request_a=request_a, granted_a=granted_a, rises_to_a=rises_to_a)
    given = divide(shares, ceiling, settings, tick.elapsed_s, level_a)
    tick.levels_a[connector] = given.level_a
    found = {}
    for member, current_a in zip(members, given.currents_a, strict=True):
        if member not in active or member.name in tick.groups.locked:
            found[member.name] = OFF
            continue
        is_idle = stage is Stage.STOPPING and current_a <= 0 and tick.look.group_a(member.name) <= settings.zero_a
        is_parked = not is_gentle and current_a <= 0 and _most_a(tick, member, voltage_v) <= 0
        is_parked = is_parked and tick.look.group_a(member.name) <= settings.zero_a
        has_left = _leaves(member) and member.told_a <= 0 and current_a <= 0
        if is_idle or is_parked or has_left or request_v <= 0:
            found[member.name] = OFF
        else:
            found[member.name] = GroupOrder(is_on=True, voltage_v=_within(tick, member, request_v), current_a=current_a)
    return found


def _share(tick: Tick, member: Member, voltage_v: float, is_gentle: bool, in_hurry: bool) -> Share:
    group = tick.wiring.topology.groups[member.name]
    path = tick.wiring.path(member.link) if member.link is not None else ()
    is_joined = tick.contactors.is_stable(path, tick.now_s) and member.name not in tick.groups.locked
    able_a = group.power_w(voltage_v) / voltage_v
    if is_gentle:
        able_a = max(able_a, tick.settings.gentle_a)
    most_a = tick.settings.gentle_a if is_gentle else _most_a(tick, member, voltage_v)
    if member.move is not None and member.move.step is Step.ANNOUNCE:
        most_a = member.told_a  # the vehicle is told first (Z8)
    return Share(
        able_a=able_a,
        most_a=most_a,
        told_a=member.told_a,
        given_a=tick.look.group_a(member.name),
        leaves=_leaves(member),
        is_joined=is_joined,
        is_ready=tick.look.groups[member.name].is_on,
        is_heard=tick.look.groups[member.name].is_online,
        hurries=in_hurry,
    )


def _first(tick: Tick, members: list[Member]) -> Member:
    """The one group of an output that prepares."""
    return min(members, key=lambda each: (each.link not in tick.wanted.links, not each.is_on, each.name))


def _within(tick: Tick, member: Member, voltage_v: float) -> float:
    """A voltage that the group can be told: not above its highest."""
    highest = max(each.max_voltage_v for each in tick.wiring.topology.groups[member.name].ranges)
    return min(voltage_v, highest)
