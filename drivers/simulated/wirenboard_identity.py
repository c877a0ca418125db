"""What simulated Wiren Board devices tell of themselves: the other side of drivers/wirenboard_identity.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.wirenboard_identity import FIRMWARE, SERIAL, SIGNATURE


def registers(signature: str, serial: int, firmware: str = "1.25.0") -> dict[int, Callable[[], Sequence[int]]]:
    """First input register -> what stands there."""
    return {
        SIGNATURE: lambda: list(signature.encode()[:20].ljust(20, b"\0")),
        FIRMWARE: lambda: list(firmware.encode()[:16].ljust(16, b"\0")),
        SERIAL: lambda: (serial >> 16, serial & 0xFFFF),
    }
