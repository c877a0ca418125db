"""The other side of drivers/meters/abb.py: B21, B23, B24."""

from __future__ import annotations

import math

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.table import TableFace, Words


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    name = str(part.options.get("model", "B23"))
    ranges = ((0x5000, 0x5060), (0x5460, 0x5480), (0x5B00, 0x5B60), (0x8900, 0x8980))
    return TableFace(model, lambda: words(model, name), functions=(Function.READ_HOLDING,), ranges=ranges)


def words(model: Meter, name: str) -> Words:
    """What the registers hold now; phases that a model does not have are "no value"."""
    now, found = model.read(), Words(model.swapped)
    for phase in range(3):
        there = phase == 0 or name != "B21"
        found.whole(0x5B00 + 2 * phase, now.voltage_v[phase] if there else math.nan, 0.1, missing=0xFFFF_FFFF)
        found.whole(0x5B0C + 2 * phase, now.current_a[phase] if there else math.nan, 0.01, missing=0xFFFF_FFFF)
        found.whole(0x5B16 + 2 * phase, now.phase_power_w[phase] if there else math.nan, 0.01, missing=0x7FFF_FFFF)
    found.whole(0x5B14, now.phase_power_w[0] if name == "B21" else now.power_w, 0.01, missing=0x7FFF_FFFF)
    found.whole(0x5B2C, FREQUENCY_HZ, 0.01, 1)
    found.whole(0x5B3A, 1.0, 0.001, 1)
    found.whole(0x5000, now.import_wh, 10, 4, missing=2**64 - 1)
    found.whole(0x5004, now.export_wh, 10, 4, missing=2**64 - 1)
    found.whole(0x8900, model.serial)
    found.text(0x8908, 8, "B1.23.0")
    found.text(0x8960, 6, f"{name} 112-100")
    return found
