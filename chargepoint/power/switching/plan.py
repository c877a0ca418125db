"""Where each group is to go by the allocation and the state of the outputs, and whether it may (power.md 6, step 1)."""

from __future__ import annotations

from chargepoint.power.measured import Stage, Step
from chargepoint.power.switching.state import Tick


def targets(tick: Tick) -> dict[str, int]:
    """The link that each group is to be on; groups not in it are to be on none.

    Only outputs that prepare (one group, Z10) or charge get groups; a locked group, a link with a contactor that does
    not close, and an output joined to another one get nothing.
    """
    links = tick.wiring.topology.links
    wishes = sorted(tick.wanted.links)
    if tick.wanted.age_s > tick.settings.zero_after_s:
        wishes = []
    elif tick.wanted.age_s > tick.settings.hold_after_s:
        wishes = [held for each in tick.members.values() if (held := _goal(tick, each.name)) is not None]
    found: dict[str, int] = {}
    preparing: dict[int, list[int]] = {}
    unusable = tick.contactors.unusable
    barred = {tick.wiring.output_bus[n]: n for n in tick.look.outputs if tick.look.is_barred(n)}
    for number in wishes:
        if not 0 <= number < len(links):
            continue
        link = links[number]
        stage = tick.look.stage(link.connector)
        ways = (barred.get(bus, link.connector) for bus in tick.wiring.buses[number])
        foreign = next((other for other in ways if other != link.connector), None)
        if link.group in found:
            tick.barred[number] = f"group {link.group} is wanted twice"
        elif link.group in tick.groups.locked:
            tick.barred[number] = f"group {link.group} {tick.groups.locked[link.group]}"
        elif link.connector in tick.shorted:
            tick.barred[number] = f"output {link.connector} is joined to another one"
        elif not unusable.isdisjoint(link.contactors):
            tick.barred[number] = f"contactor {min(unusable.intersection(link.contactors))} is out of order"
        elif foreign is not None:
            tick.barred[number] = f"output {foreign} is on its way"
        elif stage is Stage.CHARGING:
            found[link.group] = number
        elif stage is Stage.PREPARING:
            preparing.setdefault(link.connector, []).append(number)
        else:
            tick.barred[number] = f"output {link.connector} takes no group now"
    for connector in sorted(preparing):
        candidates = [number for number in preparing[connector] if links[number].group not in found]
        first = min(candidates, key=lambda number: _eagerness(tick, number), default=None)
        if first is not None:
            found[links[first].group] = first
        others = (number for number in candidates if number != first)
        tick.barred.update(dict.fromkeys(others, f"output {connector} prepares: one group at first"))
    return found


def _goal(tick: Tick, group: str) -> int | None:
    """Where a group is, or is going to be."""
    member = tick.members[group]
    return member.link if member.move is None else member.move.joins


def _eagerness(tick: Tick, link: int) -> tuple[bool, bool, bool, int, int]:
    """Which group goes first to an output that prepares: one that is there, or on its way, or free."""
    each = tick.wiring.topology.links[link]
    member = tick.members[each.group]
    is_waiting = tick.now_s < member.not_before_s
    return (
        member.link != link,
        _goal(tick, each.group) != link,
        is_waiting or member.link is not None or bool(why_rests(tick, link)),
        len(each.contactors),
        link,
    )


def wait_for_relief(tick: Tick, goals: dict[str, int]) -> set[str]:
    """Groups that stay for a while before they leave: each is the last one of an output that charges, and another one
    is about to join. The vehicle is not told 0 A when that can be helped (Z8). Where they wait for each other in a
    circle, the first one goes."""
    pending = {name: mates for name in goals.keys() | tick.members.keys() if (mates := _relievers(tick, name, goals))}
    able: set[str] = set()
    while True:
        for name in sorted(pending.keys() - able):
            if not pending[name] <= pending.keys() - able:
                able.add(name)
                break
        else:
            left = sorted(pending.keys() - able)
            if not left:
                break
            del pending[left[0]]
    found: set[str] = set()
    waiting = able & pending.keys()
    for name in sorted(waiting):
        member = tick.members[name]
        if member.waits_since_s is None or pending[name] <= waiting:  # its turn comes when those have been relieved
            member.waits_since_s = tick.now_s
        if tick.now_s - member.waits_since_s < tick.settings.relief_s:
            found.add(name)
    return found


def _relievers(tick: Tick, group: str, goals: dict[str, int]) -> set[str]:
    """The groups that are to join an output that charges, while `group`, the only one there, is to leave it."""
    member, links = tick.members[group], tick.wiring.topology.links
    connector = tick.connector(member.link)
    if member.link is None or connector is None or member.move is not None or goals.get(group) == member.link:
        return set()
    is_well = (
        group not in tick.groups.locked
        and connector not in tick.shorted
        and tick.contactors.unusable.isdisjoint(links[member.link].contactors)
        and tick.look.stage(connector) is Stage.CHARGING
        and tick.wanted.age_s <= tick.settings.hold_after_s
    )
    if not is_well:
        return set()
    mates = {name: goal for name, goal in goals.items() if name != group and links[goal].connector == connector}
    if any(tick.members[name].link == goal and not _is_leaving(tick, name) for name, goal in mates.items()):
        return set()
    return {name for name in mates if tick.now_s >= tick.members[name].not_before_s}


