"""Other devices of the station, of which a driver makes its own."""

from __future__ import annotations

from typing import Protocol

from drivers.interfaces.controller_status import Cause
from drivers.interfaces.meters import MeterReading


class Parts(Protocol):
    """Other devices of the station, for a driver whose device is made of them (a socket behind a relay)."""

    def input(self, name: str) -> bool | None:
        """The debounced state of an [[input]], True when active; None while it is not known. Raises KeyError."""
        ...

    async def switch(self, name: str, on: bool) -> None:
        """Switch an [[output]]; it counts as a lease where its module has a watchdog. Raises KeyError, DeviceError."""
        ...

    def is_on(self, name: str) -> bool | None:
        """Whether an [[output]] is really on: its feedback where it has one, else what its module says."""
        ...

    def meter(self, name: str) -> MeterReading | None:
        """The last good reading of a [[meter]], None when it is older than 5 s. Raises KeyError."""
        ...

    def fault(self, name: str) -> Cause:
        """Why an [[output]] is out of order (its contactor is welded, or does not close); NONE while it obeys."""
        ...
