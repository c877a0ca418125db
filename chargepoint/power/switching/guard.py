"""The last word before the plant: what of some orders is forbidden on the feedback there is (power.md Z1 to Z5, Z10).

It knows nothing of moves and plans, and can only take away: a contactor stays as it is, a group gets less or goes off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from chargepoint.power.measured import GroupOrder, Measured, Orders, Stage
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.wiring import Joined, Look, Wiring
from chargepoint.power.topology import Topology

OFF = GroupOrder()
_TOLERANCE_A = 1e-6


class Guard:
    """`guarded` with the memory it needs: what was ordered last, and since when each contactor is reported closed."""

    def __init__(self, topology: Topology, settings: SwitchingSettings, wiring: Wiring | None = None) -> None:
        self.wiring = wiring or Wiring(topology)
        self.settings = settings
        self._last: Orders | None = None
        self._closed_since_s: dict[str, float] = {}

    def check(
        self, measured: Measured, orders: Orders, now_s: float, welded: frozenset[str] = frozenset()
    ) -> tuple[Orders, tuple[str, ...]]:
        """The orders that may be given now, and what was taken away."""
        since_s = self._closed_since_s
        self._closed_since_s = {
            name: since_s.get(name, now_s) for name, said in measured.contactors.items() if said is True
        }
        if self._last is None:
            look = Look(self.wiring, measured, welded)
            flowing = [name for name in self._closed_since_s if look.through_a(name) > self.settings.zero_a]
            self._closed_since_s.update(dict.fromkeys(flowing, -math.inf))
        steady = frozenset(
            name for name, at_s in self._closed_since_s.items() if now_s - at_s >= self.settings.stable_s - 1e-9
        )
        found, refusals = guarded(self.wiring, measured, orders, self._last, steady, welded, self.settings)
        self._last = found
        return found, refusals


def guarded(
    wiring: Wiring,
    measured: Measured,
    orders: Orders,
    last_orders: Orders | None,
    steady: frozenset[str],
    welded: frozenset[str],
    settings: SwitchingSettings,
) -> tuple[Orders, tuple[str, ...]]:
    """`orders` without what breaks a rule on `measured`, and a sentence for each thing taken away.

    `last_orders`: what was ordered before (None: what is reported counts). `steady`: contactors reported closed for
    long enough for current. `welded`: known to be closed whatever is ordered.
    """
    look = Look(wiring, measured, welded)
    refusals: list[str] = []
    contactors = _contactors(look, orders, last_orders, welded, settings, refusals)
    groups = _groups(look, orders, steady, settings, refusals)
    if not refusals:
        return orders, ()
    return msgspec.structs.replace(orders, contactors=contactors, groups=groups), tuple(refusals)


# ------------------------------------------------------------------------------------------------------- contactors


def _contactors(
    look: Look,
    orders: Orders,
    last_orders: Orders | None,
    welded: frozenset[str],
    settings: SwitchingSettings,
    refusals: list[str],
) -> Mapping[str, bool]:
    last = {} if last_orders is None else last_orders.contactors
    changed = [
        (name, closes)
        for name, closes in orders.contactors.items()
        if closes is not last.get(name, look.feedback.get(name))  # not ordered yet: it is taken over as it is
    ]
    if not changed:
        return orders.contactors
    allowed = dict(orders.contactors)
    for name, _ in sorted(each for each in changed if not each[1]):
        current_a = look.through_a(name)
        if look.feedback.get(name) is not False and current_a > settings.zero_a and name not in welded:
            allowed[name] = True
            refusals.append(f"contactor {name} stays closed: {current_a:.1f} A may flow through it (Z1)")
    closing = sorted(name for name, closes in changed if closes)
    expected = set(look.joined.closed) | {
        name for name, closes in allowed.items() if closes and name not in closing and last.get(name)
    }
    for name in closing:
        after = look.wiring.joined(frozenset({*expected, name}))
        why = _why_not_close(look, name, after, allowed, last, welded, settings)
        before = look.wiring.joined(frozenset(expected - {name})).at
        one, other = look.wiring.ends[name]
        if before[one] == before[other] and name not in look.joined.closed:
            why = "both its sides are one conductor already"
        if why:
            allowed[name] = False
            refusals.append(f"contactor {name} stays open: {why}")
        else:
            expected.add(name)
    return allowed


def _why_not_close(
    look: Look,
    name: str,
    after: Joined,
    allowed: Mapping[str, bool],
    last: Mapping[str, bool],
    welded: frozenset[str],
    settings: SwitchingSettings,
) -> str:
    wiring = look.wiring
    place = after.at[wiring.ends[name][0]]
    for contactor in sorted(look.joined.closed):
        is_late = contactor not in welded and not allowed.get(contactor, look.is_closed(contactor))
        if look.feedback.get(contactor) is None and not last.get(contactor):
            continue  # it may be closed for ever: what it joins is judged below
        if is_late and contactor != name and place in (after.at[end] for end in wiring.ends[contactor]):
            return f"contactor {contactor}, which must be open, is not reported open (Z2)"
    apart_v, highest_v = look.apart_v(name)
    if highest_v >= settings.dead_v and apart_v > settings.most_difference_v:
        return f"its sides are {apart_v:.0f} V apart (Z3)"
    outputs = after.outputs.get(place, [])
    powered = [number for number in outputs if look.is_powered(number)]
    if len(powered) > 1:
        return f"it would join outputs {powered[0]} and {powered[1]} (Z5)"
    idle = [n for n in outputs if not look.is_powered(n) and wiring.output_bus[n] not in wiring.through]
    if idle and after.groups.get(place):
        return f"output {idle[0]} asks for nothing (Z10)"
    return ""


# ----------------------------------------------------------------------------------------------------------- groups


def _groups(
    look: Look, orders: Orders, steady: frozenset[str], settings: SwitchingSettings, refusals: list[str]
) -> Mapping[str, GroupOrder]:
    allowed: dict[str, GroupOrder] = {}
    fed: dict[int, list[str]] = {}
    for name, order in orders.groups.items():
        allowed[name] = order
        if not order.is_on:
            continue
        place = look.place(look.wiring.group_bus[name])
        outputs = look.joined.outputs.get(place, [])
        why = _why_off(look, order, outputs)
        if why:
            allowed[name] = OFF
            refusals.append(f"group {name} goes off: {why}")
            continue
        powered = _fed(look, outputs)
        if order.current_a > _TOLERANCE_A and not any(_is_led(look, name, n, steady) for n in powered):
            allowed[name] = GroupOrder(is_on=True, voltage_v=order.voltage_v)
            refusals.append(f"group {name} gets no current: its contactors are not closed for long enough (Z4)")
        for number in powered:
            fed.setdefault(number, []).append(name)
    for number, names in sorted(fed.items()):
        _bound(look, number, names, allowed, settings, refusals)
    return allowed


def _why_off(look: Look, order: GroupOrder, outputs: list[int]) -> str:
    if not (math.isfinite(order.voltage_v) and math.isfinite(order.current_a)) or order.current_a < 0:
        return "its order is not a number"
    live = [number for number in outputs if look.is_powered(number) and look.is_output_closed(number)]
    if len(live) > 1:
        return f"outputs {live[0]} and {live[1]} are joined (Z5)"
    if outputs and not any(look.is_powered(number) for number in outputs):
        through = look.wiring.through
        if any(look.wiring.output_bus[number] not in through for number in outputs) or order.current_a > 0:
            return f"output {outputs[0]} asks for nothing (Z10)"
    return ""


def _fed(look: Look, outputs: list[int]) -> list[int]:
    """The outputs that groups of a conductor give to. One that begins, with its own contactor open, on the way to
    another that charges, gets nothing: the way is taken away from it."""
    powered = [number for number in outputs if look.is_powered(number)]
    if not any(look.is_output_closed(number) for number in powered):
        return powered
    through = look.wiring.through
    return [n for n in powered if look.is_output_closed(n) or look.wiring.output_bus[n] not in through]


def _is_led(look: Look, group: str, connector: int, steady: frozenset[str]) -> bool:
    """Whether a link of the group to the output is closed, and steadily so."""
    links = look.wiring.topology.links
    return any(
        steady.issuperset(links[number].contactors)
        for number in look.wiring.topology.links_to[connector].get(group, ())
    )


def _bound(
    look: Look,
    number: int,
    names: list[str],
    allowed: dict[str, GroupOrder],
    settings: SwitchingSettings,
    refusals: list[str],
) -> None:
    """Z7 and Z10: no more than the vehicle asks; before it charges one group with a little current."""
    output = look.outputs[number]
    most_a = output.request_a if output.request_a > 0 else 0.0
    if output.stage is Stage.PREPARING:
        for name in sorted(names, key=lambda name: (-allowed[name].current_a, name))[1:]:
            allowed[name] = OFF
            refusals.append(f"group {name} goes off: output {number} prepares with another group (Z10)")
    if output.stage is Stage.PREPARING or not look.is_output_closed(number):
        most_a = min(most_a, settings.gentle_a)
    whole_a = math.fsum(allowed[name].current_a for name in names)
    if whole_a > most_a + _TOLERANCE_A:
        for name in names:
            order = allowed[name]
            allowed[name] = msgspec.structs.replace(order, current_a=order.current_a * most_a / whole_a)
        refusals.append(
            f"output {number} gets {most_a:.1f} A instead of {whole_a:.1f} A: its vehicle asks no more (Z7)"
        )
