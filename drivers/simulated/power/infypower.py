"""Infypower modules as seen from the bus: both protocols, as the model of the part says.

Quirks shown: 10 s without a controller switch a module off (status: DC side off, communication interrupted); a voltage
outside its range is refused as invalid data; while it starts it answers "starting up"; walk-in is on after a start.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from drivers.codecs import infypower as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.infypower import Command, Register
from drivers.simulated.devices import DevicePart
from drivers.simulated.module_bank import ModuleBank, ModuleFault, PowerModule, Ratings
from drivers.simulated.power.bank_face import BankFace

F = ModuleFault
RATINGS = Ratings(silent_off_s=10.0, walk_in=True)
STATUS_1 = {F.FAULT: 1, F.PROTECTION: 2, F.FAN: 3, F.OVER_TEMPERATURE: 4, F.OUTPUT_OVER_VOLTAGE: 5}
STATUS_2 = {F.DUPLICATE: 1, F.LOAD_SHARING: 2, F.PHASE_LOST: 3, F.INPUT_UNDER_VOLTAGE: 5, F.INPUT_OVER_VOLTAGE: 6}


class InfyWords:
    """What the modules understand and say."""

    def __init__(self, *, has_registers: bool) -> None:
        self._has_registers = has_registers

    def addressed(self, frame: CanFrame, modules: Iterable[PowerModule]) -> Iterable[PowerModule]:
        can_id = frame.can_id
        device, to = can_id >> 22 & 0xF, can_id >> 8 & 0xFF
        if can_id >> 26 or can_id & 0xFF not in range(0xF0, 0xF9) or len(frame.data) != 8:
            return []
        if device == codec.ONE:
            return modules if to == codec.EVERYONE else [each for each in modules if each.number == to]
        return [each for each in modules if each.group == to] if device == codec.GROUP else []

    def answer(self, module: PowerModule, frame: CanFrame, is_alone: bool) -> Iterable[CanFrame]:
        source, command = frame.can_id & 0xFF, frame.can_id >> 16 & 0x3F
        is_order = command not in (Command.STATUS, Command.MODULE_FLOATS, Command.MODULE_INTEGERS, Command.READ)
        if module.is_starting and is_order and command != Command.CAPABILITIES:
            error, data = codec.STARTING_UP, codec.NOTHING
        else:
            error, data = self._carry_out(module, command, frame.data)
        return [CanFrame(codec.can_id(source, command, source=module.number, error=error), data)]

    def _carry_out(self, module: PowerModule, command: int, data: bytes) -> tuple[int, bytes]:
        """Error and payload of the answer."""
        if command in (Command.READ, Command.WRITE):
            return self._registers(module, command, data) if self._has_registers else (2, codec.NOTHING)
        if command == Command.MODULE_FLOATS:
            return 0, struct.pack(">ff", module.voltage_v, module.current_a)
        if command == Command.MODULE_INTEGERS:
            return 0, struct.pack(">II", round(module.voltage_v * 1000), round(module.current_a * 1000))
        if command == Command.STATUS:
            return 0, status(module)
        if command == Command.CAPABILITIES:
            r = module.ratings
            limits = (r.max_voltage_v, r.min_voltage_v, r.max_current_a * 10, r.max_power_w / 10)
            return 0, struct.pack(">HHHH", *(round(value) for value in limits))
        if command == Command.SERIAL:
            return 0, struct.pack(">Q", module.serial)
        if command == Command.VERSION:
            return 0, bytes((1, 13, 0, 0, 0, 0, 0, 0))
        return self._order(module, command, data)

    @staticmethod
    def _order(module: PowerModule, command: int, data: bytes) -> tuple[int, bytes]:
        if command == Command.SET_MODULE:
            voltage_mv, current_ma = struct.unpack(">II", data)
            return (0 if module.set_point(voltage_mv / 1000, current_ma / 1000) else 3), data
        if command == Command.SWITCH:
            module.switch(data[0] == 0)
        elif command == Command.WALK_IN:
            module.walk_in = data[0] == 1
        elif command == Command.SET_GROUP:
            module.group = data[0]
        else:
            return 2, codec.NOTHING
        return 0, data

    @staticmethod
    def _registers(module: PowerModule, command: int, data: bytes) -> tuple[int, bytes]:
        register, value = struct.unpack(">H2xI", data)
        if command == Command.WRITE:
            if register == Register.SYSTEM_VOLTAGE:
                return (0 if module.set_point(value / 1000, None) else 3), data
            if register == Register.SYSTEM_CURRENT:
                return (0 if module.set_point(None, value / 1000) else 3), data
            if register == Register.STATUS:
                module.switch(value == codec.SWITCH_ON)
            elif register == Register.WALK_IN:
                module.walk_in = value == codec.YES
            elif register != Register.WORKING_MODE:
                return 2, codec.NOTHING
            return 0, data
        r = module.ratings
        found = {
            Register.SYSTEM_VOLTAGE: module.voltage_v,
            Register.MAX_VOLTAGE: r.max_voltage_v,
            Register.MIN_VOLTAGE: r.min_voltage_v,
            Register.MAX_CURRENT: r.max_current_a,
            Register.RATED_POWER: r.max_power_w,
        }
        if register == Register.STATUS:
            return 0, struct.pack(">HH", register, 0) + status(module)[4:]
        if register not in found:
            return 2, codec.NOTHING
        return 0, struct.pack(">HHI", register, 0, round(found[Register(register)] * 1000))


def status(module: PowerModule) -> bytes:
    """Temperature and the three status bytes, in the last four of eight."""
    faults = set(module.faults)
    if module.is_too_hot:
        faults.add(F.OVER_TEMPERATURE)
    status_0 = int(F.OUTPUT_SHORT in faults)
    status_1 = sum(1 << bit for fault, bit in STATUS_1.items() if fault in faults)
    status_2 = sum(1 << bit for fault, bit in STATUS_2.items() if fault in faults)
    status_1 |= (not module.is_on) * codec.DC_OFF | module.walk_in * codec.WALK_IN_ON | module.is_interrupted << 7
    status_2 |= module.is_limited * codec.POWER_LIMITED
    return struct.pack(">4xbBBB", round(module.temperature_c), status_2, status_1, status_0)


def face(model: ModuleBank, part: DevicePart) -> BankFace:
    """The modules on their bus."""
    return BankFace(model, InfyWords(has_registers=part.options.get("model") in ("BEG", "BEC")))
