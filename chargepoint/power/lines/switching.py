"""The switching of contactors for others, as lines of JSON: a station, from and to, then ticks (docs/power.md).

What is measured comes in, what modules and contactors are to do goes out; everything by connectors' numbers and names.
No input or output here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chargepoint.power.lines.json_lines import (
    parse,
    plain,
    quickly,
    read,
)
from chargepoint.power.lines.refusals import Problem, Refusal
from chargepoint.power.lines.station import (
    described,
    is_station,
    must_begin,
    read_station,
)
from chargepoint.power.lines.tick import BeginLine, LinksLine, TickLine, known, wanted_line
from chargepoint.power.measured import (
    Move,
    MoveRecord,
    Orders,
    Wanted,
)
from chargepoint.power.switching import Sequencer, SwitchingSettings, explained
from chargepoint.power.topology import Topology

STEADY_A, STEADY_SHARE = 1.0, 0.02
"""Set-points that differ by no more from what they were are steady."""
CALM_S = 0.5
"""So long all is at rest before it is done."""

BEGINNING = frozenset({"from", "to", "welded", "life"})


_TICKS = msgspec.json.Decoder(TickLine)


class SwitchingLines:
    """Answers one line after the other; remembers the station, the sequencer and what is wanted."""

    def __init__(self) -> None:
        self._plant: _Plant | None = None

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to a line. Raises Refusal; then all is as it was before."""
        if self._plant is not None and (tick := quickly(line, _TICKS)) is not None:
            return self._plant.tick(tick)
        data = parse(line)
        begin = {key: value for key, value in data.items() if key in BEGINNING}
        rest = {key: value for key, value in data.items() if key not in begin}
        if self._plant is None:
            must_begin(data if len(begin) == len(data) else rest, BEGINNING | {"now_s"})
        if self._plant is None or is_station(rest):
            station, topology = read_station(rest)
            plant = _Plant(topology, _settings(station.switching))
            described_now = described(topology)
            begun = plant.begin(read(begin, BeginLine)) if begin else {"warnings": []}
            self._plant = plant
            return described_now | begun | {"warnings": described_now["warnings"] + begun["warnings"]}
        if "now_s" not in data and begin:
            return self._plant.begin(read(data, BeginLine))
        return self._plant.tick(read(data, TickLine))


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
        self._calm_since_s, self._calm = math.inf, Orders()

    def begin(self, line: BeginLine) -> dict[str, Any]:
        """What is there, what is wanted. Raises Refusal."""
        topology = self._topology
        known("welded", line.welded, topology.contactors)
        known("life", line.life, topology.contactors)
        before = self._before if line.before is None else self._links_before(line.before)
        answer: dict[str, Any] = {"ok": True, "warnings": []}
        answer["from"] = [self._named(number) for number in sorted(before)]
        if line.to is not None:
            self._wanted = wanted_line(line.to).wanted(topology, "to")
            answer["warnings"] = list(_without_power(topology, self._wanted))
            self._sequencer = Sequencer(topology, self._settings, welded=line.welded, life=line.life)
            self._now_s, self._last = -math.inf, None
            self._calm_since_s, self._calm = math.inf, Orders()
            answer["to"] = self._spelled_links(self._wanted.links)
        self._before = before
        return answer

    def _links_before(self, given: LinksLine) -> frozenset[int]:
        line = wanted_line(given)
        known("from", line.contactors, self._topology.contactors)
        try:
            return frozenset(line.wanted(self._topology, "from").links)
        except Refusal:
            if line.links or line.feeds:
                raise
            return frozenset()  # contactors that do not tell whose they are: what is measured counts

    def tick(self, line: TickLine) -> dict[str, Any]:
        """What is to be done now. Raises Refusal."""
        sequencer = self._sequencer
        if sequencer is None:
            raise Refusal("line", line, "nothing is wanted yet", 'send a line with "from" and "to" first')
        measured = line.measured(self._topology, {} if self._last is None else self._last.groups)
        known("clear", line.clear, {**self._topology.contactors, **self._topology.groups})
        if line.now_s < self._now_s:
            raise Refusal("now_s", line.now_s, f"the tick before was at {self._now_s:g}", "time does not go back")
        if line.to is not None:
            before, self._wanted = self._wanted, wanted_line(line.to).wanted(self._topology, "to")
            if self._wanted != before:
                self._calm_since_s, self._calm = math.inf, Orders()
        for name in line.clear:
            sequencer.clear(name)
        wanted = msgspec.structs.replace(self._wanted, age_s=line.age_s)
        if self._last is None:
            there = explained(self._topology, wanted, measured, self._before)
            sequencer.tick(there, measured, line.now_s)
        orders = sequencer.tick(wanted, measured, line.now_s)
        answer: dict[str, Any] = plain(msgspec.to_builtins(self._spelled(orders, sequencer, line), str_keys=True))
        self._now_s, self._last = line.now_s, orders
        return answer

    # What is told.

    def _spelled(self, orders: Orders, sequencer: Sequencer, line: TickLine) -> dict[str, Any]:
        left_closed = {name: True for name, is_closed in line.contactors.items() if is_closed}  # nothing is ordered
        unreached = sequencer.unreached
        return {
            "now_s": line.now_s,
            "groups": dict(sorted(orders.groups.items())),
            "contactors": dict(sorted((left_closed | dict(orders.contactors)).items())),
            "outputs": dict(sorted(orders.outputs.items())),
            "moves": [self._move(move) for move in orders.moves],
            "finished": [self._finished(move) for move in orders.finished],
            "refusals": list(orders.refusals),
            "faults": _faults(sequencer),
            "missing": [{**(self._named(number) or {}), "why": why} for number, why in unreached.items()],
            "done": self._is_done(orders, line, sequencer),
        }

    def _is_done(self, orders: Orders, line: TickLine, sequencer: Sequencer) -> bool:
        """Whether all has been at rest for a while, and it is known why whatever is missing is missing."""
        is_at_rest = not orders.moves and all(sequencer.unreached.values()) and self._obey(orders, line, sequencer)
        if not is_at_rest or not self._is_calm(orders):
            self._calm_since_s, self._calm = line.now_s, orders
        return line.now_s - self._calm_since_s >= CALM_S - 1e-9

    def _is_calm(self, orders: Orders) -> bool:
        """Whether these orders are those with which the rest began."""
        if orders.contactors != self._calm.contactors:
            return False
        for name, order in orders.groups.items():
            before = self._calm.groups.get(name)
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


def _settings(given: Mapping[str, Any]) -> SwitchingSettings:
    """Raises Refusal."""
    found = read(dict(given), SwitchingSettings, "switching")
    for name, value in msgspec.structs.asdict(found).items():
        if not value >= 0:
            raise Refusal(f"switching.{name}", value, "this is not from 0 upwards", "correct it")
    return found


def _without_power(topology: Topology, wanted: Wanted) -> Iterator[Problem]:
    """Outputs that are to have groups and no power, which is hardly meant."""
    for number in sorted({topology.links[n].connector for n in wanted.links}):
        if not any(power_w for n, power_w in wanted.links.items() if topology.links[n].connector == number):
            why = f"output {number} gets groups, but none of them is to give any power"
            yield Problem("to", str(number), why, "give power_w to its links, or to grants")