def _is_leaving(tick: Tick, group: str) -> bool:
    move = tick.members[group].move
    return move is not None and move.step < Step.SHARE


def why_refused(tick: Tick, group: str, link: int) -> str:
    """What speaks against a move for longer: it is refused, and reported. Empty: nothing."""
    each = tick.wiring.topology.links[link]
    for name in tick.wiring.path(link):
        if not tick.look.is_closed(name) and name in tick.contactors.unusable:
            return tick.contactors.why_not_close(name, tick.now_s)
    closed = frozenset(tick.contactors.welded) | frozenset(each.contactors)
    bound = tick.wiring.joined(closed)
    places = {bound.at[bus] for bus in tick.wiring.buses[link]}
    others = [n for place in sorted(places) for n in bound.outputs.get(place, ()) if n != each.connector]
    foreign = [n for n in others if tick.wiring.output_bus[n] not in tick.wiring.buses[link]]
    if foreign:
        return f"a welded contactor joins it to output {foreign[0]}"
    if _has_loop(tick, closed, link):
        return "with a welded contactor it would be closed both ways round"
    return ""


def _has_loop(tick: Tick, closed: frozenset[str], link: int) -> bool:
    """Whether the conductor of a link would be a loop with these contactors closed."""
    at = tick.wiring.joined(closed).at
    place = at[tick.wiring.buses[link][0]]
    edges = sum(at[tick.wiring.ends[name][0]] == place for name in closed)
    return edges >= sum(found == place for found in at)


def why_wait(tick: Tick, group: str, link: int) -> str:
    """What is in the way of a group just now: its buses are not free yet. Empty: nothing."""
    topology = tick.wiring.topology
    connector = topology.links[link].connector
    mask = topology.bus_mask[link]
    for member in tick.members.values():
        if member.name == group:
            continue
        for other in _taken(tick, member.name):
            its = topology.links[other].connector
            if its != connector and topology.bus_mask[other] & mask:
                return f"group {member.name} still holds its way for output {its}"
            if its in topology.rivals[connector]:
                return f"output {its} of the same exclusive set is powered"
    if _has_loop(tick, tick.look.joined.closed | set(topology.links[link].contactors), link):
        return "it would be closed both ways round"
    places = {tick.look.place(bus) for bus in tick.wiring.buses[link]}
    for place in sorted(places):
        for number in tick.look.joined.outputs.get(place, ()):
            if number == connector:
                continue
            is_free = tick.wiring.output_bus[number] in tick.wiring.through and not tick.look.is_barred(number)
            if not is_free:
                return f"output {number} is on its way"
        for name in tick.look.joined.groups.get(place, ()):
            theirs = tick.connector(tick.members[name].link)
            if name != group and theirs not in (None, connector):
                return f"group {name} is on its way"
            if name != group and theirs is None and tick.look.group_a(name) > tick.settings.zero_a:
                return f"group {name} gives current on its way"
    return ""


def why_rests(tick: Tick, link: int) -> str:
    """The contactor of a link that may not be closed for a while (R5). Empty: none."""
    path = (name for name in tick.wiring.path(link) if not tick.look.is_closed(name))
    return next((why for name in path if (why := tick.contactors.why_rests(name, tick.now_s))), "")


def waits(tick: Tick) -> dict[str, str]:
    """Which groups that join wait for what: a way that is not free, or another group that joins over the same
    conductor first. The one that has begun goes first, then the shortest way."""
    joining = [
        (member, member.move, member.move.joins)
        for member in tick.members.values()
        if member.move is not None and member.move.joins is not None and member.move.step in (Step.REST, Step.CLOSE)
    ]
    found: dict[str, str] = {}
    ranked = []
    for member, move, link in joining:
        if move.step is Step.REST and (why := why_rests(tick, link) or why_wait(tick, member.name, link)):
            found[member.name] = why
        else:
            ahead = sum(not tick.look.is_closed(name) for name in tick.wiring.path(link))
            ranked.append((not move.closing, ahead, member.name, link))
    taken: dict[int, str] = {}
    for _, _, name, link in sorted(ranked):
        places = _fresh(tick, link)
        first = next((taken[place] for place in sorted(places) if place in taken), None)
        if first is None:
            taken.update(dict.fromkeys(places, name))
        else:
            found[name] = f"group {first} joins first"
    return found


def _fresh(tick: Tick, link: int) -> set[int]:
    """The conductors of a way that are still to be joined with the live one of its output."""
    output = tick.look.place(tick.wiring.output_bus[tick.wiring.topology.links[link].connector])
    places = {tick.look.place(bus) for bus in tick.wiring.buses[link]}
    return places if tick.look.voltage_v(output) < tick.settings.dead_v else places - {output}


def _taken(tick: Tick, group: str) -> list[int]:
    """The links that a group occupies."""
    member = tick.members[group]
    found = [] if member.link is None else [member.link]
    move = member.move
    if move is not None:
        if move.closing and move.joins is not None:
            found.append(move.joins)
        if move.left is not None and any(tick.look.feedback.get(name) is not False for name in move.opened):
            found.append(move.left)
    return found
