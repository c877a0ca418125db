"""Why a connector gets what it gets: the name of the limit that binds it, a line for people (power.md 2). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from chargepoint.power.grid import Budget, Party
from chargepoint.power.sharing.water_level import AT_TOP
from chargepoint.power.sharing.words import Allocation, Feed
from chargepoint.power.topology import Topology

MODULES, EXCLUSIVE_SET, VEHICLE = "modules", "exclusive_set", "vehicle"
NAMED_WITHIN_W = 0.5
"""So close to a bound counts as at it."""


def source_of(party: Party, power_w: float, stopped_by: int, able_w: float, budget: Budget) -> str:
    """What holds down a connector that has power."""
    if power_w >= party.cap_w - NAMED_WITHIN_W:
        return party.cap_source
    if power_w >= able_w - NAMED_WITHIN_W:
        return MODULES
    return VEHICLE if stopped_by == AT_TOP else budget.names[stopped_by]


def why_so_much(party: Party, power_w: float, source: str, sharers: int, groups: Sequence[str]) -> str:
    """For a connector that has power."""
    if power_w >= party.cap_w - NAMED_WITHIN_W:
        return f"its cap ({source})"
    if source == VEHICLE:
        return "its car draws less; the rest is free for others"
    if source == MODULES:
        return f"limit modules: {', '.join(groups)} can give no more"
    return f"limit {source}, shared by {sharers}" if sharers > 1 else f"limit {source}"


def why_unserved(party: Party) -> tuple[str, str]:
    """For a connector that cannot have power, whatever the others do."""
    if not party.request.wants_energy:
        return "", "asks for no energy"
    source = party.cap_source
    if source == MODULES and party.cap_w <= 0:
        return source, f"no module in order that reaches it gives {party.range_v:.0f} V"
    return source, f"limit {source} leaves {kw(party.cap_w)}, below the floor {kw(party.floor_w)}"


def why_nothing(
    party: Party,
    is_waiting: bool,
    served: Sequence[Party],
    index: int,
    budget: Budget,
    topology: Topology | None,
    lacks_modules: Callable[[], bool],
) -> tuple[str, str]:
    """For a connector that gets nothing although it could: what would have to grow.

    `index`: the constraint of the grid that its floor would break. `lacks_modules`: asked where the grid is in the way:
    whether it would get nothing with more grid, either.
    """
    rivals = topology.rivals.get(party.number, frozenset()) if topology is not None else frozenset()
    active = [other.number for other in served if other.number in rivals]
    if active:
        source = EXCLUSIVE_SET
    else:
        has_modules = topology is not None and party.number in topology.outputs
        source = MODULES if has_modules and (index == AT_TOP or lacks_modules()) else budget.names[max(index, 0)]
    if is_waiting:
        return source, f"paused ({source}): there is room again, it goes on when that has lasted"
    if active:
        return source, f"limit exclusive_set: only one of connectors {_list([party.number, *active])} at a time"
    if not served:
        return source, f"limit {source} leaves less than the floor {kw(party.floor_w)}"
    beside = _list(other.number for other in served)
    return source, f"limit {source} leaves less than the floor {kw(party.floor_w)} beside connector {beside}"


def moves(previous: Allocation, answer: Allocation) -> tuple[str, ...]:
    """One line per group that changes hands, such as `C3 41→78 kW: M07 from C1 (C1 keeps 60 kW, its cap)`."""
    lines = []
    for name, feed in sorted(answer.feeds.items()):
        before = previous.feeds.get(name)
        if before is None or before.connector != feed.connector:
            lines.append(_move(name, feed, before, previous, answer))
    for name, before in sorted(previous.feeds.items()):
        if name not in answer.feeds:
            lines.append(f"C{before.connector} {_change(before.connector, previous, answer)}: {name} is free")
    return tuple(lines)


def _move(name: str, feed: Feed, before: Feed | None, previous: Allocation, answer: Allocation) -> str:
    line = f"C{feed.connector} {_change(feed.connector, previous, answer)}: {name}"
    if before is None:
        return line
    donor = before.connector
    kept = answer.grants.get(donor)
    if kept is None or kept.power_w <= 0:
        return f"{line} from C{donor} (C{donor} {answer.reasons.get(donor, 'is gone')})"
    return f"{line} from C{donor} (C{donor} keeps {kept.power_w / 1000:.0f} kW, {answer.reasons[donor]})"


def _change(number: int, previous: Allocation, answer: Allocation) -> str:
    old = previous.grants.get(number)
    new = answer.grants.get(number)
    return f"{0 if old is None else old.power_w / 1000:.0f}→{0 if new is None else new.power_w / 1000:.0f} kW"


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))


def kw(power_w: float) -> str:
    """For people."""
    return f"{max(0.0, power_w) / 1000:.1f} kW"
