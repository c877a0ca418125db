"""An Advantics controller at work: permission as a lease, orders, the supply it needs, and what it says of itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from drivers.codecs import advantics as wire
from drivers.codecs.advantics import Function, Pilot, State
from drivers.codecs.can import CanFrame
from drivers.controllers.advantics_heard import COMMAND_HOLDS_S, EMERGENCY_LASTS_S, ENDING, IDLE, SESSION, Heard
from drivers.controllers.advantics_status import Fault, broken_off, emergency, status_of
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ControllerReading,
    ControllerStatus,
    Diagnosis,
    FailSafe,
    HardwareFlag,
    Identity,
    Parameter,
    PowerDemand,
    SupplyOutput,
    VehicleData,
)
from drivers.ports.can import CanPort

log = logging.getLogger(__name__)

HEARD_WITHIN_S = 0.2
"""Without its status for longer the modules go off: the maker's rule."""
READ_WITHIN_S = 0.5
CLOSED_FOR_S = 0.2
"""Contactors reported closed for so long before current may flow (power.md, Z4)."""
GENTLE_A = 2.0
"""Most current of insulation test and pre-charge (power.md, Z10)."""
ENDS_WITHIN_S = 3.0
"""So long it may take to end a charge in order; then it is told that the supply is gone."""
REPEAT_S = 1.0
FIRST_WORDS_S = 0.3
"""So long after its first word it is known what it has to say at all."""
EXPLAINS_WITHIN_S = 1.0
"""An emergency stop told so soon after the end of a charge is the cause of that end."""
OURS_LASTS_S = 5.0
"""An emergency stop told in rest is the button's only when it lasts longer than one for lack of us would."""
SUPPLY_GAP_S = 0.5
"""It ends a charge when it has not heard of the supply for so long."""
PILOT_V = {Pilot.A: 12.0, Pilot.B: 9.0, Pilot.C: 6.0, Pilot.D: 3.0}
NOTHING = SupplyOutput(0.0, 0.0, 0.0, 0.0, 0.0)


