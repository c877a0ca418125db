"""Object dictionary of our own connector controller protocol: one table, carried by Modbus and by CANopen.

Every object has a 16-bit index which is both its CANopen index (plus 0x2000) and its first Modbus register address.
Read-only objects are input registers (function 04), readable and writable ones holding registers (functions 03, 06,
16). Numbers are big-endian, high word first; text is ASCII, two characters a register, padded with NUL; so are bytes.
Wire units are integers of mV, mA, W, Wh; what coded numbers mean stands in `codes.py`. The documentation under
`docs/protocol/` is generated from both.
"""

from __future__ import annotations

import enum

import msgspec


class Type(enum.Enum):
    """Wire types: big-endian integers of one or two registers, ASCII text and bytes of a length of their own."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    TEXT = "text"
    BYTES = "bytes"


class Access(enum.StrEnum):
    RO = "ro"
    RW = "rw"


_PRIVATE = frozenset({"vehicle_uid", "dump_records"})


class Object(msgspec.Struct, frozen=True):
    """One thing that can be read or written. `characters` is the length of TEXT and BYTES; `missing` means "has no such
    value"."""

    index: int
    name: str
    type: Type
    unit: str
    access: Access
    description: str
    characters: int = 0
    missing: int | None = None

    @property
    def is_private(self) -> bool:
        """It may name a vehicle: what is on the wire is shown to nobody."""
        return self.name in _PRIVATE

    @property
    def registers(self) -> int:
        """How many 16-bit registers it takes."""
        if self.type in (Type.TEXT, Type.BYTES):
            return (self.characters + 1) // 2
        return 1 if self.type in (Type.U16, Type.I16) else 2


class Block(msgspec.Struct, frozen=True):
    """Objects that are read in one request; they follow each other without gaps, at most 120 registers."""

    name: str
    description: str
    objects: tuple[Object, ...]

    @property
    def start(self) -> int:
        return self.objects[0].index

    @property
    def registers(self) -> int:
        last = self.objects[-1]
        return last.index + last.registers - self.start


RENEWAL_S = 1.0
LEASE_S = 5.0
RAMP_S = 1.0
"""At the end of a lease the controller ramps to zero within this time, then opens its contactor."""

MISSING_U16 = 0xFFFF
MISSING_I16 = -0x8000
MISSING_U32 = 0xFFFF_FFFF


class _Row(msgspec.Struct, frozen=True):
    name: str
    type: Type
    unit: str
    description: str
    characters: int = 0
    missing: int | None = None


def _block(name: str, start: int, access: Access, description: str, *rows: _Row) -> Block:
    objects: list[Object] = []
    index = start
    for row in rows:
        objects.append(
            Object(index, row.name, row.type, row.unit, access, row.description, row.characters, row.missing)
        )
        index += objects[-1].registers
    return Block(name, description, tuple(objects))


_U16, _I16, _U32, _I32 = Type.U16, Type.I16, Type.U32, Type.I32
_TEXT, _BYTES = Type.TEXT, Type.BYTES

IDENTITY = _block(
    "identity", 0x0000, Access.RO, "Who the controller is; constant between two starts.",
    _Row("protocol_version", _U16, "", "version of this dictionary: 1"),
    _Row("connector_type", _U16, "", "see the connector types"),
    _Row("capabilities", _U16, "bits", "what this controller has, see the capabilities"),
    _Row("start_flags_supported", _U16, "bits", "start-command flags it understands; it ignores the others"),
    _Row("vendor", _TEXT, "", "maker", 20),
    _Row("model", _TEXT, "", "model", 20),
    _Row("serial", _TEXT, "", "serial number", 24),
    _Row("firmware_version", _TEXT, "", "a.b.c", 16),
    _Row("hardware_version", _TEXT, "", "a.b", 8),
    _Row("build_date", _TEXT, "", "YYYY-MM-DD", 10),
    _Row("module_controller_version", _TEXT, "", "firmware of the module controller; empty without one", 16),
)  # fmt: skip

