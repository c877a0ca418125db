"""All routes: what is not here is not there."""

from __future__ import annotations

import importlib

from webconfig.routes import Route

MODULES = (
    "webconfig.live",
    "webconfig.pages.login",
    "webconfig.pages.config",
    "webconfig.pages.config_apply",
    "webconfig.pages.recovery",
    "webconfig.pages.safe_mode",
    "webconfig.pages.dashboard",
    "webconfig.pages.ocpp",
    "webconfig.pages.ocpp_keys",
    "webconfig.pages.ocpp_messages",
    "webconfig.pages.deeds",
    "webconfig.pages.commands",
    "webconfig.api.station",
    "webconfig.pages.network",
    "webconfig.pages.time",
    "webconfig.pages.modules",
    "webconfig.pages.wizard",
    "webconfig.pages.oplog",
    "webconfig.pages.security",
    "webconfig.api.oplog",
    "webconfig.pages.access",
    "webconfig.api.access",
    "webconfig.pages.users",
    "webconfig.pages.tokens",
    "webconfig.pages.account",
    "webconfig.api.users",
    "webconfig.pages.sessions",
    "webconfig.pages.session_card",
    "webconfig.pages.reports",
    "webconfig.api.sessions",
)
"""Each has its rows in `ROUTES`."""


def all_routes() -> tuple[Route, ...]:
    """Every row. Raises ValueError for two of one method and path."""
    found: dict[tuple[str, str], Route] = {}
    for name in MODULES:
        for route in importlib.import_module(name).ROUTES:
            key = (route.method, route.path)
            if key in found:
                raise ValueError(f"{route.method} {route.path} is in two tables, the second is {name}")
            found[key] = route
    return tuple(found.values())
