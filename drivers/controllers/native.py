"""Connector controllers that speak our own protocol (drivers/native/), over Modbus RTU or TCP."""

from drivers.about import About, Line
from drivers.interfaces import FailSafe
from drivers.native.controller import Settings, open_device

__all__ = ["ABOUT", "Settings", "open_device"]

ABOUT = About(
    vendor="Chargepoint",
    models=("every controller with the open protocol",),
    ports=("serial", "tcp"),
    lines=(Line(115200),),
    addresses=(1,),
    abilities=("AC", "DC", "cable lock", "vehicle data", "parameters", "clock", "diagnosis"),
    source="docs/protocol/modbus.md, generated from drivers/native/objects.py",
    confidence=2,
    fail_safe=FailSafe.OPENS,
)
