"""Household socket (Schuko and the like) made of parts: a relay, a meter, and where fitted a lid switch and a breaker.

There is no pilot and no talk with the vehicle, so three things are only as true as the parts make them:

* **Whether something is plugged in.** A lid that rests on the plug (`lid_means = "held_open"`) tells it: open is
  B, closed is A. A lid that closes over the plug (`must_be_closed`), or no lid switch at all, does not: then a vehicle
  is assumed once somebody was authorised, shown as B, until the lid is opened or some time after the charge.
* **Whether it wants energy.** The relay closes on authorisation; that current flows is seen by the meter alone. Too
  little of it for `low_current_s` ends the charge (B2).
* **Limits.** A socket gives its rated current or nothing: any lower limit pauses it (relay open).

Wiring: [[output]] of function `socket` with the relay, [[input]] `lid`, [[input]] `residual_current` (auxiliary contact
of the breaker or RCD), the connector's own [[meter]]. What opens when this software dies is the I/O module's watchdog.
Source: none but the parts; the rules are ours.
"""

from __future__ import annotations

import asyncio
import enum
import math
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.about import About, Tested
from drivers.errors import DeviceError, NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ControllerReading,
    ControllerStatus,
    Diagnosis,
    FailSafe,
    HardwareFlag,
    Identity,
    MeterReading,
    Parameter,
    Parts,
    VehicleData,
)

ABOUT = About(
    vendor="any",
    models=("household socket behind a relay",),
    ports=(),
    abilities=("start by authorisation", "end at low current", "lid switch", "breaker contact"),
    source="the parts it is made of",
    confidence=0,
    fail_safe=FailSafe.OPENS,
    tested=Tested.SIMULATED,
    quirks=(
        "Rated current or nothing: set min_current_a to max_current_a, so that the sharing of power knows.",
        "Whether a vehicle is plugged in is known only with a lid that rests on its plug; else it is assumed.",
        "It opens by the watchdog of the I/O module of its relay; a module without one needs accept_no_fail_safe.",
    ),
)

NOMINAL_V = 230.0
FLOWS_A = 0.5
"""More than this flows: something is plugged in and takes energy."""
WELDED_AFTER_S = 1.5
ASSUMED_AFTER_RESTART_S = 10.0
"""A relay found closed at the start had a vehicle behind it; so long the station may take its charge up again."""


class Lid(enum.StrEnum):
    """What the lid switch says."""

    HELD_OPEN = "held_open"
    MUST_BE_CLOSED = "must_be_closed"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A socket and its parts, by their names in the station file."""

    relay: Annotated[str, Meta(min_length=1, description="Name of the [[output]] (socket) of its relay.")]
    port: Annotated[str, Meta(description="None: its parts hang on ports of their own.")] = ""
    meter: Annotated[str, Meta(description="The connector's own meter.")] = ""
    max_current_a: Annotated[float, Meta(gt=0, description="What it is rated for.")] = 16.0
    lid: Annotated[str, Meta(description="Name of the [[input]] (lid) of its lid switch; empty: none.")] = ""
    lid_means: Annotated[
        Lid,
        Meta(
            description="held_open: the lid rests on the plug, so open is plugged in. "
            "must_be_closed: it closes over the plug, and there is no energy while it is open."
        ),
    ] = Lid.HELD_OPEN
    breaker: Annotated[
        str, Meta(description="Name of the [[input]] (residual_current) of its breaker or RCD; empty: none.")
    ] = ""
    low_current_a: Annotated[float, Meta(ge=0, le=10, description="Less current than this is a full battery.")] = 0.5
    low_current_s: Annotated[
        float, Meta(ge=10, le=7200, description="The charge ends when it has been low for this long.")
    ] = 300.0
    gone_after_s: Annotated[
        float,
        Meta(ge=5, le=3600, description="Without a lid resting on the plug: so long after a charge it counts as gone."),
    ] = 60.0


def open_device(settings: Settings, port: object, parts: Parts | None = None) -> SocketController:
    """The socket. Raises ValueError without the station's other devices."""
    if parts is None:
        raise ValueError("a socket is made of other devices of the station")
    return SocketController(settings, parts)


