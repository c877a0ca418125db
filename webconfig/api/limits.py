"""Power limits over the API: the table, and the owner's limits with If-Match."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.limits_table import Limits
from webconfig.pages.limits import limits_now, set_limit
from webconfig.routes import Route, get
from webconfig.turns import turn


class UserLimitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's limit of a connector (0: the station), W; null: none. `until`: when it ends (with an offset).

    `while_charging`: refuse (409 while anything charges), spare (charges that run keep what they have), all (at once).
    """

    connector: Annotated[int, Meta(ge=0, le=64)]
    limit_w: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    while_charging: Annotated[str, Meta(pattern="^(refuse|spare|all)$")] = "refuse"


async def limits(ask: Ask) -> Answer:
    found = limits_now(ask)
    return Json(found, etag=found.version)


async def put(ask: Ask) -> Answer:
    """PUT /api/v1/limits with If-Match: the version that was read."""
    body = ask.body(UserLimitBody)
    async with turn(ask, "limits"):
        return await _put(ask, body)


async def _put(ask: Ask, body: UserLimitBody) -> Answer:
    found = limits_now(ask)
    given = ask.if_match
    if not given:
        raise Problem(428, "no_version", "If-Match is missing: send the ETag of GET /api/v1/limits.")
    if given not in ("*", found.version):
        raise Problem(412, "changed", ask.text("limits.meanwhile"))
    arguments: dict[str, int | str] = {"connector": body.connector}
    if body.limit_w is not None:
        arguments["limit_w"] = body.limit_w
        if body.until is not None:
            arguments["until"] = body.until.isoformat(timespec="minutes")
    if body.while_charging != "refuse":
        arguments["running"] = 1
    if body.while_charging == "spare":
        arguments["spare"] = 1
    result = await set_limit(ask, arguments)
    if not result.ok:
        statuses = {"unknown_connector": 404, "above_limit": 422, "past": 422, "bad_request": 422, "unavailable": 503}
        raise Problem(statuses.get(result.code, 409), result.code, result.text or result.code)
    return await limits(ask)


ROUTES = (
    get(
        "/api/v1/limits", limits, Right.SEE,
        summary="Power limits of the station and its connectors, and which of them holds",
        gives=Limits, tag="power",
    ),
    Route(
        method="PUT", path="/api/v1/limits", handler=put, right=Right.CONFIGURE,
        summary="Set the owner's limit of a connector or of the station; If-Match names the version that was read",
        body=UserLimitBody, gives=Limits, tag="power", statuses=(404, 409, 412, 422, 428, 503), body_bytes=4096,
    ),
)  # fmt: skip
