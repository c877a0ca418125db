"""A box on Modbus: registers read and written with the pauses and functions that its family needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from drivers.codecs.modbus import (
    Request,
    read_coils,
    read_holding,
    read_input,
    write_coil,
    write_register,
    write_registers,
)
from drivers.controllers.box import Box, Setting
from drivers.errors import Refused
from drivers.interfaces import Parameter
from drivers.ports.port import Port, Priority

log = logging.getLogger(__name__)

LONGEST_TIME_OUT_S = 60


class ModbusBox(Box):
    """One box at `address` of `port`. `quiet_s` of silence before each request and `timeout_s` are its family's.

    `writes_single`: registers are written one by one with function 06, otherwise with function 16.
    """

    family = "box"
    quiet_s: float = 0.0
    timeout_s: float | None = None
    writes_single: bool = False
    settings: tuple[Setting, ...] = ()

    def __init__(self, port: Port, address: int) -> None:
        self.port = port
        self.address = address

    @property
    def where(self) -> str:
        return f"{self.family} at address {self.address} on port '{self.port.name}'"

    async def holding(self, start: int, count: int = 1, *, is_private: bool = False) -> tuple[int, ...]:
        """Function 03. `is_private`: it may name a vehicle. Raises NoAnswer, BadFrame or Refused, as all here."""
        return await self.ask(read_holding(self.address, start, count, is_private=is_private))

    async def inputs(self, start: int, count: int = 1) -> tuple[int, ...]:
        """Function 04."""
        return await self.ask(read_input(self.address, start, count))

    async def coils(self, start: int, count: int = 1) -> tuple[int, ...]:
        """Function 01."""
        return await self.ask(read_coils(self.address, start, count))

    async def write(self, start: int, values: int | Sequence[int]) -> None:
        """One register, or several that belong together (function 16 always)."""
        if isinstance(values, int) and self.writes_single:
            await self.ask(write_register(self.address, start, values), Priority.ORDER)
            return
        words = (values,) if isinstance(values, int) else tuple(values)
        await self.ask(write_registers(self.address, start, words), Priority.ORDER)

    async def write_coil(self, start: int, on: bool) -> None:
        """Function 05."""
        await self.ask(write_coil(self.address, start, on), Priority.ORDER)

    async def ask(self, request: Request, priority: Priority = Priority.POLL) -> tuple[int, ...]:
        return await self.port.exchange(request, priority=priority, timeout_s=self.timeout_s, quiet_s=self.quiet_s)

    async def ensure(self, start: int, value: int, what: str) -> None:
        """Let a register hold `value`: written only when it does not, since many are kept in a memory that wears out.

        Raises Refused when it keeps another.
        """
        held = (await self.holding(start))[0]
        if held == value:
            return
        await self.write(start, value)
        held = (await self.holding(start))[0]
        if held != value:
            raise Refused(f"{self.where}: {what} (register {start}) must be {value}, and it keeps {held}")

    async def ensure_time_out(self, start: int, wanted: int, per_s: int) -> None:
        """Let its own time-out be `wanted` (of which `per_s` are a second). One that keeps a longer one, of at most a
        minute, counts with that. Raises Refused when it keeps none."""
        held = (await self.holding(start))[0]
        if held != wanted:
            await self.write(start, wanted)
            held = (await self.holding(start))[0]
        self.settle_time_out(held, wanted, per_s, f"register {start}")

    def settle_time_out(self, held: int, wanted: int, per_s: int, where: str) -> None:
        """What it holds as its time-out is what counts. Raises Refused for none, or one longer than a minute."""
        if not 0 < held <= LONGEST_TIME_OUT_S * per_s:
            raise Refused(
                f"{self.where}: its time-out ({where}) must be {wanted / per_s:g} s, and is {held / per_s:g} s"
            )
        if held != wanted and self.opens_after_s != held / per_s:
            log.warning("%s: its time-out is %g s, not %g s", self.where, held / per_s, wanted / per_s)
        self.opens_after_s = held / per_s

    async def parameters(self) -> tuple[Parameter, ...]:
        found = []
        for setting in self.settings:
            found.append(setting.parameter((await self.holding(setting.register))[0]))
        return tuple(found)

    async def write_parameter(self, name: str, value: int) -> Parameter:
        setting = next((each for each in self.settings if each.name == name), None)
        if setting is None:
            import difflib  # only who meets an unknown parameter needs it

            near = difflib.get_close_matches(name, [each.name for each in self.settings], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(f"{self.where}: there is no parameter {name!r}{hint}")
        if not setting.minimum <= value <= setting.maximum:
            bounds = f"{setting.minimum}..{setting.maximum}"
            raise Refused(f"{self.where}: parameter {name} = {value} {setting.unit}: must be {bounds}")
        await self.write(setting.register, value)
        held = (await self.holding(setting.register))[0]
        if held != value:
            raise Refused(f"{self.where}: parameter {name} = {value} {setting.unit}: it kept {held}")
        return setting.parameter(held)
