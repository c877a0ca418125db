"""The object dictionary on CANopen: how its objects, the status and the lease travel. Pure tables and functions.

Each object of `objects.py` is the CANopen object 0x2000 + its index, sub-index 0: numbers little-endian, text as
VISIBLE_STRING without its padding, bytes as DOMAIN. What leaves by itself is packed into seven TPDOs of process objects
(from 0x2C00), which are the objects of the status block in widths that fit; the lease comes in one RPDO. TPDO1 leaves
last of its batch and names in `marks` which others went before it: a receiver that misses one waits for the next batch.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping

import msgspec

from drivers.codecs.canopen import RPDO, TPDO
from drivers.native.codes import CAUSE_CODES, STATUS_CODES
from drivers.native.objects import BLOCKS, Access, Block, Object, Type
from drivers.native.registers import RANGES, Value, field_of

BASE = 0x2000
"""Added to an object's index."""
VENDOR_ID = 0
"""Object 0x1018: none was assigned by CiA; a maker puts its own here."""
PRODUCT_CODE, REVISION = 1, 1
DEVICE_TYPE = 0
"""Object 0x1000: no CiA device profile."""
HEARTBEAT_MS = 500
HEARTBEAT_LOST_S = 1.5
"""Consumer time: a node that was silent for this long is gone."""
CYCLE_MS = 200
INHIBIT_MS = 20
"""TPDOs: a batch leaves on each change, not sooner than `INHIBIT_MS` after the last, and at least every `CYCLE_MS`."""
REVEALED_AFTER_S = 0.05
"""A change of status is on the bus after this at the latest."""


class Process(msgspec.Struct, frozen=True):
    """One process object: the object `source` of the status block in `bits` and steps of `step` of its own unit.

    `missing` is the mark of no value in these bits. What does not fit is written as the nearest that does.
    """

    index: int
    name: str
    source: str
    bits: int
    signed: bool = False
    step: int = 1
    missing: int | None = None
    unit: str = ""


class Pdo(msgspec.Struct, frozen=True):
    """A process data object of 8 bytes: `cob` plus the node's id."""

    number: int
    cob: int
    objects: tuple[Process, ...]
    is_change_told: tuple[str, ...] = ()
    """Process objects whose change makes it leave at once; the others ride along."""


def _pdo(number: int, cob: int, first: int, rows: tuple[tuple[str, str, int, str, int], ...], told: str = "") -> Pdo:
    """Rows: name, source, bits (negative: signed), unit, step."""
    made = [
        Process(
            first + at, name, source, abs(bits), bits < 0, step,
            (-(1 << abs(bits) - 1) if bits < 0 else (1 << bits) - 1) if source in _MAY_MISS else None, unit,
        )
        for at, (name, source, bits, unit, step) in enumerate(rows)
    ]  # fmt: skip
    assert sum(each.bits for each in made) == 64
    return Pdo(number, cob, tuple(made), tuple(told.split()))


_MAY_MISS = frozenset({"remaining", "soc", "requested_voltage", "requested_current", "battery_temperature"})

MARKS = "marks"
MARK_ASKS = 1
"""Bits of `marks`: bit 0 the vehicle asks for energy; bits 1..6 TPDO2..TPDO7 are in this batch; bit 7 changes with each
renewal that was taken."""
MARK_RENEWED = 0x80

STATE = _pdo(1, TPDO[0], 0x0C00, (
    ("pdo_status", "controller_status", 8, "", 1),
    ("pdo_cause", "cause", 8, "", 1),
    ("pdo_flags", "hardware_flags", 16, "bits", 1),
    ("pdo_order_done", "order_done", 16, "", 1),
    ("pdo_order_result", "order_result", 8, "", 1),
    (MARKS, "", 8, "bits", 1),
), "pdo_status pdo_cause pdo_flags pdo_order_done pdo_order_result marks")  # fmt: skip
PERMISSION = _pdo(2, TPDO[1], 0x0C08, (
    ("pdo_session_ref", "session_ref", 32, "", 1),
    ("pdo_boot_count", "boot_count", 16, "", 1),
    ("pdo_lease_left", "lease_left", 16, "ms", 1),
), "pdo_session_ref pdo_boot_count")  # fmt: skip
ENERGY = _pdo(3, TPDO[2], 0x0C10, (
    ("pdo_power", "power", -32, "W", 1),
    ("pdo_session_energy", "session_energy", 32, "Wh", 1),
))  # fmt: skip
OUTPUT = _pdo(4, TPDO[3], 0x0C18, (
    ("pdo_voltage", "voltage", 16, "0.1 V", 100),
    ("pdo_battery_temperature", "battery_temperature", -16, "0.1 °C", 1),
    ("pdo_current_l1", "current_l1", -32, "mA", 1),
))  # fmt: skip
PHASES = _pdo(5, RPDO[1], 0x0C20, (
    ("pdo_current_l2", "current_l2", -16, "0.01 A", 10),
    ("pdo_current_l3", "current_l3", -16, "0.01 A", 10),
    ("pdo_session_elapsed", "session_elapsed", 32, "s", 1),
))  # fmt: skip
WISHES = _pdo(6, RPDO[2], 0x0C28, (
    ("pdo_requested_voltage", "requested_voltage", 16, "0.1 V", 100),
    ("pdo_requested_current", "requested_current", 16, "0.1 A", 100),
    ("pdo_remaining", "remaining", 32, "s", 1),
))  # fmt: skip
LIMITS = _pdo(7, RPDO[3], 0x0C30, (
    ("pdo_limit_current", "limit_current", 16, "0.01 A", 10),
    ("pdo_soc", "soc", 16, "0.1 %", 1),
    ("pdo_limit_power", "limit_power", 32, "W", 1),
), "pdo_limit_current pdo_limit_power")  # fmt: skip

