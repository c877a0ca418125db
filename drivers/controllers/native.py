"""Connector controllers that speak our own protocol (drivers/native/), over Modbus RTU or TCP, or over CANopen.

On a port of kind `can` the address is the node id; everything else is the same on all of them.
"""

from __future__ import annotations

from drivers.about import About, Line, Modules
from drivers.codecs.canopen import MOST_NODE
from drivers.errors import BadFrame, Refused
from drivers.interfaces import FailSafe, Identity
from drivers.native.canopen import MOST_SUPPLIED
from drivers.native.controller import NativeController, Settings, link_to, objection, open_device
from drivers.native.objects import IDENTITY
from drivers.ports.port import Port

__all__ = ["ABOUT", "Settings", "objection", "open_device", "recognise"]

ABOUT = About(
    vendor="Chargepoint",
    models=("every controller with the open protocol",),
    ports=("serial", "tcp", "can"),
    lines=(Line(115200), Line(19200)),
    bit_rates=(250_000, 500_000, 125_000, 1_000_000),
    addresses=(1,),
    abilities=(
        "AC", "DC", "cable lock", "vehicle data", "parameters", "clock", "diagnosis", "session dump", "light",
    ),
    source="docs/protocol/, generated from drivers/native/objects.py",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    modules=Modules.EITHER,
    quirks=(
        f"on CAN the address is the node id, 1..{MOST_NODE}; with modules of the station 1..{MOST_SUPPLIED}",
        "what only some have (lock, dump, light) it says itself; without it the order is refused",
    ),
)  # fmt: skip


async def recognise(port: Port, address: int) -> Identity | None:
    """Who answers there, when it is one of ours. Raises NoAnswer."""
    link = link_to(port, address, is_passive=True)
    try:
        values = await link.read(IDENTITY.objects[:1])
        if not 1 <= int(values["protocol_version"] or 0) <= 0xFF:
            return None
        identity = await NativeController(link).identify()
    except (BadFrame, Refused):
        return None
    finally:
        link.close()
    return identity if identity.vendor or identity.model else None
