"""Diagnostics, and archives for support."""

from __future__ import annotations

from datetime import date

from chargepoint.action_kinds import Action, Argument, Asker, BadRequest, Values
from chargepoint.guards import Guard
from chargepoint.messages import PackForSupport, RunDiagnostics
from chargepoint.preconditions import Need
from chargepoint.rights import Right


def _day_archive(values: Values, asker: Asker) -> PackForSupport:
    try:
        day = date.fromisoformat(values["day"])
    except ValueError:
        raise BadRequest(f"day_archive: day = {values['day']!r} is no day; write it as 2026-03-01.") from None
    return PackForSupport(day=day, by=asker.login)


_SUBJECT = Argument(
    "subject", str, "what to look at (meter/main, connector/1, a check); empty: all", 0, 60, is_needed=False
)

ROWS: tuple[Action, ...] = (
    Action(
        "diagnose", "diag", RunDiagnostics, Guard.G0, Right.SERVICE,
        "Looks at the whole station; nothing is energised.",
        (_SUBJECT,),
        lambda v, a: RunDiagnostics(subject=v.get("subject", ""), by=a.login), verb="Start the diagnostics",
    ),
    Action(
        "diagnose_with_tests", "diag", RunDiagnostics, Guard.G1, Right.SERVICE,
        "As `diagnose`, and insulation monitors test themselves (40 s): nobody can start there; no contactor moves.",
        (_SUBJECT,),
        lambda v, a: RunDiagnostics(subject=v.get("subject", ""), with_tests=True, by=a.login),
        verb="Diagnostics with self-tests", needs=(Need.IDLE, Need.NO_UPDATE),
    ),
    Action(
        "support_bundle", "diag", PackForSupport, Guard.G0, Right.DOWNLOAD,
        "Packs logs and states for support.", (), lambda _v, a: PackForSupport(by=a.login),
        verb="Make a support bundle", timeout_s=200.0,
    ),
    Action(
        "day_archive", "diag", PackForSupport, Guard.G0, Right.DOWNLOAD,
        "Packs the full logs of {day}.", (Argument("day", str, "the day, as 2026-03-01", 10, 10),), _day_archive,
        verb="Make the archive of a day", timeout_s=200.0,
    ),
)  # fmt: skip
