"""Any Modbus module of digital inputs and outputs that is described by a table."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

import msgspec

from drivers.codecs.modbus import (
    Function,
    Request,
    read_coils,
    read_holding,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)
from drivers.errors import Refused
from drivers.interfaces import FailSafe, Identity, IoReading
from drivers.ports.port import Port, Priority

log = logging.getLogger(__name__)

EXCHANGED_S = 5.0
"""Nobody puts another module in the place of one within this."""
TRIP_LOOK_S = 1.0
"""How often a module that says that its watchdog has ended is asked for it."""


class Bits(msgspec.Struct, frozen=True):
    """Inputs or outputs: `count` bits from `start`, read by `function`; `pick` the ones that are channels, in their
    order (empty: all)."""

    function: Function
    start: int
    count: int
    pick: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.pick) or self.count

    def of(self, bits: tuple[int, ...]) -> tuple[bool, ...]:
        """The channels' states in the bits of an answer."""
        return tuple(bool(bits[at]) for at in self.pick or range(self.count))


class Counters(msgspec.Struct, frozen=True):
    """Pulse counters: `count` numbers of `words` registers from `start`, high word first unless `low_word_first`."""

    function: Function
    start: int
    count: int
    words: int = 1
    low_word_first: bool = False

    def of(self, registers: tuple[int, ...]) -> tuple[int, ...]:
        """The numbers in the registers of an answer."""
        found = []
        for at in range(0, self.count * self.words, self.words):
            words = registers[at : at + self.words]
            number = 0
            for word in reversed(words) if self.low_word_first else words:
                number = number << 16 | word
            found.append(number)
        return tuple(found)


