"""Is a new version well? Every service in order, the station there, and what answered before answers (R31).

The central system's absence is no reason to go back.
"""

from __future__ import annotations

import asyncio

import msgspec

from chargepoint.bus import StateView
from chargepoint.clock import Clock
from chargepoint.messages import DeviceState, ServiceState, StationState, SupervisorState
from chargepoint.trial_watch import IN_ORDER, answering

LOOK_S = 1.0
LONGEST_S = 480.0
"""It is settled by then whatever the settings say: start.sh gives up what is not kept 540 s after its start."""
LONGEST_CHECK_S = 420.0
SPARE_S = 30.0
"""For services to come up in."""


class Before(msgspec.Struct, frozen=True):
    """What answered under the version before: connectors by number, devices by topic."""

    connectors: tuple[int, ...] = ()
    devices: tuple[str, ...] = ()
    had_station: bool = True


def before(view: StateView, now_s: float) -> Before:
    """As it is now, for the new version to be compared with."""
    devices = (
        topic for topic in view.topics() if isinstance(state := view.get(topic), DeviceState) and state.is_answering
    )
    return Before(
        connectors=answering(view, now_s),
        devices=tuple(sorted(devices))[:200],
        had_station=isinstance(view.get("station"), StationState),
    )


def not_well(view: StateView, was: Before, now_s: float) -> str:
    """What is not as it has to be, in words; empty: all is well. Devices that are not fitted any more do not count."""
    services = [state for topic in view.topics() if isinstance(state := view.get(topic), ServiceState)]
    broken = next((each for each in services if each.status not in IN_ORDER), None)
    if broken is not None:
        return f"service {broken.name} is {broken.status}"
    if not services:
        return "no service tells how it is"
    if not was.had_station:
        return ""
    station = view.get("station")
    if not isinstance(station, StationState):
        return "the station has not come up"
    answer = answering(view, now_s)
    silent = [number for number in was.connectors if number in station.connectors and number not in answer]
    if silent:
        return f"the controller of connector {silent[0]} does not answer"
    for topic in was.devices:
        state = view.get(topic)
        if isinstance(state, DeviceState) and not state.is_answering:
            return f"{state.kind} {state.name!r} does not answer"
    return ""


def deaths(view: StateView) -> int:
    """How often services were started again since the station started."""
    return sum(state.restarts for topic in view.topics() if isinstance(state := view.get(topic), ServiceState))


def bounded(check_s: float, give_up_s: float) -> tuple[float, float]:
    """Times of [update] in which a version that is well can be kept at all."""
    check_s = min(check_s, LONGEST_CHECK_S)
    return check_s, min(max(give_up_s, check_s + SPARE_S), LONGEST_S)


async def judge(view: StateView, was: Before, clock: Clock, check_s: float, give_up_s: float) -> str:
    """Watch until it was well for `check_s` (empty), or was not by `give_up_s` (why). A service that dies meanwhile
    begins the time anew."""
    begun_s = clock.mono()
    well_since_s: float | None = None
    died = deaths(view)
    while True:
        now_s = clock.mono()
        missing = not_well(view, was, now_s)
        if (died_now := deaths(view)) != died:
            died, missing = died_now, missing or "a service died"
        if missing:
            well_since_s = None
        elif well_since_s is None:
            well_since_s = now_s
        elif now_s - well_since_s >= check_s:
            return ""
        if now_s - begun_s >= give_up_s:
            return missing or "services kept dying"
        await asyncio.sleep(LOOK_S)


def is_there(view: StateView) -> bool:
    """Whether the hub has told anything yet."""
    return isinstance(view.get("supervisor"), SupervisorState)
