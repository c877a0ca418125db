"""What changes on a page: each page names its values (`Route.live`); a browser that looks at it hears the differences.

The values of a page are worked out once for all who look at it in the same language with the same rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chargepoint.messages import LinkStatus, StationState
from chargepoint.rights import Right
from webconfig.answers import Answer, Live, Problem
from webconfig.routes import Route, Values, get

if TYPE_CHECKING:
    from webconfig.ask import Ask

SLOWEST_S = 60.0
MOST_KEPT = 64


class Shared:
    """The newest values of each page that somebody looks at."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, asyncio.Future[Values]]] = {}

    async def values(self, ask: Ask, route: Route, age_s: float) -> Values:
        """The page's values, at most `age_s` old. Raises what the page's function raises."""
        role = ask.visitor.role.value if ask.visitor else ""
        key = (ask.request.query_string, ask.words.language, role)
        now_s = ask.site.now_s()
        kept = self._kept.get(key)
        if kept is None or now_s - kept[0] >= age_s or (kept[1].done() and kept[1].exception() is not None):
            assert route.live is not None
            kept = (now_s, asyncio.ensure_future(route.live(ask)))
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = kept
        return await asyncio.shield(kept[1])


def frame_values(ask: Ask) -> dict[str, str]:
    """What changes in the frame of every page."""
    link = ask.site.state("link", LinkStatus)
    station = ask.site.state("station", StationState)
    words = ask.words
    return {
        "frame.link": words.one_of("lstate_link", link.state.value) if link else "–",
        "frame.station": words.one_of("tstate", station.technical.value) if station else words("frame.no_station"),
    }


async def live(ask: Ask) -> Answer:
    """GET /live?of=PATH&every=SECONDS: the values of that page as they change, as JSON objects."""
    of = ask.query_text("of")
    route, places = ask.site.part(Pages).find(urlsplit(of).path)
    if route is None or route.live is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    if route.right is not None and not ask.may(route.right):
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    try:
        every_s = min(max(float(ask.query_text("every", "0")), route.live_s), SLOWEST_S)
    except ValueError:
        every_s = route.live_s
    ask.request.match_info.update(places)
    return Live(_changes(ask, route, every_s))


async def _changes(ask: Ask, route: Route, every_s: float) -> AsyncIterator[tuple[str, str, str]]:
    shared: Shared = ask.site.part(Shared)
    told: dict[str, str] = {}
    next_s = ask.site.now_s()
    while True:
        values = {**frame_values(ask), **await shared.values(ask, route, every_s * 0.9)}
        fresh = {key: value for key, value in values.items() if told.get(key) != value}
        if fresh:
            told.update(fresh)
            yield "", "values", msgspec.json.encode(fresh).decode()
        now_s = ask.site.now_s()
        next_s = max(next_s + every_s, now_s)
        await asyncio.sleep(next_s - now_s)


class Pages:
    """Finds the route of a page's path."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        from aiohttp.web_urldispatcher import DynamicResource

        self._plain = {route.path: route for route in routes if route.live is not None and "{" not in route.path}
        self._dynamic = [
            (DynamicResource(route.path), route) for route in routes if route.live is not None and "{" in route.path
        ]

    def find(self, path: str) -> tuple[Route | None, dict[str, str]]:
        if path in self._plain:
            return self._plain[path], {}
        for resource, route in self._dynamic:
            places = resource._match(path)
            if places is not None:
                return route, dict(places)
        return None, {}


ROUTES = (get("/live", live, Right.SEE, is_safe_mode=True),)
