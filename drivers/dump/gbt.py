"""GB/T 27930-2015: messages between charger (address 0x56) and battery management (0xF4), by their parameter group.

Voltages are in 0.1 V, currents in 0.1 A from -400 A (the battery's demand is negative on the wire and shown as it is
meant), temperatures in 1 °C from -50.
"""

from __future__ import annotations

from drivers.dump.fields import UNKNOWN, Choice, Field, Message, Own, Pairs, Part, Text, one_of, plain, scaled
from drivers.dump.privacy import masked

CHARGER, BATTERY = 0x56, 0xF4
BRM = 0x0200
VIN_AT, VIN_SIZE = 24, 17
PACK_AT, PACK_SIZE = 12, 4
MOST_CELLS = 12
"""Of a list of cells or sensors so many are shown."""

_VOLT = scaled(0.1, "V")
_AMPERE = scaled(0.1, "A", -400.0)
_CELL = scaled(0.01, "V", places=2)
_CELSIUS = plain("°C", -50)
_READY = one_of({0x00: "not ready", 0xAA: "ready"})
_TYPES = {
    1: "lead-acid", 2: "NiMH", 3: "LFP", 4: "LMO", 5: "LCO", 6: "NMC", 7: "polymer", 8: "LTO", 0xFF: "other",
}  # fmt: skip


def _ampere(number: int) -> str:
    return f"{abs(number * 0.1 - 400):.1f} A"


def _version(data: bytes) -> str:
    return f"version {int.from_bytes(data[1:3], 'little')}.{data[0]}" if len(data) >= 3 else ""


def _date(data: bytes) -> str:
    if len(data) < 19 or data[16:19] == b"\xff\xff\xff":
        return ""
    return f"made {1985 + data[16]}-{data[17]:02}-{data[18]:02}"


def _vin(data: bytes) -> str:
    raw = data[VIN_AT : VIN_AT + VIN_SIZE]
    if len(raw) < VIN_SIZE or raw.strip(b"\xff\0") == b"":
        return ""
    return f"VIN {masked(''.join(chr(byte) if 0x20 <= byte < 0x7F else '.' for byte in raw))}"


def _software(data: bytes) -> str:
    if len(data) < 46 or data[41:46] == b"\xff" * 5:
        return ""
    return f"software {data[41]} of {int.from_bytes(data[44:46], 'little')}-{data[43]:02}-{data[42]:02}"


def _time(data: bytes) -> str:
    if len(data) < 7:
        return ""
    if data[:7] == b"\xff" * 7:
        return "not set"
    second, minute, hour, day, month, low, high = (f"{byte:02X}" for byte in data[:7])
    return f"{high}{low}-{month}-{day} {hour}:{minute}:{second}"


def _highest_cell(data: bytes) -> str:
    if len(data) < 6:
        return ""
    number = int.from_bytes(data[4:6], "little")
    return f"highest cell {(number & 0xFFF) / 100:.2f} V in group {number >> 12}"


def _cells(data: bytes) -> str:
    values = [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data) - 1, 2)]
    return _some([f"{(value & 0xFFF) / 100:.2f}" for value in values], "V")


def _temperatures(data: bytes) -> str:
    return _some([str(byte - 50) for byte in data], "°C")


def _some(values: list[str], unit: str) -> str:
    more = f" and {len(values) - MOST_CELLS} more" if len(values) > MOST_CELLS else ""
    return f"{' '.join(values[:MOST_CELLS])} {unit}{more}" if values else ""


_BST = Pairs({
    (0, 0): "target SOC reached", (0, 2): "target voltage reached", (0, 4): "target cell voltage reached",
    (0, 6): "charger stopped",
    (1, 0): "insulation fault", (1, 2): "output connector too hot", (1, 4): "battery element too hot",
    (1, 6): "charge connector fault",
    (2, 0): "battery pack too hot", (2, 2): "high-voltage relay fault", (2, 4): "fault of detection point 2",
    (2, 6): "other fault",
    (3, 0): "over-current", (3, 2): "abnormal voltage",
}, "no reason given")  # fmt: skip
_CST = Pairs({
    (0, 0): "set condition reached", (0, 2): "stopped by hand", (0, 4): "stopped by a fault", (0, 6): "battery stopped",
    (1, 0): "charger too hot", (1, 2): "connector fault", (1, 4): "too hot inside", (1, 6): "cannot give the energy",
    (2, 0): "emergency stop", (2, 2): "other fault",
    (3, 0): "current does not match", (3, 2): "abnormal voltage",
}, "no reason given")  # fmt: skip
_BEM = Pairs({
    (0, 0): "CRM (not recognised)", (0, 2): "CRM (recognised)", (1, 0): "CTS and CML", (1, 2): "CRO",
    (2, 0): "CCS", (2, 2): "CST", (3, 0): "CSD", (3, 2): "other",
}, "none")  # fmt: skip
_CEM = Pairs({
    (0, 0): "BRM", (1, 0): "BCP", (1, 2): "BRO", (2, 0): "BCS", (2, 2): "BCL", (2, 4): "BST", (3, 0): "BSD",
    (3, 2): "other",
}, "none")  # fmt: skip
_NORMAL = {0: "", 1: "abnormal", 2: "unreliable", 3: ""}


def _over_under(at: int, first: int, name: str) -> Part:
    return Own(
        lambda data: (
            Choice(at, first, 2, name, {1: "too high", 2: "too low"}).show(data) if _set(data, at, first) else ""
        )
    )


