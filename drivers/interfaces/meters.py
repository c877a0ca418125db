"""Energy meters, and those that sign what a session took."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from drivers.interfaces.device import Identity


class MeterReading(msgspec.Struct, frozen=True):
    """One reading of an energy meter. Phases L1, L2, L3; a DC meter uses the first element only.

    `energy_wh` is the import register (energy into the vehicles), never reset. None where a meter does not measure the
    value: never 0 in its place. `signed` is a signed record exactly as the meter gave it.
    """

    energy_wh: int
    power_w: float
    voltage_v: tuple[float, float, float] | None
    current_a: tuple[float, float, float] | None
    energy_export_wh: int | None = None
    frequency_hz: float | None = None
    power_factor: float | None = None
    signed: bytes | None = None


class EnergyMeter(Protocol):
    """An energy meter. `read` raises NoAnswer, BadFrame, Refused, or Implausible for values no meter can mean."""

    async def read(self) -> MeterReading: ...

    async def identify(self) -> Identity: ...


class SessionReference(msgspec.Struct, frozen=True):
    """What a session that a meter signs is about.

    `transaction` is the station's own name of it (at most 36 characters of ASCII), the same after any restart; `evse`
    the outlet; `client` who charges, as a card's number. `at` is the time now, None while the clock is not set.
    """

    transaction: str
    evse: str
    client: str = ""
    at: datetime | None = None


@runtime_checkable
class SignsSessions(Protocol):
    """A meter that signs what a session took. Both methods may raise NoAnswer, BadFrame or Refused, and may be
    repeated: after a restart of this software a session that still runs is known by its reference."""

    async def begin_session(self, reference: SessionReference) -> None:
        """Let the meter begin. A session of this reference that runs already goes on; another one that was left
        running is ended first, its record stays in the meter."""
        ...

    async def end_session(self, reference: SessionReference) -> bytes:
        """End it and give its signed record, byte for byte. One that has ended already gives its record again, as
        long as the meter keeps it. Raises Refused when the meter knows no such session."""
        ...
