"""Winline modules as seen from the bus: floating and integer answers, fault answers to what they do not take."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs import winline as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.winline import Register
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, ModuleFault, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

F = ModuleFault
RATINGS = Ratings()
ALARM_BITS = {
    F.FAULT: 0,
    F.PROTECTION: 1,
    F.FAN: 27,
    F.OVER_TEMPERATURE: 30,
    F.OUTPUT_OVER_VOLTAGE: 31,
    F.OUTPUT_SHORT: 28,
    F.PHASE_LOST: 14,
    F.INPUT_UNDER_VOLTAGE: 14,
    F.INPUT_OVER_VOLTAGE: 9,
    F.LOAD_SHARING: 17,
}
FAULTY = 0xF2


class WinlineWords:
    """What the modules understand and say."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id = frame.can_id
        is_ours = can_id >> 20 == codec.PROTOCOL and can_id >> 3 & 0xFF == codec.CONTROLLER
        if not is_ours or len(frame.data) != 8 or frame.data[0] not in (codec.READ, codec.SET):
            return []
        to, low = can_id >> 11 & 0xFF, can_id & 7
        if to == codec.EVERYONE:
            return modules
        if to == codec.GROUP:
            return [each for each in modules if each.group == low]
        return [each for each in modules if each.number == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        data = frame.data
        register, value = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big")
        if module.is_starting and data[0] == codec.SET:
            return []
        if data[0] == codec.SET:
            is_good, kind = self._order(module, register, value), codec.INTEGER
        else:
            kind, value, is_good = self._value(module, register)
        reply = codec.payload(kind, register, value, byte_1=codec.GOOD if is_good else FAULTY)
        identifier = codec.can_id(codec.CONTROLLER, source=module.number, low=module.group)
        return [CanFrame(identifier, reply)]

    @staticmethod
    def _order(module: PowerModule, register: int, value: int) -> bool:
        if register == Register.SET_VOLTAGE:
            return module.set_point(codec.as_float(value), None)
        if register == Register.SET_CURRENT:
            return module.set_point(None, value / codec.SCALE)
        if register == Register.SWITCH:
            module.switch(value == codec.ON)
        elif register == Register.SET_GROUP:
            module.group = value
        else:
            return False
        return True

    @staticmethod
    def _value(module: PowerModule, register: int) -> tuple[int, int, bool]:
        floats = {
            Register.VOLTAGE: module.voltage_v,
            Register.CURRENT: module.current_a,
            Register.DC_TEMPERATURE: module.temperature_c,
            Register.RATED_POWER: module.ratings.max_power_w,
            Register.RATED_CURRENT: module.ratings.max_current_a,
        }
        if register in floats:
            return codec.FLOAT, codec.as_bits(floats[Register(register)]), True
        integers = {
            Register.ALARMS: alarm_word(module),
            Register.SERIAL_LOW: module.serial,
            Register.DCDC_VERSION: 0x0103,
        }
        if register in integers:
            return codec.INTEGER, integers[Register(register)], True
        return codec.INTEGER, 0, False


def alarm_word(module: PowerModule) -> int:
    """As register 40."""
    word = 0 if module.is_on else codec.DCDC_OFF
    word |= module.is_limited << 23
    for fault in module.faults:
        if fault in ALARM_BITS:
            word |= 1 << ALARM_BITS[fault]
    return word


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, WinlineWords())
