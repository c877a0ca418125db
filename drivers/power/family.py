"""What differs between families of power modules: how orders and questions are said, and what answers mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import msgspec

from drivers.codecs.can import CanFrame
from drivers.interfaces import FailSafe, ModuleLimits

Frames = Sequence[CanFrame]

RUNNING_V, RUNNING_A = 60.0, 0.5
"""A module of a family that does not say whether it is on counts as on above one of these."""


class Heard(msgspec.Struct, gc=False):
    """What one frame of the module `number` told; None or empty for what it did not tell.

    `key` names the kind of answer to a question that has one answer (-1: something else), so that two devices at one
    address show. `part` names the part of the module whose `alarms` these are, where each has its own answer. `sender`
    is what tells the device apart beyond its address. `refused` is why it did not take an order;
    `is_starting`: it takes no orders yet.
    """

    number: int
    key: int = -1
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None
    is_on: bool | None = None
    part: str = ""
    alarms: tuple[str, ...] | None = None
    has_fault: bool = False
    is_limited: bool | None = None
    limits: ModuleLimits | None = None
    max_voltage_v: float | None = None
    min_voltage_v: float | None = None
    max_current_a: float | None = None
    max_power_w: float | None = None
    range: int | None = None
    serial: str = ""
    firmware_version: str = ""
    sender: int | None = None
    refused: str = ""
    is_starting: bool = False


class Family(Protocol):
    """The words of one family. A number of None means all modules of the bus.

    `listen_id` and `listen_mask` choose the frames of its modules. `limits` are those of modules that do not tell
    theirs (None: they tell). `repeat_s` is how often a
    set-point is said anew, `poll_s` how often each module is asked one question.
    """

    vendor: str
    model: str
    listen_id: int
    listen_mask: int
    limits: ModuleLimits | None = None
    fail_safe: FailSafe = FailSafe.NONE
    silent_off_s: float = math.inf
    repeat_s: float = 0.25
    poll_s: float = 0.3
    set_point_frames: int = 4
    answer_frames: int = 1
    can_tell_all: bool = True

    def first_questions(self, number: int) -> Frames:
        """What is asked of a module that comes on line: its limits and who it is."""
        ...

    def questions(self, number: int) -> Frames:
        """What is asked in turn for ever."""
        ...

    def set_up(self, number: int) -> Frames:
        """What a module is told after each of its starts, before it is switched on."""
        return ()

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        """Voltage and current of each module addressed; the last frame alone is enough for a new current."""
        ...

    def switch(self, number: int | None, on: bool) -> Frames: ...

    def decode(self, frame: CanFrame) -> Heard | None:
        """What a frame says; None when it is not one of this family. Never raises."""
        ...

    def range_for(self, voltage_v: float, now: int | None, is_on: bool) -> int | None:
        """The output range to use for a voltage; None in a family without ranges to be chosen."""
        return None

    def set_range(self, number: int, range_: int) -> Frames:
        return ()
