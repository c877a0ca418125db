"""Modbus: the answering side; bytes in, carried out requests and their replies out, no I/O.

Simulated devices stand on it; it knows nothing of what the registers mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Protocol, cast, runtime_checkable

import msgspec
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsResponse,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsResponse,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterResponse,
)

from drivers.codecs.modbus import (
    COIL_ON,
    MAX_FRAME,
    MAX_READ,
    MAX_READ_BITS,
    MAX_WRITE,
    MAX_WRITE_BITS,
    MBAP,
    RTU_HEAD,
    Carrier,
    Function,
    Request,
    encode_frame,
    is_out_of_step,
    rtu_size,
    tcp_frames,
)

_SILENCE_S = 0.05  # a request of which nothing more came for this long will never be whole
_FUNCTIONS = frozenset(Function)
_MOST = {(False, True): MAX_READ, (False, False): MAX_WRITE, (True, True): MAX_READ_BITS, (True, False): MAX_WRITE_BITS}
_REQUESTS = DecodePDU(is_server=True)
_RTU = FramerRTU(_REQUESTS)


class Exceptional(Exception):
    """A device's refusal of a request; it becomes an exception reply."""

    code = 4


class IllegalFunction(Exceptional):
    code = 1


class IllegalAddress(Exceptional):
    code = 2


class IllegalValue(Exceptional):
    code = 3


class Busy(Exceptional):
    code = 6


class Unanswered(Exception):
    """The device carries the request out, and sends nothing back."""


class RegisterDevice(Protocol):
    """What answers requests: the registers of one device. Both methods may raise `Exceptional`; `Unanswered`."""

    def read(self, function: int, start: int, count: int) -> Sequence[int]: ...

    def write(self, start: int, values: Sequence[int]) -> None: ...


@runtime_checkable
class BitDevice(Protocol):
    """A `RegisterDevice` that has coils or discrete inputs, too (functions 01, 02, 05, 15). Both may raise
    `Exceptional`; a device without them answers "illegal function"."""

    def read_bits(self, function: int, start: int, count: int) -> Sequence[bool]: ...

    def write_bits(self, start: int, values: Sequence[bool]) -> None: ...


@runtime_checkable
class TellsWrites(Protocol):
    """A `RegisterDevice` to which it matters by which function is written (05, 06, 15, 16): it is asked first, and may
    raise `IllegalFunction`."""

    def writes_by(self, function: int, start: int, count: int) -> None: ...


class Served(msgspec.Struct, frozen=True):
    """A request that was carried out and the frame to send back."""

    request: Request
    reply: bytes


