"""How the parts of a simulated plant behave: plain data, each with the defaults of a good part.

Units in the names. What is wrong with a part is here as well, so that a scenario (or a test) is data.
"""

from __future__ import annotations

import enum

import msgspec


class Feedback(enum.StrEnum):
    """What the auxiliary contact of a contactor says."""

    HONEST = "honest"
    ALWAYS_OPEN = "always_open"
    ALWAYS_CLOSED = "always_closed"
    MISSING = "missing"
    """Not readable: None."""


class ContactorNature(msgspec.Struct, frozen=True, kw_only=True):
    """A contactor. Delays count from the order to the main contacts; `feedback_s` from those to what is reported.

    `is_welded`: once closed it never opens. `falls_after_s`: opens by itself when it has been closed so long, whatever
    is ordered, and stays open until it is ordered to open and to close again.
    """

    close_s: float = 0.08
    open_s: float = 0.04
    bounce_s: float = 0.0
    feedback_s: float = 0.02
    feedback: Feedback = Feedback.HONEST
    is_stuck_open: bool = False
    is_welded: bool = False
    falls_after_s: float | None = None


class GroupNature(msgspec.Struct, frozen=True, kw_only=True):
    """A group of modules.

    Set-points arrive after `latency_s`; switched on it starts after `start_s`; its limits move at `rise_a_per_s`,
    `fall_a_per_s` and `volts_per_s`. The capacitance is at its terminals, outside of its diode, bled with the time
    constant `bleed_s`. Even at 0 A it holds its voltage set-point with up to `hold_a`. `capacitance_f` and `hold_a`
    are those of one module.

    `is_silent`: neither hears nor answers; it goes on with its last set-point, and off after `silence_limit_s` (None:
    never). `delivers` 0..1: the share of the ordered current that it really gives. `has_fault`: it says so, and gives
    nothing.
    """

    latency_s: float = 0.05
    start_s: float = 0.3
    rise_a_per_s: float = 300.0
    fall_a_per_s: float = 400.0
    volts_per_s: float = 1500.0
    capacitance_f: float = 200e-6
    bleed_s: float = 3.0
    hold_a: float = 0.2
    is_silent: bool = False
    silence_limit_s: float | None = 5.0
    delivers: float = 1.0
    has_fault: bool = False


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle. `battery_v` is that of the empty battery at rest, `rise_v` what is added until it is full.

    It asks `request_a` (at most) up to `request_v`; above the state of charge `taper_from` (0..1) it asks
    proportionally less, and below `least_a` it ends the session. `obeys`: it asks for no more than it was told it may
    have, `reaction_s` after it was told.
    """

    battery_v: float = 380.0
    rise_v: float = 20.0
    ohm: float = 0.05
    request_v: float = 430.0
    request_a: float = 100.0
    capacity_wh: float = 60_000.0
    soc: float = 0.2
    taper_from: float = 0.8
    least_a: float = 2.0
    obeys: bool = True
    reaction_s: float = 0.2

    def emf_v(self, soc: float) -> float:
        """The voltage of the battery at rest."""
        return self.battery_v + self.rise_v * soc

    def desire_a(self, soc: float) -> float:
        """What it asks if nobody limits it."""
        if soc < self.taper_from:
            return self.request_a
        return self.request_a * max(1.0 - soc, 0.0) / max(1.0 - self.taper_from, 1e-9)


class ControllerNature(msgspec.Struct, frozen=True, kw_only=True):
    """The controller of an output: how long its insulation test takes, its own output contactor, its discharge.

    `insulation_v` 0: at the voltage of the battery. The discharge resistor works while a session ends, once
    its contactor is open, and after an emergency stop.
    """

    insulation_v: float = 0.0
    insulation_s: float = 1.0
    precharge_a: float = 2.0
    match_v: float = 10.0
    contactor_s: float = 0.1
    discharge_ohm: float = 2_000.0
    capacitance_f: float = 10e-6


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured is `delay_s` old and wrong by up to `noise_v`, `noise_a`. Bare conductors have `stray_f`, bled
    with `stray_s`. The plant is reckoned in steps of at most `step_s`, and whenever a contact moves."""

    delay_s: float = 0.0
    noise_v: float = 0.0
    noise_a: float = 0.0
    stray_f: float = 1e-6
    stray_s: float = 1.0
    step_s: float = 0.05
    seed: int = 0
