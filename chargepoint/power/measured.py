"""What the sequencer is told of the plant at each tick, and what it orders (power.md 5 and 6). Plain data."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from chargepoint.vocabulary import Cause


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
    resting: frozenset[str] = frozenset()
    """Contactors that may not be closed again yet (R5), as far as whoever drives them has counted."""


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
    guarantees_w: Mapping[int, float] = {}
    """What each connector may keep once the allocation is too old (Z11); without it: nothing."""


class Step(enum.IntEnum):
    """The steps of a move, numbered as in power.md 6."""

    PLAN = 1
    ANNOUNCE = 2
    HAND_OVER = 3
    OPEN = 4
    REST = 5
    CLOSE = 6
    SHARE = 7
    RAISE = 8
    TELL = 9


class Result(enum.StrEnum):
    """How a move ended."""

    DONE = "done"
    TURNED_BACK = "turned_back"
    """Another allocation came before anything had opened, or before anything had closed."""
    REFUSED = "refused"
    """The plan would have broken a rule on the feedback there was."""
    NOT_FALLING = "not_falling"
    """The group's current did not fall in time; it went on where it was."""
    NOT_OPENED = "not_opened"
    NOT_MATCHED = "not_matched"
    """The voltage did not come close enough in time."""
    NOT_CLOSED = "not_closed"
    NOT_DELIVERING = "not_delivering"
    """It is connected, but what was given to it did not come in time."""
    STOPPED = "stopped"
    """Emergency stop, end of the session or a fault on the way: open and idle."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A group on its way from one link to another (None: from or to nowhere), as people see it."""

    number: int
    group: str
    from_link: int | None = None
    to_link: int | None = None
    from_connector: int | None = None
    to_connector: int | None = None
    step: Step = Step.PLAN
    in_step_s: float = 0.0
    cause: str = ""
    """Why it waits, when it does."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A contactor that was told to move: the current through it when it was to open, the voltage across it when it was
    to close, as measured then. `life`: how often it has been closed."""

    contactor: str
    closes: bool
    at_mono_s: float
    current_a: float = 0.0
    difference_v: float = 0.0
    life: int = 0


class MoveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A move that is over, for the journal."""

    number: int
    group: str
    from_link: int | None = None
    to_link: int | None = None
    from_connector: int | None = None
    to_connector: int | None = None
    begun_mono_s: float
    ended_mono_s: float
    last_step: Step
    result: Result
    text: str = ""
    operations: tuple[Operation, ...] = ()


class OutputFault(msgspec.Struct, frozen=True, kw_only=True):
    """An output that may not give power for a contactor's sake (E6). `cause`: CONTACTOR_WELDED or CONTACTOR_FAILED."""

    cause: Cause
    contactors: tuple[str, ...] = ()
    text: str = ""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the plant is told at a tick: each group, each contactor (True: closed), each output's announcement; and
    what people are told. A contactor that is not named keeps what it was ordered last."""

    groups: Mapping[str, GroupOrder] = {}
    contactors: Mapping[str, bool] = {}
    outputs: Mapping[int, Announcement] = {}
    moves: tuple[Move, ...] = ()
    finished: tuple[MoveRecord, ...] = ()
    """Moves that ended at this tick."""
    refusals: tuple[str, ...] = ()
    """What the guard took away from these orders, and why."""
