"""Model of a module of digital inputs and outputs: its electrical states, its own watchdog, its restarts. Pure.

Which protocol it speaks is the business of its face (`drivers/simulated/io/`); how many channels it shows, too: a model
has `CHANNELS` of each, so that one fits every module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

CHANNELS = 32
MOST_SWITCHINGS = 1000


class IoFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a module; None leaves a thing as it is.

    `silent`: it does not answer. `delay_s`: it answers late. `stuck` are outputs that keep their state whatever they
    are told. `restart`: once, as after a power cut.
    """

    silent: bool | None = None
    delay_s: float | None = None
    stuck: tuple[int, ...] | None = None
    restart: bool = False


class Switching(msgspec.Struct, frozen=True):
    """An output changed at `at_s`; `why` is order, watchdog or restart."""

    at_s: float
    channel: int
    is_on: bool
    why: str


class IoModel:
    """A module. `clock` gives the time in seconds; without one `advance` tells it.

    `watchdog_s` None: none. When nobody has asked for so long, the outputs of which `follows_watchdog` holds go to
    their `safe_values`. With `latches` it then takes no orders until `clear_trip`. What was set in it survives
    restarts when `keeps_settings`.
    """

    def __init__(self, name: str = "", *, clock: Callable[[], float] | None = None) -> None:
        self.name = name
        self.inputs = [False] * CHANNELS
        self.counters = [0] * CHANNELS
        self.safe_values = [False] * CHANNELS
        self.power_on_values = [False] * CHANNELS
        self.follows_watchdog = [True] * CHANNELS
        self.watchdog_s: float | None = None
        self.latches = False
        self.keeps_settings = True
        self.has_tripped = False
        self.boot_count = 1
        self.silent = False
        self.delay_s = 0.0
        self.stuck: frozenset[int] = frozenset()
        self.switchings: deque[Switching] = deque(maxlen=MOST_SWITCHINGS)
        """The outputs' changes, oldest first: the truth."""
        self.on_forgotten: list[Callable[[], None]] = []
        """What its face does when its settings are as delivered again."""
        self._clock = clock
        self._now_s = 0.0
        self._asked_s = self.now_s
        self._outputs = [False] * CHANNELS

    @property
    def now_s(self) -> float:
        return self._now_s if self._clock is None else self._clock()

    @property
    def outputs(self) -> tuple[bool, ...]:
        """What the outputs really are, the watchdog considered."""
        self._watch()
        return tuple(self._outputs)

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        self._now_s = now_s
        self._watch()

    def asked(self) -> None:
        """Somebody has asked it something: its watchdog begins anew."""
        self._watch()
        self._asked_s = self.now_s

    def order(self, channel: int, on: bool) -> bool:
        """Switch an output as told over the wire; False when it takes no orders now."""
        self._watch()
        if self.latches and self.has_tripped:
            return False
        self._switch(channel, on, "order")
        return True

    def set_input(self, channel: int, on: bool) -> None:
        """What is wired to it; a rising edge counts."""
        if on and not self.inputs[channel]:
            self.counters[channel] += 1
        self.inputs[channel] = on

    def clear_trip(self) -> None:
        self._watch()
        self.has_tripped = False

    def restart(self) -> None:
        """Its power was away."""
        self._watch()
        self.boot_count += 1
        self.has_tripped = False
        if not self.keeps_settings:
            for forget in self.on_forgotten:
                forget()
        self.counters = [0] * CHANNELS
        self._asked_s = self.now_s
        for channel, on in enumerate(self.power_on_values):
            self._switch(channel, on, "restart")

    def set_faults(self, faults: IoFaults) -> None:
        """Break or mend it from now on."""
        if faults.silent is not None:
            self.silent = faults.silent
        if faults.delay_s is not None:
            self.delay_s = faults.delay_s
        if faults.stuck is not None:
            self.stuck = frozenset(faults.stuck)
        if faults.restart:
            self.restart()

    def _watch(self) -> None:
        if self.watchdog_s is None or self.has_tripped or self.now_s - self._asked_s <= self.watchdog_s:
            if self.has_tripped and not self.latches and self.watchdog_s is not None:
                self.has_tripped = self.now_s - self._asked_s > self.watchdog_s
            return
        self.has_tripped = True
        for channel, on in enumerate(self.safe_values):
            if self.follows_watchdog[channel]:
                self._switch(channel, on, "watchdog", self._asked_s + self.watchdog_s)

    def _switch(self, channel: int, on: bool, why: str, at_s: float | None = None) -> None:
        if channel in self.stuck or self._outputs[channel] == on:
            return
        self._outputs[channel] = on
        self.switchings.append(Switching(self.now_s if at_s is None else at_s, channel, on, why))