TPDOS = (STATE, PERMISSION, ENERGY, OUTPUT, PHASES, WISHES, LIMITS)
"""In the order of their numbers; they leave in the order 2..7, 1. TPDO5..7 use the identifiers that RPDO2..4 leave
free."""

RENEWAL = Pdo(1, RPDO[0], (
    Process(0x0C40, "renew_lease", "grant_lease", 16, unit="ms"),
    Process(0x0C41, "renew_current", "grant_current", 16, step=10, unit="0.01 A"),
    Process(0x0C42, "renew_power", "grant_power", 32, unit="W"),
))  # fmt: skip
"""RPDO1: what a write of the first three objects of the order block is, in one frame."""


DEMANDS = _pdo(8, 0x680, 0x0C48, (
    ("pdo_demand_on", "demand_on", 16, "", 1),
    ("pdo_demand_voltage", "demand_voltage", 16, "0.1 V", 100),
    ("pdo_demand_current", "demand_current", 32, "mA", 1),
), "pdo_demand_on pdo_demand_voltage pdo_demand_current")  # fmt: skip
"""TPDO8, of controllers with STATION_SUPPLY only: leaves on each change (after `INHIBIT_MS`) and each `DEMAND_MS`,
in no batch. Identifiers 0x681 to 0x6DF are free in CiA 301; so such controllers have node ids up to `MOST_SUPPLIED`."""
SUPPLIES = Pdo(2, 0x6B0, (
    Process(0x0C50, "told_voltage", "supply_voltage", 16, step=100, unit="0.1 V"),
    Process(0x0C51, "told_current", "supply_current", 16, step=100, unit="0.1 A"),
    Process(0x0C52, "told_max_current", "supply_max_current", 16, step=100, unit="0.1 A"),
    Process(0x0C53, "told_max_power", "supply_max_power", 16, step=100, unit="100 W"),
))  # fmt: skip
"""RPDO2, to the same controllers: what the first four objects of the supply block are, in one frame."""
DEMAND_MS = 100
MOST_SUPPLIED = 47


def index_of(what: Object) -> int:
    return BASE + what.index


BY_INDEX: dict[int, tuple[Block, Object]] = {
    index_of(each): (block, each) for block in BLOCKS for each in block.objects
}


def encode_object(what: Object, value: Value) -> bytes:
    """Bytes of an object as SDO carries them. Raises ValueError for a value outside its type."""
    field = field_of(what, value)
    if isinstance(field, bytes):
        return field
    return field.to_bytes(2 * what.registers, "little", signed=RANGES[what.type][0] < 0)


def decode_object(what: Object, data: bytes) -> Value:
    """Raises ValueError for a wrong length or text that is not printable ASCII."""
    if what.type is Type.BYTES:
        if len(data) > what.characters:
            raise ValueError(f"{what.name}: {len(data)} bytes, at most {what.characters}")
        return data
    if what.type is Type.TEXT:
        text = data.rstrip(b"\0")
        if len(text) > what.characters or not all(0x20 <= byte < 0x7F for byte in text):
            raise ValueError(f"{what.name}: {text!r} is not printable ASCII of at most {what.characters} characters")
        return text.decode("ascii")
    if len(data) != 2 * what.registers:
        raise ValueError(f"{what.name}: {len(data)} bytes where {2 * what.registers} belong")
    number = int.from_bytes(data, "little", signed=RANGES[what.type][0] < 0)
    return None if number == what.missing else number


def encode_pdo(pdo: Pdo, values: Mapping[str, Value], marks: int = 0) -> bytes:
    """8 bytes of the status block's values. Limits and all else are rounded down; what does not fit is the nearest."""
    data = b""
    for each in pdo.objects:
        data += _process_bytes(each, marks if each.name == MARKS else values[each.source])
    return data


