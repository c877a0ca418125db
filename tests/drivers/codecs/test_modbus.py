"""Bytes <-> requests and replies, both sides, both carriers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import modbus
from drivers.codecs.modbus import Answer, Carrier, Fault, Function, Request
from drivers.codecs.modbus_server import Busy, IllegalAddress, IllegalFunction, Server
from tests.drivers.devices import Counting

VECTORS = [  # request, reply and registers; produced from the definition of the check sum, meters of several makers
    ("01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 33 5A FA", modbus.read_input(1, 0x0000, 2)),
    ("01 04 00 34 00 02 30 05", "01 04 04 45 E6 04 00 0D BF", modbus.read_input(1, 0x0034, 2)),
    ("01 04 00 48 00 02 F1 DD", "01 04 04 44 9A 52 25 33 E0", modbus.read_input(1, 0x0048, 2)),
    ("01 04 00 28 00 02 F1 C3", "01 04 04 CF C7 FF FF 74 DD", modbus.read_input(1, 0x0028, 2)),
    ("01 03 0B F3 00 02 36 1C", "01 03 04 40 EB 85 1F BC 9F", modbus.read_holding(1, 0x0BF3, 2)),
    ("01 03 0C 83 00 04 B6 B1", "01 03 08 00 00 00 00 00 12 D6 87 2B D0", modbus.read_holding(1, 0x0C83, 4)),
    ("01 03 5B 00 00 02 D7 2F", "01 03 04 00 00 09 01 3D A3", modbus.read_holding(1, 0x5B00, 2)),
    ("01 03 20 12 00 02 6F CE", "01 03 04 47 8F C2 80 8F AC", modbus.read_holding(1, 0x2012, 2)),
    ("01 03 00 14 00 03 45 CF", "01 03 06 08 FD 08 FA 09 06 E9 EA", modbus.read_holding(1, 0x0014, 3)),
    ("21 04 00 6B 00 06 06 B4", "21 04 0C FD 03 82 EB FF 00 08 F7 00 00 00 E7 F3 3C", modbus.read_input(0x21, 107, 6)),
]


@pytest.mark.parametrize("asked, replied, request_", VECTORS)
def test_known_frames_are_made_and_understood(asked: str, replied: str, request_: Request) -> None:
    reply = bytes.fromhex(replied)
    assert modbus.encode_request(request_, Carrier.RTU) == bytes.fromhex(asked)
    answer = modbus.find_reply(reply, request_, Carrier.RTU)
    assert answer is not None
    assert b"".join(register.to_bytes(2, "big") for register in answer.registers) == reply[3:-2]


BIT_VECTORS = [  # request, reply, bits; the examples of the Modbus specification (6.1, 6.2, 6.5, 6.11)
    ("11 01 00 13 00 13 8E 92", "11 01 03 CD 6B 05 40 12", modbus.read_coils(0x11, 19, 19), 0x56BCD),
    ("11 02 00 C4 00 16 BA A9", "11 02 03 AC DB 35 20 18", modbus.read_discrete(0x11, 196, 22), 0x35DBAC),
    ("11 05 00 AC FF 00 4E 8B", "11 05 00 AC FF 00 4E 8B", modbus.write_coil(0x11, 172, True), None),
    ("11 05 00 AC 00 00 0F 7B", "11 05 00 AC 00 00 0F 7B", modbus.write_coil(0x11, 172, False), None),
    (
        "11 0F 00 13 00 0A 02 CD 01 BF 0B",
        "11 0F 00 13 00 0A 26 99",
        modbus.write_coils(0x11, 19, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
        None,
    ),
]


@pytest.mark.parametrize("asked, replied, request_, bits", BIT_VECTORS)
def test_known_frames_of_bits_are_made_and_understood(
    asked: str, replied: str, request_: Request, bits: int | None
) -> None:
    assert modbus.encode_request(request_, Carrier.RTU) == bytes.fromhex(asked)
    answer = modbus.find_reply(bytes.fromhex(replied), request_, Carrier.RTU)
    expected = () if bits is None else tuple(bits >> at & 1 for at in range(request_.count))
    assert answer == Answer(expected)


@pytest.mark.parametrize(
    "request_, code",
    [
        (modbus.read_coils(1, 0, 3), 1),
        (modbus.write_coil(1, 0, True), 1),
        (modbus.write_register(1, 0, 5), 1),
        (modbus.write_registers(1, 0, [5]), 0),
    ],
)
def test_a_device_says_by_which_functions_it_may_be_asked(request_: Request, code: int) -> None:
    class Plain:
        def read(self, function: int, start: int, count: int) -> list[int]:
            return [0] * count

        def write(self, start: int, values: Sequence[int]) -> None: ...

        def writes_by(self, function: int, start: int, count: int) -> None:
            if function == Function.WRITE_REGISTER:
                raise IllegalFunction

    (served,) = Server(Carrier.RTU, {1: Plain()}).feed(modbus.encode_request(request_, Carrier.RTU), 0.0)
    answer = modbus.find_reply(served.reply, request_, Carrier.RTU)
    assert answer is not None and answer.exception_code == code


@pytest.mark.parametrize("asked", ["11 05 00 AC 12 34", "11 0F 00 13 00 0A 01 CD", "11 01 00 13 07 D1"])
def test_a_wrong_request_for_bits_is_an_illegal_value(asked: str) -> None:
    frame = bytes.fromhex(asked)
    mbap = b"\0\1\0\0" + len(frame).to_bytes(2, "big") + frame
    (served,) = Server(Carrier.TCP, {0x11: Counting()}).feed(mbap, 0.0)
    assert served.reply[7:] == bytes((frame[1] | 0x80, 3))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    function = draw(st.sampled_from(Function))
    address, start = draw(st.integers(1, 247)), draw(st.integers(0, 0xFF00))
    words = st.integers(0, 0xFFFF)
    if function is Function.WRITE_REGISTER:
        return modbus.write_register(address, start, draw(words))
    if function is Function.WRITE_REGISTERS:
        return modbus.write_registers(address, start, draw(st.lists(words, min_size=1, max_size=123)))
    if function is Function.WRITE_COIL:
        return modbus.write_coil(address, start, draw(st.booleans()))
    if function is Function.WRITE_COILS:
        return modbus.write_coils(address, start, draw(st.lists(st.booleans(), min_size=1, max_size=200)))
    return Request(address, function, start, draw(st.integers(1, 125)))


carriers = st.sampled_from(Carrier)


def _exchange(request: Request, carrier: Carrier, device: Counting, transaction: int = 0) -> bytes:
    frame = modbus.encode_request(request, carrier, transaction)
    (served,) = Server(carrier, {request.address: device}).feed(frame, 0.0)
    assert served.request == request
    return served.reply


@given(requests(), carriers, st.integers(1, 0xFFFF))
def test_what_one_side_says_the_other_understands(request: Request, carrier: Carrier, transaction: int) -> None:
    device = Counting(shift=transaction)
    reply = _exchange(request, carrier, device, transaction)
    answer = modbus.find_reply(reply, request, carrier, transaction)
    if request.is_read and request.is_of_bits:
        assert answer == Answer(tuple(device.read_bits(0, request.start, request.count)))
    elif request.is_read:
        assert answer == Answer(tuple(device.values(request.start, request.count)))
    else:
        assert answer == Answer() and device.written == [(request.start, request.values)]


@given(requests(), carriers, st.binary(max_size=30), st.binary(max_size=30), st.data())
def test_a_reply_is_found_in_noise_and_only_when_it_is_whole(
    request: Request, carrier: Carrier, before: bytes, after: bytes, data: st.DataObject
) -> None:
    reply = _exchange(request, carrier, Counting(), 9)
    cut = data.draw(st.integers(0, len(reply) - 1))
    assert modbus.find_reply(reply[:cut], request, carrier, 9) is None
    if carrier is Carrier.RTU:
        assert modbus.find_reply(before + reply + after, request, carrier, 9) is not None
    else:
        assert modbus.find_reply(reply + after, request, carrier, 9) is not None


@given(requests(), st.data())
def test_up_to_three_wrong_bits_are_never_taken_for_a_reply(request: Request, data: st.DataObject) -> None:
    reply = bytearray(_exchange(request, Carrier.RTU, Counting()))
    for bit in data.draw(st.sets(st.integers(0, 8 * len(reply) - 1), min_size=1, max_size=3)):
        reply[bit // 8] ^= 1 << bit % 8
    assert modbus.find_reply(bytes(reply), request, Carrier.RTU) is None


@given(requests(), requests(), carriers)
def test_the_reply_to_another_question_is_never_taken(asked: Request, other: Request, carrier: Carrier) -> None:
    reply = _exchange(other, carrier, Counting(), transaction=2)
    found = modbus.find_reply(reply, asked, carrier, transaction=1)
    same_form = modbus.reply_header(asked) == modbus.reply_header(other)
    assert found is None or (carrier is Carrier.RTU and same_form)


@given(st.binary(max_size=300), requests(), carriers)
def test_no_bytes_raise_anything(data: bytes, request: Request, carrier: Carrier) -> None:
    modbus.find_reply(data, request, carrier, 1)
    modbus.is_damaged(data, request)
    modbus.is_out_of_step(data)
    modbus.why_no_reply(data, request, carrier, 1)
    list(modbus.replies_in(data))
    Server(Carrier.RTU, {1: Counting()}).feed(data, 0.0)


READ = modbus.read_input(1, 0x0100, 2)


@pytest.mark.parametrize(
    "received, fault",
    [
        (b"", Fault.NOTHING),
        (_exchange(modbus.read_input(2, 0x0100, 2), Carrier.RTU, Counting()), Fault.ADDRESS),
        (_exchange(modbus.read_holding(1, 0x0100, 2), Carrier.RTU, Counting()), Fault.FUNCTION),
        (_exchange(modbus.read_input(1, 0x0100, 3), Carrier.RTU, Counting()), Fault.LENGTH),
        (modbus.encode_request(READ, Carrier.RTU), Fault.ECHO),
        (_exchange(READ, Carrier.RTU, Counting())[:-1] + b"\0", Fault.CHECK_SUM),
        (b"\x00\xff\x00", Fault.GARBAGE),
    ],
)
def test_each_wrong_reply_is_told_by_its_cause(received: bytes, fault: Fault) -> None:
    assert modbus.find_reply(received, READ, Carrier.RTU) is None
    assert modbus.why_no_reply(received, READ, Carrier.RTU) is fault


def test_an_echo_before_the_reply_does_not_stand_in_its_way() -> None:
    write = modbus.write_registers(1, 0x0400, [1, 2, 3])
    echo = modbus.encode_request(write, Carrier.RTU)
    assert modbus.find_reply(echo, write, Carrier.RTU) is None
    assert not modbus.is_damaged(echo, write)
    assert modbus.find_reply(echo + _exchange(write, Carrier.RTU, Counting()), write, Carrier.RTU) == Answer()


def test_an_exception_is_an_answer_with_a_text() -> None:
    class Refusing(Counting):
        def read(self, function: int, start: int, count: int) -> list[int]:
            raise IllegalAddress if start else Busy

    for carrier in Carrier:
        for start, text in ((0, "device busy"), (1, "illegal data address")):
            request = modbus.read_input(1, start, 1)
            frame = modbus.encode_request(request, carrier, 5)
            (served,) = Server(carrier, {1: Refusing()}).feed(frame, 0.0)
            answer = modbus.find_reply(served.reply, request, carrier, 5)
            assert answer is not None and answer.exception_text == text


@pytest.mark.parametrize(
    "address, start, count", [(1, 0, 0), (1, 0, 126), (1, 0xFFFF, 2), (256, 0, 1), (-1, 0, 1), (1, -1, 1)]
)
def test_impossible_requests_are_not_made(address: int, start: int, count: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        modbus.read_input(address, start, count)


@pytest.mark.parametrize("values", [[], [0x10000], [-1], [0] * 124])
def test_impossible_values_are_not_written(values: list[int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        modbus.write_registers(1, 0, values)


# ------------------------------------------------------------------------------------------------- the answering side


def test_a_server_answers_requests_in_any_pieces() -> None:
    for carrier in Carrier:
        server = Server(carrier, {1: Counting()})
        frames = b"".join(modbus.encode_request(modbus.read_input(1, at, 2), carrier, at) for at in (1, 2, 3))
        served = [each for byte in frames for each in server.feed(bytes((byte,)), 0.0)]
        assert [each.request.start for each in served] == [1, 2, 3]


def test_a_server_leaves_requests_to_others_and_damaged_ones_unanswered() -> None:
    device = Counting()
    server = Server(Carrier.RTU, {1: device})
    assert server.feed(modbus.encode_request(modbus.read_input(2, 0, 1), Carrier.RTU), 0.0) == []
    damaged = bytearray(modbus.encode_request(modbus.write_registers(1, 0, [7]), Carrier.RTU))
    damaged[8] ^= 1
    assert server.feed(bytes(damaged), 1.0) == []
    assert device.written == []
    assert len(server.feed(modbus.encode_request(READ, Carrier.RTU), 2.0)) == 1


def test_a_server_forgets_half_a_request_after_silence() -> None:
    server = Server(Carrier.RTU, {1: Counting()})
    frame = modbus.encode_request(READ, Carrier.RTU)
    assert server.feed(frame[:5], 0.0) == []
    assert server.feed(frame[5:], 0.2) == []
    assert len(server.feed(frame, 0.4)) == 1


@pytest.mark.parametrize(
    "message, code",
    [
        (b"\x07\x00\x00\x00\x01", 1),  # exception status
        (b"\x03\x00\x00\x00\x00", 3),
        (b"\x03\x00\x00\x00\x7e", 3),
        (b"\x03\xff\xff\x00\x02", 2),
        (b"\x10\x00\x00\x00\x02\x02\x00\x01", 3),  # byte count and number do not agree
    ],
)
def test_a_server_refuses_what_it_cannot_do(message: bytes, code: int) -> None:
    frame = b"\x00\x01\x00\x00" + (len(message) + 1).to_bytes(2, "big") + b"\x01" + message
    (served,) = Server(Carrier.TCP, {1: Counting()}).feed(frame, 0.0)
    assert served.reply[7:] == bytes((message[0] | 0x80, code))


def test_a_tcp_stream_that_is_none_is_noticed() -> None:
    assert modbus.is_out_of_step(b"GET / HTTP/1.1\r\n")
    with pytest.raises(ConnectionError):
        Server(Carrier.TCP, {}).feed(b"GET / HTTP/1.1\r\n", 0.0)
