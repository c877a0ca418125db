"""The hub's part in time: owns the offset of wall time, hears sources, tells the house (topic `clock`).

The rules are in `timekeeping.py`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from chargepoint.bus import Bus
from chargepoint.clock import Clock, unix_of
from chargepoint.messages import ClockState, ClockStepped, Noted, SecurityNoted, TimeLearned
from chargepoint.timekeeping import STEP_FROM_S, Known, Verdict, judge
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

REFUSALS_NOTED = 20
"""Times refused or not followed that are noted in one run; a source that keeps telling nonsense fills no journal."""


def system_offset_s() -> float:
    """What the system's clock says, as the offset of wall time from monotonic time."""
    before_s = time.monotonic()
    now_s = time.time()
    return now_s - (before_s + time.monotonic()) / 2


class WallTime:
    """`system_offset` reads the system's clock; None where there is none to watch (virtual time)."""

    def __init__(self, clock: Clock, bus: Bus, system_offset: Callable[[], float] | None = system_offset_s) -> None:
        self.clock = clock
        self._bus = bus
        self._read_system = system_offset
        self._system_offset_s = system_offset() if system_offset is not None else 0.0
        self._refusals = 0

    def tell(self) -> None:
        """The state of the clock, for everybody."""
        self._bus.set_state(
            "clock",
            ClockState(is_set=self.clock.is_set, offset_s=self.clock.offset_s, source=self.clock.source),
        )

    def learn(self, told: TimeLearned, sender: str = "") -> None:
        """Somebody said what time it is."""
        try:
            offset_s = unix_of(told.at) - told.mono_s
        except (TypeError, OverflowError):  # without a time zone it is no time
            log.warning("clock: %s told a time without a zone; not followed", sender or told.source)
            return
        self._hear(Known(told.source, offset_s))

    def look_at_system(self) -> None:
        """Notice a step of the system's clock; called each second or so."""
        if self._read_system is None:
            return
        offset_s = self._read_system()
        step_s = offset_s - self._system_offset_s
        if abs(step_s) < STEP_FROM_S:
            if not self.clock.is_set:
                self._hear(Known("system", offset_s), is_quiet=True)
            return
        self._system_offset_s = offset_s
        log.warning("clock: the system's clock stepped by %+.1f s", step_s)
        self._hear(Known("system", offset_s), system_step_s=step_s)

    def _hear(self, heard: Known, system_step_s: float = 0.0, is_quiet: bool = False) -> None:
        known = Known(self.clock.source, self.clock.offset_s)
        verdict = judge(known, heard, self.clock.mono(), self.clock.floor)
        was_set = self.clock.is_set
        if verdict.is_taken:
            self.clock.set_offset(heard.offset_s, heard.source)
            self.tell()
            if verdict.is_step or not was_set:
                self._bus.publish(ClockStepped(step_s=verdict.step_s, source=heard.source))
        elif is_quiet or not (verdict.is_step or system_step_s):
            return
        if verdict.is_step or system_step_s or not was_set:
            self._note(heard, verdict, system_step_s)

    def _note(self, heard: Known, verdict: Verdict, system_step_s: float) -> None:
        if not verdict.is_taken:
            self._refusals += 1
            if self._refusals > REFUSALS_NOTED:
                return
        step_s = system_step_s or verdict.step_s
        what = "followed" if verdict.is_taken else f"not followed: {verdict.reason}"
        message = f"{heard.source}: {step_s:+.1f} s, {what}"
        log.info("clock: %s", message)
        self._bus.publish(
            Noted(
                event_type=EventType.TIME_JUMP,
                action="Success" if verdict.is_taken else "Error",
                message=message,
                error="" if verdict.is_taken else verdict.reason,
            )
        )
        self._bus.publish(
            SecurityNoted(
                type="SettingSystemTime",
                source_type="service",
                source=heard.source,
                operation="followed" if verdict.is_taken else "refused",
                extra=message,
            )
        )
