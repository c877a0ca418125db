"""Frames of the Advantics generic EVSE interface, version 3.6 (CAN, 29-bit identifiers, little-endian). No I/O.

Source: the maker's CAN database Advantics_Generic_EVSE_protocol_v3.6.dbc and its description (sequences_v3, can_v3).
Both sides of each frame stand here: the driver encodes what the simulated controller decodes, and the other way round.
"""

from __future__ import annotations

import enum
import struct

import msgspec

from drivers.codecs.can import CanFrame

PISTOL = 3
"""Index of a pistol as delivered: its identifiers are 63xxx and 6Bxxx."""
STATUS, SESSION, CHARGE, POWER, FINISHED, EMERGENCY = 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005
EV_BATTERY, EV_VOLTAGES, EV_LIMITS, EV_ID = 0x8100, 0x8101, 0x8102, 0x8105
BOARD_CUI1, BOARD_SECC, BOARD_SPCC, PILOT = 0x8200, 0x8201, 0x8202, 0x8203
"""From the controller; to be added to the pistol's base."""
SUPPLY, LIMITS, SEQUENCE = 0x0000, 0x0001, 0x0002
"""To the controller."""
_COLDEST_C = -40
_LEAST_KOHM, _MOST_KOHM = 0, 510


def base(pistol: int) -> int:
    """What is added to the identifiers of a pistol: 63000 and 6B000 are those of index 3."""
    return 0x60000 + 0x1000 * pistol


class State(enum.IntEnum):
    """State of the controller (frame 6B000)."""

    INITIALISING = 0
    WAITING_FOR_PEV = 1
    NEGOTIATING = 2
    CONNECTED_WITH_FULL_INFO = 3
    INSULATION_TEST = 4
    PRECHARGE = 5
    WAITING_FOR_CHARGE = 6
    CHARGING = 7
    ENDING_CHARGE = 8
    WELDING_DETECTION = 9
    CLOSING_COMMUNICATION = 10
    CCS_AUTHORISATION = 11
    NOT_AVAILABLE = 12
    CHARGE_PAUSE = 13


class Function(enum.IntEnum):
    """What the power modules are to do (frame 6B003)."""

    OFF = 0
    STANDBY = 1
    INSULATION_TEST = 2
    PRECHARGE = 4
    TRANSFER = 8


class Pilot(enum.IntEnum):
    """Voltage of the control pilot, as state (frame 6B203)."""

    E_OR_F = 0
    D = 3
    C = 6
    B = 9
    A = 12

    @property
    def has_vehicle(self) -> bool:
        return self in (Pilot.B, Pilot.C, Pilot.D)


class Origin(enum.IntEnum):
    """Who asked for an emergency stop (frame 6B005)."""

    EVSE = 1
    VEHICLE = 3


class PowerCommand(msgspec.Struct, frozen=True):
    """Frame 6B003: what the vehicle wants of the power modules, and where the output contactors stand."""

    function: Function
    voltage_v: float = 0.0
    max_current_a: float = 0.0
    min_current_a: float = 0.0
    is_range: bool = False
    is_closed: bool = False
    lowers_voltage: bool = False


class SupplyStatus(msgspec.Struct, frozen=True):
    """Frame 63000: what the power modules give. Insulation in steps of 2 kohm, 510 is that or more."""

    voltage_v: float
    current_a: float
    modules_c: float
    enclosure_c: float
    is_enabled: bool
    insulation_kohm: float


class SupplyLimits(msgspec.Struct, frozen=True):
    """Frame 63001. A 0 on the wire means "as configured in the controller", so a limit of 0 A is not sayable."""

    max_voltage_v: float
    max_current_a: float
    max_discharge_a: float = 0.0
    range_target_a: float = 0.0


class SequenceFlags(msgspec.Struct, frozen=True):
    """Frame 63002. The buttons act when they go from 0 to 1."""

    start_authorised: bool = False
    chademo_start: bool = False
    authorisation_done: bool = False
    authorisation_valid: bool = False
    parameters_done: bool = False
    user_stop: bool = False