STATUS = _block(
    "status", 0x0100, Access.RO, "Everything of one poll: status, flags, lease, session readings.",
    _Row("controller_status", _U16, "", "A..F, see the statuses"),
    _Row("hardware_flags", _U16, "bits", "what its inputs and outputs say, see the hardware flags"),
    _Row("cause", _U16, "", "why it is in an error status or ended a charge, see the causes"),
    _Row("boot_count", _U16, "", "grows by one with each start of the controller, wraps"),
    _Row("session_ref", _U32, "", "reference given with the start order in force; 0 when none is"),
    _Row("lease_left", _U16, "ms", "time until the permission ends by itself; 0 when there is none"),
    _Row("order_done", _U16, "", "number of the last order handled"),
    _Row("order_result", _U16, "", "what came of it, see the results"),
    _Row("ev_requests_energy", _U16, "", "1 while the vehicle asks for energy"),
    _Row("limit_current", _U32, "mA", "limit in force, per phase"),
    _Row("limit_power", _U32, "W", "limit in force, in all"),
    _Row("voltage", _U32, "mV", "output voltage; AC: phase L1 to neutral"),
    _Row("current_l1", _I32, "mA", "output current; AC: phase L1"),
    _Row("current_l2", _I32, "mA", "AC: phase L2"),
    _Row("current_l3", _I32, "mA", "AC: phase L3"),
    _Row("power", _I32, "W", "output power"),
    _Row("session_energy", _U32, "Wh", "energy of this session by the controller's own measurement"),
    _Row("session_elapsed", _U32, "s", "time since the start order"),
    _Row("remaining", _U32, "s", "time to full as the vehicle says", missing=MISSING_U32),
    _Row("soc", _U16, "0.1 %", "state of charge as the vehicle says; may exceed 1000", missing=MISSING_U16),
    _Row("requested_voltage", _U32, "mV", "voltage the vehicle asks for", missing=MISSING_U32),
    _Row("requested_current", _U32, "mA", "current the vehicle asks for", missing=MISSING_U32),
    _Row("battery_temperature", _I16, "0.1 °C", "battery, where the protocol tells it (GB/T)", missing=MISSING_I16),
)  # fmt: skip

VEHICLE = _block(
    "vehicle", 0x0200, Access.RO, "What the vehicle told about itself.",
    _Row("vehicle_uid", _TEXT, "", "VIN, or MAC address of its modem on CCS2", 20),
    _Row("battery_capacity", _U32, "Wh", "battery capacity", missing=MISSING_U32),
    _Row("start_voltage", _U32, "mV", "battery voltage at the start", missing=MISSING_U32),
    _Row("ev_max_power", _U32, "W", "most the vehicle takes", missing=MISSING_U32),
    _Row("ev_max_voltage", _U32, "mV", "highest voltage it allows", missing=MISSING_U32),
    _Row("ev_max_current", _U32, "mA", "highest current it allows", missing=MISSING_U32),
    _Row("cable_current", _U32, "mA", "rating of the cable as coded by PP", missing=MISSING_U32),
    _Row("phases", _U16, "", "phases the vehicle uses (AC)", missing=MISSING_U16),
)  # fmt: skip

DIAGNOSIS = _block(
    "diagnosis", 0x0300, Access.RO, "What a technician looks at.",
    _Row("self_diagnosis", _U16, "bits", "bit 0 T1 wrong, bit 1 T2 wrong, bit 2 lock state wrong"),
    _Row("control_pilot_voltage", _I16, "mV", "CP, positive half-wave (AC, CCS)", missing=MISSING_I16),
    _Row("control_pilot_duty", _U16, "0.1 %", "CP duty cycle", missing=MISSING_U16),
    _Row("proximity_resistance", _U32, "ohm", "PP resistance", missing=MISSING_U32),
    _Row("t1", _I16, "0.1 °C", "connector temperature 1", missing=MISSING_I16),
    _Row("t2", _I16, "0.1 °C", "connector temperature 2", missing=MISSING_I16),
    _Row("module_temperature", _I16, "0.1 °C", "hottest power module", missing=MISSING_I16),
    _Row("insulation_resistance", _U32, "kohm", "R of the insulation monitor", missing=MISSING_U32),
    _Row("insulation_errors", _U16, "bits", "E of the insulation monitor"),
    _Row("u_plus", _I32, "mV", "U+ to earth", missing=-0x8000_0000),
    _Row("u_minus", _I32, "mV", "U- to earth", missing=-0x8000_0000),
    _Row("clock", _U32, "s", "its clock, seconds since 1970 UTC; 0 when not set"),
    _Row("uptime", _U32, "s", "since its start"),
    _Row("contactor_operations", _U32, "", "closings of the output contactor, for life"),
)  # fmt: skip

