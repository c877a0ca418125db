"""The scenario of a day: a station, the vehicles that come, what happens (docs/power.md). Plain data, checked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chargepoint.power.lines.json_lines import Amount, ConnectorNumber, read
from chargepoint.power.lines.refusals import TIME_OF_DAY, Refusal
from chargepoint.power.lines.station import GridLine, StationLine, read_station
from chargepoint.power.lines.step import FaultsLine, LimitLine
from chargepoint.power.topology import Topology
from chargepoint.vocabulary import PowerType

TimeOfDay = Annotated[str, Meta(pattern=TIME_OF_DAY)]
"""HH:MM or HH:MM:SS since the midnight before the day; 30:00 is six in the next morning."""
Percent = Annotated[float, Meta(ge=0, le=100)]
LONGEST_S = 7 * 86_400.0


class Socket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connector of the station and its settings. Connectors of modules need not be named, they have defaults."""

    connector: ConnectorNumber
    max_current_a: Annotated[float, Meta(gt=0, le=5000)] | None = None
    max_power_w: Annotated[float, Meta(gt=0, le=1e7)] | None = None
    floor_a: Amount | None = None
    guarantee_w: Amount = 0.0
    first_phase: Annotated[int, Meta(ge=1, le=3)] = 1
    limits: tuple[LimitLine, ...] = ()


class Vehicle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One visit. It leaves at `leaves`, or when it has had enough; if its connector is taken it waits for it.

    `voltage_v`: of the empty and of the full battery. `curve`: what the battery takes by its state of charge, [%, W];
    without one it takes `max_power_w` up to 80 %, falling evenly to a tenth at 100 %. `asks_after_s`: how long
    authorisation and preparation take.
    """

    connector: ConnectorNumber
    arrives: TimeOfDay
    leaves: TimeOfDay | None = None
    name: str = ""
    battery_wh: Annotated[float, Meta(gt=0, le=1e7)] = 60_000.0
    soc_pct: Percent = 20.0
    target_soc_pct: Percent = 80.0
    voltage_v: tuple[float, float] = (350.0, 400.0)
    max_current_a: Annotated[float, Meta(gt=0, le=5000)] | None = None
    max_power_w: Annotated[float, Meta(gt=0, le=1e7)] = 100_000.0
    curve: tuple[tuple[Percent, Amount], ...] = ()
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    weight: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    asks_after_s: Annotated[float, Meta(ge=0, le=3600)] = 30.0

    def bus_v(self, soc_pct: float) -> float:
        """DC voltage at a state of charge."""
        empty, full = self.voltage_v
        return empty + (full - empty) * soc_pct / 100.0

    def takes_w(self, soc_pct: float) -> float:
        """The most it takes at a state of charge."""
        curve = self.curve or ((0.0, self.max_power_w), (80.0, self.max_power_w), (100.0, self.max_power_w / 10))
        return min(self.max_power_w, _on(curve, soc_pct))


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happens at a time. `grid` changes the fields it names; `limits` and `faults` replace those that
    were there; `connector` with `limit` sets a limit of one connector (without a value: takes it away)."""

    at: TimeOfDay
    note: str = ""
    grid: GridLine | None = None
    limits: tuple[LimitLine, ...] | None = None
    faults: FaultsLine | None = None
    connector: ConnectorNumber | None = None
    limit: LimitLine | None = None


class ScenarioFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written."""

    station: dict[str, Any]
    name: str = ""
    begins: TimeOfDay = "00:00"
    ends: TimeOfDay = "24:00"
    connectors: tuple[Socket, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    events: tuple[Event, ...] = ()


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario that can be run."""

    name: str
    station: StationLine
    topology: Topology
    begins_s: float
    ends_s: float
    sockets: Mapping[int, Socket]
    vehicles: Sequence[Vehicle]
    events: Sequence[Event]

    def power_type(self, connector: int) -> PowerType:
        """A connector is AC unless it is an output of modules."""
        return PowerType.DC if connector in self.topology.outputs else PowerType.AC


def seconds(time_of_day: str) -> float:
    """Since midnight."""
    hours, minutes, *rest = map(int, time_of_day.split(":"))
    return hours * 3600.0 + minutes * 60.0 + (rest[0] if rest else 0)


def time_of_day(now_s: float) -> str:
    """HH:MM of the day; the next day begins at 00:00 again."""
    minutes = int(now_s // 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_scenario(data: Mapping[str, Any]) -> Scenario:
    """A scenario file's object. Raises Refusal."""
    file = read(data, ScenarioFile)
    try:
        station, topology = read_station(file.station)
    except Refusal as refusal:
        raise _within("station", refusal) from refusal
    begins_s, ends_s = seconds(file.begins), seconds(file.ends)
    if not begins_s < ends_s <= begins_s + LONGEST_S:
        raise Refusal("ends", file.ends, f"it is not within a week after {file.begins}", "correct begins or ends")
    sockets = {number: Socket(connector=number) for number in topology.outputs}
    for place, socket in enumerate(file.connectors):
        if socket.connector in sockets and sockets[socket.connector] != Socket(connector=socket.connector):
            raise Refusal(f"connectors[{place}]", socket.connector, "this connector is there twice", "name it once")
        sockets[socket.connector] = socket
    for place, vehicle in enumerate(file.vehicles):
        where = f"vehicles[{place}]"
        _known(vehicle.connector, sockets, where)
        if vehicle.leaves is not None and seconds(vehicle.leaves) <= seconds(vehicle.arrives):
            raise Refusal(f"{where}.leaves", vehicle.leaves, f"it arrives at {vehicle.arrives} only", "correct one")
        if not 50 <= vehicle.voltage_v[0] <= vehicle.voltage_v[1] <= 2000:
            raise Refusal(f"{where}.voltage_v", vehicle.voltage_v, "no battery is like that", "write [empty, full], V")
        if any(one[0] >= other[0] for one, other in itertools.pairwise(vehicle.curve)):
            raise Refusal(f"{where}.curve", vehicle.curve, "the states of charge do not rise", "put them in order")
    for place, event in enumerate(file.events):
        where = f"events[{place}]"
        if (event.connector is None) != (event.limit is None):
            raise Refusal(where, event, "connector and limit belong together", "name both or none")
        if event.connector is not None:
            _known(event.connector, sockets, where)
        if event.faults is not None:
            try:
                event.faults.faults(topology)
            except Refusal as refusal:
                raise _within(where, refusal) from refusal
    return Scenario(
        name=file.name,
        station=station,
        topology=topology,
        begins_s=begins_s,
        ends_s=ends_s,
        sockets=dict(sorted(sockets.items())),
        vehicles=sorted(file.vehicles, key=lambda each: (seconds(each.arrives), each.connector)),
        events=sorted(file.events, key=lambda each: seconds(each.at)),
    )


def _within(where: str, refusal: Refusal) -> Refusal:
    """The same, of a part of the file."""
    found = refusal.problem
    place = where if found.where in ("line", where) else f"{where}.{found.where}"
    return Refusal(place, found.found, found.why, found.remedy)


def _known(connector: int, sockets: Mapping[int, Socket], where: str) -> None:
    if connector not in sockets:
        raise Refusal(where, connector, f"there is no connector {connector}", "name it in connectors, or in outputs")


def _on(curve: Sequence[tuple[float, float]], at: float) -> float:
    """By straight lines between the points, flat outside them."""
    if at <= curve[0][0]:
        return curve[0][1]
    for (low, low_w), (high, high_w) in itertools.pairwise(curve):
        if at <= high:
            return low_w + (high_w - low_w) * (at - low) / (high - low)
    return curve[-1][1]
