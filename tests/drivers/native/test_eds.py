"""The electronic data sheet says what a controller really has."""

from __future__ import annotations

import io
import re

import canopen
import pytest
from canopen.objectdictionary import ODArray, ODRecord, ODVariable, datatypes

from drivers.codecs.canopen import Abort
from drivers.interfaces import ConnectorType
from drivers.native import documentation, eds
from drivers.native.canopen import BASE, index_of
from drivers.native.canopen_entries import RPDO_TABLES, TPDO_TABLES, entries
from drivers.native.objects import BLOCKS, LIGHT, PARAMETER_RANGES, Access
from drivers.simulated.canopen import CanopenNode
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.registers import ControllerObjects

NODE = 5


@pytest.fixture(scope="module")
def sheet() -> canopen.ObjectDictionary:
    """The file below docs/, as a tool of somebody else reads it."""
    path = documentation.FOLDER / "chargepoint-controller.eds"
    return canopen.import_od(str(path), node_id=NODE)


def variables(sheet: canopen.ObjectDictionary) -> list[ODVariable]:
    found: list[ODVariable] = []
    for each in sheet.values():
        found += each.values() if isinstance(each, ODRecord | ODArray) else [each]
    return found


def node(*, has_light: bool = True, keeps_frames: bool = True) -> CanopenNode:
    hardware = Hardware(
        number=1, type=ConnectorType.CCS2, max_current_a=200, max_power_w=60_000, serial="S-7", has_light=has_light,
        keeps_frames=keeps_frames,
    )  # fmt: skip
    return CanopenNode(ControllerObjects(Controller(hardware)), NODE)


def test_it_lists_every_entry_once_and_names_are_unique_as_tools_want_them(sheet: canopen.ObjectDictionary) -> None:
    assert {(each.index, each.subindex) for each in variables(sheet)} == {(each.index, each.sub) for each in entries()}
    text = eds.text()
    sections = re.findall(r"^\[(.+)\]$", text, re.M)
    assert len(sections) == len(set(sections))
    assert len({each.name for each in sheet.values()}) == len(list(sheet.values()))


def test_objects_keep_their_register_address_type_and_range(sheet: canopen.ObjectDictionary) -> None:
    for block in BLOCKS:
        for each in block.objects:
            found = sheet[index_of(each)]
            assert isinstance(found, ODVariable)
            assert found.index == BASE + each.index and found.name == each.name
            assert found.access_type == ("ro" if each.access is Access.RO else "rw")
            if each.name in PARAMETER_RANGES:
                assert (found.min, found.max) == PARAMETER_RANGES[each.name]


def test_mappings_name_objects_that_exist_with_their_width(sheet: canopen.ObjectDictionary) -> None:
    for base, mapping, pdos in ((0x1400, 0x1600, RPDO_TABLES), (0x1800, 0x1A00, TPDO_TABLES)):
        for pdo in pdos:
            at = pdo.number - 1
            communication, mapped = sheet[base + at], sheet[mapping + at]
            assert isinstance(communication, ODRecord) and isinstance(mapped, ODRecord)
            assert communication[1].default == pdo.cob + NODE
            for sub, each in enumerate(pdo.objects, 1):
                number = mapped[sub].default
                assert isinstance(number, int)
                target = sheet[number >> 16]
                assert isinstance(target, ODVariable)
                assert (number >> 8 & 0xFF, number & 0xFF) == (0, each.bits)
                assert target.pdo_mappable and len(target) == each.bits


def test_it_counts_the_pdos_that_it_describes(sheet: canopen.ObjectDictionary) -> None:
    info = sheet.device_information
    assert info.nr_of_RXPDO == sum(0x1400 <= index < 0x1600 for index in sheet) == 2
    assert info.nr_of_TXPDO == sum(0x1800 <= index < 0x1A00 for index in sheet) == 8


def test_everything_in_it_can_be_read_from_a_controller_with_its_length(sheet: canopen.ObjectDictionary) -> None:
    device = node()
    sizes = {datatypes.UNSIGNED8: 1, datatypes.UNSIGNED16: 2, datatypes.INTEGER16: 2}
    sizes |= {datatypes.UNSIGNED32: 4, datatypes.INTEGER32: 4, datatypes.INTEGER8: 1}
    missing = []
    for each in variables(sheet):
        try:
            data = device._read(each.index, each.subindex)
        except Abort:
            missing.append(each.name)
            continue
        if each.data_type in sizes:
            assert len(data) == sizes[each.data_type], each.name
            if each.default is not None and each.access_type in ("ro", "const"):
                assert int.from_bytes(data, "little") == each.default, each.name
    assert all(name.startswith(("demand_", "supply_", "pdo_demand", "told_")) for name in missing), missing


def test_what_a_controller_has_not_it_refuses(sheet: canopen.ObjectDictionary) -> None:
    device = node(has_light=False, keeps_frames=False)
    for index in (index_of(LIGHT.objects[0]), 0x2900, 0x2980):
        with pytest.raises(Abort, match="there is no such object"):
            device._read(index, 0)
        with pytest.raises(Abort, match="there is no such object"):
            device._write(index, 0, bytes(4))


def test_the_text_is_the_same_each_time_and_nothing_of_the_day_is_in_it() -> None:
    assert eds.text() == eds.text()
    assert "CreationDate=05-04-2026" in eds.text() and eds.text().count("Date=") == 2
    file = io.StringIO(eds.text())
    file.name = "again.eds"
    assert len(list(canopen.import_od(file).values())) == len({each.index for each in entries()})
