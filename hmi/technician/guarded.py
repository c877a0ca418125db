"""Buttons of deeds: whether they can be pressed now, and why not. Every page makes its buttons here, so that none of
them forgets role, preconditions or what the software cannot do.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.action_table import ACTIONS
from chargepoint.guards import Guard
from hmi.technician import deeds, said
from hmi.technician.desk import packed
from hmi.technician.kit import Button, StaffPage


def deed(page: StaffPage, action: str, *, kind: str = "plain", label: str = "", **arguments: str | int) -> Button:
    """The button of a deed with these arguments."""
    row, told = ACTIONS[action], {key: str(value) for key, value in arguments.items()}
    text = label or said.verb(page.words, action, told)
    name = f"staff:do:{action}:{packed(told)}"
    return Button(name=name, label=text, kind=kind, why=why(page, action, told), is_enabled=bool(row))


def why(page: StaffPage, action: str, arguments: Mapping[str, str]) -> str:
    """Why a deed cannot be asked for now; empty when it can."""
    row, desk, view = ACTIONS[action], page.desk, page.view
    if not deeds.is_for(row, desk.role):
        return page.t("administrator_only")
    if row.missing:
        return said.missing(page.words, action)
    found = deeds.why_not(row, arguments, view.seen, view.now_s)
    if found is not None:
        return said.against(page.words, found)
    if desk.running is not None and row.guard > Guard.G0:
        return page.t("one_at_a_time")
    return ""


def opens(page: StaffPage, screen: str, key: str, icon: str = "", connector: int = 0) -> Button:
    """The button of another page."""
    name = f"staff:open:{screen}:{connector}" if connector else f"staff:open:{screen}"
    return Button(name=name, label=page.t(key), icon=icon)


def shows(page: StaffPage, part: str, key: str, default: str = "") -> Button:
    """The tab of another part of this page."""
    is_open = page.view.place.fields.get("show", "") == part or (
        part == default and not page.view.place.fields.get("show")
    )
    return Button(name=f"staff:show:{part}", label=page.t(key), kind="chosen" if is_open else "plain")


def tabs_of_connectors(page: StaffPage, number: int) -> list[Button]:
    """A tab for each connector."""
    numbers = sorted(page.view.seen.connectors)
    return [Button(name=f"staff:tab:{n}", label=str(n), kind="chosen" if n == number else "plain") for n in numbers]
