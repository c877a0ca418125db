"""One moment of a station as a line of JSON, in the words of the rules (docs/power.md). No input or output here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.grid import Request
from chargepoint.power.limits import Bounds, NamedLimit, in_force, lowest, no_more_than_said
from chargepoint.power.lines.json_lines import (
    MOST,
    Amount,
    ConnectorNumber,
    Figure,
    Name,
    Share,
    Unreadable,
    amount_of,
    finite,
)
from chargepoint.power.lines.refusals import Refusal, few
from chargepoint.power.lines.station import (
    UNLIMITED_W,
    GridLine,
    link_number,
    links_closed,
)
from chargepoint.power.sharing.words import Allocation, Feed, Memory, Settled
from chargepoint.power.topology import Faults, Topology
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

LEAST_BUS_V = 50.0
"""Below it a measured voltage is not that of a vehicle; the one it asks for counts."""
LEAST_A = {PowerType.DC: 5.0, PowerType.AC: 6.0}
"""The floor where none is given."""


_LIMITS = [{"name": "vehicle", "current_a": 200}, {"name": "schedule", "power_w": 45000}]
_CONNECTORS = [{"connector": 1, "voltage_v": 400}]


class LimitLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named limit. `current_a` per phase for AC. null: it cannot be read, its default counts."""

    name: Name
    current_a: Unreadable = UNSET
    power_w: Unreadable = UNSET
    valid_until_s: Figure | None = None
    default_a: Amount | None = None
    default_w: Amount | None = None

    def named(self) -> NamedLimit:
        """In the words of the rules."""
        return NamedLimit(
            self.name,
            current_a=None if self.current_a is UNSET else amount_of(self.current_a, 0.0),
            power_w=None if self.power_w is UNSET else amount_of(self.power_w, 0.0),
            valid_until_mono_s=self.valid_until_s,
            default_a=self.default_a,
            default_w=self.default_w,
        )


class ConnectorLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one connector asks now."""

    connector: ConnectorNumber
    wants_energy: bool = True
    power_type: PowerType | UnsetType = UNSET
    limits: Annotated[tuple[LimitLine, ...], Meta(examples=[_LIMITS])] = ()
    floor_a: Amount | None = None
    floor_w: Amount | None = None
    guarantee_w: Amount = 0.0
    weight: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    since_s: Figure = 0.0
    voltage_v: Annotated[float, Meta(ge=0, le=5000)] = 0.0
    asked_voltage_v: Annotated[float, Meta(ge=0, le=5000)] = 0.0
    drawn_w: Amount | None = None
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    first_phase: Annotated[int, Meta(ge=1, le=3)] = 1
    remaining_s: Annotated[float, Meta(ge=0, le=MOST)] | None = None


class FaultsLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is out of order now."""

    groups: Annotated[frozenset[Name], Meta(examples=[["M1"]])] = frozenset()
    derating: Annotated[Mapping[Name, Share], Meta(examples=[{"M1": 0.5}])] = {}
    stuck_open: Annotated[frozenset[Name], Meta(examples=[["K11"]])] = frozenset()
    welded: Annotated[frozenset[Name], Meta(examples=[["K11"]])] = frozenset()

    def faults(self, topology: Topology) -> Faults:
        """In the words of the rules. Raises Refusal for names that the station does not have."""
        for where, names, known, what in (
            ("groups", self.groups, topology.groups, "group"),
            ("derating", self.derating, topology.groups, "group"),
            ("stuck_open", self.stuck_open, topology.contactors, "contactor"),
            ("welded", self.welded, topology.contactors, "contactor"),
        ):
            for name in sorted(names):
                if name not in known:
                    raise Refusal(
                        f"faults.{where}", name, f"the station has no {what} '{name}'", f"name one of {few(known)}"
                    )
        return Faults(groups=self.groups, derating=self.derating, stuck_open=self.stuck_open, welded=self.welded)


class GrantLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector was granted before."""

    power_w: Amount
    current_a: Amount | None = 0.0
    source: str = ""


class FeedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a group was before."""

    connector: ConnectorNumber
    contactors: tuple[Name, ...] | None = None
    power_w: Amount = 0.0
    since_s: Figure = 0.0


class MemoryLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be remembered from one step to the next. Others only give it back."""

    connectors: Mapping[ConnectorNumber, Memory] = {}
    freed: Mapping[Name, Figure] = {}
    settled: Settled = Settled()

    def check(self) -> None:
        """Raises Refusal for figures that cannot be meant; they have no bounds of their own."""
        finite(msgspec.to_builtins(self, str_keys=True), "previous.memory")


class AnsweredLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an answer is not needed again; it may be left in when the answer is given back."""

    now_s: Any = None
    power_w: Any = None
    reasons: Any = None
    contactors: Any = None
    moves: Any = None
    no_power: Any = None
    took_ms: Any = None


