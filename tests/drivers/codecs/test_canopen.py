"""SDO transfers of both sides: against each other, against another implementation, and against noise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import canopen
import pytest
from canopen.objectdictionary import ObjectDictionary, ODVariable, datatypes
from canopen.sdo.exceptions import SdoAbortedError
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs.canopen import (
    LENGTH,
    NO_OBJECT,
    READ_ONLY,
    TOGGLE,
    Abort,
    BadReply,
    Emergency,
    NmtCommand,
    SdoServer,
    Transfer,
    abort,
    download,
    is_answer_to,
    nmt,
    upload,
)


class Device:
    """Objects without meaning behind an SDO server."""

    def __init__(self) -> None:
        self.objects: dict[tuple[int, int], bytes] = {}
        self.server = SdoServer(self.read, self.write)
        self.frames: list[bytes] = []

    def read(self, index: int, sub: int) -> bytes:
        if (index, sub) not in self.objects:
            raise Abort(NO_OBJECT)
        return self.objects[index, sub]

    def write(self, index: int, sub: int, data: bytes) -> None:
        if index < 0x2000:
            raise Abort(READ_ONLY)
        self.objects[index, sub] = data

    def carry(self, transfer: Transfer) -> bytes:
        request = next(transfer)
        while True:
            reply = self.server.answer(request)
            assert reply is not None and is_answer_to(request, reply)
            self.frames += [request, reply]
            try:
                request = transfer.send(reply)
            except StopIteration as done:
                return bytes(done.value)


@given(st.binary(max_size=300), st.integers(0x2000, 0xFFFF), st.integers(0, 255))
def test_what_was_written_is_read(data: bytes, index: int, sub: int) -> None:
    device = Device()
    device.carry(download(index, sub, data))
    assert device.objects == {(index, sub): data}
    assert device.carry(upload(index, sub)) == data
    assert all(len(frame) == 8 for frame in device.frames)


@pytest.mark.parametrize(
    "transfer, frames",
    [
        (upload(0x2100), ["40 00 21 00 00 00 00 00", "4B 00 21 00 34 12 00 00"]),
        (download(0x2100, 0, b"\x01\x02\x03\x04"), ["23 00 21 00 01 02 03 04", "60 00 21 00 00 00 00 00"]),
        (download(0x2409, 0, b"\x02"), ["2F 09 24 00 02 00 00 00", "60 09 24 00 00 00 00 00"]),
        (
            upload(0x2004),
            [
                "40 04 20 00 00 00 00 00", "41 04 20 00 0B 00 00 00", "60 00 00 00 00 00 00 00",
                "00 43 68 61 72 67 65 70", "70 00 00 00 00 00 00 00", "17 6F 69 6E 74 00 00 00",
            ],
        ),
    ],
)  # fmt: skip
def test_frames_are_those_of_the_standard(transfer: Transfer, frames: list[str]) -> None:
    device = Device()
    device.objects = {(0x2100, 0): b"\x34\x12", (0x2004, 0): b"Chargepoint"}
    device.carry(transfer)
    assert [frame.hex(" ").upper() for frame in device.frames] == frames


def test_refusals_carry_their_code_and_words() -> None:
    device = Device()
    with pytest.raises(Abort, match=r"there is no such object \(SDO abort 06020000\)") as told:
        device.carry(upload(0x3000))
    assert told.value.code == NO_OBJECT
    with pytest.raises(Abort, match="it can only be read"):
        device.carry(download(0x1018, 0, b"\x01"))


def test_a_wrong_toggle_bit_ends_the_transfer_on_either_side() -> None:
    device = Device()
    device.objects[0x2004, 0] = bytes(20)
    device.server.answer(next(upload(0x2004)))
    assert device.server.answer(bytes((0x70,)) + bytes(7)) == abort(0x2004, 0, TOGGLE)
    transfer = upload(0x2004)
    device.server.answer(next(transfer))
    transfer.send(bytes.fromhex("41 04 20 00 0B 00 00 00"))
    with pytest.raises(BadReply, match="toggle"):
        transfer.send(bytes.fromhex("10 43 68 61 72 67 65 70"))


def test_less_or_more_than_was_announced_is_damaged() -> None:
    transfer = upload(0x2004)
    next(transfer)
    transfer.send(bytes.fromhex("41 04 20 00 0B 00 00 00"))
    with pytest.raises(BadReply, match="7 bytes where 11 were announced"):
        transfer.send(bytes.fromhex("01 43 68 61 72 67 65 70"))
    endless = upload(0x2004)
    next(endless)
    endless.send(bytes.fromhex("41 04 20 00 08 00 00 00"))
    endless.send(bytes.fromhex("00 43 68 61 72 67 65 70"))
    with pytest.raises(BadReply, match="a transfer without an end, 14 bytes so far"):
        endless.send(bytes.fromhex("10 43 68 61 72 67 65 70"))


@pytest.mark.parametrize(
    "first, segments",
    [
        ("41 04 20 00 FF FF FF 7F", []),
        ("40 04 20 00 00 00 00 00", ["00 43 68 61 72 67 65 70", "10 43 68 61 72 67 65 70"] * 400),
        ("40 04 20 00 00 00 00 00", ["0E 00 00 00 00 00 00 00"]),
    ],
    ids=["two gigabytes", "without size and end", "without bytes"],
)
def test_a_server_that_never_ends_fills_no_memory(first: str, segments: list[str]) -> None:
    transfer = upload(0x2004)
    next(transfer)
    with pytest.raises(BadReply, match=r"at most 4096|without an end"):
        for each in (first, *segments):
            transfer.send(bytes.fromhex(each))


def test_a_server_takes_no_more_than_it_can_hold() -> None:
    device = Device()
    assert device.server.answer(bytes.fromhex("21 00 21 00 FF FF FF 7F")) == abort(0x2100, 0, LENGTH)
    device.server.answer(bytes.fromhex("20 00 21 00 00 00 00 00"))
    replies = [device.server.answer(bytes(((at % 2) << 4,)) + bytes(7)) for at in range(700)]
    assert abort(0x2100, 0, LENGTH) in replies


@given(st.lists(st.binary(min_size=0, max_size=9), max_size=30))
def test_a_server_survives_whatever_comes(requests: list[bytes]) -> None:
    device = Device()
    device.objects[0x2004, 0] = b"Chargepoint"
    for request in requests:
        reply = device.server.answer(request)
        assert reply is None or len(reply) == 8


@given(st.lists(st.binary(min_size=0, max_size=9), max_size=20), st.booleans())
def test_a_client_ends_with_a_reason_whatever_comes(replies: list[bytes], reads: bool) -> None:
    transfer = upload(0x2004) if reads else download(0x2004, 0, bytes(30))
    next(transfer)
    with contextlib.suppress(Abort, BadReply, StopIteration):
        for reply in replies:
            transfer.send(reply)


def test_answers_are_told_apart() -> None:
    asks = next(upload(0x2004))
    assert is_answer_to(asks, bytes.fromhex("41 04 20 00 0B 00 00 00"))
    assert is_answer_to(asks, abort(0x2004, 0, NO_OBJECT))
    assert not is_answer_to(asks, bytes.fromhex("41 05 20 00 0B 00 00 00"))
    assert not is_answer_to(asks, bytes.fromhex("60 04 20 00 00 00 00 00"))
    assert not is_answer_to(asks, bytes(7))


def test_emergencies_and_commands() -> None:
    assert Emergency(0x4210, 9, b"\x13\x0a\x03\x00\x00").encode() == bytes.fromhex("10 42 09 13 0A 03 00 00")
    assert Emergency.decode(bytes.fromhex("10 42 09 13 0A 03 00 00")).code == 0x4210
    with pytest.raises(ValueError, match="7 bytes"):
        Emergency.decode(bytes(7))
    assert nmt(NmtCommand.START, 5) == b"\x01\x05"


# ------------------------------------------------------------------------------------- another implementation's sides


class Wires:
    """What carries frames between the `canopen` package and this codec, at once."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answering: Device | None = None
        self.client: object = None

    def send_message(self, can_id: int, data: bytes, remote: bool = False) -> None:
        self.sent.append(bytes(data))
        if self.answering is not None:
            reply = self.answering.server.answer(bytes(data))
            if reply is not None:
                self.client.on_response(0x585, bytearray(reply), 0.0)  # type: ignore[attr-defined]


