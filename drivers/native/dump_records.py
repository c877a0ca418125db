"""Batches of dump records: the bytes of `dump_records` <-> vehicle frames. Pure, for both sides of the wire.

A batch is the number of its first frame and that frame's time (ms of the controller's own clock), 32 bits each, then
records: kind, ms since the batch's first frame (16 bits), length, and so many bytes: for CAN frames the identifier
(GB/T 4 bytes, CHAdeMO 2) and the data, for the others UTF-8 text. A kind of 0, or the end, ends the batch. All numbers
are big-endian. A batch also ends before a frame that came more than 65535 ms after its first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from drivers.interfaces import FrameKind, VehicleFrame
from drivers.native.codes import FRAME_KIND_CODES
from drivers.native.objects import DUMP

MOST_BYTES = DUMP.objects[-1].characters
_HEAD = struct.Struct(">II")
_RECORD = struct.Struct(">BHB")
MOST_TEXT = MOST_BYTES - _HEAD.size - _RECORD.size
"""Bytes of text in one record; longer text is cut by the controller."""
_IDENTIFIER = {FrameKind.GBT: 4, FrameKind.CHADEMO: 2, FrameKind.CCS: 0, FrameKind.PILOT: 0}


class Batch(msgspec.Struct, frozen=True):
    """Frames in order; the first has the number `first`."""

    first: int
    frames: tuple[VehicleFrame, ...]

    @property
    def next(self) -> int:
        """The number behind the last."""
        return self.first + len(self.frames)


def encode(first: int, now_ms: int, frames: Iterable[VehicleFrame]) -> bytes:
    """As many of `frames` as fit, the first of them numbered `first`; `now_ms` stands where there is none."""
    base_ms: int | None = None
    records = b""
    for frame in frames:
        base_ms = frame.at_ms if base_ms is None else base_ms
        later_ms = (frame.at_ms - base_ms) & 0xFFFF_FFFF
        width = _IDENTIFIER[frame.kind]
        body = frame.can_id.to_bytes(width, "big") + frame.data if width else frame.data[:MOST_TEXT]
        if later_ms > 0xFFFF or _HEAD.size + len(records) + _RECORD.size + len(body) > MOST_BYTES:
            break
        records += _RECORD.pack(FRAME_KIND_CODES.index(frame.kind.value), later_ms, len(body)) + body
    return _HEAD.pack(first, (now_ms if base_ms is None else base_ms) & 0xFFFF_FFFF) + records


def decode(data: bytes) -> Batch:
    """The batch in `data`. A kind of a later version becomes text that names it. Raises ValueError for what cannot be
    a batch."""
    if len(data) < _HEAD.size:
        raise ValueError(f"dump_records: {len(data)} bytes are no batch")
    first, base_ms = _HEAD.unpack_from(data)
    at = _HEAD.size
    frames: list[VehicleFrame] = []
    while at < len(data) and data[at]:
        if at + _RECORD.size > len(data):
            raise ValueError("dump_records: a record is cut short")
        code, later_ms, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        body = data[at : at + length]
        at += length
        if len(body) != length:
            raise ValueError("dump_records: a record is cut short")
        frames.append(_frame(code, (base_ms + later_ms) & 0xFFFF_FFFF, body))
    return Batch(first, tuple(frames))


def _frame(code: int, at_ms: int, body: bytes) -> VehicleFrame:
    if code >= len(FRAME_KIND_CODES):
        # nobody knows whether it names a vehicle
        return VehicleFrame(at_ms, FrameKind.CCS, 0, f"record of kind {code}, {len(body)} bytes".encode())
    kind = FrameKind(FRAME_KIND_CODES[code])
    width = _IDENTIFIER[kind]
    if not width:
        return VehicleFrame(at_ms, kind, 0, body)
    if not width <= len(body) <= width + 8:
        raise ValueError(f"dump_records: {len(body)} bytes are no {kind.value} frame")
    return VehicleFrame(at_ms, kind, int.from_bytes(body[:width], "big"), body[width:])
