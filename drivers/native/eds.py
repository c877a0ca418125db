"""The electronic data sheet (CiA 306) of a controller, written by the canopen package from the object dictionary."""

from __future__ import annotations

import io
import warnings

from canopen import objectdictionary
from canopen.objectdictionary import eds

from drivers.native.canopen_entries import RPDO_TABLES, TPDO_TABLES, Entry, entries

BIT_RATES = (125_000, 250_000, 500_000, 1_000_000)
FILE_INFO = {
    "FileName": "chargepoint-controller.eds",
    "FileVersion": 1,
    "FileRevision": 1,
    "EDSVersion": "4.0",
    "Description": "Connector controller of a charging station",
    "CreationDate": "05-04-2026",
    "CreationTime": "10:00AM",
    "CreatedBy": "drivers/native/eds.py",
    "ModificationDate": "05-04-2026",
    "ModificationTime": "10:00AM",
    "ModifiedBy": "drivers/native/eds.py",
}
"""Dates are those of protocol version 1, so that the file changes only with what it says."""


def dictionary() -> objectdictionary.ObjectDictionary:
    """The object dictionary as the canopen package has it; it also works as that of one of its nodes."""
    made = objectdictionary.ObjectDictionary()  # type: ignore[no-untyped-call]
    info = made.device_information
    info.vendor_name, info.vendor_number = "Chargepoint", 0
    info.product_name, info.product_number = "Connector controller", 1
    info.revision_number, info.order_code = 1, ""
    info.simple_boot_up_master, info.simple_boot_up_slave, info.granularity = False, True, 8
    info.dynamic_channels_supported, info.group_messaging = False, False
    info.nr_of_RXPDO, info.nr_of_TXPDO = len(RPDO_TABLES), len(TPDO_TABLES)  # type: ignore[assignment]
    info.LSS_supported = False
    info.allowed_baudrates = set(BIT_RATES)
    records: dict[int, objectdictionary.ODRecord] = {}
    for each in entries():
        variable = _variable(each)
        if not each.record:
            made.add_object(variable)
            continue
        if each.index not in records:
            records[each.index] = objectdictionary.ODRecord(each.record, each.index)
            made.add_object(records[each.index])
        records[each.index].add_member(variable)
    return made


def _variable(each: Entry) -> objectdictionary.ODVariable:
    made = objectdictionary.ODVariable(each.name, each.index, each.sub)
    made.data_type = int(each.type)
    made.access_type = each.access
    made.pdo_mappable = each.is_mappable
    made.min, made.max = each.low, each.high
    made.unit, made.description = each.unit, each.text
    if each.value is not None:
        setattr(made, "default_raw", f"$NODEID+0x{each.value:X}" if each.is_relative else f"0x{each.value:X}")  # noqa: B010 - the package's own, but not declared
        made.default = each.value
        made.relative = each.is_relative
    return made


def text() -> str:
    """The whole file."""
    file = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package asks for a date that is not used
        eds.export_eds(dictionary(), file, dict(FILE_INFO))  # type: ignore[no-untyped-call]
    lines = (line.rstrip() for line in file.getvalue().splitlines() if not line.startswith("EdsVersion="))
    return "\n".join(lines).rstrip() + "\n"
