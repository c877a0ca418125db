"""The other side of drivers/io/icpdas.py: a watchdog that latches and is off once it has ended, safe and power-on
values, counters, a name."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.io.icpdas import (
    COUNTERS,
    INPUTS,
    NAME_REGISTERS,
    OUTPUTS,
    POWER_ON_VALUES,
    SAFE_VALUES,
    SIZES,
    WATCHDOG_ON,
    WATCHDOG_STATUS,
    WATCHDOG_TIME,
    Model,
)
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.io.modbus_face import Module, Place, ordering, storing
from drivers.simulated.io_model import CHANNELS, IoModel

FIRMWARE = (0xA102, 0x0000)
TM_NAME = (0x4001, 0x0722)


def face(model: IoModel, part: DevicePart) -> Device:
    """The module of `options.model`; its settings survive a restart."""
    kind = Model(part.options.get("model", Model.M_7055))
    inputs, outputs = SIZES[kind]
    model.latches = True
    settings = _Settings(model)
    coils = (Function.READ_COILS,)
    bits = [
        Place(coils, OUTPUTS, lambda: model.outputs[:outputs], ordering(model)),
        Place(coils, SAFE_VALUES, lambda: model.safe_values[:outputs], storing(model.safe_values)),
        Place(coils, POWER_ON_VALUES, lambda: model.power_on_values[:outputs], storing(model.power_on_values)),
        Place(coils, WATCHDOG_ON, lambda: (settings.is_on and not model.has_tripped,), settings.switch),
        Place(coils, WATCHDOG_STATUS, settings.status, settings.clear),
        Place((Function.READ_DISCRETE,), INPUTS, lambda: model.inputs[:inputs]),
    ]
    words = [
        Place((Function.READ_HOLDING,), WATCHDOG_TIME, lambda: (settings.tenths,), settings.set_time),
        Place((Function.READ_HOLDING,), NAME_REGISTERS, lambda: (*FIRMWARE, *_name(kind))),
        Place((Function.READ_INPUT,), COUNTERS, lambda: [count & 0xFFFF for count in model.counters[:inputs]]),
    ]
    return Module(model, bits, words)


class _Settings:
    """The watchdog as its registers hold it."""

    def __init__(self, model: IoModel) -> None:
        self.tenths = 0
        self.is_on = False
        self._model = model
        model.on_forgotten.append(self._forget)

    def switch(self, offset: int, value: int) -> None:
        self.is_on = bool(value)
        self._apply()

    def set_time(self, offset: int, value: int) -> None:
        self.tenths = value & 0xFF
        self._apply()

    def status(self) -> tuple[int]:
        return (int(self._model.has_tripped),)

    def clear(self, offset: int, value: int) -> None:
        if value and self._model.has_tripped:
            self._model.clear_trip()
            self.is_on = False
            self._apply()

    def _forget(self) -> None:
        self.tenths, self.is_on = 0, False
        self._model.safe_values[:] = self._model.power_on_values[:] = [False] * CHANNELS
        self._apply()

    def _apply(self) -> None:
        self._model.watchdog_s = self.tenths / 10 if self.is_on and self.tenths else None


def _name(kind: Model) -> tuple[int, int]:
    if kind.startswith("M-"):
        number = 0x00700000 | int(kind.removeprefix("M-"), 16) << 8
        return number & 0xFFFF, number >> 16
    return TM_NAME
