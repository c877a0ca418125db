"""The sharing of power for others, as lines of JSON: a station, then steps in, allocations out (docs/power.md).

Everything goes by the connectors' numbers and by names. No input or output here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from chargepoint.power.allocation import allocate, has_power_for
from chargepoint.power.lines.json_lines import (
    parse,
    plain,
    quickly,
    read,
)
from chargepoint.power.lines.refusals import Refusal
from chargepoint.power.lines.station import (
    StationLine,
    described,
    is_station,
    must_begin,
    read_station,
)
from chargepoint.power.lines.step import StepLine, request, station_limit
from chargepoint.power.sharing.words import NOTHING, Allocation, Memory
from chargepoint.power.topology import Topology

_STEPS = msgspec.json.Decoder(StepLine)
_OF_STEPS = frozenset({"now_s", "connectors", "limits", "faults", "previous", "no_power_for"})


class SharingLines:
    """Answers one line after the other; remembers the station and the last allocation."""

    def __init__(self) -> None:
        self._station: StationLine | None = None
        self._topology = Topology(StationLine())
        self._last: Allocation = NOTHING

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to a line. Raises Refusal; then all is as it was before."""
        if self._station is not None and (step := quickly(line, _STEPS)) is not None:
            return self._step(step, self._station)
        data = parse(line)
        if self._station is None:
            must_begin(data, _OF_STEPS)
        if self._station is None or is_station(data):
            self._station, self._topology = read_station(data)
            self._last = NOTHING
            return described(self._topology)
        return self._step(read(_without_nulls(data), StepLine), self._station)

    def _step(self, step: StepLine, station: StationLine) -> dict[str, Any]:
        topology, now_s = self._topology, step.now_s
        power = step.grid.over(station.grid).station_power()
        requests = [
            request(line, topology, power.phase_voltage_v, now_s, f"connectors[{place}]")
            for place, line in enumerate(step.connectors)
        ]
        numbers = [each.connector for each in requests]
        for place, number in enumerate(numbers):
            if number in numbers[:place]:
                raise Refusal(f"connectors[{place}]", number, "this connector is there twice", "name each one once")
        limits = [station_limit(line, now_s, f"limits[{place}]") for place, line in enumerate(step.limits)]
        faults = step.faults.faults(topology)
        previous = self._last
        if step.previous is not UNSET:
            previous = NOTHING if step.previous is None else step.previous.allocation(topology)
        more: dict[str, Any] = {"topology": topology, "faults": faults, "rules": station.rules}
        answer = allocate(power, requests, limits, previous, now_s, **more)
        no_power = {}
        for place, number in enumerate(step.no_power_for):
            if number not in numbers:
                raise Refusal(
                    f"no_power_for[{place}]",
                    number,
                    "this connector is not among the connectors of the step",
                    "add it there, with wants_energy false",
                )
            candidate = requests[numbers.index(number)]
            no_power[number] = has_power_for(power, requests, candidate, limits, answer, now_s, **more)
        self._last = answer
        told = spelled(answer, topology, now_s)
        return told | {"no_power": plain(msgspec.to_builtins(no_power, str_keys=True))} if no_power else told


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    """A step in which null of a connector's own fields, and of the faults, is as if it were left out."""
    found = dict(data)
    connectors, faults = found.get("connectors"), found.get("faults")
    if isinstance(connectors, list):
        found["connectors"] = [
            {name: value for name, value in each.items() if value is not None} if isinstance(each, dict) else each
            for each in connectors
        ]
    if "faults" in found:
        found["faults"] = (
            {name: value for name, value in faults.items() if value is not None}
            if isinstance(faults, dict)
            else {}
            if faults is None
            else faults
        )
    return found


def spelled(answer: Allocation, topology: Topology, now_s: float) -> dict[str, Any]:
    """An allocation with names and connectors' numbers only. Figures are rounded down, so that no sum gets larger by
    that; what is remembered is left as it is."""
    links = topology.links
    grants: dict[int, dict[str, Any]] = {
        number: {"current_a": down(grant.current_a), "power_w": down(grant.power_w), "source": grant.source}
        for number, grant in sorted(answer.grants.items())
    }
    return {
        "now_s": now_s,
        "power_w": down(math.fsum(grant["power_w"] for grant in grants.values())),
        "grants": grants,
        "reasons": dict(sorted(answer.reasons.items())),
        "feeds": {
            group: {
                "connector": feed.connector,
                "contactors": links[feed.link].contactors,
                "power_w": down(feed.power_w),
                "since_s": feed.since_mono_s,
            }
            for group, feed in sorted(answer.feeds.items())
        },
        "contactors": sorted({name for feed in answer.feeds.values() for name in links[feed.link].contactors}),
        "moves": answer.moves,
        "memory": {
            "connectors": {number: _remembered(memory) for number, memory in sorted(answer.memory.items())},
            "freed": dict(sorted(answer.freed.items())),
            "settled": answer.settled,
        },
    }


def down(value: float) -> float:
    """The next figure of six decimals that is not above it, but for the last bits of a float."""
    if not math.isfinite(value):
        return value
    return math.floor(value * 1e6 + 1e-3) / 1e6


def _remembered(memory: Memory) -> dict[str, Any]:
    """What differs from nothing."""
    if memory == _NOTHING_REMEMBERED:
        return {}
    return {
        name: value for name in _REMEMBERED if (value := getattr(memory, name)) != getattr(_NOTHING_REMEMBERED, name)
    }


_NOTHING_REMEMBERED = Memory()
_REMEMBERED = Memory.__struct_fields__
