"""The other side of drivers/io/moxa.py: inputs, outputs, name, MAC; its watchdog is set in its web page (`watchdog_s`
of the model) and latches until coil 4144 is written."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.io.moxa import COUNTERS, FIRMWARE, MAC, MODEL_NAME, SIZES, WATCHDOG_ALARM, Model
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.io.modbus_face import Module, Place, ordering, text
from drivers.simulated.io_model import IoModel


def face(model: IoModel, part: DevicePart) -> Device:
    """The module of `options.model`."""
    kind = Model(part.options.get("model", Model.E1214))
    inputs, outputs = SIZES[kind]
    model.latches = True

    def clear(offset: int, value: int) -> None:
        if value:
            model.clear_trip()

    def counters() -> list[int]:
        return [word for count in model.counters[:inputs] for word in (count >> 16 & 0xFFFF, count & 0xFFFF)]

    bits = [
        Place((Function.READ_COILS,), 0, lambda: model.outputs[:outputs], ordering(model)),
        Place((Function.READ_COILS,), WATCHDOG_ALARM, lambda: (model.has_tripped,), clear),
        Place((Function.READ_DISCRETE,), 0, lambda: model.inputs[:inputs]),
    ]
    words = [
        Place((Function.READ_INPUT,), COUNTERS, counters),
        Place((Function.READ_INPUT,), MODEL_NAME, lambda: text(kind.value, 10, characters=2)),
        Place((Function.READ_INPUT,), MAC, lambda: (0x0090, 0xE83E, 0x1800 | part.address)),
        Place((Function.READ_INPUT,), FIRMWARE, lambda: (0x0302, 0x0000)),
    ]
    return Module(model, bits, words)
