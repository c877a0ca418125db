"""CANopen (CiA 301): identifiers, NMT, heartbeat, emergencies and SDO transfers as bytes, no I/O.

SDO numbers are little-endian. A client's transfer is a generator: it yields the 8 bytes to send, takes the 8 bytes that
came back, and returns when it is done; `is_answer_to` says which reply belongs to which request. Expedited and
segmented transfers; block transfers are answered as CiA 301 allows (upload: by segments; download: refused).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Generator

import msgspec

NMT = 0x000
EMERGENCY = 0x080
TPDO = (0x180, 0x280, 0x380, 0x480)
RPDO = (0x200, 0x300, 0x400, 0x500)
SDO_ANSWER = 0x580
SDO_REQUEST = 0x600
HEARTBEAT = 0x700
"""The pre-defined connection set: each plus the node's id 1..127 (NMT: alone)."""
MOST_NODE = 127


class NmtCommand(enum.IntEnum):
    START = 0x01
    STOP = 0x02
    PRE_OPERATIONAL = 0x80
    RESET_NODE = 0x81
    RESET_COMMUNICATION = 0x82


class NmtState(enum.IntEnum):
    """As a heartbeat tells it."""

    BOOT_UP = 0x00
    STOPPED = 0x04
    OPERATIONAL = 0x05
    PRE_OPERATIONAL = 0x7F


ABORT_TEXTS = {
    0x0503_0000: "toggle bit not alternated",
    0x0504_0000: "SDO timed out",
    0x0504_0001: "unknown SDO command",
    0x0504_0005: "out of memory",
    0x0601_0000: "this access is not supported",
    0x0601_0001: "it can only be written",
    0x0601_0002: "it can only be read",
    0x0602_0000: "there is no such object",
    0x0604_0041: "this object cannot be mapped",
    0x0606_0000: "hardware error",
    0x0607_0010: "wrong length",
    0x0607_0012: "too long",
    0x0607_0013: "too short",
    0x0609_0011: "there is no such sub-index",
    0x0609_0030: "value out of range",
    0x0609_0031: "value too high",
    0x0609_0032: "value too low",
    0x0800_0000: "general error",
    0x0800_0020: "it cannot be stored now",
    0x0800_0022: "not in its present state",
}
TOGGLE, TIMED_OUT, COMMAND, READ_ONLY, NO_OBJECT = 0x0503_0000, 0x0504_0000, 0x0504_0001, 0x0601_0002, 0x0602_0000
LENGTH, NO_SUB_INDEX, VALUE, GENERAL, STATE = 0x0607_0010, 0x0609_0011, 0x0609_0030, 0x0800_0000, 0x0800_0022


class Abort(Exception):
    """An SDO transfer ended by `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{ABORT_TEXTS.get(code, 'no known reason')} (SDO abort {code:08X})")
        self.code = code


class BadReply(Exception):
    """What came is no answer to what was asked."""


def nmt(command: NmtCommand, node: int = 0) -> bytes:
    """Data of the frame NMT; `node` 0 is all."""
    return bytes((command, node))


class Emergency(msgspec.Struct, frozen=True):
    """An emergency message: CiA 301 error code (0: no error any more), error register, the maker's own 5 bytes."""

    code: int
    register: int
    data: bytes = bytes(5)

    def encode(self) -> bytes:
        return struct.pack("<HB5s", self.code, self.register, self.data)

    @classmethod
    def decode(cls, data: bytes) -> Emergency:
        """Raises ValueError for another length than 8."""
        if len(data) != 8:
            raise ValueError(f"an emergency message of {len(data)} bytes")
        return cls(*struct.unpack("<HB5s", data))


# ----------------------------------------------------------------------------------------------------------------- SDO