class AdvanticsController:
    """The controller of one pistol. `report` has to come each 100 ms, `demand` says what it wants of the modules."""

    fail_safe = FailSafe.OPENS

    def __init__(self, port: CanPort, pistol: int) -> None:
        self._port = port
        self._pistol = pistol
        self._base = wire.base(pistol)
        self._heard = Heard()
        self._heard.on_state = self._on_state
        self._heard.on_emergency = self._on_emergency
        self._heard.on_vehicle_gone = self._forget_vehicle
        self._boots = 1
        self._is_permitted = False
        self._session_ref = 0
        self._limit_a = self._limit_w = 0.0
        self._lease_until_s = float("-inf")
        self._lease_timer: asyncio.TimerHandle | None = None
        self._stops_until_s = float("-inf")
        self._cause = Cause.NONE
        self._fault: Fault | None = None
        """Stays until the vehicle is gone, as E1 to E6 do."""
        self._alarm: Fault | None = None
        """Of an emergency stop that the controller reports; stays as long as it does."""
        self._left: tuple[State | None, float] = (None, float("-inf"))
        """The state in which a charge ended that nobody here had asked to end, and when."""
        self._first_s = float("inf")
        """When it was heard first."""
        self._is_switched_off = False
        """Emergency stop by command."""
        self._had_session = False
        self._output: SupplyOutput | None = None
        self._reported_s = float("-inf")
        self._said: dict[int, tuple[bytes, float]] = {}
        self._energy_wh = 0.0
        self._started_s = 0.0
        self._unlisten: Callable[[], None] = port.listen(
            self._take, can_id=self._base + wire.STATUS, mask=0x1FFF_F000, is_extended=True
        )
        port.hide(self._base + wire.EV_ID)

    def close(self) -> None:
        """Neither listen nor speak any longer."""
        self._drop_timer()
        self._unlisten()

    # ---------------------------------------------------------------------------------------------------------- asked

    async def identify(self) -> Identity:
        """Raises NoAnswer when it is not heard."""
        self._present()
        return Identity(vendor="Advantics", model=self._heard.board_name or "generic EVSE interface v3")

    async def read(self) -> ControllerReading:
        """Raises NoAnswer when its status has not come for 0.5 s."""
        self._present()
        output, heard = self._output or NOTHING, self._heard
        status, cause = self._status()
        is_over = not status.is_charging and not self._is_permitted
        return ControllerReading(
            status=status,
            flags=self._flags(status),
            cause=cause,
            boot_count=self._boots,
            session_ref=0 if is_over else self._session_ref,
            lease_left_s=max(0.0, self._lease_until_s - self._now()) if self._is_permitted else 0.0,
            limit_current_a=self._limit_a if self._is_permitted else 0.0,
            limit_power_w=self._limit_w if self._is_permitted else 0.0,
            voltage_v=output.voltage_v,
            current_a=(output.current_a, 0.0, 0.0),
            power_w=output.voltage_v * output.current_a,
            energy_wh=round(self._energy_wh),
            elapsed_s=round(self._now() - self._started_s) if self._session_ref else 0,
            ev_requests_energy=heard.state in SESSION and heard.state is not State.CHARGE_PAUSE,
            soc_pct=heard.soc_pct if heard.state not in IDLE else None,
            requested_voltage_v=heard.power.voltage_v if heard.state is State.CHARGING else None,
            requested_current_a=max(0.0, heard.power.max_current_a) if heard.state is State.CHARGING else None,
            is_request_bounded=True,
        )

    async def read_vehicle(self) -> VehicleData:
        self._present()
        return self._heard.vehicle

    async def read_diagnosis(self) -> Diagnosis:
        self._present()
        output, heard, board = self._output or NOTHING, self._heard, self._heard.board
        return Diagnosis(
            control_pilot_v=PILOT_V.get(heard.pilot) if heard.pilot is not None else None,
            control_pilot_duty_pct=heard.duty_pct if heard.pilot is not None else None,
            t1_c=board.t1_c,
            t2_c=board.t2_c,
            module_temperature_c=output.temperature_c,
            insulation_kohm=None if output.insulation_ohm is None else round(output.insulation_ohm / 1000),
            findings=(f"emergency stop by {heard.origin.name.lower()}",) if self._alarm and heard.origin else (),
        )

    # --------------------------------------------------------------------------------------------------------- orders

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
        """As the Protocol has it. While it still ends an earlier charge the new one begins behind that."""
        self._present()
        status, _ = self._status()
        if status.is_error:
            raise Refused(self._text(f"it is in {status.value}"))
        if status is ControllerStatus.F_UNKNOWN:
            raise NoAnswer(self._text("it is still starting"))
        if self._is_in_emergency:
            raise NoAnswer(self._text("it is still in an emergency stop"))
        if not self._is_permitted or self._session_ref != session_ref:
            self._energy_wh, self._started_s = 0.0, self._now()
        self._is_permitted, self._session_ref = True, session_ref
        self._cause, self._had_session = Cause.NONE, False
        self._stops_until_s = float("-inf")
        self._lend(current_a, power_w, valid_for_s)
        self._say_limits()
        self._say_sequence()

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        if not self._is_permitted:
            raise Refused(self._text("no start order is in force"))
        self._lend(current_a, power_w, valid_for_s)
        self._say_limits()

    async def stop(self) -> None:
        """Press its stop button: it ramps down, opens, lets the vehicle go. Raises NoAnswer when nothing goes out."""
        self._end(Cause.NONE)
        self._say(wire.SEQUENCE, wire.encoded_sequence(self._sequence()))
        if self._heard.state in SESSION:
            self._say(wire.SEQUENCE, wire.encoded_sequence(self._sequence(user_stop=True)))

    async def lock(self) -> None:
        raise Refused(self._text("the plug is locked by the vehicle"))

    async def unlock(self) -> None:
        raise Refused(self._text("the plug is unlocked at the vehicle"))

    async def emergency_stop(self) -> None:
        """Modules off at once, and the controller is told that the supply is gone, which it takes as an emergency."""
        self._is_switched_off = True
        self._end(Cause.EMERGENCY_COMMAND)
        self._say_supply()
        self._say(wire.SEQUENCE, wire.encoded_sequence(self._sequence()))

    async def reboot(self) -> None:
        """It has no such command; an emergency stop that was ordered is taken back."""
        if not self._is_switched_off:
            raise Refused(self._text("it cannot be restarted over CAN"))
        self._is_switched_off, self._cause = False, Cause.NONE

    async def set_clock(self, at: datetime) -> None:
        raise Refused(self._text("its clock is set by its own network"))

    async def parameters(self) -> tuple[Parameter, ...]:
        return ()

    async def write_parameter(self, name: str, value: int) -> Parameter:
        raise Refused(self._text("its parameters are in its own file"))

    # --------------------------------------------------------------------------------------------------------- supply

    def demand(self) -> PowerDemand:
        """What it wants of the modules now. No current before its contactors are closed."""
        heard, now = self._heard, self._now()
        is_late = now - heard.state_s > HEARD_WITHIN_S or now - heard.power_s > COMMAND_HOLDS_S
        is_allowed = self._is_permitted or now < self._stops_until_s
        if is_late or not is_allowed or self._is_switched_off or self._alarm is not None or self._fault is not None:
            return PowerDemand(False)
        if self._cause is Cause.LEASE_ENDED or heard.state not in SESSION | ENDING:
            return PowerDemand(False)
        power = heard.power
        asked_a = max(0.0, power.max_current_a)
        if power.function is Function.INSULATION_TEST:
            return PowerDemand(True, power.voltage_v, GENTLE_A)
        if power.function is Function.PRECHARGE:
            return PowerDemand(True, power.voltage_v, min(asked_a, GENTLE_A) or GENTLE_A)
        if power.function is Function.TRANSFER:
            since = heard.closed_since_s
            is_closed = since is not None and now - since >= CLOSED_FOR_S
            return PowerDemand(True, power.voltage_v, asked_a if is_closed else 0.0)
        return PowerDemand(False)

    def report(self, output: SupplyOutput) -> None:
        """Tell it of the supply. What cannot be sent is as if it had not been said: it ends the charge by itself."""
        now = self._now()
        before_s, self._reported_s = self._reported_s, now
        if self._output is not None and now - before_s < SUPPLY_GAP_S:
            self._energy_wh += max(0.0, self._output.voltage_v * self._output.current_a) * (now - before_s) / 3600
        elif self._output is not None and self._is_permitted and self._heard.state in SESSION:
            self._end(Cause.LEASE_ENDED)  # it has ended the charge, as it was not told of the supply
        self._output = output
        try:
            self._say_supply()
            if now - self._said.get(wire.LIMITS, (b"", float("-inf")))[1] >= REPEAT_S and self._is_permitted:
                self._say_limits(again=True)
            self._say_sequence(again=now - self._said.get(wire.SEQUENCE, (b"", float("-inf")))[1] >= REPEAT_S)
        except NoAnswer as error:
            log.debug("%s", error)

    # ------------------------------------------------------------------------------------------------------ permission

    def _lend(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        self._limit_a, self._limit_w = current_a, power_w
        self._lease_until_s = self._now() + valid_for_s
        self._drop_timer()
        self._lease_timer = asyncio.get_running_loop().call_at(self._lease_until_s, self._lease_ended)

    def _lease_ended(self) -> None:
        """Nobody renewed: the modules go off at once, the controller ends the charge."""
        self._end(Cause.LEASE_ENDED)
        try:
            self._say(wire.SEQUENCE, wire.encoded_sequence(self._sequence(user_stop=True)))
        except NoAnswer as error:
            log.debug("%s", error)

    def _end(self, cause: Cause) -> None:
        """The permission is withdrawn; the reference stays until the sequence is over."""
        if self._is_permitted:
            self._is_permitted = False
            self._cause = cause
            self._stops_until_s = self._now() + ENDS_WITHIN_S
            self._drop_timer()

    def _drop_timer(self) -> None:
        if self._lease_timer is not None:
            self._lease_timer.cancel()
            self._lease_timer = None

    def _sequence(self, *, user_stop: bool = False) -> wire.SequenceFlags:
        is_asked = self._heard.state is State.CCS_AUTHORISATION
        return wire.SequenceFlags(
            start_authorised=self._is_permitted,
            authorisation_done=self._is_permitted or is_asked,
            authorisation_valid=self._is_permitted,
            parameters_done=self._is_permitted,
            user_stop=user_stop,
        )

    @property
    def _is_enabled(self) -> bool:
        """Whether the controller may count on the supply: while permitted, and while it ends in order."""
        is_able = self._output is not None and self._output.is_able and not self._is_switched_off
        return is_able and (self._is_permitted or self._now() < self._stops_until_s)

    # ------------------------------------------------------------------------------------------------------------ said

    def _say_supply(self) -> None:
        output = self._output or NOTHING
        hot_c = 20.0 if output.temperature_c is None else output.temperature_c
        status = wire.SupplyStatus(
            output.voltage_v, output.current_a, hot_c, hot_c, self._is_enabled, (output.insulation_ohm or 0.0) / 1000
        )
        self._say(wire.SUPPLY, wire.encoded_supply(status))

    def _say_limits(self, *, again: bool = False) -> None:
        output = self._output or NOTHING
        volts = output.voltage_v if output.voltage_v > 50 else output.max_voltage_v
        most_w = min(self._limit_w, output.max_power_w)
        most_a = min(self._limit_a, output.max_current_a, most_w / volts if volts > 0 else 0.0)
        data = wire.encoded_limits(wire.SupplyLimits(output.max_voltage_v, most_a))
        if again or self._said.get(wire.LIMITS, (b"", 0.0))[0] != data:
            self._say(wire.LIMITS, data)

    def _say_sequence(self, *, again: bool = False) -> None:
        data = wire.encoded_sequence(self._sequence())
        if again or self._said.get(wire.SEQUENCE, (b"", 0.0))[0] != data:
            self._say(wire.SEQUENCE, data)

    def _say(self, which: int, data: bytes) -> None:
        self._port.send(wire.frame(self._pistol, which, data))
        self._said[which] = data, self._now()

    # --------------------------------------------------------------------------------------------------------- meaning

    def _on_state(self, before: State | None, after: State) -> None:
        if before is None:
            self._first_s = self._now()
            self._cause = Cause.LEASE_ENDED  # what an earlier run of this software permitted ended with that run
            return
        if after is State.INITIALISING:
            self._boots += 1
            self._end(Cause.OTHER)
            return
        if before in SESSION and after not in SESSION:
            self._had_session = True
            if self._heard.gap_s > SUPPLY_GAP_S:
                self._end(Cause.LEASE_ENDED)  # neither heard the other: it ended the charge by itself
            if self._is_permitted:
                self._left = before, self._now()
                if self._heard.has_vehicle:
                    self._fault = broken_off(before, after, (self._output or NOTHING).insulation_ohm)
                self._end(Cause.EV_STOPPED)

    def _on_emergency(self, origin: wire.Origin) -> None:
        """It explains a charge that has just ended; one in a charge that this software ended is no news."""
        output, state = self._output or NOTHING, self._heard.state
        left_state, left_s = self._left
        if not self._is_permitted and left_state is not None and self._now() - left_s <= EXPLAINS_WITHIN_S:
            state, self._fault = left_state, None
        elif not self._is_permitted and (state not in IDLE or self._now() - self._first_s < OURS_LASTS_S):
            return
        self._had_session = self._had_session or self._is_permitted
        if not output.is_able:
            self._end(Cause.MODULES_LOST)
            return
        found = emergency(origin, state, output.voltage_v, output.insulation_ohm)
        if found[0] is ControllerStatus.E9_EMERGENCY_STOP:
            self._alarm = found
        else:
            self._fault = found
        self._end(found[1])

    @property
    def _is_in_emergency(self) -> bool:
        """It tells of an emergency stop, whoever's."""
        return self._now() - self._heard.origin_s <= EMERGENCY_LASTS_S

    def _forget_vehicle(self) -> None:
        """What was of a vehicle that is gone."""
        self._had_session, self._fault = False, None
        if not self._is_permitted and self._now() - self._first_s > FIRST_WORDS_S:
            self._session_ref, self._cause = 0, Cause.NONE

    def _take(self, frame: CanFrame) -> None:
        """A frame of the controller. One that cannot be understood is as if it had not come."""
        try:
            self._heard.note(frame.can_id - self._base, frame.data, self._now())
        except ValueError as error:
            log.debug("%s", self._text(f"frame {frame}: {error}"))
        if not self._is_in_emergency:
            self._alarm = None
        elif self._heard.origin is wire.Origin.VEHICLE:
            return  # told on for a moment after the vehicle has left; no button
        elif self._heard.state in IDLE and self._now() - self._heard.emergency_since_s > OURS_LASTS_S:
            self._alarm = ControllerStatus.E9_EMERGENCY_STOP, Cause.EMERGENCY_BUTTON

    def _status(self) -> Fault:
        output = self._output
        if self._is_switched_off:
            return ControllerStatus.E9_EMERGENCY_STOP, Cause.EMERGENCY_COMMAND
        if self._alarm is not None:
            return self._alarm
        status, cause = status_of(
            self._heard, now_s=self._now(), had_session=self._had_session, voltage_v=(output or NOTHING).voltage_v
        )
        if self._fault is not None:
            return self._fault
        if output is not None and not output.is_able and status is not ControllerStatus.F_UNKNOWN:
            return ControllerStatus.E8_NO_MODULES, Cause.MODULES_LOST
        return status, cause if cause is not Cause.NONE else self._cause

    def _flags(self, status: ControllerStatus) -> HardwareFlag:
        heard = self._heard
        rows = (
            (HardwareFlag.INPUT_VOLTAGE, True),
            (HardwareFlag.EV_CONNECTED, heard.has_vehicle),
            (HardwareFlag.PRECHECK_DONE, status is not ControllerStatus.F_UNKNOWN),
            (HardwareFlag.OUTPUT_RELAY, heard.is_closed(self._now())),
            (HardwareFlag.CHARGING, heard.is_closed(self._now()) and heard.state is State.CHARGING),
        )
        flags = HardwareFlag(0)
        for flag, holds in rows:
            if holds:
                flags |= flag
        return flags

    def _present(self) -> None:
        if self._now() - self._heard.state_s > READ_WITHIN_S:
            raise NoAnswer(self._text("its status does not come"))
        if self._heard.pilot is None and self._now() - self._first_s < FIRST_WORDS_S:
            raise NoAnswer(self._text("it has not said yet whether a vehicle is there"))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _text(self, what: str) -> str:
        return f"Advantics controller {self._pistol} on port '{self._port.name}': {what}"
