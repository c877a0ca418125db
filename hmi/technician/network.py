"""Addresses of this computer, its gateway and name servers, as the kernel and the resolver's file tell them."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from hmi.technician.figures import Address

KEPT_S = 10.0
SIOCGIFADDR = 0x8915
ROUTES, RESOLVER = Path("/proc/net/route"), Path("/etc/resolv.conf")
MOST_SERVERS = 3


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


def gateway(routes: Path = ROUTES) -> str:
    """Address and interface of the default route, empty where there is none. Raises nothing."""
    with suppress(OSError, ValueError, IndexError):
        for line in routes.read_text(encoding="ascii").splitlines()[1:]:
            name, target, through, flags = line.split()[:4]
            if target == "00000000" and int(flags, 16) & 2:
                return f"{socket.inet_ntoa(struct.pack('<I', int(through, 16)))} ({name})"
    return ""


def dns(resolver: Path = RESOLVER) -> tuple[str, ...]:
    """Name servers in their order. Raises nothing."""
    with suppress(OSError, UnicodeDecodeError):
        lines = (line.split() for line in resolver.read_text(encoding="utf-8").splitlines())
        return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")[:MOST_SERVERS]
    return ()
