"""How an update stands, as pages and API show it. Pure but for the states."""

from __future__ import annotations

from chargepoint.messages import FirmwareState, UpdateState
from webconfig.site import Site

STEPS: dict[str, tuple[str, ...]] = {
    "fetch": ("scheduled", "downloading", "pausing"),
    "check": ("verifying",),
    "unpack": ("staging",),
    "wait": ("waiting",),
    "install": ("installing",),
    "watch": ("checking", "controllers"),
}
"""The steps people see, in order, and the stages of `UpdateState` that each covers."""
UNDER_WAY = frozenset(stage for stages in STEPS.values() for stage in stages)
CAN_CANCEL = UNDER_WAY - {"installing", "checking", "controllers"}


def update(site: Site) -> UpdateState:
    """The state that was told; idle when none was."""
    return site.state("update", UpdateState) or UpdateState()


def controllers(site: Site) -> list[FirmwareState]:
    """Firmware written to controllers, now or the last time, by connector."""
    return sorted(site.all_of("firmware/", FirmwareState).values(), key=lambda one: one.connector)


def step_of(state: UpdateState) -> str:
    """The step an update under way stands at; empty: none is under way."""
    return next((step for step, stages in STEPS.items() if state.stage in stages), "")


def percent(state: UpdateState) -> int | None:
    """How much of the stage is done, where that can be told."""
    if state.percent is not None:
        return state.percent
    if state.stage == "downloading" and state.size_bytes:
        return min(100, 100 * state.received_bytes // state.size_bytes)
    return None
