"""What tests have found, over the API; the diagnosis of the whole station begins as a command."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chargepoint.action_table import ACTIONS
from chargepoint.messages import ReadTestReports, TestReport
from chargepoint.rights import Right
from webconfig.answers import Answer, Json
from webconfig.api.commands import STATUSES, Accepted, Order, ordered
from webconfig.ask import Ask
from webconfig.routes import get, post

MOST = 50


class Wanted(msgspec.Struct, frozen=True):
    """`number`: that report whole; else the newest `limit`, of `connector` or of all, without steps and points."""

    number: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    connector: Annotated[int, Meta(ge=1, le=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 20


class Reports(msgspec.Struct, frozen=True):
    """Newest first."""

    reports: tuple[TestReport, ...]


async def reports(ask: Ask) -> Answer:
    wanted = ask.query(Wanted)
    request = ReadTestReports(number=wanted.number, connector=wanted.connector, limit=wanted.limit)
    found = (await ask.call("station", request)).reports
    if wanted.number is None:
        found = tuple(replace(each, steps=(), points=()) for each in found[: wanted.limit])
    return Json(Reports(found))


async def diagnose(ask: Ask) -> Answer:
    return await ordered(ask, Order(command="diagnose"), ACTIONS["diagnose"], {})


ROUTES = (
    get("/api/v1/diagnostics", reports, Right.SERVICE, query=Wanted, gives=Reports, tag="diagnostics",
        summary="Reports of test sessions", statuses=(502, 503, 504)),
    post("/api/v1/diagnostics", diagnose, Right.SERVICE, gives=Accepted, tag="diagnostics", body_bytes=0,
         summary="Diagnose the whole station; followed as a command", statuses=(202, *STATUSES)),
)  # fmt: skip
