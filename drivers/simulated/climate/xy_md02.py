"""The other side of drivers/climate/xy_md02.py; it answers functions 03 and 04 alike, and tells its address."""

from __future__ import annotations

from drivers.climate.xy_md02 import ADDRESS_REGISTER, TABLES, Model
from drivers.codecs.modbus import Function
from drivers.simulated.climate.modbus_face import Sensor
from drivers.simulated.climate_model import ClimateModel
from drivers.simulated.devices import Device, DevicePart


def face(model: ClimateModel, part: DevicePart) -> Device:
    """The sensor of `options.model`."""
    table = TABLES[Model(part.options.get("model", Model.XY_MD02))]
    functions = frozenset({int(Function.READ_INPUT), int(Function.READ_HOLDING)})
    own = {(int(Function.READ_HOLDING), ADDRESS_REGISTER): lambda: (part.address, 0)}
    return Sensor(model, table, functions, own)
