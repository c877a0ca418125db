"""When a service that died is started again, as a pure rule: soon, then ever later, at last parked (R16)."""

from __future__ import annotations

import msgspec

OUT_OF_MEMORY = "out of memory"
"""How a service ended that wanted more than it may have, in the words of whoever reaps it."""


class RestartRule(msgspec.Struct, frozen=True):
    """`delays_s` after the first, second, ... early death in a row; the last one repeats.

    A life of `settled_s` makes a death the first again. After `parked_after` early deaths in a row a service is parked
    and tried again each `parked_s`: what made it die may have gone (R18). `parked_after` 0: it is never parked.
    """

    delays_s: tuple[float, ...] = (0.0, 0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
    settled_s: float = 30.0
    parked_after: int = 8
    parked_s: float = 1800.0


class Plan(msgspec.Struct, frozen=True):
    """What comes next: start again after `delay_s`; `deaths` early ones so far; `is_parked` with everybody told."""

    delay_s: float
    deaths: int
    is_parked: bool


def after_death(rule: RestartRule, deaths: int, lived_s: float) -> Plan:
    """The plan after a life of `lived_s` seconds, with `deaths` early deaths in a row before it."""
    early = 1 if lived_s >= rule.settled_s else deaths + 1
    if rule.parked_after and early >= rule.parked_after:
        return Plan(rule.parked_s, early, True)
    return Plan(rule.delays_s[min(early, len(rule.delays_s)) - 1], early, False)
