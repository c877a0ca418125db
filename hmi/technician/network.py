"""Addresses of this computer, as the kernel tells them; asked at most once in 10 s."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from functools import lru_cache

from hmi.technician.figures import Address

KEPT_S = 10.0
SIOCGIFADDR = 0x8915


def addresses() -> tuple[Address, ...]:
    """Those of all interfaces that have one, but the loopback. Raises nothing."""
    return _addresses(int(time.monotonic() / KEPT_S))


@lru_cache(maxsize=1)
def _addresses(_moment: int) -> tuple[Address, ...]:
    found = []
    with suppress(OSError, ImportError):
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            for _, name in socket.if_nameindex():
                if name == "lo":
                    continue
                with suppress(OSError):
                    wanted = struct.pack("256s", name.encode()[:15])
                    told = fcntl.ioctl(asked.fileno(), SIOCGIFADDR, wanted)
                    found.append(Address(name, socket.inet_ntoa(told[20:24])))
    return tuple(found)
