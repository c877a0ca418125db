"""An allocation as it is told: grants with the name of what binds each, lines for people, groups. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from chargepoint.power.grid import Budget, Party
from chargepoint.power.sharing.groups import Groups
from chargepoint.power.sharing.reasons import moves, source_of, why_nothing, why_so_much, why_unserved
from chargepoint.power.sharing.served import Served, blocking, choose
from chargepoint.power.sharing.water_level import AT_TOP, Shares
from chargepoint.power.sharing.words import Allocation, Feed, Memory, Rules
from chargepoint.power.topology import Topology


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to tell. `ranked`: all that ask and do not wait, the first first; `waiting`: those that do."""

    ranked: Sequence[Party]
    waiting: frozenset[int]
    memory: Mapping[int, Memory]
    served: Served
    shares: Shares
    links: Mapping[str, int] = {}
    able: Mapping[int, float] = {}
    loads: Mapping[str, float] = {}
    on_phase: frozenset[int] = frozenset()
    """Lowered by the bound of the imbalance."""


def told(
    found: Found,
    parties: Sequence[Party],
    wanting: Sequence[Party],
    budget: Budget,
    topology: Topology | None,
    groups: Groups | None,
    previous: Allocation,
) -> Allocation:
    """Grants, reasons and memory; the groups come by `with_feeds`."""
    grants, reasons, shares = {}, {}, found.shares
    members = [party for party in found.ranked if party.number in shares]
    lows = {party.number: min(found.served.lows[party.number], shares[party.number][0]) for party in members}
    names: dict[int, list[str]] = {}
    for name in sorted(found.links):
        assert topology is not None
        names.setdefault(topology.links[found.links[name]].connector, []).append(name)
    ideal: Served | None = None
    for party in parties:
        number = party.number
        if number in shares:
            power_w, index = shares[number]
            source = source_of(party, power_w, index, found.able.get(number, party.cap_w), budget)
            if number in found.on_phase and power_w < party.cap_w:
                source = "phase"
            reasons[number] = why_so_much(party, power_w, source, len(members), names.get(number, ()))
            grants[number] = party.grant(power_w, source)
            continue
        if not party.request.wants_energy or not party.can_be_served:
            source, reasons[number] = why_unserved(party)
            grants[number] = party.grant(0.0, source)
            continue
        if ideal is None:
            ideal = choose(wanting, budget.room)
        has_room = number in found.waiting and found.memory[number].fits_since_mono_s is not None
        index = blocking(party, members, lows, budget.room)
        if index == AT_TOP and number not in ideal.lows:  # there is room as long as others wait, too
            index = blocking(party, [other for other in wanting if other.number in ideal.lows], ideal.lows, budget.room)
        lacks_modules = partial(_lacks_modules, party, members, lows, groups) if number in ideal.lows else _no
        source, reasons[number] = why_nothing(party, has_room, members, index, budget, topology, lacks_modules)
        if number in found.on_phase:
            source = "phase"
        before = previous.grants.get(number)
        if has_room and before is not None and before.source and not before.power_w > 0:
            source = before.source  # what made it stop, while it waits
        grants[number] = party.grant(0.0, source)
    return Allocation(grants=grants, reasons=reasons, memory=dict(found.memory))


def _no() -> bool:
    return False


def _lacks_modules(party: Party, served: Sequence[Party], lows: Mapping[int, float], groups: Groups | None) -> bool:
    """Whether the modules could not give it its floor beside what the others have at least."""
    if groups is None:
        return False
    together = Served(lows=dict(lows) | {party.number: party.least_w})
    return party.number not in groups.fitting([*served, party], together)


def with_feeds(
    answer: Allocation,
    links: Mapping[str, int],
    loads: Mapping[str, float],
    groups: Groups,
    previous: Allocation,
    rules: Rules,
    now_mono_s: float,
) -> Allocation:
    """`answer` with each group where it is now (`links`), its W, and since when. `groups`: as they were before."""
    feeds = {}
    for name, link in sorted(links.items()):
        before = previous.feeds.get(name)
        since = before.since_mono_s if before is not None and before.link == link else now_mono_s
        number = groups.reach.topology.links[link].connector
        feeds[name] = Feed(connector=number, link=link, power_w=loads.get(name, 0.0), since_mono_s=since)
    freed = {name: at for name, at in previous.freed.items() if now_mono_s < at + rules.rest_s}
    freed |= dict.fromkeys(groups.before, now_mono_s)
    answer = msgspec.structs.replace(answer, feeds=feeds, freed={n: at for n, at in freed.items() if n not in feeds})
    return msgspec.structs.replace(answer, moves=moves(previous, answer))
