"""The line that describes a station, for sharing and for switching; and the links of a station as people name them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.grid import StationPower
from chargepoint.power.lines.json_lines import Amount, Figure, Name, Unreadable, amount_of, read, unusable
from chargepoint.power.lines.refusals import Problem, Refusal, few, near
from chargepoint.power.sharing.words import Rules
from chargepoint.power.topology import Installed, Topology, TopologyError

UNLIMITED_W = 1e12
"""What a bound that was not given counts as."""

Phases = tuple[Figure | None, Figure | None, Figure | None]


class GridLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grid connection. A field that is left out of the station's line: no such bound, no such load. null: there is
    one, but it cannot be read; a limit counts as 0, a load as full."""

    power_limit_w: Unreadable = UNSET
    phase_limit_a: Phases | UnsetType | None = UNSET
    phase_voltage_v: Annotated[float, Meta(ge=50, le=1000)] | UnsetType = UNSET
    own_consumption_w: Unreadable = UNSET
    other_loads_w: Unreadable = UNSET
    other_loads_a: Phases | UnsetType | None = UNSET
    dc_efficiency: Annotated[float, Meta(ge=0.1, le=1)] | UnsetType = UNSET
    max_imbalance_a: Unreadable = UNSET

    def over(self, other: GridLine) -> GridLine:
        """`other`, but for the fields that are given here."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not UNSET}
        return msgspec.structs.replace(other, **given)

    def station_power(self) -> StationPower:
        """In the words of the rules."""
        fields: dict[str, Any] = {
            "power_limit_w": amount_of(self.power_limit_w, UNLIMITED_W),
            "own_consumption_w": amount_of(self.own_consumption_w, 0.0),
            "other_loads_w": amount_of(self.other_loads_w, 0.0),
            "phase_limit_a": None if self.phase_limit_a is UNSET else _phases(self.phase_limit_a),
            "other_loads_a": (0.0, 0.0, 0.0) if self.other_loads_a is UNSET else _phases(self.other_loads_a),
            "phase_voltage_v": 230.0 if self.phase_voltage_v is UNSET else self.phase_voltage_v,
            "dc_efficiency": 1.0 if self.dc_efficiency is UNSET else self.dc_efficiency,
        }
        if self.max_imbalance_a is not UNSET:
            fields["max_imbalance_a"] = 0.0 if self.max_imbalance_a is None else self.max_imbalance_a
        return StationPower(**fields)


class RulesLine(Rules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the sharing."""


