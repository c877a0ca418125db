"""The object dictionary and its values on the wire."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs.modbus import MAX_READ
from drivers.interfaces import Cause, ConnectorType, ControllerStatus
from drivers.native import objects
from drivers.native.codes import CAUSE_CODES, CONNECTOR_TYPE_CODES, STATUS_CODES
from drivers.native.objects import BLOCKS, Block, Object, Type
from drivers.native.registers import Value, block_at, decode_block, encode_block, objects_at

RANGES = {
    Type.U16: (0, 0xFFFF),
    Type.I16: (-0x8000, 0x7FFF),
    Type.U32: (0, 0xFFFF_FFFF),
    Type.I32: (-0x8000_0000, 0x7FFF_FFFF),
}


def values_of(each: Object) -> st.SearchStrategy[Value]:
    if each.type is Type.TEXT:
        return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=each.characters)
    if each.type is Type.BYTES:
        return st.binary(min_size=each.characters, max_size=each.characters)
    numbers = st.integers(*RANGES[each.type]).filter(lambda value: value != each.missing)
    return numbers if each.missing is None else st.none() | numbers


@st.composite
def filled_blocks(draw: st.DrawFn) -> tuple[Block, dict[str, Value]]:
    block = draw(st.sampled_from(BLOCKS))
    return block, {each.name: draw(values_of(each)) for each in block.objects}


@given(filled_blocks())
def test_values_come_through_the_wire_unchanged(filled: tuple[Block, dict[str, Value]]) -> None:
    block, values = filled
    registers = encode_block(block, values)
    assert len(registers) == block.registers
    assert decode_block(block, registers) == values


def test_numbers_are_big_endian_with_the_high_word_first() -> None:
    assert encode_block(objects.CLOCK, {"clock_set": 0x12345678}) == [0x1234, 0x5678]


def test_text_is_two_characters_a_register_padded_with_nul() -> None:
    registers = encode_block(objects.IDENTITY, {"vendor": "ABC"})
    assert registers[4:8] == [0x4142, 0x4300, 0, 0]


def test_what_has_no_value_is_marked() -> None:
    values = decode_block(objects.STATUS, encode_block(objects.STATUS, {}))
    assert values["soc"] is None and values["battery_temperature"] is None and values["power"] == 0


@pytest.mark.parametrize(
    "block, values",
    [
        (objects.STATUS, {"controller_status": None}),
        (objects.STATUS, {"controller_status": -1}),
        (objects.STATUS, {"controller_status": 0x10000}),
        (objects.STATUS, {"power": 0x8000_0000}),
        (objects.STATUS, {"soc": 55.5}),
        (objects.IDENTITY, {"vendor": "x" * 21}),
        (objects.IDENTITY, {"vendor": "ö"}),
        (objects.IDENTITY, {"vendor": 7}),
    ],
)
def test_values_the_wire_cannot_carry_are_refused(block: Block, values: dict[str, Value]) -> None:
    with pytest.raises(ValueError):
        encode_block(block, values)


def test_wrong_registers_are_refused() -> None:
    with pytest.raises(ValueError, match="35 registers where 36 belong"):
        decode_block(objects.STATUS, [0] * 35)
    with pytest.raises(ValueError, match="not printable ASCII"):
        decode_block(objects.IDENTITY, [0, 0, 0, 0, 0x41FF] + [0] * 56)
    with pytest.raises(KeyError, match="colour"):
        encode_block(objects.STATUS, {"colour": 1})


def test_objects_are_found_by_whole_runs_only() -> None:
    assert [each.name for each in objects_at(0x0400, 5)] == ["grant_lease", "grant_current", "grant_power"]
    assert block_at(0x0401, 2) is objects.ORDER
    for start, count in ((0x0400, 2), (0x0402, 1), (0x0409, 2), (0x08D4, 1), (0x003D, 1)):
        with pytest.raises(KeyError):
            objects_at(start, count)


# -------------------------------------------------------------------------------------------------- the dictionary


def test_blocks_follow_each_other_fit_one_request_and_leave_the_reserved_ranges_free() -> None:
    for earlier, later in pairwise(BLOCKS):
        assert earlier.start + earlier.registers <= later.start
    for block in BLOCKS:
        assert block.registers <= min(120, MAX_READ)
        for one, next_ in pairwise(block.objects):
            assert one.index + one.registers == next_.index
        for first, last, _ in objects.RESERVED.values():
            assert block.start + block.registers <= first or last < block.start


def test_names_are_unique_but_for_the_same_thing_told_and_set() -> None:
    names = [each.name for block in BLOCKS for each in block.objects]
    assert len(names) == len(set(names))


def test_code_lists_hold_the_words_of_the_interfaces() -> None:
    assert set(STATUS_CODES) == {status.value for status in ControllerStatus}
    assert set(CAUSE_CODES) == {cause.value for cause in Cause}
    assert set(CONNECTOR_TYPE_CODES) == {kind.value for kind in ConnectorType}
    assert set(objects.PARAMETER_RANGES) == {each.name for each in objects.PARAMETERS.objects}
