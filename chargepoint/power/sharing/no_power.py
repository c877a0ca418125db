"""Whether a car plugged in now would get power, and if not, when (power.md 4). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from chargepoint.power.grid import Budget, Request, StationPower
from chargepoint.power.sharing.allocate import allocate
from chargepoint.power.sharing.words import DEFAULT_RULES, NOTHING, Allocation, Rules
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.records import Limit


class PowerAnswer(msgspec.Struct, frozen=True):
    """Whether a car plugged in now would get its floor; if not, `source` is the limit's name and `reason` says why.

    `free_in_s`: when it will, as far as the cars in the way say how long they take; None: not known.
    """

    ok: bool
    source: str = ""
    reason: str = ""
    free_in_s: float | None = None


def has_power_for(
    station: StationPower,
    requests: Iterable[Request],
    candidate: Request,
    limits: Iterable[Limit] = (),
    previous: Allocation = NOTHING,
    now_mono_s: float = 0.0,
    *,
    topology: Topology | None = None,
    faults: Faults = NO_FAULTS,
    rules: Rules = DEFAULT_RULES,
) -> PowerAnswer:
    """Whether a car plugged in at `candidate` now would get its floor without stopping anybody (power.md 4)."""
    others = sorted((r for r in requests if r.connector != candidate.connector), key=lambda r: r.connector)
    question = _Question(station, tuple(limits), previous, now_mono_s, topology, faults, rules, candidate)
    answer = question.ask(others)
    if answer.ok:
        return answer
    free_in_s = question.free_in_s(others)
    if free_in_s is None:
        return answer
    minutes = max(1, math.ceil(free_in_s / 60))
    reason = f"{answer.reason}; free in about {minutes} min"
    return PowerAnswer(False, answer.source, reason, free_in_s)


class _Question:
    def __init__(
        self,
        station: StationPower,
        limits: tuple[Limit, ...],
        previous: Allocation,
        now_mono_s: float,
        topology: Topology | None,
        faults: Faults,
        rules: Rules,
        candidate: Request,
    ) -> None:
        self.station = station
        self.limits = limits
        self.now_mono_s = now_mono_s
        self.topology, self.faults, self.rules = topology, faults, rules
        self.previous = previous
        self.number = candidate.connector
        self.newcomer = msgspec.structs.replace(candidate, wants_energy=True, since_mono_s=math.inf, drawn_w=None)

    def _allocate(self, requests: Sequence[Request]) -> Allocation:
        memory = {n: m for n, m in self.previous.memory.items() if n != self.number}
        return allocate(
            self.station,
            requests,
            self.limits,
            msgspec.structs.replace(self.previous, memory=memory),
            self.now_mono_s,
            topology=self.topology,
            faults=self.faults,
            rules=self.rules,
        )

    def ask(self, others: Sequence[Request]) -> PowerAnswer:
        """With these others at their connectors."""
        with_it = self._allocate([*others, self.newcomer])
        grant = with_it.grants[self.number]
        if grant.power_w <= 0:
            return PowerAnswer(False, grant.source, with_it.reasons[self.number])
        stopped = [r.connector for r in others if r.wants_energy and with_it.grants[r.connector].power_w <= 0]
        if stopped:
            without = self._allocate(others)
            for number in stopped:
                if without.grants[number].power_w > 0:
                    source = with_it.grants[number].source or Budget.of(self.station, self.limits).names[0]
                    return PowerAnswer(False, source, f"connector {number} uses the power")
        return PowerAnswer(True)

    def free_in_s(self, others: Sequence[Request]) -> float | None:
        """When enough of the cars in the way will have gone, by what they say."""
        known = sorted(
            (request.remaining_s, request.connector)
            for request in others
            if request.wants_energy and request.remaining_s is not None and math.isfinite(request.remaining_s)
        )
        gone: set[int] = set()
        for remaining_s, number in known:
            gone.add(number)
            if self.ask([request for request in others if request.connector not in gone]).ok:
                return max(0.0, remaining_s)
        return None
