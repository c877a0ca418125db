"""What runs here, and whether anything could be installed: read from the trees on the machine."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from chargepoint import slots
from chargepoint.context import Context
from chargepoint.layout import Layout
from chargepoint.software_trial import running_tree, slot_of
from chargepoint.version import VERSION
from fota.update import Runs

NOT_REALLY = "this station only writes down what it would do to the machine (it does not run with --really)"
BY_HAND = "this software was not started by start.sh from {factory} or a slot, so there is nothing to switch"
NO_SLOTS = "{slots} is not there: the software was not installed by its package"


class Standing(msgspec.Struct, frozen=True):
    """`obstacle`: why nothing can be installed here, empty: it can."""

    runs: Runs
    version: str
    previous_version: str
    floor: str
    obstacle: str


def look(context: Context, tree: str | None = None) -> Standing:
    """As it is now. `tree` is the one that runs; without it: what start.sh says in the environment."""
    layout = context.layout
    try:
        state = slots.read(layout.slots)
        floor = slots.read_floor(layout.slots)
    except (OSError, ValueError):
        state, floor = slots.Slots(), ""
    told = running_tree() if tree is None else tree
    slot = slot_of(layout, Path(told)) if told else ""
    runs = Runs(
        slot=slot,
        previous=state.previous,
        ready=state.ready,
        is_trial=state.trial and state.current == slot,
        outcome=state.outcome,
        reason=state.reason,
        refused=frozenset(state.refused),
    )
    return Standing(
        runs=runs,
        version=VERSION,
        previous_version=version_of(layout, state.previous) if slot and state.previous else "",
        floor=floor,
        obstacle=_obstacle(context, slot),
    )


def version_of(layout: Layout, name: str) -> str:
    """Of a tree, as its release.json says; empty where there is none."""
    try:
        tree = slots.tree_of(layout.slots, layout.factory, name)
        told = json.loads((tree / slots.RELEASE).read_bytes()[: slots.LARGEST_BYTES])
        return str(told["version"])[:40]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_below(version: str, floor: str) -> bool:
    """Whether a version is older than the floor; one that is none counts as that."""
    try:
        return bool(floor) and slots.numbers(version) < slots.numbers(floor)
    except ValueError:
        return True


def _obstacle(context: Context, slot: str) -> str:
    layout = context.layout
    if not context.is_really:
        return NOT_REALLY
    if not layout.slots.is_dir():
        return NO_SLOTS.format(slots=layout.slots)
    return "" if slot else BY_HAND.format(factory=layout.factory)