_MULTIPLEXER = struct.Struct("<BHB")
_DOWNLOAD_SEGMENT, _DOWNLOAD, _UPLOAD, _UPLOAD_SEGMENT, _ABORT, _BLOCK_UPLOAD, _BLOCK_DOWNLOAD = range(7)
"""Client's command specifiers. The server answers 3, 1, 2, 0 to a download, its segment, an upload, its segment."""
_EXPEDITED, _SIZED, _TOGGLE, _LAST = 0x02, 0x01, 0x10, 0x01

MOST_BYTES = 4096
"""Of one object, both ways."""

Transfer = Generator[bytes, bytes, bytes]
"""Yields requests, takes answers, returns the data (empty for a download). Raises Abort, BadReply."""


def upload(index: int, sub: int = 0) -> Transfer:
    """Read an object of at most `MOST_BYTES`. Raises Abort by the server's reason."""
    reply = _checked((yield _MULTIPLEXER.pack(_UPLOAD << 5, index, sub) + bytes(4)))
    if reply[0] & _EXPEDITED:
        return reply[4 : 8 - (reply[0] >> 2 & 3)] if reply[0] & _SIZED else reply[4:]
    size = struct.unpack_from("<I", reply, 4)[0] if reply[0] & _SIZED else None
    if size is not None and size > MOST_BYTES:
        raise BadReply(f"{size} bytes, at most {MOST_BYTES}")
    most = MOST_BYTES if size is None else size
    data, toggle = b"", 0
    while True:
        reply = _checked((yield bytes((_UPLOAD_SEGMENT << 5 | toggle,)) + bytes(7)))
        if reply[0] & _TOGGLE != toggle:
            raise BadReply("toggle bit not alternated")
        piece = reply[1 : 8 - (reply[0] >> 1 & 7)]
        data += piece
        toggle ^= _TOGGLE
        if reply[0] & _LAST:
            break
        if not piece or len(data) > most:
            raise BadReply(f"a transfer without an end, {len(data)} bytes so far")
    if size is not None and len(data) != size:
        raise BadReply(f"{len(data)} bytes where {size} were announced")
    return data


def download(index: int, sub: int, data: bytes) -> Transfer:
    """Write an object. Raises Abort by the server's reason."""
    if 1 <= len(data) <= 4:
        command = _DOWNLOAD << 5 | (4 - len(data)) << 2 | _EXPEDITED | _SIZED
        _checked((yield _MULTIPLEXER.pack(command, index, sub) + data.ljust(4, b"\0")))
        return b""
    _checked((yield _MULTIPLEXER.pack(_DOWNLOAD << 5 | _SIZED, index, sub) + struct.pack("<I", len(data))))
    toggle = 0
    for at in range(0, max(len(data), 1), 7):
        piece = data[at : at + 7]
        last = _LAST if at + 7 >= len(data) else 0
        reply = _checked((yield bytes((toggle | (7 - len(piece)) << 1 | last,)) + piece.ljust(7, b"\0")))
        if reply[0] & _TOGGLE != toggle:
            raise BadReply("toggle bit not alternated")
        toggle ^= _TOGGLE
    return b""


def is_answer_to(request: bytes, reply: bytes) -> bool:
    """Whether a server's 8 bytes belong to this request: same kind, and where they name an object the same one."""
    if len(reply) != 8:
        return False
    asked, said = request[0] >> 5, reply[0] >> 5
    if asked in (_DOWNLOAD, _UPLOAD):
        return said in (_ABORT, 3 if asked == _DOWNLOAD else 2) and reply[1:4] == request[1:4]
    return said in (_ABORT, 0 if asked == _UPLOAD_SEGMENT else 1)


def abort(index: int, sub: int, code: int) -> bytes:
    """The 8 bytes that end a transfer."""
    return _MULTIPLEXER.pack(_ABORT << 5, index, sub) + struct.pack("<I", code)


def _checked(reply: bytes) -> bytes:
    if len(reply) != 8:
        raise BadReply(f"{len(reply)} bytes where 8 belong")
    if reply[0] >> 5 == _ABORT:
        raise Abort(struct.unpack_from("<I", reply, 4)[0])
    return reply


