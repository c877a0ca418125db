"""All routes: what is not here is not there."""

from __future__ import annotations

import importlib
import logging

from webconfig.routes import Route

log = logging.getLogger(__name__)

MODULES = (
    "webconfig.live",
    "webconfig.pages.login",
    "webconfig.pages.config",
    "webconfig.pages.config_text",
    "webconfig.pages.config_apply",
    "webconfig.pages.config_copies",
    "webconfig.pages.backup",
    "webconfig.api.config",
    "webconfig.pages.recovery",
    "webconfig.pages.safe_mode",
    "webconfig.pages.dashboard",
    "webconfig.pages.certificates",
    "webconfig.pages.tariffs",
    "webconfig.pages.screen",
    "webconfig.pages.ocpp",
    "webconfig.pages.ocpp_keys",
    "webconfig.pages.ocpp_messages",
    "webconfig.api.ocpp",
    "webconfig.api.screen",
    "webconfig.pages.deeds",
    "webconfig.pages.commands",
    "webconfig.pages.connectors",
    "webconfig.pages.availability",
    "webconfig.pages.dumps",
    "webconfig.pages.test_sessions",
    "webconfig.api.station",
    "webconfig.api.connectors",
    "webconfig.api.commands",
    "webconfig.api.diagnostics",
    "webconfig.api.events",
    "webconfig.pages.network",
    "webconfig.pages.time",
    "webconfig.pages.service",
    "webconfig.pages.diagnostics",
    "webconfig.pages.firmware",
    "webconfig.api.firmware",
    "webconfig.api.machine",
    "webconfig.pages.modules",
    "webconfig.pages.limits",
    "webconfig.pages.meters",
    "webconfig.pages.climate",
    "webconfig.pages.devices",
    "webconfig.api.limits",
    "webconfig.api.cabinet",
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
    "webconfig.pages.session_charts",
    "webconfig.pages.reports",
    "webconfig.api.sessions",
    "webconfig.pages.api_docs",
    "webconfig.api.document",
    "webconfig.pages.incidents",
    "webconfig.api.incidents",
    "webconfig.pages.journal",
    "webconfig.api.archives",
    "webconfig.pages.help",
)
"""Each has its rows in `ROUTES`."""


def all_routes(is_whole: bool = True) -> tuple[Route, ...]:
    """Every row. Raises ValueError for two of one method and path; unless `is_whole`, a module that cannot be used is
    logged and left out, so that the other pages are there."""
    found: dict[tuple[str, str], Route] = {}
    for name in MODULES:
        try:
            rows = importlib.import_module(name).ROUTES
        except Exception:
            if is_whole:
                raise
            log.exception("%s cannot be used; its pages are not there", name)
            continue
        for route in rows:
            key = (route.method, route.path)
            if key in found:
                raise ValueError(f"{route.method} {route.path} is in two tables, the second is {name}")
            found[key] = route
    return tuple(found.values())
