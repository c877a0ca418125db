"""A field bus of simulated devices: requests in, replies out, and everything a wire can do to them on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from drivers.codecs.modbus import MBAP, Carrier, Function, encode_request
from drivers.codecs.modbus_server import RegisterDevice, Served, Server
from drivers.simulated.devices import ByteDevice, ModbusDevice

Share = Annotated[float, Meta(ge=0, le=1)]
Kind = Literal["address", "function", "length", "exception", "echo", "truncated"]
MOST_GARBAGE = 24


class PortFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong with a port. Shares are of all exchanges.

    `garbage`: random bytes around replies; `crc`: requests or replies damaged on the way; `delay_s`: every reply comes
    that much later, plus up to `jitter_s`; `wrong`: a share `wrong_share` of the replies is well-formed, but not the
    answer (other address, function, length, an exception, an echo of the request, cut short).
    """

    garbage: Share = 0.0
    crc: Share = 0.0
    delay_s: Annotated[float, Meta(ge=0, le=600)] = 0.0
    jitter_s: Annotated[float, Meta(ge=0, le=600)] = 0.0
    wrong: Kind | None = None
    wrong_share: Share = 1.0


class Reply(msgspec.Struct, frozen=True):
    """Bytes to put on the wire after `delay_s`."""

    data: bytes
    delay_s: float


class Bus:
    """The devices of one port: Modbus devices by address, and those of other protocols, which hear everything.

    `before` is called ahead of each request, to bring the models up to date. `is_powered` False: nothing answers.
    """

    def __init__(
        self,
        name: str,
        devices: Mapping[int, ModbusDevice],
        before: Callable[[], None],
        seed: int = 0,
        byte_devices: Sequence[ByteDevice] = (),
    ) -> None:
        self.name = name
        self.devices = devices
        self.byte_devices = byte_devices
        self.faults = PortFaults()
        self.is_cut = False
        self.is_powered = True
        self.requests = 0
        self.replies = 0
        self.done: Counter[str] = Counter()
        """How often each fault was really done."""
        self._before = before
        self._random = random.Random(seed)

    def server(self, carrier: Carrier) -> Server:
        """The answering end for one connection."""
        return Server(carrier, _Present(self.devices))

    def received(self, server: Server, data: bytes, now_s: float) -> Iterator[Reply]:
        """What goes back for the bytes that came in. Raises ConnectionError when a TCP stream is out of step."""
        if self.is_cut or not self.is_powered:
            return
        if self.faults.crc and self._random.random() < self.faults.crc / 2:
            self.done["request damaged"] += 1
            data = self._damaged(data)
        self._before()
        if self.devices:
            for served in server.feed(data, now_s):
                self.requests += 1
                yield self._on_the_way(served, server.carrier)
        for device in self.byte_devices:
            for late in device.received(data, now_s):
                self.requests += 1
                reply = late.data
                if self.faults.wrong == "truncated" and self._random.random() < self.faults.wrong_share:
                    self.done["truncated"] += 1
                    reply = reply[: len(reply) // 2]
                yield self._spoiled(reply, late.delay_s)

    def _on_the_way(self, served: Served, carrier: Carrier) -> Reply:
        reply = served.reply
        if self.faults.wrong is not None and self._random.random() < self.faults.wrong_share:
            self.done[self.faults.wrong] += 1
            reply = _wrong(self.faults.wrong, served, carrier)
        return self._spoiled(reply, self.devices[served.request.address].delay_s)

    def _spoiled(self, reply: bytes, delay_s: float) -> Reply:
        faults, chance = self.faults, self._random
        delay_s += faults.delay_s + faults.jitter_s * chance.random()
        if faults.crc and chance.random() < faults.crc / 2:
            self.done["reply damaged"] += 1
            reply = self._damaged(reply)
        if faults.garbage and chance.random() < faults.garbage:
            self.done["garbage"] += 1
            reply = self._garbage() + reply if chance.random() < 0.5 else reply + self._garbage()
        self.replies += 1
        return Reply(reply, delay_s)

    def _garbage(self) -> bytes:
        return self._random.randbytes(self._random.randint(1, MOST_GARBAGE))

    def _damaged(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._random.randrange(len(data))
        return data[:at] + bytes((data[at] ^ 1 << self._random.randrange(8),)) + data[at + 1 :]


class _Present(Mapping[int, RegisterDevice]):
    """The devices that answer just now."""

    def __init__(self, devices: Mapping[int, ModbusDevice]) -> None:
        self._devices = devices

    def __getitem__(self, address: int) -> RegisterDevice:
        device = self._devices[address]
        if not device.answers:
            raise KeyError(address)
        return device.registers

    def __iter__(self) -> Iterator[int]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)


def _wrong(kind: Kind, served: Served, carrier: Carrier) -> bytes:
    """A well-formed reply that is not the answer."""
    body = served.reply[1:-2] if carrier is Carrier.RTU else served.reply[7:]
    address = served.request.address
    if kind == "truncated":
        return served.reply[: len(served.reply) // 2]
    if kind == "echo":
        body = _request_body(served)
    elif kind == "address":
        address = address % 247 + 1
    elif kind == "function":
        body = bytes((Function.READ_HOLDING if body[0] != Function.READ_HOLDING else Function.READ_INPUT,)) + body[1:]
    elif kind == "exception":
        body = bytes((body[0] | 0x80, 4))
    elif served.request.is_read and body[0] < 0x80:
        body = bytes((body[0], body[1] + 2)) + body[2:] + b"\0\0"
    else:
        body += b"\0\0"
    if carrier is Carrier.TCP:
        return served.reply[:4] + (len(body) + 1).to_bytes(2, "big") + bytes((address,)) + body
    frame = bytes((address,)) + body
    return frame + _crc(frame)


def _request_body(served: Served) -> bytes:
    return encode_request(served.request, Carrier.TCP)[MBAP:]


def _crc(data: bytes) -> bytes:
    """CRC-16/MODBUS (polynomial A001 reflected, begin FFFF), low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")
