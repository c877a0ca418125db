"""The other side of drivers/meters/eastron.py: SDM630, SDM72D-M (v1, v2), SDM230, SDM120."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.registers import Sdm630Registers

CODES = {"SDM630": 0x0070, "SDM72D-M-v2": 0x0089, "SDM72D-M": 0x0084, "SDM230": 0x002B, "SDM120": 0x0020}
_TOTALS = frozenset((0x34, 0x48, 0x4A, 0x156))
_ONE_PHASE = frozenset((0x00, 0x06, 0x0C, 0x12, 0x1E, 0x46, 0x48, 0x4A, 0x156))


def face(model: Meter, part: DevicePart) -> EastronFace:
    """The meter at its address."""
    return EastronFace(model, str(part.options.get("model", "SDM630")))


class EastronFace(Sdm630Registers):
    """Registers of one of the models; what a model does not measure reads as 0, as in the device."""

    def __init__(self, meter: Meter, name: str = "SDM630") -> None:
        super().__init__(meter)
        self._name = name

    @property
    def registers(self) -> EastronFace:
        return self

    @property
    def answers(self) -> bool:
        return not self.meter.silent

    @property
    def delay_s(self) -> float:
        return self.meter.delay_s

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        if function not in (Function.READ_INPUT, Function.READ_HOLDING):
            raise IllegalAddress
        registers = list(super().read(function, start, count))
        if function == Function.READ_HOLDING and start <= 0xFC02 < start + count:
            registers[0xFC02 - start] = CODES[self._name]
        return registers

    def _values(self) -> dict[int, float]:
        values = super()._values()
        if self._name in ("SDM630", "SDM72D-M-v2"):
            return values
        kept = _TOTALS if self._name == "SDM72D-M" else _ONE_PHASE
        if kept is _ONE_PHASE:
            now = self.meter.read()
            values[0x0C] = now.phase_power_w[0]
        return {at: value for at, value in values.items() if at in kept}
