"""Orders to a controller of our own protocol: each is carried out once, and what came of it is known.

Source: docs/protocol/README.md.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.native.codes import Command, OrderResult
from drivers.native.link import Link
from drivers.native.objects import ORDER, STATUS
from drivers.native.registers import Value

LONGEST_LEASE_S = 10.0

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


def grant(current_a: float, power_w: float, valid_for_s: float) -> dict[str, Value]:
    """The permission as the wire has it: limits are rounded down, never up. Raises ValueError out of range."""
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


class Orders:
    """The orders to one controller. `link` gives what carries them now.

    An order carries a number of its own; the controller does each number once. So an order whose reply was lost is
    looked for in the controller's status and, when it has not arrived, written again with the same number. An order
    that was overtaken by a newer one (a start by a stop) is never written again.
    """

    def __init__(self, link: Callable[[], Link]) -> None:
        self._link = link
        self._number: int | None = None
        self._writing = asyncio.Lock()

    async def give(
        self, command: Command, values: dict[str, Value] | None = None, may_fall_silent: bool = False
    ) -> None:
        """Write one order and make sure what came of it. Raises Refused with the controller's reason, NoAnswer when
        it is not known whether it arrived."""
        number = await self._fresh_number()
        written = {"order_command": command, "order_number": number, **(values or {})}
        objects = _COMMAND if command in _PLAIN else ORDER.objects
        error: DeviceError = NoAnswer(self._text(f"order {command.name} was not carried out"))
        arrived = False
        for _ in range(_TRIES):
            try:
                async with self._writing:
                    if self._number != number:
                        if arrived and command in _NEVER_REFUSED:
                            return
                        raise Refused(self._text(f"order {command.name} was overtaken by a newer one"))
                    await self._link().write(objects, written, is_order=True)
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

    def go_on_behind(self, values: dict[str, Value]) -> None:
        """Number from behind the last order the controller has done, when this is the first that is heard of it.
        `values` are those of a poll."""
        if self._number is None:
            self._number = int(values["order_done"] or 0)

    def forget_number(self) -> None:
        """The controller started anew: its number is asked for again."""
        self._number = None

    async def _fresh_number(self) -> int:
        """One that the controller has not done: the one behind the last, 1..65535."""
        if self._number is None:
            try:
                self.go_on_behind(await self._done())
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
        return await self._link().read(_DONE, is_order=True)

    def _text(self, what: str) -> str:
        return f"{self._link()}: {what}"
