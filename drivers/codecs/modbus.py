"""Modbus: bytes <-> requests and replies, no I/O; here what both sides and the asking side need.

Source: MODBUS Application Protocol Specification V1.1b3 and MODBUS over Serial Line V1.02; frames and messages are
coded by pymodbus. Addresses are protocol addresses, counted from zero.

What pymodbus's own stream handling would do with a damaged frame (drop all that was received, or wait for bytes that
never come) is not used: here a reply is looked for at every position by what is already known of it, and only a frame
of exactly that form with the right check sum is decoded.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from drivers.codecs.modbus_requests import (
    COIL_ON,
    MAX_READ,
    MAX_READ_BITS,
    MAX_WRITE,
    MAX_WRITE_BITS,
    Function,
    Request,
    read_coils,
    read_discrete,
    read_holding,
    read_input,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)

__all__ = [
    "COIL_ON",
    "EXCEPTIONS",
    "MAX_FRAME",
    "MAX_READ",
    "MAX_READ_BITS",
    "MAX_WRITE",
    "MAX_WRITE_BITS",
    "MBAP",
    "RTU_HEAD",
    "Answer",
    "Carrier",
    "Fault",
    "Function",
    "Request",
    "after_frames",
    "bytes_wanted",
    "encode_frame",
    "encode_request",
    "find_reply",
    "is_damaged",
    "is_out_of_step",
    "read_coils",
    "read_discrete",
    "read_holding",
    "read_input",
    "replies_in",
    "reply_header",
    "rtu_size",
    "stray",
    "tcp_frames",
    "why_no_reply",
    "write_coil",
    "write_coils",
    "write_register",
    "write_registers",
]

MAX_FRAME = 260
"""Longest frame of either carrier in bytes (RTU 256, TCP 260)."""

RTU_HEAD = 16
"""So many bytes tell how long any RTU frame is."""

MBAP = 7
"""Bytes before the message part of a TCP frame: transaction, protocol, length, unit."""


class Carrier(enum.Enum):
    """How a message travels: RTU has an address before and a check sum behind it, TCP a header with a number."""

    RTU = "rtu"
    TCP = "tcp"


class Fault(enum.StrEnum):
    """Why bytes that were received are no answer to the question."""

    NOTHING = "nothing"
    CHECK_SUM = "check sum"
    ADDRESS = "wrong address"
    FUNCTION = "wrong function"
    LENGTH = "wrong length"
    ECHO = "echo of the request"
    TRANSACTION = "wrong transaction"
    GARBAGE = "garbage"


EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge, not done yet",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}


class Answer(msgspec.Struct, frozen=True):
    """A device's reply: the registers or bits read (empty after a write), or the code of its exception."""

    registers: tuple[int, ...] = ()
    exception_code: int = 0

    @property
    def exception_text(self) -> str:
        return EXCEPTIONS.get(self.exception_code, f"exception {self.exception_code}")


_REPLIES = DecodePDU(is_server=False)
_RTU_REPLIES = FramerRTU(_REPLIES)
_TCP = FramerSocket(_REPLIES)  # its framing knows no direction


def encode_request(request: Request, carrier: Carrier, transaction: int = 0) -> bytes:
    """The frame of `request`; `transaction` (0..65535) counts for TCP only."""
    pdu: ModbusPDU
    match request.function:
        case Function.READ_COILS:
            pdu = ReadCoilsRequest(address=request.start, count=request.count)
        case Function.READ_DISCRETE:
            pdu = ReadDiscreteInputsRequest(address=request.start, count=request.count)
        case Function.WRITE_COIL:
            pdu = WriteSingleCoilRequest(address=request.start, bits=[bool(request.values[0])])
        case Function.WRITE_COILS:
            pdu = WriteMultipleCoilsRequest(address=request.start, bits=[bool(value) for value in request.values])
        case Function.READ_HOLDING:
            pdu = ReadHoldingRegistersRequest(address=request.start, count=request.count)
        case Function.READ_INPUT:
            pdu = ReadInputRegistersRequest(address=request.start, count=request.count)
        case Function.WRITE_REGISTER:
            pdu = WriteSingleRegisterRequest(address=request.start, registers=request.values)
        case Function.WRITE_REGISTERS:
            pdu = WriteMultipleRegistersRequest(address=request.start, registers=request.values)
    return encode_frame(pdu, carrier, request.address, transaction)