ORDER = _block(
    "order", 0x0400, Access.RW, "The permission and one-time orders. Writing `grant_lease` renews the lease.",
    _Row("grant_lease", _U16, "ms", "the permission holds this long from now; at most 10000"),
    _Row("grant_current", _U32, "mA", "offer at most this per phase; 0 pauses"),
    _Row("grant_power", _U32, "W", "and at most this in all"),
    _Row("order_session_ref", _U32, "", "START: reference of the session"),
    _Row("order_flags", _U16, "bits", "START: start-command flags, see there"),
    _Row("order_command", _U16, "", "what to do, see the commands"),
    _Row("order_number", _U16, "", "fresh number of this order, 1..65535; writing it carries the order out"),
)  # fmt: skip

CLOCK = _block(
    "clock", 0x0440, Access.RW, "Setting the controller's clock.",
    _Row("clock_set", _U32, "s", "seconds since 1970 UTC"),
)  # fmt: skip

DEMAND = _block(
    "demand", 0x0460, Access.RO, "With STATION_SUPPLY: what it asks of the power modules that the station commands.",
    _Row("demand_on", _U16, "", "1 while the modules are to be on"),
    _Row("demand_voltage", _U32, "mV", "voltage to hold: of the test, of pre-charge, or as the vehicle wishes"),
    _Row("demand_current", _U32, "mA", "current they may give together; 0 for the insulation test"),
)  # fmt: skip

SUPPLY = _block(
    "supply", 0x0470, Access.RW,
    "With STATION_SUPPLY: what those modules give. Untold for 3 s it takes them for lost (E8).",
    _Row("supply_voltage", _U32, "mV", "measured at the modules' terminals"),
    _Row("supply_current", _U32, "mA", "measured, of all modules together"),
    _Row("supply_max_current", _U32, "mA", "the most they could give at that voltage"),
    _Row("supply_max_power", _U32, "W", "the most they could give; 0: there is no module that can"),
    _Row("supply_max_voltage", _U32, "mV", "the highest voltage they can hold"),
    _Row("supply_temperature", _I16, "0.1 °C", "hottest module", missing=MISSING_I16),
)  # fmt: skip

SUPPLY_LOST_S = 3.0
"""Untold of its supply for so long, a controller ends the charge with E8: before its lease ends, and long enough for a
station that starts anew to come back to its charges."""

PARAMETERS = _block(
    "parameters", 0x0500, Access.RW, "Writable settings, kept over restarts; out of range is refused.",
    _Row("max_current", _U32, "mA", "hardware limit per phase"),
    _Row("min_current", _U32, "mA", "least current offered"),
    _Row("lock_timeout", _U16, "ms", "how long the lock may take"),
    _Row("precharge_timeout", _U16, "ms", "how long pre-charge may take"),
    _Row("insulation_minimum", _U16, "ohm/V", "least insulation resistance"),
    _Row("derate_temperature", _U16, "°C", "connector temperature from which the current falls"),
    _Row("off_temperature", _U16, "°C", "connector temperature of E7"),
)  # fmt: skip

PARAMETER_RANGES: dict[str, tuple[int, int]] = {
    "max_current": (6_000, 600_000),
    "min_current": (0, 32_000),
    "lock_timeout": (500, 30_000),
    "precharge_timeout": (1_000, 60_000),
    "insulation_minimum": (100, 1_000),
    "derate_temperature": (40, 90),
    "off_temperature": (50, 110),
}

