"""MMeet modules as seen from the bus, as far as their registers are public."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs import mmeet as codec
from drivers.codecs import winline
from drivers.codecs.can import CanFrame
from drivers.codecs.mmeet import Register
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

RATINGS = Ratings()


class MMeetWords:
    """What the modules understand and say."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id, data = frame.can_id, frame.data
        is_ours = can_id >> 20 == winline.PROTOCOL and can_id >> 3 & 0xFF == winline.CONTROLLER
        if not is_ours or can_id & 7 != codec.LOW or len(data) != 8:
            return []
        if (data[0], data[1]) != (codec.PREFIX, winline.GOOD):
            return []
        to = can_id >> 11 & 0xFF
        return modules if to == winline.EVERYONE else [each for each in modules if each.number == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        register, value = int.from_bytes(frame.data[2:4], "big"), int.from_bytes(frame.data[4:], "big")
        values = {
            Register.VOLTAGE: module.voltage_v * codec.VOLTAGE_SCALE,
            Register.CURRENT: module.current_a * codec.CURRENT_SCALE,
            Register.TEMPERATURE: module.temperature_c,
            Register.FLAGS: 0,
        }
        if register in values:
            value = round(values[Register(register)])
        elif module.is_starting:
            return []
        elif register == Register.SET_VOLTAGE:
            module.set_point(value / codec.VOLTAGE_SCALE, None)
        elif register == Register.SET_CURRENT:
            module.set_point(None, value / codec.CURRENT_SCALE)
        elif register == Register.SWITCH:
            module.switch(value == codec.ON)
        elif register != Register.RANGE:
            return []
        identifier = winline.can_id(winline.CONTROLLER, source=module.number, low=codec.LOW)
        return [CanFrame(identifier, winline.payload(winline.FLOAT, register, value, byte_1=winline.GOOD))]


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, MMeetWords())
