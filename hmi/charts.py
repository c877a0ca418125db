"""The live chart of each session: power and state of charge, a point each 5 s, bounded. No clock of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from chargepoint.messages import ConnectorState
from hmi.view import Live, Moments

EVERY_S = 5.0
MOST_POINTS = 720
"""An hour; of a longer session the last one."""
LIVE_EVERY_S, LIVE_POINTS, LIVE_OLD_S = 1.0, 60, 5.0


class Charts:
    """Points by connector. `told` gives what screens draw."""

    def __init__(self) -> None:
        self._moments: dict[int, Moments] = {}
        self._next_s = -math.inf

    @property
    def told(self) -> dict[int, Moments]:
        return dict(self._moments)

    def is_due(self, now_s: float) -> bool:
        return now_s >= self._next_s

    def look(self, connectors: Mapping[int, ConnectorState], now_s: float) -> bool:
        """Take a point of each running transaction when one is due; whether anything was taken or forgotten."""
        if not self.is_due(now_s):
            return False
        self._next_s = now_s + EVERY_S if now_s - self._next_s > EVERY_S else self._next_s + EVERY_S
        gone = [number for number in self._moments if number not in connectors or connectors[number].session is None]
        for number in gone:
            del self._moments[number]
        taken = [self._take(state) for state in connectors.values()]
        return any(taken) or bool(gone)

    def begin(self, number: int, session_id: int, points: Iterable[tuple[float | None, float | None]]) -> None:
        """What was before this screen looked: power and state of charge, a point each 5 s, oldest first."""
        now = self._moments.get(number)
        power, soc = zip(*points, strict=True) if (points := tuple(points)) else ((), ())
        if now is not None and now.session_id == session_id:
            power, soc = (*power, *now.power_w), (*soc, *now.soc_pct)
        self._moments[number] = Moments(session_id, power[-MOST_POINTS:], soc[-MOST_POINTS:])

    def _take(self, state: ConnectorState) -> bool:
        if state.session is None or not state.session.is_transaction:
            return False
        before = self._moments.get(state.number)
        if before is None or before.session_id != state.session.session_id:
            before = Moments(state.session.session_id)
        power_w, soc_pct = _power_w(state), _soc_pct(state)
        self._moments[state.number] = Moments(
            before.session_id,
            (*before.power_w[-MOST_POINTS + 1 :], power_w),
            (*before.soc_pct[-MOST_POINTS + 1 :], soc_pct),
        )
        return True


class Minute:
    """The last minute of each connector, a point each second, for the service menu."""

    def __init__(self) -> None:
        self._live: dict[int, Live] = {}
        self._next_s = -math.inf

    @property
    def told(self) -> dict[int, Live]:
        return dict(self._live)

    def look(self, connectors: Mapping[int, ConnectorState], now_s: float) -> None:
        """Take a point of each when a second has passed; forget all where there is nobody to look."""
        if not connectors:
            self._live = {}
            return
        if now_s < self._next_s:
            return
        self._next_s = now_s + LIVE_EVERY_S
        for number, state in connectors.items():
            before, reading = self._live.get(number, Live()), state.reading
            is_fresh = reading is not None and reading.is_metered and now_s - state.reading_mono_s <= LIVE_OLD_S
            voltage = _finite(reading.voltage_v) if reading is not None and is_fresh else None
            current = _finite(max(reading.current_a)) if reading is not None and is_fresh else None
            self._live[number] = Live(
                (*before.voltage_v[-LIVE_POINTS + 1 :], voltage), (*before.current_a[-LIVE_POINTS + 1 :], current)
            )


def _power_w(state: ConnectorState) -> float | None:
    if state.meter is not None:
        return _finite(state.meter.power_w)
    if state.reading is not None and state.reading.is_metered:
        return _finite(state.reading.power_w)
    return None


def _soc_pct(state: ConnectorState) -> float | None:
    soc = None if state.reading is None else _finite(state.reading.soc_pct)
    return soc if soc is not None and 0 <= soc <= 100 else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
