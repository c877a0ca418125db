"""The other side of drivers/io/waveshare.py: 8 inputs, 8 outputs, no watchdog; 0x00FF switches all outputs."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.io.modbus_face import Module, Place, ordering
from drivers.simulated.io_model import IoModel

VERSION = 200


def face(model: IoModel, part: DevicePart) -> Device:
    """The module at `part.address`."""

    def all_outputs(offset: int, value: int) -> None:
        for channel in range(8):
            model.order(channel, bool(value))

    has_inputs = part.options.get("model", "IO 8CH") != "Relay"
    bits = [
        Place((Function.READ_COILS,), 0, lambda: model.outputs[:8], ordering(model)),
        Place((Function.READ_COILS,), 0x00FF, lambda: (0,), all_outputs),
    ]
    if has_inputs:
        bits.append(Place((Function.READ_DISCRETE,), 0, lambda: model.inputs[:8]))
    words = [
        Place((Function.READ_HOLDING,), 0x4000, lambda: (part.address,)),
        Place((Function.READ_HOLDING,), 0x8000, lambda: (VERSION,)),
    ]
    return Module(model, bits, words)
