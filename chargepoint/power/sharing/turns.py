"""Groups for those who come first before the next, in the modes `first` and `weight` (power.md 2). Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import msgspec

from chargepoint.power.assignment.need import Assignment, Need

MOST_ASKED, MANY, ASKED_OF_MANY = 4, 6, 1
"""So many turns are looked at by themselves, in one answer; of many connectors fewer."""
SHORT_W = 1.0

Ask = Callable[[Sequence[Need], bool], Assignment]
"""The best for these needs; whether it is for a single turn, the others having but what they must."""


def in_turns(needs: Sequence[Need], turns: Sequence[Collection[int]], ask: Ask) -> Assignment:
    """All at once first, the later weighing less; whose turn it is and who is short is asked for alone, and has what it
    gets by that as its guarantee while the later are asked for again."""
    answer = ask(needs, len(turns) <= 1)
    by_number = {need.connector: need for need in needs}
    kept: list[Need] = []
    asked = MOST_ASKED if len(needs) <= MANY else ASKED_OF_MANY
    for place, turn in enumerate(turns[:-1]):
        members = [by_number[number] for number in turn if number in by_number]
        later = [by_number[n] for each in turns[place + 1 :] for n in each if n in by_number]
        is_short = any(answer.power_w[need.connector] < need.top_w - SHORT_W for need in members)
        if is_short and asked > 0:
            asked -= 1
            lone = [msgspec.structs.replace(need, top_w=min(need.top_w, _least_w(need))) for need in later]
            found = ask([*kept, *members, *lone], True)
            if _used_w(members, found) > _used_w(members, answer) + SHORT_W:
                answer = ask([*kept, *_keeping(members, found), *later], False)
        kept += _keeping(members, answer)
    return answer


def _least_w(need: Need) -> float:
    """What it must have at least."""
    return max(need.guarantee_w, need.floor_w)


def _used_w(needs: Sequence[Need], answer: Assignment) -> float:
    return math.fsum(min(need.top_w, answer.power_w[need.connector]) for need in needs)


def _keeping(needs: Sequence[Need], answer: Assignment) -> list[Need]:
    """They must have what they have now."""
    return [
        msgspec.structs.replace(
            need, guarantee_w=max(need.guarantee_w, min(need.top_w, answer.power_w[need.connector]))
        )
        if answer.power_w[need.connector] >= need.floor_w
        else need
        for need in needs
    ]
