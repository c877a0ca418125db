"""The whole CANopen object dictionary of a controller, entry by entry: communication objects, the objects of
`objects.py`, and the process objects of its PDOs. Data for the EDS file, the documentation and the simulated node.
"""

from __future__ import annotations

import enum
import functools

import msgspec

from drivers.codecs.canopen import EMERGENCY, SDO_ANSWER, SDO_REQUEST
from drivers.native.canopen import (
    BASE,
    CYCLE_MS,
    DEMAND_MS,
    DEMANDS,
    DEVICE_TYPE,
    HEARTBEAT_MS,
    INHIBIT_MS,
    PRODUCT_CODE,
    RENEWAL,
    REVISION,
    SUPPLIES,
    TPDOS,
    VENDOR_ID,
    Pdo,
    Process,
    index_of,
)
from drivers.native.objects import BLOCKS, PARAMETER_RANGES, Access, Object, Type


class DataType(enum.IntEnum):
    """CiA 301 data types that are used."""

    INTEGER8 = 0x2
    INTEGER16 = 0x3
    INTEGER32 = 0x4
    UNSIGNED8 = 0x5
    UNSIGNED16 = 0x6
    UNSIGNED32 = 0x7
    VISIBLE_STRING = 0x9
    DOMAIN = 0xF


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One sub-index. `value`: what it holds from the factory; None where only the controller knows. `is_relative`: the
    node's id is added. `record` names the object when it has sub-indices."""

    index: int
    sub: int
    name: str
    type: DataType
    access: str
    value: int | None = None
    is_relative: bool = False
    record: str = ""
    low: int | None = None
    high: int | None = None
    unit: str = ""
    text: str = ""
    is_mappable: bool = False


_TYPES = {
    Type.U16: DataType.UNSIGNED16,
    Type.I16: DataType.INTEGER16,
    Type.U32: DataType.UNSIGNED32,
    Type.I32: DataType.INTEGER32,
    Type.TEXT: DataType.VISIBLE_STRING,
    Type.BYTES: DataType.DOMAIN,
}
_BY_BITS = {
    (8, False): DataType.UNSIGNED8,
    (8, True): DataType.INTEGER8,
    (16, False): DataType.UNSIGNED16,
    (16, True): DataType.INTEGER16,
    (32, False): DataType.UNSIGNED32,
    (32, True): DataType.INTEGER32,
}
_U8, _U16, _U32, _TEXT = DataType.UNSIGNED8, DataType.UNSIGNED16, DataType.UNSIGNED32, DataType.VISIBLE_STRING

DEVICE, ERROR_REGISTER, NAME, HARDWARE, SOFTWARE, COB_EMERGENCY, HEARTBEAT_TIME, IDENTITY, SDO_SERVER = (
    0x1000, 0x1001, 0x1008, 0x1009, 0x100A, 0x1014, 0x1017, 0x1018, 0x1200,
)  # fmt: skip
ON_CHANGE = 0xFE
"""Transmission type: event-driven, by this document's rules."""
HIGHEST = "Highest sub-index supported"
RPDO_TABLES, TPDO_TABLES = (RENEWAL, SUPPLIES), (*TPDOS, DEMANDS)


@functools.cache
def entries() -> tuple[Entry, ...]:
    """All entries by index and sub-index."""
    found = [*_communication(), *_pdos()]
    found += [_object(each) for block in BLOCKS for each in block.objects]
    found += [_process(each, "ro") for pdo in TPDO_TABLES for each in pdo.objects]
    found += [_process(each, "rww") for pdo in RPDO_TABLES for each in pdo.objects]
    return tuple(sorted(found, key=lambda each: (each.index, each.sub)))