class SdoServer:
    """The answering side of a node's SDO channel: one transfer at a time.

    `read(index, sub)` gives an object's bytes, `write(index, sub, data)` takes them; both raise Abort.
    """

    def __init__(self, read: Callable[[int, int], bytes], write: Callable[[int, int, bytes], None]) -> None:
        self._read, self._write = read, write
        self._index = self._sub = 0
        self._toggle = 0
        self._out: bytes | None = None
        self._in: bytearray | None = None
        self._size: int | None = None

    def answer(self, request: bytes) -> bytes | None:
        """The 8 bytes that go back; None where nothing does."""
        if len(request) != 8:
            return None
        command = request[0] >> 5
        if command == _ABORT:
            self._out = self._in = None
            return None
        try:
            if command in (_UPLOAD, _BLOCK_UPLOAD):
                return self._begin_upload(request)
            if command == _DOWNLOAD:
                return self._begin_download(request)
            if command == _UPLOAD_SEGMENT:
                return self._upload_segment(request)
            if command == _DOWNLOAD_SEGMENT:
                return self._download_segment(request)
            _, self._index, self._sub = _MULTIPLEXER.unpack_from(request)
            raise Abort(COMMAND)
        except Abort as error:
            self._out = self._in = None
            return abort(self._index, self._sub, error.code)

    def _begin_upload(self, request: bytes) -> bytes:
        _, self._index, self._sub = _MULTIPLEXER.unpack_from(request)
        self._out = self._in = None
        data = self._read(self._index, self._sub)
        if 1 <= len(data) <= 4:
            command = 2 << 5 | (4 - len(data)) << 2 | _EXPEDITED | _SIZED
            return _MULTIPLEXER.pack(command, self._index, self._sub) + data.ljust(4, b"\0")
        self._out, self._toggle = data, 0
        return _MULTIPLEXER.pack(2 << 5 | _SIZED, self._index, self._sub) + struct.pack("<I", len(data))

    def _upload_segment(self, request: bytes) -> bytes:
        if self._out is None:
            raise Abort(COMMAND)
        if request[0] & _TOGGLE != self._toggle:
            raise Abort(TOGGLE)
        piece, self._out = self._out[:7], self._out[7:]
        last = 0 if self._out else _LAST
        reply = bytes((self._toggle | (7 - len(piece)) << 1 | last,)) + piece.ljust(7, b"\0")
        self._toggle ^= _TOGGLE
        if last:
            self._out = None
        return reply

    def _begin_download(self, request: bytes) -> bytes:
        command, self._index, self._sub = _MULTIPLEXER.unpack_from(request)
        self._out = self._in = None
        if command & _EXPEDITED:
            self._write(
                self._index, self._sub, request[4 : 8 - (command >> 2 & 3)] if command & _SIZED else request[4:]
            )
        else:
            self._size = struct.unpack_from("<I", request, 4)[0] if command & _SIZED else None
            if self._size is not None and self._size > MOST_BYTES:
                raise Abort(LENGTH)
            self._in, self._toggle = bytearray(), 0
        return _MULTIPLEXER.pack(3 << 5, self._index, self._sub) + bytes(4)

    def _download_segment(self, request: bytes) -> bytes:
        if self._in is None:
            raise Abort(COMMAND)
        if request[0] & _TOGGLE != self._toggle:
            raise Abort(TOGGLE)
        self._in += request[1 : 8 - (request[0] >> 1 & 7)]
        if len(self._in) > MOST_BYTES:
            raise Abort(LENGTH)
        reply = bytes((1 << 5 | self._toggle,)) + bytes(7)
        self._toggle ^= _TOGGLE
        if request[0] & _LAST:
            data, self._in = bytes(self._in), None
            if self._size is not None and len(data) != self._size:
                raise Abort(LENGTH)
            self._write(self._index, self._sub, data)
        return reply