def find_reply(data: bytes, request: Request, carrier: Carrier, transaction: int = 0) -> Answer | None:
    """The answer to `request` somewhere in `data`, or None while it is not (wholly) there.

    Bytes before and behind it are not looked at: noise, frames of others and late frames do not stand in its way.
    """
    frames = _rtu_candidates(data, request) if carrier is Carrier.RTU else _tcp_candidates(data, request, transaction)
    for pdu in frames:
        answer = _answer(pdu, request)
        if answer is not None:
            return answer
    return None


def bytes_wanted(data: bytes, request: Request, carrier: Carrier) -> int:
    """How many bytes there have to be before it is worth looking into `data` again, which has no reply yet."""
    ends: list[int] = []
    if carrier is Carrier.TCP:
        rest = after_frames(data)
        if len(rest) >= MBAP and _plausible_mbap(rest):
            ends.append(len(data) - len(rest) + 6 + int.from_bytes(rest[4:6], "big"))
    else:
        for header, size in _rtu_forms(request):
            at = data.find(header)
            if at >= 0:
                ends.append(at + size)
    return min((end for end in ends if end > len(data)), default=len(data) + 1)


def is_damaged(data: bytes, request: Request) -> bool:
    """Whether an RTU reply of the right form has come to its end, but its check sum is wrong: no use in waiting on."""
    echo = encode_request(request, Carrier.RTU)
    if echo.startswith(data):
        return False
    data = data.replace(echo, b"", 1)
    at = data.find(reply_header(request))
    return at >= 0 and len(data) >= at + request.reply_bytes and find_reply(data, request, Carrier.RTU) is None


def is_out_of_step(data: bytes) -> bool:
    """Whether a Modbus TCP stream is no longer one: only a new connection helps."""
    rest = after_frames(data)
    return len(rest) >= MBAP and not _plausible_mbap(rest)


def after_frames(data: bytes) -> bytes:
    """What stands in a Modbus TCP stream behind its whole frames: the begin of the next one."""
    return data[sum(MBAP + len(pdu) for _, _, pdu in tcp_frames(data)) :]


def stray(data: bytes, request: Request) -> Fault | None:
    """What stands before the good RTU reply in `data`, None when nothing does; for the counters."""
    if len(data) <= request.reply_bytes:
        return None
    if encode_request(request, Carrier.RTU) in data and not request.reply_is_echo:
        return Fault.ECHO
    at = data.find(reply_header(request))
    return why_no_reply(data[:at], request, Carrier.RTU) if at > 0 else None


def why_no_reply(data: bytes, request: Request, carrier: Carrier, transaction: int = 0) -> Fault:
    """What the bytes received instead of the answer are, for the message and the counters."""
    if not data:
        return Fault.NOTHING
    if encode_request(request, carrier, transaction) in data and not request.reply_is_echo:
        return Fault.ECHO
    if carrier is Carrier.TCP:
        for number, _, pdu in tcp_frames(data):
            if number != transaction:
                return Fault.TRANSACTION
            return _mismatch(0, pdu, request)
        return Fault.GARBAGE
    for address, pdu in _rtu_frames(data):
        return _mismatch(address, pdu, request)
    return Fault.CHECK_SUM if data.find(bytes((request.address, request.function))) >= 0 else Fault.GARBAGE


def replies_in(data: bytes) -> Iterator[bytes]:
    """The whole RTU replies in `data` without their check sums, whoever asked for them: how late ones are noticed."""
    for address, pdu in _rtu_frames(data):
        yield bytes((address,)) + pdu


def _mismatch(address: int, pdu: bytes, request: Request) -> Fault:
    if address and address != request.address:
        return Fault.ADDRESS
    if pdu[0] & 0x7F != request.function:
        return Fault.FUNCTION
    return Fault.LENGTH