class Battery(msgspec.Struct, frozen=True):
    """Frame 6B100; percentages that the vehicle does not tell are 0."""

    capacity_kwh: int
    soc_pct: int
    min_soc_pct: int = 0
    target_soc_pct: int = 0
    max_soc_pct: int = 0


class Voltages(msgspec.Struct, frozen=True):
    """Frame 6B101."""

    min_v: float
    max_v: float
    present_v: float


class ChargeLimits(msgspec.Struct, frozen=True):
    """Frame 6B102."""

    min_a: float
    max_a: float
    min_kw: int
    max_kw: int


class Board(msgspec.Struct, frozen=True):
    """The temperature channels of frames 6B200 to 6B202; None where none is wired (the end of the scale)."""

    cpu_c: float | None
    t1_c: float | None
    t2_c: float | None


# Frames of the controller ------------------------------------------------------------------------------------------


def decoded_state(data: bytes) -> State:
    """Raises ValueError, as all that follow, for a frame that is too short or says what the database does not know."""
    return State(_byte(data, 0))


def decoded_origin(data: bytes) -> Origin:
    """Who asked for an emergency stop."""
    return Origin(_byte(data, 0))


def decoded_power(data: bytes) -> PowerCommand:
    voltage, most, least, bits = _unpack("<HhhB", data)
    return PowerCommand(
        function=Function(bits & 0x0F),
        voltage_v=voltage / 10,
        max_current_a=most / 10,
        min_current_a=least / 10,
        is_range=bool(bits & 0x20),
        is_closed=bool(bits & 0x40),
        lowers_voltage=bool(bits & 0x80),
    )


def encoded_power(command: PowerCommand) -> bytes:
    bits = command.function | command.is_range << 5 | command.is_closed << 6 | command.lowers_voltage << 7
    return struct.pack(
        "<HhhB",
        round(command.voltage_v * 10),
        round(command.max_current_a * 10),
        round(command.min_current_a * 10),
        bits,
    )


def decoded_pilot(data: bytes) -> tuple[Pilot, float]:
    """State and duty cycle in percent."""
    state, duty = _unpack("<BH", data)
    return Pilot(state), duty / 10


def encoded_pilot(pilot: Pilot, duty_pct: float) -> bytes:
    return struct.pack("<BH5x", pilot, round(duty_pct * 10))


def decoded_battery(data: bytes) -> Battery:
    """Older controllers send three bytes."""
    padded = data + bytes(max(0, 6 - len(data))) if len(data) >= 3 else data
    return Battery(*_unpack("<HBBBB", padded))


def encoded_battery(battery: Battery) -> bytes:
    return struct.pack(
        "<HBBBB",
        battery.capacity_kwh,
        battery.soc_pct,
        battery.min_soc_pct,
        battery.target_soc_pct,
        battery.max_soc_pct,
    )


def decoded_voltages(data: bytes) -> Voltages:
    """Older controllers send four bytes, without the present voltage."""
    padded = data + bytes(max(0, 6 - len(data))) if len(data) >= 4 else data
    least, most, present = _unpack("<HHH", padded)
    return Voltages(least / 10, most / 10, present / 10)


def encoded_voltages(voltages: Voltages) -> bytes:
    return struct.pack("<HHH", *(round(value * 10) for value in (voltages.min_v, voltages.max_v, voltages.present_v)))


def decoded_limits_of_vehicle(data: bytes) -> ChargeLimits:
    least, most, least_kw, most_kw = _unpack("<HHHH", data)
    return ChargeLimits(least / 10, most / 10, least_kw, most_kw)


def encoded_limits_of_vehicle(limits: ChargeLimits) -> bytes:
    return struct.pack("<HHHH", round(limits.min_a * 10), round(limits.max_a * 10), limits.min_kw, limits.max_kw)


