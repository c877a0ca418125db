"""The line that describes a station, for sharing and for switching; and the links of a station as people name them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.allocation import Rules
from chargepoint.power.grid import StationPower
from chargepoint.power.lines.json_lines import Amount, Figure, Name, Refusal, Unreadable, amount_of, read, unusable
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


def read_station(data: Mapping[str, Any]) -> tuple[StationLine, Topology]:
    """A station's line, bare or as {"station": ...}. Raises Refusal."""
    inner = data.get("station")
    line = read(inner if isinstance(inner, dict) and len(data) == 1 else data, StationLine)
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


def link_number(topology: Topology, group: str, connector: int, contactors: Sequence[str] | None, where: str) -> int:
    """The number of a link named by people. Raises Refusal."""
    number = topology.link(group, connector, contactors)
    if number is not None:
        return number
    named = {"group": group, "connector": connector, "contactors": contactors}
    if group not in topology.groups:
        raise Refusal(where, named, f"the station has no group '{group}'", f"name one of {_few(topology.groups)}")
    if connector not in topology.outputs:
        raise Refusal(
            where, named, f"the station has no output {connector}", f"name one of {_few(map(str, topology.outputs))}"
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


def _few(names: Any) -> str:
    found = sorted(names)
    return ", ".join(found[:8]) + (", ..." if len(found) > 8 else "") if found else "none: it has none"
