"""Station tests, incidents, archives, trends; answered by the service `diag`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from chargepoint.messages.fota import CHUNK_BYTES
from chargepoint.messages.kinds import ActionResult, Reply, Request, State


class Finding(Struct, frozen=True, kw_only=True):
    """What one station test found. `check` is the test, `subject` what was looked at (`meter/main`, `connector/1`,
    `link`; empty: the whole station). `verdict`: passed, warning, failed, skipped (why says `code`), not_fitted.

    `code` is the text `diag.CODE` with `values` filled in, `diag.CODE_do` its remedy; `page` names the screen that
    repairs it; `is_changed`: the run before found something else.
    """

    check: str
    subject: str = ""
    verdict: str
    code: str
    values: dict[str, str] = {}
    page: str = ""
    is_changed: bool = False
    duration_ms: int = 0


class DiagnosticsState(State, frozen=True, kw_only=True):
    """Topic `diagnostics`: the run that goes on, or the last one (kept over a restart). `verdict`: empty while it runs,
    else passed, warning, failed. `done` of `total` tests."""

    is_running: bool = False
    subject: str = ""
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    done: int = 0
    total: int = 0
    now: str = ""
    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    by: str = ""


class RunDiagnostics(Request[ActionResult], frozen=True, kw_only=True):
    """To diag: test the whole station, or what `subject` names (as in `Finding`, or the name of a check). Nothing is
    energised. `with_tests`: insulation monitors test themselves where nobody is, which only a person may ask for.
    Answered when it has begun. Codes: ok, busy, unknown, needs_person."""

    subject: Annotated[str, Meta(max_length=60)] = ""
    with_tests: bool = False
    by: str = ""


class Incident(Struct, frozen=True, kw_only=True):
    """Trouble with its beginning and, once it is over, its end. `type` and `device_type` are words, `variables` those
    of statuses.md 15 (Trouble_Type, TroubleData_Module, ...). `level`: bad or warn. `count`: so often it came while it
    was open. Times are None while the station did not know them."""

    id: int
    type: str
    level: str
    device_type: str = ""
    device: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    info: str = ""
    count: int = 1
    is_open: bool = True
    variables: dict[str, str] = {}


class IncidentsState(State, frozen=True, kw_only=True):
    """Topic `incidents`: those that are open, newest first, at most 100."""

    open: tuple[Incident, ...] = ()
    count: int = 0


class IncidentsPage(Reply, frozen=True, kw_only=True):
    incidents: tuple[Incident, ...] = ()
    has_more: bool = False


class ReadIncidents(Request[IncidentsPage], frozen=True, kw_only=True):
    """To diag: incidents, newest first, below `before_id` (0: from the newest)."""

    before_id: int = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    is_open_only: bool = False


class KeptArchive(Struct, frozen=True, kw_only=True):
    """A zip file that `diag` keeps. `kind`: FullLogs (of `day`), Support, Diagnostics, Security."""

    id: str
    name: str
    kind: str
    day: str
    size_bytes: int
    made_at: datetime


class ArchivesPage(Reply, frozen=True, kw_only=True):
    """`making`: the name of the one that is being made, empty: none. `free_bytes` of the disk."""

    archives: tuple[KeptArchive, ...] = ()
    making: str = ""
    keep: int = 0
    free_bytes: int = 0


class ReadArchives(Request[ArchivesPage], frozen=True, kw_only=True):
    """To diag: what is kept."""


class ArchiveAnswer(Reply, frozen=True, kw_only=True):
    """Codes: ok, busy, no_room, failed."""

    ok: bool
    code: str
    text: str = ""
    archive: KeptArchive | None = None


class MakeArchive(Request[ArchiveAnswer], frozen=True, kw_only=True):
    """To diag: pack an archive; answered when it is whole (wait up to 200 s). `kind` as in `KeptArchive`.

    `day` for FullLogs (without: today), `since` and `until` for Diagnostics and Security (without: all there is).
    `shows_cards`: card numbers written out (S21: for who may see them).
    """

    kind: str
    day: date | None = None
    since: datetime | None = None
    until: datetime | None = None
    shows_cards: bool = False
    by: str = ""


class PackForSupport(Request[ActionResult], frozen=True, kw_only=True):
    """To diag: the deed of people: a support archive, or the full logs of `day`, as `MakeArchive` makes it; `values`
    has its `name` and `id`. Codes: ok, busy, no_room, failed."""

    day: date | None = None
    by: str = ""


class ArchivePart(Reply, frozen=True, kw_only=True):
    """`is_end`: nothing follows. Codes: ok, unknown."""

    ok: bool
    code: str
    data: bytes = b""
    is_end: bool = False


class ReadArchivePart(Request[ArchivePart], frozen=True, kw_only=True):
    """To diag: bytes of the archive `id` from `offset` on."""

    id: Annotated[str, Meta(max_length=80)]
    offset: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=CHUNK_BYTES)] = CHUNK_BYTES


class RemoveArchive(Request[ActionResult], frozen=True, kw_only=True):
    """To diag: delete one. Codes: ok, unknown."""

    id: Annotated[str, Meta(max_length=80)]
    by: str = ""


class Trend(Struct, frozen=True, kw_only=True):
    """One measure of one thing, a value for each day: `days` and `values` are as long as each other, oldest first."""

    name: str
    subject: str
    unit: str
    days: tuple[str, ...] = ()
    values: tuple[float | None, ...] = ()


class TrendsPage(Reply, frozen=True, kw_only=True):
    trends: tuple[Trend, ...] = ()


class ReadTrends(Request[TrendsPage], frozen=True, kw_only=True):
    """To diag: contactor operations, module temperature, retries, bytes written, wear of the flash, day by day."""
