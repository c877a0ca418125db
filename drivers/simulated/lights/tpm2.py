"""The other side of drivers/lights/tpm2.py."""

from __future__ import annotations

from drivers.codecs.lights import decode_tpm2
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.lights.serial_face import SerialController
from drivers.simulated.strip_model import StripModel


def face(model: StripModel, part: DevicePart) -> Device:
    """The controller with its strip."""
    return SerialController(model, str(part.options.get("order", "RGB")), decode_tpm2)
