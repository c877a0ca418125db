"""What all handlers of the web have in common: the bus, the states, who is logged in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chargepoint.bus import StateView
from chargepoint.context import Context
from chargepoint.messages import State
from webconfig.visitors import Visitors

S = TypeVar("S", bound=State)


@dataclass
class Site:
    """One running web configurator. `parts` are what pages keep while it runs, by their type (`site.part(Journal)`):
    each is made once at the start by `service.py`."""

    context: Context
    states: StateView
    visitors: Visitors
    faults: tuple[str, ...] = ()
    """Why there is no station (safe mode); empty: there is one."""
    parts: dict[type[Any], Any] = field(default_factory=dict)
    viewers: int = 0
    """Live pages now."""
    pages: frozenset[str] = frozenset()
    """Paths of the pages that are served now (in safe mode fewer); empty: nobody has said."""

    @property
    def is_safe_mode(self) -> bool:
        return bool(self.faults)

    def state(self, topic: str, kind: type[S]) -> S | None:
        """The retained state of a topic, None while nobody has told it."""
        found = self.states.get(topic)
        return found if isinstance(found, kind) else None

    def all_of(self, prefix: str, kind: type[S]) -> dict[str, S]:
        """The states of all topics below a prefix (`connector/`), by what follows it, numbers in their order."""
        found: dict[str, S] = {}
        for topic in sorted(self.states.topics(), key=_by_number):
            if topic.startswith(prefix):
                state = self.state(topic, kind)
                if state is not None:
                    found[topic[len(prefix) :]] = state
        return found

    def serves(self, path: str) -> bool:
        """Whether there is such a page now."""
        return not self.pages or path in self.pages

    def part(self, kind: type[S] | type[Any]) -> Any:
        """What was kept of this type. Raises KeyError."""
        return self.parts[kind]

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _by_number(topic: str) -> tuple[str, int, str]:
    head, _, tail = topic.rpartition("/")
    return (head, int(tail), "") if tail.isdecimal() else (head, 0, tail)
