"""The other side of drivers/meters/carlo_gavazzi.py: EM24, EM330, EM340, ET340, EM530, EM540, EM24_E1, EM580."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.codecs.modbus import Function
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.em580 import Em580Face
from drivers.simulated.meters.table import TableFace, Words

CODES = {
    "EM24": 72, "EM330": 335, "EM340": 341, "ET340": 345, "EM24_E1": 1648, "EM530": 0x06D0, "EM540": 0x06E0,
    "EM580": 0x0718,
}  # fmt: skip
IDENTIFICATION = 0x000B
OVERFLOW = 0x7FFF_FFFF
EM24_PARTIAL = 0x42
"""Where an EM24 has the counter that is set to 0 now and then; its total is at 0x3E."""


def face(model: Meter, part: DevicePart) -> TableFace:
    """The meter at its address."""
    name = str(part.options.get("model", "EM340"))
    return Em580Face(model, words) if name == "EM580" else GavazziFace(model, name)


class GavazziFace(TableFace):
    """The identification code is told only when it is asked for alone."""

    def __init__(self, model: Meter, name: str) -> None:
        super().__init__(
            model,
            lambda: words(model, name),
            functions=(Function.READ_INPUT, Function.READ_HOLDING),
            most=11 if name == "EM24" else 80,
            ranges=((0x0000, 0x0060), (0x5000, 0x5007)),
        )
        self._code = CODES[name]

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        registers = super().read(function, start, count)
        return [self._code] if (start, count) == (IDENTIFICATION, 1) else registers


def words(model: Meter, name: str) -> Words:
    """What the registers hold now; 32 bits are sent low word first."""
    now, found = model.read(), Words(model.swapped)

    def long(address: int, value: float, step: float) -> None:
        found.whole(address, value, step, missing=OVERFLOW, low_first=True)

    for phase in range(3):
        long(2 * phase, now.voltage_v[phase], 0.1)
        long(0x0C + 2 * phase, now.current_a[phase], 0.001)
        long(0x12 + 2 * phase, now.phase_power_w[phase], 0.1)
    long(0x28, now.power_w, 0.1)
    is_em24 = name == "EM24"
    hertz, factor, imported, exported = (0x37, 0x35, 0x3E, 0x5C) if is_em24 else (0x33, 0x31, 0x34, 0x4E)
    found.whole(factor, 1.0, 0.001, 1)
    found.whole(hertz, FREQUENCY_HZ, 0.1, 1)
    long(imported, now.import_wh, 100)
    long(exported, now.export_wh, 100)
    if is_em24:
        long(EM24_PARTIAL, now.import_wh % 1000, 100)
    if not is_em24:
        found.text(0x5000, 7, f"CG{model.serial:08d}")
    if name == "EM580":
        found.whole(0x0500, now.import_wh, 1, 4, missing=2**63 - 1, low_first=True)
        found.whole(0x051C, now.export_wh, 1, 4, missing=2**63 - 1, low_first=True)
    return found
