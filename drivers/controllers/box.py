"""A connector controller of another maker ("box"): what each family tells and takes, without any rule of when.

A family (`evse_din.py`, `heidelberg.py`, ...) says how its registers or lines are read and written: one class that
builds on `Box`. When it is allowed to charge, for how long, what a pause, a restart or a silence means is the same for
all of them and stands in `leased.py`.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from datetime import datetime

import msgspec

from drivers.errors import Refused
from drivers.interfaces import Cause, ControllerStatus, Diagnosis, FailSafe, Identity, Parameter, VehicleData

LEAST_A = 6.0
"""Below this no current can be offered (IEC 61851-1, annex A)."""


class Letter(enum.StrEnum):
    """State of the control pilot (IEC 61851-1): no vehicle, vehicle, ready for energy, ready with ventilation; E and F
    are no states of a vehicle: there may be one or not."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class Finding(msgspec.Struct, frozen=True):
    """A fault that a box tells: what the station makes of it, and the box's own words."""

    status: ControllerStatus
    cause: Cause
    text: str


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at a box told. None: it does not tell.

    `is_closed`: its contactor. `is_offered`: it offers current on the pilot, or would when a vehicle came. `held_a`:
    the current that it holds to have been told; another than the last one written means that it restarted or that
    somebody else writes, too. `boot`: anything that changes with each start of it. `energy_wh`: a count that only
    grows, of whatever beginning. `limit_a`: what it can offer at most now (its own setting, the cable's coding).
    """

    letter: Letter
    findings: tuple[Finding, ...] = ()
    is_closed: bool | None = None
    is_offered: bool | None = None
    is_locked: bool | None = None
    is_connected: bool | None = None
    held_a: float | None = None
    limit_a: float | None = None
    boot: int | None = None
    current_a: tuple[float, float, float] | None = None
    voltage_v: float | None = None
    power_w: float | None = None
    energy_wh: float | None = None

    @property
    def takes(self) -> bool:
        """Whether the vehicle is ready for energy."""
        return self.letter in (Letter.C, Letter.D)

    @property
    def connected(self) -> bool:
        """Whether a vehicle is certainly there."""
        return self.letter is Letter.B or self.takes or bool(self.is_connected)


class Setting(msgspec.Struct, frozen=True):
    """A register that a technician may write: raw value `minimum`..`maximum` in `unit` steps."""

    name: str
    register: int
    minimum: int
    maximum: int
    unit: str
    description: str

    def parameter(self, value: int) -> Parameter:
        return Parameter(self.name, value, self.minimum, self.maximum, self.unit, self.description)


class Box:
    """What most boxes have in common. A family overrides what it can, and `forbid`, `allow`, `look` and `identify`.

    `opens_after_s`: how long after the last thing it heard of us it opens by itself (`fail_safe` OPENS), or falls to
    its safe current. `step_a`: steps in which it takes a current, `least_a` and `most_a` the bounds. `holds_less`: it
    lowers by itself what it was told, so that a lower value says nothing. `keep_alive_s`: how often
    `keep_alive` is due (infinity: looks are enough). `locks_by_order`: its plug is locked and unlocked by our order
    only. `settle_s`: how long two looks that must agree lie apart.
    """

    fail_safe: FailSafe = FailSafe.OPENS
    opens_after_s: float = math.inf
    step_a: float = 1.0
    least_a: float = LEAST_A
    most_a: float = 80.0
    holds_less: bool = False
    keep_alive_s: float = math.inf
    locks_by_order: bool = False
    settle_s: float = 0.1

    @property
    def where(self) -> str:
        """As in `evse_din at address 1 on port 'bus'`, for messages."""
        raise NotImplementedError

    async def forbid(self) -> None:
        """Offer nothing; the first thing a box is ever told. Must be safe in every state."""
        raise NotImplementedError

    async def prepare(self) -> None:
        """Set its fail-safe and what else must hold before it may offer anything. Raises Refused when it keeps others.

        Done after each start of this software and of the box, always behind `forbid`.
        """

    async def allow(self, current_a: float) -> None:
        """Offer `current_a` (6..`most_a`, in steps of `step_a`)."""
        raise NotImplementedError

    async def look(self) -> Look:
        """How it is now."""
        raise NotImplementedError

    async def keep_alive(self) -> None:
        """What its watchdog needs to hear beside looks."""

    async def identify(self) -> Identity:
        raise NotImplementedError

    async def vehicle(self) -> VehicleData:
        return VehicleData()

    async def diagnose(self) -> Diagnosis:
        return Diagnosis()

    async def lock(self) -> None:
        raise self.cannot("be told to lock its plug")

    async def unlock(self) -> None:
        raise self.cannot("be told to unlock its plug")

    async def reboot(self) -> bool:
        """Restart it; False when it cannot be restarted from here."""
        return False

    async def set_clock(self, at: datetime) -> None:
        raise self.cannot("be told the time")

    async def parameters(self) -> tuple[Parameter, ...]:
        return ()

    async def write_parameter(self, name: str, value: int) -> Parameter:
        raise Refused(f"{self.where}: it has no parameter {name!r} that can be written from here")

    def cannot(self, what: str) -> Refused:
        return Refused(f"{self.where}: it cannot {what}")


def bits(word: int, table: dict[int, Finding]) -> tuple[Finding, ...]:
    """The findings of the set bits of `word`, by bit number, as the table has them. Unknown bits are one finding."""
    found = tuple(finding for bit, finding in table.items() if word >> bit & 1)
    known = sum(1 << bit for bit in table)
    if word & ~known:
        other = Finding(ControllerStatus.E6_ELECTROMECHANICAL, Cause.OTHER, f"unknown error bits 0x{word & ~known:X}")
        found += (other,)
    return found


def text_of(words: Iterable[int]) -> str:
    """Registers as text: two characters each, high byte first; what is no character ends it."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return data.split(b"\0")[0].decode("ascii", "ignore").strip(" \xff")


def u32(words: tuple[int, ...], at: int = 0) -> int:
    """Two registers, high word first."""
    return words[at] << 16 | words[at + 1]


def signed(word: int) -> int:
    return word - 0x1_0000 if word & 0x8000 else word


def three(values: Iterable[float]) -> tuple[float, float, float]:
    first, second, third = values
    return (first, second, third)


PROXIMITY_OHM = {13: 1500, 20: 680, 32: 220, 63: 100}
"""Cable rating -> resistor that codes it (IEC 61851-1, annex B)."""


def duty_pct(current_a: float) -> float:
    """Duty cycle of the pilot that offers `current_a` (IEC 61851-1, annex A)."""
    return round(current_a / 0.6 if current_a <= 51 else current_a / 2.5 + 64, 1)
