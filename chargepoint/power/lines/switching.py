"""The switching of contactors for others, as lines of JSON: a station, from and to, then ticks (docs/power.md).

What is measured comes in, what modules and contactors are to do goes out; everything by connectors' numbers and names.
No input or output here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chargepoint.power.lines.json_lines import MOST, Amount, ConnectorNumber, Figure, Name, Refusal, read
from chargepoint.power.lines.sharing import AnsweredLine, FeedLine
from chargepoint.power.lines.station import LinkLine, described, link_number, read_station
from chargepoint.power.measured import (
    Announcement,
    GroupReading,
    Measured,
    Move,
    MoveRecord,
    Orders,
    OutputReading,
    Stage,
    Wanted,
)
from chargepoint.power.switching import Sequencer, SwitchingSettings, explained
from chargepoint.power.topology import Topology

STEADY_A, STEADY_SHARE = 0.1, 0.005
"""Set-points that change by no more from tick to tick are steady."""

BEGINNING = frozenset({"from", "to", "welded", "life"})


class GroupLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group as measured. null: it cannot be read, which counts as silence."""

    voltage_v: Figure | None = 0.0
    current_a: Figure | None = 0.0
    is_on: bool | None = False
    is_online: bool = True
    has_fault: bool = False

    def reading(self) -> GroupReading:
        """In the words of the sequencer."""
        if self.voltage_v is None or self.current_a is None or self.is_on is None:
            return GroupReading(is_online=False)
        return GroupReading(
            voltage_v=self.voltage_v,
            current_a=self.current_a,
            is_on=self.is_on,
            is_online=self.is_online,
            has_fault=self.has_fault,
        )


class OutputLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An output as measured. null for a figure: it cannot be read, which counts as a lost controller."""

    stage: Stage
    voltage_v: Figure | None = 0.0
    current_a: Figure | None = 0.0
    request_v: Amount | None = 0.0
    request_a: Amount | None = 0.0
    is_closed: bool | None = None

    def reading(self) -> OutputReading:
        """In the words of the sequencer."""
        if self.voltage_v is None or self.current_a is None or self.request_v is None or self.request_a is None:
            return OutputReading(stage=Stage.OFF, is_closed=self.is_closed)
        return OutputReading(
            stage=self.stage,
            voltage_v=self.voltage_v,
            current_a=self.current_a,
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
        return Wanted(links=links, grants=self._grants(topology, links), guarantees_w=dict(self.guarantees_w))

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


class BeginLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The beginning of a sequence. `welded`: latched before; `life`: how often contactors have been closed so far."""

    to: WantedLine | None = None
    before: WantedLine | tuple[LinkLine | Name, ...] | None = msgspec.field(default=None, name="from")
    welded: tuple[Name, ...] = ()
    life: Mapping[Name, Annotated[int, Meta(ge=0, le=10**12)]] = {}


class TickLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plant at one moment."""

    now_s: Figure
    groups: Mapping[Name, GroupLine] = {}
    contactors: Mapping[Name, bool | None] = {}
    outputs: Mapping[ConnectorNumber, OutputLine] = {}
    to: WantedLine | None = None
    age_s: Annotated[float, Meta(ge=0, le=MOST)] = 0.0
    clear: tuple[Name, ...] = ()

    def measured(self, topology: Topology) -> Measured:
        """In the words of the sequencer. Raises Refusal for names that the station does not have."""
        _known("groups", self.groups, topology.groups)
        _known("contactors", self.contactors, topology.contactors)
        _known("outputs", self.outputs, topology.outputs)
        return Measured(
            groups={name: line.reading() for name, line in self.groups.items()},
            contactors=dict(self.contactors),
            outputs={number: line.reading() for number, line in self.outputs.items()},
        )


class SwitchingLines:
    """Answers one line after the other; remembers the station, the sequencer and what is wanted."""

    def __init__(self) -> None:
        self._plant: _Plant | None = None

    def answer(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to the object of a line. Raises Refusal; then all is as it was before."""
        begin = {key: value for key, value in data.items() if key in BEGINNING}
        if self._plant is None or "station" in data:
            station, topology = read_station({key: value for key, value in data.items() if key not in begin})
            plant = _Plant(topology, read(dict(station.switching), SwitchingSettings, "switching"))
            answer = described(topology) | (plant.begin(read(begin, BeginLine)) if begin else {})
            self._plant = plant
            return answer
        if "now_s" not in data and begin:
            return self._plant.begin(read(data, BeginLine))
        return self._plant.tick(data)


