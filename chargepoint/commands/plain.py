"""The same things as `view`, as lines of text for a file or a pipe: one line for each change, a frame, a deed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chargepoint.commands import view
from chargepoint.journal_text import clean
from chargepoint.messages import (
    ClimateState,
    ConnectorState,
    InputState,
    InsulationState,
    LinkStatus,
    MeterState,
    ModulesState,
    OcppFrame,
    OutputState,
    ServiceState,
    State,
    StationState,
    UpsState,
)
from chargepoint.vocabulary import Cause, InputFunction

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
        if isinstance(state, InputState) and state.function is InputFunction.CONTACTOR_FEEDBACK:
            return  # it moves with its contactor
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
    silent = "has not answered yet" if state.reading is None else "is silent"
    return f"meter {state.name}: {'answers' if state.is_answering else silent}"


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


def _input(state: InputState) -> str:
    if state.is_active is None:
        return f"input {state.name}: cannot be read"
    rest = "over, to be cleared" if state.is_latched else "at rest"
    return f"input {state.name}: {'active' if state.is_active else rest}"


def _output(state: OutputState) -> str:
    obeys = "obeys" if state.cause is Cause.NONE else state.cause.value
    return f"output {state.name}: {obeys}"


def _modules(state: ModulesState) -> str:
    wrong = [f"{module.number} {', '.join(module.alarms) or 'fault'}" for module in state.modules if module.has_fault]
    answering = sum(module.is_online for module in state.modules)
    return "; ".join((f"modules {state.name}: {answering} of {len(state.modules)} answer", *wrong))


def _insulation(state: InsulationState) -> str:
    if state.reading is not None and state.reading.fault:
        return f"insulation {state.name}: {state.reading.fault}"
    if not state.is_answering or state.reading is None:
        return f"insulation {state.name}: no value"
    verdict = "too low" if state.reading.alarm else "low" if state.reading.warning else "good"
    return f"insulation {state.name}: {verdict}"


def _climate(state: ClimateState) -> str:
    power = "no charging" if state.stops else f"{state.power_pct:.0f} % of power"
    return f"climate: {power}{f', {state.why}' if state.why else ''}"


def _ups(state: UpsState) -> str:
    mains = "on mains" if state.on_battery_since_mono_s is None else "on battery"
    silent = "has not answered yet" if state.reading is None else "silent"
    return f"supply {state.name}: {mains if state.is_answering else silent}"


_WORDS: dict[type[State], Callable[[Any], str]] = {
    ConnectorState: _connector,
    MeterState: _meter,
    ServiceState: _service,
    LinkStatus: _link,
    StationState: _station,
    InputState: _input,
    OutputState: _output,
    ModulesState: _modules,
    InsulationState: _insulation,
    ClimateState: _climate,
    UpsState: _ups,
}
