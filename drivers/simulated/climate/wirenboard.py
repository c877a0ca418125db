"""The other side of drivers/climate/wirenboard.py."""

from __future__ import annotations

from drivers.climate.wirenboard import TABLES, Model
from drivers.codecs.modbus import Function
from drivers.simulated.climate.modbus_face import Sensor
from drivers.simulated.climate_model import ClimateModel
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.wirenboard_identity import registers


def face(model: ClimateModel, part: DevicePart) -> Device:
    """The sensor of `options.model`."""
    kind = Model(part.options.get("model", Model.MSW))
    signature = "WBMSW3" if kind is Model.MSW else "WBMSv2"
    extra = {(int(Function.READ_INPUT), at): read for at, read in registers(signature, model.serial, "4.30.3").items()}
    return Sensor(model, TABLES[kind], frozenset({int(Function.READ_INPUT)}), extra)