def dictionary() -> ObjectDictionary:
    made = ObjectDictionary()  # type: ignore[no-untyped-call]
    for index, kind in ((0x2100, datatypes.UNSIGNED16), (0x2004, datatypes.VISIBLE_STRING), (0x2904, datatypes.DOMAIN)):
        variable = ODVariable(f"object {index:04X}", index)
        variable.data_type, variable.access_type = kind, "rw"
        made.add_object(variable)
    return made


@pytest.mark.parametrize("data", [b"\x34\x12", b"Chargepoint", bytes(range(232)), b"1234567", b"12345678"])
def test_our_client_understands_the_packages_server_and_is_understood(data: bytes) -> None:
    node = canopen.LocalNode(5, dictionary())
    wires = Wires()
    node.sdo.network = wires  # type: ignore[assignment]
    index = 0x2904 if len(data) > 4 else 0x2100

    def carry(transfer: Transfer) -> bytes:
        request = next(transfer)
        while True:
            node.sdo.on_request(0x605, request, 0.0)  # type: ignore[no-untyped-call]
            reply = wires.sent[-1]
            assert is_answer_to(request, reply)
            try:
                request = transfer.send(reply)
            except StopIteration as done:
                return bytes(done.value)

    carry(download(index, 0, data))
    assert node.get_data(index, 0) == data
    assert carry(upload(index)) == data
    with pytest.raises(Abort, match="there is no such object"):
        carry(upload(0x5000))


@pytest.fixture
def client() -> Iterator[tuple[canopen.RemoteNode, Device]]:
    node = canopen.RemoteNode(5, dictionary())
    wires, device = Wires(), Device()
    wires.answering, wires.client = device, node.sdo
    node.sdo.network = wires
    yield node, device


@pytest.mark.parametrize("data", [b"\x34\x12", b"Chargepoint", bytes(range(232)), b"1234567", b"12345678"])
def test_the_packages_client_understands_our_server(data: bytes, client: tuple[canopen.RemoteNode, Device]) -> None:
    node, device = client
    index = 0x2904 if len(data) > 4 else 0x2100
    node.sdo.download(index, 0, data)
    assert device.objects[index, 0] == data
    assert node.sdo.upload(index, 0) == data
    with pytest.raises(SdoAbortedError, match="0x06020000"):
        node.sdo.upload(0x5000, 0)
