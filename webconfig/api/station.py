"""State of the station over the API; `/health` is its only open route."""

from __future__ import annotations

import msgspec

from chargepoint.messages import StationState
from chargepoint.rights import Right
from chargepoint.version import VERSION
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.routes import OPEN, get


class Health(msgspec.Struct, frozen=True):
    """`ok`: the station serves; `safe_mode`: only the pages that repair it are there."""

    status: str


class Version(msgspec.Struct, frozen=True):
    version: str
    api: str = "v1"


async def health(ask: Ask) -> Answer:
    return Json(Health("safe_mode" if ask.site.is_safe_mode else "ok"))


async def version(_ask: Ask) -> Answer:
    return Json(Version(VERSION))


async def station(ask: Ask) -> Answer:
    state = ask.site.state("station", StationState)
    if state is None:
        raise Problem(503, "unavailable", ask.text("problem.unavailable", service="station"))
    return Json(state)


ROUTES = (
    get(
        "/api/v1/health",
        health,
        OPEN,
        summary="Whether the station serves",
        gives=Health,
        tag="station",
        is_safe_mode=True,
    ),
    get("/api/v1/version", version, Right.SEE, summary="Versions", gives=Version, tag="station", is_safe_mode=True),
    get(
        "/api/v1/station",
        station,
        Right.SEE,
        summary="State of the station",
        gives=StationState,
        tag="station",
        statuses=(503,),
    ),
)
