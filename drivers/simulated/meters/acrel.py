"""The other side of drivers/meters/acrel.py: ADW300, ADL3000, DTSD1352, DDSY1352 and DJSF1352-RN."""

from __future__ import annotations

import math

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.table import TableFace, Words

NO_VALUE = 0xFFFF_FFFF


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    name = str(part.options.get("model", "ADL3000"))
    ratio = int(part.options.get("ratio", 1))
    ranges = ((0x0000, 0x0080),)
    return TableFace(model, lambda: words(model, name, ratio), functions=(Function.READ_HOLDING,), ranges=ranges)


def words(model: Meter, name: str, ratio: int = 1) -> Words:
    """What the registers hold now; behind transformers an ADL3000 counts the secondary side."""
    found = Words(model.swapped)
    if name == "DJSF1352-RN":
        _direct(found, model)
    elif name == "ADW300":
        _adw300(found, model)
    elif name == "DDSY1352":
        _ddsy1352(found, model)
    else:
        _adl3000(found, model, ratio)
    return found


def _short(found: Words, address: int, value: float, step: float) -> None:
    found.whole(address, value, step, 1, missing=0xFFFF)


def _adw300(found: Words, model: Meter) -> None:
    now = model.read()
    for phase in range(3):
        _short(found, 0x0014 + phase, now.voltage_v[phase], 0.1)
        _short(found, 0x001A + phase, now.current_a[phase], 0.01)
        found.whole(0x001E + 2 * phase, now.phase_power_w[phase], missing=0x7FFF_FFFF)
    found.whole(0x0024, now.power_w, missing=0x7FFF_FFFF)
    found.whole(0x003E, now.import_wh, 10, missing=NO_VALUE)
    found.whole(0x0040, now.export_wh, 10, missing=NO_VALUE)


def _adl3000(found: Words, model: Meter, ratio: int) -> None:
    now = model.read()
    for phase in range(3):
        _short(found, 0x0061 + phase, now.voltage_v[phase], 0.1)
        _short(found, 0x0064 + phase, now.current_a[phase] / ratio, 0.01)
        _short(found, 0x0067 + phase, now.phase_power_w[phase] / ratio, 1)
        _short(found, 0x0073 + phase, 1.0, 0.001)
    _short(found, 0x006A, now.power_w / ratio, 1)
    _short(found, 0x0076, 1.0, 0.001)
    _short(found, 0x0077, FREQUENCY_HZ, 0.01)
    found.whole(0x000A, now.import_wh / ratio, 10, missing=NO_VALUE)
    found.whole(0x0014, now.export_wh / ratio, 10, missing=NO_VALUE)


def _ddsy1352(found: Words, model: Meter) -> None:
    now = model.read()
    _short(found, 0x000B, now.voltage_v[0], 0.1)
    _short(found, 0x000C, now.current_a[0], 0.01)
    _short(found, 0x000D, now.phase_power_w[0], 1)
    _short(found, 0x0010, 1.0, 0.001)
    found.whole(0x0000, now.import_wh, 10, missing=NO_VALUE)


def _direct(found: Words, model: Meter) -> None:
    """Each value has its decimal point in the next register; the power's grows with it."""
    now = model.read_direct()
    values = ((0x0000, now.voltage_v[0]), (0x0002, now.current_a[0]), (0x0008, now.phase_power_w[0]))
    for address, value in values:
        point = 2
        while not math.isnan(value) and abs(value) / 10 ** (point - 3) > 32_000:
            point += 1
        found.whole(address, value, 10.0 ** (point - 3), 1, missing=0x7FFF)
        found[address + 1] = 0xFF if math.isnan(value) else point
    _short(found, 0x0005, 25.1, 0.1)
    found.whole(0x000C, now.import_wh, missing=NO_VALUE)
    found.whole(0x000E, now.export_wh, missing=NO_VALUE)
    found[0x0010], found[0x0011] = 1, 200
