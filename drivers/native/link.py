"""How a native controller is reached: one small Protocol, and Modbus as its first carrier (CANopen: can_link.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from drivers.codecs.modbus import Function, Request, write_registers
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.native.objects import DEMAND, ORDER, SUPPLY, Access, Object
from drivers.native.registers import Value, decode_objects, encode_objects
from drivers.ports.port import Port, Priority

_GRANT = ORDER.objects[:3]


class Link(Protocol):
    """One controller at the far end of some wire. All methods raise NoAnswer, BadFrame and Refused.

    `str(link)` names it for people: as in `controller at address 1 on port 'bus'`.
    """

    async def read(
        self, objects: Sequence[Object], *, is_order: bool = False, can_wait: bool = False
    ) -> dict[str, Value]:
        """Name -> value of objects that follow each other in one block. `is_order`: ahead of all polls; `can_wait`:
        behind all of them."""
        ...

    async def write(
        self,
        objects: Sequence[Object],
        values: Mapping[str, Value],
        *,
        is_order: bool = False,
        can_wait: bool = False,
    ) -> None:
        """Write objects that follow each other, in their order; one without a value is 0 or left as it is."""
        ...

    async def renew(self, values: Mapping[str, Value]) -> None:
        """Write the first three objects of the order block in one frame; done when the controller has taken it."""
        ...

    async def supply(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Tell what the station's modules give (the whole supply block), and learn what is asked of them."""
        ...

    def close(self) -> None:
        """It is not used any more; the port goes on."""
        ...


class ModbusLink:
    """A controller at `address` of a serial line or a TCP port: each call is one request."""

    def __init__(self, port: Port, address: int) -> None:
        self._port = port
        self._address = address

    def __str__(self) -> str:
        return f"controller at address {self._address} on port '{self._port.name}'"

    async def read(
        self, objects: Sequence[Object], *, is_order: bool = False, can_wait: bool = False
    ) -> dict[str, Value]:
        function = Function.READ_INPUT if objects[0].access is Access.RO else Function.READ_HOLDING
        count = sum(each.registers for each in objects)
        is_private = any(each.is_private for each in objects)
        request = Request(self._address, function, objects[0].index, count, is_private=is_private)
        registers = await self._ask(request, is_order, can_wait)
        try:
            return decode_objects(objects, registers)
        except ValueError as error:
            raise BadFrame(f"{self}: {error}") from None

    async def write(
        self,
        objects: Sequence[Object],
        values: Mapping[str, Value],
        *,
        is_order: bool = False,
        can_wait: bool = False,
    ) -> None:
        request = write_registers(self._address, objects[0].index, encode_objects(objects, values))
        await self._ask(request, is_order, can_wait)

    async def renew(self, values: Mapping[str, Value]) -> None:
        await self.write(_GRANT, values, is_order=True)

    async def supply(self, values: Mapping[str, Value]) -> dict[str, Value]:
        await self.write(SUPPLY.objects, values, is_order=True)
        return await self.read(DEMAND.objects, is_order=True)

    def close(self) -> None:
        return

    async def _ask(self, request: Request, is_order: bool, can_wait: bool) -> tuple[int, ...]:
        priority = Priority.ORDER if is_order else Priority.BACKGROUND if can_wait else Priority.POLL
        return await self._port.exchange(request, priority=priority)


class ClosedLink:
    """A link that lets nothing through for a while, with `why`: questions go unanswered, orders are refused, and
    nothing gets on the wire."""

    def __init__(self, link: Link, why: str) -> None:
        self._link = link
        self._why = why

    def __str__(self) -> str:
        return str(self._link)

    async def read(
        self, objects: Sequence[Object], *, is_order: bool = False, can_wait: bool = False
    ) -> dict[str, Value]:
        raise NoAnswer(f"{self}: {self._why}")

    async def write(
        self,
        objects: Sequence[Object],
        values: Mapping[str, Value],
        *,
        is_order: bool = False,
        can_wait: bool = False,
    ) -> None:
        raise self._refusal()

    async def renew(self, values: Mapping[str, Value]) -> None:
        raise self._refusal()

    async def supply(self, values: Mapping[str, Value]) -> dict[str, Value]:
        raise NoAnswer(f"{self}: {self._why}")

    def close(self) -> None:
        self._link.close()

    def _refusal(self) -> Refused:
        return Refused(f"{self}: {self._why}")
