"""How often the central system may ask for what costs something here (S8): a burst, then so many a second, by action.

What only reads memory is bounded by the queue of requests alone. What is over is refused with GenericError, which says
that it may be asked again; it is never carried out and never silently dropped. The bounds hold across links.
"""

from __future__ import annotations

import asyncio

import msgspec


class Cost(msgspec.Struct, frozen=True):
    """Requests of a kind: `burst` at once, then `per_s`."""

    name: str
    burst: float
    per_s: float


WRITES = Cost("changes of what is kept", 500, 2.0)
"""Each is a write to flash: at most some 170,000 a day, whatever the server does."""
DEEDS = Cost("deeds", 300, 5.0)
"""Ask the station, move a lock or a contactor (which have bounds of their own), or make us send."""
CALCULATIONS = Cost("calculations", 300, 20.0)
TRANSFERS = Cost("updates and uploads", 30, 0.1)
"""Each builds an archive or begins a download."""
RESTARTS = Cost("resets", 10, 0.05)

COSTS: dict[str, Cost] = {
    "CancelReservation": WRITES,
    "CertificateSigned": WRITES,
    "ChangeAvailability": WRITES,
    "ChangeConfiguration": WRITES,
    "ClearCache": WRITES,
    "ClearChargingProfile": WRITES,
    "DataTransfer": DEEDS,
    "DeleteCertificate": WRITES,
    "ExtendedTriggerMessage": DEEDS,
    "GetCompositeSchedule": CALCULATIONS,
    "GetDiagnostics": TRANSFERS,
    "GetInstalledCertificateIds": CALCULATIONS,
    "GetLog": TRANSFERS,
    "InstallCertificate": WRITES,
    "RemoteStartTransaction": DEEDS,
    "RemoteStopTransaction": DEEDS,
    "ReserveNow": WRITES,
    "Reset": RESTARTS,
    "SendLocalList": WRITES,
    "SetChargingProfile": WRITES,
    "SignedUpdateFirmware": TRANSFERS,
    "TriggerMessage": DEEDS,
    "UnlockConnector": DEEDS,
    "UpdateFirmware": TRANSFERS,
}
"""GetConfiguration and GetLocalListVersion are not here: they are answered from memory."""


class Purse:
    """What is left of each kind. Counts by the loop's clock."""

    def __init__(self, costs: dict[str, Cost] = COSTS) -> None:
        self._costs = costs
        self._left: dict[str, tuple[float, float]] = {}
        self.refused = 0

    def wait_s(self, action: str) -> float:
        """0: it may be carried out, and is counted. Else how long until it may."""
        cost = self._costs.get(action)
        if cost is None:
            return 0.0
        now_s = asyncio.get_running_loop().time()
        left, since_s = self._left.get(cost.name, (cost.burst, now_s))
        left = min(cost.burst, left + (now_s - since_s) * cost.per_s)
        if left < 1.0:
            self._left[cost.name] = left, now_s
            self.refused += 1
            return (1.0 - left) / cost.per_s
        self._left[cost.name] = left - 1.0, now_s
        return 0.0
