"""What a simulated controller and its vehicle say to each other, in step with the status, for the ring of frames.

GB/T 27930-2015 with its transfers, CHAdeMO 1.x, CCS in words, changes of the pilot. Cyclic frames are looked at four
times a second, and the ring keeps only those that say something new, or once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.interfaces import Cause, ConnectorType, ControllerStatus, FrameKind

if TYPE_CHECKING:
    from drivers.simulated.controller_state import ControllerState
    from drivers.simulated.vehicle import Vehicle

S = ControllerStatus

LOOK_S = 0.25
CELLS_S = 10.0
"""How often the battery tells the voltages of its cells."""
CHARGER, BATTERY = 0x56, 0xF4
CHARGER_NUMBER = 0x01010101
STATE_V = {"A": 12.0, "B": 9.0, "C": 6.0, "E": 0.0, "F": -12.0}
DUTY_A_PER_PCT = 0.6
CCS_DUTY_PCT = 5.0
_WITH_PILOT = frozenset(
    {
        ConnectorType.TYPE1, ConnectorType.TYPE2, ConnectorType.GBT_AC, ConnectorType.CCS1, ConnectorType.CCS2,
        ConnectorType.TESLA, ConnectorType.NACS,
    }
)  # fmt: skip


class VehicleTalk:
    """The frames of one controller. `entered` and `passed` are called when its status changed and when time passed."""

    def __init__(self, controller: ControllerState) -> None:
        self._controller = controller
        self._looked_s = self._state_told_s = self._cells_told_s = float("-inf")
        self._pilot = ""
        kind = controller.hardware.type
        self._has_pilot = kind in _WITH_PILOT
        tellers: dict[ConnectorType, tuple[Callable[[S], None], Callable[[Vehicle], None]]] = {
            ConnectorType.GBT: (self._gbt_entered, self._gbt_cycle),
            ConnectorType.CHADEMO: (self._chademo_entered, self._chademo_cycle),
            ConnectorType.CCS1: (self._ccs_entered, self._ccs_cycle),
            ConnectorType.CCS2: (self._ccs_entered, self._ccs_cycle),
        }
        self._entered, self._cycle = tellers.get(kind, (lambda status: None, lambda vehicle: None))
        self._is_silent = not controller.hardware.keeps_frames

    def entered(self, status: ControllerStatus) -> None:
        """The status is now `status`."""
        if not self._is_silent:
            self._entered(status)
            self._looked_s = float("-inf")

    def passed(self) -> None:
        """Time has passed, or something came in."""
        if self._is_silent:
            return
        controller = self._controller
        if self._has_pilot:
            self._tell_pilot()
        vehicle = controller.vehicle
        if vehicle is None or not controller.status.is_charging or controller.now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = controller.now_s
        self._cycle(vehicle)

    def _keep(self, kind: FrameKind, can_id: int, data: bytes, *, also_again: bool = False) -> None:
        self._controller.frames.keep(self._controller.now_s, kind, can_id, data, also_again=also_again)

    def _say(self, *texts: str) -> None:
        for text in texts:
            self._keep(FrameKind.CCS, 0, text.encode(), also_again=True)

    # ---------------------------------------------------------------------------------------------------- the pilot

    def _tell_pilot(self) -> None:
        controller = self._controller
        vehicle, is_dc = controller.vehicle, controller.hardware.is_dc
        letter = "A" if vehicle is None else "C" if vehicle.asks else "B"
        if controller.status.is_error or not controller.is_powered:
            letter = "F"
        duty_pct = 100.0
        if is_dc and vehicle is not None:
            duty_pct = CCS_DUTY_PCT
        elif controller.is_permitted and controller.limit_current_a >= 6:
            duty_pct = controller.limit_current_a / DUTY_A_PER_PCT
        duty = "-" if letter in "AF" else f"{duty_pct:.1f}"
        text = f"{letter} {STATE_V[letter]:.1f} {duty}"
        if text != self._pilot:
            self._pilot = text
            self._keep(FrameKind.PILOT, 0, text.encode(), also_again=True)

    # --------------------------------------------------------------------------------------------------------- GB/T

    def _gbt(self, priority: int, group: int, data: bytes, *, from_battery: bool, again: bool = True) -> None:
        """One message; by the transport protocol when it is longer than 8 bytes."""
        source, destination = (BATTERY, CHARGER) if from_battery else (CHARGER, BATTERY)
        here, there = destination << 8 | source, source << 8 | destination
        if len(data) <= 8:
            self._keep(FrameKind.GBT, priority << 26 | group << 8 | here, data, also_again=again)
            return
        packets = (len(data) + 6) // 7
        size, number = len(data).to_bytes(2, "little"), group.to_bytes(3, "little")
        control, packet = 7 << 26 | 0xEC00 << 8, 7 << 26 | 0xEB00 << 8
        self._keep(FrameKind.GBT, control | here, bytes((16, *size, packets, 0xFF)) + number, also_again=True)
        self._keep(FrameKind.GBT, control | there, bytes((17, packets, 1, 0xFF, 0xFF)) + number, also_again=True)
        for at in range(packets):
            piece = data[7 * at : 7 * at + 7].ljust(7, b"\xff")
            self._keep(FrameKind.GBT, packet | here, bytes((at + 1,)) + piece, also_again=True)
        self._keep(FrameKind.GBT, control | there, bytes((19, *size, packets, 0xFF)) + number, also_again=True)

    def _gbt_entered(self, status: ControllerStatus) -> None:
        controller, vehicle = self._controller, self._controller.vehicle
        if status.is_error:
            silent = controller.cause is Cause.EV_SILENT
            self._gbt(2, 0x1F00, bytes((0xFC, 0xF0, 0xC4 if silent else 0xC0, 0xFC)), from_battery=False)
        if vehicle is None:
            return
        if status is S.B1_NEGOTIATION:
            self._gbt_handshake(vehicle)
        elif status is S.C1_CABLE_LOCK:
            self._gbt(4, 0x0900, b"\x00", from_battery=True)
            self._gbt(4, 0x0A00, b"\x00", from_battery=False)
        elif status is S.C4_PRECHARGE:
            self._gbt(4, 0x0900, b"\xaa", from_battery=True)
        elif status is S.C5_PRECHARGE_DONE:
            self._gbt(4, 0x0A00, b"\xaa", from_battery=False)
        elif status is S.C7_RAMP_DOWN:
            full = vehicle.finished
            if full:
                self._gbt(4, 0x1900, b"\x01\x00\x00\x00", from_battery=True)
            self._gbt(4, 0x1A00, b"\x40\x00\xf0\xf0" if full else b"\x04\x00\xf0\xf0", from_battery=False)
            if not full:
                self._gbt(4, 0x1900, b"\x40\x00\x00\x00", from_battery=True)
        elif status is S.C8_SHUTDOWN:
            soc = min(round(vehicle.soc_pct), 255)
            cell = _cell(vehicle)
            low, high = (cell - 1).to_bytes(2, "little"), cell.to_bytes(2, "little")
            celsius = _celsius(vehicle)
            self._gbt(6, 0x1C00, bytes((soc, *low, *high, celsius, celsius + 1)), from_battery=True)
            minutes, energy = int(controller.session_elapsed_s / 60), round(controller.output.session_wh / 100)
            told = min(minutes, 0xFFFE).to_bytes(2, "little") + min(energy, 0xFFFE).to_bytes(2, "little")
            self._gbt(6, 0x1D00, told + CHARGER_NUMBER.to_bytes(4, "little"), from_battery=False)

    def _gbt_handshake(self, vehicle: Vehicle) -> None:
        options, hardware = vehicle.options, self._controller.hardware
        number = CHARGER_NUMBER.to_bytes(4, "little")
        highest = _volt(vehicle.highest_voltage_v)
        self._gbt(6, 0x2600, b"\x01\x01\x00", from_battery=False)
        self._gbt(6, 0x2700, highest, from_battery=True)
        self._gbt(6, 0x0100, b"\x00" + number + b"010", from_battery=False)
        capacity = round(options.capacity_wh / options.battery_v * 10)
        brm = b"\x01\x01\x00\x03" + min(capacity, 0xFFFE).to_bytes(2, "little") + _volt(options.battery_v)
        brm += b"SIM0" + (7).to_bytes(4, "little") + bytes((40, 3, 14, 12, 0, 0, 1, 0xFF))
        brm += options.vin.encode("ascii")[:17].ljust(17, b"\xff") + bytes((1, 20, 1)) + (2025).to_bytes(2, "little")
        self._gbt(7, 0x0200, brm.ljust(49, b"\xff"), from_battery=True)
        self._gbt(6, 0x0100, b"\xaa" + number + b"010", from_battery=False)
        bcp = (365).to_bytes(2, "little") + _ampere(-_full_a(vehicle))
        bcp += min(round(options.capacity_wh / 100), 0xFFFE).to_bytes(2, "little") + highest + bytes((105,))
        bcp += round(min(vehicle.soc_pct, 100) * 10).to_bytes(2, "little") + _volt(vehicle.battery_voltage_v)
        self._gbt(7, 0x0600, bcp, from_battery=True)
        self._gbt(6, 0x0700, b"\xff" * 7, from_battery=False)
        limits = _volt(1000.0) + _volt(200.0) + _ampere(-hardware.max_current_a) + _ampere(0.0)
        self._gbt(6, 0x0800, limits, from_battery=False)

    def _gbt_cycle(self, vehicle: Vehicle) -> None:
        controller = self._controller
        if controller.status is not S.C6_CHARGING:
            return
        now_s, output = controller.now_s, controller.output
        volts, amperes = _volt(output.voltage_v), _ampere(-output.current_a)
        demand = _volt(vehicle.highest_voltage_v) + _ampere(-vehicle.wished_current_a) + b"\x02"
        self._gbt(6, 0x1000, demand, from_battery=True, again=False)
        minutes = min(int(controller.session_elapsed_s / 60), 0xFFFE).to_bytes(2, "little")
        self._gbt(6, 0x1200, volts + amperes + minutes + b"\xfd\xff", from_battery=False, again=False)
        celsius = _celsius(vehicle)
        self._gbt(6, 0x1300, bytes((30, celsius + 1, 6, celsius, 15, 0, 0x10)), from_battery=True, again=False)
        if now_s - self._state_told_s >= 1.0:
            self._state_told_s = now_s
            left = vehicle.remaining_s(output.power_w)
            minutes_left = 0xFFFF if left is None else min(round(left / 60), 600)
            cell = (_cell(vehicle) | 6 << 12).to_bytes(2, "little")
            state = volts + amperes + cell + bytes((min(round(vehicle.soc_pct), 255),))
            self._gbt(7, 0x1100, state + minutes_left.to_bytes(2, "little"), from_battery=True)
        if now_s - self._cells_told_s >= CELLS_S:
            self._cells_told_s = now_s
            cells = b"".join((_cell(vehicle) - at % 3 | 1 << 12).to_bytes(2, "little") for at in range(16))
            self._gbt(7, 0x1500, cells, from_battery=True)

    # ------------------------------------------------------------------------------------------------------ CHAdeMO

    def _chademo_entered(self, status: ControllerStatus) -> None:
        vehicle = self._controller.vehicle
        if vehicle is not None and (status in (S.C1_CABLE_LOCK, S.B2_FINISHED) or status.is_error):
            self._chademo_cycle(vehicle)

    def _chademo_cycle(self, vehicle: Vehicle) -> None:
        controller = self._controller
        status, output = controller.status, controller.output
        gives = status in (S.C4_PRECHARGE, S.C5_PRECHARGE_DONE, S.C6_CHARGING)
        limit_a = min(int(controller.limit_current_a), 255)
        highest = min(round(vehicle.highest_voltage_v), 0xFFFE)
        charger = bytes((1, *_u16(min(500, highest)), limit_a, *_u16(highest), 0, 0))
        self._keep(FrameKind.CHADEMO, 0x108, charger)
        capacity = min(round(vehicle.options.capacity_wh / 100), 0xFFFE)
        self._keep(FrameKind.CHADEMO, 0x100, bytes((0, 0, *_u16(200), *_u16(highest), 100, 0)))
        self._keep(FrameKind.CHADEMO, 0x101, bytes((0, 0xFF, 90, 30, 0, *_u16(capacity), 0)))
        stops = vehicle.finished or status in (S.C7_RAMP_DOWN, S.C8_SHUTDOWN, S.C9_CABLE_UNLOCK, S.B2_FINISHED)
        flags = gives | (status is not S.C6_CHARGING) << 3 | vehicle.finished << 4
        asks_a = min(round(vehicle.wished_current_a), 255) if status is S.C6_CHARGING else 0
        asked = bytes((2, *_u16(highest), asks_a, 0, flags, min(round(vehicle.soc_pct), 100), 0))
        self._keep(FrameKind.CHADEMO, 0x102, asked)
        state = (status is S.C6_CHARGING) | status.is_error << 1 | controller.locked << 2 | stops << 5
        left = vehicle.remaining_s(output.power_w)
        minutes = 0 if left is None else min(round(left / 60), 254)
        told = bytes((2, *_u16(round(output.voltage_v)), min(round(output.current_a), 255), 0, state, 0xFF, minutes))
        self._keep(FrameKind.CHADEMO, 0x109, told)

    # ---------------------------------------------------------------------------------------------------------- CCS

    def _ccs_entered(self, status: ControllerStatus) -> None:
        controller, vehicle = self._controller, self._controller.vehicle
        if status.is_error:
            self._say(f"communication ended: {controller.cause.value.replace('_', ' ')}")
        if vehicle is None:
            return
        target_v, output = vehicle.highest_voltage_v, controller.output
        identity = vehicle.options.vin or "00:7D:FA:00:00:01"
        rows: dict[ControllerStatus, tuple[str, ...]] = {
            S.B1_NEGOTIATION: (
                "SupportedAppProtocolReq DIN 70121:2012", "SupportedAppProtocolRes OK",
                f"SessionSetupReq EVCCID={identity}", "SessionSetupRes OK_NewSessionEstablished",
                "ServiceDiscoveryReq", "ServiceDiscoveryRes ExternalPayment",
            ),
            S.C1_CABLE_LOCK: (
                f"ChargeParameterDiscoveryReq EVMaximumVoltageLimit={target_v:.1f} V "
                f"EVMaximumCurrentLimit={_full_a(vehicle):.1f} A EVRESSSOC={min(round(vehicle.soc_pct), 100)} %",
                f"ChargeParameterDiscoveryRes EVSEMaximumCurrentLimit={controller.hardware.max_current_a:.1f} A",
            ),
            S.C2_INSULATION_TEST: ("CableCheckReq", "CableCheckRes Ongoing"),
            S.C3_INSULATION_OK: ("CableCheckReq", "CableCheckRes Finished EVSEIsolationStatus=Valid"),
            S.C4_PRECHARGE: (f"PreChargeReq EVTargetVoltage={vehicle.battery_voltage_v:.1f} V",),
            S.C5_PRECHARGE_DONE: (f"PreChargeRes EVSEPresentVoltage={output.voltage_v:.1f} V",),
            S.C6_CHARGING: ("PowerDeliveryReq ReadyToChargeState=true", "PowerDeliveryRes OK"),
            S.C7_RAMP_DOWN: (
                "PowerDeliveryReq ReadyToChargeState=false" if vehicle.finished else "CurrentDemandRes EVSE_Shutdown",
            ),
            S.C8_SHUTDOWN: ("WeldingDetectionReq", f"WeldingDetectionRes EVSEPresentVoltage={output.voltage_v:.1f} V"),
            S.C9_CABLE_UNLOCK: ("SessionStopReq", "SessionStopRes OK"),
        }  # fmt: skip
        self._say(*rows.get(status, ()))

    def _ccs_cycle(self, vehicle: Vehicle) -> None:
        """What cycles each 250 ms on the wire, the controller words once a second."""
        controller = self._controller
        if controller.status is not S.C6_CHARGING or controller.now_s - self._state_told_s < 1.0:
            return
        self._state_told_s = controller.now_s
        output = controller.output
        self._say(
            f"CurrentDemandReq EVTargetVoltage={vehicle.highest_voltage_v:.1f} V "
            f"EVTargetCurrent={vehicle.wished_current_a:.1f} A EVRESSSOC={min(round(vehicle.soc_pct), 100)} %",
            f"CurrentDemandRes EVSEPresentVoltage={output.voltage_v:.1f} V EVSEPresentCurrent={output.current_a:.1f} A",
        )


def _u16(number: int) -> bytes:
    return max(0, min(number, 0xFFFF)).to_bytes(2, "little")


def _volt(voltage_v: float) -> bytes:
    return _u16(round(voltage_v * 10))


def _ampere(current_a: float) -> bytes:
    return _u16(round((current_a + 400) * 10))


def _full_a(vehicle: Vehicle) -> float:
    return 200.0 if vehicle.options.current_a is None else min(vehicle.options.current_a, 400.0)


def _celsius(vehicle: Vehicle) -> int:
    return max(0, min(round(vehicle.temperature_c) + 50, 200))


def _cell(vehicle: Vehicle) -> int:
    """A cell's voltage in 0.01 V, as if there were so many that each has 3.65 V when all are nominal."""
    return round(vehicle.battery_voltage_v / vehicle.options.battery_v * 365)
