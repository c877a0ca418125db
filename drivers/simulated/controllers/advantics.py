"""The far side of `driver = "advantics"`: a controller that speaks to the vehicle and leaves power to others, on CAN.

Its sequence is that of the model; what the real one waits for on the way (authorisation, parameters, voltage,
insulation) is waited for here as well. Without word of the supply for 0.5 s it ends a charge by itself. An
authorisation that is left standing begins the next charge: a vehicle that is still there charges again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from drivers.codecs import advantics as wire
from drivers.codecs.advantics import Function, Origin, Pilot, State
from drivers.codecs.can import CanFrame
from drivers.interfaces import Cause, ControllerStatus
from drivers.native.codes import Command
from drivers.simulated.controller import STARTABLE, Controller
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import FOREIGN

S = ControllerStatus

CYCLE_S = 0.1
SLOW_CYCLE_S = 1.0
SUPPLY_TIMEOUT_S = 0.5
NEGOTIATION_S = 1.0
INSULATION_WITHIN_S = 15.0
GOOD_CYCLES = 10
LEAST_OHM, OHM_PER_V = 100_000.0, 100.0
NEAR_V, LOW_V = 20.0, 20.0
TEST_V = 500.0
EMERGENCY_S = 2.0

STATES = {
    S.C1_CABLE_LOCK: State.CONNECTED_WITH_FULL_INFO,
    S.C2_INSULATION_TEST: State.INSULATION_TEST,
    S.C3_INSULATION_OK: State.INSULATION_TEST,
    S.C4_PRECHARGE: State.PRECHARGE,
    S.C5_PRECHARGE_DONE: State.WAITING_FOR_CHARGE,
    S.C6_CHARGING: State.CHARGING,
    S.C7_RAMP_DOWN: State.ENDING_CHARGE,
    S.C8_SHUTDOWN: State.ENDING_CHARGE,
    S.C9_CABLE_UNLOCK: State.CLOSING_COMMUNICATION,
}
POWERED = frozenset(STATES) - {S.C1_CABLE_LOCK}
BEFORE_CHARGE = (S.C1_CABLE_LOCK, S.C2_INSULATION_TEST, S.C3_INSULATION_OK, S.C4_PRECHARGE, S.C5_PRECHARGE_DONE)


def face(model: Controller, part: DevicePart) -> SeccFace:
    """The controller with the pistol index of its section."""
    return SeccFace(model, part.address)


class SeccFace:
    """A node on the bus. `supply`, `limits`, `flags` are what it was told last."""

    def __init__(self, model: Controller, pistol: int = wire.PISTOL) -> None:
        self.model = model
        self.pistol = pistol
        self.send: Callable[[CanFrame], None] = lambda frame: None
        self.supply = wire.SupplyStatus(0, 0, 20, 20, False, 0)
        self.supply_s = -math.inf
        self.limits = wire.SupplyLimits(0.0, 0.0)
        self.flags = wire.SequenceFlags()
        self.is_mute = False
        """It lives on but says nothing."""
        self._next_s = self._next_slow_s = -math.inf
        self._negotiates_since_s: float | None = None
        self._good = 0
        self._test_since_s: float | None = None
        self._emergency_until_s = -math.inf
        self._origin = Origin.EVSE
        self._orders = 0
        self._boots = model.boot_count
        self._said_finished = True
        model.may_go_on = self._may_go_on
        model.own_will = self._act

    # Told -----------------------------------------------------------------------------------------------------------

    def received(self, frame: CanFrame, now_s: float) -> None:
        which = frame.can_id - wire.base(self.pistol)
        if not self.model.answers or not frame.is_extended:
            return
        if which == wire.SUPPLY:
            self.supply, self.supply_s = wire.decoded_supply(frame.data), now_s
            self._judge_supply()
        elif which == wire.LIMITS:
            self.limits = wire.decoded_limits(frame.data)
        elif which == wire.SEQUENCE:
            before, self.flags = self.flags, wire.decoded_sequence(frame.data)
            if self.flags.user_stop and not before.user_stop:
                self._negotiates_since_s = None
                self._order(Command.STOP)
        self.model.decide()

    def _judge_supply(self) -> None:
        """What the supply says may be an emergency."""
        supply, status = self.supply, self.model.status
        if status in (S.C4_PRECHARGE, S.C5_PRECHARGE_DONE, S.C6_CHARGING):
            is_low = supply.insulation_kohm * 1000 < OHM_PER_V * supply.voltage_v
            if is_low or (status is S.C6_CHARGING and not supply.is_enabled):
                self._emergency(Origin.EVSE)

    def _emergency(self, origin: Origin) -> None:
        self._origin, self._emergency_until_s = origin, self.model.now_s + EMERGENCY_S
        self._order(Command.STOP)

    # Does -----------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """What it wants of itself: begin when it may, renew its own lease from what it hears."""
        model, now_s = self.model, self.model.now_s
        if model.boot_count != self._boots:
            self._boots = model.boot_count
            self.flags, self.supply_s, self._negotiates_since_s = wire.SequenceFlags(), -math.inf, None
            self._emergency_until_s = -math.inf
        left_s = min(max(0.0, SUPPLY_TIMEOUT_S - (now_s - self.supply_s)), SUPPLY_TIMEOUT_S)
        if model.is_permitted:
            if left_s <= 0 and model.lease_left_s > 0:
                self._emergency_until_s = now_s + EMERGENCY_S
            model.lease_left_s = left_s
            model.granted_current_a = self.limits.max_current_a or model.hardware.max_current_a
            model.granted_power_w = model.hardware.max_power_w
            return
        vehicle = model.vehicle
        may_begin = (
            self.flags.start_authorised
            and model.status in STARTABLE
            and vehicle is not None
            and vehicle.asks
            and not vehicle.finished
            and now_s >= self._emergency_until_s
        )
        if not may_begin:
            self._negotiates_since_s = None
        elif self._negotiates_since_s is None:
            self._negotiates_since_s = now_s
        elif now_s - self._negotiates_since_s >= NEGOTIATION_S and self.flags.authorisation_done:
            self._negotiates_since_s = None
            if self.flags.authorisation_valid:
                model.lease_left_s = max(left_s, 0.01)
                model.granted_current_a = self.limits.max_current_a or model.hardware.max_current_a
                model.granted_power_w = model.hardware.max_power_w
                self._order(Command.START)

    def _may_go_on(self, status: ControllerStatus) -> bool:
        """What the sequence waits for at the end of a status."""
        supply, vehicle = self.supply, self.model.vehicle
        if status is S.C1_CABLE_LOCK:
            return self.flags.parameters_done and supply.is_enabled
        if status is S.C2_INSULATION_TEST:
            return self._good >= GOOD_CYCLES
        if status is S.C3_INSULATION_OK:
            return supply.voltage_v <= LOW_V
        if status is S.C4_PRECHARGE:
            return vehicle is not None and abs(supply.voltage_v - vehicle.battery_voltage_v) <= NEAR_V
        return True

    def _order(self, command: Command) -> None:
        self._orders = self._orders % 0xFFFF + 1
        self.model.order(self._orders, command, FOREIGN, 0)

    # Says -----------------------------------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        self.model.decide()
        if self.is_mute or not self.model.is_powered or not self._is_heard:
            return
        if now_s < self._next_s:
            return
        self._next_s = max(self._next_s + CYCLE_S, now_s + CYCLE_S / 2)
        self._count_insulation(now_s)
        self._say(wire.STATUS, bytes((self.state,)))
        self._say(wire.PILOT, wire.encoded_pilot(self.pilot, 5.0 if self.state is not State.NOT_AVAILABLE else 100.0))
        status = self.model.status
        if status in POWERED:
            self._say(wire.POWER, wire.encoded_power(self._command()))
        if status is S.C1_CABLE_LOCK:
            self._say(wire.SESSION, b"\x02\x01")
        if self._is_emergency:
            origin = Origin.VEHICLE if status is S.E3_EV_FAULT else self._origin
            self._say(wire.EMERGENCY, bytes((origin,)))
        if status is S.C9_CABLE_UNLOCK and not self._said_finished:
            self._say(wire.FINISHED, b"\x00")
        self._said_finished = status is S.C9_CABLE_UNLOCK
        if now_s >= self._next_slow_s:
            self._next_slow_s = now_s + SLOW_CYCLE_S
            self._say_slowly()

    @property
    def _is_heard(self) -> bool:
        return "silent" not in self.model.faults

    @property
    def _is_emergency(self) -> bool:
        status = self.model.status
        return self.model.now_s < self._emergency_until_s or status in (S.E9_EMERGENCY_STOP, S.E3_EV_FAULT)

    @property
    def state(self) -> State:
        status = self.model.status
        if status is S.F_UNKNOWN:
            return State.INITIALISING
        if status in STATES:
            return STATES[status]
        if status.is_error:
            return State.CLOSING_COMMUNICATION if self.model.vehicle is not None else State.NOT_AVAILABLE
        if self.model.is_permitted:
            return State.CCS_AUTHORISATION
        since = self._negotiates_since_s
        if since is not None:
            is_asking = self.model.now_s - since >= NEGOTIATION_S
            return State.CCS_AUTHORISATION if is_asking else State.NEGOTIATING
        return State.WAITING_FOR_PEV if self.flags.start_authorised else State.NOT_AVAILABLE

    @property
    def pilot(self) -> Pilot:
        model = self.model
        if model.vehicle is None:
            return Pilot.A
        if model.status is S.E1_COMMUNICATION and model.cause is Cause.PILOT_FAULT:
            return Pilot.E_OR_F
        return Pilot.C if model.status in POWERED else Pilot.B

    def _count_insulation(self, now_s: float) -> None:
        """Ten good values in a row let the insulation test pass; it is given up after a while."""
        if self.model.status is not S.C2_INSULATION_TEST:
            self._good, self._test_since_s = 0, None
            return
        if self._test_since_s is None:
            self._test_since_s = now_s
        supply = self.supply
        is_good = supply.voltage_v >= 0.9 * self._test_v and supply.insulation_kohm * 1000 >= LEAST_OHM
        self._good = self._good + 1 if is_good else 0
        if now_s - self._test_since_s > INSULATION_WITHIN_S:
            self._order(Command.STOP)

    @property
    def _test_v(self) -> float:
        vehicle = self.model.vehicle
        return TEST_V if vehicle is None else min(TEST_V, vehicle.highest_voltage_v)

    def _command(self) -> wire.PowerCommand:
        status, vehicle = self.model.status, self.model.vehicle
        is_closed = self.model.contactor.is_closed
        if vehicle is not None and status is S.C2_INSULATION_TEST:
            return wire.PowerCommand(Function.INSULATION_TEST, self._test_v, is_closed=is_closed)
        if vehicle is not None and status is S.C4_PRECHARGE:
            return wire.PowerCommand(Function.PRECHARGE, vehicle.battery_voltage_v, 2.0, is_range=True)
        if vehicle is not None and status is S.C6_CHARGING:
            wished_a = min(vehicle.wished_current_a, self.model.limit_current_a)
            return wire.PowerCommand(
                Function.TRANSFER, vehicle.highest_voltage_v, wished_a, wished_a, is_closed=is_closed
            )
        return wire.PowerCommand(Function.STANDBY, is_closed=is_closed, lowers_voltage=status is S.C8_SHUTDOWN)

    def _say_slowly(self) -> None:
        model, vehicle = self.model, self.model.vehicle
        board = wire.Board(45.0, model.temperature_c, None)
        self._say(wire.BOARD_SECC, wire.encoded_board(wire.BOARD_SECC, board))
        if vehicle is None or model.status not in STATES:
            return
        options = vehicle.options
        battery = wire.Battery(
            round(options.capacity_wh / 1000), round(vehicle.soc_pct), 0, round(options.target_soc_pct), 100
        )
        self._say(wire.EV_BATTERY, wire.encoded_battery(battery))
        voltages = wire.Voltages(150.0, vehicle.highest_voltage_v, vehicle.battery_voltage_v)
        self._say(wire.EV_VOLTAGES, wire.encoded_voltages(voltages))
        most_a = 500.0 if options.current_a is None else options.current_a
        most_kw = 0 if options.max_power_w is None else round(options.max_power_w / 1000)
        self._say(wire.EV_LIMITS, wire.encoded_limits_of_vehicle(wire.ChargeLimits(0.0, most_a, 0, most_kw)))
        self._say(wire.EV_ID, options.vin.encode("ascii").ljust(6, b"\0")[:6])

    def _say(self, which: int, data: bytes) -> None:
        self.send(wire.frame(self.pistol, which, data))
