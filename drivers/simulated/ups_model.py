"""Model of an uninterruptible supply: mains, battery, how long it still lasts. Pure."""

from __future__ import annotations

import msgspec


class UpsFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a supply; None leaves a thing as it is.

    `mains` False: power failure. `stale`: its driver has lost it. `replace_battery`: it asks for a new one. `is_low`
    forces its low-battery state.
    """

    mains: bool | None = None
    charge_pct: float | None = None
    is_low: bool | None = None
    replace_battery: bool | None = None
    stale: bool | None = None
    silent: bool | None = None


class UpsModel:
    """A supply with a battery that lasts `full_runtime_s` at the present load and charges in `full_charge_s`.

    It says low below `low_pct`.
    """

    def __init__(
        self, name: str = "ups", *, full_runtime_s: float = 600.0, full_charge_s: float = 7200.0, low_pct: float = 20.0
    ) -> None:
        self.name = name
        self.full_runtime_s = full_runtime_s
        self.full_charge_s = full_charge_s
        self.low_pct = low_pct
        self.serial = "SIM0001"
        self.mains = True
        self.charge_pct = 100.0
        self.replace_battery = False
        self.stale = False
        self.silent = False
        self._forced_low = False
        self._now_s: float | None = None

    @property
    def is_low(self) -> bool:
        return self._forced_low or (not self.mains and self.charge_pct < self.low_pct)

    @property
    def runtime_s(self) -> float:
        return self.full_runtime_s * self.charge_pct / 100

    def advance(self, now_s: float) -> None:
        """Let time pass: the battery runs down or charges."""
        passed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        per_s = 100 / self.full_charge_s if self.mains else -100 / self.full_runtime_s
        self.charge_pct = min(100.0, max(0.0, self.charge_pct + per_s * passed_s))

    def set_faults(self, faults: UpsFaults) -> None:
        """Break or mend it from now on."""
        for name in ("mains", "charge_pct", "replace_battery", "stale", "silent"):
            value = getattr(faults, name)
            if value is not None:
                setattr(self, name, value)
        if faults.is_low is not None:
            self._forced_low = faults.is_low
