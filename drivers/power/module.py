"""What is known of one power module, and what it was told. No I/O; times are the event loop's."""

from __future__ import annotations

import math

import msgspec

from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Identity, ModuleLimits, ModuleReading
from drivers.ports.statistics import Tally
from drivers.power.family import RUNNING_A, Family, Heard

OFFLINE_S = 0.95
"""A module not heard for so long is absent."""
UNDER_WAY_S = 0.15
"""What was sent before that has arrived when the module is heard."""
STARTING_S = 1.0
"""So long after it last said that it is starting it takes no orders."""
TWICE_WITHIN_S = 0.05
TWICE_COUNT = 4
"""So often within `TWICE_HOLDS_S` two answers came to one question: two modules have one address."""
TWICE_HOLDS_S = 5.0
TWICE = "address used twice"
REFUSAL_SHOWN_S, MOST_REASONS = 3.0, 16
LONG_AGO_S = -math.inf


class Order(msgspec.Struct):
    """A set-point of several modules: `current_a` is theirs together, `until_s` the end of its lease."""

    numbers: tuple[int, ...]
    voltage_v: float
    current_a: float
    until_s: float


class Module:
    """One module. `order` is its set-point in force; `is_told_off` that it is to be off and stay off."""

    def __init__(self, number: int, family: Family) -> None:
        self.number = number
        self.questions = tuple(family.questions(number))
        self.first_questions = tuple(each for each in family.first_questions(number) if each not in self.questions)
        self.next_question = 0
        self.poll_due_s = LONG_AGO_S
        self.first_due_s = LONG_AGO_S
        self.first_asks = 0
        self.heard_s = LONG_AGO_S
        self.was_online = False
        self.online_since_s = LONG_AGO_S

        self.voltage_v: float | None = None
        self.current_a: float | None = None
        self.temperature_c: float | None = None
        self.is_on: bool | None = None
        self.on_since_s = math.inf
        self.off_since_s = math.inf
        self.alarms: tuple[str, ...] = ()
        self.has_fault = False
        self.fault_until_s = LONG_AGO_S
        self.is_limited = False
        self.limits = family.limits
        self.identity = Identity(vendor=family.vendor, model=family.model)
        self.range: int | None = None
        self.refusals: dict[str, float] = {}
        """Reasons for which it refused orders, and when it last did."""
        self.starting_until_s = LONG_AGO_S

        self.order: Order | None = None
        self.is_told_off = False
        self.is_off_confirmed = False
        self.share_a = 0.0
        self.is_last_on = False
        """Whether the last switching it was told was on."""
        self.on_told_s = self.off_told_s = self.on_heard_s = LONG_AGO_S
        self.may_be_on = False
        """It was told on or said so, and has not said that it is off after it was told off."""
        self.offs_unheard = 0
        """How often it was told off since it was last heard."""
        self.may_a = 0.0
        """The most it was told since it was last heard: whether it took the last word is not certain."""
        self.held_a = 0.0
        """What it may still give of a share that it has no longer."""
        self.needs_set_up = True
        self.sent: tuple[float, float] | None = None
        self.sent_s = LONG_AGO_S
        self.set_since_s = math.inf
        """When it got its first set-point since it was told nothing, or to be off."""
        self.last_voltage_v: float | None = None
        self.switched_s = LONG_AGO_S
        self.first_on_s = math.inf
        """When it was first told to be on, while it is not."""
        self.range_step = 0
        self.range_step_s = LONG_AGO_S
        self.problem = ""
        """Why it gets no set-point now, for people; empty when it does."""

        self._parts: dict[str, tuple[tuple[str, ...], bool]] = {}
        self._partial: dict[str, float] = {}
        self._answers: dict[int, float] = {}
        self._twice = 0
        self._twice_since_s = LONG_AGO_S
        self._twice_until_s = LONG_AGO_S
        self._sender: int | None = None
        self._tally: Tally | None = None
        self._asked_s = 0.0
        self._reading: ModuleReading | None = None
        self._reading_online = False

    def is_online(self, now_s: float) -> bool:
        return now_s - self.heard_s < OFFLINE_S

    def is_starting(self, now_s: float) -> bool:
        return now_s < self.starting_until_s

    def is_twice(self, now_s: float) -> bool:
        return now_s < self._twice_until_s

    def hear(self, heard: Heard, now_s: float) -> None:
        """Take in what it told."""
        self.heard_s, self.offs_unheard = now_s, 0
        if self.sent is not None and now_s - self.sent_s > UNDER_WAY_S:
            self.may_a = self.sent[1]
        self._watch_address(heard, now_s)
        if heard.voltage_v is not None:
            self.voltage_v = heard.voltage_v
        if heard.current_a is not None:
            self.current_a = heard.current_a
            if abs(heard.current_a) < RUNNING_A and self._is_off_told(now_s):
                self.may_be_on, self.held_a, self.may_a = False, 0.0, 0.0  # told off, and nothing flows
        if heard.temperature_c is not None:
            self.temperature_c = heard.temperature_c
        if heard.alarms is not None:
            self._hear_alarms(heard.part, heard.alarms, heard.has_fault)
        if heard.is_limited is not None:
            self.is_limited = heard.is_limited
        if heard.range is not None and self.range_step == 0:
            self.range = heard.range
        if heard.is_on is not None:
            self._hear_switch(heard.is_on, now_s)
        if heard.is_starting:
            self.starting_until_s = now_s + STARTING_S
            self.needs_set_up = True
        self._hear_identity(heard)
        self._reading = None

    def _hear_alarms(self, part: str, alarms: tuple[str, ...], has_fault: bool) -> None:
        if not part:
            self.alarms, self.has_fault = alarms, has_fault
            return
        self._parts[part] = (alarms, has_fault)
        self.alarms = tuple(word for words, _ in self._parts.values() for word in words)
        self.has_fault = any(fault for _, fault in self._parts.values())

    def note_off(self, now_s: float) -> None:
        """It was told off."""
        if self.is_last_on:
            self.is_last_on, self.off_told_s = False, now_s
        self.switched_s = now_s
        self.offs_unheard += 1

    @property
    def has_obeyed_on(self) -> bool:
        """It was told on, and has said since that it is."""
        is_told_on = self.order is not None and self.is_last_on
        return is_told_on and bool(self.is_on) and self.on_heard_s - self.on_told_s > UNDER_WAY_S

    def note_on(self, now_s: float) -> None:
        """It was told on."""
        if not self.is_last_on:
            self.is_last_on, self.on_told_s = True, now_s
        self.switched_s, self.may_be_on = now_s, True
        if not self.is_on and math.isinf(self.first_on_s):
            self.first_on_s = now_s

    def _is_off_told(self, now_s: float) -> bool:
        """Its last order was off, or it had none, and that has arrived."""
        return not self.is_last_on and now_s - self.off_told_s > UNDER_WAY_S

    def _hear_switch(self, is_on: bool, now_s: float) -> None:
        self.may_be_on = self.may_be_on or is_on
        if is_on:
            self.on_heard_s = now_s
        if is_on and not self.is_on:
            self.on_since_s, self.off_since_s, self.first_on_s = now_s, math.inf, math.inf
            self.is_off_confirmed = False
        elif not is_on:
            if self._is_off_told(now_s):
                self.may_be_on, self.held_a, self.may_a = False, 0.0, 0.0
            if self.is_on is not False:
                self.off_since_s, self.on_since_s = now_s, math.inf
            if self.is_told_off and now_s > self.switched_s:
                self.is_off_confirmed = True
        self.is_on = is_on

    def _hear_identity(self, heard: Heard) -> None:
        if heard.limits is not None:
            self.limits = heard.limits
        for name in ("max_voltage_v", "min_voltage_v", "max_current_a", "max_power_w"):
            value = getattr(heard, name)
            if value is not None:
                self._partial[name] = value
                self.limits = self._limits_of_parts()
        serial, version = heard.serial, heard.firmware_version
        if serial and serial != self.identity.serial:
            self.identity = msgspec.structs.replace(self.identity, serial=serial)
        if version and version != self.identity.firmware_version:
            self.identity = msgspec.structs.replace(self.identity, firmware_version=version)

    def _limits_of_parts(self) -> ModuleLimits | None:
        if self.limits is not None:
            return msgspec.structs.replace(self.limits, **self._partial)
        return ModuleLimits(**self._partial) if len(self._partial) == 4 else None

    def _watch_address(self, heard: Heard, now_s: float) -> None:
        """Notice two devices at one address: two answers to one question, or answers of two devices in turn."""
        is_second = False
        if heard.key >= 0:
            before_s = self._answers.get(heard.key, LONG_AGO_S)
            self._answers[heard.key] = now_s
            is_second = now_s - before_s < TWICE_WITHIN_S
        if heard.sender is not None and heard.sender != self._sender:
            is_second = is_second or self._sender is not None
            self._sender = heard.sender
        if not is_second:
            return
        if now_s - self._twice_since_s > TWICE_HOLDS_S:
            self._twice, self._twice_since_s = 0, now_s
        self._twice += 1
        if self._twice >= TWICE_COUNT:
            self._twice, self._twice_until_s = 0, now_s + TWICE_HOLDS_S

    def asked(self, tally: Tally, now_s: float) -> None:
        """One of its questions left; the one before it, if still open, will not be answered any more."""
        if self._tally is not None:
            self._tally.failed(
                NoAnswer(f"power module {self.number} did not answer within {now_s - self._asked_s:.1f} s")
            )
        self._tally, self._asked_s = tally, now_s

    def answered(self, refused: str, now_s: float) -> None:
        """Its open question, if there is one, was answered."""
        tally, self._tally = self._tally, None
        if tally is None:
            return
        if refused:
            tally.failed(Refused(f"power module {self.number}: {refused}"))
        else:
            tally.answered(self._asked_s, now_s)

    def note_refusal(self, reason: str, now_s: float) -> None:
        """It did not take an order."""
        if reason in self.refusals or len(self.refusals) < MOST_REASONS:
            self.refusals[reason] = now_s

    def forget(self, *, after_start: bool) -> None:
        """It was absent or is starting: what it was told may be lost, and values are those of before."""
        self.needs_set_up = True
        self.sent = None
        self.range_step = 0
        self.first_on_s = math.inf
        if after_start:
            self.range = None

    def read(self, now_s: float) -> ModuleReading:
        """As it was last heard; the same object while nothing changed."""
        is_online = self.is_online(now_s)
        if self._reading is None or self._reading_online is not is_online:
            self._reading_online = is_online
            refusals = [reason for reason, at_s in self.refusals.items() if now_s - at_s < REFUSAL_SHOWN_S]
            alarms = self.alarms
            if self.is_twice(now_s) and TWICE not in alarms:
                alarms += (TWICE,)
            alarms += tuple(f"order refused: {reason}" for reason in refusals)
            self._reading = ModuleReading(
                number=self.number,
                is_online=is_online,
                is_on=bool(self.is_on) and is_online,
                voltage_v=self.voltage_v,
                current_a=self.current_a,
                temperature_c=self.temperature_c,
                alarms=alarms,
                has_fault=self.has_fault or self.is_twice(now_s),
                is_limited=self.is_limited,
                limits=self.limits,
                identity=self.identity,
            )
        reading = self._reading
        if self.is_twice(now_s) or self.refusals:
            self._reading = None  # these end by time
        return reading
