"""Through which network interface a connection came, and whether that is one of a mobile network (webconfig.md 12).

Linux remembers with each accepted connection where its first packet came in, whatever address it was sent to. So it
needs no look at the addresses of the interfaces, which change.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

NET = Path("/sys/class/net")
MOBILE_NAMES = ("wwan", "wwp", "wws", "wwx", "ppp", "rmnet")
MOBILE_DRIVERS = frozenset(
    {"cdc_mbim", "qmi_wwan", "qmi_wwan_q", "huawei_cdc_ncm", "sierra_net", "rndis_host", "cdc_ether", "option", "hso"}
)
"""Of USB sticks with a SIM; those with rndis_host or cdc_ether look like a network card of their own."""

_IP_PKTOPTIONS = 9
_IPV6_2292PKTOPTIONS = 6
_IP_PKTINFO = 8
_HEADER = socket.CMSG_LEN(0)


def remember_interfaces(listening: socket.socket) -> None:
    """Connections of this listening socket tell their interface. Raises OSError."""
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, getattr(socket, "IPV6_2292PKTINFO", 2), 1)
    else:
        listening.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def interface_of(connection: socket.socket) -> str:
    """The name of the interface it came in through; empty when nobody knows."""
    try:
        if connection.family == socket.AF_INET6:
            told = connection.getsockopt(socket.IPPROTO_IPV6, _IPV6_2292PKTOPTIONS, 256)
            at = _HEADER + 16
        else:
            told = connection.getsockopt(socket.IPPROTO_IP, _IP_PKTOPTIONS, 256)
            at = _HEADER
        return socket.if_indextoname(struct.unpack_from("=I", told, at)[0])
    except (OSError, struct.error):
        return ""


def is_mobile(name: str, net: Path = NET) -> bool:
    """Whether the other side of this interface is a mobile network: by its name, its kind, or its driver."""
    if name.startswith(MOBILE_NAMES):
        return True
    folder = net / name
    try:
        if "DEVTYPE=wwan" in (folder / "uevent").read_text(encoding="ascii", errors="replace").split():
            return True
        return (folder / "device" / "driver").resolve(strict=True).name in MOBILE_DRIVERS
    except OSError:
        return False
