"""Looks at a station that came up with a new station file: is it well, and does somebody keep it (webconfig.md 6).

It has to be well for 60 s (120 s when ways to the station are touched): every service in order, the station there, the
controllers that answered before answer, the central system that was reached before is reached. Not so within three
minutes (five): the file before comes back. Then, when a person has to keep it, he has a minute for that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from chargepoint import trial
from chargepoint.bus import Bus, StateView
from chargepoint.clock import Clock
from chargepoint.messages import ConfigurationState, ConnectorState, LinkStatus, ServiceState, StationState
from chargepoint.vocabulary import LinkState

log = logging.getLogger(__name__)

HEALTHY_S = 60.0
NETWORK_HEALTHY_S = 120.0
WITHIN_S = 180.0
NETWORK_WITHIN_S = 300.0
KEEP_WITHIN_S = 60.0
LOOK_S = 1.0
SILENT_AFTER_S = 5.0
"""A controller whose last answer is older does not answer."""
IN_ORDER = frozenset({"running", "resting", "stopped"})


def answering(view: StateView, now_s: float) -> tuple[int, ...]:
    """The connectors whose controllers answer now."""
    found = [state for topic in view.topics() if isinstance(state := view.get(topic), ConnectorState)]
    return tuple(
        sorted(each.number for each in found if each.reading and now_s - each.reading_mono_s <= SILENT_AFTER_S)
    )


def is_online(view: StateView) -> bool:
    link = view.get("link")
    return isinstance(link, LinkStatus) and link.state is LinkState.ONLINE


def not_well(view: StateView, last: trial.Trial, now_s: float) -> str:
    """What is not as it has to be, in words; empty: all is well."""
    services = [state for topic in view.topics() if isinstance(state := view.get(topic), ServiceState)]
    station = view.get("station")
    if not isinstance(station, StationState):
        return "the station has not come up"
    broken = next((each for each in services if each.status not in IN_ORDER), None)
    if broken is not None:
        return f"service {broken.name} is {broken.status}"
    answer = answering(view, now_s)
    silent = [number for number in last.connectors if number in station.connectors and number not in answer]
    if silent:
        return f"the controller of connector {silent[0]} does not answer"
    if last.was_online and not is_online(view):
        return "the central system is not reached, which was reached before"
    return ""


class TrialWatch:
    """One trial. `settle(trial, is_kept, reason, by)` is called at its end."""

    def __init__(
        self, folder: Path, bus: Bus, clock: Clock, settle: Callable[[trial.Trial, bool, str, str], None]
    ) -> None:
        self._folder = folder
        self._bus = bus
        self._clock = clock
        self._settle = settle
        self.trial: trial.Trial | None = None
        self._passed_s: float | None = None
        self._wish_return = ""

    async def judge(self, last: trial.Trial) -> None:
        """Until the trial is settled."""
        self.trial = last
        view = self._bus.watch("")
        healthy_s = NETWORK_HEALTHY_S if last.is_network else HEALTHY_S
        within_s = NETWORK_WITHIN_S if last.is_network else WITHIN_S
        begun_s = self._clock.mono()
        well_since_s: float | None = None
        try:
            while self.trial is not None:
                now_s = self._clock.mono()
                missing = not_well(view, self.trial, now_s)
                if self._wish_return:
                    return self._end(False, "Somebody asked for it.", self._wish_return)
                if not missing:
                    well_since_s = now_s if well_since_s is None else well_since_s
                    if self._passed_s is None and now_s - well_since_s >= healthy_s:
                        self._passed_s = now_s
                else:
                    well_since_s = None
                if self._passed_s is not None and (not self.trial.must_keep or self.trial.kept_by):
                    return self._end(True, "", self.trial.kept_by or self.trial.by)
                if self._passed_s is None and now_s - begun_s >= within_s:
                    return self._end(False, _sentence(missing or "the station was not well for long enough"), "")
                if self._passed_s is not None and now_s - self._passed_s >= KEEP_WITHIN_S:
                    return self._end(False, "Nobody kept it in time.", "")
                until_s = begun_s + within_s if self._passed_s is None else self._passed_s + KEEP_WITHIN_S
                if self._passed_s is None and well_since_s is not None:
                    until_s = well_since_s + healthy_s
                self._tell("watch" if self._passed_s is None else "keep", until_s, missing)
                await asyncio.sleep(LOOK_S)
        finally:
            view.close()

    def keep(self, by: str) -> str:
        """A person keeps it: `kept` when the station was well for long enough, else `noted`; empty: nothing to keep."""
        if self.trial is None:
            return ""
        self.trial = msgspec.structs.replace(self.trial, kept_by=by)
        trial.note(self._folder, self.trial)
        return "kept" if self._passed_s is not None else "noted"

    def back(self, by: str) -> bool:
        """A person gives the file before back."""
        if self.trial is None:
            return False
        self._wish_return = by or "somebody"
        return True

    def _end(self, is_kept: bool, reason: str, by: str) -> None:
        assert self.trial is not None
        last, self.trial = self.trial, None
        self._settle(last, is_kept, reason, by)

    def _tell(self, phase: str, until_s: float, missing: str) -> None:
        assert self.trial is not None
        state = ConfigurationState(
            phase=phase,
            by=self.trial.by,
            until_mono_s=until_s,
            must_keep=self.trial.must_keep,
            kept_by=self.trial.kept_by,
            missing=missing,
            version=self.trial.digest[:20],
        )
        self._bus.set_state("configuration", state)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
