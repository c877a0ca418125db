"""The same things as `view`, as lines of text for a file or a pipe: one line for each change, a frame, a deed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chargepoint.commands import view
from chargepoint.journal_text import clean
from chargepoint.messages import (
    ConnectorState,
    LinkStatus,
    MeterState,
    OcppFrame,
    ServiceState,
    State,
    StationState,
)

FRAME_CHARACTERS = 160
PROGRESS_S = 10.0
"""While a charge runs, a line about it this often."""


class Teller:
    """Remembers what it said last of each topic and says only what is new."""

    def __init__(self) -> None:
        self._said: dict[str, object] = {}
        self._progress_s: dict[int, float] = {}

    def state(self, topic: str, state: State, now_mono_s: float) -> Iterator[str]:
        """Lines about a new value of a retained state; often none."""
        words = _WORDS.get(type(state))
        if words is not None:
            line = words(state)
            if self._said.get(topic) != line:
                self._said[topic] = line
                yield clean(line)
        if isinstance(state, ConnectorState):
            yield from self._progress(state, now_mono_s)

    def _progress(self, state: ConnectorState, now_s: float) -> Iterator[str]:
        session = state.session
        if session is None or not session.is_transaction:
            self._progress_s.pop(state.number, None)
            return
        last_s = self._progress_s.setdefault(state.number, now_s)
        if now_s - last_s >= PROGRESS_S:
            self._progress_s[state.number] = now_s
            yield clean(
                f"connector {state.number}: {view.power_w(state) / 1000:.1f} kW, {session.energy_wh / 1000:.3f} kWh "
                f"in {session.elapsed_s} s, limit {view.limit_words(state) or 'none'}"
            )

    def frame(self, frame: OcppFrame) -> str:
        """A line about one frame of the exchange with the central system."""
        return view.frame_line(frame).plain[:FRAME_CHARACTERS]


def _connector(state: ConnectorState) -> str:
    controller = "?" if state.reading is None else state.reading.status.value
    session = (
        "" if state.session is None else f", session {state.session.session_id} {view.who(state.session)}".rstrip()
    )
    return f"connector {state.number} {state.type.value}: {view.status_words(state)}, controller {controller}{session}"


def _meter(state: MeterState) -> str:
    return f"meter {state.name}: {'answers' if state.is_answering else 'is silent'}"


def _service(state: ServiceState) -> str:
    end = f", last end: {state.last_end}" if state.last_end else ""
    return f"service {state.name}: {state.status}, pid {state.pid}, restarts {state.restarts}{end}"


def _link(state: LinkStatus) -> str:
    boot = f", boot {state.registration}" if state.registration else ""
    parked = f", {state.parked} parked" if state.parked else ""
    return f"central system: {state.state.value}{boot}{parked}"


def _station(state: StationState) -> str:
    record = "" if state.can_record else ", cannot record"
    return f"station: {state.technical.value}, {state.logical.value}, {state.mode.value}{record}"


_WORDS: dict[type[State], Callable[[Any], str]] = {
    ConnectorState: _connector,
    MeterState: _meter,
    ServiceState: _service,
    LinkStatus: _link,
    StationState: _station,
}
