"""What stops connectors beside their own faults: cabinet inputs, heat, lost mains. Tables and pure rules.

A `Hold` stands as long as its cause does: nothing starts meanwhile (R1), and what runs is ended with its stop source.
Software only adds reasons to switch off (R3); the emergency button also breaks the contactors' supply by its own wire.
Sources: statuses.md 6 and 7 (stop sources), io-climate section 3 (what latches); what differs from there is said below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from chargepoint.station.cabinet.inputs import LOST_AFTER_S, PULSES, PULSES_WITHIN_S, WIRING, InputTrack
from chargepoint.vocabulary import InputFunction, StopSource

LATCH = "input_latch/"
"""Before the name of an input: a fact, kept until a technician clears it."""


class Rule(msgspec.Struct, frozen=True):
    """What an active input does. `stop` None: it is shown and stops nothing.

    `latches`: it goes on stopping when it is at rest again, until a technician clears it. `at_once`: the controllers
    are told to stop in parallel, before anything is written down. `text` is what people are told.
    """

    stop: StopSource | None
    text: str = ""
    latches: bool = False
    at_once: bool = False
    security_event: str = ""


RULES: dict[InputFunction, Rule] = {
    # press and release ends it (statuses.md 1, E9): the button itself latches, and no charge goes on by itself
    InputFunction.EMERGENCY_STOP: Rule(
        StopSource.EMERGENCY_STOP, "The emergency stop is pressed. Turn or pull the button to release it.", at_once=True
    ),
    InputFunction.DOOR: Rule(StopSource.DOOR_OPEN, "The station's door is open.", at_once=True),
    InputFunction.SMOKE: Rule(StopSource.SMOKE, "There was smoke in the station.", latches=True, at_once=True),
    InputFunction.FLOOD: Rule(StopSource.FLOOD, "There was water in the station.", latches=True, at_once=True),
    InputFunction.VIBRATION: Rule(StopSource.VIBRATION, "The station was hit or tilted.", latches=True, at_once=True),
    InputFunction.SURGE: Rule(StopSource.SURGE, "The surge arrester has tripped."),
    InputFunction.OVERHEAT: Rule(StopSource.OVERHEAT, "The station is too hot."),
    InputFunction.REMOTE_CUTOFF: Rule(StopSource.REMOTE_CUTOFF, "The station is switched off from outside."),
    InputFunction.POWER_FAIL: Rule(StopSource.POWER_LOSS, "The station has no mains power."),  # after a while: mains.py
    InputFunction.RESIDUAL_CURRENT: Rule(
        StopSource.CONNECTOR_ERROR, "The residual current breaker has tripped.", latches=True, at_once=True
    ),
    InputFunction.CONTACTOR_FEEDBACK: Rule(None),
    InputFunction.LID: Rule(None),
    InputFunction.TAMPER: Rule(None, "The cover was opened.", security_event="TamperDetectionActivated"),
    InputFunction.POWER_REDUCTION: Rule(None),  # it lowers the station's power: limits.py
    InputFunction.OTHER: Rule(None),
}
BY_MAINS = frozenset({InputFunction.POWER_FAIL})
"""These become a hold in `mains.py`, once they have lasted as long as is allowed."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why connectors may not have energy.

    `key` names what it comes from (`input/door`, `climate`, `mains`); `cause` is the word shown and told (function of
    the input, or `too_cold` and the like). `stops` false: nothing is ended, but nothing begins either.
    """

    key: str
    source: StopSource
    cause: str
    text: str
    connectors: frozenset[int] = frozenset()
    """Empty: all."""
    code: str = "faulted"
    stops: bool = True
    at_once: bool = False
    is_seen: bool = True
    """It was really read; false: it counts because nobody can read it."""

    @property
    def is_emergency(self) -> bool:
        """The button: connectors show EMERGENCY_OFF, and controllers go to E9 when it was really seen."""
        return self.source is StopSource.EMERGENCY_STOP

    def concerns(self, connector: int) -> bool:
        return not self.connectors or connector in self.connectors

    @property
    def rank(self) -> tuple[bool, bool, bool, str]:
        """Smaller is shown before others: what stops before what only refuses, the emergency, what stops at once."""
        return (not self.stops, not self.is_emergency, not self.at_once, self.key)


def hold_of_input(track: InputTrack, is_latched: bool) -> Hold | None:
    """What one input means for its connectors now."""
    rule = RULES[track.function]
    if rule.stop is None or track.function in BY_MAINS:
        return None
    hold = Hold(
        key=f"input/{track.name}",
        source=rule.stop,
        cause=track.function.value,
        text=rule.text,
        connectors=frozenset(track.settings.connectors),
        at_once=rule.at_once,
    )
    if track.is_active:
        return hold
    if is_latched:
        text = f"{rule.text} A technician has to look and clear input '{track.name}'."
        return msgspec.structs.replace(hold, text=text, at_once=False)
    if track.is_lost:
        text = f"Whether all is well is not known: input '{track.name}' ({track.function}) cannot be read."
        return msgspec.structs.replace(hold, text=text, is_seen=False)
    if track.is_active is None:
        text = f"Input '{track.name}' ({track.function}) has not been read: the station waits for its module."
        return msgspec.structs.replace(hold, text=text, stops=False, code="busy", at_once=False, is_seen=False)
    return None


class Holds:
    """All holds of the station, by what they come from. `changed` is called with the connectors they may concern."""

    def __init__(self) -> None:
        self._by_key: dict[str, Hold] = {}
        self.changed: Callable[[], None] = lambda: None

    def set(self, key: str, hold: Hold | None) -> bool:
        """This now holds (or nothing); whether anything changed. Who listens is told at once."""
        if self._by_key.get(key) == hold:
            return False
        if hold is None:
            del self._by_key[key]
        else:
            self._by_key[key] = hold
        self.changed()
        return True

    def of(self, connector: int) -> Hold | None:
        """What keeps this connector from energy, the gravest first."""
        return first_of(hold for hold in self._by_key.values() if hold.concerns(connector))

    def cause_of_all(self, connectors: Iterable[int]) -> str:
        """The gravest cause that ends the charges of all these connectors; empty when none does."""
        numbers = tuple(connectors)
        stopping = (hold for hold in self._by_key.values() if hold.stops and all(map(hold.concerns, numbers)))
        found = first_of(stopping)
        return "" if found is None else found.cause

    def all(self) -> tuple[Hold, ...]:
        return tuple(sorted(self._by_key.values(), key=lambda hold: hold.rank))


def first_of(holds: Iterable[Hold]) -> Hold | None:
    return min(holds, key=lambda hold: hold.rank, default=None)


def markdown() -> str:
    """The table of input functions in docs/devices.md."""
    lines = [
        "| `function` | Contact as usual | Must last | Ends charges with | Afterwards | Cannot be read |",
        "|---|---|---|---|---|---|",
    ]
    for function, rule in RULES.items():
        wiring = WIRING[function]
        contact = "closed while all is well" if wiring.normally_closed else "open while all is well"
        lasts = f"{PULSES} pulses in {PULSES_WITHIN_S:g} s" if wiring.pulses else f"{wiring.debounce_s:g} s"
        ends = "nothing" if rule.stop is None else f"`{rule.stop}`" + (", at once" if rule.at_once else "")
        if function in BY_MAINS:
            ends += ", after `stop_after_s` of `[[ups]]` (2 s)"
        over = f"over after {wiring.rests_after_s:g} s at rest" if wiring.rests_after_s else "over when it is over"
        later = "-" if rule.stop is None else "until a technician clears it" if rule.latches else over
        lost = "-" if rule.stop is None or function in BY_MAINS else "nothing begins"
        lost = f"counts as active after {LOST_AFTER_S:g} s" if wiring.counts_when_lost else lost
        lines.append(f"| `{function}` | {contact} | {lasts} | {ends} | {later} | {lost} |")
    return "\n".join(lines) + "\n"