class Step(msgspec.Struct, frozen=True):
    """A setting of the module: holding registers (or coils) from `start` are to hold `values`.

    It is read first and written only when it is another, and read back: settings live in a memory that wears out.
    `is_order`: written always and not read. `is_optional`: a module that refuses it has no such setting. `is_lasting`:
    looked at again only after the module was away for as long as it takes to put another one in its place.
    """

    start: int
    values: tuple[int, ...]
    is_coil: bool = False
    is_order: bool = False
    is_optional: bool = False
    is_lasting: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A module. `steps` are the settings of its watchdog for a time in seconds, in their order.

    `real`: what the outputs really are, where `outputs` may only be what was ordered; firmware that does not have it
    refuses, then `outputs` it is.
    `trip`: coil that says that the watchdog has ended; the module obeys again when 1 was written to it.
    """

    inputs: Bits | None = None
    outputs: Bits | None = None
    real: Bits | None = None
    counters: Counters | None = None
    steps: Callable[[float], tuple[Step, ...]] | None = None
    trip: int | None = None
    fail_safe: FailSafe = FailSafe.NONE


Identify = Callable[[Port, int], Awaitable[Identity]]


class ModbusIo:
    """A module at `address` of `port`. Inputs and outputs are asked anew at each `read`, one after the other."""

    def __init__(self, port: Port, address: int, table: Table, identify: Identify) -> None:
        self.fail_safe = table.fail_safe
        self.inputs = table.inputs.channels if table.inputs else 0
        self.outputs = table.outputs.channels if table.outputs else 0
        self._port = port
        self._address = address
        self._table = table
        self._identify = identify
        self._said = table.real or table.outputs
        self._watchdog_s: float | None = None
        self._has_lasting = False
        self._looked_s = 0.0
        self._heard_s = -math.inf

    async def identify(self) -> Identity:
        """Who it says it is. Raises NoAnswer, BadFrame, Refused."""
        return await self._identify(self._port, self._address)

    async def prepare(self, watchdog_s: float) -> None:
        """Watchdog and safe values, as far as the module has them; its outputs stay as they are.

        Raises NoAnswer, BadFrame, or Refused when it keeps another value.
        """
        if self._table.steps is None:
            return
        is_same = asyncio.get_running_loop().time() - self._heard_s < EXCHANGED_S
        for step in self._table.steps(watchdog_s):
            if step.is_lasting and is_same and self._has_lasting:
                continue
            try:
                await self._set(step)
            except Refused as error:
                if not step.is_optional:
                    raise
                log.debug("%s: left as it is: %s", self._where, error)
        self._watchdog_s, self._has_lasting = watchdog_s, True

    async def read(self) -> IoReading:
        """All channels anew. Raises NoAnswer, BadFrame, Refused."""
        table = self._table
        inputs = () if table.inputs is None else table.inputs.of(await self._ask_bits(table.inputs))
        outputs = await self._ask_outputs()
        counters = () if table.counters is None else table.counters.of(await self._ask_counters(table.counters))
        await self._look_at_trip()
        self._heard_s = asyncio.get_running_loop().time()
        return IoReading(inputs, outputs, counters)

    async def write(self, channel: int, on: bool) -> None:
        """Switch one output, ahead of all polls. Raises ValueError for a channel that is not there."""
        if self._table.outputs is None or not 0 <= channel < self.outputs:
            raise ValueError(f"{self._where}: there is no output {channel}, it has {self.outputs}")
        at = self._table.outputs.pick[channel] if self._table.outputs.pick else channel
        request = write_coil(self._address, self._table.outputs.start + at, on)
        await self._port.exchange(request, priority=Priority.ORDER)

    # ------------------------------------------------------------------------------------------------------ inside

    @property
    def _where(self) -> str:
        return f"I/O module at address {self._address} on port '{self._port.name}'"

    async def _ask_bits(self, bits: Bits) -> tuple[int, ...]:
        return await self._port.exchange(Request(self._address, bits.function, bits.start, bits.count))

    async def _ask_outputs(self) -> tuple[bool, ...]:
        said = self._said
        if said is None:
            return ()
        try:
            return said.of(await self._ask_bits(said))
        except Refused as error:
            if said is self._table.outputs:
                raise
            log.info("%s: it tells its outputs as they were ordered only: %s", self._where, error)
            self._said = self._table.outputs
            return await self._ask_outputs()

    async def _ask_counters(self, counters: Counters) -> tuple[int, ...]:
        count = counters.count * counters.words
        return await self._port.exchange(Request(self._address, counters.function, counters.start, count))

    async def _set(self, step: Step) -> None:
        if step.is_order:
            await self._port.exchange(self._writing(step), priority=Priority.ORDER)
            return
        if await self._held(step) == step.values:
            return
        await self._port.exchange(self._writing(step), priority=Priority.ORDER)
        held = await self._held(step)
        if held != step.values:
            kind = "coil" if step.is_coil else "register"
            raise Refused(f"{self._where}: {kind} 0x{step.start:04X} was to hold {step.values}, it holds {held}")

    async def _held(self, step: Step) -> tuple[int, ...]:
        read = read_coils if step.is_coil else read_holding
        return await self._port.exchange(read(self._address, step.start, len(step.values)), priority=Priority.ORDER)

    def _writing(self, step: Step) -> Request:
        if len(step.values) > 1:
            write = write_coils if step.is_coil else write_registers
            return write(self._address, step.start, step.values)
        if step.is_coil:
            return write_coil(self._address, step.start, bool(step.values[0]))
        return write_register(self._address, step.start, step.values[0])

    async def _look_at_trip(self) -> None:
        """A module whose watchdog has ended takes orders again; its outputs stay at their safe values until then.

        It is set up anew: some modules (ICP DAS) have their watchdog off once it has ended.
        """
        trip, now_s = self._table.trip, asyncio.get_running_loop().time()
        if trip is None or self._watchdog_s is None or now_s - self._looked_s < TRIP_LOOK_S:
            return
        self._looked_s = now_s
        (has_tripped,) = await self._port.exchange(read_coils(self._address, trip, 1))
        if has_tripped:
            log.warning("%s: its watchdog had ended: nobody had asked it in time, its outputs are off", self._where)
            watchdog_s, self._watchdog_s = self._watchdog_s, None
            await self._port.exchange(write_coil(self._address, trip, True), priority=Priority.ORDER)
            await self.prepare(watchdog_s)


def known_as(identity: Identity) -> Identify:
    """For modules that tell nothing of themselves: what is known of this kind. They are asked for a first input or
    output nevertheless by `read`; here nothing is."""

    async def identify(port: Port, address: int) -> Identity:
        return identity

    return identify


def text_of(registers: tuple[int, ...]) -> str:
    """ASCII text of registers that hold two characters each, high byte first; ends at the first 0."""
    data = b"".join(register.to_bytes(2, "big") for register in registers)
    return data.split(b"\0")[0].decode("ascii", "replace").strip()
