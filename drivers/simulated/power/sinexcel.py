"""Sinexcel modules as seen from the bus: one question, a burst of six answers; switched by bits of the sub-address."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs import sinexcel as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.sinexcel import Message
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import HARMLESS, ModuleBank, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

RATINGS = Ratings()
IDENTIFYING, INVALID_COMMAND, INVALID_DATA = 0xF4, 0xF2, 0xF3


class SinexcelWords:
    """What the modules understand and say."""

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id, data = frame.can_id, frame.data
        is_ours = can_id >> 22 == codec.PROTOCOL and can_id & 0x7FF == codec.CONTROLLER
        if not is_ours or len(data) != 8 or data[0] not in (codec.QUERY, codec.SET):
            return []
        to = can_id >> 11 & 0x7FF
        if to & 0x3F:
            return [each for each in modules if each.number == to]
        return [each for each in modules if to == codec.EVERYONE or each.number & ~0x3F == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        data = frame.data
        message, value = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big", signed=True)
        if data[0] == codec.QUERY:
            return self._burst(module) if is_alone and message == Message.ALL else []
        status = IDENTIFYING if module.is_starting else self._order(module, message, value)
        return [self._say(module, codec.SET_REPLY, message, value & 0xFFFF_FFFF, status)]

    def _burst(self, module: PowerModule) -> list[CanFrame]:
        fault_word = sum(1 << len(each.value) for each in module.faults - HARMLESS)
        values = (
            (Message.ALL, module.is_on << 16 | 1),
            (Message.DC_FAULTS, fault_word),
            (Message.AC_FAULTS, 0),
            (Message.VOLTAGE, round(module.voltage_v * codec.VOLTAGE_SCALE)),
            (Message.CURRENT, round(module.current_a * codec.CURRENT_SCALE)),
            (Message.VERSIONS, 2 << 16 | 3),
        )
        return [self._say(module, codec.QUERY_REPLY, message, value) for message, value in values]

    @staticmethod
    def _say(module: PowerModule, kind: int, message: int, value: int, status: int = codec.GOOD) -> CanFrame:
        identifier = codec.can_id(codec.CONTROLLER, module.number)
        return CanFrame(identifier, codec.payload(kind, message, value, status=status))

    @staticmethod
    def _order(module: PowerModule, message: int, value: int) -> int:
        sub = module.number & 0x3F
        if message == Message.SET_VOLTAGE:
            return codec.GOOD if module.set_point(value / codec.VOLTAGE_SCALE, None) else INVALID_DATA
        if message == Message.SET_LIMIT:
            return codec.GOOD if module.set_point(None, value / 100 * module.ratings.max_current_a) else INVALID_DATA
        if message == (Message.SWITCH_LOW if sub < 32 else Message.SWITCH_HIGH):
            module.switch(bool(value >> sub % 32 & 1))
            return codec.GOOD
        return INVALID_COMMAND


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, SinexcelWords())
