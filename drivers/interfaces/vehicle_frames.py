"""What controller and vehicle say to each other, of controllers that keep it."""

from __future__ import annotations

import enum
from typing import Protocol, runtime_checkable

import msgspec


class FrameKind(enum.StrEnum):
    """What a frame of the vehicle side is: a CAN frame of GB/T 27930 or CHAdeMO, a message of DIN 70121 or ISO 15118
    as the controller words it, or a change of the control pilot."""

    GBT = "gbt"
    CHADEMO = "chademo"
    CCS = "ccs"
    PILOT = "pilot"


class VehicleFrame(msgspec.Struct, frozen=True):
    """One frame between connector controller and vehicle. `at_ms` is the controller's own time, steady, wraps at 2^32.

    `can_id` counts for GBT and CHADEMO. `data` is the frame's data; for CCS and PILOT UTF-8 text.
    """

    at_ms: int
    kind: FrameKind
    can_id: int
    data: bytes


class FramesRead(msgspec.Struct, frozen=True):
    """Frames since the last call, oldest first; `lost` were overwritten in the controller before they were read."""

    frames: tuple[VehicleFrame, ...]
    lost: int = 0


@runtime_checkable
class HasVehicleFrames(Protocol):
    """A connector controller that keeps the frames exchanged with the vehicle."""

    async def read_frames(self) -> FramesRead: ...
