"""A frame on a CAN bus."""

from __future__ import annotations

import msgspec

STUFFING = 1.1
"""Stuff bits of frames as they are met, as a share of what they carry; at worst it is about 1.2."""

_BITS = 47
_BITS_EXTENDED = 67


class CanFrame(msgspec.Struct, frozen=True):
    """One data frame: 11-bit or (`is_extended`) 29-bit identifier, 0 to 8 bytes."""

    can_id: int
    data: bytes
    is_extended: bool = True

    def __str__(self) -> str:
        """As in `1826F456 01 01 00`, for people."""
        width = 8 if self.is_extended else 3
        return f"{self.can_id:0{width}X} {self.data.hex(' ').upper()}".rstrip()


def bits_on_wire(size: int, is_extended: bool) -> float:
    """About how many bit times a frame of `size` data bytes takes, with the pause behind it."""
    return ((_BITS_EXTENDED if is_extended else _BITS) + 8 * size) * STUFFING
