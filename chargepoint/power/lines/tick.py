"""What is wanted and what is measured at one tick, as lines of JSON, in the words of the sequencer (docs/power.md).

No input or output here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.lines.json_lines import (
    MOST,
    Amount,
    ConnectorNumber,
    Figure,
    Name,
    Unreadable,
)
from chargepoint.power.lines.refusals import Refusal, few
from chargepoint.power.lines.station import (
    LinkLine,
    link_number,
    links_closed,
)
from chargepoint.power.lines.step import AnsweredLine, FeedLine
from chargepoint.power.measured import (
    Announcement,
    GroupOrder,
    GroupReading,
    Measured,
    OutputReading,
    Stage,
    Wanted,
)
from chargepoint.power.topology import Topology

LIVE = frozenset({Stage.PREPARING, Stage.CHARGING, Stage.STOPPING})
FLOWING = frozenset({Stage.CHARGING, Stage.STOPPING})
FLOWING_A = 1.0
"""A group that gives more is on, whatever is not said."""


class GroupLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group as measured. null: it cannot be read, which counts as silence. `is_on` left out: as it was ordered."""

    voltage_v: Unreadable = UNSET
    current_a: Unreadable = UNSET
    is_on: bool | UnsetType | None = UNSET
    is_online: bool = True
    has_fault: bool = False

    def reading(self, name: str, was_on: bool) -> GroupReading:
        """In the words of the sequencer. Raises Refusal where a figure is missing that only its owner can know."""
        voltage_v, current_a = self.voltage_v, self.current_a
        if not self.is_online or voltage_v is None or current_a is None or self.is_on is None:
            return GroupReading(is_online=False)
        if voltage_v is UNSET or current_a is UNSET:
            raise missing(f"groups.{name}", self, "voltage_v" if voltage_v is UNSET else "current_a")
        return GroupReading(
            voltage_v=voltage_v,
            current_a=current_a,
            is_on=was_on or abs(current_a) > FLOWING_A if self.is_on is UNSET else self.is_on,
            is_online=self.is_online,
            has_fault=self.has_fault,
        )


class OutputLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An output as measured. null for a figure: it cannot be read, which counts as a lost controller."""

    stage: Stage
    voltage_v: Unreadable = UNSET
    current_a: Unreadable = UNSET
    request_v: Amount | None = 0.0
    request_a: Amount | None = 0.0
    is_closed: bool | None = None

    def reading(self, number: int) -> OutputReading:
        """In the words of the sequencer. Raises Refusal where a figure is missing that only its owner can know."""
        voltage_v, current_a = self.voltage_v, self.current_a
        if voltage_v is None or current_a is None or self.request_v is None or self.request_a is None:
            return OutputReading(stage=Stage.OFF, is_closed=self.is_closed)
        for name, value, needed in (("voltage_v", voltage_v, LIVE), ("current_a", current_a, FLOWING)):
            if value is UNSET and self.stage in needed:
                raise missing(f"outputs.{number}", self, name)
        return OutputReading(
            stage=self.stage,
            voltage_v=0.0 if voltage_v is UNSET else voltage_v,
            current_a=0.0 if current_a is UNSET else current_a,
            request_v=self.request_v,
            request_a=self.request_a,
            is_closed=self.is_closed,
        )


class MostLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a connector may have in all."""

    power_w: Amount
    current_a: Amount | None = None
    source: str = ""


