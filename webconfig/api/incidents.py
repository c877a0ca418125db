"""Incidents over the API: newest first, by cursor."""

from __future__ import annotations

import msgspec

from chargepoint.messages import Incident
from chargepoint.rights import Right
from webconfig.answers import Answer, Json
from webconfig.ask import Ask
from webconfig.pages.incidents import IncidentsQuery
from webconfig.routes import get


class IncidentList(msgspec.Struct, frozen=True):
    """Newest first. `next_before`: the value of `before` for the next page; null: there is none. `variables` of an
    incident are those of message templates."""

    incidents: tuple[Incident, ...]
    next_before: int | None


async def incidents(ask: Ask) -> Answer:
    found = await ask.call("diag", ask.query(IncidentsQuery).request())
    return Json(IncidentList(found.incidents, found.incidents[-1].id if found.has_more else None))


ROUTES = (
    get("/api/v1/incidents", incidents, Right.SEE, summary="Incidents, open and over", query=IncidentsQuery,
        gives=IncidentList, tag="records", statuses=(502, 503, 504)),
)  # fmt: skip
