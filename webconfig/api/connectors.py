"""Connectors over the API: what they are and what they do now."""

from __future__ import annotations

import msgspec

from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.connector_now import ConnectorNow
from webconfig.pages.dashboard import now_of, numbers
from webconfig.routes import get


class Connectors(msgspec.Struct, frozen=True):
    """All connectors by number. `missing`: installed, but the station has not told of them."""

    connectors: tuple[ConnectorNow, ...]
    missing: tuple[int, ...] = ()


class ConnectorLive(msgspec.Struct, frozen=True, kw_only=True):
    """What changes each second. None: not known."""

    number: int
    status: str
    controller_status: str
    is_old: bool
    age_s: float | None
    power_w: float | None
    voltage_v: float | None
    current_a: tuple[float, ...]
    limit_w: float | None
    soc_pct: float | None
    energy_wh: int | None
    elapsed_s: int | None
    remaining_s: int | None


async def connectors(ask: Ask) -> Answer:
    found = {n: now_of(ask, n) for n in numbers(ask)}
    told = tuple(now for now in found.values() if now is not None)
    return Json(Connectors(told, tuple(n for n, now in found.items() if now is None)))


async def connector(ask: Ask) -> Answer:
    return Json(_one(ask))


async def connector_live(ask: Ask) -> Answer:
    now = _one(ask)
    session = now.session
    return Json(
        ConnectorLive(
            number=now.number,
            status=now.status,
            controller_status=now.controller_status,
            is_old=now.is_old,
            age_s=now.age_s,
            power_w=now.power_w,
            voltage_v=now.voltage_v,
            current_a=now.current_a,
            limit_w=now.limit_w,
            soc_pct=now.soc_pct,
            energy_wh=session.energy_wh if session is not None else None,
            elapsed_s=session.elapsed_s if session is not None else None,
            remaining_s=now.remaining_s,
        )
    )


def _one(ask: Ask) -> ConnectorNow:
    number = ask.number("n", 1, 64)
    if number not in numbers(ask):
        raise Problem(404, "not_found", ask.text("connectors.unknown"))
    now = now_of(ask, number)
    if now is None:
        raise Problem(503, "unavailable", ask.text("problem.unavailable", service="station"))
    return now


ROUTES = (
    get("/api/v1/connectors", connectors, Right.SEE, summary="All connectors", gives=Connectors, tag="connectors"),
    get(
        "/api/v1/connectors/{n}", connector, Right.SEE, summary="One connector", gives=ConnectorNow,
        tag="connectors", statuses=(404, 503),
    ),
    get(
        "/api/v1/connectors/{n}/live", connector_live, Right.SEE, summary="Its values of now", gives=ConnectorLive,
        tag="connectors", statuses=(404, 503),
    ),
)  # fmt: skip
