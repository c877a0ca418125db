"""What cannot be true at once in a commutation scheme, for people to see before anything else. Pure."""

from __future__ import annotations

import msgspec

from webconfig.commutation.scheme import DEAD_A, Scheme, current_a, joined


class Contradiction(msgspec.Struct, frozen=True):
    """`key` is its text (`modules.odd_KEY`), filled with `values`; `items` are marked in the picture."""

    key: str
    items: tuple[str, ...]
    values: dict[str, str]


def contradictions(scheme: Scheme) -> tuple[Contradiction, ...]:
    """All of them: two outputs joined, current against open contactors, a group elsewhere than it should be, one for
    two outputs, a module in two groups."""
    return (*_joined(scheme), *_lost(scheme), *_twice(scheme))


def _joined(scheme: Scheme) -> list[Contradiction]:
    found = []
    told = set()
    reach = joined(scheme)
    in_use = {each.connector for each in scheme.outputs if each.groups or (each.current_a or 0.0) > DEAD_A}
    for bus, numbers in sorted(reach.items()):
        if len(numbers) < 2 or numbers in told or not in_use >= numbers or _is_fixed(scheme, bus, numbers):
            continue
        told.add(numbers)
        buses = {each for each, others in reach.items() if others == numbers}
        closed = [each for each in scheme.contactors if each.joins and each.one in buses]
        groups = [each for each in scheme.groups if each.bus in buses]
        found.append(
            Contradiction(
                "two_outputs",
                (
                    *(each.item for each in closed),
                    *(each.item for each in groups),
                    *(f"o.{n}" for n in sorted(numbers)),
                ),
                {
                    "outputs": ", ".join(map(str, sorted(numbers))),
                    "contactors": ", ".join(each.name for each in closed),
                },
            )
        )
    return found


def _is_fixed(scheme: Scheme, bus: str, numbers: frozenset[int]) -> bool:
    """Two sockets of one lead: they are the same bus by wiring."""
    return {each.connector for each in scheme.outputs if each.bus == bus} >= numbers


def _lost(scheme: Scheme) -> list[Contradiction]:
    reach = joined(scheme)
    wired = {bus for each in scheme.contactors for bus in (each.one, each.other)}
    found = []
    for group in scheme.groups:
        numbers = reach.get(group.bus, frozenset())
        flows = current_a(group) > DEAD_A
        unsure = any(
            each.state in ("unknown", "failed") for each in scheme.contactors if group.bus in (each.one, each.other)
        )
        values = {"group": group.name, "a": f"{current_a(group):.1f}", "output": str(group.connector)}
        if flows and not numbers and group.bus in wired and not unsure:
            found.append(Contradiction("current_to_open", (group.item, *_near(scheme, group.bus)), values))
        elif group.connector and numbers and group.connector not in numbers:
            really = ", ".join(map(str, sorted(numbers)))
            found.append(Contradiction("elsewhere", (group.item,), {**values, "really": really}))
    return found


def _near(scheme: Scheme, bus: str) -> tuple[str, ...]:
    near = [each.item for each in scheme.contactors if bus in (each.one, each.other) and each.ordered]
    return tuple(near)


def _twice(scheme: Scheme) -> list[Contradiction]:
    found = []
    for group in scheme.groups:
        owners = sorted({each.connector for each in scheme.outputs if group.name in each.groups})
        if len(owners) > 1:
            values = {"group": group.name, "outputs": ", ".join(map(str, owners))}
            found.append(Contradiction("assigned_twice", (group.item,), values))
    seen: dict[str, str] = {}
    for group in scheme.groups:
        for module in group.modules:
            before = seen.setdefault(module.item, group.name)
            if before != group.name:
                values = {"module": str(module.number), "groups": f"{before}, {group.name}"}
                found.append(Contradiction("module_twice", (module.item,), values))
    return found
