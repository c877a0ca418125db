"""UUGreenPower modules as seen from the bus.

Quirks shown: the identifier of answers carries production day and serial number; a module that is on does not take a
change of its range, and needs 2 s of rest on both sides of it; in the low range nothing above 500 V.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from drivers.codecs import uugreenpower as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.uugreenpower import Command, Kind
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, ModuleFault, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

F = ModuleFault
RATINGS = Ratings()
ALARM_BITS = {
    F.FAULT: 0x2000,
    F.PROTECTION: 0x1000,
    F.FAN: 0x0002_0000,
    F.OVER_TEMPERATURE: 0x0100,
    F.OUTPUT_OVER_VOLTAGE: 0x8000_0000,
    F.OUTPUT_SHORT: 0x2000,
    F.PHASE_LOST: 0x0200_0000,
    F.INPUT_UNDER_VOLTAGE: 0x0200_0000,
    F.INPUT_OVER_VOLTAGE: 0x0400_0000,
    F.LOAD_SHARING: 0x0010,
    F.DUPLICATE: 0x0020,
}
REST_S = 2.0


class UuGreenWords:
    """What the modules understand and say."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        """Changes of range at a time when the maker forbids them."""
        self._off_since_s: dict[int, float] = {}
        self._ranged_s: dict[int, float] = {}
        self.bank: ModuleBank | None = None

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id, data = frame.can_id, frame.data
        if can_id & codec.MASK != codec.MATCH or can_id & 0x3FFF or len(data) != 8:
            return []
        if data[0] & 0xF not in (Kind.SET, Kind.READ):
            return []
        to = can_id >> 14 & 0x7F
        return modules if to == codec.EVERYONE else [each for each in modules if each.number == to]

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        kind, command = frame.data[0] & 0xF, frame.data[1]
        (value,) = struct.unpack_from(">I", frame.data, 4)
        if module.is_starting and kind == Kind.SET:
            return []
        if kind == Kind.SET:
            self._order(module, command, value)
            reply = Kind.SET_REPLY
        else:
            reply, value = Kind.READ_REPLY, self._value(module, command)
        group = frame.data[0] & 0xF0
        payload = struct.pack(">BBHI", group | reply, command, 0, value & 0xFFFF_FFFF)
        return [CanFrame(codec.can_id(module.number, day=5, serial=module.serial & 0x1FF), payload)]

    def of_the_other(self, reply: CanFrame) -> CanFrame:
        """The second module has another serial number."""
        return msgspec.structs.replace(reply, can_id=reply.can_id ^ 0x155)

    def _order(self, module: PowerModule, command: int, value: int) -> None:
        now_s = self._now_s
        if command == Command.SET_VOLTAGE:
            highest_v = codec.LOW_RANGE_V if module.range == codec.LOW_RANGE else module.ratings.max_voltage_v
            if value / 1000 <= highest_v:
                module.set_point(value / 1000, None)
        elif command == Command.SET_CURRENT:
            module.set_point(None, value / 1000)
        elif command == Command.SWITCH:
            if value == 0 and now_s - self._ranged_s.get(module.number, -REST_S) < REST_S - 0.1:
                self.violations.append(f"module {module.number} switched on too soon after its range changed")
            if value == 1 and module.is_told_on:
                self._off_since_s[module.number] = now_s
            module.switch(value == 0)
        elif command == Command.SET_RANGE:
            if module.is_on or now_s - self._off_since_s.get(module.number, -REST_S) < REST_S - 0.1:
                self.violations.append(f"range of module {module.number} changed while it was not at rest")
                return
            module.range = value
            self._ranged_s[module.number] = now_s

    @property
    def _now_s(self) -> float:
        return self.bank.now_s or 0.0 if self.bank is not None else 0.0

    def _value(self, module: PowerModule, command: int) -> int:
        if command in (Command.VOLTAGE, Command.FAST_VOLTAGE):
            return round(module.voltage_v * 1000)
        if command in (Command.CURRENT, Command.FAST_CURRENT):
            return round(module.current_a * 1000)
        if command == Command.DCDC_TEMPERATURE:
            return round(module.temperature_c * 1000)
        if command == Command.SERIAL:
            return module.serial
        if command == Command.RANGE:
            return module.range
        if command == Command.ALARMS:
            word = 0 if module.is_on else codec.NOT_RUNNING
            for fault in module.faults:
                word |= ALARM_BITS.get(fault, 0)
            return word
        return 0


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    words = UuGreenWords()
    words.bank = model
    return BankFace(model, words)
