"""The other side of drivers/meters/phoenix_charx.py, where no controller is simulated with it."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.table import TableFace, Words

NOTHING = 0x7FFF_FFFF


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter of the connector that the section names."""
    base = int(part.options.get("connector", 1)) * 1000
    ranges = ((100, 120), (base + 200, base + 310))
    return TableFace(model, lambda: words(model, base), functions=(Function.READ_HOLDING,), ranges=ranges)


def words(model: Meter, base: int) -> Words:
    """What the registers hold now."""
    now, found = model.read(), Words(model.swapped)
    for phase in range(3):
        found.whole(base + 232 + 2 * phase, now.voltage_v[phase], 0.001, missing=NOTHING)
        found.whole(base + 238 + 2 * phase, now.current_a[phase], 0.001, missing=NOTHING)
    found.whole(base + 244, now.power_w, 0.001, missing=NOTHING)
    found.whole(base + 250, now.import_wh, 1, 4, missing=(1 << 63) - 1)
    found.text(110, 4, "1.6.3")
    return found
