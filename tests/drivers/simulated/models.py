"""Models driven by hand: a connector with a station that renews its lease each second."""

from __future__ import annotations

from drivers.interfaces import ConnectorType
from drivers.native.codes import Command
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.outlet import Outlet
from drivers.simulated.vehicle import PlugOptions

LEASE_S = 5.0
DC = (ConnectorType.CCS2, ConnectorType.CHADEMO, ConnectorType.GBT)
AC = (ConnectorType.TYPE2, ConnectorType.TYPE1)


def hardware(kind: ConnectorType, **more: object) -> Hardware:
    is_dc = kind in DC
    values = {
        "number": 1,
        "type": kind,
        "max_current_a": 200.0 if is_dc else 32.0,
        "max_power_w": 60_000.0 if is_dc else 22_080.0,
        "has_lock": kind is not ConnectorType.CCS2,
        "closings_per_minute": 100,
    }
    return Hardware(**(values | more))  # type: ignore[arg-type]


class Bench:
    """One outlet, model time, and the least a station does."""

    def __init__(self, kind: ConnectorType = ConnectorType.CCS2, **more: object) -> None:
        self.outlet = Outlet(Controller(hardware(kind, **more)))
        self.controller = self.outlet.controller
        self.statuses: list[str] = ["A"]
        self.number = 0
        self.ref = 0

    @property
    def now_s(self) -> float:
        return self.controller.now_s

    def status(self) -> str:
        """The status, as "B1"."""
        return self.controller.status.value

    def run(self, seconds: float, *, renew: bool = True, tick_s: float = 0.1) -> None:
        """Let time pass; with `renew` the lease is renewed each second."""
        end_s, renew_at_s = self.now_s + seconds, self.now_s
        while self.now_s < end_s - 1e-9:
            if renew and self.now_s >= renew_at_s - 1e-9:
                self.controller.grant(LEASE_S, None, None)
                renew_at_s += 1.0
            self.outlet.advance(min(self.now_s + tick_s, end_s))
            self.note()

    def note(self) -> None:
        if self.statuses[-1] != self.controller.status.value:
            self.statuses.append(self.controller.status.value)

    def order(self, command: int, ref: int = 0) -> int:
        self.number += 1
        self.controller.order(self.number, command, ref, 0)
        self.note()
        return int(self.controller.order_result)

    def start(self, current_a: float = 200.0, power_w: float = 60_000.0) -> int:
        self.ref += 1
        self.controller.grant(LEASE_S, current_a, power_w)
        return self.order(Command.START, self.ref)

    def charge(
        self, options: PlugOptions | None = None, *, current_a: float = 200.0, power_w: float = 60_000.0
    ) -> None:
        """Plug in, start, wait until the current has settled."""
        self.outlet.plug(options or PlugOptions())
        self.run(2.0)
        assert self.start(current_a, power_w) == 1
        self.run(20.0)
        assert self.controller.status.value == "C6"
