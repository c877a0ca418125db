"""Connector controllers that speak our own protocol, over Modbus RTU or TCP.

Source: docs/protocol/modbus.md, generated from drivers/native/objects.py.
"""

from __future__ import annotations

import asyncio
import difflib
import math
import random
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.codecs.modbus import Function, Request, read_holding, read_input, write_registers
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.interfaces import (
    ConnectorController,
    ControllerReading,
    Diagnosis,
    FailSafe,
    Identity,
    Parameter,
    VehicleData,
)
from drivers.native import readings
from drivers.native.objects import (
    CLOCK,
    DIAGNOSIS,
    IDENTITY,
    ORDER,
    PARAMETER_RANGES,
    PARAMETERS,
    STATUS,
    VEHICLE,
    Block,
    Command,
    Object,
    OrderResult,
    StartFlag,
)
from drivers.native.registers import Value, decode_objects, encode_block, encode_objects
from drivers.ports.port import Port, Priority

LONGEST_LEASE_S = 10.0

_GRANT = ORDER.objects[:3]
_COMMAND = ORDER.objects[-2:]
_DONE = tuple(each for each in STATUS.objects if each.name in ("order_done", "order_result"))
_PLAIN = (Command.LOCK, Command.UNLOCK, Command.REBOOT)  # leave the permission as it is
_TRIES = 2  # how often an order is written when nothing tells whether it arrived
_LOOKS = 4  # how often its result is looked for
_LOOK_PAUSE_S = 0.05

_NEVER_REFUSED = (Command.STOP, Command.EMERGENCY_STOP)

