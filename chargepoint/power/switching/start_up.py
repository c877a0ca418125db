"""The first look at a plant that may be in any state (power.md Z12): adopt what can be explained, drive nothing."""

from __future__ import annotations

import math

import msgspec

from chargepoint.power.measured import Measured, OutputReading, Stage, Wanted
from chargepoint.power.switching.ramps import LEAST_VOLTAGE_V
from chargepoint.power.switching.state import Member
from chargepoint.power.switching.wiring import POWERED, Look, Wiring
from chargepoint.power.topology import Topology

_UNKNOWN = OutputReading(stage=Stage.OFF)


def explained(topology: Topology, wanted: Wanted, measured: Measured, before: frozenset[int] = frozenset()) -> Wanted:
    """What the first tick is to be given: what is closed is as it should be, and goes on as it is, before anything is
    changed.

    Whose a closed contactor is, `before` says; where it does not, the link that is wanted, or the shortest one to an
    output in use.
    """
    there: dict[int, float] = {}
    for group, numbers in topology.links_of_group.items():
        closed = [
            number
            for number in numbers
            if all(measured.contactors.get(name) for name in topology.links[number].contactors)
            and measured.outputs.get(topology.links[number].connector, _UNKNOWN).stage in POWERED
        ]
        if closed:
            best = min(closed, key=lambda number: (number not in before, number not in wanted.links, number))
            there[best] = max(wanted.links.get(best, 0.0), _given_w(measured, group))
    return msgspec.structs.replace(wanted, links=there)


def _given_w(measured: Measured, group: str) -> float:
    """A little more than a group gives now, so that it is its own to go on with."""
    reading = measured.groups.get(group)
    if reading is None or not reading.is_online:
        return 0.0
    given_w = 1.01 * reading.voltage_v * reading.current_a
    return given_w if math.isfinite(given_w) and given_w > 0 else 0.0


def adopt(wiring: Wiring, look: Look, wanted: Wanted, members: dict[str, Member]) -> None:
    """Each group takes over the link that is closed for it: the one wanted, else the one to an output in use.

    What a group gives now is what it was told as far as anybody knows; it goes on with that if it may. Closed
    contactors that no group takes over are opened when there is no current in them.
    """
    taken: dict[int, int] = {}
    masks = wiring.topology.bus_mask
    for name in sorted(members):
        able = []
        for number in wiring.topology.links_of_group[name]:
            link = wiring.topology.links[number]
            if not (look.is_powered(link.connector) or number in wanted.links):
                continue
            if all(look.is_closed(contactor) for contactor in link.contactors) and not _is_joined(look, link.connector):
                rank = (number not in wanted.links, not look.is_powered(link.connector), len(link.contactors), number)
                able.append(rank)
        member, reading = members[name], look.groups[name]
        for *_, number in sorted(able):
            connector = wiring.topology.links[number].connector
            if any(owner != connector and masks[number] & masks[other] for other, owner in taken.items()):
                continue
            member.link = number
            taken[number] = connector
            break
        if reading.is_online and reading.is_on:
            given_w = 0.0 if member.link is None else max(0.0, wanted.links.get(member.link, 0.0))
            most_a = given_w / max(reading.voltage_v, LEAST_VOLTAGE_V)
            member.is_on, member.told_v = True, reading.voltage_v
            member.told_a = min(max(0.0, reading.current_a), most_a)


def _is_joined(look: Look, connector: int) -> bool:
    """Whether an output may be joined to another one in use: a contactor of which nobody knows counts as closed."""
    place = look.place(look.wiring.output_bus[connector])
    return any(n != connector and look.is_powered(n) for n in look.joined.outputs.get(place, ()))
