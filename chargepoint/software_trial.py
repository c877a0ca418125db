"""Whether the version of the software that runs here is on trial: as start.sh keeps it (docs/updates.md, Slots).

Not to be confused with a station file on trial (`trial.py`). `slots.json` is the truth from the first moment of a start
to its end, whoever keeps the version or gives it up, and whichever services live.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from chargepoint.layout import Layout

TREE = "CHARGEPOINT_TREE"
"""Where start.sh says which tree it runs."""

Standing = Literal["kept", "trial", "given_up", "left"]


def running_tree() -> str:
    """The tree that runs, as start.sh says; empty: it was not started by it."""
    return os.environ.get(TREE, "")


def slot_of(layout: Layout, running: Path) -> str:
    """The name of the tree that runs; empty: it is none of them."""
    from chargepoint import slots  # where no slots are, nobody needs it

    found = running.resolve()
    for name in (slots.FACTORY, *slots.SLOTS):
        if slots.tree_of(layout.slots, layout.factory, name).resolve() == found:
            return name
    return ""


def running_slot(layout: Layout) -> str:
    """factory, a or b; empty: nothing can be on trial here."""
    told = running_tree()
    return slot_of(layout, Path(told)) if told else ""


def standing(layout: Layout, slot: str) -> Standing:
    """How the version in `slot`, which runs, stands now. Reads the disk.

    `given_up`, `left`: another one runs from the next start on, because this one, never kept, was given up, or because
    somebody went back from one that was kept. Nothing of `slots.json` that can be read counts as one of these, too.
    """
    from chargepoint import slots

    state = slots.read(layout.slots)
    if state.current != slot:
        was_kept = slot == slots.FACTORY or state.versions.get(slot, {}).get("held") == "yes"
        return "left" if was_kept else "given_up"
    return "trial" if state.trial else "kept"
