"""What meters that sign by OCMF over registers have in common: texts in registers, records read in pieces.

Source: SAFE e.V., Open Charge Metering Format. A record is `OCMF|{data}|{signature}`; nothing in it may be changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.codecs.modbus import Function, Request, write_registers
from drivers.interfaces import Identity, MeterReading
from drivers.meters.modbus_meter import ModbusMeter
from drivers.ports.port import Port, Priority

MOST_READ = 100
MOST_WRITE = 100


class RegisterSessions:
    """What such meters have in common: one at `address` of `port`, whose values are those of its table."""

    def __init__(self, port: Port, address: int, meter: ModbusMeter) -> None:
        self._port = port
        self._address = address
        self._meter = meter

    async def read(self) -> MeterReading:
        return await self._meter.read()

    async def identify(self) -> Identity:
        return await self._meter.identify()

    @property
    def _where(self) -> str:
        return f"meter at address {self._address} on port '{self._port.name}'"


def words_of(text: str, count: int | None = None) -> tuple[int, ...]:
    """Characters as registers, two in each, filled up with zeros to `count`; what is no ASCII becomes "?"."""
    data = text.encode("ascii", errors="replace")
    if count is not None:
        data = data[: 2 * count].ljust(2 * count, b"\0")
    data += b"\0" * (len(data) % 2)
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def bytes_of(words: Sequence[int]) -> bytes:
    """Registers as bytes, high byte first."""
    return b"".join(word.to_bytes(2, "big") for word in words)


async def read_block(port: Port, address: int, function: Function, start: int, count: int) -> bytes:
    """`count` registers of a session from `start`, in as few requests as meters stand; they may name a person.

    Raises NoAnswer, BadFrame, Refused.
    """
    found = b""
    for at in range(start, start + count, MOST_READ):
        piece = min(MOST_READ, start + count - at)
        found += bytes_of(await port.exchange(Request(address, function, at, piece, is_private=True)))
    return found


async def write_block(port: Port, address: int, start: int, words: Sequence[int]) -> None:
    """Write `words` of a session from `start` on. Raises NoAnswer, BadFrame, Refused."""
    for at in range(0, len(words), MOST_WRITE):
        request = write_registers(address, start + at, words[at : at + MOST_WRITE], is_private=True)
        await port.exchange(request, priority=Priority.ORDER)
