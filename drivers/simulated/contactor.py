"""The output contactor of one connector and its truth log: every closing and opening with all that was known then."""

from __future__ import annotations

from collections import deque

import msgspec

LOG_LENGTH = 5000
PERIOD_S = 60.0


class ContactorEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One closing or opening, as the hardware really did it.

    `at_s` is the simulation's monotonic time; `permission_ended_s` is when the last of the conditions for being closed
    ended (openings only); `fault` names the faults that must keep it open (`faults.BLOCKING`); `is_emergency` marks
    openings that do not wait for zero current.
    """

    at_s: float
    connector: int
    closed: bool
    cause: str
    session_ref: int
    lease_left_s: float
    vehicle_connected: bool
    vehicle_asks: bool
    status: str
    fault: str
    precheck_done: bool
    limit_current_a: float
    limit_power_w: float
    current_a: float
    voltage_v: float
    boot_count: int
    session_energy_wh: float
    permission_ended_s: float | None = None
    is_emergency: bool = False


class Contactor:
    """A contactor with feedback that can fail to close or to open, and a bound on how often it closes (R5)."""

    def __init__(self, closings_per_minute: int) -> None:
        self.closings_per_minute = closings_per_minute
        self.is_closed = False
        self.operations = 0
        """Closings, for life."""
        self.stuck_open = False
        self.welded = False
        self.log: deque[ContactorEvent] = deque(maxlen=LOG_LENGTH)
        self._closings: deque[float] = deque(maxlen=max(closings_per_minute, 1))

    def rest_s(self, now_s: float) -> float:
        """How long it must still rest before it may close again; 0 when it may."""
        if len(self._closings) < self.closings_per_minute:
            return 0.0
        return max(self._closings[0] + PERIOD_S - now_s, 0.0)

    def close(self, event: ContactorEvent) -> bool:
        """Close; False when it does not follow. The log holds what really happened."""
        if self.is_closed or self.stuck_open:
            return self.is_closed
        self.is_closed = True
        self.operations += 1
        self._closings.append(event.at_s)
        self.log.append(event)
        return True

    def open(self, event: ContactorEvent) -> bool:
        """Open; False when it is welded."""
        if self.is_closed and not self.welded:
            self.is_closed = False
            self.log.append(event)
        return not self.is_closed
