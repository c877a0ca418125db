"""The last frames of an Advantics controller, and the groups of its states. No I/O.

Source: the maker's description of the generic EVSE interface (sequences_v3, can_v3).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from drivers.codecs import advantics as wire
from drivers.codecs.advantics import Function, Origin, Pilot, PowerCommand, State
from drivers.interfaces import VehicleData

IDLE = frozenset({State.WAITING_FOR_PEV, State.NOT_AVAILABLE})
BEFORE_INSULATION = frozenset({State.NEGOTIATING, State.CCS_AUTHORISATION, State.CONNECTED_WITH_FULL_INFO})
IN_CHARGE = frozenset({State.WAITING_FOR_CHARGE, State.CHARGING, State.CHARGE_PAUSE})
SESSION = BEFORE_INSULATION | IN_CHARGE | {State.INSULATION_TEST, State.PRECHARGE}
"""From the first word of the vehicle until it (or somebody) ends the charge."""
ENDING = frozenset({State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})
POWERED = (SESSION - BEFORE_INSULATION) | ENDING
"""States in which the output contactors may be closed."""
EMERGENCY_LASTS_S = 0.5
"""An emergency stop is told each 0.1 s; without that for so long it is over."""
COMMAND_HOLDS_S = 2.0
"""A power command is repeated as often as the vehicle asks (CCS: several times a second, up to a minute allowed)."""
BOARDS = {wire.BOARD_CUI1: "ADM-CO-CUI1", wire.BOARD_SECC: "ADM-CS-SECC", wire.BOARD_SPCC: "ADM-CS-SPCC"}


class Heard:
    """What was heard last; times are the event loop's, None and minus infinity: not yet.

    `on_state` is told of a change (before, after), `on_emergency` when an emergency stop begins, `on_vehicle_gone` when
    there is none any more.
    """

    def __init__(self) -> None:
        self.state: State | None = None
        self.state_s = -math.inf
        self.gap_s = 0.0
        """Between the last two words of its state."""
        self.power = PowerCommand(Function.OFF)
        self.power_s = -math.inf
        self.closed_since_s: float | None = None
        self.pilot: Pilot | None = None
        self.duty_pct = 0.0
        self.origin: Origin | None = None
        self.origin_s = -math.inf
        self.emergency_since_s = -math.inf
        self.board_name = ""
        self.board = wire.Board(None, None, None)
        self.vehicle = VehicleData()
        self.soc_pct: float | None = None
        self.on_state: Callable[[State | None, State], None] = lambda before, after: None
        self.on_emergency: Callable[[Origin], None] = lambda origin: None
        self.on_vehicle_gone: Callable[[], None] = lambda: None

    def is_closed(self, now_s: float) -> bool:
        """The output contactors, as far as the controller has said: outside of a charge its last word holds 2 s."""
        is_said = now_s - self.power_s <= COMMAND_HOLDS_S or self.state in IN_CHARGE
        return self.power.is_closed and self.state in POWERED and is_said

    @property
    def has_vehicle(self) -> bool:
        if self.pilot is not None:
            return self.pilot.has_vehicle or (self.pilot is Pilot.E_OR_F and self.state not in IDLE)
        return self.state in SESSION or self.state in ENDING

    def note(self, which: int, data: bytes, now_s: float) -> None:
        """Take a frame in. Raises ValueError for one that cannot be understood."""
        if which == wire.STATUS:
            state = wire.decoded_state(data)
            self.gap_s, self.state_s = now_s - self.state_s, now_s
            before, self.state = self.state, state
            if before is not self.state:
                self.on_state(before, self.state)
                self._look_for_vehicle()
        elif which == wire.POWER:
            self.power, self.power_s = wire.decoded_power(data), now_s
            if not self.power.is_closed:
                self.closed_since_s = None
            elif self.closed_since_s is None:
                self.closed_since_s = now_s
        elif which == wire.EMERGENCY:
            is_new = now_s - self.origin_s > EMERGENCY_LASTS_S
            self.origin, self.origin_s = wire.decoded_origin(data), now_s
            if is_new:
                self.emergency_since_s = now_s
                self.on_emergency(self.origin)
        elif which == wire.PILOT:
            self.pilot, self.duty_pct = wire.decoded_pilot(data)
            self._look_for_vehicle()
        elif which in BOARDS:
            self.board_name, self.board = BOARDS[which], wire.decoded_board(which, data)
        else:
            self._note_vehicle(which, data)

    def _look_for_vehicle(self) -> None:
        if self.state in IDLE and not self.has_vehicle:
            self.vehicle, self.soc_pct = VehicleData(), None
            self.on_vehicle_gone()

    def _note_vehicle(self, which: int, data: bytes) -> None:
        known, replace = self.vehicle, msgspec.structs.replace
        if which == wire.EV_BATTERY:
            battery = wire.decoded_battery(data)
            self.soc_pct = float(battery.soc_pct)
            self.vehicle = replace(known, battery_capacity_wh=battery.capacity_kwh * 1000 or None)
        elif which == wire.EV_VOLTAGES:
            voltages = wire.decoded_voltages(data)
            start_v = known.start_voltage_v or voltages.present_v or None
            self.vehicle = replace(known, max_voltage_v=voltages.max_v or None, start_voltage_v=start_v)
        elif which == wire.EV_LIMITS:
            limits = wire.decoded_limits_of_vehicle(data)
            max_w = limits.max_kw * 1000.0 or None
            self.vehicle = replace(known, max_current_a=limits.max_a or None, max_power_w=max_w)
        elif which == wire.EV_ID and len(data) >= 6:
            self.vehicle = replace(known, uid=data[:6].hex().upper())
