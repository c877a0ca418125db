"""What the sequencer is told of the plant at each tick, and what it orders (power.md 5 and 6). Plain data."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec


class Stage(enum.StrEnum):
    """What the controller of an output does, as far as power matters (statuses.md 1)."""

    IDLE = "idle"
    """A, B.., C1, E.., F: no voltage may be there (Z10)."""
    PREPARING = "preparing"
    """C2..C5: insulation test and pre-charge, at most 2 A, exactly one group."""
    CHARGING = "charging"
    """C6."""
    STOPPING = "stopping"
    """C7, C8: down to zero; its controller opens the output contactor."""
    OFF = "off"
    """Emergency stop, insulation fault, lost controller or permission: 0 A and off at once."""


class GroupReading(msgspec.Struct, frozen=True, kw_only=True):
    """One group as measured at its terminals. `is_online` False: it does not answer, the rest says nothing."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    is_on: bool = False
    is_online: bool = True
    has_fault: bool = False


class OutputReading(msgspec.Struct, frozen=True, kw_only=True):
    """One output. `request_v`, `request_a`: what the vehicle (through the controller) wants now. `is_closed`: the
    controller's own output contactor by feedback, None while that is not known. `voltage_v` is before that contactor.
    """

    stage: Stage = Stage.IDLE
    voltage_v: float = 0.0
    current_a: float = 0.0
    request_v: float = 0.0
    request_a: float = 0.0
    is_closed: bool | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The plant now. `contactors`: True closed, False open (feedback, not command), None not known."""

    groups: Mapping[str, GroupReading] = {}
    contactors: Mapping[str, bool | None] = {}
    outputs: Mapping[int, OutputReading] = {}


class GroupOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a group is to do: off, or on at a voltage with at most a current (0 A keeps it on)."""

    is_on: bool = False
    voltage_v: float = 0.0
    current_a: float = 0.0


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a vehicle is told it may have (Z8)."""

    current_a: float = 0.0
    power_w: float = 0.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the last allocation wants: links (by number, see Topology.links) that are to be closed with the W of each;
    what each connector may have. `is_fresh_s`: how old the allocation is (Z11)."""

    links: Mapping[int, float] = {}
    grants: Mapping[int, Announcement] = {}
    age_s: float = 0.0


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the plant is told at a tick: each group, each contactor (True: closed), each output's announcement; and
    what people are told."""

    groups: Mapping[str, GroupOrder] = {}
    contactors: Mapping[str, bool] = {}
    outputs: Mapping[int, Announcement] = {}
