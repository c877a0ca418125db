"""What the contactors and wires truly did meanwhile: looks at the simulated devices many times a second."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

import msgspec

from drivers.simulated.client import SimulationClient

LOOK_S = 0.1
FULL_A = 30.0
"""The cars of these tests take 32 A where they get it; the connectors give 31.9 A (22 kW)."""
OPENS_WITHIN_S = 2.0
"""After the lease: one second to ramp to zero, one to open."""


class Look(msgspec.Struct, frozen=True):
    """One connector at one moment; `at_s` is monotonic time of this machine."""

    at_s: float
    number: int
    current_a: float
    is_closed: bool
    lease_left_s: float
    session_ref: int
    operations: int


class Sight:
    """`async with Sight(simulation) as sight`: remembers every look."""

    def __init__(self, simulation: SimulationClient) -> None:
        self._simulation = simulation
        self._task: asyncio.Task[None] | None = None
        self.looks: list[Look] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch(), name="sight of the devices")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        while True:
            state = await self._simulation.state(0)
            self.looks += [
                Look(
                    state.now_s,
                    one.number,
                    max(one.current_a),
                    one.contactor_closed,
                    one.lease_left_s,
                    one.session_ref,
                    one.contactor_operations,
                )
                for one in state.connectors
            ]
            await asyncio.sleep(LOOK_S)

    def last(self, number: int) -> Look | None:
        return next((look for look in reversed(self.looks) if look.number == number), None)

    def flows(self, number: int) -> bool:
        """The car takes its full current."""
        last = self.last(number)
        return last is not None and last.current_a >= FULL_A

    def is_closed(self, number: int) -> bool:
        last = self.last(number)
        return last is not None and last.is_closed

    def dip_s(self, number: int, since_s: float, until_s: float | None = None) -> float:
        """The longest time below full current, in seconds; from one look to the next good one."""
        looks = [one for one in self.looks if one.number == number]
        longest_s = 0.0
        begun_s: float | None = None
        for look in looks:
            if look.at_s < since_s or (until_s is not None and look.at_s > until_s):
                continue
            if look.current_a >= FULL_A:
                longest_s = max(longest_s, look.at_s - begun_s if begun_s is not None else 0.0)
                begun_s = None
            elif begun_s is None:
                begun_s = look.at_s
        if begun_s is not None:
            longest_s = max(longest_s, looks[-1].at_s - begun_s)
        return longest_s

    def least_lease_s(self, number: int, since_s: float) -> float:
        """The least that was left of the lease at any look while the contactor was closed."""
        left = [
            one.lease_left_s for one in self.looks if one.number == number and one.at_s >= since_s and one.is_closed
        ]
        return min(left, default=float("inf"))

    def faults(self) -> list[str]:
        """A contactor that stayed closed for longer than the lease and its ramp allow."""
        found = []
        ended_s: dict[int, float] = {}
        for look in self.looks:
            if not look.is_closed or look.lease_left_s > 0:
                ended_s.pop(look.number, None)
                continue
            begun_s = ended_s.setdefault(look.number, look.at_s)
            if look.at_s - begun_s > OPENS_WITHIN_S:
                found.append(f"connector {look.number}: closed without a lease for {look.at_s - begun_s:.1f} s")
        return found
