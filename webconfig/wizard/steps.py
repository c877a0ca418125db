"""The steps of the wizard, in their order, and where somebody goes on. Pure (webconfig.md 11)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

DONE = "done"
STEP_KEY = "web.wizard.step"
ANSWERS_KEY = "web.wizard.answers"
HIDDEN_KEY = "web.wizard.hidden"
"""Set: the overview does not remind of it."""


class Step(msgspec.Struct, frozen=True):
    """`can_skip`: nothing unsafe follows from leaving it out. `keys` are what it changes in the station file."""

    name: str
    can_skip: bool = True
    keys: tuple[str, ...] = ()


STEPS: tuple[Step, ...] = (
    Step("language"),
    Step("password", can_skip=False),
    Step("identity", keys=(
        "station.name", "station.address", "station.vendor", "station.model", "station.charge_point_serial_number",
        "station.operating_mode",
    )),
    Step("network"),
    Step("clock"),
    Step("hardware"),
    Step("supply", can_skip=False, keys=("station.power_limit_w", "station.phase_limit_a")),
    Step("access", keys=("station.free_mode", "station.plug_and_charge", "station.autocharge")),
    Step("server", keys=("ocpp.url", "ocpp.identity")),
    Step("screen", keys=("screen.phone", "screen.languages", "screen.links.support", "screen.links.app")),
    Step("apply", can_skip=False),
    Step("test"),
    Step("summary", can_skip=False),
)  # fmt: skip
"""The sixth step of the description is two here: what was found, and what feeds it."""

NAMES = tuple(step.name for step in STEPS)


def step_named(name: str) -> Step | None:
    """The step of this name."""
    return next((step for step in STEPS if step.name == name), None)


def after(name: str) -> str:
    """The step that follows; the last one is followed by the end."""
    place = NAMES.index(name)
    return NAMES[place + 1] if place + 1 < len(NAMES) else DONE


def where_to_go_on(kept: str) -> str:
    """The step to begin with: that which was reached, else the first one; a step this version does not know, too."""
    return kept if kept in NAMES or kept == DONE else NAMES[0]


def reached(kept: str, name: str) -> str:
    """What is kept when somebody finishes `name`: going back and forth never loses how far it was."""
    if kept == DONE:
        return DONE
    now, further = after(name), where_to_go_on(kept)
    return max(now, further, key=lambda one: len(NAMES) if one == DONE else NAMES.index(one))


def changes_of(step: Step, form: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """The keys of the station file that a form of this step changes, as WriteDraft takes them.

    A field that was not sent changes nothing, and neither does one that says what is there already.
    """
    found: dict[str, str] = {}
    for key in step.keys:
        if key in form and form[key].strip() != present.get(key, ""):
            found[key] = form[key].strip()
    return found
