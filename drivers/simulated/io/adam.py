"""The other side of drivers/io/adam.py: 8 inputs (WP8028), 8 outputs, nothing else."""

from __future__ import annotations

from drivers.codecs.modbus import Function
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.io.modbus_face import Module, Place, ordering
from drivers.simulated.io_model import IoModel


def face(model: IoModel, part: DevicePart) -> Device:
    """The module."""
    bits = [Place((Function.READ_COILS,), 0, lambda: model.outputs[:8], ordering(model))]
    if part.options.get("model", "WP8028") == "WP8028":
        bits.append(Place((Function.READ_DISCRETE,), 0, lambda: model.inputs[:8]))
    return Module(model, bits)