def _communication() -> list[Entry]:
    def one(index: int, name: str, kind: DataType, access: str, value: int | None = None, **more: bool) -> Entry:
        return Entry(index=index, sub=0, name=name, type=kind, access=access, value=value, **more)  # type: ignore[arg-type]

    return [
        one(DEVICE, "Device type", _U32, "ro", DEVICE_TYPE),
        one(ERROR_REGISTER, "Error register", _U8, "ro"),
        one(NAME, "Manufacturer device name", _TEXT, "const"),
        one(HARDWARE, "Manufacturer hardware version", _TEXT, "const"),
        one(SOFTWARE, "Manufacturer software version", _TEXT, "const"),
        one(COB_EMERGENCY, "COB-ID EMCY", _U32, "ro", EMERGENCY, is_relative=True),
        one(HEARTBEAT_TIME, "Producer heartbeat time", _U16, "rw", HEARTBEAT_MS),
        *_record(
            IDENTITY, "Identity object",
            ("Vendor-ID", _U32, "ro", VENDOR_ID), ("Product code", _U32, "ro", PRODUCT_CODE),
            ("Revision number", _U32, "ro", REVISION), ("Serial number", _U32, "ro", None),
        ),
        *_record(
            SDO_SERVER, "SDO server parameter",
            ("COB-ID client to server", _U32, "ro", SDO_REQUEST), ("COB-ID server to client", _U32, "ro", SDO_ANSWER),
            is_relative=True,
        ),
    ]  # fmt: skip


def _record(
    index: int, record: str, *rows: tuple[str, DataType, str, int | None], is_relative: bool = False
) -> list[Entry]:
    head = Entry(index=index, sub=0, name=HIGHEST, type=_U8, access="const", value=len(rows), record=record)
    return [head] + [
        Entry(
            index=index, sub=sub, name=name, type=kind, access=access, value=value, record=record,
            is_relative=is_relative,
        )
        for sub, (name, kind, access, value) in enumerate(rows, 1)
    ]  # fmt: skip


def _pdos() -> list[Entry]:
    found: list[Entry] = []
    for pdo, comm, mapping, kind in (
        *((pdo, 0x1400, 0x1600, "RPDO") for pdo in RPDO_TABLES),
        *((pdo, 0x1800, 0x1A00, "TPDO") for pdo in TPDO_TABLES),
    ):
        at = pdo.number - 1
        rows = [("COB-ID", _U32, pdo.cob, True), ("Transmission type", _U8, ON_CHANGE, False)]
        if kind == "TPDO":
            rows.append(("Inhibit time", _U16, INHIBIT_MS * 10, False))
        found += _sparse(comm + at, f"{kind}{pdo.number} communication parameter", rows)
        if kind == "TPDO":
            found.append(
                Entry(
                    index=comm + at, sub=5, name="Event timer", type=_U16, access="ro",
                    value=DEMAND_MS if pdo is DEMANDS else CYCLE_MS, unit="ms",
                    record=f"{kind}{pdo.number} communication parameter",
                )
            )  # fmt: skip
        found += _record(
            mapping + at, f"{kind}{pdo.number} mapping parameter",
            *((each.name, _U32, "ro", (BASE + each.index) << 16 | each.bits) for each in pdo.objects),
        )  # fmt: skip
    return found


def _sparse(index: int, record: str, rows: list[tuple[str, DataType, int, bool]]) -> list[Entry]:
    highest = 5 if len(rows) > 2 else 2
    found = [Entry(index=index, sub=0, name=HIGHEST, type=_U8, access="const", value=highest, record=record)]
    for sub, (name, kind, value, is_relative) in enumerate(rows, 1):
        found.append(
            Entry(
                index=index, sub=sub, name=name, type=kind, access="ro", value=value, is_relative=is_relative,
                record=record,
            )
        )  # fmt: skip
    return found


def _object(what: Object) -> Entry:
    low, high = PARAMETER_RANGES.get(what.name, (None, None))
    return Entry(
        index=index_of(what), sub=0, name=what.name, type=_TYPES[what.type],
        access="ro" if what.access is Access.RO else "rw", low=low, high=high, unit=what.unit, text=what.description,
    )  # fmt: skip


def _process(what: Process, access: str) -> Entry:
    return Entry(
        index=BASE + what.index, sub=0, name=what.name, type=_BY_BITS[what.bits, what.signed], access=access,
        unit=what.unit, is_mappable=True,
    )  # fmt: skip


def pdo_of(index: int) -> tuple[Pdo, Process] | None:
    """The PDO and the process object of a CANopen index."""
    for pdo in (*TPDO_TABLES, *RPDO_TABLES):
        for each in pdo.objects:
            if BASE + each.index == index:
                return pdo, each
    return None
