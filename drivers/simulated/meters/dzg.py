"""The other side of drivers/meters/dzg.py: DVH4013. It refuses reads that go over registers it does not have."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.table import TableFace, Words


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    return TableFace(model, lambda: words(model), functions=(Function.READ_HOLDING,))


def words(model: Meter) -> Words:
    """What the registers hold now; power in and out are two values without a sign."""
    now, found = model.read(), Words(model.swapped)
    found.whole(0x0000, max(now.power_w, 0.0), 0.1, missing=0xFFFF_FFFF)
    found.whole(0x0002, max(-now.power_w, 0.0), 0.1, missing=0xFFFF_FFFF)
    for phase in range(3):
        found.whole(0x0004 + 2 * phase, now.voltage_v[phase], 0.01, missing=0xFFFF_FFFF)
        found.whole(0x000A + 2 * phase, now.current_a[phase], 0.001, missing=0xFFFF_FFFF)
    found.whole(0x0010, 1.0, 0.001)
    found.whole(0x0012, FREQUENCY_HZ, 0.001)
    for at, energy_wh in ((0x4000, now.import_wh), (0x4100, now.export_wh)):
        found.whole(at, energy_wh, missing=0xFFFF_FFFF)
        for phase in range(3):
            found.whole(at + 0x20 * (phase + 1), energy_wh / 3, missing=0xFFFF_FFFF)
    return found