class Server:
    """The answering end of one wire: any number of devices by address. Requests to other addresses stay unanswered.

    `devices` may be changed while it serves. Address 0 (to all) is not served.
    """

    def __init__(self, carrier: Carrier, devices: Mapping[int, RegisterDevice]) -> None:
        self.carrier = carrier
        self.devices = devices
        self._data = b""
        self._last_s = 0.0

    def feed(self, data: bytes, now_s: float) -> list[Served]:
        """Take what came in at `now_s` (seconds of any steady clock) and carry out the whole requests in it.

        An unfinished request is forgotten after 50 ms of silence, as on a real wire.
        """
        if now_s - self._last_s > _SILENCE_S and self.carrier is Carrier.RTU:
            self._data = b""
        self._last_s = now_s
        self._data += data
        served: list[Served] = []
        while (found := self._next()) is not None:
            address, transaction, pdu = found
            device = self.devices.get(address)
            if device is not None:
                with suppress(Unanswered):
                    served.append(self._serve(device, address, transaction, pdu))
        self._data = self._data[-MAX_FRAME:] if self.carrier is Carrier.RTU else self._data
        return served

    def reset(self) -> None:
        """Forget what was received; for a new connection."""
        self._data = b""

    def _next(self) -> tuple[int, int, bytes] | None:
        if self.carrier is Carrier.TCP:
            if is_out_of_step(self._data):
                raise ConnectionError("not Modbus TCP")
            for transaction, address, pdu in tcp_frames(self._data):
                self._data = self._data[MBAP + len(pdu) :]
                return address, transaction, pdu
            return None
        for at in range(len(self._data) - 3):
            size = rtu_size(self._data[at : at + RTU_HEAD], _RTU)
            if not size or at + size > len(self._data):
                continue
            pdu = _RTU.decode(self._data[at : at + size])[3]
            if pdu:
                address = self._data[at]
                self._data = self._data[at + size :]
                return address, 0, pdu
        return None

    def _serve(self, device: RegisterDevice, address: int, transaction: int, pdu: bytes) -> Served:
        request = Request(address, Function.READ_INPUT, 0, 0)
        reply: ModbusPDU
        try:
            request = _request(address, pdu)
            reply = self._carry_out(device, request)
        except Exceptional as refusal:
            reply = ExceptionResponse(pdu[0], refusal.code)
        return Served(request, encode_frame(reply, self.carrier, address, transaction))

    def _carry_out(self, device: RegisterDevice, request: Request) -> ModbusPDU:
        if not request.is_read and (told := _told_of_writes(device)) is not None:
            told.writes_by(request.function, request.start, request.count)
        match request.function:
            case Function.READ_COILS:
                return ReadCoilsResponse(bits=_bits(device, request))
            case Function.READ_DISCRETE:
                return ReadDiscreteInputsResponse(bits=_bits(device, request))
            case Function.READ_HOLDING:
                return ReadHoldingRegistersResponse(registers=_registers(device, request))
            case Function.READ_INPUT:
                return ReadInputRegistersResponse(registers=_registers(device, request))
            case Function.WRITE_COIL:
                _of_bits(device).write_bits(request.start, [bool(request.values[0])])
                return WriteSingleCoilResponse(address=request.start, bits=[bool(request.values[0])])
            case Function.WRITE_COILS:
                _of_bits(device).write_bits(request.start, [bool(value) for value in request.values])
                return WriteMultipleCoilsResponse(address=request.start, count=request.count)
            case Function.WRITE_REGISTER:
                device.write(request.start, request.values)
                return WriteSingleRegisterResponse(address=request.start, registers=request.values)
            case Function.WRITE_REGISTERS:
                device.write(request.start, request.values)
                return WriteMultipleRegistersResponse(address=request.start, count=request.count)


@cache
def _tells_writes(kind: type[RegisterDevice]) -> bool:
    return issubclass(kind, TellsWrites)  # takes long for a protocol


def _told_of_writes(device: RegisterDevice) -> TellsWrites | None:
    return cast(TellsWrites, device) if _tells_writes(type(device)) else None


def _of_bits(device: RegisterDevice) -> BitDevice:
    if not isinstance(device, BitDevice):
        raise IllegalFunction
    return device


def _bits(device: RegisterDevice, request: Request) -> list[bool]:
    bits = [bool(bit) for bit in _of_bits(device).read_bits(request.function, request.start, request.count)]
    if len(bits) != request.count:
        raise Exceptional(f"{request}: the device gave {len(bits)} bits")
    return bits


def _registers(device: RegisterDevice, request: Request) -> list[int]:
    registers = list(device.read(request.function, request.start, request.count))
    if len(registers) != request.count or any(not 0 <= register <= 0xFFFF for register in registers):
        raise Exceptional(f"{request}: the device gave {registers}")
    return registers


def _request(address: int, pdu: bytes) -> Request:
    """The request in a received message part. Raises IllegalFunction or IllegalValue."""
    if pdu[0] not in _FUNCTIONS:
        raise IllegalFunction
    function = Function(pdu[0])
    if len(pdu) < 5:
        raise IllegalValue
    start, last = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if function is Function.WRITE_REGISTER:
        return Request(address, function, start, 1, (last,))
    if function is Function.WRITE_COIL:
        if last not in (0, COIL_ON):
            raise IllegalValue
        return Request(address, function, start, 1, (int(last == COIL_ON),))
    request = Request(address, function, start, last)
    most = _MOST[request.is_of_bits, request.is_read]
    if not 1 <= last <= most or (not request.is_read and pdu[5:6] != bytes((request.data_bytes,))):
        raise IllegalValue
    if start + last > 0x10000:
        raise IllegalAddress
    if request.is_read:
        return request
    message = _REQUESTS.decode(pdu)
    values = () if message is None else message.bits[:last] if request.is_of_bits else message.registers
    if len(values) != last:
        raise IllegalValue
    return Request(address, function, start, last, tuple(int(value) for value in values))
