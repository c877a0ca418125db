"""SCU DPM1000 modules as seen from the bus: errors in the status byte and in bit 7 of the kind."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs import dpm1000 as codec
from drivers.codecs import winline
from drivers.codecs.can import CanFrame
from drivers.codecs.dpm1000 import Register
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace
from drivers.simulated.power.winline import alarm_word

RATINGS = Ratings(min_voltage_v=50.0)
INVALID_COMMAND, INVALID_DATA = 0xF2, 0xF3


class Dpm1000Words:
    """What the modules understand and say."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id = frame.can_id
        is_ours = can_id >> 20 == winline.PROTOCOL and can_id >> 3 & 0xFF == winline.CONTROLLER
        if not is_ours or can_id & 3 != codec.LOW or len(frame.data) != 8:
            return []
        if frame.data[0] not in (codec.READ, codec.SET):
            return []
        to = can_id >> 11 & 0xFF
        return modules if to == winline.EVERYONE else [each for each in modules if each.number == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        data = frame.data
        register, value = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big")
        if module.is_starting and data[0] == codec.SET:
            return []
        status = winline.GOOD
        if data[0] == codec.SET:
            kind = codec.SET_REPLY
            status = self._order(module, register, value)
        else:
            kind = codec.READ_REPLY
            found = self._value(module, register)
            value, status = (0, INVALID_COMMAND) if found is None else (found, status)
        if status != winline.GOOD:
            kind |= codec.ERROR
        identifier = winline.can_id(winline.CONTROLLER, source=module.number, low=codec.LOW)
        return [CanFrame(identifier, winline.payload(kind, register, value, byte_1=status))]

    @staticmethod
    def _order(module: PowerModule, register: int, value: int) -> int:
        if register == Register.SET_VOLTAGE:
            is_taken = module.set_point(winline.as_float(value), None)
        elif register == Register.SET_CURRENT:
            is_taken = module.set_point(None, winline.as_float(value) * codec.FULL_CURRENT_A)
        elif register == Register.SWITCH:
            module.switch(value == codec.ON)
            is_taken = True
        elif register in (Register.RANGE, Register.POWER_LIMIT):
            is_taken = True
        else:
            return INVALID_COMMAND
        return winline.GOOD if is_taken else INVALID_DATA

    @staticmethod
    def _value(module: PowerModule, register: int) -> int | None:
        if register == Register.ALARMS:
            return alarm_word(module)
        floats = {
            Register.VOLTAGE: module.voltage_v,
            Register.CURRENT: module.current_a,
            Register.TEMPERATURE: module.temperature_c,
        }
        return winline.as_bits(floats[Register(register)]) if register in floats else None


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, Dpm1000Words())
