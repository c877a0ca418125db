"""Looking for devices on free ports, as the first-run wizard does; answered by the service `discovery` (on demand)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chargepoint.messages.kinds import ActionResult, Request, State


class Discover(Request[ActionResult], frozen=True, kw_only=True):
    """To discovery: look on all free ports of this machine, and at `hosts` (`HOST[:PORT]`), for `within_s` at most.
    Nothing is written to any device; ports the station uses are left out. Answered when it has begun; the outcome is
    topic `discovery`. Codes: ok, busy (it looks already), bad_request, nothing (there is no free port)."""

    within_s: Annotated[float, Meta(ge=5, le=300)] = 60.0
    hosts: tuple[Annotated[str, Meta(max_length=260)], ...] = ()
    addresses: Annotated[str, Meta(max_length=100)] = "1-16"
    by: str


class DiscoveryState(State, frozen=True, kw_only=True):
    """Topic `discovery`. `lines` say what was looked at and found (the last 200); `proposal` is the text of a station
    file for what was found, empty while it looks and when nothing was. `found` counts devices."""

    is_looking: bool = False
    lines: tuple[str, ...] = ()
    found: int = 0
    proposal: str = ""
    by: str = ""
