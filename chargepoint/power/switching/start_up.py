"""The first look at a plant that may be in any state (power.md Z12): adopt what can be explained, drive nothing."""

from __future__ import annotations

from chargepoint.power.measured import Wanted
from chargepoint.power.switching.ramps import LEAST_VOLTAGE_V
from chargepoint.power.switching.state import Member
from chargepoint.power.switching.wiring import Look, Wiring


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
            if all(look.is_closed(contactor) for contactor in link.contactors):
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
