"""The simulated bus under hostile bytes, its wrong replies on both carriers, and the register maps' edges."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.codecs.modbus import (
    Carrier,
    Function,
    encode_request,
    find_reply,
    read_input,
    write_registers,
)
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue
from drivers.interfaces import ConnectorType
from drivers.native import objects
from drivers.simulated.bus import Bus, Kind, PortFaults
from drivers.simulated.controller import Controller
from drivers.simulated.controllers import native
from drivers.simulated.devices import DevicePart, ModbusDevice
from drivers.simulated.meter import Meter
from drivers.simulated.meters import eastron
from drivers.simulated.registers import ControllerRegisters, Sdm630Registers
from tests.drivers.simulated.models import hardware

PART = DevicePart(kind="", name="", driver="")
REQUEST = read_input(2, 0x0000, 4)


def bus() -> Bus:
    controller = Controller(hardware(ConnectorType.CCS2))
    meter = Meter("m", (), start_wh=1_234_567.0)
    devices: dict[int, ModbusDevice] = {1: native.face(controller, PART), 2: eastron.face(meter, PART)}
    return Bus("bus", devices, lambda: None)


@settings(max_examples=300, deadline=None)
@given(
    data=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([encode_request(REQUEST, Carrier.RTU), encode_request(REQUEST, Carrier.TCP, 7)]),
        ),
        max_size=6,
    ),
    carrier=st.sampled_from(Carrier),
)
def test_no_bytes_break_the_server(data: list[bytes], carrier: Carrier) -> None:
    made = bus()
    server = made.server(carrier)
    for index, piece in enumerate(data):
        try:
            list(made.received(server, piece, index * 1.0))
        except ConnectionError:
            server = made.server(carrier)
    server = made.server(carrier)
    replies = list(made.received(server, encode_request(REQUEST, carrier, 9), 1000.0))
    assert len(replies) == 1 and find_reply(replies[0].data, REQUEST, carrier, 9) is not None


@pytest.mark.parametrize("carrier", list(Carrier))
@pytest.mark.parametrize("kind", ["address", "function", "length", "echo", "truncated"])
@pytest.mark.parametrize("question", [REQUEST, write_registers(1, 0x0400, [1000])])
def test_a_wrong_reply_is_no_answer(carrier: Carrier, kind: Kind, question: object) -> None:
    made = bus()
    made.faults = PortFaults(wrong=kind)
    request = REQUEST if question is REQUEST else write_registers(1, 0x0400, [1000])
    replies = list(made.received(made.server(carrier), encode_request(request, carrier, 5), 0.0))
    assert len(replies) == 1 and replies[0].data
    assert find_reply(replies[0].data, request, carrier, 5) is None


def test_a_wrong_exception_is_device_failure() -> None:
    made = bus()
    made.faults = PortFaults(wrong="exception")
    (reply,) = made.received(made.server(Carrier.RTU), encode_request(REQUEST, Carrier.RTU), 0.0)
    answer = find_reply(reply.data, REQUEST, Carrier.RTU)
    assert answer is not None and answer.exception_code == 4


def test_a_cut_bus_is_silent() -> None:
    made = bus()
    made.is_cut = True
    assert list(made.received(made.server(Carrier.RTU), encode_request(REQUEST, Carrier.RTU), 0.0)) == []


@pytest.mark.parametrize("block", objects.BLOCKS, ids=lambda block: block.name)
def test_each_block_is_read_whole_and_in_parts_by_its_own_function_only(block: objects.Block) -> None:
    registers = ControllerRegisters(Controller(hardware(ConnectorType.GBT)))
    is_read_only = block.objects[0].access is objects.Access.RO
    right, wrong = Function.READ_INPUT, Function.READ_HOLDING
    if not is_read_only:
        right, wrong = wrong, right
    if not registers.has(block):
        with pytest.raises(IllegalAddress):
            registers.read(right, block.start, block.registers)
        return
    whole = registers.read(right, block.start, block.registers)
    assert len(whole) == block.registers
    assert list(registers.read(right, block.start + 1, 1)) == list(whole[1:2]) or block.registers == 1
    with pytest.raises(IllegalAddress):
        registers.read(wrong, block.start, block.registers)
    with pytest.raises(IllegalAddress):
        registers.read(right, block.start, block.registers + 1)
    if is_read_only:
        with pytest.raises(IllegalAddress):
            registers.write(block.start, list(whole))


@pytest.mark.parametrize("low", [low for low, _, _ in objects.RESERVED.values()])
def test_reserved_ranges_answer_illegal_address(low: int) -> None:
    with pytest.raises(IllegalAddress):
        ControllerRegisters(Controller(hardware(ConnectorType.CCS2))).read(Function.READ_INPUT, low, 1)


def test_a_lease_of_more_than_ten_seconds_and_half_objects_are_refused_and_change_nothing() -> None:
    controller = Controller(hardware(ConnectorType.CCS2))
    registers = ControllerRegisters(controller)
    with pytest.raises(IllegalValue):
        registers.write(objects.ORDER.start, [10_001, 0, 5000, 0, 5000])
    with pytest.raises(IllegalAddress):
        registers.write(objects.ORDER.start, [1000, 0])
    assert (controller.lease_left_s, controller.granted_current_a) == (0.0, 0.0)
    registers.write(objects.ORDER.start, [1000, 0, 5000, 0, 6000])
    assert (controller.lease_left_s, controller.granted_current_a, controller.granted_power_w) == (1.0, 5.0, 6000.0)


def floats(registers: list[int]) -> list[float]:
    return list(struct.unpack(f">{len(registers) // 2}f", struct.pack(f">{len(registers)}H", *registers)))


def test_the_meter_answers_the_published_examples() -> None:
    meter = Meter("m", (), start_wh=1_234_567.0, phase_voltage_v=230.2)
    server = Bus("bus", {1: eastron.face(meter, PART)}, lambda: None)
    for asked, answered in (
        ("01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 33 5A FA"),
        ("01 04 00 48 00 02 F1 DD", "01 04 04 44 9A 52 25 33 E0"),
    ):
        (reply,) = server.received(server.server(Carrier.RTU), bytes.fromhex(asked), 0.0)
        assert reply.data == bytes.fromhex(answered)


def test_the_meter_refuses_half_values_too_many_and_unknown_addresses() -> None:
    registers = Sdm630Registers(Meter("m", (), serial=0x12345678))
    for start, count in ((1, 2), (0, 3), (0, 82)):
        with pytest.raises(IllegalValue):
            registers.read(Function.READ_INPUT, start, count)
    with pytest.raises(IllegalAddress):
        registers.read(Function.READ_INPUT, 0x1000, 2)
    with pytest.raises(IllegalFunction):
        registers.write(0, [1])
    assert registers.read(Function.READ_HOLDING, 0xFC00, 2) == [0x1234, 0x5678]
    assert floats(list(registers.read(Function.READ_INPUT, 0, 80)))[0] == 230.0
