"""A station that is asked again and again, every answer checked; short words for what it answers."""

from __future__ import annotations

from chargepoint.power.allocation import NOTHING, Allocation, Request, Rules, StationPower, allocate
from chargepoint.power.topology import Faults, Installed, Topology
from chargepoint.records import Limit
from tests.chargepoint.power.sharing.checker import check

PLENTY = StationPower(1_000_000.0)


def kilowatts(allocation: Allocation) -> dict[int, float]:
    return {number: round(grant.power_w / 1000, 1) for number, grant in allocation.grants.items()}


def sources(allocation: Allocation) -> dict[int, str]:
    return {number: grant.source for number, grant in allocation.grants.items()}


def groups(allocation: Allocation) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name, feed in sorted(allocation.feeds.items()):
        found.setdefault(feed.connector, []).append(name)
    return found


def links(allocation: Allocation) -> dict[str, int]:
    return {name: feed.link for name, feed in allocation.feeds.items()}


class Bench:
    """A station that is asked again and again; every answer is checked."""

    def __init__(self, installed: Installed, station: StationPower = PLENTY, rules: Rules | None = None) -> None:
        self.topology = Topology(installed)
        self.station = station
        self.rules = rules or Rules()
        self.last = NOTHING
        self.faults = Faults()

    def __call__(self, now_s: float, *requests: Request, limits: tuple[Limit, ...] = ()) -> Allocation:
        self.last = allocate(
            self.station, requests, limits, self.last, now_s,
            topology=self.topology, faults=self.faults, rules=self.rules,
        )  # fmt: skip
        assert check(self.topology, self.station, requests, limits, self.faults, self.last) == []
        return self.last