def decoded_board(which: int, data: bytes) -> Board:
    """`which`: BOARD_CUI1, BOARD_SECC or BOARD_SPCC."""
    if len(data) < 8:
        raise ValueError(f"{len(data)} bytes, 8 are needed")
    cpu_at = 1 if which == BOARD_SPCC else 5
    return Board(_celsius(data[cpu_at]), _celsius(data[6]), _celsius(data[7]))


def encoded_board(which: int, board: Board) -> bytes:
    data = bytearray(8)
    data[1 if which == BOARD_SPCC else 5] = _raw_celsius(board.cpu_c)
    data[6], data[7] = _raw_celsius(board.t1_c), _raw_celsius(board.t2_c)
    return bytes(data)


# Frames to the controller ------------------------------------------------------------------------------------------


def encoded_supply(status: SupplyStatus) -> bytes:
    """Insulation is rounded down to whole steps: never better than measured."""
    return struct.pack(
        "<HhBBBB",
        _clamped(status.voltage_v * 10, 0, 0xFFFF),
        _clamped(status.current_a * 10, -0x8000, 0x7FFF),
        _raw_celsius(status.modules_c),
        _raw_celsius(status.enclosure_c),
        status.is_enabled,
        int(min(max(status.insulation_kohm, _LEAST_KOHM), _MOST_KOHM)) // 2,
    )


def decoded_supply(data: bytes) -> SupplyStatus:
    voltage, current, modules, enclosure, enabled, insulation = _unpack("<HhBBBB", data)
    return SupplyStatus(
        voltage / 10, current / 10, modules + _COLDEST_C, enclosure + _COLDEST_C, enabled == 1, insulation * 2
    )


def encoded_limits(limits: SupplyLimits) -> bytes:
    """Rounded down; a limit below 0.1 A becomes 0.1 A, since 0 would lift it (see SupplyLimits)."""
    return struct.pack(
        "<HHHh",
        _clamped_down(limits.max_voltage_v, 0),
        _clamped_down(limits.max_current_a, 1),
        _clamped_down(limits.max_discharge_a, 0),
        round(limits.range_target_a * 10),
    )


def decoded_limits(data: bytes) -> SupplyLimits:
    voltage, current, discharge, target = _unpack("<HHHh", data)
    return SupplyLimits(voltage / 10, current / 10, discharge / 10, target / 10)


def encoded_sequence(flags: SequenceFlags) -> bytes:
    return bytes(
        (
            flags.start_authorised | flags.chademo_start << 1,
            flags.authorisation_done | flags.authorisation_valid << 1 | flags.parameters_done << 2,
            int(flags.user_stop),
        )
    )


def decoded_sequence(data: bytes) -> SequenceFlags:
    before, negotiation, power = _unpack("<BBB", data)
    return SequenceFlags(
        start_authorised=bool(before & 1),
        chademo_start=bool(before & 2),
        authorisation_done=bool(negotiation & 1),
        authorisation_valid=bool(negotiation & 2),
        parameters_done=bool(negotiation & 4),
        user_stop=bool(power & 1),
    )


def frame(pistol: int, which: int, data: bytes) -> CanFrame:
    """A frame of a pistol's interface."""
    return CanFrame(base(pistol) + which, data)


def _unpack(layout: str, data: bytes) -> tuple[int, ...]:
    needed = struct.calcsize(layout)
    if len(data) < needed:
        raise ValueError(f"{len(data)} bytes, {needed} are needed")
    return struct.unpack_from(layout, data)


def _byte(data: bytes, at: int) -> int:
    if len(data) <= at:
        raise ValueError(f"{len(data)} bytes, {at + 1} are needed")
    return data[at]


def _clamped(value: float, low: int, high: int) -> int:
    return min(max(round(value), low), high)


def _clamped_down(value: float, low: int) -> int:
    return min(max(int(value * 10 + 1e-6), low), 0xFFFF)


def _celsius(raw: int) -> float | None:
    return None if raw in (0, 255) else float(raw + _COLDEST_C)


def _raw_celsius(value: float | None) -> int:
    return 0 if value is None else _clamped(value - _COLDEST_C, 0, 255)
