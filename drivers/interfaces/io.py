"""Digital inputs and outputs."""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.interfaces.device import FailSafe, Identity


class IoReading(msgspec.Struct, frozen=True):
    """All channels of an I/O module: electrical states, not yet their meaning. None: the channel is not readable.

    `counters` are its own pulse counters, as far as it has them.
    """

    inputs: tuple[bool | None, ...]
    outputs: tuple[bool | None, ...]
    counters: tuple[int, ...] = ()


class DigitalIO(Protocol):
    """Digital inputs and outputs. Channels count from 0. `inputs` and `outputs` are how many there are.

    `fail_safe` OPENS: once `prepare` was done, the module itself switches its outputs off when nobody has asked it
    for the watchdog's time.
    """

    fail_safe: FailSafe
    inputs: int
    outputs: int

    async def identify(self) -> Identity: ...

    async def prepare(self, watchdog_s: float) -> None:
        """Set the module's own watchdog and its safe values (all off); nothing on a module without. After each start
        of the module to be done again (`read` raises nothing then: the caller prepares when it answers again)."""
        ...

    async def read(self) -> IoReading: ...

    async def write(self, channel: int, on: bool) -> None:
        """Switch one output. Raises ValueError for a channel that is not there."""
        ...