class PreviousLine(AnsweredLine, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An allocation as it was answered; what is not needed again may be left out or left in."""

    grants: Mapping[ConnectorNumber, GrantLine] = {}
    feeds: Mapping[Name, FeedLine] = {}
    memory: MemoryLine = MemoryLine()
    contactors: tuple[Name, ...] = ()
    """Counts where no feeds are named."""

    def allocation(self, topology: Topology) -> Allocation:
        """In the words of the rules. Raises Refusal for links that the station does not have."""
        feeds = {}
        for group, feed in self.feeds.items():
            number = link_number(topology, group, feed.connector, feed.contactors, f"previous.feeds.{group}")
            feeds[group] = Feed(connector=feed.connector, link=number, power_w=feed.power_w, since_mono_s=feed.since_s)
        if not feeds:
            for number in links_closed(topology, self.contactors, "previous.contactors"):
                link = topology.links[number]
                feeds[link.group] = Feed(connector=link.connector, link=number)
        self.memory.check()
        grants = {
            number: Limit(current_a=grant.current_a or 0.0, power_w=grant.power_w, source=grant.source)
            for number, grant in self.grants.items()
        }
        return Allocation(
            grants=grants,
            memory=dict(self.memory.connectors),
            feeds=feeds,
            freed=dict(self.memory.freed),
            settled=self.memory.settled,
        )


class StepLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The station at one moment."""

    now_s: Figure
    connectors: Annotated[tuple[ConnectorLine, ...], Meta(examples=[_CONNECTORS])] = ()
    grid: GridLine = GridLine()
    limits: Annotated[tuple[LimitLine, ...], Meta(examples=[_LIMITS[1:]])] = ()
    faults: Annotated[FaultsLine, Meta(examples=[{"groups": ["M1"], "welded": ["K11"]}])] = FaultsLine()
    previous: PreviousLine | UnsetType | None = UNSET
    no_power_for: tuple[ConnectorNumber, ...] = ()


def request(line: ConnectorLine, topology: Topology, phase_voltage_v: float, now_s: float, where: str) -> Request:
    """A connector's line in the words of the rules. Raises Refusal."""
    is_output = line.connector in topology.outputs
    power_type = (
        line.power_type if isinstance(line.power_type, PowerType) else PowerType.DC if is_output else PowerType.AC
    )
    if is_output and power_type is PowerType.AC:
        raise Refusal(where, line.connector, "this connector is an output of modules, which is not AC", "correct it")
    voltage_v = line.voltage_v
    if power_type is PowerType.AC:
        voltage_v = voltage_v or phase_voltage_v
    elif voltage_v < LEAST_BUS_V:
        voltage_v = line.asked_voltage_v
    if not voltage_v > 0:
        if line.wants_energy:
            raise Refusal(
                where,
                {"connector": line.connector, "voltage_v": line.voltage_v, "asked_voltage_v": line.asked_voltage_v},
                "without a voltage nobody knows which modules can feed it, nor what an ampere is worth",
                "give voltage_v as measured, or asked_voltage_v as the vehicle asks",
            )
        voltage_v = 400.0
    phases = line.phases if power_type is PowerType.AC else 1
    w_per_a = voltage_v * phases
    floor_a = line.floor_a if line.floor_a is not None else 0.0 if line.floor_w is not None else LEAST_A[power_type]
    floor_a = max(floor_a, (line.floor_w or 0.0) / w_per_a)
    for place, limit in enumerate(line.limits):
        _check(limit, f"{where}.limits[{place}]")
    cap = lowest(
        (limit.named() for limit in line.limits),
        power_type,
        voltage_v,
        phases,
        now_s,
        lambda limit: no_more_than_said(limit, floor_a),
    )
    if not math.isfinite(cap.power_w):
        cap = Limit(current_a=UNLIMITED_W / w_per_a, power_w=UNLIMITED_W, source="none")
    return Request(
        connector=line.connector,
        wants_energy=line.wants_energy,
        cap=cap,
        floor_a=floor_a,
        voltage_v=voltage_v,
        phases=phases,
        power_type=power_type,
        since_mono_s=line.since_s,
        weight=line.weight,
        drawn_w=line.drawn_w,
        first_phase=line.first_phase,
        guarantee_w=line.guarantee_w,
        asked_voltage_v=line.asked_voltage_v,
        remaining_s=line.remaining_s,
    )


def _check(limit: LimitLine, where: str) -> None:
    if limit.current_a is UNSET and limit.power_w is UNSET:
        raise Refusal(where, limit.name, "this limit has no value", "give current_a, power_w or both; null: unreadable")


def station_limit(line: LimitLine, now_s: float, where: str) -> Limit:
    """A further bound of the whole station; late or unreadable without a default it leaves nothing."""
    _check(line, where)
    named = line.named()

    def nothing(limit: NamedLimit) -> Bounds:
        return (None if limit.current_a is None else 0.0, None if limit.power_w is None else 0.0)

    current_a, power_w = in_force(named, now_s, nothing)
    return Limit(
        current_a=math.inf if current_a is None else current_a,
        power_w=math.inf if power_w is None else power_w,
        source=named.name,
    )
