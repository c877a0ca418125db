"""The table of docs/service.md, written from the registry of deeds.

`python -m chargepoint.action_documentation` writes it anew; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from chargepoint.action_kinds import Action
from chargepoint.action_table import ACTIONS
from chargepoint.preconditions import Need
from chargepoint.rights import NAMES, least_role

FILE = Path(__file__).parents[1] / "docs" / "service.md"
BEGIN, END = "<!-- deeds -->", "<!-- end of deeds -->"

SAID: dict[Need, str] = {
    Need.IDLE: "no session anywhere",
    Need.FREE: "connector free (A)",
    Need.UNUSED: "no session at the connector",
    Need.NO_VOLTAGE: "output below 60 V",
    Need.DOOR: "door shut",
    Need.NO_UPDATE: "no update",
    Need.NO_BUTTON: "button released",
    Need.SUPPLY: "not on battery",
}


def table() -> str:
    """All deeds, and those that cannot be done yet with the reason."""
    there = [action for action in ACTIONS.values() if not action.missing]
    missing = [action for action in ACTIONS.values() if action.missing]
    lines = ["| deed | guard | who | what has to hold | what it does |", "|---|---|---|---|---|"]
    lines += [_row(action) for action in there]
    lines += ["", "### What cannot be done here, and why", "", "| deed | why not |", "|---|---|"]
    lines += [f"| `{action.name}` | {action.missing} |" for action in missing]
    return "\n".join(lines)


def _row(action: Action) -> str:
    who = NAMES[least_role(action.right)]
    needs = [f"{SAID[need]}{_waiver(action, need)}" for need in action.needs]
    needs += ["somebody logged in, all the time"] if action.is_forced else []
    arguments = " ".join(each.name if each.is_needed else f"[{each.name}]" for each in action.arguments)
    shown = f"`{action.name}{' ' if arguments else ''}{arguments}`"
    effect = action.effect.format(**{each.name: each.name.upper() for each in action.arguments})
    return f"| {shown} | {action.guard.name} | {who} | {', '.join(needs) or '—'} | {effect} |"


def _waiver(action: Action, need: Need) -> str:
    return f" (or `{action.waives[need]}=1`)" if need in action.waives else ""


def written(text: str) -> str:
    """The page with the table as it is now."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    FILE.write_text(written(FILE.read_text(encoding="utf-8")), encoding="utf-8")