def encode_frame(pdu: ModbusPDU, carrier: Carrier, address: int, transaction: int = 0) -> bytes:
    """The frame of a message of pymodbus, request or reply."""
    pdu.dev_id, pdu.transaction_id = address, transaction
    return (_RTU_REPLIES if carrier is Carrier.RTU else _TCP).buildFrame(pdu)


def reply_header(request: Request) -> bytes:
    """How the good RTU reply begins: as much as is known of it beforehand."""
    begin = bytes((request.address, request.function))
    if request.is_read:
        return begin + bytes((request.data_bytes,))
    last = request.count
    if request.function is Function.WRITE_REGISTER:
        last = request.values[0]
    elif request.function is Function.WRITE_COIL:
        last = COIL_ON if request.values[0] else 0
    return begin + request.start.to_bytes(2, "big") + last.to_bytes(2, "big")


def _rtu_forms(request: Request) -> tuple[tuple[bytes, int], ...]:
    """How the two possible RTU replies begin and how long they are: the good one and the exception."""
    exception = bytes((request.address, request.function | 0x80))
    return (reply_header(request), request.reply_bytes), (exception, 5)


def _rtu_candidates(data: bytes, request: Request) -> Iterator[bytes]:
    """Message parts of whole frames with a right check sum that are the reply or the exception to `request`."""
    for header, size in _rtu_forms(request):
        at = data.find(header)
        while 0 <= at <= len(data) - size:
            pdu = _RTU_REPLIES.decode(data[at : at + size])[3]
            if pdu:
                yield pdu
            at = data.find(header, at + 1)


def _tcp_candidates(data: bytes, request: Request, transaction: int) -> Iterator[bytes]:
    for number, address, pdu in tcp_frames(data):
        if number == transaction and address == request.address:
            yield pdu


def _answer(pdu: bytes, request: Request) -> Answer | None:
    """The decoded message part, or None when it is not what `request` asked for."""
    if pdu[0] == request.function | 0x80 and len(pdu) == 2:
        reply = _REPLIES.decode(pdu)
        return Answer(exception_code=reply.exception_code) if reply is not None and reply.exception_code else None
    if pdu[0] != request.function:
        return None
    if request.is_read:
        if len(pdu) != 2 + request.data_bytes or pdu[1] != request.data_bytes:
            return None
        reply = _REPLIES.decode(pdu)
        if reply is None:
            return None
        values = reply.bits[: request.count] if request.is_of_bits else reply.registers
        return Answer(tuple(int(value) for value in values))
    return Answer() if pdu[1:] == reply_header(request)[2:] else None


def _rtu_frames(data: bytes, framer: FramerRTU = _RTU_REPLIES) -> Iterator[tuple[int, bytes]]:
    """Every whole frame with a right check sum in `data`: address and message part; other bytes are skipped."""
    at = 0
    while at <= len(data) - 4:
        size = rtu_size(data[at : at + RTU_HEAD], framer)
        if size and at + size <= len(data):
            _, address, _, pdu = framer.decode(data[at : at + size])
            if pdu:
                yield address, pdu
                at += size
                continue
        at += 1


def rtu_size(data: bytes, framer: FramerRTU) -> int:
    """Length of the frame that begins `data`, by its function; 0 when there is no such function or it is too short."""
    try:
        pdu_class = framer.decoder.lookupPduClass(data) if data[1] & 0x7F else None
        return pdu_class.calculateRtuFrameSize(data) if pdu_class else 0
    except Exception:  # a length that cannot be told from these bytes yet: pymodbus raises several kinds
        return 0


def _plausible_mbap(data: bytes) -> bool:
    return data[2:4] == b"\0\0" and 3 <= int.from_bytes(data[4:6], "big") <= MAX_FRAME - 6


def tcp_frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Whole Modbus TCP frames from the begin of `data`: transaction, unit, message part; ends at garbage."""
    at = 0
    while len(data) - at > MBAP and _plausible_mbap(data[at:]):
        size = int.from_bytes(data[at + 4 : at + 6], "big") + 6
        if at + size > len(data):
            return
        _, address, transaction, pdu = _TCP.decode(data[at : at + size])
        yield transaction, address, pdu
        at += size
