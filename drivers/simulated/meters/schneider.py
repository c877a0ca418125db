"""The other side of drivers/meters/schneider.py: iEM3000 series."""

from __future__ import annotations

import math

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.table import TableFace, Words

UNDEFINED = 1 << 63


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    name = str(part.options.get("model", "iEM3155"))
    ranges = ((0x001D, 0x00A0), (0x0BB7, 0x0BF9), (0x0C0B, 0x0C0D), (0x0C25, 0x0C27), (0x0C83, 0x0C97))
    return TableFace(model, lambda: words(model, name), functions=(Function.READ_HOLDING,), ranges=ranges)


def words(model: Meter, name: str) -> Words:
    """What the registers hold now. The power factor of a load that takes a little reactive power is above 1."""
    now, found = model.read(), Words(model.swapped)
    for phase in range(3):
        found.real(0x0BB7 + 2 * phase, now.current_a[phase])
        found.real(0x0BD3 + 2 * phase, now.voltage_v[phase])
        found.real(0x0BED + 2 * phase, now.phase_power_w[phase] / 1000)
    found.real(0x0BF3, now.power_w / 1000)
    found.real(0x0C0B, math.nan if math.isnan(now.power_w) else 1.002)
    found.real(0x0C25, FREQUENCY_HZ)
    found.whole(0x0C83, now.import_wh, 1, 4, missing=UNDEFINED)
    found.whole(0x0C87, math.nan if name.endswith("50") else now.export_wh, 1, 4, missing=UNDEFINED)
    found.text(0x0031, 20, name)
    found.whole(0x0081, model.serial)
    return found
