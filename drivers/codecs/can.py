"""A frame on a CAN bus."""

from __future__ import annotations

import msgspec


class CanFrame(msgspec.Struct, frozen=True):
    """One data frame: 11-bit or (`is_extended`) 29-bit identifier, 0 to 8 bytes."""

    can_id: int
    data: bytes
    is_extended: bool = True

    def __str__(self) -> str:
        """As in `1826F456 01 01 00`, for people."""
        width = 8 if self.is_extended else 3
        return f"{self.can_id:0{width}X} {self.data.hex(' ').upper()}".rstrip()
