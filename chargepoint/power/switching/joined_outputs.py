"""Outputs that are really joined, and current that flows where nothing is closed (power.md Z5, Z9)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chargepoint.power.measured import OutputFault, Stage
from chargepoint.power.switching.book import ContactorBook, GroupBook
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.state import Member
from chargepoint.power.switching.wiring import Look, Wiring
from chargepoint.vocabulary import Cause


class Shorts:
    """`now`: outputs joined to another live one at this instant. `faulted`: those for which that has lasted, until
    they are idle and apart. `suspects`: contactors found closed by the current in them, whatever they report."""

    def __init__(self, wiring: Wiring, settings: SwitchingSettings) -> None:
        self.wiring = wiring
        self.settings = settings
        self.now: set[int] = set()
        self.faulted: dict[int, OutputFault] = {}
        self.suspects: set[str] = set()
        self._since_s: dict[int, float] = {}
        self._met: dict[int, tuple[float, OutputFault]] = {}
        """Outputs that were joined of late: the contactor that did it may only be known when they are apart again."""
        self._astray_since_s: dict[str, float] = {}

    def look(
        self,
        look: Look,
        members: Mapping[str, Member],
        contactors: ContactorBook,
        groups: GroupBook,
        now_s: float,
    ) -> None:
        """Judge this instant."""
        self.suspects &= set(contactors.welded)
        self._joined(look, members, contactors, now_s)
        self._astray(look, contactors, groups, now_s)

    def _joined(self, look: Look, members: Mapping[str, Member], contactors: ContactorBook, now_s: float) -> None:
        fed = {self.wiring.topology.links[each.link].connector for each in members.values() if each.link is not None}
        self.now = set()
        for outputs in look.surely.outputs.values():
            joined = [n for n in outputs if self._counts(look, n, fed)] if len(outputs) > 1 else []
            if len(joined) > 1 and any(look.is_powered(n) for n in joined):
                self.now.update(joined)
                for number in joined:
                    self._met[number] = now_s, self._found(look, number, contactors)
                    if now_s - self._since_s.setdefault(number, now_s) > self.settings.obey_s:
                        self.faulted[number] = self._found(look, number, contactors)
        for number, (met_s, fault) in list(self._met.items()):
            welded = tuple(name for name in fault.contactors if name in contactors.welded)
            if welded and number not in self.faulted and number not in self.now:
                self.faulted[number] = msgspec.structs.replace(fault, cause=Cause.CONTACTOR_WELDED, contactors=welded)
            if welded or now_s - met_s > 3 * self.settings.obey_s:
                del self._met[number]
        for number in list(self._since_s):
            if number not in self.now:
                del self._since_s[number]
        for number in list(self.faulted):
            if number not in self.now and look.stage(number) in (Stage.IDLE, Stage.OFF):
                del self.faulted[number]

    def _counts(self, look: Look, number: int, fed: set[int]) -> bool:
        """Whether an output must not be joined to another one: all but those that ways of others lead through while
        they are out of use."""
        is_used = look.is_powered(number) and (look.is_output_closed(number) or number in fed)
        is_end = self.wiring.output_bus[number] not in self.wiring.through
        return is_used or is_end or look.outputs[number].is_closed is True

    def _found(self, look: Look, number: int, contactors: ContactorBook) -> OutputFault:
        """What joins an output to others now."""
        at = look.surely.at
        place = at[self.wiring.output_bus[number]]
        inside = [name for name in sorted(look.surely.closed) if at[self.wiring.ends[name][0]] == place]
        welded = tuple(name for name in inside if name in contactors.welded)
        odd = tuple(name for name in inside if name in contactors.odd_since_s)
        others = sorted(n for n in look.surely.outputs[place] if n != number)
        return OutputFault(
            cause=Cause.CONTACTOR_WELDED if welded else Cause.CONTACTOR_FAILED,
            contactors=welded or odd or tuple(inside),
            text=f"output {number} is joined to output {', '.join(map(str, others))}",
        )

    def _astray(self, look: Look, contactors: ContactorBook, groups: GroupBook, now_s: float) -> None:
        """A group that gives current although no output is on its conductor: a contactor lies."""
        for name, reading in look.groups.items():
            place = look.place(self.wiring.group_bus[name])
            is_astray = (
                reading.is_online
                and abs(reading.current_a) > self.settings.zero_a
                and not any(look.stage(n) is not Stage.IDLE for n in look.joined.outputs.get(place, ()))
            )
            if not is_astray:
                self._astray_since_s.pop(name, None)
            elif now_s - self._astray_since_s.setdefault(name, now_s) > self.settings.obey_s:
                for contactor in self._liars(look, name, place):
                    contactors.weld(contactor, "current flows through it although it is reported open")
                    self.suspects.add(contactor)
                groups.lock(name, "gives current through an open contactor", now_s + self.settings.retry_s)

    def _liars(self, look: Look, group: str, place: int) -> list[str]:
        """The open contactors between a group's conductor and outputs that take more than their own groups give."""
        current_a = abs(look.groups[group].current_a)
        found = []
        for name, (one, other) in self.wiring.ends.items():
            here, there = look.place(one), look.place(other)
            if (here == place) == (there == place):
                continue
            beyond = there if here == place else here
            given_a = sum(look.group_a(each) for each in look.joined.groups.get(beyond, ()))
            taken_a = sum(abs(look.outputs[n].current_a) for n in look.joined.outputs.get(beyond, ()))
            if taken_a - given_a > 0.5 * current_a:
                found.append(name)
        return found