DUMP = _block(
    "dump records", 0x0900, Access.RO, "With DUMP: frames between controller and vehicle, a batch at a time.",
    _Row("dump_next", _U32, "", "number that the next frame will get; the first after a start is 1"),
    _Row("dump_lost", _U32, "", "frames overwritten before they were taken, since the start"),
    _Row("dump_records", _BYTES, "", "the batch that begins at `dump_taken`, see the dump records", 232),
)  # fmt: skip

DUMP_TAKEN = _block(
    "dump position", 0x0980, Access.RW, "With DUMP: how far the records were taken.",
    _Row("dump_taken", _U32, "", "all frames below this number were taken; the next batch begins with it"),
)  # fmt: skip

LIGHT = _block(
    "lights", 0x0A00, Access.RW, "With LIGHTS: the connector's light; patterns are the station's, change by change.",
    _Row("light_colour", _U32, "", "0x00RRGGBB; shown until written anew, dark after a start"),
    _Row("light_brightness", _U16, "%", "share of the full brightness, kept over restarts; 0..100"),
)  # fmt: skip

BOOT = _block(
    "boot loader", 0x0800, Access.RO, "With BOOT_LOADER, in the application and in the boot loader.",
    _Row("boot_state", _U16, "", "see the states of the boot loader"),
    _Row("boot_result", _U16, "", "what came of the last write to it, see its results"),
    _Row("boot_next_block", _U16, "", "number of the block it expects; the number of blocks when it has all"),
    _Row("boot_block_size", _U16, "bytes", "data of every block but the last, 128..224"),
    _Row("boot_hardware", _U32, "", "what a MAIN image must be made for; 0: it takes none"),
    _Row("boot_modules_hardware", _U32, "", "what a MODULES image must be made for; 0: it takes none"),
    _Row("boot_image_most", _U32, "bytes", "the largest image it takes"),
)  # fmt: skip

BOOT_IMAGE = _block(
    "image to write", 0x0820, Access.RW, "With BOOT_LOADER: what will be sent, written with the command BEGIN.",
    _Row("image_kind", _U16, "", "1 MAIN: the controller's own; 2 MODULES: of the module controller behind it"),
    _Row("image_size", _U32, "bytes", "of the whole image"),
    _Row("image_crc", _U32, "", "CRC-32 of the whole image"),
    _Row("image_hardware", _U32, "", "what the image is made for"),
    _Row("image_version", _TEXT, "", "firmware version that it brings", 16),
    _Row("image_sha256", _BYTES, "", "SHA-256 of the whole image; looked at by who can", 32),
    _Row("boot_command", _U16, "", "what to do, see the commands of the boot loader; writing it carries it out"),
)  # fmt: skip

BOOT_BLOCK = _block(
    "image block", 0x0860, Access.RW, "With BOOT_LOADER: one block of the image. Writing `block_data` carries it out.",
    _Row("block_number", _U16, "", "from 0"),
    _Row("block_length", _U16, "bytes", "how many bytes of `block_data` count"),
    _Row("block_crc", _U32, "", "CRC-32 of the bytes that count"),
    _Row("block_data", _BYTES, "", "the bytes; on Modbus filled up with 0", 224),
)  # fmt: skip

BLOCKS = (
    IDENTITY, STATUS, VEHICLE, DIAGNOSIS, ORDER, CLOCK, DEMAND, SUPPLY, PARAMETERS, BOOT, BOOT_IMAGE, BOOT_BLOCK, DUMP,
    DUMP_TAKEN, LIGHT,
)  # fmt: skip

BRIGHTEST_PCT = 100
MOST_COLOUR = 0xFF_FFFF

RESERVED: dict[str, tuple[int, int, str]] = {
    "boot loader": (0x08D4, 0x08FF, "later parts of the boot loader"),
    "dump": (0x0982, 0x09FF, "later parts of the session dump"),
    "lights": (0x0A03, 0x0A3F, "patterns of the connector's light"),
    "module controller": (0x0B00, 0x0BFF, "modules, matrix contactors, reboot and update of the module controller"),
}
"""Address ranges kept free for later parts of the protocol; today they answer ILLEGAL DATA ADDRESS."""