class StationLine(Installed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is installed, on which grid connection, and how its power is to be shared."""

    grid: GridLine = GridLine()
    rules: RulesLine = RulesLine()
    switching: Mapping[str, Any] = {}
    """Settings of the switching; of no meaning for the sharing."""


class LinkLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link by names. Without `contactors` the shortest way."""

    group: Name
    connector: int
    contactors: tuple[Name, ...] | None = None
    power_w: Amount = 0.0


def is_station(data: Mapping[str, Any]) -> bool:
    """Whether an object is a station's line, bare or as {"station": ...}, and not one moment of it."""
    groups = data.get("groups")
    return "station" in data or (
        "now_s" not in data
        and isinstance(groups, list)
        and any(isinstance(each, dict) and "ranges" in each for each in groups)
    )


def must_begin(data: Mapping[str, Any], words: frozenset[str]) -> None:
    """Raises Refusal when a first line has one of the `words` of later ones."""
    if "station" not in data and (found := sorted(words & set(data))):
        raise Refusal(
            "line",
            {found[0]: data[found[0]]},
            f"the station's line comes first, and a station has no '{found[0]}'",
            "send the station, then this line again",
        )


def read_station(data: Mapping[str, Any]) -> tuple[StationLine, Topology]:
    """A station's line, bare or as {"station": ...}. Raises Refusal."""
    inner = data.get("station", data)
    if inner is not data and (not isinstance(inner, dict) or len(data) > 1):
        beside = [name for name in data if name != "station"]
        raise Refusal(
            f"line.{beside[0]}" if beside else "station",
            data[beside[0]] if beside else inner,
            "beside 'station' nothing else is read" if beside else "a station is an object",
            "put it into the station's object" if beside else 'write {"station": {"groups": [...], ...}}',
        )
    line = read(inner, StationLine)
    for name, value in msgspec.structs.asdict(line.rules).items():
        if isinstance(value, float | int) and not 0 <= value <= UNLIMITED_W:
            raise Refusal(f"rules.{name}", value, "this is not from 0 upwards", "correct it")
    for place, group in enumerate(line.groups):
        loads = [point.load for point in group.efficiency]
        if loads != sorted(set(loads)) or not all(0.1 <= point.efficiency <= 1 for point in group.efficiency):
            raise Refusal(
                f"groups[{place}].efficiency",
                [(point.load, point.efficiency) for point in group.efficiency],
                "an efficiency is from 0.1 to 1, and the loads rise from point to point",
                "correct it",
            )
    try:
        return line, Topology(line)
    except TopologyError as error:
        raise unusable(error) from error


def described(topology: Topology) -> dict[str, Any]:
    """The answer to a station's line: that it can be used, and all the links found, numbered for reference."""
    return {
        "ok": True,
        "warnings": list(doubts(topology)),
        "connectors": sorted(topology.outputs),
        "groups": sorted(topology.groups),
        "contactors": sorted(topology.contactors),
        "links": [
            {
                "link": number,
                "group": link.group,
                "connector": link.connector,
                "contactors": link.contactors,
                "buses": link.buses,
            }
            for number, link in enumerate(topology.links)
        ],
    }


def doubts(topology: Topology) -> Iterator[Problem]:
    """What of a station is of no use as it is written, which may be a typing error."""
    installed = topology.installed
    owners = {*topology.bus_of_group.values(), *topology.bus_of_output.values()}
    touched = {bus for each in installed.contactors for bus in each.between}
    for place, each in enumerate(installed.contactors):
        if topology.links_with[each.name] or installed.links:
            continue
        strange = next((bus for bus in each.between if bus not in owners and bus not in installed.nodes), None)
        why = "no way from a group to an output leads over it"
        remedy = "correct 'between', or take it out"
        if strange is not None:
            why += f": bus '{strange}' is that of no group and no output, and no node"
            meant = near(strange, owners | set(installed.nodes))
            remedy = f"write '{meant}'" if meant else f"add '{strange}' to nodes if power may pass there"
        yield Problem(f"contactors[{place}]", each.name, why, remedy)
    for place, node in enumerate(installed.nodes):
        if node not in touched:
            meant = near(node, touched)
            remedy = f"write '{meant}'" if meant else "take it out"
            yield Problem(f"nodes[{place}]", node, "no contactor is at this node", remedy)
    feeding = {link.group for link in topology.links}
    for place, group in enumerate(installed.groups):
        if group.name not in feeding:
            yield Problem(f"groups[{place}]", group.name, "it reaches no output", _JOIN)
    for place, output in enumerate(installed.outputs):
        if not topology.links_to[output.connector]:
            yield Problem(f"outputs[{place}]", str(output.connector), "no group reaches it", _JOIN)


_JOIN = "put a contactor between their buses, or give both the same bus"


def links_closed(topology: Topology, closed: Sequence[str], where: str) -> list[int]:
    """The links that a set of closed contactors makes, the shortest of each group. Raises Refusal where these are not
    clear."""
    for name in closed:
        if name not in topology.contactors:
            known = few(topology.contactors)
            raise Refusal(where, name, f"the station has no contactor '{name}'", f"name one of {known}")
    found = []
    for group in sorted(topology.groups):
        made = [n for n in topology.links_of_group[group] if set(topology.links[n].contactors) <= set(closed)]
        if not any(topology.links[n].contactors for n in made):
            continue
        reached = sorted({topology.links[n].connector for n in made})
        if len(reached) > 1:
            raise Refusal(
                where, sorted(closed), f"these contactors join '{group}' to outputs {reached}", "name links instead"
            )
        found.append(min(made, key=lambda n: (len(topology.links[n].contactors), n)))
    needless = set(closed).difference(*(topology.links[n].contactors for n in found))
    if needless:
        why = "with these closed no group comes to an output over it"
        raise Refusal(where, min(needless), why, "name links instead")
    return found


def link_number(topology: Topology, group: str, connector: int, contactors: Sequence[str] | None, where: str) -> int:
    """The number of a link named by people. Raises Refusal."""
    number = topology.link(group, connector, contactors)
    if number is not None:
        return number
    named = {"group": group, "connector": connector, "contactors": contactors}
    if group not in topology.groups:
        raise Refusal(where, named, f"the station has no group '{group}'", f"name one of {few(topology.groups)}")
    if connector not in topology.outputs:
        raise Refusal(
            where, named, f"the station has no output {connector}", f"name one of {few(map(str, topology.outputs))}"
        )
    ways = [
        list(topology.links[each].contactors)
        for each in topology.links_of_group[group]
        if topology.links[each].connector == connector
    ]
    if not ways:
        raise Refusal(where, named, f"no contactors lead from '{group}' to output {connector}", "name another output")
    raise Refusal(where, named, "these contactors are no way from one to the other", f"the shortest way is {ways[0]}")


def _phases(phases: Phases | UnsetType | None) -> tuple[float, float, float]:
    if not isinstance(phases, tuple):
        return math.nan, math.nan, math.nan
    one, two, three = (math.nan if each is None else each for each in phases)
    return one, two, three
