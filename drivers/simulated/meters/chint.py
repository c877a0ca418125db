"""The other side of drivers/meters/chint.py: DTSU666, with scaled or plain numbers and either energy register."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.table import TableFace, Words


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    is_plain = part.options.get("numbers", "scaled") == "plain"
    energy_at = int(part.options.get("energy_at", 0x101E))
    ranges = ((0x1000, 0x1030), (0x2000, 0x2050), (0x4000, 0x4030))
    return TableFace(
        model, lambda: words(model, is_plain, energy_at), functions=(Function.READ_HOLDING,), ranges=ranges
    )


def words(model: Meter, is_plain: bool, energy_at: int) -> Words:
    """What the registers hold now: floats, though multiplied."""
    ten, hundred, thousand = (1, 1, 1) if is_plain else (10, 100, 1000)
    now, found = model.read(), Words(model.swapped)
    for phase in range(3):
        found.real(0x2006 + 2 * phase, now.voltage_v[phase] * ten)
        found.real(0x200C + 2 * phase, now.current_a[phase] * thousand)
        found.real(0x2014 + 2 * phase, now.phase_power_w[phase] * ten)
        found.real(0x202C + 2 * phase, 1.0 * thousand)
    found.real(0x2012, now.power_w * ten)
    found.real(0x202A, 1.0 * thousand)
    found.real(0x2044, FREQUENCY_HZ * hundred)
    found.real(energy_at, now.import_wh / 1000)
    found.real(energy_at + 10, now.export_wh / 1000)
    return found