RESULT_TEXTS = {
    OrderResult.REFUSED_STATE: "not possible in its present status",
    OrderResult.REFUSED_LEASE: "the order came without a lease",
    OrderResult.REFUSED_NO_LOCK: "it has no lock",
    OrderResult.REFUSED_EMERGENCY: "it is in emergency stop",
    OrderResult.REFUSED_VALUE: "a value of the order is out of range",
    OrderResult.REFUSED_VOLTAGE_PRESENT: "there is voltage at its output",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the controller's switches")] = 1


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is asked yet."""
    return NativeController(port, settings.address)


class NativeController:
    """One connector controller at `address` of `port`.

    An order carries a number of its own; the controller does each number once. So an order whose reply was lost is
    looked for in the controller's status and, when it has not arrived, written again with the same number. An order
    that was overtaken by a newer one (a start by a stop) is never written again.
    """

    fail_safe = FailSafe.OPENS

    def __init__(self, port: Port, address: int) -> None:
        self._port = port
        self._address = address
        self._number: int | None = None

    async def identify(self) -> Identity:
        """Vendor to protocol version. Raises NoAnswer, BadFrame or Refused, as all that follow."""
        return readings.identity(await self._read(IDENTITY))

    async def read(self) -> ControllerReading:
        values = await self._read(STATUS)
        try:
            reading = readings.reading(values)
        except ValueError as error:
            raise BadFrame(self._text(f"status: {error}")) from None
        self._remember(values)
        return reading

    async def read_vehicle(self) -> VehicleData:
        return readings.vehicle(await self._read(VEHICLE))

    async def read_diagnosis(self) -> Diagnosis:
        return readings.diagnosis(await self._read(DIAGNOSIS))

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """As the Protocol has it. Raises ValueError for values that the wire cannot carry."""
        if not 1 <= session_ref <= 0xFFFF_FFFF:
            raise ValueError(f"session_ref {session_ref}: must be 1..2^32-1")
        grant = _grant(current_a, power_w, valid_for_s)
        flags |= StartFlag.KEEP_CABLE if keep_cable else 0
        await self._order(Command.START, {**grant, "order_session_ref": session_ref, "order_flags": flags})

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """As the Protocol has it, in one request. Raises ValueError for values that the wire cannot carry."""
        registers = encode_objects(_GRANT, _grant(current_a, power_w, valid_for_s))
        await self._ask(write_registers(self._address, ORDER.start, registers), Priority.ORDER)

    async def stop(self) -> None:
        await self._order(Command.STOP)

    async def lock(self) -> None:
        await self._order(Command.LOCK)

    async def unlock(self) -> None:
        await self._order(Command.UNLOCK)

    async def emergency_stop(self) -> None:
        await self._order(Command.EMERGENCY_STOP)

    async def reboot(self) -> None:
        """Restart it. It goes silent for a while; an order that arrived counts as done when nothing answers then."""
        await self._order(Command.REBOOT, may_fall_silent=True)

    async def set_clock(self, at: datetime) -> None:
        """Its clock to `at` (aware), whole seconds."""
        registers = encode_block(CLOCK, {"clock_set": int(at.timestamp())})
        await self._ask(write_registers(self._address, CLOCK.start, registers))

    async def parameters(self) -> tuple[Parameter, ...]:
        values = await self._read(PARAMETERS, Function.READ_HOLDING)
        return tuple(_parameter(each, values[each.name]) for each in PARAMETERS.objects)

    async def write_parameter(self, name: str, value: int) -> Parameter:
        what = next((each for each in PARAMETERS.objects if each.name == name), None)
        if what is None:
            near = difflib.get_close_matches(name, PARAMETER_RANGES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(self._text(f"there is no parameter {name!r}{hint}"))
        low, high = PARAMETER_RANGES[name]
        if not low <= value <= high:
            raise Refused(self._text(f"parameter {name} = {value} {what.unit}: must be {low}..{high}"))
        await self._ask(write_registers(self._address, what.index, encode_objects((what,), {name: value})))
        held = await self._values((what,), read_holding(self._address, what.index, what.registers))
        if held[name] != value:
            raise Refused(self._text(f"parameter {name} = {value} {what.unit}: it kept {held[name]}"))
        return _parameter(what, held[name])

    # ------------------------------------------------------------------------------------------------------- orders

    async def _order(
        self, command: Command, values: dict[str, Value] | None = None, may_fall_silent: bool = False
    ) -> None:
        """Write one order and make sure what came of it. Raises Refused with the controller's reason, NoAnswer when
        it is not known whether it arrived."""
        number = await self._fresh_number()
        written = {"order_command": command, "order_number": number, **(values or {})}
        objects = _COMMAND if command in _PLAIN else ORDER.objects
        request = write_registers(self._address, objects[0].index, encode_objects(objects, written))
        error: DeviceError = NoAnswer(self._text(f"order {command.name} was not carried out"))
        arrived = False
        for _ in range(_TRIES):
            if self._number != number:
                if arrived and command in _NEVER_REFUSED:
                    return
                raise Refused(self._text(f"order {command.name} was overtaken by a newer one"))
            try:
                await self._ask(request, Priority.ORDER)
                arrived = True
                result = await self._result(number)
            except (NoAnswer, BadFrame) as lost:
                if arrived and may_fall_silent:
                    return
                error = lost
                result = await self._result_if_told(number)
            if result is OrderResult.ACCEPTED or (result is None and arrived and may_fall_silent):
                return
            if result is not None:
                reason = RESULT_TEXTS.get(result, f"result {result}")
                raise Refused(self._text(f"order {command.name} refused: {reason}"))
        raise error

    async def _fresh_number(self) -> int:
        """One that the controller has not done: the one behind the last, 1..65535."""
        if self._number is None:
            try:
                self._remember(await self._done())
            except DeviceError:
                self._number = random.randint(1, 0xFFFF)
        self._number = (self._number or 0) % 0xFFFF + 1
        return self._number

    async def _result(self, number: int) -> OrderResult | None:
        """What came of the order `number`; None when the controller does not name it within a few looks."""
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_PAUSE_S)
            values = await self._done()
            if values["order_done"] == number:
                try:
                    return OrderResult(int(values["order_result"] or 0))
                except ValueError as error:
                    raise BadFrame(self._text(f"order result: {error}")) from None
            if self._number != number:
                return None
        return None

    async def _result_if_told(self, number: int) -> OrderResult | None:
        try:
            return await self._result(number)
        except (NoAnswer, BadFrame):
            return None

    async def _done(self) -> dict[str, Value]:
        count = sum(each.registers for each in _DONE)
        return await self._values(_DONE, read_input(self._address, _DONE[0].index, count), Priority.ORDER)

    def _remember(self, values: dict[str, Value]) -> None:
        """Go on behind the last order the controller has done, when this is the first that is heard of it."""
        if self._number is None:
            self._number = int(values["order_done"] or 0)

    # ------------------------------------------------------------------------------------------------------ requests

    async def _read(self, block: Block, function: Function = Function.READ_INPUT) -> dict[str, Value]:
        return await self._values(block.objects, Request(self._address, function, block.start, block.registers))

    async def _values(
        self, objects: tuple[Object, ...], request: Request, priority: Priority = Priority.POLL
    ) -> dict[str, Value]:
        registers = await self._ask(request, priority)
        try:
            return decode_objects(objects, registers)
        except ValueError as error:
            raise BadFrame(self._text(str(error))) from None

    async def _ask(self, request: Request, priority: Priority = Priority.POLL) -> tuple[int, ...]:
        return await self._port.exchange(request, priority=priority)

    def _text(self, what: str) -> str:
        return f"controller at address {self._address} on port '{self._port.name}': {what}"


def _grant(current_a: float, power_w: float, valid_for_s: float) -> dict[str, Value]:
    """Limits are rounded down, never up."""
    for name, value, most in (
        ("current_a", current_a, 4_000_000.0),
        ("power_w", power_w, 4_000_000_000.0),
        ("valid_for_s", valid_for_s, LONGEST_LEASE_S),
    ):
        if not 0 <= value <= most:
            raise ValueError(f"{name} {value}: must be 0..{most:g}")
    # a millionth, because 16.001 A times 1000 is a little less than 16001 in binary fractions
    return {
        "grant_lease": math.floor(valid_for_s * 1000 + 1e-6),
        "grant_current": math.floor(current_a * 1000 + 1e-6),
        "grant_power": math.floor(power_w + 1e-6),
    }


def _parameter(what: Object, value: Value) -> Parameter:
    low, high = PARAMETER_RANGES[what.name]
    return Parameter(what.name, int(value or 0), low, high, what.unit, what.description)