class SocketController:
    """See the top of this file; it keeps the status that a controller with a pilot would have."""

    fail_safe = FailSafe.OPENS

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._session_ref = 0
        self._until_s: float | None = None
        self._is_paused = False
        self._limit_a = 0.0
        self._limit_w = 0.0
        self._started_s = 0.0
        self._start_wh: int | None = None
        self._low_since_s: float | None = None
        self._is_finished = False
        self._emergency = False
        self._has_fallen = False
        """The relay fell off in a charge: a fault until the vehicle has left."""
        self._ends = 0
        self._assumed_until_s = -math.inf
        self._lease_ended = False
        self._is_first = True
        self._off_since_s = -math.inf
        self._odd_since_s: float | None = None

    def assume_vehicle(self) -> None:
        """Somebody is authorised: from now on something is plugged in, as far as nothing says otherwise."""
        self._assumed_until_s = math.inf
        self._is_finished = False

    # ---------------------------------------------------------------------------------------------------- reading

    async def read(self) -> ControllerReading:
        """Its parts as they are now. Raises NoAnswer while meter, relay, lid or breaker do not tell."""
        now = asyncio.get_running_loop().time()
        await self._watch_parts(now)
        meter = self._meter()
        relay = self._part(self._parts.is_on(self._settings.relay), "output", self._settings.relay)
        self._look_at_first(relay, now)
        await self._watch(relay, meter, now)
        status, cause = self._status(relay, meter, now)
        is_on = bool(relay)
        flags = HardwareFlag.PRECHECK_DONE
        for holds, flag in (
            (_voltage_v(meter) > 100.0, HardwareFlag.INPUT_VOLTAGE),
            (status.is_connected, HardwareFlag.EV_CONNECTED),
            (is_on, HardwareFlag.OUTPUT_RELAY),
            (status is ControllerStatus.C6_CHARGING, HardwareFlag.CHARGING),
        ):
            if holds:
                flags |= flag
        is_ours = self._until_s is not None
        return ControllerReading(
            status=status,
            flags=flags,
            cause=cause,
            boot_count=1,
            session_ref=self._session_ref if is_ours else 0,
            lease_left_s=max(0.0, (self._until_s or now) - now),
            limit_current_a=self._limit_a if is_ours else 0.0,
            limit_power_w=self._limit_w if is_ours else 0.0,
            voltage_v=_voltage_v(meter) if is_on else 0.0,
            current_a=meter.current_a or (meter.power_w / NOMINAL_V, 0.0, 0.0),
            power_w=meter.power_w,
            energy_wh=self._energy_wh(meter),
            elapsed_s=round(now - self._started_s) if self._session_ref else 0,
            ev_requests_energy=is_on and _flows(meter),
        )

    def _meter(self) -> MeterReading:
        reading = self._parts.meter(self._settings.meter)
        if reading is None:
            raise NoAnswer(f"socket: its meter '{self._settings.meter}' does not answer, so nobody knows what flows")
        return reading

    def _part(self, state: bool | None, kind: str, name: str) -> bool:
        if state is None:
            raise NoAnswer(f"socket: {kind} '{name}' is not known: its I/O module does not answer")
        return state

    def _input(self, name: str) -> bool:
        """Whether an input is active; one that is not fitted never is."""
        return bool(name) and self._part(self._parts.input(name), "input", name)

    def _look_at_first(self, relay: bool, now: float) -> None:
        """What a run of this software before has left: a closed relay means a charge that may be taken up again."""
        if self._is_first and relay:
            self._assumed_until_s = now + ASSUMED_AFTER_RESTART_S
            self._lease_ended = True
        self._is_first = False

    async def _watch_parts(self, now: float) -> None:
        """Reasons to open, found at each poll. They wait neither for the meter nor for one another."""
        if self._until_s is not None and now > self._until_s:
            self._lease_ended = True
            await self._end()
        if self._until_s is not None and self._parts.fault(self._settings.relay) is not Cause.NONE:
            await self._fall()
        if self._until_s is not None and (self._input(self._settings.breaker) or self._is_lid_against()):
            await self._end()

    async def _watch(self, relay: bool, meter: MeterReading, now: float) -> None:
        """Reasons to open that the meter tells."""
        if self._until_s is not None and not self._is_paused:
            is_low = _current_a(meter) < self._settings.low_current_a
            self._low_since_s = (self._low_since_s or now) if is_low else None
            if self._low_since_s is not None and now - self._low_since_s > self._settings.low_current_s:
                self._is_finished = True
                await self._end()
        if relay and (self._until_s is None or self._is_paused):
            await self._switch_off()
        is_odd = (relay or _flows(meter)) and (self._until_s is None or self._is_paused)
        self._odd_since_s = (self._odd_since_s or now) if is_odd else None

    def _is_lid_against(self) -> bool:
        """The lid forbids energy: open where it must be closed, closed where it would rest on a plug."""
        if not self._settings.lid:
            return False
        is_open = self._input(self._settings.lid)
        return is_open == (self._settings.lid_means is Lid.MUST_BE_CLOSED)

    def _status(self, relay: bool, meter: MeterReading, now: float) -> tuple[ControllerStatus, Cause]:
        if self._emergency:
            return ControllerStatus.E9_EMERGENCY_STOP, Cause.EMERGENCY_COMMAND
        if self._input(self._settings.breaker):
            return ControllerStatus.E6_ELECTROMECHANICAL, Cause.RESIDUAL_CURRENT
        fault = self._parts.fault(self._settings.relay)
        if fault is not Cause.NONE:
            return ControllerStatus.E6_ELECTROMECHANICAL, fault
        if self._odd_since_s is not None and now - self._odd_since_s > WELDED_AFTER_S:
            return ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED
        if not self._is_plugged(now):
            self._is_finished = self._has_fallen = False
            return ControllerStatus.A_NOT_CONNECTED, Cause.NONE
        if self._has_fallen:
            return ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_FAILED
        if self._until_s is not None:
            return (ControllerStatus.B_CONNECTED if self._is_paused else ControllerStatus.C6_CHARGING), Cause.NONE
        if self._is_finished:
            return ControllerStatus.B2_FINISHED, Cause.NONE
        return ControllerStatus.B_CONNECTED, Cause.LEASE_ENDED if self._lease_ended else Cause.NONE

    def _is_plugged(self, now: float) -> bool:
        if self._is_lid_against():
            if self._assumed_until_s < math.inf or self._session_ref:
                self._assumed_until_s = -math.inf  # the lid was opened: the plug may have been drawn
                self._session_ref = 0
            return False
        if self._settings.lid and self._settings.lid_means is Lid.HELD_OPEN:
            return True
        return now < self._assumed_until_s

    def _energy_wh(self, meter: MeterReading) -> int:
        if not self._session_ref:
            return 0
        if self._start_wh is None:
            self._start_wh = meter.energy_wh
        return max(0, meter.energy_wh - self._start_wh)

    # ----------------------------------------------------------------------------------------------------- orders

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """Close the relay. Raises Refused when lid, breaker or an emergency speak against it."""
        now = asyncio.get_running_loop().time()
        if self._emergency:
            raise Refused("socket: in emergency stop until it is rebooted")
        if self._is_lid_against():
            raise Refused("socket: its lid does not allow energy")
        if self._input(self._settings.breaker):
            raise Refused("socket: its breaker has tripped")
        if self._has_fallen:
            raise Refused("socket: its relay fell off in a charge; unplug first")
        meter, ends = self._meter(), self._ends
        self._note_limit(current_a, power_w, now + valid_for_s)
        if not self._is_paused:
            try:
                await self._parts.switch(self._settings.relay, True)
            except DeviceError:
                self._until_s = None
                raise
        if self._ends != ends:
            raise Refused("socket: stopped while its relay was closing")
        self._session_ref, self._started_s, self._start_wh = session_ref, now, meter.energy_wh
        self._low_since_s, self._is_finished, self._lease_ended, self._is_first = None, False, False, False
        self._assumed_until_s = math.inf

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """Renew. A limit below the rated current opens the relay until there is enough again. Raises Refused without a
        session, or when the relay has fallen off by itself: it is not closed again then."""
        now = asyncio.get_running_loop().time()
        if self._until_s is None or now > self._until_s:
            raise Refused("socket: no session to renew")
        if self._parts.fault(self._settings.relay) is not Cause.NONE:
            await self._fall()
            raise Refused("socket: its relay is out of order, or fell off by itself")
        self._note_limit(current_a, power_w, now + valid_for_s)
        if self._is_paused:
            await self._switch_off()
        else:
            await self._parts.switch(self._settings.relay, True)

    def _note_limit(self, current_a: float, power_w: float, until_s: float) -> None:
        rated_a = self._settings.max_current_a
        self._limit_a, self._limit_w, self._until_s = current_a, power_w, until_s
        # a thousandth is left for what wires round
        is_paused = not (current_a >= rated_a * 0.999 and power_w > 0)
        if self._is_paused and not is_paused:
            self._low_since_s = None
        self._is_paused = is_paused

    async def stop(self) -> None:
        await self._end()
        self._is_finished = True

    async def emergency_stop(self) -> None:
        self._emergency = True
        await self._end()

    async def reboot(self) -> None:
        """Forget an emergency stop; the relay opens."""
        await self._end()
        self._emergency = False

    async def _fall(self) -> None:
        self._has_fallen = True
        await self._end()

    async def _end(self) -> None:
        self._ends += 1
        now = asyncio.get_running_loop().time()
        self._until_s, self._low_since_s = None, None
        if not (self._settings.lid and self._settings.lid_means is Lid.HELD_OPEN):
            self._assumed_until_s = min(self._assumed_until_s, now + self._settings.gone_after_s)
        await self._switch_off()

    async def _switch_off(self) -> None:
        await self._parts.switch(self._settings.relay, False)

    # ------------------------------------------------------------------------------------------------------- rest

    async def identify(self) -> Identity:
        return Identity(vendor="", model="household socket")

    async def read_vehicle(self) -> VehicleData:
        return VehicleData()

    async def read_diagnosis(self) -> Diagnosis:
        return Diagnosis()

    async def lock(self) -> None:
        raise Refused("a household socket has no lock")

    async def unlock(self) -> None:
        raise Refused("a household socket has no lock")

    async def set_clock(self, at: datetime) -> None:
        raise Refused("a household socket has no clock")

    async def parameters(self) -> tuple[Parameter, ...]:
        return ()

    async def write_parameter(self, name: str, value: int) -> Parameter:
        raise Refused(f"a household socket has no parameter {name!r}; its settings stand in station.toml")


def _current_a(meter: MeterReading) -> float:
    """The highest phase current; of a meter of power only, what that would be at the nominal voltage."""
    if meter.current_a is None:
        return abs(meter.power_w) / NOMINAL_V
    return max(abs(current) for current in meter.current_a)


def _voltage_v(meter: MeterReading) -> float:
    return NOMINAL_V if meter.voltage_v is None else max(meter.voltage_v)


def _flows(meter: MeterReading) -> bool:
    return _current_a(meter) > FLOWS_A
