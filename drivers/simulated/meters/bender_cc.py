"""The other side of drivers/meters/bender_cc.py, where no controller is simulated with it."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.table import TableFace, Words

NOTHING = 0xFFFF_FFFF


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter as the controller tells it."""
    return TableFace(model, lambda: words(model), functions=(Function.READ_HOLDING,), ranges=((100, 102), (200, 228)))


def words(model: Meter) -> Words:
    """What the registers hold now."""
    now, found = model.read(), Words(model.swapped)
    for phase in range(3):
        found.whole(212 + 2 * phase, now.current_a[phase], 0.001, missing=NOTHING)
        found.whole(222 + 2 * phase, now.voltage_v[phase], missing=NOTHING)
    found.whole(218, now.import_wh, missing=NOTHING)
    found.whole(220, max(now.power_w, 0.0) if now.power_w == now.power_w else now.power_w, missing=NOTHING)
    found.text(100, 2, "5.22")
    return found
