"""What the coded numbers of our own controller protocol mean: orders, results, capabilities, statuses, causes."""

from __future__ import annotations

import enum


class Command(enum.IntEnum):
    """Values of `order_command`. Each order carries a fresh `order_number`; the answer stands in `order_result`."""

    NONE = 0
    START = 1
    STOP = 2
    LOCK = 3
    UNLOCK = 4
    EMERGENCY_STOP = 5
    REBOOT = 6
    ENTER_BOOT_LOADER = 7


class StartFlag(enum.IntFlag):
    """Bits of `order_flags` that have a meaning for every controller; the others are its own."""

    KEEP_CABLE = 0x8000


class OrderResult(enum.IntEnum):
    """Values of `order_result` for the order `order_done`."""

    NONE = 0
    ACCEPTED = 1
    REFUSED_STATE = 2
    REFUSED_LEASE = 3
    REFUSED_NO_LOCK = 4
    REFUSED_EMERGENCY = 5
    REFUSED_VALUE = 6
    REFUSED_VOLTAGE_PRESENT = 7


class BootState(enum.IntEnum):
    """Values of `boot_state`."""

    APPLICATION = 0
    READY = 1
    RECEIVING = 2
    CHECKING = 3
    PROGRAMMED = 4
    FAILED = 5


class BootCommand(enum.IntEnum):
    """Values of `boot_command`."""

    NONE = 0
    BEGIN = 1
    CHECK = 2
    ACTIVATE = 3
    ABORT = 4


class BootResult(enum.IntEnum):
    """Values of `boot_result`."""

    NONE = 0
    OK = 1
    BUSY = 2
    WRONG_STATE = 3
    WRONG_HARDWARE = 4
    TOO_LARGE = 5
    BLOCK_CRC = 6
    UNEXPECTED_BLOCK = 7
    WRITE_FAILED = 8
    IMAGE_CRC = 9
    BAD_IMAGE = 10
    MODULES_SILENT = 11


class ImageKind(enum.IntEnum):
    """Values of `image_kind`."""

    NONE = 0
    MAIN = 1
    MODULES = 2


class Capability(enum.IntFlag):
    """Bits of `capabilities`."""

    LOCK = 1
    INSULATION_MONITOR = 2
    VEHICLE_DATA = 4
    PLUG_SENSOR = 8
    T1 = 16
    T2 = 32
    BOOT_LOADER = 64
    DUMP = 128
    LIGHTS = 256
    MODULE_CONTROLLER = 512
    STATION_SUPPLY = 1024


STATUS_CODES = (
    "A", "B", "B1", "B2", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9",
    "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "F",
)  # fmt: skip
"""`controller_status` on the wire is the position in this list."""

CAUSE_CODES = (
    "none", "lock_failed", "contactor_failed", "contactor_welded", "insulation_failed", "diode_fault", "pilot_fault",
    "residual_current", "overcurrent", "overvoltage", "overheat", "ev_stopped", "ev_silent", "precharge_failed",
    "lease_ended", "emergency_button", "emergency_command", "modules_lost", "other",
)  # fmt: skip
"""`cause` on the wire is the position in this list (drivers.interfaces.Cause)."""

CONNECTOR_TYPE_CODES = (
    "UNKNOWN", "TYPE1", "TYPE2", "GBT_AC", "GBT", "CHADEMO", "CCS2", "TESLA", "CCS1", "SCHUKO", "NACS",
)  # fmt: skip
"""`connector_type` on the wire is the position in this list (drivers.interfaces.ConnectorType)."""

FRAME_KIND_CODES = ("", "gbt", "chademo", "ccs", "pilot")
"""Kind of a dump record on the wire: its position in this list (drivers.interfaces.FrameKind)."""