def _alarm(at: int, first: int, name: str) -> Part:
    return Own(lambda data: Choice(at, first, 2, name, _NORMAL).show(data) if _set(data, at, first) else "")


def _set(data: bytes, at: int, first: int) -> bool:
    return at < len(data) and data[at] >> first & 3 in (1, 2)


MESSAGES: dict[int, Message] = {
    0x2600: Message("CHM", "charger handshake", (Own(_version),), 3),
    0x2700: Message("BHM", "vehicle handshake", (Field(0, 2, "at most", _VOLT),), 2),
    0x0100: Message("CRM", "charger identification", (
        Field(0, 1, "", one_of({0: "not recognised", 0xAA: "recognised"})),
        Field(1, 4, "number", lambda number: f"0x{number:08X}", has_mark=False), Text(5, 3, "region"),
    ), 8),
    BRM: Message("BRM", "vehicle identification", (
        Own(_version), Field(3, 1, "", one_of(_TYPES), has_mark=False), Field(4, 2, "", scaled(0.1, "Ah")),
        Field(6, 2, "rated", _VOLT), Text(8, 4, "maker"),
        Field(PACK_AT, PACK_SIZE, "pack", lambda number: masked(str(number))), Own(_date),
        Field(19, 3, "charged", plain("times")), Field(22, 1, "", one_of({0: "leased", 1: "own"})), Own(_vin),
        Own(_software),
    ), 41),
    0x0600: Message("BCP", "battery parameters", (
        Field(0, 2, "cell at most", _CELL), Field(2, 2, "at most", _AMPERE), Field(4, 2, "", scaled(0.1, "kWh")),
        Field(6, 2, "at most", _VOLT), Field(8, 1, "at most", _CELSIUS), Field(9, 2, "SOC", scaled(0.1, "%")),
        Field(11, 2, "now", _VOLT),
    ), 13),
    0x0700: Message("CTS", "charger time", (Own(_time),), 7),
    0x0800: Message("CML", "charger limits", (
        Field(0, 2, "at most", _VOLT), Field(2, 2, "at least", _VOLT), Field(4, 2, "at most", _AMPERE),
        Field(6, 2, "at least", _AMPERE),
    ), 8),
    0x0900: Message("BRO", "battery ready", (Field(0, 1, "", _READY),), 1),
    0x0A00: Message("CRO", "charger ready", (Field(0, 1, "", _READY),), 1),
    0x1000: Message("BCL", "demand", (
        Field(0, 2, "", _VOLT), Field(2, 2, "", _ampere), Field(4, 1, "", one_of({1: "CV", 2: "CC"})),
    ), 5),
    0x1100: Message("BCS", "battery state", (
        Field(0, 2, "", _VOLT), Field(2, 2, "", _ampere), Own(_highest_cell), Field(6, 1, "SOC", plain("%")),
        Field(7, 2, "remaining", plain("min")),
    ), 9),
    0x1200: Message("CCS", "charger state", (
        Field(0, 2, "", _VOLT), Field(2, 2, "", _ampere), Field(4, 2, "", plain("min")),
        Choice(6, 0, 2, "charging", {0: "paused", 1: "permitted", 3: UNKNOWN}),
    ), 6),
    0x1300: Message("BSM", "battery status", (
        Field(0, 1, "highest cell", plain(offset=1)), Field(1, 1, "highest", _CELSIUS),
        Field(2, 1, "at point", plain(offset=1)), Field(3, 1, "lowest", _CELSIUS),
        Field(4, 1, "at point", plain(offset=1)),
        _over_under(5, 0, "cell voltage"), _over_under(5, 2, "SOC"), _alarm(5, 4, "charging current"),
        _alarm(5, 6, "battery temperature"), _alarm(6, 0, "insulation"), _alarm(6, 2, "output connector"),
        Choice(6, 4, 2, "charging", {0: "prohibited", 1: "permitted", 3: UNKNOWN}),
    ), 7),
    0x1500: Message("BMV", "cell voltages", (Own(_cells),), 2),
    0x1600: Message("BMT", "battery temperatures", (Own(_temperatures),), 1),
    0x1700: Message("BSP", "battery, spare", ()),
    0x1900: Message("BST", "battery stops", (_BST,), 4),
    0x1A00: Message("CST", "charger stops", (_CST,), 4),
    0x1C00: Message("BSD", "battery statistics", (
        Field(0, 1, "SOC", plain("%")), Field(1, 2, "lowest cell", _CELL), Field(3, 2, "highest cell", _CELL),
        Field(5, 1, "lowest", _CELSIUS), Field(6, 1, "highest", _CELSIUS),
    ), 7),
    0x1D00: Message("CSD", "charger statistics", (
        Field(0, 2, "", plain("min")), Field(2, 2, "", scaled(0.1, "kWh")),
        Field(4, 4, "number", lambda number: f"0x{number:08X}", has_mark=False),
    ), 8),
    0x1E00: Message("BEM", "battery: time-out of", (_BEM,), 4),
    0x1F00: Message("CEM", "charger: time-out of", (_CEM,), 4),
}  # fmt: skip
"""Parameter group -> message."""

ABORT_REASONS = {
    1: "busy with another transfer", 2: "out of resources", 3: "time-out", 4: "unexpected CTS",
    5: "too many repetitions", 7: "wrong number", 8: "doubled number",
}  # fmt: skip
"""Why a transfer was broken off (J1939-21)."""
