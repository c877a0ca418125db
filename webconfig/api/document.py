"""The description of the API, for programs."""

from __future__ import annotations

from functools import cache
from typing import Any

from chargepoint.rights import Right
from webconfig.answers import Answer, Json
from webconfig.ask import Ask
from webconfig.openapi import document
from webconfig.routes import get


@cache
def description() -> dict[str, Any]:
    """Made at the first request; the same for everybody."""
    from webconfig.table import all_routes

    return document(all_routes())


async def openapi(_ask: Ask) -> Answer:
    return Json(description())


ROUTES = (
    get("/api/v1/openapi.json", openapi, Right.SEE, summary="This description (OpenAPI 3.1)", gives=dict[str, Any],
        tag="api", is_safe_mode=True),
)  # fmt: skip
