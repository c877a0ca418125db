"""Huawei R100040Gx modules as seen from the bus: answers of several frames, errors in the high bits of the signal."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs import huawei_power as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.huawei_power import Message, Signal
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import HARMLESS, ModuleBank, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

RATINGS = Ratings(max_current_a=133.0, max_power_w=40_000.0)
INVALID = 2


class HuaweiWords:
    """What the modules understand and say."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id = frame.can_id
        is_ours = can_id >> 23 == codec.PROTOCOL and can_id & codec.FROM_CONTROLLER
        if not is_ours or len(frame.data) != 8:
            return []
        to = can_id >> 16 & 0x7F
        return modules if to == codec.EVERYONE else [each for each in modules if each.number == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        data, message = frame.data, frame.can_id >> 8 & 0xFF
        signal, value = (data[0] & 0xF) << 8 | data[1], int.from_bytes(data[4:], "big")
        if module.is_starting and message in (Message.CONTROL, Message.CONFIGURE):
            return []
        if message == Message.REAL_TIME and signal == Signal.BATCH and data[3] == codec.BY_MASK:
            return self._batch(module, value)
        if message == Message.INHERENT and signal == Signal.BATCH:
            serial = self._say(module, message, codec.payload(Signal.SERIAL, module.serial), more=True)
            return [serial, self._say(module, message, codec.payload(Signal.VERSIONS, 0x0102_0304))]
        if message == Message.QUERY and signal == Signal.TEMPERATURE:
            scaled = round(module.temperature_c * codec.SCALE)
            return [self._say(module, message, codec.payload(signal, scaled))]
        is_taken = self._order(module, message, signal, data[3], value)
        error = 0 if is_taken else INVALID
        return [self._say(module, message, codec.payload(signal, value, byte_3=data[3], error=error))]

    def _batch(self, module: PowerModule, wanted: int) -> list[CanFrame]:
        payloads: list[bytes] = []
        if wanted & codec.ALARMS_BIT:
            payloads.append(
                codec.payload(Signal.ALARMS, sum(1 << len(each.value) for each in module.faults - HARMLESS))
            )
        if wanted & codec.VOLTAGE_AND_CURRENT_BIT:
            combined = round(module.current_a * 10) << 16 | round(module.voltage_v * 10)
            payloads.append(codec.payload(Signal.VOLTAGE_AND_CURRENT, combined))
        last = len(payloads) - 1
        return [self._say(module, Message.REAL_TIME, each, more=at < last) for at, each in enumerate(payloads)]

    @staticmethod
    def _say(module: PowerModule, message: int, payload: bytes, *, more: bool = False) -> CanFrame:
        return CanFrame(codec.can_id(module.number, message, from_controller=False, more=more), payload)

    @staticmethod
    def _order(module: PowerModule, message: int, signal: int, byte_3: int, value: int) -> bool:
        if message == Message.CONFIGURE:
            return signal == Signal.AUTOMATIC_RANGE
        if message != Message.CONTROL:
            return False
        if signal == Signal.VOLTAGE:
            return module.set_point(value / codec.SCALE, None)
        if signal == Signal.CURRENT:
            return module.set_point(None, value / codec.SCALE)
        if signal == Signal.SWITCH:
            module.switch(byte_3 == 0)
            return True
        return False


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, HuaweiWords())
