"""TechnikJournal: the operation log with filters, incidents with their ways to mend them, the last sessions."""

from __future__ import annotations

from datetime import datetime

from chargepoint.journal_text import entry_line, session_table
from chargepoint.messages import Incident, IncidentsPage, JournalPage, SessionsPage
from hmi.drawing.items import Picture
from hmi.technician.guarded import deed, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, line, sheet
from hmi.technician.trouble import troubles

PARTS = ("incidents", "past", "log", "staff_log", "errors", "sessions")


@staff_page("TechnikJournal")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or PARTS[0]
    tabs = [shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS]
    if show == "incidents":
        return _incidents(page, tabs)
    lists = {"sessions": _sessions, "past": _past}
    rows = lists[show](page) if show in lists else _log(page, show)
    return sheet(page, page.t("journal"), rows, tabs=tabs)


def _incidents(page: StaffPage, tabs: list[Button]) -> Picture:
    found = troubles(page.view.seen, page.words)
    rows = [line(each.text, "bad" if each.is_grave else "warn") for each in found] or [
        line(page.t("no_incidents"), "good")
    ]
    ways: dict[str, Button] = {}
    for each in found:
        name = f"staff:open:{each.screen}:{each.connector}" if each.connector else f"staff:open:{each.screen}"
        label = page.words("menu.connector", n=each.connector) if each.connector else page.t(f"to_{each.screen}")
        ways.setdefault(name, Button(name=name, label=page.t("see", what=label), icon="wrench"))
    return sheet(page, page.t("journal"), rows, [*ways.values(), deed(page, "support_bundle")], tabs=tabs)


def _past(page: StaffPage) -> list[Row]:
    """The incidents that `diag` keeps, newest first: when, what, where, until when."""
    told = page.desk.replies.get("past")
    if not isinstance(told, IncidentsPage):
        return [line(page.t("asking"))]
    return [_incident(page, each) for each in told.incidents] or [line(page.t("nothing_found"))]


def _incident(page: StaffPage, one: Incident) -> Row:
    key = f"itrouble.{one.type}"
    what = page.words(key) if page.words.has(key) else one.type
    ended = page.t("incident_open") if one.is_open else _time(one.closed_at)
    times = f" ×{one.count}" if one.count > 1 else ""
    text = f"{_time(one.opened_at)} – {ended}  {what} {one.device}{times}"
    return line(text, {"bad": "bad"}.get(one.level, "warn") if one.is_open else "")


def _time(at: datetime | None) -> str:
    return "—" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def _log(page: StaffPage, show: str) -> list[Row]:
    told = page.desk.replies.get("journal")
    if not isinstance(told, JournalPage):
        return [line(page.t("asking"))]
    rows = []
    for row in reversed(told.rows):
        text = entry_line(row)
        is_error = bool(getattr(row.entry, "error", "")) or "Failed" in text
        if show == "staff_log" and "TECHNICIAN" not in str(getattr(row.entry, "event_type", "")):
            continue
        if show == "errors" and not is_error:
            continue
        rows.append(line(text, "warn" if is_error else ""))
    return rows[:200] or [line(page.t("nothing_found"))]


def _sessions(page: StaffPage) -> list[Row]:
    told = page.desk.replies.get("sessions")
    if not isinstance(told, SessionsPage):
        return [line(page.t("asking"))]
    return [line(each) for each in session_table(told.sessions)] or [line(page.t("nothing_found"))]
