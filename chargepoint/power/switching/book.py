"""What is known of contactors and groups over time: orders, feedback, budgets, faults that stay. Pure.

Z9 and R4 (disobedience is a fault, a weld is latched), R5 (never operated more often than its limit).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from chargepoint.power.measured import Operation
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.wiring import Look, Wiring

LEAST_LOOKS = 2
"""So often disobedience is seen before it is one: what is reported may be a whole slow tick old."""


class ContactorBook:
    """All contactors. `ordered`: what each was ordered last, from the first feedback on; `welded` and `failed`: name ->
    what was found."""

    def __init__(
        self,
        wiring: Wiring,
        settings: SwitchingSettings,
        welded: Iterable[str],
        life: Mapping[str, int],
        closings: Mapping[str, Sequence[float]],
    ) -> None:
        self.names = tuple(wiring.ends)
        self.settings = settings
        self.ordered: dict[str, bool] = {}
        self.found_closed: set[str] = set()
        """Closed when they were first seen, and not ordered since: they keep what they were told by others. One that is
        claimed is ordered closed once it has been seen so for longer than opening takes."""
        self.lost: set[str] = set()
        """Those of them that are found open at this tick."""
        self.welded: dict[str, str] = {name: "latched before" for name in sorted(welded) if name in wiring.ends}
        self.failed: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.resting: frozenset[str] = frozenset()
        """Those that may not be closed yet by the count of whoever drives them."""
        self.life: dict[str, int] = dict.fromkeys(self.names, 0) | {n: c for n, c in life.items() if n in wiring.ends}
        self.odd_since_s: dict[str, float] = {}
        self._odd_looks: dict[str, int] = {}
        self.closed_since_s: dict[str, float] = {}
        self._changed_s: dict[str, float] = {}
        self._moving: set[str] = set()
        self._confirmed: set[str] = set()
        self._failures: dict[str, int] = {}
        self._offered_s: dict[str, float] = {}
        self._first_s, self._looks = math.inf, 0
        self._reported: Mapping[str, bool | None] = {}
        self._unsteady: set[str] = set()
        self._unasked_s: dict[str, deque[float]] = {}
        """When what each reports became another thing than was ordered, without an order: the last few times."""
        self._closings: dict[str, deque[float]] = {
            name: deque(sorted(at for at in times if math.isfinite(at)), maxlen=settings.operations)
            for name, times in closings.items()
            if name in wiring.ends
        }

    @property
    def closings(self) -> dict[str, tuple[float, ...]]:
        """The last closings of each contactor."""
        return {name: tuple(times) for name, times in self._closings.items()}

    @property
    def unusable(self) -> frozenset[str]:
        """Those that cannot be closed (again)."""
        return frozenset(self.failed) | self.unknown

    def unsteady(self, feedback: Mapping[str, bool | None], now_s: float) -> set[str]:
        """Those whose feedback has come and gone by itself of late: what it says counts as not known."""
        if feedback != self._reported:
            for name, said in feedback.items():
                is_asked = name in self._moving and name not in self._unsteady
                is_news = said is not self._reported.get(name, said) and not is_asked
                if is_news and said is not self.ordered.get(name, said):
                    self._unasked_s.setdefault(name, deque(maxlen=self.settings.tries)).append(now_s)
            self._reported = feedback
        self._unsteady = {
            name
            for name, times in self._unasked_s.items()
            if len(times) == self.settings.tries and now_s - times[0] <= self.settings.unsteady_s
        }
        return self._unsteady

    def look(self, look: Look, now_s: float) -> None:
        """Compare what is reported with what was ordered; faults are found here."""
        feedback, ordered, odd = look.feedback, self.ordered, self.odd_since_s
        self._first_s = min(self._first_s, now_s)
        self._looks += 1
        self.lost = {name for name in self.found_closed if feedback.get(name) is False}
        ordered.update(dict.fromkeys(self.lost, False))
        self.found_closed -= self.lost
        for name in self.names:
            said = feedback.get(name)
            if said:
                if name not in self.closed_since_s:
                    self.closed_since_s[name] = now_s
            else:
                self.closed_since_s.pop(name, None)
            if name not in ordered and said is not None:
                ordered[name] = said
                if said:
                    self.found_closed.add(name)
            meant = ordered.get(name)
            if said is meant and said is not None:
                if odd:
                    self._forget_odd(name)
                if self._moving:
                    self._moving.discard(name)
                if said:
                    self._confirmed.add(name)
                self.unknown.discard(name)
            else:
                since_s = odd.setdefault(name, now_s)
                looks = self._odd_looks[name] = self._odd_looks.get(name, 0) + 1
                if now_s - since_s > self.settings.obey_s + 1e-9 and looks >= LEAST_LOOKS:
                    self._judge(name, said, meant)
        for name, at_s in list(self._offered_s.items()):
            if now_s >= at_s:
                del self._offered_s[name]
                self.failed.pop(name, None)

    def _judge(self, name: str, said: bool | None, meant: bool | None) -> None:
        if said is None:
            self.unknown.add(name)
            return
        self.unknown.discard(name)
        if said:
            self.welded.setdefault(name, "reported closed although it was told to open")
        elif name not in self.failed:
            fell = name in self._confirmed
            self.fail(name, "fell off by itself" if fell else "reported open although it was told to close")

    def fail(self, name: str, text: str) -> None:
        """It does not close, or not stay closed; it is offered again later, but not for ever."""
        self.failed[name] = text
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count < self.settings.tries:
            self._offered_s[name] = self.odd_since_s.get(name, 0.0) + self.settings.repair_s

    def weld(self, name: str, text: str) -> None:
        self.welded.setdefault(name, text)

    def clear(self, name: str) -> bool:
        """A technician has mended it."""
        was = name in self.welded or name in self.failed
        self.welded.pop(name, None)
        self.failed.pop(name, None)
        self._failures.pop(name, None)
        self._offered_s.pop(name, None)
        self._forget_odd(name)
        return was

    def _forget_odd(self, name: str) -> None:
        self.odd_since_s.pop(name, None)
        self._odd_looks.pop(name, None)

    def why_not_close(self, name: str, now_s: float) -> str:
        """Why it may not be closed now; empty: it may."""
        if name in self.failed or name in self.unknown:
            return f"contactor {name} is out of order"
        if self.ordered.get(name):
            return ""
        if why := self.why_rests(name, now_s):
            return why
        if now_s - self._changed_s.get(name, -math.inf) < self.settings.least_gap_s:
            return f"contactor {name} has just moved"
        return ""

    def why_rests(self, name: str, now_s: float) -> str:
        """Why it may not be closed for a while, though it is well (R5); empty: it may."""
        if self.ordered.get(name):
            return ""
        if name in self.resting:
            return f"contactor {name} rests"
        closings = self._closings.get(name, ())
        if sum(at > now_s - self.settings.operations_within_s for at in closings) >= self.settings.operations:
            within_s = self.settings.operations_within_s
            return f"contactor {name} rests: at most {self.settings.operations} closings in {within_s:.0f} s"
        return ""

    def order(self, name: str, closes: bool, now_s: float, current_a: float, difference_v: float) -> Operation | None:
        """Keep what it is ordered now; what to put on record when that is news."""
        if self.ordered.get(name) is closes:
            return None
        self.ordered[name] = closes
        self.found_closed.discard(name)
        self._changed_s[name] = now_s
        self._forget_odd(name)
        self.odd_since_s[name], self._odd_looks[name] = now_s, 0
        self._moving.add(name)
        self._confirmed.discard(name)
        if closes:
            self.life[name] += 1
            self._closings.setdefault(name, deque(maxlen=self.settings.operations)).append(now_s)
        return Operation(
            contactor=name, closes=closes, at_mono_s=now_s, current_a=current_a, difference_v=difference_v,
            life=self.life[name],
        )  # fmt: skip

    def is_stable(self, names: Iterable[str], now_s: float) -> bool:
        """Whether all are reported closed for long enough (Z4)."""
        return all(now_s - self.closed_since_s.get(name, math.inf) >= self.settings.stable_s - 1e-9 for name in names)

    def take_over(self, claimed: Iterable[str], now_s: float) -> None:
        """Those found closed that are needed are ordered closed from now on, once they are surely not just opening."""
        if self.found_closed and self._looks > LEAST_LOOKS and now_s - self._first_s >= self.settings.settled_s - 1e-9:
            self.found_closed.difference_update(claimed)

    def moving(self) -> Iterable[str]:
        """Those whose feedback has not followed yet, and that are not known to be out of order."""
        odd = self._moving | self.odd_since_s.keys()
        return (name for name in sorted(odd) if name not in self.welded and name not in self.unusable)

    def opening(self) -> Iterable[str]:
        """Those told to open that are not reported open, and not known to be out of order (Z2)."""
        return (name for name in self.moving() if self.ordered.get(name) is False)


class GroupBook:
    """Which groups are locked out, and why."""

    def __init__(self, wiring: Wiring, settings: SwitchingSettings) -> None:
        self.settings = settings
        self.locked: dict[str, str] = {}
        self._bad_since_s: dict[str, float] = {}
        self._until_s: dict[str, float] = {}
        self._names = tuple(wiring.group_bus)

    def look(self, look: Look, now_s: float) -> None:
        """Groups that are silent, or say that they have a fault."""
        for name in self._names:
            reading = look.groups[name]
            if reading.is_online and not reading.has_fault:
                self._bad_since_s.pop(name, None)
            else:
                since_s = self._bad_since_s.setdefault(name, now_s)
                if reading.has_fault and reading.is_online:
                    self.lock(name, "has a fault", now_s + self.settings.back_s)
                elif now_s - since_s > self.settings.silent_s:
                    self.lock(name, "does not answer", now_s + self.settings.back_s)
            if name in self.locked and now_s >= self._until_s[name]:
                del self.locked[name], self._until_s[name]

    def lock(self, name: str, text: str, until_s: float) -> None:
        self.locked.setdefault(name, text)
        self._until_s[name] = max(until_s, self._until_s.get(name, until_s))

    def clear(self, name: str) -> bool:
        self._until_s.pop(name, None)
        return self.locked.pop(name, None) is not None
