"""Model of a climate sensor: what it measures, and how it says that it cannot. Pure."""

from __future__ import annotations

import msgspec


class ClimateFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a sensor; None leaves a thing as it is.

    `failed`: the sensing element is gone, the device answers with its mark for that. `silent`: it does not answer.
    """

    failed: bool | None = None
    silent: bool | None = None
    delay_s: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None


class ClimateModel:
    """A sensor somewhere in the cabinet. Rooms are for whoever moves `temperature_c` and `humidity_pct`."""

    def __init__(
        self, name: str = "", *, temperature_c: float = 22.0, humidity_pct: float = 45.0, serial: int = 1
    ) -> None:
        self.name = name
        self.temperature_c = temperature_c
        self.humidity_pct = humidity_pct
        self.serial = serial
        self.failed = False
        self.silent = False
        self.delay_s = 0.0

    def set_faults(self, faults: ClimateFaults) -> None:
        """Break or mend it, or change what it measures, from now on."""
        for name in ("failed", "silent", "delay_s", "temperature_c", "humidity_pct"):
            value = getattr(faults, name)
            if value is not None:
                setattr(self, name, value)
