"""The diagnosis of the station over the API: the run that goes on or the last one, its beginning, trends; and what test
sessions have found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chargepoint.action_table import ACTIONS
from chargepoint.messages import DiagnosticsState, ReadTestReports, ReadTrends, TestReport, Trend
from chargepoint.rights import Right
from webconfig import findings
from webconfig.answers import Answer, Json
from webconfig.api.commands import STATUSES, Accepted, Order, ordered
from webconfig.ask import Ask
from webconfig.routes import get, post

MOST = 50


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict`: passed, warning, failed, skipped, not_fitted. `text` and `remedy` in the language of the request."""

    check: str
    subject: str
    verdict: str
    code: str
    values: dict[str, str]
    text: str
    remedy: str
    is_changed: bool
    duration_ms: int


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict` is empty while it runs, and where there was no run yet."""

    is_running: bool
    subject: str
    begun_at: datetime | None
    ended_at: datetime | None
    done: int
    total: int
    now: str
    verdict: str
    by: str
    findings: tuple[Found, ...]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`subject`: a device (`meter/main`), a kind of device or the name of a check; empty: the whole station."""

    subject: Annotated[str, Meta(max_length=60)] = ""


class Trends(msgspec.Struct, frozen=True):
    """Days are those of UTC."""

    trends: tuple[Trend, ...]


class Wanted(msgspec.Struct, frozen=True):
    """`number`: that report whole; else the newest `limit`, of `connector` or of all, without steps and points."""

    number: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    connector: Annotated[int, Meta(ge=1, le=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 20


class Reports(msgspec.Struct, frozen=True):
    """Newest first."""

    reports: tuple[TestReport, ...]


async def diagnosis(ask: Ask) -> Answer:
    state = ask.site.state("diagnostics", DiagnosticsState) or DiagnosticsState()
    found = tuple(
        Found(
            check=each.check,
            subject=each.subject,
            verdict=each.verdict,
            code=each.code,
            values=each.values,
            text=findings.text_of(ask.words, each),
            remedy=findings.remedy_of(ask.words, each),
            is_changed=each.is_changed,
            duration_ms=each.duration_ms,
        )
        for each in state.findings
    )
    return Json(
        Diagnosis(
            is_running=state.is_running,
            subject=state.subject,
            begun_at=state.begun_at,
            ended_at=state.ended_at,
            done=state.done,
            total=state.total,
            now=state.now,
            verdict=state.verdict,
            by=state.by,
            findings=found,
        )
    )


async def diagnose(ask: Ask) -> Answer:
    asked = ask.body(Asked) if ask.raw else Asked()
    given = {"subject": asked.subject} if asked.subject else {}
    return await ordered(ask, Order(command="diagnose"), ACTIONS["diagnose"], given)


async def trends(ask: Ask) -> Answer:
    return Json(Trends((await ask.call("diag", ReadTrends())).trends))


async def reports(ask: Ask) -> Answer:
    wanted = ask.query(Wanted)
    request = ReadTestReports(number=wanted.number, connector=wanted.connector, limit=wanted.limit)
    found = (await ask.call("station", request)).reports
    if wanted.number is None:
        found = tuple(replace(each, steps=(), points=()) for each in found[: wanted.limit])
    return Json(Reports(found))


ROUTES = (
    get("/api/v1/diagnostics", diagnosis, Right.SERVICE, gives=Diagnosis, tag="diagnostics",
        summary="The diagnosis that runs, or the last one"),
    post("/api/v1/diagnostics", diagnose, Right.SERVICE, body=Asked, gives=Accepted, tag="diagnostics", body_bytes=1024,
         summary="Diagnose the station or one device; followed as a command", statuses=(202, *STATUSES)),
    get("/api/v1/diagnostics/trends", trends, Right.SERVICE, gives=Trends, tag="diagnostics",
        summary="What wears and what is lost, day by day", statuses=(502, 503, 504)),
    get("/api/v1/test-reports", reports, Right.SERVICE, query=Wanted, gives=Reports, tag="diagnostics",
        summary="Reports of test sessions", statuses=(502, 503, 504)),
)  # fmt: skip