class WantedLine(AnsweredLine, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wanted: links, or the answer of `chargepoint power serve` as it is."""

    links: tuple[LinkLine, ...] = ()
    feeds: Mapping[Name, FeedLine] = {}
    grants: Mapping[ConnectorNumber, MostLine] = {}
    guarantees_w: Mapping[ConnectorNumber, Amount] = {}
    contactors: tuple[Name, ...] = ()
    """Counts where neither links nor feeds are named."""
    memory: Any = None

    def wanted(self, topology: Topology, where: str) -> Wanted:
        """In the words of the sequencer. Raises Refusal for links that the station does not have."""
        feeds = [
            LinkLine(group=name, connector=feed.connector, contactors=feed.contactors, power_w=feed.power_w)
            for name, feed in sorted(self.feeds.items())
        ]
        links: dict[int, float] = {}
        groups: set[str] = set()
        for place, line in enumerate((*self.links, *feeds)):
            at = f"{where}.links[{place}]" if place < len(self.links) else f"{where}.feeds.{line.group}"
            if line.group in groups:
                raise Refusal(at, line.group, "this group is there twice", "a group feeds one output: name it once")
            groups.add(line.group)
            links[link_number(topology, line.group, line.connector, line.contactors, at)] = line.power_w
        if not links:
            links = dict.fromkeys(links_closed(topology, self.contactors, f"{where}.contactors"), 0.0)
        self._share_grants(topology, links)
        return Wanted(links=links, grants=self._grants(topology, links), guarantees_w=dict(self.guarantees_w))

    def _share_grants(self, topology: Topology, links: dict[int, float]) -> None:
        """Links of a connector that all say nothing share its grant, by what their groups can give."""
        for number, grant in self.grants.items():
            mine = [n for n in links if topology.links[n].connector == number]
            if grant.power_w and mine and not any(links[n] for n in mine):
                shares = [_most_w(topology, n) for n in mine]
                for n, share in zip(mine, shares, strict=True):
                    links[n] = grant.power_w * share / sum(shares)

    def _grants(self, topology: Topology, links: Mapping[int, float]) -> dict[int, Announcement]:
        """What connectors may have; where it is not said, what their groups are to give."""
        sums_w: dict[int, float] = {}
        most_a: dict[int, float] = {}
        for number, power_w in links.items():
            link = topology.links[number]
            group = topology.groups[link.group]
            sums_w[link.connector] = sums_w.get(link.connector, 0.0) + power_w
            group_a = group.modules * max(each.max_current_a for each in group.ranges)
            most_a[link.connector] = most_a.get(link.connector, 0.0) + group_a
        found = {number: Announcement(current_a=most_a[number], power_w=sums_w[number]) for number in sums_w}
        for number, line in self.grants.items():
            current_a = most_a.get(number, 0.0) if line.current_a is None else line.current_a
            found[number] = Announcement(current_a=current_a, power_w=line.power_w)
        return dict(sorted(found.items()))


LinksLine = Annotated[
    WantedLine | tuple[LinkLine | Name, ...],
    Meta(examples=[{"links": [{"group": "M1", "connector": 2, "power_w": 26000}]}]),
]
"""What is wanted or was there; as a list of its links only, or of contactors that are closed for it."""


def wanted_line(given: WantedLine | tuple[LinkLine | str, ...]) -> WantedLine:
    """A list of links or contactors as the object it stands for."""
    if isinstance(given, WantedLine):
        return given
    return WantedLine(
        links=tuple(each for each in given if isinstance(each, LinkLine)),
        contactors=tuple(each for each in given if isinstance(each, str)),
    )


class BeginLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The beginning of a sequence. `welded`: latched before; `life`: how often contactors have been closed so far."""

    to: LinksLine | None = None
    before: LinksLine | None = msgspec.field(default=None, name="from")
    welded: tuple[Name, ...] = ()
    life: Mapping[Name, Annotated[int, Meta(ge=0, le=10**12)]] = {}


_GROUP = {"voltage_v": 398.3, "current_a": 70, "is_on": True}
_OUTPUT = {"stage": "charging", "voltage_v": 398.3, "current_a": 70, "request_v": 420, "request_a": 90}


class TickLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plant at one moment."""

    now_s: Figure
    groups: Annotated[Mapping[Name, GroupLine], Meta(examples=[{"M1": _GROUP}])] = {}
    contactors: Annotated[Mapping[Name, bool | None], Meta(examples=[{"K11": True, "K12": False}])] = {}
    outputs: Annotated[Mapping[ConnectorNumber, OutputLine], Meta(examples=[{"1": _OUTPUT}])] = {}
    to: LinksLine | None = None
    age_s: Annotated[float, Meta(ge=0, le=MOST)] = 0.0
    clear: tuple[Name, ...] = ()

    def measured(self, topology: Topology, ordered: Mapping[str, GroupOrder]) -> Measured:
        """In the words of the sequencer. `ordered`: what groups were told last. Raises Refusal."""
        known("groups", self.groups, topology.groups)
        known("contactors", self.contactors, topology.contactors)
        known("outputs", self.outputs, topology.outputs)
        return Measured(
            groups={
                name: line.reading(name, name in ordered and ordered[name].is_on) for name, line in self.groups.items()
            },
            contactors=dict(self.contactors),
            outputs={number: line.reading(number) for number, line in self.outputs.items()},
        )


def _most_w(topology: Topology, number: int) -> float:
    group = topology.groups[topology.links[number].group]
    return group.modules * max(each.max_power_w for each in group.ranges)


def missing(where: str, line: msgspec.Struct, name: str) -> Refusal:
    """What nobody else can know is not said."""
    return Refusal(where, line, f"the field '{name}' is missing", f"add {name} as measured, or null: it cannot be read")


def known(where: str, names: Iterable[Any], known: Mapping[Any, object]) -> None:
    for name in names:
        if name not in known:
            what = few(map(str, known))
            raise Refusal(where, name, f"the station has no '{name}' there", f"name one of {what}")