class _Plant:
    """One station, and what is wanted there."""

    def __init__(self, topology: Topology, settings: SwitchingSettings) -> None:
        self._topology = topology
        self._settings = settings
        self._sequencer: Sequencer | None = None
        self._before: frozenset[int] = frozenset()
        self._wanted = Wanted()
        self._now_s = -math.inf
        self._last: Orders | None = None

    def begin(self, line: BeginLine) -> dict[str, Any]:
        """What is there, what is wanted. Raises Refusal."""
        topology = self._topology
        _known("welded", dict.fromkeys(line.welded), topology.contactors)
        _known("life", line.life, topology.contactors)
        before = self._before if line.before is None else self._links_before(line.before)
        answer = {"ok": True, "from": [self._named(number) for number in sorted(before)]}
        if line.to is not None:
            self._wanted = line.to.wanted(topology, "to")
            self._sequencer = Sequencer(topology, self._settings, welded=line.welded, life=line.life)
            self._now_s, self._last = -math.inf, None
            answer["to"] = self._spelled_links(self._wanted.links)
        self._before = before
        return answer

    def _links_before(self, given: WantedLine | tuple[LinkLine | str, ...]) -> frozenset[int]:
        if not isinstance(given, WantedLine):
            names = [each for each in given if isinstance(each, str)]
            _known("from", dict.fromkeys(names), self._topology.contactors)
            given = WantedLine(links=tuple(each for each in given if isinstance(each, LinkLine)))
        return frozenset(given.wanted(self._topology, "from").links)

    def tick(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be done now. Raises Refusal."""
        sequencer = self._sequencer
        if sequencer is None:
            raise Refusal("line", data, "nothing is wanted yet", 'send a line with "from" and "to" first')
        line = read(data, TickLine)
        measured = line.measured(self._topology)
        if line.now_s < self._now_s:
            raise Refusal("now_s", line.now_s, f"the tick before was at {self._now_s:g}", "time does not go back")
        if line.to is not None:
            self._wanted = line.to.wanted(self._topology, "to")
        for name in line.clear:
            sequencer.clear(name)
        wanted = msgspec.structs.replace(self._wanted, age_s=line.age_s)
        if self._last is None:
            there = explained(self._topology, wanted, measured, self._before)
            sequencer.tick(there, measured, line.now_s)
        orders = sequencer.tick(wanted, measured, line.now_s)
        answer = self._spelled(orders, sequencer, wanted, line)
        self._now_s, self._last = line.now_s, orders
        return answer

    # What is told.

    def _spelled(self, orders: Orders, sequencer: Sequencer, wanted: Wanted, line: TickLine) -> dict[str, Any]:
        left_closed = {name: True for name, is_closed in line.contactors.items() if is_closed}  # nothing is ordered
        missing = [n for n in sorted(wanted.links) if sequencer.connected.get(self._topology.links[n].group) != n]
        return {
            "now_s": line.now_s,
            "groups": dict(sorted(orders.groups.items())),
            "contactors": dict(sorted((left_closed | dict(orders.contactors)).items())),
            "outputs": dict(sorted(orders.outputs.items())),
            "moves": [self._move(move) for move in orders.moves],
            "finished": [self._finished(move) for move in orders.finished],
            "refusals": list(orders.refusals),
            "faults": _faults(sequencer),
            "missing": [self._named(number) for number in missing],
            "done": not orders.moves and self._is_steady(orders) and self._obey(orders, line, sequencer),
        }

    def _is_steady(self, orders: Orders) -> bool:
        if self._last is None or orders.contactors != self._last.contactors:
            return False
        for name, order in orders.groups.items():
            before = self._last.groups.get(name)
            if before is None or before.is_on != order.is_on:
                return False
            if abs(order.current_a - before.current_a) > max(STEADY_A, STEADY_SHARE * before.current_a):
                return False
        return True

    def _obey(self, orders: Orders, line: TickLine, sequencer: Sequencer) -> bool:
        """Every contactor is reported as it was ordered, but for those that are known to be out of order."""
        faults = sequencer.faults
        known = faults.welded | faults.stuck_open
        return all(
            line.contactors.get(name) is closed for name, closed in orders.contactors.items() if name not in known
        )

    def _named(self, number: int | None) -> dict[str, Any] | None:
        if number is None:
            return None
        link = self._topology.links[number]
        return {"group": link.group, "connector": link.connector, "contactors": link.contactors}

    def _spelled_links(self, links: Mapping[int, float]) -> list[dict[str, Any]]:
        return [{**(self._named(number) or {}), "power_w": power_w} for number, power_w in sorted(links.items())]

    def _way(self, number: int | None) -> dict[str, Any] | None:
        named = self._named(number)
        return None if named is None else {"connector": named["connector"], "contactors": named["contactors"]}

    def _move(self, move: Move) -> dict[str, Any]:
        return {
            "move": move.number,
            "group": move.group,
            "from": self._way(move.from_link),
            "to": self._way(move.to_link),
            "step": int(move.step),
            "name": move.step.name.lower(),
            "in_step_s": move.in_step_s,
            "cause": move.cause,
        }

    def _finished(self, move: MoveRecord) -> dict[str, Any]:
        return {
            "move": move.number,
            "group": move.group,
            "from": self._way(move.from_link),
            "to": self._way(move.to_link),
            "result": move.result,
            "text": move.text,
            "took_s": move.ended_mono_s - move.begun_mono_s,
            "operations": [
                {
                    "contactor": each.contactor,
                    "closes": each.closes,
                    "at_s": each.at_mono_s,
                    "current_a": each.current_a,
                    "difference_v": each.difference_v,
                    "life": each.life,
                }
                for each in move.operations
            ],
        }


def _faults(sequencer: Sequencer) -> list[dict[str, str]]:
    found = []
    for name, text in sequencer.alarms.items():
        what, _, which = name.partition(" ")
        found.append({"what": what, "name": which, "text": text})
    for number, fault in sorted(sequencer.faulted_outputs.items()):
        found.append({"what": "output", "name": str(number), "text": fault.text})
    return found


def _known(where: str, names: Mapping[Any, object], known: Mapping[Any, object]) -> None:
    for name in names:
        if name not in known:
            raise Refusal(where, name, f"the station has no {name!r}", "name what the station's line names")