def process_value(what: Process, values: Mapping[str, Value], marks: int = 0) -> bytes:
    """One process object alone, for who reads it by SDO."""
    return _process_bytes(what, marks if what.name == MARKS else values[what.source])


def _process_bytes(what: Process, value: Value) -> bytes:
    low = -(1 << what.bits - 1) if what.signed else 0
    high = (1 << what.bits - what.signed) - 1
    if value is None:
        number = 0 if what.missing is None else what.missing
    else:
        number = math.floor(int(value) / what.step) if what.step > 1 else int(value)
        number = min(max(number, low), high)
        if number == what.missing:
            number += 1 if what.signed else -1
    return number.to_bytes(what.bits // 8, "little", signed=what.signed)


def decode_pdo(pdo: Pdo, data: bytes) -> dict[str, Value]:
    """Source name -> value in the source's own unit, and `marks`. Raises ValueError for another length than 8."""
    if len(data) != 8:
        raise ValueError(f"PDO {pdo.number}: {len(data)} bytes where 8 belong")
    values: dict[str, Value] = {}
    at = 0
    for each in pdo.objects:
        size = each.bits // 8
        number = int.from_bytes(data[at : at + size], "little", signed=each.signed)
        at += size
        values[each.source or each.name] = None if number == each.missing else number * each.step
    return values


def changed(pdo: Pdo, before: bytes | None, now: bytes) -> bool:
    """Whether something in it changed that makes it leave at once."""
    if before is None:
        return True
    at = 0
    for each in pdo.objects:
        size = each.bits // 8
        if each.name in pdo.is_change_told and before[at : at + size] != now[at : at + size]:
            return True
        at += size
    return False


def marks_of(numbers: Iterable[int], asks: bool, renewed: bool) -> int:
    """`marks` for a batch of these TPDOs."""
    marks = (MARK_ASKS if asks else 0) | (MARK_RENEWED if renewed else 0)
    for number in numbers:
        if number > 1:
            marks |= 1 << number - 1
    return marks


# ---------------------------------------------------------------------------------------------------------- emergencies

GENERIC, CURRENT, VOLTAGE, TEMPERATURE, COMMUNICATION, DEVICE, OWN = (1 << bit for bit in (0, 1, 2, 3, 4, 5, 7))
"""Bits of the error register, object 0x1001."""

EMERGENCY_CODES: dict[str, tuple[int, int]] = {
    "lock_failed": (0x7100, GENERIC | OWN),
    "contactor_failed": (0x5400, GENERIC | OWN),
    "contactor_welded": (0x5410, GENERIC | OWN),
    "insulation_failed": (0xFF01, GENERIC | OWN),
    "diode_fault": (0xFF02, GENERIC | OWN),
    "pilot_fault": (0xFF03, GENERIC | OWN),
    "residual_current": (0x2120, GENERIC | CURRENT),
    "overcurrent": (0x2310, GENERIC | CURRENT),
    "overvoltage": (0x3310, GENERIC | VOLTAGE),
    "overheat": (0x4210, GENERIC | TEMPERATURE),
    "ev_stopped": (0xFF04, GENERIC | OWN),
    "ev_silent": (0x8100, GENERIC | COMMUNICATION),
    "precharge_failed": (0x3320, GENERIC | VOLTAGE),
    "lease_ended": (0x8130, GENERIC | COMMUNICATION),
    "emergency_button": (0x9000, GENERIC | OWN),
    "emergency_command": (0x9001, GENERIC | OWN),
    "modules_lost": (0x7000, GENERIC | DEVICE),
    "other": (0x1000, GENERIC),
    "none": (0x1000, GENERIC),
}
"""Cause of an error status -> emergency error code (CiA 301, table of codes; 0xFFxx and the last digits are ours) and
error register. Its own bytes: status, cause, hardware flags (little-endian), 0."""


def emergency(values: Mapping[str, Value]) -> tuple[int, int, bytes]:
    """Code, register and own bytes of the emergency message for these values of the status block."""
    status, cause, flags = (int(values[name] or 0) for name in ("controller_status", "cause", "hardware_flags"))
    own = struct.pack("<BBHB", status & 0xFF, min(cause, 0xFF), flags, 0)
    word = CAUSE_CODES[cause] if cause < len(CAUSE_CODES) else "other"
    code, register = EMERGENCY_CODES[word] if is_error(status) else (0, 0)
    return code, register, own


def is_error(status: int) -> bool:
    """Whether this number of `controller_status` is one of E1..E9."""
    return status < len(STATUS_CODES) and STATUS_CODES[status].startswith("E")


def emergency_values(own: bytes) -> dict[str, Value]:
    """Status, cause and flags from an emergency message's own bytes."""
    status, cause, flags, _ = struct.unpack("<BBHB", own)
    return {"controller_status": status, "cause": cause, "hardware_flags": flags}


def is_writable(block: Block) -> bool:
    return block.objects[0].access is Access.RW
